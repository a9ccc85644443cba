package db

import (
	"context"
	"net/netip"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// checkPools walks claims, addresses and free addresses together in address order. What is recorded lies in the claim it
// names and overlaps nothing; of a network that was ever taken from, and of a floating range, each address that may be
// handed out is in one row, and free neighbours are joined; a network is full where nothing is left. No row of a
// million stays in memory.
func (c *checker) checkPools(ctx context.Context) error {
	w := poolWalk{checker: c}
	n := int64(0)
	for p, err := range sqlstore.Rows(ctx, c.ReadTx, scanPoolPiece, `c.first, c.last, 0, c.kind, c.first, c.prefix,
				n.manager, n.gateway, n.vpn_clients, n.taken
			FROM claims c LEFT JOIN networks n ON n.first = c.first AND n.cidr = c.prefix
		UNION ALL SELECT first, last, 1, state, claim, address, NULL, NULL, NULL, NULL FROM addresses
		UNION ALL SELECT first, last, 2, 'free', first, '', NULL, NULL, NULL, NULL FROM free_addresses
		ORDER BY 1, 3`) {
		if err != nil {
			return err
		}
		n++
		c.report("checking addresses", n)
		if p.is == pieceClaim {
			w.leave()
			w.enter(p)
		} else {
			w.visit(p)
		}
	}
	w.leave()
	return nil
}

// What a poolPiece is; at one address the claim comes first.
const (
	pieceClaim = iota
	pieceAddress
	pieceFree
)

type poolPiece struct {
	netcalc.Span
	is    int
	what  string // kind of the claim, state of the address
	claim netip.Addr
	name  string  // the claim's prefix, the address as text
	of    Network // of a network's claim, as far as its pool depends on it
	taken int
}

func scanPoolPiece(row sqlstore.Row) (p poolPiece, err error) {
	var manager, gateway string
	err = row.Scan(keyed.Into(&p.First), keyed.Into(&p.Last), &p.is, &p.what, keyed.Into(&p.claim), &p.name,
		optText.Into(&manager), optText.Into(&gateway), optWhole.Into(&p.of.VPNClients), optWhole.Into(&p.taken))
	if p.is == pieceClaim {
		// What cannot be read is not there: checkNetworks and checkSpace say so.
		p.of.Manager = Manager(manager)
		p.of.CIDR, _ = netip.ParsePrefix(p.name)
		p.of.Gateway, _ = netip.ParseAddr(gateway)
	}
	return p, err
}

// poolWalk is where checkPools stands.
type poolWalk struct {
	*checker
	claim  poolPiece
	before poolPiece
	// rest is what may be handed out of the claim from here on; known tells that rows must account for all of it.
	rest  []netcalc.Span
	known bool
	used  bool // something is recorded
	left  bool // something can be handed out
}

func (w *poolWalk) enter(p poolPiece) {
	w.claim, w.before, w.rest, w.known, w.used, w.left = p, poolPiece{}, nil, false, false, false
	switch p.what {
	case claimNetwork:
		if pool, err := p.of.pool(); err == nil && p.taken != takenNone {
			w.rest, w.known = pool.usable, true
		}
	case claimFloating:
		w.rest, w.known = []netcalc.Span{FloatingRange{CIDR: p.of.CIDR}.usable()}, true
	}
}

func (w *poolWalk) visit(p poolPiece) {
	if !w.claim.Covers(p.Span) {
		w.say("addresses", "%s (%s) is in no prefix of the ledger", p.Span, p.what)
		return
	}
	if w.before.Overlaps(p.Span) {
		w.say("addresses", "%s (%s) overlaps %s (%s)", p.Span, p.what, w.before.Span, w.before.what)
		return
	}
	if p.is == pieceAddress {
		if p.claim != w.claim.First {
			w.say("addresses", "%s is in %s, and is recorded in a prefix that begins with %s", p.Span, w.claim.name, p.claim)
		}
		if p.name != storedSpan(p.Span) {
			w.say("addresses", "%s is called %s", p.Span, p.name)
		}
	}
	switch {
	case p.what == stateReleased && w.claim.what == claimNetwork && p.First == w.claim.of.Gateway:
		// It keeps its place in the queue until the gateway moves away.
		w.before, w.used = p, true
		return
	case w.known:
		w.account(p)
	case w.claim.what == claimBridge && p.is == pieceFree:
		w.say("addresses", "%s is recorded as free, and %s is IPv6, whose free addresses are not recorded", p.Span, w.claim.name)
	}
	w.before, w.used = p, true
	w.left = w.left || p.is == pieceFree || p.what == stateReleased
}

// account takes a piece out of what may be handed out.
func (w *poolWalk) account(p poolPiece) {
	if p.is == pieceFree && w.before.is == pieceFree && w.before.Last.Next() == p.First {
		w.say("addresses", "%s and %s are free and not joined", w.before.Span, p.Span)
	}
	w.missing(p.First)
	if len(w.rest) == 0 || !w.rest[0].Covers(p.Span) {
		w.say("addresses", "%s (%s) is not for guests of %s", p.Span, p.what, w.claim.name)
	}
	for len(w.rest) > 0 && !p.Last.Less(w.rest[0].Last) {
		w.rest = w.rest[1:]
	}
	if len(w.rest) > 0 && w.rest[0].Contains(p.Last) {
		w.rest[0].First = p.Last.Next()
	}
}

// missing reports what may be handed out before an address, and nothing accounts for.
func (w *poolWalk) missing(before netip.Addr) {
	for len(w.rest) > 0 && w.rest[0].First.Less(before) {
		gap := w.rest[0]
		if gap.Contains(before) {
			gap.Last, w.rest[0].First = before.Prev(), before
		} else {
			w.rest = w.rest[1:]
		}
		w.say("addresses", "%s of %s is neither free nor in use", gap, w.claim.name)
	}
}

func (w *poolWalk) leave() {
	if !w.claim.First.IsValid() {
		return
	}
	for _, gap := range w.rest {
		w.say("addresses", "%s of %s is neither free nor in use", gap, w.claim.name)
	}
	if w.claim.what != claimNetwork {
		return
	}
	switch {
	case w.claim.taken == takenNone && w.used:
		w.say("addresses", "addresses of %s are recorded, though none was ever taken from it", w.claim.name)
	case w.claim.taken == takenAll && w.left:
		w.say("addresses", "%s counts as full, and has addresses left", w.claim.name)
	case w.claim.taken == takenSome && !w.left:
		w.say("addresses", "%s has no address left, and does not count as full", w.claim.name)
	}
}
