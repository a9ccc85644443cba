package db

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"

	"nova-manage/netcalc"
)

func modify(t testing.TB, s *Store, c InstanceChange, refs ...string) []Instance {
	t.Helper()
	changed, err := s.UpdateInstances(t.Context(), refs, c)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func TestStore_UpdateInstances(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		populate(t, s)
		modify(t, s, InstanceChange{MAC: ptr(mac("02:16:3e:00:00:01"))}, "web")
		before := state(t, s)
		everything := InstanceChange{Name: ptr("www"), Host: ptr("node7"), MAC: ptr(mac("02:16:3e:00:00:02")), FixedIP: ptr(addr("10.0.1.9")),
			SecurityGroups: []string{"web", "default", "web"}}
		got := modify(t, s, everything, "web")
		want := Instance{ID: 1, Name: "www", ProjectID: "apollo", NetworkID: 1, MAC: mac("02:16:3e:00:00:02"), FixedIP: addr("10.0.1.9"),
			FixedIPv6: addr("fd00:1::16:3eff:fe00:2"), FloatingIP: addr("192.0.2.1"), Host: "node7", SecurityGroups: []string{"default", "web"},
			CreatedAt: testTime}
		if fmt.Sprint(got) != fmt.Sprint([]Instance{want}) {
			t.Errorf("changed\n got %+v\nwant %+v", got, want)
		}
		if found, err := s.FindInstances(t.Context(), "10.0.1.9", "192.0.2.1", "fd00:1::16:3eff:fe00:2"); err != nil || len(found) != 1 {
			t.Errorf("found by its addresses: %+v, %v", found, err)
		}
		if next := boot(t, s, instance("next"))[0].FixedIP; next != addr("10.0.1.5") {
			t.Errorf("the next one has %s, want 10.0.1.5: what was given up comes last", next)
		}
		wantClean(t, s)

		// What it is already is no change.
		after := dump(t, s)
		modify(t, s, everything, "www")
		wantSame(t, dump(t, s), after)

		undo(t, s, 2)
		wantState(t, s, before)

		// A group by itself, and what clears.
		got = modify(t, s, InstanceChange{SecurityGroups: []string{"web"}, Host: ptr("node7")}, "web", "db")
		if len(got) != 2 || fmt.Sprint(got[1].SecurityGroups) != "[web]" || got[1].Host != "node7" {
			t.Errorf("changed %+v", got)
		}
		if got := modify(t, s, InstanceChange{Host: ptr("")}, "db")[0]; got.Host != "" || fmt.Sprint(got.SecurityGroups) != "[web]" {
			t.Errorf("without a host: %+v", got)
		}
	})
}

// undo reverses the latest changes, as many as that.
func undo(t *testing.T, s *Store, changes int) {
	t.Helper()
	last := latest(t, s)
	for n := range changes {
		if _, err := s.Undo(t.Context(), last-int64(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// The IPv6 address follows the MAC that it follows from; one that was recorded in its place stays, until it is asked for.
func TestStore_UpdateInstances_mac(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, flat("10.0.1.0/24", 25, 1).v6("fd00:1::/48"))
		create(t, s, flat("10.0.2.0/24", 25, 1).with(func(n *NewNetworks) { n.NoIPv6 = true }))
		one, two := mac("02:16:3e:00:00:01"), mac("02:16:3e:00:00:02")
		boot(t, s, instance("web").with(func(n *NewInstances) { n.MAC, n.Network = one, "1" }))
		boot(t, s, instance("old").with(func(n *NewInstances) { n.Network = "2" }))
		for _, step := range []struct {
			change InstanceChange
			want   string
		}{
			{InstanceChange{MAC: &two}, "fd00:1::16:3eff:fe00:2"},
			{InstanceChange{FixedIPv6: ptr(addr("fd00:1::16:3eff:fe00:1"))}, "fd00:1::16:3eff:fe00:1"}, // that of a MAC which nobody has
			{InstanceChange{MAC: &one}, "fd00:1::16:3eff:fe00:1"},                                      // and now its own
			{InstanceChange{MAC: &two, FixedIPv6: ptr(addr("fd00:1::16:3eff:fe00:1"))}, "fd00:1::16:3eff:fe00:1"},
			{InstanceChange{FixedIPv6: ptr(addr("fd00:1::77"))}, "fd00:1::77"},
			{InstanceChange{MAC: &one}, "fd00:1::77"},
			{InstanceChange{FixedIPv6: ptr(addr("fd00:1::16:3eff:fe00:1"))}, "fd00:1::16:3eff:fe00:1"},
			{InstanceChange{MAC: &two}, "fd00:1::16:3eff:fe00:2"},
		} {
			if got := modify(t, s, step.change, "web")[0]; got.FixedIPv6.String() != step.want {
				t.Errorf("%s: fixed_ip_v6 %s, want %s", instanceChangeText(step.change), got.FixedIPv6, step.want)
			}
			wantClean(t, s)
		}
		if got := modify(t, s, InstanceChange{MAC: &one}, "old")[0]; got.FixedIPv6.IsValid() || got.MAC != one {
			t.Errorf("on a network without IPv6: %+v", got)
		}
		_, err := s.UpdateInstances(t.Context(), []string{"web"}, InstanceChange{FixedIPv6: ptr(addr("fd00:1::16:3eff:fe00:1"))})
		wantError(t, err, ErrInUse, "fd00:1::16:3eff:fe00:1 is what instance old gives itself: its MAC is 02:16:3e:00:00:01")
	})
}

func TestStore_UpdateInstances_refused(t *testing.T) {
	for want, test := range map[string]struct {
		kind   error
		refs   []string
		change InstanceChange
	}{
		"name 10.0.1.9 reads like an address":                                                 {ErrInvalid, []string{"web"}, InstanceChange{Name: ptr("10.0.1.9")}},
		"an instance has a name":                                                              {ErrInvalid, []string{"web"}, InstanceChange{Name: ptr("")}},
		"an address of an instance is replaced, and not taken away":                           {ErrInvalid, []string{"web"}, InstanceChange{FixedIP: &netip.Addr{}}},
		"MAC address 03:16:3e:00:00:09 is a multicast address: a unicast address is expected": {ErrInvalid, []string{"web"}, InstanceChange{MAC: ptr(mac("03:16:3e:00:00:09"))}},
		"mac can be that of 1 instance only, and 2 are asked for":                             {ErrInvalid, []string{"web", "db"}, InstanceChange{MAC: &netcalc.MAC{2}}},
		"name can be that of 1 instance only, and 2 are asked for":                            {ErrInvalid, []string{"web", "db"}, InstanceChange{Name: ptr("x")}},
		"there is no instance nope":                                                           {ErrNotFound, []string{"web", "nope"}, InstanceChange{Host: ptr("node7")}},
		"project apollo has no security group none":                                           {ErrNotFound, []string{"web"}, InstanceChange{Host: ptr("node7"), SecurityGroups: []string{"web", "none"}}},
		"project apollo has an instance db":                                                   {ErrExists, []string{"web"}, InstanceChange{Name: ptr("db"), Host: ptr("node7")}},
		"MAC 02:16:3e:00:00:02 is instance db's":                                              {ErrInUse, []string{"web"}, InstanceChange{MAC: ptr(mac("02:16:3e:00:00:02")), FixedIP: ptr(addr("10.0.1.9"))}},
		"10.0.1.4 is held by instance db":                                                     {ErrInUse, []string{"web"}, InstanceChange{FixedIP: ptr(addr("10.0.1.4"))}},
		"10.0.1.20 is reserved":                                                               {ErrReserved, []string{"web"}, InstanceChange{FixedIP: ptr(addr("10.0.1.20"))}},
		"fixed_ip 10.0.1.40 is not in network 1 (10.0.1.0/27, fd00:1::/64)":                   {ErrUnfit, []string{"web"}, InstanceChange{FixedIP: ptr(addr("10.0.1.40"))}},
		"fixed_ip_v6 fd00:9::9 is not in network 1 (10.0.1.0/27, fd00:1::/64)":                {ErrUnfit, []string{"web"}, InstanceChange{FixedIPv6: ptr(addr("fd00:9::9"))}},
		"fixed_ip 10.0.1.1 is not for guests: network 1 (10.0.1.0/27, fd00:1::/64) keeps it (gateway)": {ErrReserved, []string{"web"},
			InstanceChange{FixedIP: ptr(addr("10.0.1.1"))}},
		"fixed_ip_v6 fd00:1::1 is not for guests: network 1 (10.0.1.0/27, fd00:1::/64) keeps it (gateway)": {ErrReserved, []string{"web"},
			InstanceChange{FixedIPv6: ptr(addr("fd00:1::1")), Host: ptr("node7")}},
		"fd00:1::16:3eff:fe00:2 is held by instance db": {ErrInUse, []string{"web"}, InstanceChange{FixedIPv6: ptr(addr("fd00:1::16:3eff:fe00:2"))}},
		"fd00:1::16:3eff:fe00:9 is reserved":            {ErrReserved, []string{"web"}, InstanceChange{MAC: ptr(mac("02:16:3e:00:00:09"))}},
	} {
		t.Run(want, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s *Store) {
				populate(t, s)
				modify(t, s, InstanceChange{MAC: ptr(mac("02:16:3e:00:00:02"))}, "db")
				reserve(t, s, "10.0.1.20", "fd00:1::16:3eff:fe00:9")
				before := dump(t, s)
				_, err := s.UpdateInstances(t.Context(), test.refs, test.change)
				wantError(t, err, test.kind, want)
				if after := dump(t, s); !reflect.DeepEqual(after, before) {
					t.Errorf("what was refused has changed rows:\n got %v\nwant %v", after, before)
				}
			})
		})
	}
}
