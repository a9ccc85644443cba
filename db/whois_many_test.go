package db

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"nova-manage/internal/race"
	"nova-manage/netcalc"
)

func whoisMany(t *testing.T, s *Store, r string) (rows []Identity) {
	t.Helper()
	span, err := netcalc.ParseSpan(r)
	if err != nil {
		t.Fatal(err)
	}
	for id, err := range s.WhoisRange(t.Context(), span) {
		if err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		rows = append(rows, id)
	}
	return rows
}

// crowded makes a ledger with something of everything.
func crowded(t *testing.T, s *Store) {
	create(t, s, vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48").with(func(n *NewNetworks) { n.Given.Host, n.VPNClients = "node", 3 }))
	create(t, s, flat("10.0.2.0/24", 26, 2).v6("fd00:2::/48").with(func(n *NewNetworks) { n.Bridge = "br0" }))
	for _, cidr := range []string{"192.0.2.0/28", "192.0.2.16/31", "2001:db8:f::/120"} {
		if _, err := s.CreateFloatingRange(t.Context(), FloatingRange{CIDR: prefix(cidr), Pool: "nova", Host: "gate"}); err != nil {
			t.Fatal(err)
		}
	}
	boot(t, s, instance("first"))
	boot(t, s, instance("web").with(func(n *NewInstances) { n.MAC, n.Host = mac("02:16:3e:33:44:55"), "hyper" }))
	boot(t, s, instance("shared").with(func(n *NewInstances) { n.MAC, n.Network = mac("02:16:3e:00:00:02"), "4" }))
	boot(t, s, instance("gone"))
	if err := s.DeleteInstances(t.Context(), []string{"gone"}); err != nil {
		t.Fatal(err)
	}
	reserve(t, s, "10.0.1.20-10.0.1.24", "10.0.1.10", "fd00:2::100/120", "fd00:1::8000/120")
	for _, a := range []string{"192.0.2.7", "2001:db8:f::5"} {
		if _, err := s.AssociateFloating(t.Context(), "web", addr(a), FloatingFrom{}); err != nil {
			t.Fatal(err)
		}
	}
	// The gateway moves onto an address that somebody had.
	if err := s.DeleteInstances(t.Context(), []string{"first"}); err != nil {
		t.Fatal(err)
	}
	gateway := addr("10.0.1.3")
	if _, err := s.UpdateNetworks(t.Context(), []string{"1"}, NetworkChange{Gateway: &gateway}); err != nil {
		t.Fatal(err)
	}
}

// A range in one network is what each of its addresses is.
func TestStore_WhoisRange_model(t *testing.T) {
	race.SkipAlone(t)
	eachEngine(t, func(t *testing.T, s *Store) {
		crowded(t, s)
		for _, r := range []string{"10.0.1.0/27", "10.0.1.32/27", "10.0.2.64/26", "10.0.1.2-10.0.1.21", "10.0.1.22", "10.0.1.29-10.0.1.31", "10.0.1.12-10.0.1.14",
			"192.0.2.0/28", "192.0.2.16/31", "192.0.2.1-192.0.2.6", "fd00:1::/120", "fd00:1::80f0-fd00:1::81ff", "fd00:2::/119",
			"fd00:1::16:3eff:fe33:4400/120", "2001:db8:f::/120"} {
			rows := whoisMany(t, s, r)
			if k := rows[0].Kind; k != kindNetwork && k != kindFloatingRange && k != kindBridge {
				t.Errorf("%s begins with %s", r, k)
			}
			told := rows[1:]
			if !slices.IsSortedFunc(told, func(a, b Identity) int { return a.Span.First.Compare(b.Span.First) }) {
				t.Errorf("%s is not in order: %v", r, told)
			}
			span, _ := netcalc.ParseSpan(r)
			for a := span.First; ; a = a.Next() {
				want, err := s.Whois(t.Context(), a)
				if err != nil {
					t.Fatal(err)
				}
				got := Identity{State: stateFree}
				n := 0
				for _, id := range told {
					if id.Span.Contains(a) {
						got = id
						n++
					}
				}
				// Of what the ledger has no row of, only the single address is traced to a guest.
				if n > 1 || got.State != want.State || n == 1 && whoisText(got) != whoisText(want) && want.MAC == got.MAC {
					t.Errorf("%s of %s: %d rows\n got %s\nwant %s", a, r, n, whoisText(got), whoisText(want))
				}
				if a == span.Last {
					break
				}
			}
		}
	})
}

func TestStore_WhoisRange(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		crowded(t, s)
		short := func(rows []Identity) (texts []string) {
			for _, id := range rows {
				place := id.CIDR.String()
				if id.Span.First.IsValid() {
					place = id.Span.String()
				}
				texts = append(texts, fmt.Sprintf("%s %s %d", place, id.Kind, id.NetworkID))
			}
			return texts
		}
		for r, want := range map[string][]string{
			"10.0.0.0/8": {"10.0.0.0-10.0.0.255 unclaimed 0", "10.0.1.0/27 network 1", "10.0.1.32/27 network 2", "10.0.1.64-10.0.1.255 unclaimed 0",
				"10.0.2.0/26 network 3", "10.0.2.64/26 network 4", "10.0.2.128-10.255.255.255 unclaimed 0"},
			"10.0.1.40-10.0.2.1":    {"10.0.1.32/27 network 2", "10.0.1.64-10.0.1.255 unclaimed 0", "10.0.2.0/26 network 3"},
			"fd00:1::/47":           {"fd00:1::/64 network 1", "fd00:1:0:1::/64 network 2", "fd00:1:0:2::-fd00:1:1:ffff:ffff:ffff:ffff:ffff unclaimed 0"},
			"fd00:2::/63":           {"fd00:2::/64 bridge 0", "fd00:2:0:1::-fd00:2:0:1:ffff:ffff:ffff:ffff unclaimed 0"},
			"192.0.2.15-192.0.2.16": {"192.0.2.0/28 floating_range 0", "192.0.2.16/31 floating_range 0"},
			// In the order of the keys all of IPv4 is in the first of these ranges, and in none of IPv6's.
			"::/0": {"::-2001:db8:e:ffff:ffff:ffff:ffff:ffff unclaimed 0", "2001:db8:f::/120 floating_range 0",
				"2001:db8:f::100-fd00:0:ffff:ffff:ffff:ffff:ffff:ffff unclaimed 0", "fd00:1::/64 network 1", "fd00:1:0:1::/64 network 2",
				"fd00:1:0:2::-fd00:1:ffff:ffff:ffff:ffff:ffff:ffff unclaimed 0", "fd00:2::/64 bridge 0",
				"fd00:2:0:1::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff unclaimed 0"},
			"::/16":                     nil,
			"::fffe:0:0/95":             nil,
			"255.0.0.0-255.255.255.255": nil,
			"2001:db8:e::/48":           nil,
		} {
			var got []string
			if want == nil {
				span, _ := netcalc.ParseSpan(r)
				for _, err := range s.WhoisRange(t.Context(), span) {
					wantError(t, err, ErrNotFound, "nothing of "+storedSpan(span)+" is in a network or a floating range")
				}
				continue
			}
			if got = short(whoisMany(t, s, r)); !slices.Equal(got, want) {
				t.Errorf("%s\n got %q\nwant %q", r, got, want)
			}
		}
		// Whoever wants no more is told no more.
		for range s.WhoisRange(t.Context(), netcalc.SpanOf(netip.MustParsePrefix("10.0.0.0/8"))) {
			break
		}
		var got []string
		for id, err := range s.WhoisProject(t.Context(), "apollo") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, whoisText(id))
		}
		want := []string{
			"network in_use net=1 cidr=10.0.1.0/27 vlan=100 bridge=br100 project=apollo host=node",
			"network in_use net=1 cidr=fd00:1::/64 vlan=100 bridge=br100 project=apollo host=node",
			"instance held net=1 cidr=10.0.1.0/27 vlan=100 bridge=br100 mac=02:16:3e:33:44:55 instance=web project=apollo host=hyper",
			"instance held net=4 cidr=10.0.2.64/26 bridge=br0 mac=02:16:3e:00:00:02 instance=shared project=apollo",
		}
		if !slices.Equal(got, want) {
			t.Errorf("apollo\n got %q\nwant %q", got, want)
		}
		for _, err := range s.WhoisProject(t.Context(), "nobody") {
			wantError(t, err, ErrNotFound, "there is no project nobody")
		}
	})
}
