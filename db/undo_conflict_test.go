package db

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
)

// do runs changes one after the other.
func do(t *testing.T, steps ...func() error) {
	t.Helper()
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i+1, err)
		}
	}
}

// What a later change depends on cannot be taken back: every such change is named, and nothing is done.
func TestStore_Undo_conflicts(t *testing.T) {
	type script = func(t *testing.T, s *Store) []func() error
	networks := func(s *Store, n NewNetworks) func() error {
		return func() error { _, err := s.CreateNetworks(t.Context(), n); return err }
	}
	instances := func(s *Store, project string, names ...string) func() error {
		return func() error {
			_, err := s.CreateInstances(t.Context(), NewInstances{Names: names, ProjectID: project})
			return err
		}
	}
	update := func(s *Store, ref string, c NetworkChange) func() error {
		return func() error { _, err := s.UpdateNetworks(t.Context(), []string{ref}, c); return err }
	}
	one := func(r string) NewNetworks { return vlans(r, 27, 1) }
	for name, test := range map[string]struct {
		steps  script
		undo   int64
		refuse string // "" where it is undone
	}{
		"a network that has an instance": {func(t *testing.T, s *Store) []func() error {
			return []func() error{networks(s, one("10.0.1.0/27")), instances(s, "p", "a"), instances(s, "p", "b")}
		}, 1, "change 1 cannot be undone: changes 2 and 3 depend on it"},
		"a bridge that another network is on": {func(t *testing.T, s *Store) []func() error {
			return []func() error{networks(s, flat("10.0.1.0/24", 24, 1).v6("fd00:1::/64")), networks(s, flat("10.0.2.0/24", 24, 1).v6("fd00:1::/64"))}
		}, 1, "change 1 cannot be undone: change 2 depends on it"},
		"a bridge's prefix that another network has": {func(t *testing.T, s *Store) []func() error {
			return []func() error{networks(s, flat("10.0.1.0/24", 24, 1)), networks(s, flat("10.0.2.0/24", 24, 1).v6("fd00:1::/64")),
				networks(s, flat("10.0.3.0/24", 24, 1))}
		}, 2, "change 2 cannot be undone: change 3 depends on it"},
		"a network whose bridge has another prefix": {func(t *testing.T, s *Store) []func() error {
			remove := func(id string) func() error {
				return func() error { return s.DeleteNetworks(t.Context(), []string{id}, false) }
			}
			return []func() error{networks(s, flat("10.0.1.0/24", 24, 1)), networks(s, flat("10.0.2.0/24", 24, 1).v6("fd00:1::/64")),
				networks(s, flat("10.0.3.0/24", 24, 1)), remove("2"), remove("3"), networks(s, flat("10.0.4.0/24", 24, 1).v6("fd00:2::/64"))}
		}, 4, "change 4 cannot be undone: changes 5 and 6 depend on it"},
		"an instance that was deleted since": {func(t *testing.T, s *Store) []func() error {
			return []func() error{networks(s, one("10.0.1.0/27")), instances(s, "p", "a"), func() error { return s.DeleteInstances(t.Context(), []string{"a"}) }}
		}, 2, "change 2 cannot be undone: change 3 depends on it"},
		"a network whose prefix is taken": {func(t *testing.T, s *Store) []func() error {
			return []func() error{networks(s, one("10.0.1.0/27")), func() error { return s.DeleteNetworks(t.Context(), []string{"1"}, false) },
				networks(s, flat("10.0.0.0/16", 16, 1))}
		}, 2, "change 2 cannot be undone: change 3 depends on it"},
		"a network whose VLAN is taken": {func(t *testing.T, s *Store) []func() error {
			return []func() error{networks(s, one("10.0.1.0/27")), func() error { return s.DeleteNetworks(t.Context(), []string{"1"}, false) },
				networks(s, one("10.0.9.0/27"))}
		}, 2, "change 2 cannot be undone: change 3 depends on it"},
		"an instance whose name and address are taken": {func(t *testing.T, s *Store) []func() error {
			return []func() error{networks(s, flat("10.0.1.0/30", 30, 1)), instances(s, "p", "a"),
				func() error { return s.DeleteInstances(t.Context(), []string{"a"}) }, instances(s, "p", "a")}
		}, 3, "change 3 cannot be undone: change 4 depends on it"},
		"a gateway whose old address a guest has": {func(t *testing.T, s *Store) []func() error {
			gateway := addr("10.0.1.10")
			return []func() error{networks(s, flat("10.0.1.0/28", 28, 1).with(func(n *NewNetworks) { n.Given.Gateway = addr("10.0.1.9") })), update(s, "1", NetworkChange{Gateway: &gateway}), func() error {
				_, err := s.CreateInstances(t.Context(), NewInstances{Names: []string{"a"}, ProjectID: "p", FixedIP: addr("10.0.1.9")})
				return err
			}}
		}, 2, "change 2 cannot be undone: change 3 depends on it"},
		"a value that was changed again": {func(t *testing.T, s *Store) []func() error {
			a, b := "a", "b"
			return []func() error{networks(s, one("10.0.1.0/27")), update(s, "1", NetworkChange{Label: &a}), update(s, "1", NetworkChange{Label: &b})}
		}, 2, "change 2 cannot be undone: change 3 depends on it"},
		"an MTU that does not go with the other network's": {func(t *testing.T, s *Store) []func() error {
			mtu := 1400
			return []func() error{networks(s, flat("10.0.1.0/24", 24, 1).v6("fd00:1::/64").with(func(n *NewNetworks) { n.Given.MTU = 1500 })),
				update(s, "1", NetworkChange{MTU: &mtu}),
				networks(s, flat("10.0.2.0/24", 24, 1).v6("fd00:1::/64").with(func(n *NewNetworks) { n.Given.MTU = 1400 }))}
		}, 2, "change 2 cannot be undone: bridge br100 has one MTU, but network 1 (10.0.1.0/24, fd00:1::/64) says 1500 and network 2 (10.0.2.0/24, fd00:1::/64) says 1400"},

		"another value of the same row": {func(t *testing.T, s *Store) []func() error {
			a, dns := "a", addr("192.0.2.53")
			return []func() error{networks(s, one("10.0.1.0/27")), update(s, "1", NetworkChange{Label: &a}), update(s, "1", NetworkChange{DNS1: &dns})}
		}, 2, ""},
		"one of two instances": {func(t *testing.T, s *Store) []func() error {
			return []func() error{networks(s, flat("10.0.1.0/28", 28, 1)), instances(s, "p", "z"), instances(s, "p", "a"), instances(s, "p", "b")}
		}, 3, ""},
		"a network whose instance is gone": {func(t *testing.T, s *Store) []func() error {
			return []func() error{networks(s, flat("10.0.1.0/28", 28, 1)), networks(s, flat("10.0.2.0/28", 28, 1)),
				func() error {
					_, err := s.CreateInstances(t.Context(), NewInstances{Names: []string{"a"}, ProjectID: "p", Network: "2"})
					return err
				},
				func() error { return s.DeleteInstances(t.Context(), []string{"a"}) }}
		}, 2, ""},
		"a reservation beside a held address": {func(t *testing.T, s *Store) []func() error {
			return []func() error{networks(s, flat("10.0.1.0/28", 28, 1)),
				func() error { return s.ReserveAddresses(t.Context(), spans("10.0.1.8-10.0.1.12")) }, instances(s, "p", "a"),
				func() error { return s.UnreserveAddresses(t.Context(), spans("10.0.1.10")) }}
		}, 4, ""},
	} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s *Store) {
				do(t, test.steps(t, s)...)
				before := state(t, s)
				u, err := s.Undo(t.Context(), test.undo)
				if test.refuse != "" {
					wantError(t, err, ErrConflict, test.refuse)
					wantState(t, s, before)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				wantClean(t, s)
				if _, err := s.Undo(t.Context(), u.Number); err != nil {
					t.Fatalf("undo of the undo: %v", err)
				}
				wantState(t, s, before)
			})
		})
	}
}

// What is no change that can be undone.
func TestStore_Undo_none(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		_, err := s.Undo(t.Context(), 0)
		wantError(t, err, ErrNotFound, "nothing was ever changed that could be undone")
		create(t, s, vlans("10.0.1.0/24", 27, 1))
		create(t, s, vlans("10.0.2.0/24", 27, 1).with(nextFree))
		_, err = s.Undo(t.Context(), 3)
		wantError(t, err, ErrNotFound, "there is no change 3, the latest is 2")
		_, _, err = s.ShowChange(t.Context(), 3)
		wantError(t, err, ErrNotFound, "there is no change 3, the latest is 2")
	})
}

// A pruned history begins with one entry that stands for what was before, goes on with the next number, and is in order.
func TestStore_PruneHistory(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		do(t, steps(t, s)[:9]...)
		before := state(t, s)
		p, err := s.PruneHistory(t.Context(), testTime.Add(1e9))
		if want := (Pruned{Last: 9, Forgotten: 9}); err != nil || p != want {
			t.Fatalf("pruned %+v, %v; want %+v", p, err, want)
		}
		wantState(t, s, before)
		wantClean(t, s)
		again, err := s.PruneHistory(t.Context(), testTime.Add(1e9))
		if err != nil || again != (Pruned{}) {
			t.Errorf("pruned again: %+v, %v", again, err)
		}
		_, err = s.Undo(t.Context(), 0)
		wantError(t, err, ErrConflict, "change 9 stands for all that was there when history began, and cannot be undone")
		_, err = s.Undo(t.Context(), 3)
		wantError(t, err, ErrNotFound, "history does not go back to change 3")
		do(t, steps(t, s)[9])
		if u, err := s.Undo(t.Context(), 0); err != nil || u.Change.Number != 10 || u.Number != 11 {
			t.Errorf("undone %d by %d, %v", u.Change.Number, u.Number, err)
		}
		wantState(t, s, before)
		var numbers []int64
		for c, err := range s.Changes(t.Context(), ChangeFilter{}) {
			if err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, c.Number)
		}
		if !slices.Equal(numbers, []int64{11, 10, 9}) {
			t.Errorf("history is %v", numbers)
		}
		if got := state(t, asOf(t, s, Past{Number: 9})); !reflect.DeepEqual(got["networks"], before["networks"]) {
			t.Error("the state as of what history begins with is not that state")
		}
		_, err = asOf(t, s, Past{Number: 8}).FindNetworks(t.Context(), "1")
		wantError(t, err, ErrNotFound, "history goes back to change 9 of 2011-02-03T04:05:06Z, and not to change 8")
	})
}

// A network that was changed and changed back in one change says when, and that alone is undone, once.
func TestStore_Undo_nothingLeft(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 1))
		label := func(ctx context.Context, to string) error {
			_, err := s.UpdateNetworks(ctx, []string{"1"}, NetworkChange{Label: &to})
			return err
		}
		do(t, func() error {
			return s.Batch(t.Context(), func(ctx context.Context) error { return errors.Join(label(ctx, "a"), label(ctx, "")) })
		})
		if u, err := s.Undo(t.Context(), 2); err != nil || u.Number != 3 {
			t.Fatalf("undone by change %d, %v", u.Number, err)
		}
		before := state(t, s)
		_, err := s.Undo(t.Context(), 2)
		wantError(t, err, ErrConflict, "nothing is left of change 2 that could be undone")
		wantState(t, s, before)
		wantClean(t, s)
	})
}

// A change that took away again what it had made left nothing to undo; one whose rows are lost is damage, and not a success.
func TestStore_Undo_nothing(t *testing.T) {
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, url(t), Create)
			err := s.Batch(t.Context(), func(ctx context.Context) error {
				_, err := s.CreateProject(ctx, "p", "")
				return errors.Join(err, s.DeleteProject(ctx, "p", true))
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Undo(t.Context(), 0)
			wantError(t, err, ErrConflict, "change 1 took away again what it had made: there is nothing to undo")
			wantClean(t, s)
			breakBy(t, s, "DELETE FROM change_rows")
			const lost = "what change 1 did to rows is not in history any more"
			_, err = s.Undo(t.Context(), 0)
			wantError(t, err, ErrCorrupt, lost)
			_, _, err = s.ShowChange(t.Context(), 1)
			wantError(t, err, ErrCorrupt, lost)
		})
	}
}
