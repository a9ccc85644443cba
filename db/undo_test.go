package db

import (
	"maps"
	"net/netip"
	"reflect"
	"testing"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// state is what the tables hold, without what only goes forward: history itself and the numbers that were handed out.
func state(t *testing.T, s *Store) map[string][][]any {
	t.Helper()
	all := dump(t, s)
	maps.DeleteFunc(all, func(table string, _ [][]any) bool {
		return table == "sequences" || table == "changes" || table == "change_rows" || table == "change_subjects"
	})
	return all
}

// asOf opens the ledger as it was.
func asOf(t *testing.T, s *Store, past Past) *Store {
	t.Helper()
	old, err := Open(t.Context(), Options{URL: urlOf(s), AsOf: past})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { old.Close() })
	return old
}

func wantState(t *testing.T, s *Store, want map[string][][]any) {
	t.Helper()
	got := state(t, s)
	for table := range maps.Keys(want) {
		if !reflect.DeepEqual(got[table], want[table]) {
			t.Errorf("table %s:\n got %v\nwant %v", table, got[table], want[table])
		}
	}
	for table := range got {
		if want[table] == nil {
			t.Errorf("table %s has rows: %v", table, got[table])
		}
	}
}

// steps are one change each, of every kind.
func steps(t *testing.T, s *Store) []func() error {
	ctx := t.Context()
	reserved := []netcalc.Span{netcalc.SpanOf(prefix("10.0.1.16/29"))}
	rules := []Rule{{Protocol: "tcp", From: 80, To: 80, CIDR: prefix("::/0")}, {Protocol: "icmp", From: -1, To: -1, SourceGroup: "web"}}
	gateway, label := addr("10.0.1.9"), "edge"
	return []func() error{
		func() error {
			_, err := s.CreateNetworks(ctx, vlans("10.0.1.0/24", 27, 3).v6("fd00:1::/48"))
			return err
		},
		func() error {
			_, err := s.CreateNetworks(ctx, flat("10.1.0.0/16", 30, 50).v6("fd00:2::/48").with(func(n *NewNetworks) { n.Bridge = "br-flat" }))
			return err
		},
		func() error {
			_, err := s.CreateNetworks(ctx, flat("10.2.0.0/24", 24, 1).v6("fd00:2::/48").with(func(n *NewNetworks) { n.Bridge = "br-flat" }))
			return err
		},
		func() error {
			_, err := s.CreateInstances(ctx, NewInstances{Names: []string{"web1", "web2", "web3"}, ProjectID: "apollo"})
			return err
		},
		func() error {
			_, err := s.CreateInstances(ctx, NewInstances{Names: []string{"db1"}, ProjectID: "gemini"})
			return err
		},
		func() error { _, err := s.SetQuota(ctx, "apollo", "instances", 9); return err },
		func() error { _, err := s.SetQuota(ctx, "apollo", "instances", 12); return err },
		func() error {
			_, err := s.CreateFloatingRange(ctx, FloatingRange{CIDR: prefix("198.51.100.0/28"), Pool: "nova", Host: "node1"})
			return err
		},
		func() error {
			_, err := s.AssociateFloating(ctx, "web1", netip.Addr{}, FloatingFrom{Pool: "nova"})
			return err
		},
		func() error { _, err := s.CreateSecurityGroup(ctx, "apollo", "web", ""); return err },
		func() error { return addRules(ctx, s, "apollo", "web", rules) },
		func() error { return s.DeleteRules(ctx, "apollo", "web", rules[:1]) },
		func() error {
			_, err := s.UpdateInstances(ctx, []string{"web1"}, InstanceChange{Name: ptr("www"), Host: ptr("node7"), SecurityGroups: []string{"web"},
				MAC: ptr(mac("02:16:3e:00:00:01")), FixedIP: ptr(addr("10.0.1.12")), FixedIPv6: ptr(addr("fd00:1::77"))})
			return err
		},
		func() error {
			_, err := s.UpdateInstances(ctx, []string{"www", "web3"}, InstanceChange{Host: ptr(""), SecurityGroups: []string{"default"}})
			return err
		},
		func() error { _, err := s.UpdateProject(ctx, "apollo", "moon"); return err },
		func() error { _, err := s.UpdateProject(ctx, "apollo", ""); return err },
		func() error {
			_, err := s.UpdateSecurityGroup(ctx, "apollo", "web", SecurityGroupChange{Name: ptr("www"), Description: ptr("web servers")})
			return err
		},
		func() error {
			_, err := s.UpdateFloatingRange(ctx, prefix("198.51.100.0/28"), FloatingChange{Pool: ptr("gold"), Host: ptr("node2"), Interface: ptr("eth1")})
			return err
		},
		func() error { return s.ReserveAddresses(ctx, reserved) },
		func() error { return s.UnreserveAddresses(ctx, reserved) },
		func() error {
			_, err := s.UpdateNetworks(ctx, []string{"1"}, NetworkChange{Gateway: &gateway, Label: &label})
			return err
		},
		func() error { return s.DeleteInstances(ctx, []string{"web2"}) },
		func() error { return s.DisassociateFloating(ctx, addr("198.51.100.1")) },
		func() error { return s.DeleteNetworks(ctx, []string{"3"}, false) },
		func() error { return s.DeleteFloatingRanges(ctx, prefix("198.51.100.0/28")) },
		func() error { return s.DeleteNetworks(ctx, []string{"1"}, true) },
		func() error { return s.DeleteProject(ctx, "apollo", true) },
	}
}

// The ledger as of each change is what it was, and each change can be undone, down to the first, and done again by undoing that: every
// row of every table is then what it was, also of those that history does not keep.
func TestStore_Undo(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		states := []map[string][][]any{state(t, s)}
		for i, step := range steps(t, s) {
			if err := step(); err != nil {
				t.Fatalf("step %d: %v", i+1, err)
			}
			states = append(states, state(t, s))
		}
		last := int64(len(states) - 1)
		for n := int64(1); n <= last; n++ {
			past := asOf(t, s, Past{Number: n})
			got := state(t, past)
			for _, k := range sqlstore.KeptTables() {
				if !reflect.DeepEqual(got[k.Name], states[n][k.Name]) {
					t.Errorf("as of change %d, table %s:\n got %v\nwant %v", n, k.Name, got[k.Name], states[n][k.Name])
				}
			}
		}
		for n := last; n > 0; n-- {
			u, err := s.Undo(t.Context(), n)
			if err != nil {
				t.Fatalf("undo %d: %v", n, err)
			}
			if u.Number != last+(last-n)+1 || u.Change.Number != n {
				t.Errorf("change %d is said to undo %d", u.Number, u.Change.Number)
			}
			wantState(t, s, states[n-1])
			wantClean(t, s)
		}
		for n := int64(1); n <= last; n++ {
			if _, err := s.Undo(t.Context(), 2*last-n+1); err != nil {
				t.Fatalf("undo of the undo of %d: %v", n, err)
			}
			wantState(t, s, states[n])
		}
		wantClean(t, s)
	})
}
