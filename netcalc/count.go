package netcalc

import (
	"iter"
	"math/big"
	"net/netip"
	"slices"
)

// This file counts in full, where Count stops at 64 bits: all of IPv6 are 2^128 addresses, which not even 128 bits hold. A
// big.Int is made for each answer, and so it is for answers and not for what is done by the million.

// Size is the number of addresses in s.
func (s Span) Size() *big.Int {
	if !s.valid() {
		return new(big.Int)
	}
	n := number(s.Last).sub(number(s.First)).big()
	return n.Add(n, big.NewInt(1))
}

// Prefixes yields the fewest CIDR blocks that s consists of, in order: at most 2 for each prefix length of the family.
func (s Span) Prefixes() iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for rest := s; rest.valid(); {
			// The largest block that begins where rest does: as long as its base is aligned to it, and no longer than rest.
			length := max(rest.First.BitLen()-number(rest.First).trailingZeros(rest.First.BitLen()), rest.LargestBlock())
			p := netip.PrefixFrom(rest.First, length)
			for !rest.Covers(SpanOf(p)) {
				length++
				p = netip.PrefixFrom(rest.First, length)
			}
			// The end is told by equality: after the last address of the space comes none.
			last := SpanOf(p).Last
			if !yield(p) || last == rest.Last {
				return
			}
			rest.First = last.Next()
		}
	}
}

// Subtract returns what is left of s without others, in order and as few spans as possible. Others may overlap each other, reach
// out of s, and come in any order; those of the other family take nothing away.
func (s Span) Subtract(others []Span) []Span {
	if !s.valid() {
		return nil
	}
	sorted := slices.DeleteFunc(slices.Clone(others), func(o Span) bool { return !s.Overlaps(o) })
	slices.SortFunc(sorted, func(a, b Span) int { return a.First.Compare(b.First) })
	var left []Span
	rest := s
	for _, o := range sorted {
		if !rest.Overlaps(o) {
			continue // it lies in one before it
		}
		if rest.First.Less(o.First) {
			left = append(left, Span{rest.First, o.First.Prev()})
		}
		if rest.Last.Compare(o.Last) <= 0 {
			return left
		}
		rest.First = o.Last.Next()
	}
	return append(left, rest)
}

// Mask is the prefix length of p as an address whose bits are set where the network's are; Wildcard has the others set, as access
// lists of routers are written. IPv6 is written by lengths alone (RFC 4291 §2.3), and some programs show its mask all the same.
func Mask(p netip.Prefix) netip.Addr {
	width := p.Addr().BitLen()
	a, _ := lowBits(width).andNot(lowBits(width - p.Bits())).addr(width)
	return a
}

// Wildcard is the complement of Mask.
func Wildcard(p netip.Prefix) netip.Addr {
	width := p.Addr().BitLen()
	a, _ := lowBits(width - p.Bits()).addr(width)
	return a
}

func (u uint128) big() *big.Int {
	n := new(big.Int).SetUint64(u.hi)
	return n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(u.lo))
}

// trailingZeros is at most width, which is that of 0.
func (u uint128) trailingZeros(width int) int {
	for n := range width {
		if u.and(uint128{lo: 1}.shl(n)) != (uint128{}) {
			return n
		}
	}
	return width
}
