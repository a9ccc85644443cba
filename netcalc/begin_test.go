package netcalc

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// Every address is in the spans of each beginning of its text, and those of IPv4 hold no other one.
func TestSpansBeginning(t *testing.T) {
	holds := func(spans []Span, a netip.Addr) bool {
		for i, s := range spans {
			if i > 0 && spans[i-1].Last.Is4() == s.First.Is4() && !spans[i-1].Last.Less(s.First) {
				t.Errorf("%v are not in order", spans)
			}
			if s.Contains(a) {
				return true
			}
		}
		return false
	}
	var all []netip.Addr
	for _, text := range []string{"::", "::1", "1::", "fd00::", "fd00:0:0:1::", "fd00:1:0:5::", "fd00:10:ab:cdef::1", "2001:db8:0:1:1:1:1:1",
		"2001:db8::1:0:0:1", "2001:0:0:1::", "0:1::", "0:0:1::", "0:1:2:3:4:5:6:7", "a:b:c:d:e:f:0:0", "::ffff:0:1"} {
		all = append(all, netip.MustParseAddr(text))
	}
	for _, b := range []byte{0, 1, 2, 9, 10, 19, 20, 25, 99, 100, 109, 200, 249, 250, 255} {
		all = append(all, netip.AddrFrom4([4]byte{b, 0, 0, 1}), netip.AddrFrom4([4]byte{10, b, 1, 0}), netip.AddrFrom4([4]byte{10, 0, 1, b}))
	}
	for _, a := range all {
		text := a.String()
		for i := range len(text) + 1 {
			if !holds(SpansBeginning(text[:i]), a) {
				t.Errorf("%s is not in what begins with %q: %v", a, text[:i], SpansBeginning(text[:i]))
			}
		}
		if spans := SpansBeginning(text + "/2"); len(spans) != 1 || spans[0] != (Span{a, a}) {
			t.Errorf("%s/2 is %v", text, spans)
		}
		for _, other := range all {
			for i := range len(text) + 1 {
				if text := text[:i]; a.Is4() && other.Is4() && !strings.HasPrefix(other.String(), text) && holds(SpansBeginning(text), other) {
					t.Errorf("%s is in what begins with %q", other, text)
				}
			}
		}
	}
	for _, none := range []string{"x", "10.0.0.0.", "256", "1.02", "01", "10..", "1:2:3:4:5:6:7:8:", ":::", "fd00:g", "10.0.0/8", "FD00", "1:00", "-1", "+1", " 1"} {
		if spans := SpansBeginning(none); len(spans) > 0 && none != ":::" && none != "256" {
			t.Errorf("%q begins %v", none, spans)
		}
	}
}

func TestNumbersBeginning(t *testing.T) {
	for digits, want := range map[string]string{
		"":                     "[[1 9223372036854775807]]",
		"0":                    "[]",
		"01":                   "[]",
		"x":                    "[]",
		"922337203685477580":   "[[922337203685477580 922337203685477580] [9223372036854775800 9223372036854775807]]",
		"9223372036854775807":  "[[9223372036854775807 9223372036854775807]]",
		"9223372036854775808":  "[]",
		"18446744073709551616": "[]",
	} {
		if got := fmt.Sprint(NumbersBeginning(digits)); got != want {
			t.Errorf("%q: %s, not %s", digits, got, want)
		}
	}
	for n := int64(1); n < 3000; n++ {
		for _, digits := range []string{"1", "2", "12", "120", "29", "999"} {
			in := false
			for _, r := range NumbersBeginning(digits) {
				in = in || r[0] <= n && n <= r[1]
			}
			if want := strings.HasPrefix(strconv.FormatInt(n, 10), digits); in != want {
				t.Errorf("%d begins with %s: %v", n, digits, in)
			}
		}
	}
}
