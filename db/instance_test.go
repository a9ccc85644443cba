package db

import (
	"fmt"
	"slices"
	"testing"

	"nova-manage/netcalc"
)

func mac(s string) netcalc.MAC {
	m, err := netcalc.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return m
}

func instance(name string) NewInstances {
	return NewInstances{Names: []string{name}, ProjectID: "apollo"}
}

func (n NewInstances) with(change func(*NewInstances)) NewInstances {
	change(&n)
	return n
}

func boot(t testing.TB, s *Store, n NewInstances) []Instance {
	t.Helper()
	made, err := s.CreateInstances(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestStore_CreateInstances(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 3).v6("fd00:1::/48"))
		got := boot(t, s, instance("web").with(func(n *NewInstances) { n.MAC = mac("02:16:3e:33:44:55") }))[0]
		want := Instance{ID: 1, Name: "web", ProjectID: "apollo", NetworkID: 1, MAC: mac("02:16:3e:33:44:55"), FixedIP: addr("10.0.1.3"),
			FixedIPv6: addr("fd00:1::16:3eff:fe33:4455"), SecurityGroups: []string{"default"}, CreatedAt: testTime}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("made\n got %+v\nwant %+v", got, want)
		}
		for _, ref := range []string{"web", "apollo/web", "i-00000001", "02:16:3e:33:44:55", "10.0.1.3", "fd00:1::16:3eff:fe33:4455"} {
			found, err := s.FindInstances(t.Context(), ref)
			if err != nil || fmt.Sprint(found[0]) != fmt.Sprint(want) {
				t.Errorf("%s\n got %+v, %v\nwant %+v", ref, found, err, want)
			}
		}
		if n := allNetworks(t, s)[0]; n.ProjectID != "apollo" {
			t.Errorf("the network has project %q, want apollo: it is the first one without", n.ProjectID)
		}
		other := boot(t, s, NewInstances{Names: []string{"web"}, ProjectID: "gemini"})[0]
		if other.NetworkID != 2 {
			t.Errorf("another project's instance is on network %d, want 2", other.NetworkID)
		}
		_, err := s.FindInstances(t.Context(), "web")
		wantError(t, err, ErrConflict, "several projects have an instance web: apollo/web, gemini/web")
	})
}

// Addresses come in order, then the one released longest ago; the one asked for is taken out of turn.
func TestStore_CreateInstances_order(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/29", 29, 1)) // guests have .3 to .6
		next := func(name string) string { return boot(t, s, instance(name))[0].FixedIP.String() }
		boot(t, s, instance("asked").with(func(n *NewInstances) { n.FixedIP = addr("10.0.1.4") }))
		if got := []string{next("a"), next("b"), next("c")}; !slices.Equal(got, []string{"10.0.1.3", "10.0.1.5", "10.0.1.6"}) {
			t.Errorf("never used: %v", got)
		}
		_, err := s.CreateInstances(t.Context(), instance("d"))
		wantError(t, err, ErrConflict, "no network has an address left for project apollo")
		for _, name := range []string{"b", "asked"} {
			if err := s.DeleteInstances(t.Context(), []string{name}); err != nil {
				t.Fatal(err)
			}
		}
		if got := []string{next("e"), next("f")}; !slices.Equal(got, []string{"10.0.1.5", "10.0.1.4"}) {
			t.Errorf("released: %v", got)
		}
	})
}

func TestStore_CreateInstances_conflict(t *testing.T) {
	for want, change := range map[string]func(*NewInstances){
		"project apollo has an instance web":      func(n *NewInstances) { n.Names[0] = "web" },
		"MAC 02:16:3e:33:44:55 is instance web's": func(n *NewInstances) { n.MAC = mac("02:16:3e:33:44:55") },
		"10.0.1.3 is held by instance web":        func(n *NewInstances) { n.FixedIP = addr("10.0.1.3") },
		"fixed_ip 10.0.1.1 is not for guests: network 1 (10.0.1.0/27, fd00:1::/64) keeps it (gateway)": func(n *NewInstances) {
			n.FixedIP = addr("10.0.1.1")
		},
		"fixed_ip 10.0.1.40 is not in network 1 (10.0.1.0/27, fd00:1::/64)": func(n *NewInstances) {
			n.Network, n.FixedIP = "1", addr("10.0.1.40")
		},
		"fd00:1::16:3eff:fe33:4455 is held by instance web": func(n *NewInstances) { n.FixedIPv6 = addr("fd00:1::16:3eff:fe33:4455") },
		"fd00:1::16:3eff:fe00:1 is what instance private gives itself: its MAC is 02:16:3e:00:00:01": func(n *NewInstances) {
			n.FixedIPv6 = addr("fd00:1::16:3eff:fe00:1")
		},
		"fixed_ip_v6 fd00:1::1 is not for guests: network 1 (10.0.1.0/27, fd00:1::/64) keeps it (gateway)": func(n *NewInstances) {
			n.FixedIPv6 = addr("fd00:1::1")
		},
		"network 2 (10.0.1.32/27, fd00:1:0:1::/64) is associated with project gemini": func(n *NewInstances) { n.Network = "2" },
		"project apollo has 2 of 2 instances, and 1 more would exceed its quota":      nil,
	} {
		t.Run(want, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s *Store) {
				create(t, s, vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48"))
				boot(t, s, instance("web").with(func(n *NewInstances) { n.MAC = mac("02:16:3e:33:44:55") }))
				boot(t, s, instance("private").with(func(n *NewInstances) {
					n.MAC, n.FixedIPv6 = mac("02:16:3e:00:00:01"), addr("fd00:1::1234")
				}))
				boot(t, s, NewInstances{Names: []string{"other"}, ProjectID: "gemini"})
				ask := instance("new")
				if change == nil {
					if _, err := s.SetQuota(t.Context(), "apollo", "instances", 2); err != nil {
						t.Fatal(err)
					}
				} else {
					change(&ask)
				}
				_, err := s.CreateInstances(t.Context(), ask)
				wantError(t, err, ErrConflict, want)
			})
		})
	}
}

func TestStore_CreateInstances_many(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/28", 29, 2).v6("fd00:1::/48"))
		many := NewInstances{ProjectID: "apollo"}
		for i := range 7 {
			many.Names = append(many.Names, fmt.Sprintf("web-%d", i+1))
		}
		made := boot(t, s, many)
		if len(made) != 7 || made[3].NetworkID != 1 || made[4].NetworkID != 2 || made[4].FixedIP != addr("10.0.1.11") {
			t.Errorf("made %+v", made)
		}
		many.Names = []string{"x-1", "x-2"}
		_, err := s.CreateInstances(t.Context(), many)
		wantError(t, err, ErrConflict, "only 1 of the 2 addresses asked for are left for project apollo")
		if _, err := s.FindInstances(t.Context(), "x-1"); !isNotFound(err) {
			t.Errorf("half a command was done: %v", err)
		}
	})
}
