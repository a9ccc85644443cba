package db

import (
	"slices"
	"testing"
)

// What would be right if the ledger held something else is a conflict, and says how much is left.
func TestStore_CreateNetworks_nextFreeShortage(t *testing.T) {
	gateway := func(ip string) func(*NewNetworks) {
		return func(n *NewNetworks) { n.Given.Gateway = addr(ip) }
	}
	start := func(vlan, port int) func(*NewNetworks) {
		return func(n *NewNetworks) { n.VLANStart, n.VPNStart = vlan, port }
	}
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 7).v6("fd00:1::/61").with(start(4087, 65528)))
		for want, ask := range map[string]NewNetworks{
			"fixed_range 10.0.1.0/25 has no free /27 slot":                               vlans("10.0.1.0/25", 27, 1),
			"fixed_range 10.0.1.0/24 has 1 free /27 slot, and 2 are asked for":           vlans("10.0.1.0/24", 27, 2),
			"fixed_range_v6 fd00:1::/61 has 1 free /64 slot, and 2 are asked for":        vlans("10.0.2.0/24", 27, 2).v6("fd00:1::/61"),
			"the range from vlan_start 4090 on has 1 free VLAN, and 2 are asked for":     vlans("10.0.2.0/24", 27, 2).with(start(4090, 1)),
			"the range from vpn_start 65530 on has 1 free VPN port, and 2 are asked for": vlans("10.0.2.0/24", 27, 2).with(start(1, 65530)),
			"gateway 10.0.1.1 is not in 10.0.1.224/27":                                   vlans("10.0.1.0/24", 27, 1).with(gateway("10.0.1.1")),
			"gateway_v6 fd00:1::1 is not in fd00:1:0:7::/64":                             vlans("10.0.2.0/24", 27, 1).v6("fd00:1::/48").with(func(n *NewNetworks) { n.Given.GatewayV6 = addr("fd00:1::1") }),
		} {
			_, err := s.CreateNetworks(t.Context(), ask.with(nextFree))
			wantError(t, err, ErrConflict, want)
		}
		if n := len(allNetworks(t, s)); n != 7 {
			t.Errorf("%d networks, want 7", n)
		}
	})
}

// A network that nobody asked IPv6 for is as asked, whether its flat bridge has got an IPv6 prefix since or not.
func TestStore_CreateNetworks_ifNotExistsFlat(t *testing.T) {
	ask := flat("10.0.1.0/24", 24, 1).with(ifNotExists)
	eachEngine(t, func(t *testing.T, s *Store) {
		first := create(t, s, ask)
		create(t, s, flat("10.0.2.0/24", 24, 1).v6("fd00:1::/48"))
		if again := create(t, s, ask); !slices.Equal(again, first) {
			t.Errorf("again: %+v", again)
		}
		for want, change := range map[string]func(*NewNetworks){
			"network 1 (10.0.1.0/24) exists with cidr_v6 none, not fd00:1::/64": func(n *NewNetworks) { n.RangeV6 = prefix("fd00::/48") },
			"network 2 (10.0.2.0/24, fd00:1::/64) exists with cidr_v6 fd00:1::/64, not none": func(n *NewNetworks) {
				n.Range, n.NoIPv6 = prefix("10.0.2.0/24"), true
			},
		} {
			_, err := s.CreateNetworks(t.Context(), ask.with(change))
			wantError(t, err, ErrConflict, want)
		}
	})
}

func TestNewNetworks_Validate(t *testing.T) {
	for want, n := range map[string]NewNetworks{
		"num_networks 0: at least 1":                                                                            vlans("10.0.0.0/8", 24, 0),
		"num_networks 9: 10.0.1.0/24 holds 8 networks of 32":                                                    vlans("10.0.1.0/24", 27, 9),
		"network_size 512 is larger than 10.0.1.0/24, which has 256 addresses":                                  vlans("10.0.1.0/24", 23, 1),
		"vlan_start 0 with 1 network: VLANs are 1 to 4094":                                                      vlans("10.0.0.0/8", 24, 1).with(func(n *NewNetworks) { n.VLANStart = 0 }),
		"vlan_start 4094 with 2 networks: VLANs are 1 to 4094":                                                  vlans("10.0.0.0/8", 24, 2).with(func(n *NewNetworks) { n.VLANStart = 4094 }),
		"vpn_start 65535 with 2 networks: ports are 1 to 65535":                                                 vlans("10.0.0.0/8", 24, 2).with(func(n *NewNetworks) { n.VPNStart = 65535 }),
		"gateway 10.0.0.9 can be in 1 network only, and num_networks is 2":                                      vlans("10.0.0.0/8", 24, 2).with(func(n *NewNetworks) { n.Given.Gateway = addr("10.0.0.9") }),
		"gateway 10.0.1.9 is not in 10.0.0.0/24":                                                                vlans("10.0.0.0/8", 24, 1).with(func(n *NewNetworks) { n.Given.Gateway = addr("10.0.1.9") }),
		"num_networks 2: 10.0.1.0/24 holds 1 network of 256":                                                    vlans("10.0.1.0/24", 24, 2),
		"fixed_range 127.0.0.0/8 is in 127.0.0.0/8, loopback (RFC 6890 §2.2.2): a network node cannot serve it": vlans("127.0.0.0/8", 24, 1),
		"fixed_range_v6 fd00:1::/64 holds 1 network of /64: 2 are asked for":                                    vlans("10.0.0.0/8", 24, 2).v6("fd00:1::/64"),
		"gateway_v6 fd00::1 is for IPv6, which is not asked for":                                                flat("10.0.0.0/8", 24, 1).with(func(n *NewNetworks) { n.Given.GatewayV6 = addr("fd00::1") }),
		"gateway_v6 fd00::1 is for IPv6, which nouse_ipv6 switches off": flat("10.0.0.0/8", 24, 1).with(func(n *NewNetworks) {
			n.Given.GatewayV6, n.NoIPv6 = addr("fd00::1"), true
		}),
		"gateway_v6 fd01::1 is not in fd00::/48, the default fixed_range_v6": flat("10.0.0.0/8", 24, 1).v6("fd00::/48").with(func(n *NewNetworks) {
			n.Given.GatewayV6, n.RangeV6Asked = addr("fd01::1"), false
		}),
		"gateway_v6 fd00:0:0:5:: is the subnet-router anycast address of fd00:0:0:5::/64": vlans("10.0.0.0/8", 24, 1).v6("fd00::/48").with(nextFree).with(func(n *NewNetworks) {
			n.Given.GatewayV6 = addr("fd00:0:0:5::")
		}),
		"gateway_v6 fd00::1 is not in fd00:1::/64":                                                   vlans("10.0.0.0/8", 24, 1).v6("fd00:1::/48").with(func(n *NewNetworks) { n.Given.GatewayV6 = addr("fd00::1") }),
		"next_free and if_not_exists: nothing says which networks count, and any of that size would": vlans("10.0.0.0/8", 24, 1).with(nextFree).with(ifNotExists),
	} {
		wantError(t, n.Validate(), ErrInvalid, want)
	}
	if err := flat("10.0.0.0/8", 24, 9).Validate(); err != nil {
		t.Errorf("flat managers have no VLANs: %v", err)
	}
}
