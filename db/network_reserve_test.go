package db

import (
	"testing"

	"nova-manage/netcalc"
)

// reserving asks for reservations: offsets like +10-+20, or ranges.
func reserving(texts ...string) func(*NewNetworks) {
	return func(n *NewNetworks) {
		n.Reserve, n.ReserveOffsets = nil, nil
		for _, s := range texts {
			if r, err := netcalc.ParseRelativeSpan(s); err == nil {
				n.ReserveOffsets = append(n.ReserveOffsets, r)
			} else {
				n.Reserve = append(n.Reserve, spans(s)...)
			}
		}
	}
}

func TestStore_CreateNetworks_reserve(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48").with(reserving("+10-+12", "10.0.1.20-10.0.1.40", "fd00:1:0:1::5")))
		wantFixed(t, s, FixedFilter{}, "10.0.1.10-10.0.1.12 reserved", "10.0.1.20-10.0.1.30 reserved", "10.0.1.35-10.0.1.40 reserved",
			"10.0.1.42-10.0.1.44 reserved", "fd00:1:0:1::5 reserved")
	})
}

func TestStore_CreateNetworks_reserveOther(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 1))
		create(t, s, vlans("10.0.1.0/24", 27, 1).with(nextFree).with(reserving("10.0.1.40", "+5")))
		create(t, s, NewNetworks{Manager: VlanManager, Count: 2, VLANStart: 200}.v6("fd00:2::/48").with(reserving("+256-+511")))
		create(t, s, flat("10.0.2.0/24", 25, 1).v6("fd00:3::/48").with(func(n *NewNetworks) { n.Bridge = "br0" }))
		create(t, s, flat("10.0.2.128/25", 25, 1).with(func(n *NewNetworks) { n.Bridge = "br0" }).with(reserving("fd00:3::100", "10.0.2.130")))
		wantFixed(t, s, FixedFilter{}, "10.0.1.37 reserved", "10.0.1.40 reserved", "10.0.2.130 reserved",
			"fd00:2::100-fd00:2::1ff reserved", "fd00:2:0:1::100-fd00:2:0:1::1ff reserved", "fd00:3::100 reserved")
		_, err := s.CreateNetworks(t.Context(), vlans("10.0.1.0/24", 27, 1).with(nextFree).with(reserving("10.0.1.50")))
		wantError(t, err, ErrConflict, "reserve 10.0.1.50 is not in the networks that would be created")
		_, err = s.CreateNetworks(t.Context(), vlans("10.0.1.0/24", 27, 1).with(nextFree).with(reserving("10.0.1.64/31")))
		wantError(t, err, ErrConflict, "10.0.1.64-10.0.1.65 is not for guests: network 7 (10.0.1.64/27) keeps it (network, gateway)")
	})
}

// What is there with its reservations is as asked; without, it differs.
func TestStore_CreateNetworks_reserveIfNotExists(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ask := vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48").with(ifNotExists).with(reserving("+10-+12", "fd00:1::5"))
		create(t, s, ask.with(func(n *NewNetworks) { n.Count = 1 }))
		want := []string{"10.0.1.10-10.0.1.12 reserved", "10.0.1.42-10.0.1.44 reserved", "fd00:1::5 reserved"}
		create(t, s, ask)
		wantFixed(t, s, FixedFilter{}, want...)
		create(t, s, ask)
		wantFixed(t, s, FixedFilter{}, want...)
		for missing, reserve := range map[string]string{
			"network 1 (10.0.1.0/27, fd00:1::/64) exists, and 10.0.1.9 is not reserved":  "+9-+12",
			"network 1 (10.0.1.0/27, fd00:1::/64) exists, and 10.0.1.20 is not reserved": "10.0.1.20",
			"network 1 (10.0.1.0/27, fd00:1::/64) exists, and fd00:1::6 is not reserved": "fd00:1::5-fd00:1::6",
		} {
			_, err := s.CreateNetworks(t.Context(), ask.with(reserving(reserve)))
			wantError(t, err, ErrConflict, missing)
		}
		unreserve(t, s, "10.0.1.43")
		_, err := s.CreateNetworks(t.Context(), ask)
		wantError(t, err, ErrConflict, "network 2 (10.0.1.32/27, fd00:1:0:1::/64) exists, and 10.0.1.43 is not reserved")
	})
}

func TestNewNetworks_Validate_reserve(t *testing.T) {
	dual := vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48")
	for _, c := range []struct {
		ask     NewNetworks
		reserve string
		want    string
	}{
		{dual, "+32", "reserve +32 is not inside 10.0.1.0/27"},
		{dual, "+10-+32", "reserve +10-+32 is not inside 10.0.1.0/27"},
		{dual, "+0", "reserve +0 is not for guests: every network keeps it (network)"},
		{dual, "+0-+2", "reserve +0-+2 is not for guests: every network keeps it (network, gateway, vpn)"},
		{dual, "10.0.2.1", "reserve 10.0.2.1 is not in the networks asked for: they are 10.0.1.0-10.0.1.63"},
		{dual, "10.0.1.60-10.0.1.64", "reserve 10.0.1.60-10.0.1.64 is not in the networks asked for: they are 10.0.1.0-10.0.1.63"},
		{dual, "fd00:1:0:2::5", "reserve fd00:1:0:2::5 is not in the networks asked for: they are fd00:1::-fd00:1:0:1:ffff:ffff:ffff:ffff"},
		{dual.with(nextFree), "10.0.2.1", "reserve 10.0.2.1 is not in the networks asked for: they are 10.0.1.0-10.0.1.255"},
		{vlans("10.0.1.0/24", 27, 2), "fd00::5", "reserve fd00::5 is IPv6, which is not asked for"},
		{flat("10.0.1.0/24", 27, 2).v6("fd00:1::/48"), "fd00:1:0:1::5", "reserve fd00:1:0:1::5 is not in the networks asked for: they are fd00:1::-fd00:1::ffff:ffff:ffff:ffff"},
		{NewNetworks{Manager: VlanManager, Count: 2, VLANStart: 1}.v6("fd00:1::/48"), "10.0.1.5", "reserve 10.0.1.5 is IPv4, which the networks do not have"},
		{NewNetworks{Manager: VlanManager, Count: 2, VLANStart: 1}.v6("fd00:1::/48"), "+1", "reserve +1 is not for guests: every network keeps it (gateway)"},
	} {
		err := c.ask.with(reserving(c.reserve)).Validate()
		wantError(t, err, ErrInvalid, c.want)
	}
}
