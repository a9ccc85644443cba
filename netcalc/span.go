package netcalc

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
)

// Span is a range of addresses of one family, both ends included, First ≤ Last. The zero Span holds nothing, and neither
// does one whose ends are the wrong way round or of two families: every method takes it for empty.
//
// Both ends are included because the end after the last has no address where a range ends with the address space, as
// 255.255.255.0/24 and ff00::/8 do. An empty Span other than an invalid one there is not.
type Span struct{ First, Last netip.Addr }

// ParseSpan reads one address, FIRST-LAST in either family, or a CIDR in one of ParsePrefix's spellings. A bare address is
// welcome here: addresses are reserved one by one, and a range of them need not be a block. The error is a *ValueError or,
// for a CIDR with host bits, a *HostBitsError.
func ParseSpan(s string) (Span, error) {
	switch {
	// Before the hyphen: what has both is neither, and the error is then about the address that is not one.
	case strings.Contains(s, "/"):
		p, err := ParsePrefix(s)
		if err != nil {
			return Span{}, err
		}
		return SpanOf(p), nil
	case strings.Contains(s, "-"):
		return parseFirstLast(s)
	}
	a, err := ParseAddr(s)
	if err != nil {
		return Span{}, err
	}
	return Span{a, a}, nil
}

// parseFirstLast reads two addresses in full. 10.0.1.10-20, as nmap has it, is refused: 20 could be an octet or a number of
// addresses.
func parseFirstLast(s string) (Span, error) {
	from, to, _ := strings.Cut(s, "-")
	first, err := ParseAddr(from)
	if err != nil {
		return Span{}, notRange(s, err)
	}
	last, err := ParseAddr(to)
	if err != nil {
		return Span{}, notRange(s, err)
	}
	if first.BitLen() != last.BitLen() {
		return Span{}, refuseTyped(s, "mixes IPv4 and IPv6")
	}
	// Not turned round in silence: as often as not one of its ends is a typing error, 10.0.1.100-10.0.1.20 for 200.
	if last.Less(first) {
		return Span{}, refuseTyped(s, "runs backwards: write %s-%s", last, first)
	}
	return Span{first, last}, nil
}

// Ends are the first address and the last one, by which spans are sorted.
func (s Span) Ends() (first, last netip.Addr) { return s.First, s.Last }

// SpanOf returns all addresses of p, from the network's base address to the last, whichever of them hosts may have: the
// broadcast address (RFC 919) and the subnet-router anycast address (RFC 4291 §2.6.1) are among them. Host bits of p do not
// count. An invalid prefix gives the zero Span.
func SpanOf(p netip.Prefix) Span {
	if !p.IsValid() {
		return Span{}
	}
	first := p.Masked().Addr()
	last, _ := number(first).or(lowBits(first.BitLen() - p.Bits())).addr(first.BitLen())
	return Span{first, last}
}

// valid compares widths because Less alone takes every IPv4 address for lower than any IPv6 one: a span from the one to the
// other would seem to run upwards.
func (s Span) valid() bool {
	return s.First.IsValid() && s.First.BitLen() == s.Last.BitLen() && !s.Last.Less(s.First)
}

// Contains says whether a lies in s. An address of the other family never does.
func (s Span) Contains(a netip.Addr) bool {
	// Addr.Compare orders by family first, so two comparisons settle the family as well; by number alone ::a00:1 would
	// lie in 10.0.0.0/8.
	return s.valid() && s.First.Compare(a) <= 0 && a.Compare(s.Last) <= 0
}

// Covers says whether every address of o lies in s. Nothing covers an invalid span, although it holds no address that s
// lacks: who asks is about to act on o.
func (s Span) Covers(o Span) bool {
	return o.valid() && s.Contains(o.First) && s.Contains(o.Last)
}

// Overlaps says whether s and o share an address.
func (s Span) Overlaps(o Span) bool {
	// Two families fail one of the comparisons, since every IPv4 address is below every IPv6 one.
	return s.valid() && o.valid() && s.First.Compare(o.Last) <= 0 && o.First.Compare(s.Last) <= 0
}

// Intersect returns what s and o share; false where that is nothing, as between two families.
func (s Span) Intersect(o Span) (Span, bool) {
	if !s.Overlaps(o) {
		return Span{}, false
	}
	if s.First.Less(o.First) {
		s.First = o.First
	}
	if o.Last.Less(s.Last) {
		s.Last = o.Last
	}
	return s, true
}

// Count returns the number of addresses in s, or math.MaxUint64 where there are more. A /64 has 2^64 of them, 1 more than
// fits: wrapped, the most usual IPv6 network would be empty.
func (s Span) Count() uint64 {
	if !s.valid() {
		return 0
	}
	n := number(s.Last).sub(number(s.First))
	if n.hi != 0 || n.lo == math.MaxUint64 {
		return math.MaxUint64
	}
	return n.lo + 1
}

// Prefix returns the CIDR block that s is. It reports false where s is not exactly one.
func (s Span) Prefix() (netip.Prefix, bool) {
	if !s.valid() {
		return netip.Prefix{}, false
	}
	first := number(s.First)
	differ := first.xor(number(s.Last))
	n := differ.bitLen()
	// The ends of a block differ in all of its host bits, and these are zero in its base address. Without the second half
	// 10.0.0.1-10.0.0.2 would pass, whose ends differ in two bits and which is no block.
	if differ != lowBits(n) || first.and(differ) != (uint128{}) {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(s.First, s.First.BitLen()-n), true
}

// String returns what ParseSpan reads: the address where s is a single one, else FIRST-LAST. It is that also where s is a
// CIDR block: a range of addresses that now and then looks like a network is read as one. IPv6 is in the form of RFC 5952
// §4. What no parser reads is "invalid span".
func (s Span) String() string {
	if !s.valid() {
		return "invalid span"
	}
	if s.First == s.Last {
		return s.First.String()
	}
	return s.First.String() + "-" + s.Last.String()
}

// FirstFit returns the lowest CIDR block of prefix length bits that lies wholly inside s. It reports false where none
// does, or bits is no prefix length of the family. It costs the same for every s: no candidate is tried.
func (s Span) FirstFit(bits int) (netip.Prefix, bool) {
	width := s.First.BitLen()
	if !s.valid() || bits < 0 || bits > width {
		return netip.Prefix{}, false
	}
	// Round s.First up to a multiple of the block's size: add one less than the size, and clear the bits below. In the
	// last block of the address space the sum passes the end, out of the number in IPv6 and into bit 32 in IPv4, which
	// addr finds; wrapped to 0 the block would be the lowest one of all and outside s.
	host := lowBits(width - bits)
	base, over := number(s.First).add(host)
	if over {
		return netip.Prefix{}, false
	}
	base = base.andNot(host)
	first, ok := base.addr(width)
	if !ok {
		return netip.Prefix{}, false
	}
	// The first block that begins inside s is the only one to look at: the next ones end later still.
	last, _ := base.or(host).addr(width)
	if s.Last.Less(last) {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(first, bits), true
}

// LargestBlock returns the prefix length of the largest CIDR block inside s, which is the smallest number FirstFit finds
// a block for: at most 32 in IPv4 and 128 in IPv6, since a single address always fits. An invalid span gives -1, which
// FirstFit takes for no length. An index of free ranges by this number finds one that has room for a network without
// looking at those that are long enough and lie askew.
func (s Span) LargestBlock() int {
	if !s.valid() {
		return -1
	}
	width := s.First.BitLen()
	count, over := number(s.Last).sub(number(s.First)).add(uint128{lo: 1})
	if over {
		return 0 // 2^128 addresses: all of IPv6
	}
	// An aligned block of 2^(k-1) begins among the first 2^(k-1) of any 2^k addresses in a row, and so ends within them:
	// this takes two steps at most. The longest that could fit is the one of the count's highest bit.
	length := width - count.bitLen() + 1
	for {
		if _, ok := s.FirstFit(length); ok {
			return length
		}
		length++
	}
}

// Minus returns what is left of s without o: no span, one or two, in order. An o that shares nothing with s leaves all of
// it, whatever is wrong with o.
func (s Span) Minus(o Span) []Span {
	if !s.valid() {
		return nil
	}
	if !s.Overlaps(o) {
		return []Span{s}
	}
	// Prev and Next stay in the address space: something of s lies on that side of o, and of o's family, since they overlap.
	var left []Span
	if s.First.Less(o.First) {
		left = append(left, Span{s.First, o.First.Prev()})
	}
	if o.Last.Less(s.Last) {
		left = append(left, Span{o.Last.Next(), s.Last})
	}
	return left
}

// RelativeSpan is a range inside any network: offsets from its base address, both ends included. 64 bits are enough for
// every offset in a /64.
type RelativeSpan struct{ First, Last uint64 }

// ParseRelativeSpan reads "+10-+20", or "+10" for a single address. The sign tells it from an address where a flag takes
// either, and both ends have it: in "+10-20" the second could be meant as a number of addresses. The error is a *ValueError.
func ParseRelativeSpan(s string) (RelativeSpan, error) {
	from, to, found := strings.Cut(s, "-")
	if !found {
		to = from
	}
	first, err := parseOffset(from)
	if err != nil {
		return RelativeSpan{}, notRelative(s, err)
	}
	last, err := parseOffset(to)
	if err != nil {
		return RelativeSpan{}, notRelative(s, err)
	}
	if last < first { // as in parseFirstLast
		return RelativeSpan{}, refuseTyped(s, "runs backwards: write +%d-+%d", last, first)
	}
	return RelativeSpan{first, last}, nil
}

// parseOffset reads one end. Like the parsers in parse.go it returns a reason only.
func parseOffset(s string) (uint64, error) {
	digits, found := strings.CutPrefix(s, "+")
	if !found {
		return 0, fmt.Errorf("offset %s does not begin with +", quote(s))
	}
	return parseNumber("offset", digits, math.MaxUint64)
}

func notRelative(s string, reason error) error {
	return refuseTyped(s, "is not a relative range like +10-+20: %v", reason)
}

// String returns what ParseRelativeSpan reads.
func (r RelativeSpan) String() string {
	if r.First == r.Last {
		return fmt.Sprintf("+%d", r.First)
	}
	return fmt.Sprintf("+%d-+%d", r.First, r.Last)
}

// In returns the addresses of r in the network p. A range that leaves p is a *ValueError: the same offset is one of a
// guest in a /24 and of the next network in a /27.
func (r RelativeSpan) In(p netip.Prefix) (Span, error) {
	network := SpanOf(p)
	// Past the end of the address space Add gives the zero Addr, and nothing covers a span with one.
	first, _ := Add(network.First, r.First)
	last, _ := Add(network.First, r.Last)
	span := Span{first, last}
	if !network.Covers(span) {
		return Span{}, refuse(r, "is not inside %s", p)
	}
	return span, nil
}
