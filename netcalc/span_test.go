package netcalc

import (
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// universes are the first addresses of 64 in a row: at both ends of each family's space, in its middle, across the carry
// between the halves of an IPv6 address, and where no block of 64 is aligned.
var universes = []string{
	"0.0.0.0", "10.0.1.0", "10.0.0.233", "255.255.255.192",
	"::", "fd00::", "2001:db8::ffff:ffff:ffff:ffe0", "fd00::13", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffc0",
}

// row returns n addresses from first on.
func row(first string, n int) []netip.Addr {
	all := []netip.Addr{addr(first)}
	for len(all) < n {
		all = append(all, all[len(all)-1].Next())
	}
	return all
}

// set is the model of a span: bit i stands for the i-th address of a universe.
func set(i, j int) uint64 { return (1<<(j-i+1) - 1) << i }

func TestSpan_model(t *testing.T) {
	for _, first := range universes {
		t.Run(first, func(t *testing.T) {
			all := row(first, 64)
			width := all[0].BitLen()
			for i := range all {
				for j := i; j < len(all); j++ {
					s := Span{all[i], all[j]}
					want(t, fmt.Sprintf("Count of %s", s), s.Count(), uint64(bits.OnesCount64(set(i, j))))
					largest := 0
					for length := width; length >= width-7; length-- {
						block, ok := naiveFirstFit(all, i, j, length)
						got, gotOK := s.FirstFit(length)
						if got != block || gotOK != ok {
							t.Fatalf("FirstFit(%d) of %s = %s, %t, want %s, %t", length, s, got, gotOK, block, ok)
						}
						if ok {
							largest = length
						}
					}
					want(t, fmt.Sprintf("LargestBlock of %s", s), s.LargestBlock(), largest)
					checkSpanText(t, s, all, i, j)
				}
			}
		})
	}
}

// naiveFirstFit tries every address of all[i..j] as the base of a block.
func naiveFirstFit(all []netip.Addr, i, j, length int) (netip.Prefix, bool) {
	size := 1 << (all[0].BitLen() - length)
	for at := i; at+size-1 <= j; at++ {
		if p := netip.PrefixFrom(all[at], length); p.Masked() == p {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

func checkSpanText(t *testing.T, s Span, all []netip.Addr, i, j int) {
	t.Helper()
	text := fmt.Sprintf("%s-%s", s.First, s.Last)
	n := j - i + 1
	block, isBlock := naiveFirstFit(all, i, j, s.First.BitLen()-bits.Len(uint(n))+1)
	isBlock = isBlock && n&(n-1) == 0
	if p, ok := s.Prefix(); ok != isBlock || ok && p != block {
		t.Errorf("Prefix of %s-%s = %s, %t", s.First, s.Last, p, ok)
	}
	if i == j {
		text = s.First.String()
	}
	want(t, "String", s.String(), text)
	back, err := ParseSpan(text)
	// ::ffff:0:0/96 is outside these universes, so every span can be typed.
	if err != nil || back != s {
		t.Errorf("ParseSpan(%s) = %s, %v", text, back, err)
	}
}

func TestSpan_pairsModel(t *testing.T) {
	const n = 12
	for _, first := range universes {
		t.Run(first, func(t *testing.T) {
			all := row(first, 64)[64-n:]
			for pair := range pairs(n) {
				a, b := Span{all[pair[0]], all[pair[1]]}, Span{all[pair[2]], all[pair[3]]}
				x, y := set(pair[0], pair[1]), set(pair[2], pair[3])
				if got := a.Overlaps(b); got != (x&y != 0) {
					t.Fatalf("%s overlaps %s: %t", a, b, got)
				}
				if got := a.Covers(b); got != (y&^x == 0) {
					t.Fatalf("%s covers %s: %t", a, b, got)
				}
				if got := a.Contains(b.First); got != (x>>pair[2]&1 == 1) {
					t.Fatalf("%s contains %s: %t", a, b.First, got)
				}
				shared, some := a.Intersect(b)
				if model := runs(all, x&y); some != (len(model) == 1) || some && shared != model[0] || !some && shared != (Span{}) {
					t.Fatalf("%s and %s share %v, want %v", a, b, shared, model)
				}
				if got, model := a.Minus(b), runs(all, x&^y); !slices.Equal(got, model) {
					t.Fatalf("%s minus %s = %v, want %v", a, b, got, model)
				}
			}
		})
	}
}

// pairs yields the ends of every two spans in a universe of n.
func pairs(n int) func(func([4]int) bool) {
	return func(yield func([4]int) bool) {
		for i := range n * n * n * n {
			p := [4]int{i % n, i / n % n, i / n / n % n, i / n / n / n}
			if p[0] <= p[1] && p[2] <= p[3] && !yield(p) {
				return
			}
		}
	}
}

// runs returns the spans of neighbouring addresses in the set x.
func runs(all []netip.Addr, x uint64) []Span {
	var spans []Span
	for i := range all {
		switch {
		case x>>i&1 == 0:
		case i > 0 && x>>(i-1)&1 == 1:
			spans[len(spans)-1].Last = all[i]
		default:
			spans = append(spans, Span{all[i], all[i]})
		}
	}
	return spans
}

func TestSpan_large(t *testing.T) {
	for text, c := range map[string]struct {
		count   uint64
		largest int
	}{
		"0.0.0.0/0":                           {1 << 32, 0},
		"10.0.0.0/8":                          {1 << 24, 8},
		"::/0":                                {math.MaxUint64, 0},
		"fd00::/64":                           {math.MaxUint64, 64},
		"fd00::/65":                           {1 << 63, 65},
		"::1-ffff::":                          {math.MaxUint64, 2},
		"fd00::-fd00::fe":                     {255, 121},
		"fd00::1-fd00::ffff:ffff:ffff:ffff":   {math.MaxUint64, 65},
		"fd00::2-fd00::ffff:ffff:ffff:ffff":   {math.MaxUint64 - 1, 65},
		"fd00::1-fd00:0:0:1::":                {math.MaxUint64, 65},
		"fd00::-fd00:0:0:1::":                 {math.MaxUint64, 64},
		"0.0.0.1-255.255.255.255":             {1<<32 - 1, 1},
		"fd00::8000:0:0:0-fd00::1:7fff:0:0:1": {math.MaxUint64 - 1<<48 + 3, 65},
	} {
		s, err := ParseSpan(text)
		if err != nil {
			t.Errorf("ParseSpan(%q): %v", text, err)
			continue
		}
		want(t, "Count of "+text, s.Count(), c.count)
		want(t, "LargestBlock of "+text, s.LargestBlock(), c.largest)
		if strings.Contains(text, "/") {
			text = fmt.Sprintf("%s-%s", s.First, s.Last)
		}
		want(t, "String", s.String(), text)
	}
}

func TestSpan_families(t *testing.T) {
	v4, v6 := SpanOf(prefix("0.0.0.0/0")), SpanOf(prefix("::/0"))
	want(t, "IPv6 contains IPv4", v6.Contains(addr("10.0.0.1")), false)
	want(t, "IPv4 contains IPv6", v4.Contains(addr("::1")), false)
	want(t, "Overlaps", v4.Overlaps(v6), false)
	want(t, "Covers", v6.Covers(v4), false)
	if got := v4.Minus(v6); !slices.Equal(got, []Span{v4}) {
		t.Errorf("IPv4 minus IPv6 = %v", got)
	}
}

func TestSpan_invalid(t *testing.T) {
	all := SpanOf(prefix("10.0.0.0/8"))
	for _, s := range []Span{{}, SpanOf(netip.Prefix{}), {all.Last, all.First}, {all.First, addr("fd00::")}} {
		_, isPrefix := s.Prefix()
		_, fits := s.FirstFit(0)
		want(t, "Prefix", isPrefix, false)
		want(t, "FirstFit", fits, false)
		want(t, "LargestBlock", s.LargestBlock(), -1)
		want(t, "Count", s.Count(), 0)
		want(t, "Contains", s.Contains(netip.Addr{}) || s.Contains(all.First), false)
		want(t, "Covers", s.Covers(s) || all.Covers(s), false)
		want(t, "Overlaps", s.Overlaps(all) || all.Overlaps(s), false)
		want(t, "String", s.String(), "invalid span")
		want(t, "spans left", len(s.Minus(all)), 0)
		if got := all.Minus(s); !slices.Equal(got, []Span{all}) {
			t.Errorf("minus an invalid span = %v", got)
		}
	}
	for _, bits := range []int{-1, 33} {
		if p, ok := all.FirstFit(bits); ok {
			t.Errorf("FirstFit(%d) = %s", bits, p)
		}
	}
	for _, bits := range []int{-1, 129} {
		if p, ok := SpanOf(prefix("::/0")).FirstFit(bits); ok {
			t.Errorf("FirstFit(%d) in all of IPv6 = %s", bits, p)
		}
	}
}

func TestParseSpan_errors(t *testing.T) {
	for given, text := range map[string]string{
		"10":                   `"10" is not an address: it has fewer than four octets`,
		"10.0.0.1-fd00::":      `"10.0.0.1-fd00::" mixes IPv4 and IPv6`,
		"fd00::2-fd00::1":      `"fd00::2-fd00::1" runs backwards: write fd00::1-fd00::2`,
		"10.0.0.1-":            `"10.0.0.1-" is not an address range: "" is not an address: it has no address`,
		"10.0.0.1-10.0.0.2-3":  `"10.0.0.1-10.0.0.2-3" is not an address range: "10.0.0.2-3" is not an address: octet "2-3" is not a decimal number`,
		"10.0.0.1/24":          `"10.0.0.1/24" has host bits set: the network is 10.0.0.0/24`,
		"10.0.0.0-10.0.0.1/31": `"10.0.0.0-10.0.0.1/31" is not an address range: "10.0.0.1/31" is not an address: octet "1/31" is not a decimal number`,
	} {
		_, err := ParseSpan(given)
		want(t, "error", errText(err), text)
	}
}

func TestRelativeSpan(t *testing.T) {
	for _, c := range []struct{ given, network, span string }{
		{"+0", "10.0.1.0/24", "10.0.1.0"},
		{"+10-+20", "10.0.1.0/24", "10.0.1.10-10.0.1.20"},
		{"+255", "10.0.1.0/24", "10.0.1.255"},
		{"+8-+15", "10.0.1.32/27", "10.0.1.40-10.0.1.47"},
		{"+16", "fd00::/64", "fd00::10"},
		{"+0-+18446744073709551615", "fd00::/64", "fd00::-fd00::ffff:ffff:ffff:ffff"},
	} {
		r, err := ParseRelativeSpan(c.given)
		want(t, "error", errText(err), "<nil>")
		want(t, "String", r.String(), c.given)
		s, err := r.In(prefix(c.network))
		want(t, "error", errText(err), "<nil>")
		want(t, c.given+" in "+c.network, s.String(), c.span)
	}
}

func TestRelativeSpan_errors(t *testing.T) {
	for given, text := range map[string]string{
		"10":                     `"10" is not a relative range like +10-+20: offset "10" does not begin with +`,
		"+10-20":                 `"+10-20" is not a relative range like +10-+20: offset "20" does not begin with +`,
		"":                       `"" is not a relative range like +10-+20: offset "" does not begin with +`,
		"+":                      `"+" is not a relative range like +10-+20: offset "" is empty`,
		"+-5":                    `"+-5" is not a relative range like +10-+20: offset "" is empty`,
		"++1":                    `"++1" is not a relative range like +10-+20: offset "+1" is not a decimal number`,
		"+010":                   `"+010" is not a relative range like +10-+20: offset "010" has a leading zero`,
		"+1e3":                   `"+1e3" is not a relative range like +10-+20: offset "1e3" is not a decimal number`,
		"+18446744073709551616":  `"+18446744073709551616" is not a relative range like +10-+20: offset "18446744073709551616" is over 18446744073709551615`,
		"+20-+10":                `"+20-+10" runs backwards: write +10-+20`,
		"+1-+2-+3":               `"+1-+2-+3" is not a relative range like +10-+20: offset "2-+3" is not a decimal number`,
		"+1\x00":                 `"+1\x00" is not a relative range like +10-+20: offset "1\x00" is not a decimal number`,
		"+1 - +2":                `"+1 - +2" is not a relative range like +10-+20: offset "1 " is not a decimal number`,
		"\u202e+1":               `"\u202e+1" is not a relative range like +10-+20: offset "\u202e+1" does not begin with +`,
		"+10-+20-":               `"+10-+20-" is not a relative range like +10-+20: offset "20-" is not a decimal number`,
		"10.0.1.10-10.0.1.20":    `"10.0.1.10-10.0.1.20" is not a relative range like +10-+20: offset "10.0.1.10" does not begin with +`,
		"+99999999999999999999+": `"+99999999999999999999+" is not a relative range like +10-+20: offset "99999999999999999999+" is not a decimal number`,
	} {
		_, err := ParseRelativeSpan(given)
		want(t, "error", errText(err), text)
	}
	for _, c := range []struct {
		r       RelativeSpan
		network netip.Prefix
		text    string
	}{
		{RelativeSpan{10, 32}, prefix("10.0.1.0/27"), "+10-+32 is not inside 10.0.1.0/27"},
		{RelativeSpan{1, math.MaxUint64}, prefix("255.255.255.0/24"), "+1-+18446744073709551615 is not inside 255.255.255.0/24"},
		{RelativeSpan{1, math.MaxUint64}, prefix("ffff:ffff:ffff:ffff:ff00::/72"), "+1-+18446744073709551615 is not inside ffff:ffff:ffff:ffff:ff00::/72"},
		{RelativeSpan{2, 1}, prefix("10.0.1.0/27"), "+2-+1 is not inside 10.0.1.0/27"},
		{RelativeSpan{0, 0}, netip.Prefix{}, "+0 is not inside invalid Prefix"},
	} {
		_, err := c.r.In(c.network)
		want(t, "error", errText(err), c.text)
	}
}
