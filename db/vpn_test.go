package db

import (
	"slices"
	"testing"
)

func TestStore_VPNs(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 3))
		create(t, s, flat("10.0.2.0/24", 24, 1).with(func(n *NewNetworks) { n.Bridge = "br0" }))
		project := func(ref, id string) {
			t.Helper()
			if _, err := s.UpdateNetworks(t.Context(), []string{ref}, NetworkChange{ProjectID: &id}); err != nil {
				t.Fatal(err)
			}
		}
		list := func(project string, want ...string) {
			t.Helper()
			found, err := s.VPNs(t.Context(), project)
			if err != nil {
				t.Fatal(err)
			}
			wantCIDRs(t, found, want...)
		}
		project("3", "gemini")
		project("2", "apollo")
		project("10.0.2.0/24", "flat")
		before := allNetworks(t, s)
		list("", "10.0.1.32/27", "10.0.1.64/27")
		list("gemini", "10.0.1.64/27")
		list("flat")
		_, err := s.VPNs(t.Context(), "vostok")
		wantError(t, err, ErrNotFound, "there is no project vostok")
		if after := allNetworks(t, s); !slices.Equal(after, before) {
			t.Errorf("reading changed the ledger: %+v", after)
		}

		got, err := s.ChangeVPN(t.Context(), "apollo", "", addr("198.51.100.7"), 4000)
		want := before[1]
		want.VPNPublicAddress, want.VPNPublicPort, want.UpdatedAt = addr("198.51.100.7"), 4000, testTime
		if err != nil || got != want || allNetworks(t, s)[1] != want {
			t.Errorf("changed %+v, %v\nstored %+v\nwant %+v", got, err, allNetworks(t, s)[1], want)
		}
		for _, tt := range []struct {
			project, network string
			port             int
			kind             error
			want             string
		}{
			{"apollo", "", 1000, ErrConflict, "VPN port 1000 is used by network 1 (10.0.1.0/27)"},
			{"apollo", "", 1002, ErrConflict, "VPN port 1002 is used by network 3 (10.0.1.64/27) of project gemini"},
			{"apollo", "3", 4001, ErrConflict, "network 3 (10.0.1.64/27) is no network of project apollo with a VPN"},
			{"apollo", "99", 4001, ErrNotFound, "there is no network 99"},
			{"apollo", "", 0, ErrInvalid, "VPN port 0: ports are 1 to 65535"},
			{"apollo", "", 65536, ErrInvalid, "VPN port 65536: ports are 1 to 65535"},
			{"vostok", "", 4001, ErrNotFound, "there is no project vostok"},
			{"flat", "", 4001, ErrNotFound, "project flat has no network with a VPN"},
		} {
			_, err := s.ChangeVPN(t.Context(), tt.project, tt.network, addr("198.51.100.8"), tt.port)
			wantError(t, err, tt.kind, tt.want)
		}
		project("1", "apollo")
		_, err = s.ChangeVPN(t.Context(), "apollo", "", addr("198.51.100.8"), 4001)
		wantError(t, err, ErrConflict, "project apollo has 2 networks with a VPN: network 1 (10.0.1.0/27), network 2 (10.0.1.32/27)")
		if got, err := s.ChangeVPN(t.Context(), "apollo", "1", addr("2001:db8::7"), 4001); err != nil || got.VPNPublicAddress != addr("2001:db8::7") {
			t.Errorf("the one named: %+v, %v", got, err)
		}
		// Its own port is no conflict, and nothing to change is no change.
		got, err = s.ChangeVPN(t.Context(), "gemini", "", before[2].VPNPublicAddress, before[2].VPNPublicPort)
		if err != nil || !got.UpdatedAt.Equal(before[2].UpdatedAt) {
			t.Errorf("as it is: %+v, %v", got, err)
		}
	})
}
