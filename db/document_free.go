package db

import (
	"context"
	"net/netip"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// deriveFree records what is free, of the whole space and of what guests take addresses from. Both follow from claims and
// addresses, which are walked together in address order, a page at a time: PostgreSQL's driver has one statement open.
func (t *tx) deriveFree(ctx context.Context) error {
	w := &freeWalk{next: wholeIPv4.First, whole: wholeIPv4}
	for after := (&poolPiece{is: pieceAddress}); ; {
		page, err := t.freePage(ctx, after)
		if err != nil {
			return err
		}
		for _, p := range page {
			if p.is == pieceClaim {
				w.leave()
				w.enter(p)
			} else {
				w.take(p.Span)
			}
		}
		if len(page) < freePageRows {
			w.leave()
			w.cover(netcalc.Span{}) // of the rest of the space
		} else {
			after = &page[len(page)-1]
		}
		if err := t.insertFree(ctx, unclaimed, w.unclaimed...); err != nil {
			return err
		}
		if err := t.insertFree(ctx, unused, w.unused...); err != nil {
			return err
		}
		if w.unclaimed, w.unused = w.unclaimed[:0], w.unused[:0]; len(page) < freePageRows {
			return nil
		}
	}
}

// freePageRows is how many rows deriveFree holds in memory.
const freePageRows = 1000

// freePage returns the next claims and addresses, after one of them or, where that is none yet, from the first on.
func (t *tx) freePage(ctx context.Context, after *poolPiece) ([]poolPiece, error) {
	from := key(netip.IPv6Unspecified())
	if after.First.IsValid() {
		from = key(after.First)
	}
	addresses := ">="
	if after.is == pieceAddress {
		addresses = ">"
	}
	return sqlstore.Collect(ctx, t.ReadTx, scanPoolPiece, `c.first, c.last, 0, c.kind, c.first, c.prefix, n.manager, n.gateway, n.vpn_clients, n.taken
			FROM claims c LEFT JOIN networks n ON n.first = c.first AND n.cidr = c.prefix WHERE c.first > $1
		UNION ALL SELECT first, last, 1, state, claim, address, NULL, NULL, NULL, NULL FROM addresses WHERE first `+addresses+` $1
		ORDER BY 1, 3 LIMIT $2`, from, freePageRows)
}

// freeWalk is where deriveFree stands.
type freeWalk struct {
	whole netcalc.Span // of the family
	next  netip.Addr   // the first address of it that no claim has covered; not valid at its end
	rest  []netcalc.Span

	unclaimed, unused []netcalc.Span
}

// cover has the whole space covered up to the end of a claim, or to its own end if there is none.
func (w *freeWalk) cover(s netcalc.Span) {
	if w.whole == wholeIPv4 && !s.First.Is4() {
		w.gap(w.whole.Last)
		w.whole, w.next = wholeIPv6, wholeIPv6.First
	}
	if !s.First.IsValid() {
		w.gap(w.whole.Last)
		return
	}
	if w.next.Less(s.First) {
		w.gap(s.First.Prev())
	}
	w.next = s.Last.Next()
}

// gap records what is left up to an address as free.
func (w *freeWalk) gap(last netip.Addr) {
	if w.next.IsValid() && w.next.Compare(last) <= 0 {
		w.unclaimed = append(w.unclaimed, netcalc.Span{First: w.next, Last: last})
	}
}

// enter goes on to a claim.
func (w *freeWalk) enter(p poolPiece) {
	w.cover(p.Span)
	switch {
	case p.what == claimFloating:
		w.rest = FloatingRange{CIDR: p.of.CIDR}.addressPool().usable
	case p.what == claimNetwork && p.taken != takenNone:
		if pool, err := p.of.pool(); err == nil {
			w.rest = pool.usable
		}
	}
}

// take takes an address that has a row out of what is free in the claim.
func (w *freeWalk) take(s netcalc.Span) {
	for len(w.rest) > 0 && w.rest[0].Last.Less(s.First) {
		w.unused, w.rest = append(w.unused, w.rest[0]), w.rest[1:]
	}
	var rest []netcalc.Span
	for _, r := range w.rest {
		rest = append(rest, r.Minus(s)...)
	}
	w.rest = rest
}

// leave records what is left of the claim.
func (w *freeWalk) leave() {
	w.unused, w.rest = append(w.unused, w.rest...), nil
}
