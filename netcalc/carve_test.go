package netcalc

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"slices"
	"testing"
)

// TestCarve_model enumerates every prefix in the 8 bits below a base, and all of its subnets there, against a loop over
// the 256 smallest units.
func TestCarve_model(t *testing.T) {
	for _, base := range []string{
		"10.0.1.0/24", "255.255.255.0/24", "0.0.0.0/0", "10.0.0.0/13",
		"fd00::/120", "fd00:1::/56", "fd00:1::/60", "::/0", "ffff:ffff:ffff:ffff:ff00::/72", "ff00::/8",
	} {
		t.Run(base, func(t *testing.T) {
			base := prefix(base)
			units := unitsOf(base, 8)
			for length := base.Bits(); length <= base.Bits()+8; length++ {
				for _, u := range aligned(units, length) {
					checkCarve(t, netip.PrefixFrom(u, length), units, base.Bits()+8)
				}
			}
		})
	}
}

func checkCarve(t *testing.T, p netip.Prefix, units []netip.Addr, longest int) {
	t.Helper()
	for length := p.Bits(); length <= longest; length++ {
		var model []netip.Prefix
		for _, u := range aligned(units, length) {
			if p.Contains(u) {
				model = append(model, netip.PrefixFrom(u, length))
			}
		}
		n := uint64(len(model))
		want(t, "Slots", Slots(p, length), n)
		for i, m := range model {
			if got, ok := Slot(p, length, uint64(i)); got != m || !ok {
				t.Fatalf("Slot(%s, %d, %d) = %s, %t, want %s", p, length, i, got, ok, m)
			}
		}
		if got, ok := Slot(p, length, n); ok {
			t.Fatalf("Slot(%s, %d, %d) = %s", p, length, n, got)
		}
		for _, some := range []uint64{0, 1, n / 2, n} {
			subnets, err := Carve(p, length, some)
			if err != nil {
				t.Fatalf("Carve(%s, %d, %d): %v", p, length, some, err)
			}
			if got := slices.Collect(subnets); !slices.Equal(got, model[:some]) {
				t.Fatalf("Carve(%s, %d, %d) = %v, want %v", p, length, some, got, model[:some])
			}
		}
		_, err := Carve(p, length, n+1)
		var refused *ValueError
		reason := fmt.Sprintf("holds %d network%s of /%d: %d are asked for", n, map[bool]string{n != 1: "s"}[true], length, n+1)
		if !errors.As(err, &refused) || refused.Value != p.String() || refused.Reason != reason {
			t.Fatalf("Carve(%s, %d, %d): %v", p, length, n+1, err)
		}
	}
}

// unitsOf returns the 2^n subnets of base that are n bits longer, by big integers.
func unitsOf(base netip.Prefix, n int) []netip.Addr {
	width := base.Addr().BitLen()
	var units []netip.Addr
	for i := range int64(1) << n {
		offset := new(big.Int).Lsh(big.NewInt(i), uint(width-base.Bits()-n))
		a, ok := addrOf(offset.Add(offset, bigOf(base.Addr())), width)
		if !ok {
			panic("base has host bits set")
		}
		units = append(units, a)
	}
	return units
}

// aligned returns those units that are the base address of a prefix of that length.
func aligned(units []netip.Addr, length int) []netip.Addr {
	var bases []netip.Addr
	for _, u := range units {
		if p := netip.PrefixFrom(u, length); p.Masked() == p {
			bases = append(bases, u)
		}
	}
	return bases
}

// What Nova 2011.1 carved for `network create 10.0.1.0/24 3 32 100 1000 fd00:1::/48`, and where its defaults end.
func TestCarve_nova(t *testing.T) {
	for _, c := range []struct {
		from     string
		bits     int
		n, check uint64
		subnet   string
	}{
		{"10.0.1.0/24", 27, 3, 0, "10.0.1.0/27"},
		{"10.0.1.0/24", 27, 3, 1, "10.0.1.32/27"},
		{"10.0.1.0/24", 27, 3, 2, "10.0.1.64/27"},
		{"fd00:1::/48", 64, 3, 0, "fd00:1::/64"},
		{"fd00:1::/48", 64, 3, 1, "fd00:1:0:1::/64"},
		{"fd00:1::/48", 64, 3, 2, "fd00:1:0:2::/64"},
		{"10.0.0.0/8", 24, 1000, 999, "10.3.231.0/24"},
		{"fd00::/48", 64, 65536, 65535, "fd00:0:0:ffff::/64"},
	} {
		subnets, err := Carve(prefix(c.from), c.bits, c.n)
		if err != nil {
			t.Fatal(err)
		}
		all := slices.Collect(subnets)
		want(t, "number of subnets", uint64(len(all)), c.n)
		want(t, "subnet", all[c.check], prefix(c.subnet))
	}
}

// Host bits of the range do not move its subnets.
func TestCarve_hostBits(t *testing.T) {
	for given, subnet := range map[string]string{"10.0.1.77/24": "10.0.1.32/27", "fd00:1::77/64": "fd00:1::2000:0:0:0/67"} {
		p := prefix(given)
		bits := prefix(subnet).Bits()
		got, ok := Slot(p, bits, 1)
		want(t, "Slot of "+given, got, prefix(subnet))
		want(t, "found", ok, true)
		subnets, err := Carve(p, bits, 2)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "Carve of "+given, slices.Collect(subnets)[1], prefix(subnet))
		want(t, "SpanOf "+given, SpanOf(p), SpanOf(p.Masked()))
	}
}

func TestCarve_stops(t *testing.T) {
	subnets, err := Carve(prefix("fd00::/8"), 128, math.MaxUint64)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for range subnets {
		if seen++; seen == 3 {
			break
		}
	}
	want(t, "subnets seen", seen, 3)
}

func TestCarve_errors(t *testing.T) {
	for _, c := range []struct {
		p    netip.Prefix
		bits int
		n    uint64
		text string
	}{
		{prefix("10.0.1.0/24"), 27, 9, "10.0.1.0/24 holds 8 networks of /27: 9 are asked for"},
		{prefix("10.0.1.0/24"), 24, 2, "10.0.1.0/24 holds 1 network of /24: 2 are asked for"},
		{prefix("10.0.1.0/24"), 16, 1, "a network of /16 is larger than 10.0.1.0/24"},
		{prefix("10.0.1.0/24"), 33, 1, "a network of /33 cannot be in 10.0.1.0/24: a prefix length is at most 32"},
		{prefix("fd00::/48"), 64, 65537, "fd00::/48 holds 65536 networks of /64: 65537 are asked for"},
	} {
		subnets, err := Carve(c.p, c.bits, c.n)
		want(t, "error", errText(err), c.text)
		want(t, "no subnets", subnets == nil, true)
	}
	for _, n := range []uint64{0, 1} { // a length that can never be right is an error also where nothing is asked for
		if _, err := Carve(netip.Prefix{}, 24, n); err == nil {
			t.Error("nothing was carved without an error")
		}
		if _, err := Carve(prefix("10.0.0.0/8"), 7, n); err == nil {
			t.Error("a /7 was carved from a /8")
		}
	}
}

func TestSlot_large(t *testing.T) {
	for _, c := range []struct {
		p     string
		bits  int
		slots uint64
		i     uint64
		slot  string
	}{
		{"fd00::/64", 128, math.MaxUint64, math.MaxUint64, "fd00::ffff:ffff:ffff:ffff/128"},
		{"::/0", 64, math.MaxUint64, math.MaxUint64, "ffff:ffff:ffff:ffff::/64"},
		{"::/0", 128, math.MaxUint64, math.MaxUint64, "::ffff:ffff:ffff:ffff/128"},
		{"::/1", 64, 1 << 63, 1<<63 - 1, "7fff:ffff:ffff:ffff::/64"},
		{"fd00::/60", 68, 256, 0x5a, "fd00:0:0:5:a000::/68"},
		{"0.0.0.0/0", 32, 1 << 32, 1<<32 - 1, "255.255.255.255/32"},
	} {
		want(t, "Slots of "+c.p, Slots(prefix(c.p), c.bits), c.slots)
		got, ok := Slot(prefix(c.p), c.bits, c.i)
		want(t, "Slot", got, prefix(c.slot))
		want(t, "found", ok, true)
	}
	for _, c := range []struct {
		p    netip.Prefix
		bits int
		i    uint64
	}{
		{prefix("::/1"), 64, 1 << 63}, {prefix("10.0.0.0/8"), 7, 0}, {prefix("10.0.0.0/8"), 33, 0}, {prefix("fd00::/8"), 129, 0}, {netip.Prefix{}, 0, 0},
	} {
		if got, ok := Slot(c.p, c.bits, c.i); ok {
			t.Errorf("Slot(%s, %d, %d) = %s", c.p, c.bits, c.i, got)
		}
	}
}

func TestSizeBits(t *testing.T) {
	for length := range 33 {
		got, err := SizeBits(1 << (32 - length))
		want(t, "error", errText(err), "<nil>")
		want(t, "SizeBits", got, length)
	}
	for _, c := range []struct {
		size, below, above uint64
		text               string
	}{
		{0, 0, 1, "network size 0 is not a power of two: the nearest is 1"},
		{3, 2, 4, "network size 3 is not a power of two: the nearest are 2 and 4"},
		{24, 16, 32, "network size 24 is not a power of two: the nearest are 16 and 32"},
		{100, 64, 128, "network size 100 is not a power of two: the nearest are 64 and 128"},
		{1<<32 - 1, 1 << 31, 1 << 32, "network size 4294967295 is not a power of two: the nearest are 2147483648 and 4294967296"},
		{1<<32 + 1, 1 << 32, 0, "network size 4294967297 is over 4294967296, the size of the IPv4 address space"},
		{math.MaxUint64, 1 << 32, 0, "network size 18446744073709551615 is over 4294967296, the size of the IPv4 address space"},
	} {
		_, err := SizeBits(c.size)
		var size *SizeError
		if !errors.As(err, &size) || *size != (SizeError{size.ValueError, c.size, c.below, c.above}) {
			t.Errorf("SizeBits(%d): %#v", c.size, err)
		}
		want(t, "error", errText(err), c.text)
	}
}

func BenchmarkCarve(b *testing.B) {
	for _, c := range []struct {
		name, from string
		bits       int
	}{{"IPv4", "10.0.0.0/8", 24}, {"IPv6", "fd00::/48", 64}} {
		b.Run(c.name, func(b *testing.B) {
			p := prefix(c.from)
			b.ReportAllocs()
			for b.Loop() {
				subnets, err := Carve(p, c.bits, 4000)
				if err != nil {
					b.Fatal(err)
				}
				for range subnets {
				}
			}
		})
	}
}

// SlotOf finds the subnet that Slot numbered, whatever address of it is asked about.
func TestSlotOf(t *testing.T) {
	for _, text := range []string{"10.0.1.0/28", "255.255.255.240/28", "0.0.0.0/0", "fd00::/124", "fd00::/60", "::/0", "2001:db8::/32"} {
		p := prefix(text)
		for bits := p.Bits(); bits <= p.Addr().BitLen() && bits-p.Bits() <= 64; bits++ {
			slots := Slots(p, bits)
			for _, i := range []uint64{0, 1, 2, 7, slots / 2, slots - 1} {
				block, ok := Slot(p, bits, i)
				if !ok {
					continue
				}
				for _, a := range []netip.Addr{SpanOf(block).First, SpanOf(block).Last} {
					if got, ok := SlotOf(p, bits, a); got != i || !ok {
						t.Fatalf("SlotOf(%s, %d, %s) = %d, %t, want %d", p, bits, a, got, ok, i)
					}
				}
			}
		}
	}
	for _, c := range []struct {
		p    string
		bits int
		a    string
	}{{"10.0.1.0/24", 32, "10.0.2.0"}, {"10.0.1.0/24", 8, "10.0.1.0"}, {"10.0.1.0/24", 33, "10.0.1.0"}, {"10.0.1.0/24", 32, "fd00::"}, {"::/0", 128, "ffff::"}} {
		if i, ok := SlotOf(prefix(c.p), c.bits, addr(c.a)); ok {
			t.Errorf("SlotOf(%s, %d, %s) = %d", c.p, c.bits, c.a, i)
		}
	}
	if _, ok := SlotOf(netip.Prefix{}, 0, addr("10.0.0.0")); ok {
		t.Error("no prefix has slots")
	}
}

// Servable is what CheckServable takes.
func TestServable(t *testing.T) {
	for _, text := range []string{"0.0.0.0/0", "::/0", "10.0.0.0/8", "126.0.0.0/7", "fe80::/10", "fc00::/6", "127.0.0.1/32"} {
		parts := Servable(SpanOf(prefix(text)))
		for _, s := range parts {
			for p := range s.Prefixes() {
				if err := CheckServable(p); err != nil {
					t.Error(err)
				}
			}
		}
		for _, s := range SpanOf(prefix(text)).Subtract(parts) {
			for _, a := range []netip.Addr{s.First, s.Last} {
				if CheckServableAddr(a) == nil {
					t.Errorf("%s is servable", a)
				}
			}
		}
	}
	want(t, "an invalid span", len(Servable(Span{})), 0)
}
