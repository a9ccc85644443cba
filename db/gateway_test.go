package db

import (
	"net/netip"
	"slices"
	"testing"
)

// A gateway that stands on a released address keeps it from guests and makes it none that nobody ever had: when the gateway
// moves away the address is released, in its old place in the queue.
func TestStore_UpdateNetworks_gatewayOnReleased(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/28", 28, 1)) // guests have .3 to .14
		gateway := func(a string) {
			t.Helper()
			to := netip.Addr{}
			if a != "" {
				to = addr(a)
			}
			if _, err := s.UpdateNetworks(t.Context(), []string{"1"}, NetworkChange{Gateway: &to}); err != nil {
				t.Fatal(err)
			}
			wantClean(t, s)
		}
		states := func(want ...string) {
			t.Helper()
			var got []string
			for a := range ok(t, s.FixedAddresses(t.Context(), FixedFilter{All: true, Family: 4})) {
				if a.State != stateFree {
					got = append(got, a.First.String()[len("10.0.1."):]+" "+a.State)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("addresses are %q, want %q", got, want)
			}
		}
		next := func(name, want string) {
			t.Helper()
			if got := boot(t, s, instance(name)); got[0].FixedIP != addr(want) {
				t.Errorf("%s has %s, want %s", name, got[0].FixedIP, want)
			}
			wantClean(t, s)
		}
		drop := func(names ...string) {
			t.Helper()
			if err := s.DeleteInstances(t.Context(), names); err != nil {
				t.Fatal(err)
			}
		}
		next("a", "10.0.1.3")
		next("b", "10.0.1.4")
		next("c", "10.0.1.5")
		drop("b")
		drop("a", "c")
		gateway("10.0.1.4")
		states("0 network", "1 reserved", "2 vpn", "3 released", "4 gateway", "5 released", "15 broadcast")
		if id, err := s.Whois(t.Context(), addr("10.0.1.4")); err != nil || id.State != "gateway" {
			t.Errorf("whois says %s, %v", id.State, err)
		}
		// Nothing gives it away meanwhile.
		_, err := s.CreateInstances(t.Context(), instance("x").with(func(n *NewInstances) { n.FixedIP = addr("10.0.1.4") }))
		wantError(t, err, ErrConflict, "fixed_ip 10.0.1.4 is not for guests: network 1 (10.0.1.0/28) keeps it (gateway)")
		reserve(t, s, "10.0.1.4-10.0.1.14")
		wantClean(t, s)
		next("a", "10.0.1.3")
		_, err = s.CreateInstances(t.Context(), instance("x"))
		wantError(t, err, ErrConflict, "no network has an address left for project apollo")
		unreserve(t, s, "10.0.1.4-10.0.1.14")
		states("0 network", "1 reserved", "2 vpn", "3 held", "4 gateway", "5 released", "15 broadcast")
		// It is the one released longest ago.
		reserve(t, s, "10.0.1.6-10.0.1.14")
		gateway("")
		states("0 network", "1 gateway", "2 vpn", "3 held", "4 released", "5 released", "6 reserved", "7 reserved", "8 reserved",
			"9 reserved", "10 reserved", "11 reserved", "12 reserved", "13 reserved", "14 reserved", "15 broadcast")
		next("b", "10.0.1.4")
		next("c", "10.0.1.5")

		// The first guest's address, by which dhcp_start moves, and from one released address to another.
		drop("a", "b", "c")
		gateway("10.0.1.3")
		gateway("10.0.1.5")
		next("d", "10.0.1.3")
		next("e", "10.0.1.4")
		_, err = s.CreateInstances(t.Context(), instance("x"))
		wantError(t, err, ErrConflict, "no network has an address left for project apollo")
		gateway("10.0.1.1")
		next("f", "10.0.1.5")

		// An address that nobody ever had is so again.
		unreserve(t, s, "10.0.1.6-10.0.1.14")
		gateway("10.0.1.6")
		gateway("10.0.1.1")
		next("g", "10.0.1.6")

		// With the network it is all forgotten.
		drop("g")
		gateway("10.0.1.6")
		if err := s.DeleteNetworks(t.Context(), []string{"1"}, true); err != nil {
			t.Fatal(err)
		}
		wantClean(t, s)
	})
}
