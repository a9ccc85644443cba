package db

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

func isKind(err, kind error) bool { return errors.Is(err, kind) }

func TestStore_CreateNetworks_values(t *testing.T) {
	t.Run("VlanManager", func(t *testing.T) {
		eachEngine(t, func(t *testing.T, s *Store) {
			got := create(t, s, vlans("10.0.1.0/24", 27, 3).v6("fd00:1::/48"))
			want := Network{ID: 2, Manager: VlanManager, CIDR: prefix("10.0.1.32/27"), Netmask: addr("255.255.255.224"),
				Gateway: addr("10.0.1.33"), Broadcast: addr("10.0.1.63"), DHCPStart: addr("10.0.1.35"), Bridge: "br101",
				BridgeInterface: "eth0", VLAN: 101, VPNPublicAddress: addr("192.0.2.1"), VPNPublicPort: 1001,
				VPNPrivateAddress: addr("10.0.1.34"), CIDRv6: prefix("fd00:1:0:1::/64"), GatewayV6: addr("fd00:1:0:1::1"),
				CreatedAt: testTime}
			if len(got) != 3 || got[1] != want {
				t.Errorf("second network\n got %+v\nwant %+v", got[1], want)
			}
			if stored := allNetworks(t, s); !slices.Equal(stored, got) {
				t.Errorf("stored\n got %+v\nwant %+v", stored, got)
			}
		})
	})
	t.Run("FlatDHCPManager", func(t *testing.T) {
		eachEngine(t, func(t *testing.T, s *Store) {
			got := create(t, s, flat("10.0.1.0/24", 27, 3).v6("fd00:1::/48"))
			want := Network{ID: 3, Manager: FlatDHCPManager, CIDR: prefix("10.0.1.64/27"), Netmask: addr("255.255.255.224"),
				Gateway: addr("10.0.1.65"), Broadcast: addr("10.0.1.95"), DHCPStart: addr("10.0.1.66"), Bridge: "br100",
				CIDRv6: prefix("fd00:1::/64"), GatewayV6: addr("fd00:1::1"), DNS1: addr("8.8.4.4"), CreatedAt: testTime}
			if len(got) != 3 || got[2] != want {
				t.Errorf("third network\n got %+v\nwant %+v", got[2], want)
			}
			if stored := allNetworks(t, s); !slices.Equal(stored, got) {
				t.Errorf("stored\n got %+v\nwant %+v", stored, got)
			}
		})
	})
	t.Run("IPv6 only", func(t *testing.T) {
		eachEngine(t, func(t *testing.T, s *Store) {
			v6 := vlans("10.0.0.0/8", 24, 2).v6("2001:db8::/56")
			v6.Range, v6.Bits = netip.Prefix{}, 0
			got := create(t, s, v6)
			want := Network{ID: 2, Manager: VlanManager, Bridge: "br101", BridgeInterface: "eth0", VLAN: 101,
				CIDRv6: prefix("2001:db8:0:1::/64"), GatewayV6: addr("2001:db8:0:1::1"), CreatedAt: testTime}
			if len(got) != 2 || got[1] != want {
				t.Errorf("second network\n got %+v\nwant %+v", got[1], want)
			}
			create(t, s, vlans("10.0.0.0/24", 24, 1).with(func(n *NewNetworks) { n.VLANStart = 200 }))
			wantCIDRs(t, allNetworks(t, s), "10.0.0.0/24", "2001:db8::/64", "2001:db8:0:1::/64")
		})
	})
}

// Every row of what Nova accepted and should not have: nothing is written, and both sides are named.
func TestStore_CreateNetworks_conflict(t *testing.T) {
	for _, tt := range []struct {
		name string
		ask  NewNetworks
		want string
	}{
		{"rerun", vlans("10.0.1.0/24", 27, 3), "10.0.1.0/27 is in the ledger already: network 1 (10.0.1.0/27, fd00:1::/64)"},
		{"overlap", vlans("10.0.0.0/16", 16, 1).with(func(n *NewNetworks) { n.VLANStart, n.VPNStart = 200, 2000 }),
			"10.0.0.0/16 overlaps network 1 (10.0.1.0/27, fd00:1::/64)"},
		{"overlap in the middle", vlans("10.0.0.0/16", 24, 2).with(func(n *NewNetworks) { n.VLANStart, n.VPNStart = 200, 2000 }),
			"10.0.1.0/24 overlaps network 1 (10.0.1.0/27, fd00:1::/64)"},
		{"VLAN", vlans("10.0.2.0/24", 27, 3).with(func(n *NewNetworks) { n.VLANStart, n.VPNStart = 98, 2000 }),
			"VLAN 100 is used by network 1 (10.0.1.0/27, fd00:1::/64)"},
		{"port", vlans("10.0.2.0/24", 27, 3).with(func(n *NewNetworks) { n.VLANStart, n.VPNStart = 200, 998 }),
			"VPN port 1000 is used by network 1 (10.0.1.0/27, fd00:1::/64)"},
		{"IPv6", vlans("10.0.2.0/24", 27, 3).v6("fd00:1::/48").with(func(n *NewNetworks) { n.VLANStart, n.VPNStart = 200, 2000 }),
			"fd00:1::/64 is in the ledger already: network 1 (10.0.1.0/27, fd00:1::/64)"},
		{"a flat network on a VLAN's bridge", flat("10.0.2.0/24", 24, 1), "bridge br100 belongs to VLAN 100"},
		{"a flat /64 that a VLAN has", flat("10.0.2.0/24", 24, 1).v6("fd00:1:0:1::/64").with(func(n *NewNetworks) { n.Bridge = "br0" }),
			"fd00:1:0:1::/64 is in the ledger already: network 2 (10.0.1.32/27, fd00:1:0:1::/64)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s *Store) {
				before := create(t, s, vlans("10.0.1.0/24", 27, 3).v6("fd00:1::/48"))
				_, err := s.CreateNetworks(t.Context(), tt.ask)
				wantError(t, err, ErrConflict, tt.want)
				if after := allNetworks(t, s); !slices.Equal(after, before) {
					t.Errorf("the ledger changed: %+v", after)
				}
			})
		})
	}
}

func TestStore_CreateNetworks_flatBridge(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, flat("10.0.1.0/24", 24, 1).v6("fd00:1::/48").with(func(n *NewNetworks) { n.Given.GatewayV6 = addr("fd00:1::fe") }))
		later := create(t, s, flat("10.0.2.0/24", 24, 1))[0]
		if later.CIDRv6 != prefix("fd00:1::/64") || later.GatewayV6 != addr("fd00:1::fe") {
			t.Errorf("a later network has %s by %s, want its bridge's fd00:1::/64 by fd00:1::fe", later.CIDRv6, later.GatewayV6)
		}
		byDefault := create(t, s, flat("10.0.3.0/24", 24, 1).v6("fd00::/48").with(func(n *NewNetworks) { n.RangeV6Asked = false }))[0]
		if byDefault.CIDRv6 != prefix("fd00:1::/64") {
			t.Errorf("with the default range %s, want the bridge's fd00:1::/64", byDefault.CIDRv6)
		}
		without := create(t, s, flat("10.0.4.0/24", 24, 1).with(func(n *NewNetworks) { n.NoIPv6 = true }))[0]
		if without.CIDRv6.IsValid() {
			t.Errorf("with nouse_ipv6 it has %s", without.CIDRv6)
		}
		_, err := s.CreateNetworks(t.Context(), flat("10.0.5.0/24", 24, 1).v6("fd00:2::/48"))
		wantError(t, err, ErrConflict, "bridge br100 has the IPv6 prefix fd00:1::/64, and fixed_range_v6 fd00:2::/48 asks for fd00:2::/64")
		_, err = s.CreateNetworks(t.Context(), vlans("10.0.5.0/24", 24, 1))
		wantError(t, err, ErrConflict, "VLAN 100 needs bridge br100, which flat networks are on")
		skipped := create(t, s, vlans("10.0.5.0/24", 24, 1).with(nextFree))[0]
		if skipped.VLAN != 101 {
			t.Errorf("the first free VLAN is %d, want 101: br100 is a flat bridge", skipped.VLAN)
		}
		_, err = s.FindNetworks(t.Context(), "fd00:1::/64")
		wantError(t, err, ErrConflict, "fd00:1::/64 names more than one network: network 1 (10.0.1.0/24, fd00:1::/64), "+
			"network 2 (10.0.2.0/24, fd00:1::/64), network 3 (10.0.3.0/24, fd00:1::/64)")
	})
}

func TestStore_CreateNetworks_ipv6OnlyOnFlatBridge(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		only := flat("10.0.0.0/8", 24, 1).v6("fd00:1::/48")
		only.Range, only.Bits = netip.Prefix{}, 0
		create(t, s, only)
		create(t, s, flat("10.0.1.0/24", 24, 1))
		_, err := s.CreateNetworks(t.Context(), only)
		wantError(t, err, ErrConflict, "fd00:1::/64 is in the ledger already: network 1 (fd00:1::/64)")
		again := create(t, s, only.with(ifNotExists))
		if again[0].ID != 1 {
			t.Errorf("network %d, want the one that is there", again[0].ID)
		}
	})
}

func TestStore_CreateNetworks_ifNotExists(t *testing.T) {
	ask := vlans("10.0.1.0/24", 27, 3).v6("fd00:1::/48").with(ifNotExists)
	eachEngine(t, func(t *testing.T, s *Store) {
		first := create(t, s, ask)
		if again := create(t, s, ask); !slices.Equal(again, first) {
			t.Errorf("again: %+v", again)
		}
		more := create(t, s, ask.with(func(n *NewNetworks) { n.Count = 5 }))
		if len(more) != 5 || !slices.Equal(more[:3], first) || more[4].VLAN != 104 || more[4].VPNPublicPort != 1004 {
			t.Errorf("five: %+v", more)
		}
		if err := s.DeleteNetworks(t.Context(), []string{"2"}, false); err != nil {
			t.Fatal(err)
		}
		filled := create(t, s, ask)
		if filled[1].ID != 6 || filled[1].CIDR != first[1].CIDR || filled[1].VLAN != 101 {
			t.Errorf("the gap is filled with %+v", filled[1])
		}
		label := "later"
		if _, err := s.UpdateNetworks(t.Context(), []string{"1"}, NetworkChange{Label: &label}); err != nil {
			t.Fatal(err)
		}
		create(t, s, ask) // a label that nobody asks for may be anything
		for want, change := range map[string]func(*NewNetworks){
			"network 1 (10.0.1.0/27, fd00:1::/64) exists with label later, not web":         func(n *NewNetworks) { n.Given.Label = "web" },
			"network 1 (10.0.1.0/27, fd00:1::/64) exists with vlan 100, not 200":            func(n *NewNetworks) { n.VLANStart = 200 },
			"network 1 (10.0.1.0/27, fd00:1::/64) exists with vpn_public_port 1000, not 99": func(n *NewNetworks) { n.VPNStart, n.VPNStartAsked = 99, true },
			"network 1 (10.0.1.0/27, fd00:1::/64) exists with cidr_v6 fd00:1::/64, not none": func(n *NewNetworks) {
				n.RangeV6 = netip.Prefix{}
			},
			"10.0.1.0/26 overlaps network 1 (10.0.1.0/27, fd00:1::/64)": func(n *NewNetworks) {
				n.Bits, n.RangeV6, n.VLANStart, n.VPNStart = 26, netip.Prefix{}, 300, 3000
			},
		} {
			_, err := s.CreateNetworks(t.Context(), ask.with(change))
			wantError(t, err, ErrConflict, want)
		}
	})
}

func TestStore_CreateNetworks_nextFree(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 3).v6("fd00:1::/48"))
		if err := s.DeleteNetworks(t.Context(), []string{"10.0.1.32/27"}, false); err != nil {
			t.Fatal(err)
		}
		// A later IPv6 slot is free than the IPv4 one: each family takes its own first free one.
		v6 := vlans("10.0.0.0/8", 24, 1).v6("fd00:1:0:1::/64").with(func(n *NewNetworks) { n.VLANStart, n.VPNStart = 300, 3000 })
		v6.Range, v6.Bits = netip.Prefix{}, 0
		create(t, s, v6)
		got := create(t, s, vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48").with(nextFree))
		wantCIDRs(t, got, "10.0.1.32/27", "10.0.1.96/27")
		if got[0].VLAN != 101 || got[1].VLAN != 103 || got[0].VPNPublicPort != 1001 || got[1].VPNPublicPort != 1003 {
			t.Errorf("VLANs and ports %+v", got)
		}
		if got[0].CIDRv6 != prefix("fd00:1:0:3::/64") || got[1].CIDRv6 != prefix("fd00:1:0:4::/64") {
			t.Errorf("IPv6 %s and %s", got[0].CIDRv6, got[1].CIDRv6)
		}
		_, err := s.CreateNetworks(t.Context(), vlans("10.0.1.0/24", 27, 5).with(nextFree))
		wantError(t, err, ErrConflict, "fixed_range 10.0.1.0/24 has 4 free /27 slots, and 5 are asked for")
	})
}

// The first free slot against a brute-force model: a /24 of 256 addresses, networks of all sizes made and deleted at random.
func TestStore_nextFreeModel(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		random := rand.New(rand.NewPCG(1, 2))
		var taken [256]int64 // the network that has each address
		for range 300 {
			if random.IntN(3) == 0 {
				all := allNetworks(t, s)
				if len(all) == 0 {
					continue
				}
				n := all[random.IntN(len(all))]
				if err := s.DeleteNetworks(t.Context(), []string{fmt.Sprint(n.ID)}, false); err != nil {
					t.Fatal(err)
				}
				for i := range taken {
					if taken[i] == n.ID {
						taken[i] = 0
					}
				}
				continue
			}
			// Carve a part of the /24, so that free ranges are cut by it on both sides.
			outer := 24 + random.IntN(3)
			part := random.IntN(1 << (outer - 24))
			bits := outer + random.IntN(31-outer)
			size, from := 1<<(32-bits), part<<(32-outer)
			want := -1
			for at := from; at+size <= from+1<<(32-outer) && want < 0; at += size {
				if !slices.ContainsFunc(taken[at:at+size], func(id int64) bool { return id != 0 }) {
					want = at
				}
			}
			ask := flat(fmt.Sprintf("10.9.9.%d/%d", from, outer), bits, 1).with(nextFree)
			made, err := s.CreateNetworks(t.Context(), ask)
			if want < 0 {
				if !errors.Is(err, ErrConflict) {
					t.Fatalf("%s /%d: %v, %v; want a conflict", ask.Range, bits, made, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if expect := fmt.Sprintf("10.9.9.%d/%d", want, bits); made[0].CIDR.String() != expect {
				t.Fatalf("in %s: %s, want %s", ask.Range, made[0].CIDR, expect)
			}
			for i := want; i < want+size; i++ {
				taken[i] = made[0].ID
			}
		}
	})
}

// What NETWORK may be, and what only looks like it.
func TestStore_FindNetworks_spelling(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48"))
		label := "+2"
		if _, err := s.UpdateNetworks(t.Context(), []string{"1"}, NetworkChange{Label: &label}); err != nil {
			t.Fatal(err)
		}
		for ref, id := range map[string]int64{
			"2": 2, "+2": 1, "10.0.1.32/27": 2, "10.0.1.32/255.255.255.224": 2, "10.0.1.32-10.0.1.63": 2, "fd00:1:0:1::/64": 2, "FD00:1:0:0::/64": 1,
		} {
			found, err := s.FindNetworks(t.Context(), ref)
			if err != nil || found[0].ID != id {
				t.Errorf("%s: %+v, %v; want network %d", ref, found, err, id)
			}
		}
		for _, ref := range []string{"02", "-2", "0", "99999999999999999999", "10.0.1.0", "10.0.1.0/28", "fd00:1::/48", "fd00:1::", "10.0.1.0-10.0.1.30"} {
			_, err := s.FindNetworks(t.Context(), ref)
			wantError(t, err, ErrNotFound, "there is no network "+ref)
		}
		_, err := s.FindNetworks(t.Context(), "10.0.1.0/33")
		wantError(t, err, ErrInvalid, `"10.0.1.0/33" is not an address range: prefix length "33" is over 32`)
		_, err = s.FindNetworks(t.Context(), "10.0.1.33/27")
		wantError(t, err, ErrInvalid, `"10.0.1.33/27" has host bits set: the network is 10.0.1.32/27`)
	})
}

func TestStore_UpdateNetworks(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 2))
		label, mtu, dns := "web", 1400, addr("fd00::53")
		got, err := s.UpdateNetworks(t.Context(), []string{"10.0.1.0/27", "1"}, NetworkChange{Label: &label, MTU: &mtu, DNS1: &dns})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0].Label != "web" || got[0].MTU != 1400 || got[0].DNS1 != dns || got[0].UpdatedAt != testTime {
			t.Errorf("changed: %+v", got)
		}
		found, err := s.FindNetworks(t.Context(), "web")
		if err != nil || found[0] != got[0] {
			t.Errorf("found %+v, %v", found, err)
		}
		none, gateway := "", addr("10.0.1.3")
		got, err = s.UpdateNetworks(t.Context(), []string{"web"}, NetworkChange{Label: &none, Gateway: &gateway})
		if err != nil || got[0].Label != "" || got[0].Gateway != gateway || got[0].DHCPStart != addr("10.0.1.4") {
			t.Errorf("changed: %+v, %v", got, err)
		}
		v6 := addr("fd00::1")
		_, err = s.UpdateNetworks(t.Context(), []string{"1", "2"}, NetworkChange{GatewayV6: &v6})
		wantError(t, err, ErrConflict, "network 1 (10.0.1.0/27) has no IPv6, so it has no gateway_v6")
		_, err = s.UpdateNetworks(t.Context(), []string{"1", "9"}, NetworkChange{Label: &label})
		wantError(t, err, ErrNotFound, "there is no network 9")
		if n := allNetworks(t, s)[0]; n.Label != "" {
			t.Errorf("half a command was done: %+v", n)
		}
	})
}

func TestStore_DeleteNetworks(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		project := "apollo"
		create(t, s, vlans("10.0.1.0/24", 27, 3).v6("fd00:1::/48"))
		if _, err := s.UpdateNetworks(t.Context(), []string{"2"}, NetworkChange{ProjectID: &project}); err != nil {
			t.Fatal(err)
		}
		err := s.DeleteNetworks(t.Context(), []string{"1", "2"}, false)
		wantError(t, err, ErrConflict, "network 2 (10.0.1.32/27, fd00:1:0:1::/64) is associated with project apollo")
		if len(allNetworks(t, s)) != 3 {
			t.Error("half a command was done")
		}
		if err := s.DeleteNetworks(t.Context(), []string{"1", "2", "fd00:1:0:2::/64"}, true); err != nil {
			t.Fatal(err)
		}
		if again := create(t, s, vlans("10.0.1.0/24", 27, 3).v6("fd00:1::/48")); again[0].ID != 4 {
			t.Errorf("id %d: an id was handed out twice", again[0].ID)
		}
	})
}

// A flat bridge keeps its IPv6 prefix as long as one network on it has it.
func TestStore_DeleteNetworks_flatBridge(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, flat("10.0.1.0/24", 25, 2).v6("fd00:1::/48"))
		create(t, s, flat("10.0.2.0/24", 24, 1).with(func(n *NewNetworks) { n.NoIPv6 = true }))
		for i, id := range []string{"1", "2", "3"} {
			if err := s.DeleteNetworks(t.Context(), []string{id}, false); err != nil {
				t.Fatal(err)
			}
			wantClean(t, s)
			_, err := s.CreateNetworks(t.Context(), vlans("10.0.9.0/24", 24, 1).v6("fd00:1::/64").with(func(n *NewNetworks) { n.VLANStart = 7 }))
			if taken := i == 0; taken != errors.Is(err, ErrConflict) {
				t.Errorf("after deleting network %s: %v", id, err)
			}
			if err == nil {
				if err := s.DeleteNetworks(t.Context(), []string{"10.0.9.0/24"}, false); err != nil {
					t.Fatal(err)
				}
			}
		}
		create(t, s, vlans("10.0.9.0/24", 24, 1)) // br100 is free for VLAN 100 now
	})
}

// Whoever writes past the commands is refused by the schema itself.
func TestSchema_refuses(t *testing.T) {
	for name, statement := range map[string]string{
		"an overlapping claim before": "INSERT INTO claims (first, last, prefix, kind) SELECT f.first, c.first, 'x', 'network' FROM free_ranges f, claims c ORDER BY f.first, c.first LIMIT 1",
		"an overlapping claim inside": "INSERT INTO claims (first, last, prefix, kind) SELECT last, last, 'x', 'network' FROM claims ORDER BY first LIMIT 1",
		"a moved claim":               "UPDATE claims SET last = first",
		"a second VLAN":               "UPDATE bridges SET vlan = 101 WHERE vlan = 100",
		"VLAN 4095":                   "UPDATE bridges SET vlan = 4095 WHERE vlan = 100",
		"a second port":               "UPDATE networks SET vpn_public_port = 1001 WHERE id = 1",
		"port 65536":                  "UPDATE networks SET vpn_public_port = 65536 WHERE id = 1",
		"a network elsewhere":         "UPDATE networks SET bridge = 'br101' WHERE id = 1",
		"a claim that is in use":      "DELETE FROM claims WHERE kind = 'bridge'",
	} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s *Store) {
				create(t, s, vlans("10.0.1.0/24", 27, 3).v6("fd00:1::/48"))
				err := s.db.Translate(t.Context(), behind(t, s, statement))
				if !errors.Is(err, ErrConflict) {
					t.Errorf("error %v, want a conflict", err)
				}
			})
		})
	}
}

// What somebody breaks by hand, check finds.
func TestStore_Check(t *testing.T) {
	for statement, want := range map[string]Finding{
		"DELETE FROM free_ranges WHERE first IN (SELECT first FROM free_ranges ORDER BY first LIMIT 1)": {},
		"UPDATE free_ranges SET largest = 20":                       {},
		"UPDATE networks SET netmask = '255.0.0.0' WHERE id = 1":    {"networks", "network 1 (10.0.1.0/27, fd00:1::/64) has netmask 255.0.0.0, and 255.255.255.224 follows from the rest"},
		"UPDATE networks SET dhcp_start = NULL WHERE id = 1":        {"networks", "network 1 (10.0.1.0/27, fd00:1::/64) has dhcp_start none, and 10.0.1.3 follows from the rest"},
		"UPDATE networks SET gateway_v6 = 'fd00:9::1' WHERE id = 1": {"networks", "network 1 (10.0.1.0/27, fd00:1::/64): gateway_v6 fd00:9::1 is not in fd00:1::/64"},
		"UPDATE networks SET created_at = 'yesterday' WHERE id = 1": {},
		"UPDATE sequences SET value = 2":                            {"networks", "id 3 has not been handed out yet"},
		"DELETE FROM networks WHERE id = 2":                         {"claims", "10.0.1.32/27 is claimed for a network that is not there"},
		"INSERT INTO bridges (bridge) VALUES ('br9')":               {"bridges", "br9 carries no network"},
	} {
		for name, url := range engines {
			t.Run(name+" "+statement, func(t *testing.T) {
				s := openTest(t, url(t), Create)
				create(t, s, vlans("10.0.1.0/24", 27, 3).v6("fd00:1::/48"))
				wantClean(t, s)
				breakBy(t, s, statement)
				got := findings(t, s)
				if len(got) == 0 || want.Check != "" && !slices.Contains(got, want) {
					t.Errorf("found %q, want %q", got, want)
				}
			})
		}
	}
}
