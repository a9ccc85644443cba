package db

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/race"
	"nova-manage/netcalc"
)

// usageText is a Usage on one line.
func usageText(u Usage) string {
	percent := "-"
	if p, ok := u.Percent(); ok {
		percent = fmt.Sprint(p)
	}
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %d: %s %s %s %s of %s, %s", u.Kind, u.Name, u.Resource, u.NetworkID, u.Used, u.Reserved, u.Released,
		u.Free, u.Total, percent)), " ")
}

func usage(t *testing.T, s *Store, f UsageFilter) (all []Usage) {
	t.Helper()
	for u, err := range s.Usage(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		sum := new(big.Int).Add(u.Used, u.Reserved)
		sum.Add(sum, u.Released).Add(sum, u.Free)
		if u.Kind != "projects" && sum.Cmp(u.Total) != 0 {
			t.Errorf("%s does not add up", usageText(u))
		}
		all = append(all, u)
	}
	return all
}

// Each block is what its addresses are, one by one.
func TestStore_Usage_model(t *testing.T) {
	race.SkipAlone(t)
	eachEngine(t, func(t *testing.T, s *Store) {
		crowded(t, s)
		networks := usage(t, s, UsageFilter{Kind: "networks"})
		if len(networks) != 7 {
			t.Fatalf("%d blocks", len(networks))
		}
		for _, u := range networks {
			p := prefix(u.Name)
			if p.Addr().Is6() {
				continue
			}
			var role func(netip.Addr) string
			found, err := s.FindFilledNetworks(t.Context(), u.Name)
			if err != nil {
				t.Fatal(err)
			}
			role = found[0].Role
			if got, want := fmt.Sprint(found[0].Fill), fmt.Sprint(u.Fill); got != want {
				t.Errorf("%s is filled %s, and used %s", u.Name, got, want)
			}
			if got, want := usageText(u), countBySteps(t, s, u, role, p); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		}
		ranges := map[string]string{"192.0.2.0/28": "", "192.0.2.16/31": "", "2001:db8:f::/120": ""}
		floating := usage(t, s, UsageFilter{Kind: "floating"})
		for i, blocks := range [][]string{{"192.0.2.0/28", "192.0.2.16/31"}, {"2001:db8:f::/120"}} {
			want := Usage{Kind: "floating", Name: "nova", Family: 4 + 2*i}
			for _, b := range blocks {
				delete(ranges, b)
				r := FloatingRange{CIDR: prefix(b)}
				want.Fill = want.add(fillBySteps(t, s, r.Role, prefix(b)))
			}
			if got, want := usageText(floating[i]), usageText(want); got != want || floating[i].Family != 4+2*i {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		}
	})
}

func countBySteps(t *testing.T, s *Store, u Usage, role func(netip.Addr) string, p netip.Prefix) string {
	t.Helper()
	u.Fill = fillBySteps(t, s, role, p)
	return usageText(u)
}

// fillBySteps counts what Whois says of each address that has no role.
func fillBySteps(t *testing.T, s *Store, role func(netip.Addr) string, p netip.Prefix) Fill {
	t.Helper()
	n := map[string]int64{}
	for a := p.Addr(); p.Contains(a); a = a.Next() {
		if role(a) != "" {
			continue
		}
		id, err := s.Whois(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		n[id.State]++
		n["all"]++
	}
	return newFill(big.NewInt(n[stateHeld]), big.NewInt(n[stateReserved]), big.NewInt(n[stateReleased]), big.NewInt(n["all"]))
}

func TestStore_Usage(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		if got := usage(t, s, UsageFilter{}); len(got) != 2 {
			t.Errorf("of an empty ledger: %v", got)
		}
		crowded(t, s)
		create(t, s, flat("172.16.0.0/12", 20, 1).with(func(n *NewNetworks) { n.Bridge = "br7" }))
		for resource, limit := range map[string]int64{"networks": 4, "instances": 2, "floating_ips": 0} {
			if _, err := s.SetQuota(t.Context(), "apollo", resource, limit); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, u := range usage(t, s, UsageFilter{}) {
			got = append(got, usageText(u))
		}
		want := []string{
			"networks 10.0.1.0/27 1: 1 6 1 16 of 24, 29",
			"networks 10.0.1.32/27 2: 0 0 0 25 of 25, 0",
			"networks 10.0.2.0/26 3: 0 0 0 61 of 61, 0",
			"networks 10.0.2.64/26 4: 1 0 0 60 of 61, 1",
			"networks 172.16.0.0/20 5: 0 0 0 4093 of 4093, 0",
			"networks fd00:1::/64 1: 1 256 0 18446744073709551357 of 18446744073709551614, 0",
			"networks fd00:1:0:1::/64 2: 0 0 0 18446744073709551614 of 18446744073709551614, 0",
			"networks fd00:2::/64 0: 1 256 0 18446744073709551357 of 18446744073709551614, 0",
			"ranges 10.0.0.0/8 0: 192 0 0 16777024 of 16777216, 0",
			"ranges 172.16.0.0/12 0: 4096 0 0 1044480 of 1048576, 0",
			"ranges fd00:1::/48 0: 36893488147419103232 0 0 1208888926126481755602944 of 1208925819614629174706176, 0",
			"ranges fd00:2::/48 0: 18446744073709551616 0 0 1208907372870555465154560 of 1208925819614629174706176, 0",
			"vlans 1-4094 0: 2 1 0 4091 of 4094, 0",
			"vpn 1-65535 0: 2 0 0 65533 of 65535, 0",
			"floating nova 0: 1 0 0 15 of 16, 6",
			"floating nova 0: 1 0 0 254 of 255, 0",
			"projects apollo networks 0: 1 0 0 3 of 4, 25",
			"projects apollo instances 0: 2 0 0 0 of 2, 100",
			"projects apollo floating_ips 0: 2 0 0 0 of 0, 200",
		}
		if !slices.Equal(got, want) {
			t.Errorf("\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
		// Whoever wants no more is told no more.
		for range s.Usage(t.Context(), UsageFilter{}) {
			break
		}
	})
}

// How many networks fit is how many of all places do not touch what is claimed.
func TestStore_Usage_fits(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		crowded(t, s)
		var claims []netcalc.Span
		for _, c := range []string{"10.0.1.0/26", "10.0.2.0/25", "192.0.2.0/28", "192.0.2.16/31"} {
			claims = append(claims, netcalc.SpanOf(prefix(c)))
		}
		for _, r := range []string{"10.0.0.0/22", "10.0.1.0/24", "10.0.1.16-10.0.2.200", "10.0.1.0/26", "10.0.1.8/29", "192.0.2.0/24", "10.0.3.1-10.0.3.254",
			"126.255.255.0-128.0.0.255"} {
			span, err := netcalc.ParseSpan(r)
			if err != nil {
				t.Fatal(err)
			}
			u := usage(t, s, UsageFilter{Kind: "ranges", Ranges: []netcalc.Span{span}})[0]
			taken := slices.Clone(claims)
			if r == "126.255.255.0-128.0.0.255" {
				taken = append(taken, netcalc.SpanOf(prefix("127.0.0.0/8")))
				if u.Reserved.Int64() != 1<<24 {
					t.Errorf("%s: %s", r, usageText(u))
				}
			}
			free := span.Subtract(taken)
			var fits []Fit
			for bits := range 31 {
				n := new(big.Int)
				for _, f := range free {
					if p, ok := f.FirstFit(bits); ok { // behind the last block is less than one
						size := netcalc.Span{First: p.Addr(), Last: f.Last}.Size()
						n.Add(n, size.Rsh(size, uint(32-bits)))
					}
				}
				if n.Sign() > 0 {
					fits = append(fits, Fit{bits, n})
				}
			}
			if fmt.Sprint(u.Fits) != fmt.Sprint(fits) {
				t.Errorf("%s\n got %v\nwant %v", r, u.Fits, fits)
			}
			var largest netip.Prefix
			for _, f := range free {
				if p, ok := f.FirstFit(f.LargestBlock()); ok && (!largest.IsValid() || p.Bits() < largest.Bits()) {
					largest = p
				}
			}
			if u.Largest != largest || u.Free.Cmp(sizeOf(free)) != 0 {
				t.Errorf("%s: %s, largest %s, want %s and %s", r, usageText(u), u.Largest, sizeOf(free), largest)
			}
		}
		// Below 2000:: and between what is allocated there are no networks.
		all := usage(t, s, UsageFilter{Kind: "ranges", Ranges: []netcalc.Span{netcalc.SpanOf(prefix("::/0"))}})[0]
		if p, _ := all.Percent(); p != 86 || all.Largest != prefix("2000::/8") && all.Largest.Bits() != 4 {
			t.Errorf("%s, %s", usageText(all), all.Largest)
		}
	})
}

func TestFill_Percent(t *testing.T) {
	for _, c := range []struct {
		used, reserved, released, total int64
		want                            string
	}{
		{0, 0, 0, 26, "0 false"}, {25, 0, 1, 26, "96 true"}, {26, 0, 0, 26, "100 true"}, {20, 6, 0, 26, "100 true"}, {999, 0, 0, 1000, "99 true"}, {4, 0, 0, 5, "80 false"},
		{801, 0, 0, 1000, "80 true"}, {0, 0, 26, 26, "0 false"}, {3, 0, 0, 2, "150 true"}, {3, 0, 0, 0, "300 true"}, {0, 0, 0, 0, "- false"},
	} {
		f := newFill(big.NewInt(c.used), big.NewInt(c.reserved), big.NewInt(c.released), big.NewInt(c.total))
		p, ok := f.Percent()
		got := fmt.Sprint(p, f.Above(80))
		if !ok {
			got = fmt.Sprint("- ", f.Above(80))
		}
		if got != c.want || f.Free.Sign() < 0 {
			t.Errorf("%+v: %s, want %s", c, got, c.want)
		}
	}
}

func TestStore_FilledNetworks(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		crowded(t, s)
		create(t, s, vlans("10.9.0.0/24", 24, 2).v6("fd00:9::/48").with(func(n *NewNetworks) { n.VLANStart, n.Range, n.Bits = 300, netip.Prefix{}, 0 }))
		list := func(f NetworkFilter) string {
			var b strings.Builder
			for n, err := range s.FilledNetworks(t.Context(), f) {
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "%d %s/%s ", n.ID, n.Fill.Used, n.Fill.Free)
			}
			return strings.TrimSpace(b.String())
		}
		if got, want := list(NetworkFilter{}), "1 1/16 2 0/25 3 0/61 4 1/60 5 0/18446744073709551614 6 0/18446744073709551614"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, want := list(NetworkFilter{ProjectID: "apollo"}), "1 1/16"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		for _, err := range s.FilledNetworks(t.Context(), NetworkFilter{Host: "nobody"}) {
			wantError(t, err, ErrNotFound, "there is no host nobody")
		}
		for range s.FilledNetworks(t.Context(), NetworkFilter{}) {
			break
		}
	})
}
