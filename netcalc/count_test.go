package netcalc

import (
	"fmt"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// A span of a universe of 64 addresses is a set of bits, in which prefixes are found by trying every place.
func TestSpan_countModel(t *testing.T) {
	for _, first := range universes {
		t.Run(first, func(t *testing.T) {
			all := row(first, 64)
			for i := range all {
				for j := i; j < len(all); j++ {
					s := Span{all[i], all[j]}
					want(t, fmt.Sprintf("Size of %s", s), s.Size().String(), fmt.Sprint(bits.OnesCount64(set(i, j))))
					got := slices.Collect(s.Prefixes())
					if wanted := naivePrefixes(all, i, j); !slices.Equal(got, wanted) {
						t.Fatalf("Prefixes of %s = %v, want %v", s, got, wanted)
					}
				}
			}
		})
	}
}

// naivePrefixes takes the longest block that begins where the last one has ended, again and again.
func naivePrefixes(all []netip.Addr, i, j int) (prefixes []netip.Prefix) {
	for i <= j {
		width := all[0].BitLen()
		for length := width - 6; ; length++ {
			p := netip.PrefixFrom(all[i], length)
			if size := 1 << (width - length); p.Masked() == p && i+size-1 <= j {
				prefixes = append(prefixes, p)
				i += size
				break
			}
		}
	}
	return prefixes
}

func TestSpan_Subtract_model(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, first := range universes {
		all := row(first, 64)
		for range 3000 {
			from := func() (int, int) {
				i, j := random.IntN(64), random.IntN(64)
				return min(i, j), max(i, j)
			}
			i, j := from()
			left := set(i, j)
			s := Span{all[i], all[j]}
			var others []Span
			for range random.IntN(5) {
				k, l := from()
				if random.IntN(2) == 0 {
					l = min(k+random.IntN(4), 63)
				}
				others = append(others, Span{all[k], all[l]})
				left &^= set(k, l)
			}
			got := uint64(0)
			last := -2
			for _, part := range s.Subtract(others) {
				k, l := slices.Index(all, part.First), slices.Index(all, part.Last)
				if k <= last+1 {
					t.Fatalf("%s without %v: %s follows on what is before it", s, others, part)
				}
				got |= set(k, l)
				last = l
			}
			if got != left {
				t.Fatalf("%s without %v = %064b, want %064b", s, others, got, left)
			}
		}
	}
}

func TestSpan_Subtract(t *testing.T) {
	all4, all6 := SpanOf(prefix("0.0.0.0/0")), SpanOf(prefix("::/0"))
	want(t, "nothing", len(all4.Subtract([]Span{all4})), 0)
	want(t, "the other family", fmt.Sprint(all4.Subtract([]Span{all6})), "[0.0.0.0-255.255.255.255]")
	want(t, "an invalid one", fmt.Sprint(all4.Subtract([]Span{{}})), "[0.0.0.0-255.255.255.255]")
	want(t, "of none", len(Span{}.Subtract([]Span{all4})), 0)
	want(t, "the ends", fmt.Sprint(all6.Subtract([]Span{SpanOf(prefix("ff00::/8")), SpanOf(prefix("::/8"))})),
		"[100::-feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]")
	var n int
	for range (Span{addr("::1"), addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe")}).Prefixes() {
		n++
	}
	want(t, "as many prefixes as there can be", n, 254)
	for p := range all6.Prefixes() {
		want(t, "all of IPv6", p.String(), "::/0")
	}
}

func TestSpan_Size(t *testing.T) {
	power := func(n uint) string { return new(big.Int).Lsh(big.NewInt(1), n).String() }
	for text, size := range map[string]string{"0.0.0.0/0": power(32), "::/0": power(128), "fd00::/64": power(64), "fd00::/65": power(63), "fd00::/48": power(80)} {
		want(t, text, SpanOf(prefix(text)).Size().String(), size)
	}
	want(t, "invalid", Span{}.Size().Sign(), 0)
}

func TestMask(t *testing.T) {
	for text, masks := range map[string]string{
		"10.0.0.0/8": "255.0.0.0 0.255.255.255", "0.0.0.0/0": "0.0.0.0 255.255.255.255", "10.0.0.1/32": "255.255.255.255 0.0.0.0",
		"fd00::/48": "ffff:ffff:ffff:: ::ffff:ffff:ffff:ffff:ffff", "::/0": ":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"::1/128": "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ::", "fd00::/65": "ffff:ffff:ffff:ffff:8000:: ::7fff:ffff:ffff:ffff",
	} {
		want(t, text, Mask(prefix(text)).String()+" "+Wildcard(prefix(text)).String(), masks)
	}
}

// The names are those of RFC 1035 §3.5, RFC 3596 §2.5 and RFC 2317 §4.
func TestReverseZones(t *testing.T) {
	for text, zones := range map[string]string{
		"0.0.0.0/0":           "[in-addr.arpa]",
		"10.0.0.0/8":          "[10.in-addr.arpa]",
		"10.64.0.0/14":        "[64.10.in-addr.arpa 65.10.in-addr.arpa 66.10.in-addr.arpa 67.10.in-addr.arpa]",
		"10.0.1.0/24":         "[1.0.10.in-addr.arpa]",
		"192.0.2.64/26":       "[64/26.2.0.192.in-addr.arpa]",
		"192.0.2.65/32":       "[65.2.0.192.in-addr.arpa]",
		"::/0":                "[ip6.arpa]",
		"fd00:1::/48":         "[0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa]",
		"2001:db8:aa::/47":    "[a.a.0.0.8.b.d.0.1.0.0.2.ip6.arpa b.a.0.0.8.b.d.0.1.0.0.2.ip6.arpa]",
		"2001:db8:ab:c0::/58": "[c.0.0.b.a.0.0.8.b.d.0.1.0.0.2.ip6.arpa d.0.0.b.a.0.0.8.b.d.0.1.0.0.2.ip6.arpa e.0.0.b.a.0.0.8.b.d.0.1.0.0.2.ip6.arpa f.0.0.b.a.0.0.8.b.d.0.1.0.0.2.ip6.arpa]",
	} {
		want(t, text, fmt.Sprint(ReverseZones(prefix(text))), zones)
	}
	want(t, "as many as there can be", len(ReverseZones(prefix("10.0.0.0/9"))), 128)
	want(t, "of no prefix", len(ReverseZones(netip.Prefix{})), 0)
}

func TestKindOf(t *testing.T) {
	for text, named := range map[string]string{
		"10.1.2.0/24": "10.0.0.0/8 (Private-Use, RFC 1918)", "172.31.255.0/24": "172.16.0.0/12 (Private-Use, RFC 1918)",
		"172.32.0.0/16": "0.0.0.0/0 (Global Unicast, RFC 4632)", "8.8.8.8/32": "0.0.0.0/0 (Global Unicast, RFC 4632)",
		"192.0.0.8/32": "192.0.0.8/32 (IPv4 dummy address, RFC 7600)", "192.0.0.64/26": "192.0.0.0/24 (IETF Protocol Assignments, RFC 6890 §2.1)",
		"255.255.255.255/32": "255.255.255.255/32 (Limited Broadcast, RFC 8190, RFC 919 §7)", "232.0.0.0/8": "224.0.0.0/4 (Multicast, RFC 5771)",
		"fd00::/8": "fc00::/7 (Unique-Local, RFC 4193, RFC 8190)", "2001:db8:1::/48": "2001:db8::/32 (Documentation, RFC 3849)",
		"2a00::/12": "2000::/3 (Global Unicast, RFC 4291 §2.5.4)", "6000::/3": "::/0 (Reserved by IETF, RFC 4291 §2.4)",
		"::/128": "::/128 (Unspecified Address, RFC 4291 §2.5.2)", "ff02::1/128": "ff00::/8 (Multicast, RFC 4291 §2.7)",
	} {
		k, within := KindOf(prefix(text))
		want(t, text, k.String(), named)
		want(t, "special blocks in "+text, len(within), 0)
	}
	_, within := KindOf(prefix("192.0.0.0/16"))
	want(t, "special blocks in 192.0.0.0/16", len(within), 8)
	_, within = KindOf(prefix("0.0.0.0/0"))
	want(t, "special blocks in IPv4", len(within), 27)
	for i, k := range special {
		want(t, "block of "+k.Name, k.Block.Masked(), k.Block)
		if i > 0 && special[i-1].Block.Compare(k.Block) >= 0 {
			t.Errorf("%s stands after %s", k.Block, special[i-1].Block)
		}
	}
	// What no network node serves is of some special kind, or reserved.
	for _, u := range unservable {
		if k, within := KindOf(u.prefix); k.Name == "Global Unicast" && len(within) == 0 {
			t.Errorf("%s is %s", u.prefix, k)
		}
	}
}
