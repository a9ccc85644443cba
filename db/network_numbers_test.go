package db

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// What nobody names begins where so many in a row are free, so that a second network create works that names nothing; who
// names a VLAN, a port or an IPv6 block gets exactly that.
func TestStore_CreateNetworks_byDefault(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		want := func(networks []Network, lines ...string) {
			t.Helper()
			var got []string
			for _, n := range networks {
				got = append(got, fmt.Sprintf("%d %s %d %s", n.VLAN, n.Bridge, n.VPNPublicPort, n.CIDRv6))
			}
			if !slices.Equal(got, lines) {
				t.Errorf("got %q, want %q", got, lines)
			}
		}
		drop := func(refs ...string) {
			t.Helper()
			if err := s.DeleteNetworks(t.Context(), refs, true); err != nil {
				t.Fatal(err)
			}
		}
		first := create(t, s, vlans("10.0.1.0/24", 27, 2).with(byDefault))
		want(first, "100 br100 1000 fd00::/64", "101 br101 1001 fd00:0:0:1::/64")
		want(create(t, s, vlans("10.0.2.0/24", 27, 3).with(byDefault)),
			"102 br102 1002 fd00:0:0:2::/64", "103 br103 1003 fd00:0:0:3::/64", "104 br104 1004 fd00:0:0:4::/64")

		// A gap is used by those that fit in it, all of them in a row. A bridge's name that a flat one has is none.
		drop("10.0.1.32/27", "10.0.2.0/27")
		create(t, s, flat("10.9.0.0/24", 24, 1).with(func(n *NewNetworks) { n.Bridge = "br106" }))
		want(create(t, s, vlans("10.0.3.0/24", 27, 3).with(byDefault)),
			"107 br107 1005 fd00:0:0:5::/64", "108 br108 1006 fd00:0:0:6::/64", "109 br109 1007 fd00:0:0:7::/64")
		want(create(t, s, vlans("10.0.4.0/24", 27, 2).with(byDefault)), "101 br101 1001 fd00:0:0:1::/64", "102 br102 1002 fd00:0:0:2::/64")
		want(create(t, s, vlans("10.0.5.0/24", 27, 1).with(byDefault)), "105 br105 1008 fd00:0:0:8::/64")

		// Each by itself: the VLAN is named, the port is not.
		want(create(t, s, vlans("10.0.6.0/24", 27, 1).with(byDefault).with(func(n *NewNetworks) { n.VLANStart, n.VLANStartAsked = 200, true })),
			"200 br200 1009 fd00:0:0:9::/64")
		create(t, s, vlans("10.8.0.0/24", 27, 1).with(func(n *NewNetworks) { n.VLANStart, n.VPNStart = 4000, 4000 }))
		for want, change := range map[string]func(*NewNetworks){
			"VLAN 100 is used by network 1 (10.0.1.0/27, fd00::/64)":                   func(n *NewNetworks) { n.VLANStartAsked = true },
			"VPN port 1000 is used by network 1 (10.0.1.0/27, fd00::/64)":              func(n *NewNetworks) { n.VPNStartAsked = true },
			"fd00::/64 is in the ledger already: network 1 (10.0.1.0/27, fd00::/64)":   func(n *NewNetworks) { n.RangeV6Asked = true },
			"the range from vlan_start 4000 on has no 95 VLANs in a row that are free": func(n *NewNetworks) { n.VLANStart, n.Count = 4000, 95 },
			"fixed_range_v6 fd00::/60 has no 7 /64 slots in a row that are free": func(n *NewNetworks) {
				n.RangeV6, n.Count = prefix("fd00::/60"), 7
			},
			"bridge br106: VlanManager names its bridges itself, and the first free VLAN is 110": func(n *NewNetworks) { n.Bridge = "br106" },
			"gateway_v6 fd00::1 is not in fd00:0:0:a::/64":                                       func(n *NewNetworks) { n.Given.GatewayV6 = addr("fd00::1") },
		} {
			_, err := s.CreateNetworks(t.Context(), vlans("10.7.0.0/16", 27, 1).with(byDefault).with(change))
			wantError(t, err, ErrConflict, want)
		}
		wantClean(t, s)
	})
}

// Asking again by default finds what was made, whatever VLAN it has, and gives what is missing the first ones free.
func TestStore_CreateNetworks_byDefaultIfNotExists(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.9.0/24", 24, 1).v6("fd00::/48"))
		ask := vlans("10.0.1.0/24", 27, 3).with(byDefault).with(ifNotExists)
		first := create(t, s, ask)
		if first[0].VLAN != 101 || first[2].VPNPublicPort != 1003 || first[2].CIDRv6 != prefix("fd00:0:0:3::/64") {
			t.Errorf("first: %+v", first)
		}
		if again := create(t, s, ask); !slices.Equal(again, first) {
			t.Errorf("again: %+v", again)
		}
		if err := s.DeleteNetworks(t.Context(), []string{"10.0.1.0/27", "10.0.9.0/24"}, false); err != nil {
			t.Fatal(err)
		}
		filled := create(t, s, ask)
		if n := filled[0]; n.VLAN != 100 || n.VPNPublicPort != 1000 || n.CIDRv6 != prefix("fd00::/64") || !slices.Equal(filled[1:], first[1:]) {
			t.Errorf("filled: %+v", filled)
		}
		for want, change := range map[string]func(*NewNetworks){
			"network 5 (10.0.1.0/27, fd00::/64) exists with cidr_v6 fd00::/64, not none": func(n *NewNetworks) { n.RangeV6 = netip.Prefix{} },
			"network 3 (10.0.1.32/27, fd00:0:0:2::/64) exists with vlan 102, not 101":    func(n *NewNetworks) { n.VLANStartAsked = true },
			"network 5 (10.0.1.0/27, fd00::/64) exists with bridge br100, not br101":     func(n *NewNetworks) { n.Count, n.Bridge = 1, "br101" },
		} {
			_, err := s.CreateNetworks(t.Context(), ask.with(change))
			wantError(t, err, ErrConflict, want)
		}
		create(t, s, vlans("10.0.5.0/24", 27, 1).with(func(n *NewNetworks) { n.VLANStart, n.VPNStart = 500, 5000 }))
		_, err := s.CreateNetworks(t.Context(), vlans("10.0.5.0/24", 27, 1).with(byDefault).with(ifNotExists))
		wantError(t, err, ErrConflict, "network 6 (10.0.5.0/27) exists with cidr_v6 none, not one of fd00::/48")

		// What has no IPv4 is known by its /64, which is the first one then.
		six := vlans("10.0.1.0/24", 27, 1).with(byDefault)
		six.Range, six.Bits = netip.Prefix{}, 0
		if made := create(t, s, six); made[0].CIDRv6 != prefix("fd00:0:0:1::/64") {
			t.Errorf("IPv6 alone: %+v", made)
		}
		if err := s.DeleteNetworks(t.Context(), []string{"10.0.1.0/27"}, false); err != nil {
			t.Fatal(err)
		}
		again := six.with(ifNotExists)
		again.Count = 2
		made := create(t, s, again)
		if made[0].CIDRv6 != prefix("fd00::/64") || made[1].ID != 7 || !slices.Equal(create(t, s, again), made) {
			t.Errorf("IPv6 alone, again: %+v", made)
		}
		wantClean(t, s)
	})
}

// A VLAN's bridge may be named as VlanManager names it.
func TestStore_CreateNetworks_vlanBridge(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		named := func(bridge string) NewNetworks {
			return vlans("10.0.1.0/24", 27, 1).with(func(n *NewNetworks) { n.Bridge = bridge })
		}
		for want, n := range map[string]NewNetworks{
			"bridge br0: VlanManager names its bridges itself, br<vlan>":                                   named("br0"),
			"bridge br0100: VlanManager names its bridges itself, br<vlan>":                                named("br0100"),
			"bridge br4095: VlanManager names its bridges itself, br<vlan>":                                named("br4095"),
			"bridge br101: VlanManager names its bridges itself, and that of VLAN 100 is br100":            named("br101"),
			"bridge br100: VlanManager names its bridges itself, br<vlan>, and each of 3 networks has one": named("br100").with(func(n *NewNetworks) { n.Count = 3 }),
		} {
			_, err := s.CreateNetworks(t.Context(), n)
			wantError(t, err, ErrInvalid, want)
		}
		if made := create(t, s, named("br100")); made[0].Bridge != "br100" {
			t.Errorf("made %+v", made)
		}
		next := named("br101").with(nextFree)
		if made := create(t, s, next); made[0].VLAN != 101 {
			t.Errorf("made %+v", made)
		}
		_, err := s.CreateNetworks(t.Context(), next)
		wantError(t, err, ErrConflict, "bridge br101: VlanManager names its bridges itself, and the first free VLAN is 102")
	})
}
