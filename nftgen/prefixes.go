package nftgen

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"nova-manage/netcalc"
)

// prefixSets is prefixes of one family in a set for each length: a packet's address is looked up with the rest masked off,
// as often as there are lengths, however many prefixes there are. A set with intervals would need one lookup and must not
// be: see the head of chains.go.
type prefixSets struct {
	name     string
	kind     string           // of an element
	elements map[int][]string // by length
}

func newPrefixSets(name string, v6 bool) *prefixSets {
	kind := "ipv4_addr"
	if v6 {
		kind = "ipv6_addr"
	}
	return &prefixSets{name: name, kind: kind, elements: map[int][]string{}}
}

func prefixSetsOf(name string, v6 bool, prefixes []netip.Prefix) *prefixSets {
	s := newPrefixSets(name, v6)
	for _, p := range prefixes {
		s.elements[p.Bits()] = append(s.elements[p.Bits()], p.Masked().Addr().String())
	}
	return s
}

func (s *prefixSets) setName(length int) string { return s.name + "_" + strconv.Itoa(length) }

func (s *prefixSets) write(w *writer) {
	for _, length := range slices.Sorted(maps.Keys(s.elements)) {
		w.set("set", s.setName(length), typed(s.kind), s.elements[length])
	}
}

// rules is a rule for each length, where rule names the sets as if they were one: "ip saddr @fixed4 counter drop".
func (s *prefixSets) rules(rule string) []string {
	before, after, _ := strings.Cut(rule, "@"+s.name)
	var all []string
	for _, length := range slices.Sorted(maps.Keys(s.elements)) {
		all = append(all, fmt.Sprintf("%s& %s @%s%s", before, mask(length, strings.HasSuffix(s.kind, "ipv6_addr")), s.setName(length), after))
	}
	return all
}

func mask(length int, v6 bool) netip.Addr {
	ones := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	if v6 {
		ones = netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
	}
	return netip.PrefixFrom(ones, length).Masked().Addr()
}

// blocks is a span as prefixes, as few as there can be.
func blocks(s netcalc.Span) []netip.Prefix {
	var all []netip.Prefix
	for first := s.First; ; {
		block := netip.PrefixFrom(first, first.BitLen())
		for block.Bits() > 0 {
			wider := netip.PrefixFrom(first, block.Bits()-1)
			if wider.Masked() != wider || !s.Covers(netcalc.SpanOf(wider)) {
				break
			}
			block = wider
		}
		all = append(all, block)
		last := netcalc.SpanOf(block).Last
		if last == s.Last {
			return all
		}
		first = last.Next()
	}
}
