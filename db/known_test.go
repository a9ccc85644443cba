package db

import (
	"iter"
	"testing"
)

// A filter that names what nothing in the ledger has is an error before the first row; one that chooses nothing of what is
// there is an empty list.
func TestStore_filters(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 28, 2).with(func(n *NewNetworks) { n.Given.Host = "node1" }))
		boot(t, s, NewInstances{Names: []string{"web"}, ProjectID: "apollo", Host: "compute1"})
		if _, err := s.CreateProject(t.Context(), "idle", ""); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CreateFloatingRange(t.Context(), FloatingRange{CIDR: prefix("192.0.2.0/30"), Pool: "gold", Host: "node2"}); err != nil {
			t.Fatal(err)
		}
		networks := func(f NetworkFilter) (int, error) { return count(s.Networks(t.Context(), f)) }
		instances := func(f InstanceFilter) (int, error) { return count(s.Instances(t.Context(), f)) }
		fixed := func(f FixedFilter) (int, error) { return count(s.FixedAddresses(t.Context(), f)) }
		floating := func(f FloatingFilter) (int, error) { return count(s.FloatingAddresses(t.Context(), f)) }
		for _, tt := range []struct {
			name string
			rows func() (int, error)
			want int
			fail string
		}{
			{"project", func() (int, error) { return networks(NetworkFilter{ProjectID: "apollo"}) }, 1, ""},
			{"project without any", func() (int, error) { return networks(NetworkFilter{ProjectID: "idle"}) }, 0, ""},
			{"no project", func() (int, error) { return networks(NetworkFilter{ProjectID: "vostok"}) }, 0, "there is no project vostok"},
			{"host of networks", func() (int, error) { return networks(NetworkFilter{Host: "node1"}) }, 2, ""},
			{"host of an instance", func() (int, error) { return networks(NetworkFilter{Host: "compute1"}) }, 0, ""},
			{"host of a floating range", func() (int, error) { return networks(NetworkFilter{Host: "node2"}) }, 0, ""},
			{"no host", func() (int, error) { return networks(NetworkFilter{Host: "node9"}) }, 0, "there is no host node9"},
			{"bridge", func() (int, error) { return networks(NetworkFilter{Bridge: "br101"}) }, 1, ""},
			{"no bridge", func() (int, error) { return networks(NetworkFilter{Bridge: "br0"}) }, 0, "there is no bridge br0"},
			{"one of two", func() (int, error) { return networks(NetworkFilter{ProjectID: "apollo", Host: "node9"}) }, 0, "there is no host node9"},

			{"instances of a project", func() (int, error) { return instances(InstanceFilter{ProjectID: "apollo"}) }, 1, ""},
			{"instances of none", func() (int, error) { return instances(InstanceFilter{ProjectID: "idle"}) }, 0, ""},
			{"instances of no project", func() (int, error) { return instances(InstanceFilter{ProjectID: "vostok"}) }, 0, "there is no project vostok"},
			{"instances on a host", func() (int, error) { return instances(InstanceFilter{Host: "node1"}) }, 0, ""},
			{"instances on no host", func() (int, error) { return instances(InstanceFilter{Host: "node9"}) }, 0, "there is no host node9"},

			{"fixed", func() (int, error) { return fixed(FixedFilter{Host: "node2", All: true}) }, 0, ""},
			{"fixed on no host", func() (int, error) { return fixed(FixedFilter{Host: "node9", All: true}) }, 0, "there is no host node9"},
			{"fixed in no network", func() (int, error) { return fixed(FixedFilter{Network: "9"}) }, 0, "there is no network 9"},

			{"floating", func() (int, error) { return floating(FloatingFilter{Host: "node1"}) }, 0, ""},
			{"floating of a pool", func() (int, error) { return floating(FloatingFilter{Pool: "gold"}) }, 1, ""},
			{"floating on no host", func() (int, error) { return floating(FloatingFilter{Host: "node9"}) }, 0, "there is no host node9"},
			{"floating of no pool", func() (int, error) { return floating(FloatingFilter{Pool: "zone"}) }, 0, "there is no floating pool zone"},
		} {
			switch got, err := tt.rows(); {
			case tt.fail != "":
				wantError(t, err, ErrNotFound, tt.fail)
			case err != nil || got != tt.want:
				t.Errorf("%s: %d rows, %v, want %d", tt.name, got, err, tt.want)
			}
		}
		// A pool is looked for before what else is wrong.
		_, err := s.AssociateFloating(t.Context(), "web", addr("192.0.2.1"), FloatingFrom{Pool: "zone"})
		wantError(t, err, ErrNotFound, "there is no floating pool zone")
		_, err = s.AssociateFloating(t.Context(), "web", addr("192.0.2.1"), FloatingFrom{Pool: ""})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.AssociateFloating(t.Context(), "web", addr("192.0.2.1"), FloatingFrom{Pool: "zone"})
		wantError(t, err, ErrNotFound, "there is no floating pool zone")
	})
}

func count[T any](all iter.Seq2[T, error]) (n int, err error) {
	for _, err := range all {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
