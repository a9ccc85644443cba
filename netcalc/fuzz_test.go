package netcalc

import (
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"unicode"
)

// seeds are tried on every parser: what each one accepts is a near miss for the others.
var seeds = []string{
	"", "10.0.1.0/24", "10.0.1.0/255.255.255.0", "10/8", "10.0.1.0-10.0.1.255", "10.0.1.5/24", "0/0", "10.0.0.1", "255.255.255.255",
	"10.0.0.1/0.0.0.0", "010.0.0.1", "10.0.0.1/+8", "10/1e1", "1.2.3.4.5", "256.1.1.1", "10.0.0.9-10.0.0.1", "10.0.0.1-fd00::",
	"fd00:1::/48", "::/0", "::", "fd00::1-fd00::ff", "fe80::1%eth0/64", "::ffff:10.0.0.1", "::ffff:0:0/96", "64:ff9b::192.0.2.1",
	"FD00::A", "1:2:3:4:5:6:7:8", "02:16:3e:33:44:55", "02-16-3E-33-44-55", "0216.3e33.4455", "02163e334455",
	"+10", "+10-+20", "+0-+18446744073709551615", "+18446744073709551616", "+-", "10/8\n", "\x00", "\u202e", "\xff",
}

// fuzzParser checks what holds for each parser: it does not panic, its errors fit one line of a terminal, what it accepts
// satisfies check, and its result's own text is accepted again and means the same.
func fuzzParser[T interface {
	comparable
	fmt.Stringer
}](f *testing.F, parse func(string) (T, error), check func(t *testing.T, given string, v T)) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := parse(s)
		if err != nil {
			checkErrorText(t, s, err)
			return
		}
		check(t, s, v)
		if back, err := parse(v.String()); err != nil || back != v {
			t.Errorf("%q reads as %s, which reads as %s, %v", s, v, back, err)
		}
	})
}

func checkErrorText(t *testing.T, given string, err error) {
	t.Helper()
	for _, r := range err.Error() {
		if !unicode.IsPrint(r) {
			t.Errorf("the error for %q has the character %q: %q", given, r, err.Error())
		}
	}
	if len(err.Error()) > 2000 {
		t.Errorf("the error for %d bytes of input has %d bytes", len(given), len(err.Error()))
	}
	var hostBits *HostBitsError
	if errors.As(err, &hostBits) && (hostBits.Value != given || hostBits.Meant != hostBits.Meant.Masked()) {
		t.Errorf("the error for %q is %+v", given, hostBits)
	}
	checkFields(t, given, err)
}

// checkFields checks that err carries the text it is about, or the address that this text is, and the reason it prints.
func checkFields(t *testing.T, given string, err error) {
	t.Helper()
	var refused *ValueError
	if !errors.As(err, &refused) {
		t.Errorf("the error for %q is no *ValueError: %v", given, err)
		return
	}
	if a, err := netip.ParseAddr(given); refused.Value != given && (err != nil || refused.Value != a.String()) {
		t.Errorf("the error for %q is about %q", given, refused.Value)
	}
	if refused.Reason == "" || !strings.HasSuffix(err.Error(), " "+refused.Reason) {
		t.Errorf("the error for %q is %q, its reason %q", given, err, refused.Reason)
	}
}

func checkAddr(t *testing.T, given string, a netip.Addr) {
	t.Helper()
	if !a.IsValid() || a.Is4In6() || a.Zone() != "" {
		t.Errorf("%q is accepted as %s", given, a)
	}
	// The standard library is the judge of addresses in full.
	if std, err := netip.ParseAddr(given); err != nil || std != a {
		t.Errorf("%q is accepted as %s, by net/netip as %s, %v", given, a, std, err)
	}
	key := Key(a)
	if back, err := FromKey(key[:]); err != nil || back != a {
		t.Errorf("the key of %s is that of %s, %v", a, back, err)
	}
}

func checkPrefix(t *testing.T, given string, p netip.Prefix) {
	t.Helper()
	if !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() {
		t.Errorf("%q is accepted as %s", given, p)
	}
	if std, err := netip.ParsePrefix(given); err == nil && std != p {
		t.Errorf("%q is accepted as %s, by net/netip as %s", given, p, std)
	}
	if back, ok := SpanOf(p).Prefix(); !ok || back != p {
		t.Errorf("the span of %s is the block %s, %t", p, back, ok)
	}
}

func FuzzParsePrefix(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePrefix(s)
		std, stdErr := netip.ParsePrefix(s)
		if err == nil {
			checkPrefix(t, s, p)
			if back, err := ParsePrefix(p.String()); err != nil || back != p {
				t.Errorf("%q reads as %s, which reads as %s, %v", s, p, back, err)
			}
			return
		}
		checkErrorText(t, s, err)
		if stdErr == nil && std == std.Masked() && !std.Addr().Is4In6() {
			t.Errorf("%q is refused, while net/netip reads %s: %v", s, std, err)
		}
	})
}

func FuzzParsePrefix4(f *testing.F) {
	fuzzParser(f, ParsePrefix4, func(t *testing.T, given string, p netip.Prefix) {
		checkPrefix(t, given, p)
		want(t, "IPv4", p.Addr().Is4(), true)
	})
}

func FuzzParsePrefix6(f *testing.F) {
	fuzzParser(f, ParsePrefix6, func(t *testing.T, given string, p netip.Prefix) {
		checkPrefix(t, given, p)
		want(t, "IPv6", p.Addr().Is6(), true)
	})
}

func FuzzParseAddr(f *testing.F) { fuzzParser(f, ParseAddr, checkAddr) }

func FuzzParseAddr4(f *testing.F) {
	fuzzParser(f, ParseAddr4, func(t *testing.T, given string, a netip.Addr) {
		checkAddr(t, given, a)
		want(t, "IPv4", a.Is4(), true)
	})
}

func FuzzParseAddr6(f *testing.F) {
	fuzzParser(f, ParseAddr6, func(t *testing.T, given string, a netip.Addr) {
		checkAddr(t, given, a)
		want(t, "IPv6", a.Is6(), true)
	})
}

func FuzzParseMAC(f *testing.F) {
	fuzzParser(f, ParseMAC, func(t *testing.T, given string, m MAC) {
		if std, err := net.ParseMAC(given); err != nil || std.String() != m.String() {
			t.Errorf("%q is accepted as %s, by net as %s, %v", given, m, std, err)
		}
		a, err := EUI64(prefix("fd00::/64"), m)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := MACFromEUI64(a); err != nil || back != m {
			t.Errorf("%s gives the address %s, which gives %s, %v", m, a, back, err)
		}
	})
}

func FuzzParseSpan(f *testing.F) {
	fuzzParser(f, ParseSpan, func(t *testing.T, given string, s Span) {
		if !s.valid() {
			t.Errorf("%q is accepted as %s-%s", given, s.First, s.Last)
		}
		block, ok := s.FirstFit(s.LargestBlock())
		if !ok || !s.Covers(SpanOf(block)) {
			t.Errorf("the largest block in %s is %s, %t", s, block, ok)
		}
	})
}

func FuzzParseRelativeSpan(f *testing.F) {
	fuzzParser(f, ParseRelativeSpan, func(t *testing.T, given string, r RelativeSpan) {
		if r.First > r.Last {
			t.Errorf("%q is accepted as %s", given, r)
		}
	})
}

func FuzzFromKey(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 16))
	f.Add([]byte{10: 0xff, 11: 0xff, 12: 10, 15: 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := FromKey(b)
		if (err == nil) != (len(b) == 16) {
			t.Fatalf("FromKey of %d bytes: %v", len(b), err)
		}
		if key := Key(a); err == nil && key != [16]byte(b) {
			t.Errorf("key %x is that of %s, whose key is %x", b, a, key)
		}
	})
}

// FuzzCarve compares one subnet with big integers, and its place among the others.
func FuzzCarve(f *testing.F) {
	f.Add([]byte{10, 0, 1, 0}, 24, 27, uint64(2))
	f.Add([]byte{0xfd, 0, 0, 1, 15: 0}, 48, 64, uint64(65535))
	f.Add(make([]byte, 16), 0, 128, ^uint64(0))
	f.Fuzz(func(t *testing.T, b []byte, from, to int, i uint64) {
		a, ok := netip.AddrFromSlice(b)
		p, err := a.Prefix(from)
		if !ok || err != nil {
			return
		}
		subnet, found := Slot(p, to, i)
		slots := Slots(p, to)
		width := a.BitLen()
		inRange := to >= from && to <= width
		if inRange {
			count := new(big.Int).Lsh(big.NewInt(1), uint(to-from))
			inRange = new(big.Int).SetUint64(i).Cmp(count) < 0
			if count.IsUint64() && count.Uint64() != slots || !count.IsUint64() && slots != ^uint64(0) {
				t.Errorf("Slots(%s, %d) = %d, want %s", p, to, slots, count)
			}
		}
		if found != inRange {
			t.Fatalf("Slot(%s, %d, %d) = %s, %t", p, to, i, subnet, found)
		}
		if !found {
			return
		}
		offset := new(big.Int).Lsh(new(big.Int).SetUint64(i), uint(width-to))
		model, ok := addrOf(offset.Add(offset, bigOf(p.Addr())), width)
		if !ok || subnet != netip.PrefixFrom(model, to) {
			t.Errorf("Slot(%s, %d, %d) = %s, want %s", p, to, i, subnet, model)
		}
	})
}
