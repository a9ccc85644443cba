package netcalc

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
)

// Span is a range of addresses of one family, both ends included, First ≤ Last. The zero Span holds nothing.
type Span struct{ First, Last netip.Addr }

// ParseSpan reads one address, FIRST-LAST in either family, or a CIDR in one of ParsePrefix's spellings.
func ParseSpan(s string) (Span, error) {
	switch {
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
		return Span{}, fmt.Errorf("%s mixes IPv4 and IPv6", quote(s))
	}
	if last.Less(first) {
		return Span{}, fmt.Errorf("%s runs backwards: write %s-%s", quote(s), last, first)
	}
	return Span{first, last}, nil
}

// SpanOf returns all addresses of p, from the network's base address to the last.
func SpanOf(p netip.Prefix) Span {
	if !p.IsValid() {
		return Span{}
	}
	first := p.Masked().Addr()
	last, _ := number(first).or(lowBits(first.BitLen() - p.Bits())).addr(first.BitLen())
	return Span{first, last}
}

func (s Span) valid() bool {
	return s.First.IsValid() && s.First.BitLen() == s.Last.BitLen() && !s.Last.Less(s.First)
}

// Contains says whether a lies in s. An address of the other family never does.
func (s Span) Contains(a netip.Addr) bool {
	// Addr.Compare orders by family first, so two comparisons settle the family as well.
	return s.valid() && s.First.Compare(a) <= 0 && a.Compare(s.Last) <= 0
}

// Covers says whether every address of o lies in s.
func (s Span) Covers(o Span) bool {
	return o.valid() && s.Contains(o.First) && s.Contains(o.Last)
}

// Overlaps says whether s and o share an address.
func (s Span) Overlaps(o Span) bool {
	return s.valid() && o.valid() && s.First.Compare(o.Last) <= 0 && o.First.Compare(s.Last) <= 0
}

// Count returns the number of addresses in s, or math.MaxUint64 where there are more.
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
	// The ends of a block differ in all of its host bits, and these are zero in its base address.
	if differ != lowBits(n) || first.and(differ) != (uint128{}) {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(s.First, s.First.BitLen()-n), true
}

// String returns what ParseSpan reads: the address where s is a single one, the CIDR where it is one, else FIRST-LAST.
func (s Span) String() string {
	if !s.valid() {
		return "invalid span"
	}
	if s.First == s.Last {
		return s.First.String()
	}
	if p, ok := s.Prefix(); ok {
		return p.String()
	}
	return s.First.String() + "-" + s.Last.String()
}

// FirstFit returns the lowest CIDR block of prefix length bits that lies wholly inside s. It reports false where none
// does, or bits is no prefix length of the family.
func (s Span) FirstFit(bits int) (netip.Prefix, bool) {
	width := s.First.BitLen()
	if !s.valid() || bits < 0 || bits > width {
		return netip.Prefix{}, false
	}
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
	last, _ := base.or(host).addr(width)
	if s.Last.Less(last) {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(first, bits), true
}

// LargestBlock returns the prefix length of the largest CIDR block inside s, which is the smallest number FirstFit finds
// a block for: at most 32 in IPv4 and 128 in IPv6, since a single address always fits. An invalid span gives -1.
func (s Span) LargestBlock() int {
	if !s.valid() {
		return -1
	}
	width := s.First.BitLen()
	count, over := number(s.Last).sub(number(s.First)).add(uint128{lo: 1})
	if over {
		return 0 // 2^128 addresses: all of IPv6
	}
	// 2^k addresses in a row always hold an aligned block of 2^(k-1), so this takes two steps at most.
	length := width - count.bitLen() + 1
	for {
		if _, ok := s.FirstFit(length); ok {
			return length
		}
		length++
	}
}

// Minus returns what is left of s without o: no span, one or two, in order.
func (s Span) Minus(o Span) []Span {
	if !s.valid() {
		return nil
	}
	if !s.Overlaps(o) {
		return []Span{s}
	}
	var left []Span
	if s.First.Less(o.First) {
		left = append(left, Span{s.First, o.First.Prev()})
	}
	if o.Last.Less(s.Last) {
		left = append(left, Span{o.Last.Next(), s.Last})
	}
	return left
}

// RelativeSpan is a range inside any network: offsets from its base address, both ends included.
type RelativeSpan struct{ First, Last uint64 }

// ParseRelativeSpan reads "+10-+20", or "+10" for a single address.
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
	if last < first {
		return RelativeSpan{}, fmt.Errorf("%s runs backwards: write +%d-+%d", quote(s), last, first)
	}
	return RelativeSpan{first, last}, nil
}

func parseOffset(s string) (uint64, error) {
	digits, found := strings.CutPrefix(s, "+")
	if !found {
		return 0, fmt.Errorf("offset %s does not begin with +", quote(s))
	}
	return parseNumber("offset", digits, math.MaxUint64)
}

func notRelative(s string, reason error) error {
	return fmt.Errorf("%s is not a relative range like +10-+20: %w", quote(s), reason)
}

// String returns what ParseRelativeSpan reads.
func (r RelativeSpan) String() string {
	if r.First == r.Last {
		return fmt.Sprintf("+%d", r.First)
	}
	return fmt.Sprintf("+%d-+%d", r.First, r.Last)
}

// In returns the addresses of r in the network p. A range that leaves p is an error.
func (r RelativeSpan) In(p netip.Prefix) (Span, error) {
	network := SpanOf(p)
	first, ok1 := Add(network.First, r.First)
	last, ok2 := Add(network.First, r.Last)
	span := Span{first, last}
	if !ok1 || !ok2 || !network.Covers(span) {
		return Span{}, fmt.Errorf("%s is not inside %s", r, p)
	}
	return span, nil
}
