package db

import (
	"context"
	"math/big"
	"net/netip"

	"nova-manage/netcalc"
)

// This file tells how full ranges are that networks are carved from. A ledger does not say which these are.

// carved tells of the ranges asked for or, where there are none, of those that hold a network.
func (u usageLister) carved(ctx context.Context) error {
	if len(u.ranges) > 0 {
		for _, r := range u.ranges {
			if err := u.carvedRange(ctx, r); err != nil {
				return err
			}
		}
		return nil
	}
	for _, space := range wholeSpace {
		for next := space.First; space.Contains(next); {
			c, ok, err := claimTable.One(ctx, u.ReadTx, " WHERE first >= $1 AND first <= $2 AND kind <> 'floating' ORDER BY first LIMIT 1",
				key(next), key(space.Last))
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			block := netcalc.SpanOf(blockAround(c.Span))
			if err := u.carvedRange(ctx, block); err != nil {
				return err
			}
			next = block.Last.Next()
		}
	}
	return nil
}

// blockAround is the range that a network is taken to be carved from: the whole of a block for private use, else the /16 or, of
// IPv6, the /48, which is what a site has (RFC 6177 §2).
func blockAround(s netcalc.Span) netip.Prefix {
	p, _ := s.Prefix() // a claim is one
	if k, _ := netcalc.KindOf(p); p.Addr().Is4() && k.Private() {
		return k.Block
	}
	length := 16
	if p.Addr().Is6() {
		length = 48
	}
	around, _ := p.Addr().Prefix(min(length, p.Bits()))
	return around
}

// carvedRange tells how much of a range is claimed. What no network can be in is reserved.
func (u usageLister) carvedRange(ctx context.Context, r netcalc.Span) error {
	usage := Usage{Name: storedSpan(r), Family: familyOf(r.First)}
	var free freeBlocks
	used, servable := new(big.Int), new(big.Int)
	for _, part := range netcalc.Servable(r) {
		servable.Add(servable, part.Size())
		rest := part
		claims, err := u.claimsIn(ctx, part)
		if err != nil {
			return err
		}
		for c, err := range claims.all(ctx) {
			if err != nil {
				return err
			}
			s, ok := c.Span.Intersect(rest)
			if !ok {
				continue
			}
			used.Add(used, s.Size())
			if rest.First.Less(s.First) {
				free.add(netcalc.Span{First: rest.First, Last: s.First.Prev()})
			}
			if s.Last == rest.Last {
				rest = netcalc.Span{}
				break
			}
			rest.First = s.Last.Next()
		}
		free.add(rest)
	}
	total := r.Size()
	usage.Fill = newFill(used, new(big.Int).Sub(total, servable), new(big.Int), total)
	usage.Largest, usage.Fits = free.largest, free.fits(r.First)
	return u.emit(usage)
}

// claimsIn are the claims that overlap s, in order, a page in memory at a time.
func (t view) claimsIn(ctx context.Context, s netcalc.Span) (*pager[claim], error) {
	around, ok, err := t.claimAround(ctx, s.First)
	if ok && err == nil {
		s.First = around.First
	}
	return &pager[claim]{view: t, page: claimTable.All, keys: s, after: func(c claim) netip.Addr { return c.Last.Next() },
		rest: " WHERE first >= $1 AND first <= $2 ORDER BY first LIMIT $3"}, err
}

// freeBlocks is what is free as the fewest blocks that there can be, by length: an aligned block that is free lies in one of these.
type freeBlocks struct {
	largest netip.Prefix
	count   [129]int64
}

func (f *freeBlocks) add(s netcalc.Span) {
	for p := range s.Prefixes() {
		f.count[p.Bits()]++
		if !f.largest.IsValid() || p.Bits() < f.largest.Bits() {
			f.largest = p
		}
	}
}

// fits is how many networks of each size find room, from the largest to the smallest that there can be: a manager needs a /30 at
// least, and an IPv6 network is a /64.
func (f *freeBlocks) fits(a netip.Addr) (fits []Fit) {
	smallest := 30
	if a.Is6() {
		smallest = 64
	}
	if !f.largest.IsValid() {
		return nil
	}
	n := new(big.Int)
	for bits := f.largest.Bits(); bits <= smallest; bits++ {
		n = new(big.Int).Lsh(n, 1)
		n.Add(n, big.NewInt(f.count[bits]))
		fits = append(fits, Fit{bits, n})
	}
	return fits
}
