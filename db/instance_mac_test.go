package db

import "testing"

// On a flat bridge the routers of all networks are everybody's neighbours, and so are guests of networks without IPv6,
// who hear the bridge's prefix all the same.
func TestStore_CreateInstances_neighbours(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, flat("10.0.1.0/24", 25, 1).v6("fd00:1::/64"))
		create(t, s, flat("10.0.2.0/24", 24, 1).v6("fd00:1::/64").with(func(n *NewNetworks) { n.Given.GatewayV6 = addr("fd00:1::fe") }))
		create(t, s, flat("10.0.3.0/24", 24, 1).with(func(n *NewNetworks) { n.NoIPv6 = true }))
		on := func(network, name string, change func(*NewInstances)) error {
			_, err := s.CreateInstances(t.Context(), instance(name).with(func(n *NewInstances) { n.Network = network }).with(change))
			return err
		}
		wantError(t, on("1", "a", func(n *NewInstances) { n.FixedIPv6 = addr("fd00:1::fe") }), ErrConflict,
			"fixed_ip_v6 fd00:1::fe is not for guests: a router of bridge br100 has it")
		gateway := addr("fd00:1::16:3eff:fe00:1")
		if _, err := s.UpdateNetworks(t.Context(), []string{"2"}, NetworkChange{GatewayV6: &gateway}); err != nil {
			t.Fatal(err)
		}
		for _, network := range []string{"1", "3"} {
			wantError(t, on(network, "a", func(n *NewInstances) { n.MAC = mac("02:16:3e:00:00:01") }), ErrConflict,
				"MAC 02:16:3e:00:00:01 would give itself fd00:1::16:3eff:fe00:1, which a router of bridge br100 has")
		}
		if err := on("1", "a", func(n *NewInstances) { n.FixedIPv6 = addr("fd00:1::16:3eff:fe00:2") }); err != nil {
			t.Fatal(err)
		}
		wantError(t, on("3", "b", func(n *NewInstances) { n.MAC = mac("02:16:3e:00:00:02") }), ErrConflict,
			"fd00:1::16:3eff:fe00:2 is held by instance a")
	})
}

func TestStore_CreateNetworks_gatewayOfGuest(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, flat("10.0.1.0/24", 24, 1).v6("fd00:1::/64"))
		boot(t, s, instance("web").with(func(n *NewInstances) { n.FixedIPv6 = addr("fd00:1::fe") }))
		_, err := s.CreateNetworks(t.Context(), flat("10.0.2.0/24", 24, 1).v6("fd00:1::/64").with(func(n *NewNetworks) { n.Given.GatewayV6 = addr("fd00:1::fe") }))
		wantError(t, err, ErrConflict, "fd00:1::fe is held by instance web")
	})
}
