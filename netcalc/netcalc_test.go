package netcalc

import (
	"bytes"
	"math"
	"math/big"
	"net/netip"
	"strings"
	"testing"
)

// want compares printable values; errors compare by their text, nil as "<nil>".
func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func errText(err error) string {
	if err == nil {
		return "<nil>"
	}
	return err.Error()
}

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// bigOf and addrOf are the reference arithmetic: addresses as big integers, with nothing of uint128 in them.
func bigOf(a netip.Addr) *big.Int { return new(big.Int).SetBytes(a.AsSlice()) }

func addrOf(n *big.Int, width int) (netip.Addr, bool) {
	if n.Sign() < 0 || n.BitLen() > width {
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice(n.FillBytes(make([]byte, width/8)))
}

func TestAdd(t *testing.T) {
	for _, a := range []string{
		"0.0.0.0", "10.0.0.255", "127.255.255.255", "255.255.255.255",
		"::", "::ffff:ffff:ffff:ffff", "::1:0:0:0:0", "fd00::1", "2001:db8::ffff:ffff:ffff:fffe",
		"ffff:ffff:ffff:ffff::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	} {
		for _, n := range []uint64{0, 1, 2, 255, 256, 1 << 31, math.MaxUint32, 1 << 32, 1 << 63, math.MaxUint64} {
			a := addr(a)
			wantAddr, wantOK := addrOf(new(big.Int).Add(bigOf(a), new(big.Int).SetUint64(n)), a.BitLen())
			got, ok := Add(a, n)
			if got != wantAddr || ok != wantOK {
				t.Errorf("Add(%s, %d) = %s, %t, want %s, %t", a, n, got, ok, wantAddr, wantOK)
			}
		}
	}
	if got, ok := Add(netip.Addr{}, 1); ok {
		t.Errorf("Add to no address = %s", got)
	}
}

func TestKey(t *testing.T) {
	families := [][]string{
		{"0.0.0.0", "0.0.0.1", "9.255.255.255", "10.0.0.0", "127.0.0.1", "128.0.0.0", "255.255.255.255"},
		{"::", "::1", "::1:0:0:0:0", "2001:db8::", "7fff::", "8000::", "fd00::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	}
	for _, family := range families {
		for i, s := range family {
			key := Key(addr(s))
			back, err := FromKey(key[:])
			want(t, "FromKey of "+s, back, addr(s))
			want(t, "its error", errText(err), "<nil>")
			if i == 0 {
				continue
			}
			if below := Key(addr(family[i-1])); bytes.Compare(below[:], key[:]) >= 0 {
				t.Errorf("the key of %s is not below that of %s", family[i-1], s)
			}
		}
	}
	want(t, "Key of IPv4", Key(addr("10.0.0.1")), [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: 1})
}

func TestFromKey_length(t *testing.T) {
	for length, text := range map[int]string{
		0:  "address key  is 0 bytes long: 16 are expected",
		4:  "address key 00000000 is 4 bytes long: 16 are expected",
		17: "address key " + strings.Repeat("00", 17) + " is 17 bytes long: 16 are expected",
	} {
		_, err := FromKey(make([]byte, length))
		want(t, "error", errText(err), text)
	}
	if _, err := FromKey(make([]byte, 1<<20)); len(err.Error()) > 200 {
		t.Errorf("the error for a long key has %d bytes", len(err.Error()))
	}
}

// What is called per address must not leave work for the collector.
func TestAllocations(t *testing.T) {
	p4, p6, mac := prefix("10.0.0.0/8"), prefix("fd00:1::/64"), MAC{2, 0x16, 0x3e, 1, 2, 3}
	span := SpanOf(p4)
	perRun := func(what string, most float64, f func()) {
		t.Helper()
		if got := testing.AllocsPerRun(20, f); got > most {
			t.Errorf("%s allocates %v times, want at most %v", what, got, most)
		}
	}
	perRun("Key", 0, func() { Key(p4.Addr()) })
	perRun("Add", 0, func() { Add(p4.Addr(), 7) })
	perRun("Slot", 0, func() { Slot(p6, 96, 12345) })
	perRun("EUI64", 0, func() { _, _ = EUI64(p6, mac) })
	perRun("FirstFit", 0, func() { span.FirstFit(24) })
	perRun("VlanLayout", 0, func() { _, _ = VlanLayout(p4, netip.Addr{}, 0) })
	perRun("Carve of 4096", 4, func() {
		subnets, _ := Carve(p4, 24, 4096)
		for range subnets {
		}
	})
}
