package db

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"testing"

	"nova-manage/netcalc"
)

// site is a site of everything: two VLANs, two flat networks of one bridge, one network of IPv6 alone, instances and what goes
// with them.
func site() Import {
	mac := func(n byte) netcalc.MAC { return netcalc.MAC{0x02, 0x16, 0x3e, 0, 0, n} }
	eui := func(p string, n byte) netip.Addr {
		a, _ := netcalc.EUI64(prefix(p), mac(n))
		return a
	}
	span := func(s string) netcalc.Span {
		v, err := netcalc.ParseSpan(s)
		if err != nil {
			panic(err)
		}
		return v
	}
	network := func(n Network, reserved ...string) ImportNetwork {
		i := ImportNetwork{Network: n}
		for _, r := range reserved {
			i.Reserved = append(i.Reserved, span(r))
		}
		return i
	}
	instance := func(i Instance, groups ...int64) ImportInstance {
		return ImportInstance{Instance: i, Row: i.ID, Groups: groups}
	}
	return Import{
		Projects: []Project{{ID: "apollo", Description: "to the moon"}, {ID: "idle"}},
		Networks: []ImportNetwork{
			network(Network{ID: 7, Manager: VlanManager, CIDR: prefix("10.5.0.0/27"), Bridge: "br105", VLAN: 105, VPNPublicAddress: addr("192.0.2.1"),
				VPNPublicPort: 1005, VPNClients: 3, CIDRv6: prefix("fd00:5::/64"), GatewayV6: addr("fd00:5::1"), ProjectID: "apollo", Host: "node1", Label: "a"},
				"10.5.0.10-10.5.0.12", "10.5.0.20"),
			network(Network{ID: 3, Manager: VlanManager, CIDR: prefix("10.5.0.32/29"), Bridge: "br104", VLAN: 104, VPNPublicPort: 1004, ProjectID: "gemini"}),
			network(Network{ID: 9, Manager: FlatDHCPManager, CIDR: prefix("10.6.0.0/30"), Bridge: "brf", CIDRv6: prefix("fd00:6::/64"), GatewayV6: addr("fd00:6::1"), MTU: 1500}),
			network(Network{ID: 10, Manager: FlatDHCPManager, CIDR: prefix("10.6.0.8/29"), Gateway: addr("10.6.0.14"), Bridge: "brf"}),
			network(Network{ID: 11, Manager: FlatManager, CIDRv6: prefix("2001:db8::/64"), GatewayV6: addr("2001:db8::1"), Bridge: "br6"}),
		},
		Instances: []ImportInstance{
			instance(Instance{ID: 42, Name: "web", ProjectID: "apollo", NetworkID: 7, MAC: mac(1), FixedIP: addr("10.5.0.3"), FixedIPv6: eui("fd00:5::/64", 1),
				FloatingIP: addr("203.0.113.9"), Host: "c1"}, 5, 6),
			instance(Instance{ID: 0, Name: "web-2", ProjectID: "apollo", NetworkID: 9, MAC: mac(2), FixedIP: addr("10.6.0.2"), FixedIPv6: eui("fd00:6::/64", 2)}),
			instance(Instance{ID: 43, Name: "six", ProjectID: "gemini", NetworkID: 11, MAC: mac(3), FixedIPv6: eui("2001:db8::/64", 3)}, 8),
			instance(Instance{ID: 40, Name: "flat", ProjectID: "gemini", NetworkID: 10, MAC: mac(4), FixedIP: addr("10.6.0.10")}, 8),
		},
		Ranges: []ImportRange{
			{FloatingRange{CIDR: prefix("203.0.113.8/29"), Pool: "nova", Host: "node1", Interface: "eth0"}, 1},
			{FloatingRange{CIDR: prefix("203.0.113.1/32"), Pool: "nova", Host: "node1"}, 9},
		},
		Groups: []ImportGroup{
			{SecurityGroup{ID: 5, ProjectID: "apollo", Name: "web"}, []ImportRule{{Rule{Protocol: "tcp", From: 80, To: 80, CIDR: prefix("::/0")}, 0},
				{Rule{Protocol: "icmp", From: -1, To: -1}, 6}}},
			{SecurityGroup{ID: 6, ProjectID: "apollo", Name: "default"}, nil},
			{SecurityGroup{ID: 8, ProjectID: "gemini", Name: "default"}, []ImportRule{{Rule{Protocol: "udp", From: 1, To: 9}, 8}}},
		},
		Quotas: []ImportQuota{{"apollo", "instances", 8, 1}, {"lonely", "networks", 0, 2}},
	}
}

func TestStore_ImportSite(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		want := site()
		done, err := s.ImportSite(ctx, want)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(want, site()) {
			t.Error("the site that was handed over is another one")
		}
		if len(done.Networks) != 0 || len(done.Instances) != 0 || done.Reservations != 2 || done.Addresses != 6 {
			t.Errorf("%+v", done)
		}
		wantClean(t, s)
		for name, is := range map[string]string{"i-0000002a": "42", "i-0000002b": "43", "i-00000028": "40", "i-0000002c": "44", "203.0.113.9": "42", "10.6.0.10": "40"} {
			if got, err := s.FindInstances(ctx, name); err != nil || fmt.Sprint(got[0].ID) != is {
				t.Errorf("%s is %+v, %v", name, got, err)
			}
		}
		if got, err := s.FindNetworks(ctx, "7"); err != nil || got[0].Gateway != addr("10.5.0.1") || got[0].DHCPStart != addr("10.5.0.3") ||
			got[0].VPNPrivateAddress != addr("10.5.0.2") || got[0].Broadcast != addr("10.5.0.31") || got[0].Netmask != addr("255.255.255.224") {
			t.Errorf("%+v, %v", got, err)
		}
		// The ledger goes on from there: numbers behind the highest, the addresses that are left, none of what is kept.
		made, err := s.CreateInstances(ctx, NewInstances{Names: []string{"n1", "n2", "n3", "n4", "n5", "n6", "n7"}, ProjectID: "apollo", Network: "7", FixedIP: netip.Addr{}})
		if err == nil {
			t.Errorf("more than the quota: %+v", made)
		}
		if _, err := s.SetQuota(ctx, "apollo", "instances", Unlimited); err != nil {
			t.Fatal(err)
		}
		if made, err = s.CreateInstances(ctx, NewInstances{Names: []string{"n1", "n2", "n3", "n4", "n5", "n6", "n7"}, ProjectID: "apollo", Network: "7"}); err != nil ||
			made[0].ID != 45 || made[0].FixedIP != addr("10.5.0.4") || made[6].FixedIP != addr("10.5.0.13") {
			t.Errorf("%+v, %v", made, err)
		}
		if _, err := s.CreateInstances(ctx, NewInstances{Names: []string{"full"}, ProjectID: "x", Network: "9"}); !errors.Is(err, ErrConflict) {
			t.Errorf("an address of a full network: %v", err)
		}
		if err := s.UnreserveAddresses(ctx, []netcalc.Span{netcalc.SpanOf(prefix("10.5.0.10/32"))}); err != nil {
			t.Error(err)
		}
		if got, err := s.AssociateFloating(ctx, "n1", netip.Addr{}, FloatingFrom{Pool: "nova"}); err != nil || got.First == addr("203.0.113.9") {
			t.Errorf("%+v, %v", got, err)
		}
		if err := s.DeleteNetworks(ctx, []string{"7"}, true); err != nil {
			t.Error(err)
		}
	})
}

// Everything that the ledger has in the way is named, and then nothing is imported.
func TestStore_ImportSite_clashes(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		if _, err := s.ImportSite(ctx, site()); err != nil {
			t.Fatal(err)
		}
		before := dump(t, s)
		again := site()
		again.Quotas[0].Limit = 11
		again.Groups[0].Rules = nil
		done, err := s.ImportSite(ctx, again)
		if !errors.Is(err, ErrConflict) || err.Error() != "13 rows collide with the ledger" {
			t.Errorf("%v", err)
		}
		tables := map[string]int{}
		for _, c := range done.Clashes {
			tables[c.Table]++
		}
		if want := map[string]int{"networks": 5, "instances": 4, "floating_ips": 2, "security_groups": 1, "quotas": 1}; !reflect.DeepEqual(tables, want) {
			t.Errorf("%v: %+v", tables, done.Clashes)
		}
		if !reflect.DeepEqual(dump(t, s), before) {
			t.Error("the ledger has changed")
		}
	})
}

// A ledger that holds something else takes a site in: what number it has handed out itself is not that of another thing.
func TestStore_ImportSite_beside(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		create(t, s, vlans("10.0.1.0/24", 27, 8))
		if _, err := s.CreateInstances(ctx, NewInstances{Names: []string{"old"}, ProjectID: "apollo"}); err != nil {
			t.Fatal(err)
		}
		// The default group of apollo here is not that of the site.
		other := site()
		done, err := s.ImportSite(ctx, other)
		if !errors.Is(err, ErrConflict) || len(done.Clashes) == 0 {
			t.Fatalf("%v, %+v", err, done)
		}
		for _, c := range done.Clashes {
			if c.Table == "security_groups" && c.Row != "6" {
				t.Errorf("%+v", c)
			}
		}
		// Of two sites with the same tenants each has the same default group.
		other.Groups = other.Groups[2:]
		other.Instances[0].Groups = nil
		for i := range other.Networks {
			if n := &other.Networks[i]; n.VLAN != 0 {
				n.VLAN, n.VPNPublicPort = n.VLAN+500, n.VPNPublicPort+500
				n.Bridge = vlanBridge(n.VLAN)
			}
		}
		if done, err = s.ImportSite(ctx, other); err != nil {
			t.Fatalf("%v, %+v", err, done)
		}
		if want := map[int64]int64{7: 12, 3: 13}; !reflect.DeepEqual(done.Networks, want) || len(done.Instances) != 0 {
			t.Errorf("%+v, want %v", done, want)
		}
		wantClean(t, s)
		other.Groups[0].Rules = append(other.Groups[0].Rules, ImportRule{Rule{Protocol: "tcp", From: 1, To: 1}, 8})
		if done, err = s.ImportSite(ctx, Import{Groups: other.Groups}); !errors.Is(err, ErrConflict) || len(done.Clashes) != 1 {
			t.Errorf("other rules: %v, %+v", err, done)
		}
		if done, err = s.ImportSite(ctx, Import{Groups: site().Groups[2:]}); err != nil {
			t.Errorf("the same rules: %v, %+v", err, done)
		}
	})
}

// What contradicts itself is refused, and nothing of it stays.
func TestStore_ImportSite_invalid(t *testing.T) {
	for name, spoil := range map[string]func(*Import){
		"no network":        func(i *Import) { i.Instances[0].NetworkID = 99 },
		"no group":          func(i *Import) { i.Instances[0].Groups = []int64{99} },
		"no source":         func(i *Import) { i.Groups[0].Rules[1].SourceID = 99 },
		"rule":              func(i *Import) { i.Groups[0].Rules[0].To = -5 },
		"floating":          func(i *Import) { i.Instances[0].FloatingIP = addr("203.0.113.200") },
		"range":             func(i *Import) { i.Ranges[0].CIDR = prefix("127.0.0.0/8") },
		"gateway":           func(i *Import) { i.Networks[0].Gateway = addr("10.9.9.9") },
		"anycast":           func(i *Import) { i.Networks[0].GatewayV6 = addr("fd00:5::") },
		"address of nobody": func(i *Import) { i.Networks = i.Networks[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s *Store) {
				before := dump(t, s)
				spoilt := site()
				spoil(&spoilt)
				if _, err := s.ImportSite(t.Context(), spoilt); !errors.Is(err, ErrInvalid) {
					t.Errorf("%v", err)
				}
				if !reflect.DeepEqual(dump(t, s), before) {
					t.Error("the ledger has changed")
				}
			})
		})
	}
}
