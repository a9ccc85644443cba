package db

import (
	"context"
	"iter"
	"math/big"
	"net/netip"
	"strings"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// This file counts the addresses of networks and floating ranges. It counts what claims and addresses say and not what the tables of
// free ranges do, which no --as_of shows; a page of claims is counted in two statements.

// Fill is how full something is. Used, Reserved, Released and Free are all of Total, unless more is used than is allowed.
type Fill struct {
	Used     *big.Int // somebody has it
	Reserved *big.Int // nobody is to have it
	Released *big.Int // somebody had it, and it may be had again
	Free     *big.Int // nobody had it since it is there
	Total    *big.Int
}

// newFill is a Fill whose Free follows from the rest.
func newFill(used, reserved, released, total *big.Int) Fill {
	f := Fill{Used: used, Reserved: reserved, Released: released, Free: new(big.Int).Sub(total, used), Total: total}
	f.Free.Sub(f.Free, reserved).Sub(f.Free, released)
	if f.Free.Sign() < 0 {
		f.Free.SetInt64(0)
	}
	return f
}

// taken is what cannot be had.
func (f Fill) taken() *big.Int { return new(big.Int).Add(f.Used, f.Reserved) }

// Percent is how much of it cannot be had, rounded down, so that it is 100 only of what is full; false where nothing is had of
// what nobody may have.
func (f Fill) Percent() (int64, bool) {
	if f.Total.Sign() == 0 && f.taken().Sign() == 0 {
		return 0, false
	}
	p := f.taken()
	p.Mul(p, big.NewInt(100))
	if f.Total.Sign() > 0 { // of a quota of 0 each is 100 percent too much
		p.Quo(p, f.Total)
	}
	if !p.IsInt64() {
		return 1<<63 - 1, true
	}
	return p.Int64(), true
}

// Above tells whether more of it than so many percent cannot be had, which is not rounded.
func (f Fill) Above(percent int64) bool {
	if _, ok := f.Percent(); !ok {
		return false
	}
	p := f.taken()
	return p.Mul(p, big.NewInt(100)).Cmp(new(big.Int).Mul(f.Total, big.NewInt(percent))) > 0
}

// add is both together; the zero Fill is nothing.
func (f Fill) add(g Fill) Fill {
	sum := func(a, b *big.Int) *big.Int {
		if a == nil {
			return b
		}
		return new(big.Int).Add(a, b)
	}
	return Fill{sum(f.Used, g.Used), sum(f.Reserved, g.Reserved), sum(f.Released, g.Released), sum(f.Free, g.Free), sum(f.Total, g.Total)}
}

// sizeOf is how many addresses spans have together.
func sizeOf(spans []netcalc.Span) *big.Int {
	size := new(big.Int)
	for _, s := range spans {
		size.Add(size, s.Size())
	}
	return size
}

// fills counts the addresses of each of some claims, which are not more than a page.
func (t view) fills(ctx context.Context, claims []claimed) ([]Fill, error) {
	if len(claims) == 0 {
		return nil, nil
	}
	usable := make([][]netcalc.Span, len(claims))
	used, reserved, released := bigs(len(claims)), bigs(len(claims)), bigs(len(claims))
	at := make(map[netip.Addr]int, len(claims))
	firsts := make([]any, len(claims))
	for i := range claims {
		var err error
		if usable[i], err = t.usable(ctx, &claims[i]); err != nil {
			return nil, err
		}
		at[claims[i].First], firsts[i] = i, key(claims[i].First)
	}
	where := func() *sqlstore.Where {
		return sqlstore.That("a.claim IN (?"+strings.Repeat(", ?", len(firsts)-1)+")", firsts...)
	}
	held := where().And("a.state = 'held'")
	for c, err := range sqlstore.Rows(ctx, t.ReadTx, scanCount, "a.claim, count(*) FROM addresses a"+held.String()+" GROUP BY a.claim", held.Args()...) {
		if err != nil {
			return nil, err
		}
		used[at[c.claim]].SetInt64(c.n)
	}
	// Of what nobody holds a row may be a whole range, and one that is released may be a gateway's by now.
	rest := where().And("a.state <> 'held'")
	for row, err := range addressTable.Rows(ctx, t.ReadTx, rest.String(), rest.Args()...) {
		if err != nil {
			return nil, err
		}
		i := at[row.claim]
		size := sizeOf(usableIn(usable[i], row.Span))
		if row.state == stateReserved {
			reserved[i].Add(reserved[i], size)
		} else {
			released[i].Add(released[i], size)
		}
	}
	fills := make([]Fill, len(claims))
	for i := range fills {
		fills[i] = newFill(used[i], reserved[i], released[i], sizeOf(usable[i]))
	}
	return fills, nil
}

func bigs(n int) []*big.Int {
	all := make([]*big.Int, n)
	for i := range all {
		all[i] = new(big.Int)
	}
	return all
}

// claimCount is how many rows a claim has.
type claimCount struct {
	claim netip.Addr
	n     int64
}

func scanCount(row sqlstore.Row) (c claimCount, err error) {
	err = row.Scan(keyed.Into(&c.claim), number.Into(&c.n))
	return c, err
}

// filledClaims yields the claims that overlap s and for which want holds, in order, with how full each is.
func (t view) filledClaims(ctx context.Context, s netcalc.Span, want func(*claimed) bool) iter.Seq2[filledClaim, error] {
	return func(yield func(filledClaim, error) bool) {
		claims, err := t.claimedOver(ctx, s)
		for more := err == nil; more && err == nil; {
			var page []claimed
			for len(page) < pageRows {
				var c claimed
				if c, more, err = claims.next(ctx); err != nil || !more {
					break
				}
				if !want(&c) {
					continue
				}
				page = append(page, c)
			}
			for i := range page {
				if err == nil {
					err = t.completeClaim(ctx, &page[i])
				}
			}
			var fills []Fill
			if err == nil {
				fills, err = t.fills(ctx, page)
			}
			for i := range fills {
				if !yield(filledClaim{page[i], fills[i]}, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(filledClaim{}, err)
		}
	}
}

type filledClaim struct {
	claimed
	Fill
}

// FilledNetwork is a network with how full it is: its IPv4 block, or its /64 if it has no IPv4.
type FilledNetwork struct {
	Network
	Fill Fill
}

// FilledNetworks is Networks with how full each is, always in address order; FilledIndexed takes what is wanted.
func (s *Store) FilledNetworks(ctx context.Context, f NetworkFilter) iter.Seq2[FilledNetwork, error] {
	return inView(ctx, s, func(ctx context.Context, t view, emit func(FilledNetwork) error) error {
		if err := (known{project: f.ProjectID, host: f.Host, bridge: f.Bridge}).check(ctx, t); err != nil {
			return err
		}
		keys := netcalc.Span{First: wholeIPv4.First, Last: wholeIPv6.Last}
		size := pageRows
		if f.Wanted.Limit > 0 {
			size = min(size, f.Wanted.Limit) // whoever takes no more has no more counted
		}
		for {
			where := sqlstore.That("first >= ?", key(keys.First)).If("project_id", f.ProjectID).If("host", f.Host).If("bridge", f.Bridge)
			FilledIndexed.and(where.And("first <= ?", key(keys.Last)), f.Wanted)
			page, err := networkTable.All(ctx, t.ReadTx, ordered{where, FilledIndexed.own}.text(size), where.Args()...)
			if err != nil {
				return err
			}
			filled, err := t.filledNetworks(ctx, page)
			if err != nil {
				return err
			}
			for _, n := range filled {
				if err := emit(n); err != nil {
					return err
				}
			}
			if len(page) < size {
				return nil
			}
			keys.First = page[len(page)-1].first().Next()
		}
	})
}

// FindFilledNetworks is FindNetworks with how full each is.
func (s *Store) FindFilledNetworks(ctx context.Context, refs ...string) (found []FilledNetwork, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		networks, err := t.findNetworks(ctx, refs)
		if err != nil {
			return err
		}
		found, err = t.filledNetworks(ctx, networks)
		return err
	})
	return found, err
}

func (t view) filledNetworks(ctx context.Context, networks []Network) ([]FilledNetwork, error) {
	claims := make([]claimed, len(networks))
	for i, n := range networks {
		kind, p := claimNetwork, n.CIDR
		if !p.IsValid() {
			kind, p = claimBridge, n.CIDRv6
		}
		claims[i] = claimed{claim: claim{netcalc.SpanOf(p), p.String(), kind}, bridge: bridge{name: n.Bridge}, owner: n}
	}
	fills, err := t.fills(ctx, claims)
	filled := make([]FilledNetwork, len(fills))
	for i, f := range fills {
		filled[i] = FilledNetwork{networks[i], f}
	}
	return filled, err
}
