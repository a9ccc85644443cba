package netcalc

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// SpansBeginning returns the spans, in order, that hold every address whose text begins with prefix, as netip writes it: 10.0.1
// is the beginning of 10.0.1.0 to 10.0.1.255, of 10.0.10.0 to 10.0.19.255 and of 10.0.100.0 to 10.0.199.255. A span of IPv6 may
// hold addresses whose text begins otherwise. What begins no address has no span; an address or a CIDR in full has one.
func SpansBeginning(prefix string) []Span {
	address, _, full := strings.Cut(prefix, "/")
	if full {
		a, err := netip.ParseAddr(address)
		if err != nil || a.String() != address {
			return nil
		}
		return []Span{{a, a}}
	}
	return slices.Concat(spans4Beginning(prefix), spans6Beginning(prefix))
}

func spans4Beginning(prefix string) (spans []Span) {
	parts := strings.Split(prefix, ".")
	if len(parts) > 4 {
		return nil
	}
	var first [4]byte
	at := len(parts) - 1
	for i, p := range parts[:at] {
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil || strconv.FormatUint(n, 10) != p {
			return nil
		}
		first[i] = byte(n)
	}
	for _, r := range numbersBeginning(parts[at], 10, 255) {
		low, high := first, first
		low[at], high[at] = byte(r[0]), byte(r[1])
		for i := at + 1; i < len(high); i++ {
			high[i] = 255
		}
		spans = append(spans, Span{netip.AddrFrom4(low), netip.AddrFrom4(high)})
	}
	return spans
}

// spans6Beginning goes by RFC 5952, which is how netip writes: `::` stands for two groups of zeros at least.
func spans6Beginning(prefix string) (spans []Span) {
	if prefix == ":" {
		prefix = "::"
	}
	text, _, compressed := strings.Cut(prefix, "::")
	parts := strings.Split(text, ":")
	if text == "" && compressed {
		parts = nil
	}
	var first [16]byte
	if compressed {
		parts = append(parts, "0", "0", "") // what comes after them is anything
		parts = parts[:min(len(parts), 8)]
	}
	if len(parts) > 8 {
		return nil
	}
	at := len(parts) - 1
	for i, p := range parts[:at] {
		n, err := strconv.ParseUint(p, 16, 16)
		if err != nil || strconv.FormatUint(n, 16) != p {
			return nil
		}
		first[2*i], first[2*i+1] = byte(n>>8), byte(n)
	}
	for _, r := range numbersBeginning(parts[at], 16, 0xffff) {
		low, high := first, first
		low[2*at], low[2*at+1] = byte(r[0]>>8), byte(r[0])
		high[2*at], high[2*at+1] = byte(r[1]>>8), byte(r[1])
		for i := 2 * (at + 1); i < len(high); i++ {
			high[i] = 255
		}
		spans = append(spans, Span{netip.AddrFrom16(low), netip.AddrFrom16(high)})
	}
	return spans
}

// numbersBeginning are the ranges of numbers up to most, in order, that begin with some digits when they are written in a base.
func numbersBeginning(digits string, base, most uint64) (ranges [][2]uint64) {
	if digits == "" {
		return [][2]uint64{{0, most}}
	}
	n, err := strconv.ParseUint(digits, int(base), 64)
	if err != nil || strconv.FormatUint(n, int(base)) != digits {
		return nil
	}
	for low, high := n, n; low <= most; low, high = low*base, high*base+base-1 {
		ranges = append(ranges, [2]uint64{low, min(high, most)})
		if n == 0 || low > most/base {
			break
		}
	}
	return ranges
}

// NumbersBeginning are the ranges of positive numbers, in order, whose decimal text begins with some digits; all of them
// where there is no digit.
func NumbersBeginning(digits string) [][2]int64 {
	if digits == "" {
		return [][2]int64{{1, 1<<63 - 1}}
	}
	var ranges [][2]int64
	for _, r := range numbersBeginning(digits, 10, 1<<63-1) {
		if r[1] > 0 {
			ranges = append(ranges, [2]int64{int64(r[0]), int64(r[1])})
		}
	}
	return ranges
}
