package db

import (
	"context"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// wantLinks compares links by bridge, because their order is not promised.
func wantLinks(t *testing.T, s *Store, f LinkFilter, want ...Link) {
	t.Helper()
	got, err := s.Links(t.Context(), f)
	if err != nil {
		t.Fatalf("%+v: %v", f, err)
	}
	slices.SortFunc(got, func(a, b Link) int { return strings.Compare(a.Bridge, b.Bridge) })
	if !slices.EqualFunc(got, want, func(a, b Link) bool { return reflect.DeepEqual(a, b) }) {
		t.Errorf("%+v\n got %+v\nwant %+v", f, got, want)
	}
}

func TestStore_Links(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		wantLinks(t, s, LinkFilter{})
		create(t, s, vlans("10.0.1.0/24", 27, 3).v6("fd00:1::/48").with(func(n *NewNetworks) {
			n.Given = Network{Label: "web", Host: "node1", MTU: 1450, DNS1: addr("8.8.4.4"), DNS2: addr("2001:db8::53")}
		}))
		create(t, s, vlans("10.0.2.0/24", 24, 1).with(func(n *NewNetworks) {
			n.VLANStart, n.VPNStart = 200, 2000
			n.Given = Network{Label: "old", Host: "node2"}
		}))
		dns := []netip.Addr{addr("8.8.4.4"), addr("2001:db8::53")}
		br100 := Link{"br100", prefix("fd00:1::/64"), dns, 1450, false}
		br101 := Link{"br101", prefix("fd00:1:0:1::/64"), dns, 1450, false}
		br102 := Link{"br102", prefix("fd00:1:0:2::/64"), dns, 1450, false}
		wantLinks(t, s, LinkFilter{}, br100, br101, br102)
		wantLinks(t, s, LinkFilter{Host: "node1"}, br100, br101, br102)
		wantLinks(t, s, LinkFilter{Host: "node2"})
		wantLinks(t, s, LinkFilter{Networks: []string{"fd00:1:0:2::/64", "1", "10.0.1.0/27"}}, br100, br102)
		wantLinks(t, s, LinkFilter{Host: "node1", Networks: []string{"2"}}, br101)

		for ref, want := range map[string]string{
			"9":           "there is no network 9",
			"10.9.0.0/24": "there is no network 10.9.0.0/24",
			"fd00:9::/64": "there is no network fd00:9::/64",
			"old":         "nothing to advertise for old: the network has no IPv6",
		} {
			_, err := s.Links(t.Context(), LinkFilter{Networks: []string{"1", ref}})
			wantError(t, err, ErrNotFound, want)
		}
		_, err := s.Links(t.Context(), LinkFilter{Networks: []string{"1"}, Host: "node2"})
		wantError(t, err, ErrNotFound, "nothing to advertise for 1: the network has no IPv6 or is not served by node2")
		_, err = s.Links(t.Context(), LinkFilter{Networks: []string{"web"}})
		wantError(t, err, ErrConflict, "web names more than one network: network 1 (10.0.1.0/27, fd00:1::/64), "+
			"network 2 (10.0.1.32/27, fd00:1:0:1::/64), network 3 (10.0.1.64/27, fd00:1:0:2::/64)")
		_, err = s.Links(t.Context(), LinkFilter{Networks: []string{"10.0.1.1/27"}})
		if !isKind(err, ErrInvalid) {
			t.Errorf("host bits: %v", err)
		}
	})
}

// On a flat bridge the block is that of the whole link, whichever network chose it.
func TestStore_Links_flat(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		given := func(n Network) func(*NewNetworks) { return func(new *NewNetworks) { new.Given = n } }
		create(t, s, flat("10.0.9.0/24", 24, 1).v6("fd00:1::/64").with(given(Network{
			Label: "flat", Host: "node1", DNS1: addr("2001:db8::2"), DNS2: addr("2001:db8::1")})))
		create(t, s, flat("10.0.1.0/24", 24, 1).v6("fd00:1::/64").with(given(Network{
			Label: "flat", Host: "node2", MTU: 1400, DNS1: addr("2001:db8::1"), DNS2: addr("2001:db8::3")})))
		create(t, s, flat("10.0.2.0/24", 24, 1).with(func(n *NewNetworks) {
			n.NoIPv6, n.Given = true, Network{Host: "node3", DNS1: addr("2001:db8::4")}
		}))
		link := Link{"br100", prefix("fd00:1::/64"), []netip.Addr{addr("2001:db8::2"), addr("2001:db8::1"), addr("2001:db8::3")}, 1400, false}
		for _, f := range []LinkFilter{{}, {Host: "node1"}, {Host: "node2"}, {Networks: []string{"fd00:1::/64"}},
			{Networks: []string{"flat"}}, {Networks: []string{"1", "2", "1"}, Host: ""}, {Networks: []string{"flat"}, Host: "node2"}} {
			wantLinks(t, s, f, link)
		}
		wantLinks(t, s, LinkFilter{Host: "node3"})

		const sentence = "bridge br100 has one MTU, but network 1 (10.0.9.0/24, fd00:1::/64) says 1500 and " +
			"network 2 (10.0.1.0/24, fd00:1::/64) says 1400"
		mtu := 1500
		_, err := s.UpdateNetworks(t.Context(), []string{"1"}, NetworkChange{MTU: &mtu})
		wantError(t, err, ErrConflict, sentence)
		_, err = s.CreateNetworks(t.Context(), flat("10.0.3.0/24", 24, 1).with(given(Network{MTU: 9000})))
		wantError(t, err, ErrConflict, "bridge br100 has one MTU, but network 2 (10.0.1.0/24, fd00:1::/64) says 1400 and "+
			"network 4 (10.0.3.0/24, fd00:1::/64) says 9000")
		// Together they may change it.
		if _, err := s.UpdateNetworks(t.Context(), []string{"1", "2"}, NetworkChange{MTU: &mtu}); err != nil {
			t.Error(err)
		}
		// What somebody wrote past the commands is refused where it would be advertised.
		breakBy(t, s, "UPDATE networks SET mtu = 1400 WHERE id = 2")
		_, err = s.Links(t.Context(), LinkFilter{})
		wantError(t, err, ErrConflict, sentence)
		breakBy(t, s, "UPDATE networks SET mtu = 1500 WHERE id = 2")
	})
}

func TestStore_Bridges(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		want := func(host string, want ...string) {
			t.Helper()
			names, err := s.Bridges(t.Context(), host)
			slices.Sort(names)
			if err != nil || !slices.Equal(names, want) {
				t.Errorf("host %q: %v, %v; want %v", host, names, err, want)
			}
		}
		want("")
		on := func(host string) func(*NewNetworks) { return func(n *NewNetworks) { n.Given.Host = host } }
		create(t, s, vlans("10.0.1.0/24", 27, 2).with(on("node1")))
		want("", "br100", "br101")
		flatOn := func(r, host string, ipv6 bool) {
			n := flat(r, 24, 1).with(on(host))
			n.Bridge = "flat0"
			if ipv6 {
				n = n.v6("fd00:1::/64")
			} else {
				n.NoIPv6 = true
			}
			create(t, s, n)
		}
		flatOn("10.0.2.0/24", "node2", true)
		flatOn("10.0.3.0/24", "node2", false)
		flatOn("10.0.4.0/24", "node3", false)
		want("", "br100", "br101", "flat0")
		want("node1", "br100", "br101")
		want("node2", "flat0")
		want("node3", "flat0")
		want("node4")
	})
}

func BenchmarkStore_Links(b *testing.B) {
	for name, n := range map[string]NewNetworks{
		"4094 bridges":            vlans("10.0.0.0/8", 24, 4094).v6("fd00:1::/48").with(func(n *NewNetworks) { n.VLANStart = 1 }),
		"100000 on a flat bridge": flat("10.0.0.0/8", 30, 100_000).v6("fd00:1::/48"),
	} {
		b.Run(name, func(b *testing.B) {
			s := openTest(b, "sqlite:///"+filepath.Join(b.TempDir(), "nova.sqlite"), Create)
			create(b, s, n)
			for b.Loop() {
				if _, err := s.Links(context.Background(), LinkFilter{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A link on which a guest is to have another IPv6 address than SLAAC gives it is one with DHCPv6, unless FlatManager has none.
func TestStore_Links_dhcpv6(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48"))
		boot(t, s, NewInstances{Names: []string{"usual"}, ProjectID: "apollo", Network: "1"})
		boot(t, s, NewInstances{Names: []string{"odd"}, ProjectID: "apollo", Network: "2", FixedIPv6: addr("fd00:1:0:1::77")})
		br100, br101 := Link{Bridge: "br100", CIDRv6: prefix("fd00:1::/64")}, Link{Bridge: "br101", CIDRv6: prefix("fd00:1:0:1::/64"), DHCPv6: true}
		wantLinks(t, s, LinkFilter{}, br100, br101)
		wantLinks(t, s, LinkFilter{Networks: []string{"2"}}, br101)
		if err := s.DeleteInstances(t.Context(), []string{"odd"}); err != nil {
			t.Fatal(err)
		}
		br101.DHCPv6 = false
		wantLinks(t, s, LinkFilter{}, br100, br101)
	})
}
