package db

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"nova-manage/netcalc"
)

func spans(texts ...string) (all []netcalc.Span) {
	for _, s := range texts {
		parsed, err := netcalc.ParseSpan(s)
		if err != nil {
			panic(err)
		}
		all = append(all, parsed)
	}
	return all
}

func reserve(t testing.TB, s *Store, ranges ...string) {
	t.Helper()
	if err := s.ReserveAddresses(t.Context(), spans(ranges...)); err != nil {
		t.Fatal(err)
	}
}

func unreserve(t testing.TB, s *Store, ranges ...string) {
	t.Helper()
	if err := s.UnreserveAddresses(t.Context(), spans(ranges...)); err != nil {
		t.Fatal(err)
	}
}

// wantFixed compares a listing, each row as "range state", with " instance" where there is one.
func wantFixed(t testing.TB, s *Store, f FixedFilter, want ...string) {
	t.Helper()
	var got []string
	for a := range ok(t, s.FixedAddresses(t.Context(), f)) {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", a.Span, a.State, a.Instance)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v\n got %s\nwant %s", f, strings.Join(got, ", "), strings.Join(want, ", "))
	}
}

// ok yields the values of a sequence that must not end with an error.
func ok[T any](t testing.TB, seq iter.Seq2[T, error]) iter.Seq[T] {
	return func(yield func(T) bool) {
		t.Helper()
		for v, err := range seq {
			if err != nil {
				t.Fatal(err)
			}
			if !yield(v) {
				return
			}
		}
	}
}

func TestStore_ReserveAddresses(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48"))
		// A network's own addresses in a range are passed over, and so is what is reserved already.
		reserve(t, s, "10.0.1.4", "10.0.1.10-10.0.1.13", "10.0.1.12-10.0.1.34", "fd00:1::16:3eff:fe00:0/105")
		wantFixed(t, s, FixedFilter{}, "10.0.1.4 reserved", "10.0.1.10-10.0.1.30 reserved", "fd00:1::16:3eff:fe00:0-fd00:1::16:3eff:fe7f:ffff reserved")
		reserve(t, s, "10.0.1.0/26", "fd00:1::/63")
		wantFixed(t, s, FixedFilter{}, "10.0.1.3-10.0.1.30 reserved", "10.0.1.35-10.0.1.62 reserved",
			"fd00:1::2-fd00:1::ffff:ffff:ffff:ffff reserved", "fd00:1:0:1::2-fd00:1:0:1:ffff:ffff:ffff:ffff reserved")
		_, err := s.CreateInstances(t.Context(), instance("web"))
		wantError(t, err, ErrConflict, "no network has an address left for project apollo")
		wantClean(t, s)

		unreserve(t, s, "10.0.1.20-10.0.1.22", "fd00:1::16:3eff:fe00:0/105")
		wantFixed(t, s, FixedFilter{Network: "1"}, "10.0.1.3-10.0.1.19 reserved", "10.0.1.23-10.0.1.30 reserved",
			"fd00:1::2-fd00:1::16:3eff:fdff:ffff reserved", "fd00:1::16:3eff:fe80:0-fd00:1::ffff:ffff:ffff:ffff reserved")
		if i := boot(t, s, instance("web"))[0]; i.FixedIP != addr("10.0.1.20") {
			t.Errorf("the instance has %s, want what is not reserved any more", i.FixedIP)
		}
		unreserve(t, s, "10.0.1.0/26", "fd00:1::/63")
		if err := s.DeleteInstances(t.Context(), []string{"web"}); err != nil {
			t.Fatal(err)
		}
		wantFixed(t, s, FixedFilter{})
	})
}

// An address that was released, reserved and given back is still the one released longest ago.
func TestStore_ReserveAddresses_released(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/29", 29, 1)) // guests have .3 to .6
		for _, name := range []string{"a", "b", "c", "d"} {
			boot(t, s, instance(name))
		}
		if err := s.DeleteInstances(t.Context(), []string{"b", "a", "c", "d"}); err != nil {
			t.Fatal(err)
		}
		reserve(t, s, "10.0.1.0/29")
		wantFixed(t, s, FixedFilter{}, "10.0.1.3-10.0.1.6 reserved")
		unreserve(t, s, "10.0.1.4-10.0.1.5")
		wantFixed(t, s, FixedFilter{Family: 4, All: true}, "10.0.1.0 network", "10.0.1.1 gateway", "10.0.1.2 vpn", "10.0.1.3 reserved",
			"10.0.1.4 released", "10.0.1.5 released", "10.0.1.6 reserved", "10.0.1.7 broadcast")
		unreserve(t, s, "10.0.1.3", "10.0.1.6")
		for _, want := range []string{"10.0.1.4", "10.0.1.3", "10.0.1.5", "10.0.1.6"} {
			if i := boot(t, s, instance("at "+want))[0]; i.FixedIP != addr(want) {
				t.Errorf("handed out %s, want %s", i.FixedIP, want)
			}
		}
	})
}

func TestStore_ReserveAddresses_refused(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48").with(func(n *NewNetworks) { n.VPNClients = 2 }))
		create(t, s, flat("10.0.2.0/24", 25, 2).v6("fd00:2::/48").with(func(n *NewNetworks) { n.Bridge = "br0" }))
		boot(t, s, instance("web").with(func(n *NewInstances) { n.MAC = mac("02:16:3e:33:44:55") }))
		for _, c := range []struct {
			ranges string
			kind   error
			want   string
		}{
			{"10.0.1.3", ErrConflict, "10.0.1.3 is held by instance web"},
			{"10.0.1.0/27", ErrConflict, "10.0.1.3 is held by instance web"},
			{"10.0.1.20 fd00:1::16:3eff:fe33:4455", ErrConflict, "fd00:1::16:3eff:fe33:4455 is held by instance web"},
			{"10.0.1.1", ErrConflict, "10.0.1.1 is not for guests: network 1 (10.0.1.0/27, fd00:1::/64) keeps it (gateway)"},
			{"10.0.1.0-10.0.1.2", ErrConflict,
				"10.0.1.0-10.0.1.2 is not for guests: network 1 (10.0.1.0/27, fd00:1::/64) keeps it (network, gateway, vpn)"},
			{"10.0.1.29-10.0.1.32", ErrConflict,
				"10.0.1.29-10.0.1.32 is not for guests: network 1 (10.0.1.0/27, fd00:1::/64) keeps it (broadcast, reserved)"},
			{"fd00:1::/127", ErrConflict, "fd00:1::-fd00:1::1 is not for guests: network 1 (10.0.1.0/27, fd00:1::/64) keeps it (network, gateway)"},
			{"fd00:2::1", ErrConflict, "fd00:2::1 is not for guests: fd00:2::/64 of bridge br0 keeps it (gateway)"},
			{"10.0.3.0/24", ErrNotFound, "10.0.3.0-10.0.3.255 is in no network"},
			{"10.0.1.60-10.0.1.70", ErrNotFound, "10.0.1.60-10.0.1.70 does not lie in networks as a whole: 10.0.1.64-10.0.1.70 is in none"},
			{"10.0.0.0/16", ErrNotFound, "10.0.0.0-10.0.255.255 does not lie in networks as a whole: 10.0.0.0-10.0.0.255 is in none"},
			{"::/16", ErrNotFound, "::-0:ffff:ffff:ffff:ffff:ffff:ffff:ffff is in no network"},
			{"10.0.1.32-10.0.2.9", ErrNotFound, "10.0.1.32-10.0.2.9 does not lie in networks as a whole: 10.0.1.64-10.0.1.255 is in none"},
		} {
			err := s.ReserveAddresses(t.Context(), spans(strings.Fields(c.ranges)...))
			wantError(t, err, c.kind, c.want)
		}
		wantFixed(t, s, FixedFilter{}, "10.0.1.3 held web", "fd00:1::16:3eff:fe33:4455 held web")
		reserve(t, s, "10.0.1.40")
		for ranges, want := range map[string]string{
			"10.0.1.20":           "nothing of 10.0.1.20 is reserved",
			"10.0.1.1":            "nothing of 10.0.1.1 is reserved",
			"10.0.1.3":            "nothing of 10.0.1.3 is reserved",
			"fd00:1::/64":         "nothing of fd00:1::-fd00:1::ffff:ffff:ffff:ffff is reserved",
			"10.0.3.1":            "10.0.3.1 is in no network",
			"10.0.1.40 10.0.1.5":  "nothing of 10.0.1.5 is reserved",
			"10.0.1.0-10.0.1.255": "10.0.1.0-10.0.1.255 does not lie in networks as a whole: 10.0.1.64-10.0.1.255 is in none",
		} {
			err := s.UnreserveAddresses(t.Context(), spans(strings.Fields(ranges)...))
			wantError(t, err, ErrNotFound, want)
		}
		wantFixed(t, s, FixedFilter{Network: "2"}, "10.0.1.40 reserved")
	})
}

// What is reserved is nobody's: not when it is asked for, not by a MAC.
func TestStore_ReserveAddresses_instances(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 1).v6("fd00:1::/48"))
		reserve(t, s, "10.0.1.3-10.0.1.5", "fd00:1::16:3eff:fe00:0/112", "fd00:1::5")
		if i := boot(t, s, instance("next"))[0]; i.FixedIP != addr("10.0.1.6") {
			t.Errorf("the next address is %s, want 10.0.1.6", i.FixedIP)
		}
		for want, change := range map[string]func(*NewInstances){
			"10.0.1.4 is reserved":               func(n *NewInstances) { n.FixedIP = addr("10.0.1.4") },
			"fd00:1::5 is reserved":              func(n *NewInstances) { n.FixedIPv6 = addr("fd00:1::5") },
			"fd00:1::16:3eff:fe00:1 is reserved": func(n *NewInstances) { n.MAC = mac("02:16:3e:00:00:01") },
		} {
			_, err := s.CreateInstances(t.Context(), instance("web").with(change))
			wantError(t, err, ErrConflict, want)
		}
		_, err := s.UpdateNetworks(t.Context(), []string{"1"}, NetworkChange{Gateway: ptr(addr("10.0.1.4"))})
		wantError(t, err, ErrConflict, "10.0.1.4 is reserved")
	})
}

func ptr[T any](v T) *T { return &v }

// The IPv6 prefix of a flat bridge is one for all networks on it.
func TestStore_FixedAddresses_flat(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, flat("10.0.1.0/24", 25, 1).v6("fd00:1::/48").with(func(n *NewNetworks) { n.Given.Host = "node1" }))
		reserve(t, s, "fd00:1::100-fd00:1::1ff")
		if got := fixed(t, s, FixedFilter{})[0]; got.NetworkID != 1 || got.Host != "node1" || got.CIDR != prefix("fd00:1::/64") {
			t.Errorf("of the only network: %+v", got)
		}
		create(t, s, flat("10.0.1.128/25", 25, 1).v6("fd00:1::/48").with(func(n *NewNetworks) { n.Given.Host = "node2" }))
		if got := fixed(t, s, FixedFilter{})[0]; got.NetworkID != 0 || got.Host != "" || got.CIDR != prefix("fd00:1::/64") {
			t.Errorf("of the bridge: %+v", got)
		}
		boot(t, s, instance("a").with(func(n *NewInstances) { n.MAC = mac("02:16:3e:00:00:01") }))
		boot(t, s, instance("b").with(func(n *NewInstances) { n.Network, n.MAC, n.Host = "2", mac("02:16:3e:00:00:02"), "hyper" }))
		wantFixed(t, s, FixedFilter{Network: "2"}, "10.0.1.130 held b", "fd00:1::100-fd00:1::1ff reserved", "fd00:1::16:3eff:fe00:2 held b")
	})
}

// Filters are the same for what is listed with and without All.
func TestStore_FixedAddresses_filter(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/28", 29, 2).v6("fd00:1::/48").with(func(n *NewNetworks) { n.Given.Host = "node" }))
		boot(t, s, instance("a").with(func(n *NewInstances) { n.MAC, n.Network = mac("02:16:3e:00:00:01"), "2" }))
		boot(t, s, instance("b").with(func(n *NewInstances) { n.MAC, n.Network, n.Host = mac("02:16:3e:00:00:02"), "2", "hyper" }))
		reserve(t, s, "10.0.1.13-10.0.1.14")
		want := FixedAddress{Span: spans("10.0.1.12")[0], NetworkID: 2, CIDR: prefix("10.0.1.8/29"), State: "held",
			MAC: mac("02:16:3e:00:00:02"), Instance: "b", ProjectID: "apollo", Host: "hyper"}
		for _, all := range []bool{false, true} {
			if got := fixed(t, s, FixedFilter{Host: "hyper", Family: 4, All: all}); len(got) != 1 || got[0] != want {
				t.Errorf("all %v: got %+v, want %+v", all, got, want)
			}
		}
		wantFixed(t, s, FixedFilter{Host: "hyper"}, "10.0.1.12 held b", "fd00:1:0:1:16:3eff:fe00:2 held b")
		wantFixed(t, s, FixedFilter{Network: "2", Family: 6}, "fd00:1:0:1:16:3eff:fe00:1 held a", "fd00:1:0:1:16:3eff:fe00:2 held b")
		wantFixed(t, s, FixedFilter{Network: "2", Host: "node", All: true}, "10.0.1.8 network", "10.0.1.9 gateway", "10.0.1.10 vpn",
			"10.0.1.11 held a", "10.0.1.13 reserved", "10.0.1.14 reserved", "10.0.1.15 broadcast", "fd00:1:0:1:16:3eff:fe00:1 held a")
		for _, err := range s.FixedAddresses(t.Context(), FixedFilter{Network: "3"}) {
			wantError(t, err, ErrNotFound, "there is no network 3")
		}
	})
}

// A listing of more rows and of more networks than fit a page, left early or read to its end, is whole.
func TestStore_FixedAddresses_pages(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		const n = 2*pageRows + 1
		create(t, s, flat("10.0.0.0/16", 20, 1))
		many := NewInstances{ProjectID: "apollo"}
		for i := range n {
			many.Names = append(many.Names, fmt.Sprint("web-", i))
		}
		made := boot(t, s, many)
		create(t, s, flat("10.0.16.0/20", 30, 1<<10))
		i := 0
		for a := range ok(t, s.FixedAddresses(t.Context(), FixedFilter{})) {
			if a.First != made[i].FixedIP || a.Instance != made[i].Name {
				t.Fatalf("row %d is %+v, want that of %+v", i, a, made[i])
			}
			i++
		}
		if i != n {
			t.Errorf("%d rows, want %d", i, n)
		}
		next := addr("10.0.0.0")
		for a := range ok(t, s.FixedAddresses(t.Context(), FixedFilter{All: true})) {
			if a.First != next || a.Last != next {
				t.Fatalf("row is %+v, want that of %s", a, next)
			}
			next = next.Next()
		}
		if next != addr("10.0.32.0") {
			t.Errorf("the listing ends before %s, want 10.0.32.0", next)
		}
		for range s.FixedAddresses(t.Context(), FixedFilter{All: true}) {
			break
		}
	})
}

func fixed(t testing.TB, s *Store, f FixedFilter) []FixedAddress {
	t.Helper()
	return slices.Collect(ok(t, s.FixedAddresses(t.Context(), f)))
}
