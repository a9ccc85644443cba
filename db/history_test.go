package db

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// openAt opens a ledger at a time.
func openAt(t *testing.T, url string, now time.Time) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: url, Mode: Write, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// look reads a ledger as it was or is.
func look(t *testing.T, s *Store) error {
	t.Helper()
	for _, err := range s.Networks(t.Context(), NetworkFilter{}) {
		if err != nil {
			return err
		}
	}
	return nil
}

// changeNumbers are those of the changes, the newest first.
func changeNumbers(t *testing.T, s *Store) (all []int64) {
	t.Helper()
	for c, err := range s.Changes(t.Context(), ChangeFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c.Number)
	}
	return all
}

// Pruning forgets what changes did and nothing that they made: what is left can be looked at and undone, numbers go on, and
// what was forgotten is refused by a sentence.
func TestStore_PruneHistory_again(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx, url, day := t.Context(), urlOf(s), 24*time.Hour
		for i, name := range []string{"apollo", "gemini", "mercury", "skylab"} {
			if _, err := openAt(t, url, testTime.Add(time.Duration(i)*day)).CreateProject(ctx, name, ""); err != nil {
				t.Fatal(err)
			}
		}
		third, now := keptState(t, asOf(t, s, Past{Number: 3})), keptState(t, s)
		if p, err := s.PruneHistory(ctx, testTime); err != nil || p != (Pruned{}) {
			t.Errorf("pruned before everything: %+v and error %v", p, err)
		}
		for _, want := range []Pruned{{2, 2}, {}} {
			if p, err := s.PruneHistory(ctx, testTime.Add(2*day)); err != nil || p != want {
				t.Errorf("pruned: %+v and error %v; want %+v", p, err, want)
			}
			wantClean(t, s)
			if err := differ(keptState(t, s), now); err != nil {
				t.Error(err)
			}
			if got := changeNumbers(t, s); len(got) != 3 || got[0] != 4 || got[2] != 2 {
				t.Errorf("changes left: %v", got)
			}
		}
		if err := differ(keptState(t, asOf(t, s, Past{Number: 3})), third); err != nil {
			t.Error(err)
		}
		if c, rows, err := s.ShowChange(ctx, 2); err != nil || !c.Base || len(rows) != 0 {
			t.Errorf("change 2 is %+v with rows %v and error %v", c, rows, err)
		}
		wantError(t, look(t, asOf(t, s, Past{Number: 1})), ErrNotFound, "history goes back to change 2 of 2011-02-04T04:05:06Z, and not to change 1")
		wantError(t, look(t, asOf(t, s, Past{Time: testTime})), ErrNotFound, "history goes back to change 2 of 2011-02-04T04:05:06Z, and not to 2011-02-03T04:05:06Z")
		_, err := s.Undo(ctx, 1)
		wantError(t, err, ErrNotFound, "history does not go back to change 1")
		_, err = s.Undo(ctx, 2)
		wantError(t, err, ErrConflict, "change 2 stands for all that was there when history began, and cannot be undone")
		if u, err := s.Undo(ctx, 3); err != nil || u.Number != 5 {
			t.Errorf("undone: %+v and error %v", u, err)
		}
		wantClean(t, s)
		// All of it: the numbers go on nonetheless.
		if p, err := s.PruneHistory(ctx, testTime.Add(9*day)); err != nil || p != (Pruned{5, 4}) {
			t.Errorf("pruned: %+v and error %v", p, err)
		}
		wantClean(t, s)
		_, err = s.Undo(ctx, 0)
		wantError(t, err, ErrConflict, "change 5 stands for all that was there when history began, and cannot be undone")
		if _, err := s.CreateProject(ctx, "mir", ""); err != nil {
			t.Fatal(err)
		}
		if got := changeNumbers(t, s); len(got) != 2 || got[0] != 6 {
			t.Errorf("changes after pruning all: %v", got)
		}
	})
}

// What is changed behind the ledger's back is found; and parts of history that cannot be read are told by the commands that
// need them, whatever stands in them, while the ledger itself can be read and changed.
func TestCheck_history(t *testing.T) {
	for name, test := range map[string]struct {
		statement string
		want      string
	}{
		"row changed":      {"UPDATE projects SET description = 'x' WHERE project_id = 'apollo'", "the rows of projects are not those that its history leads to"},
		"row gone":         {"DELETE FROM security_group_rules WHERE id = 1", "the rows of security_group_rules are not those that its history leads to"},
		"row more":         {"INSERT INTO projects (project_id, created_at) VALUES ('mir', '2011-02-03T04:05:06Z')", "the rows of projects are not those that its history leads to"},
		"entry gone":       {"DELETE FROM changes WHERE number = 1", "there are rows of change 1, which is missing"},
		"rows gone":        {"DELETE FROM change_rows WHERE change = 1", "change 1 did nothing"},
		"unknown kind":     {"UPDATE change_rows SET body = ? WHERE change = 2 -- \x02", "part 1 of change 2: it is no list of rows"},
		"empty":            {"UPDATE change_rows SET body = ? WHERE change = 2 -- ", "part 1 of change 2: it is no list of rows"},
		"no table":         {"UPDATE change_rows SET body = ? WHERE change = 2 -- \x00+", "part 1 of change 2: it is no list of rows"},
		"foreign table":    {"UPDATE change_rows SET body = ? WHERE change = 2 -- \x00t\x09sequences\x00", "part 1 of change 2: it is no list of rows"},
		"compressed trash": {"UPDATE change_rows SET body = ? WHERE change = 2 -- \x01\xff\xff", "part 1 of change 2: "},
		"wrong rows":       {"UPDATE change_rows SET body = ? WHERE change = 2 -- \x00t\x08networks\x02\x02id\x05first+\x01\x02\x03\x01\x02", "are not those that its history leads to"},
		"wrong new type":   {"UPDATE change_rows SET body = ? WHERE change = 2 -- \x00t\x08projects\x01\x0aproject_id~\x02\x06gemini\x01\x00\x01\x02", "part 1 of change 2: it is no list of rows"},
		"wrong types":      {"UPDATE change_rows SET body = ? WHERE change = 2 -- \x00t\x08networks\x02\x02id\x05first+\x02\x01x\x01\x02", "part 1 of change 2: it is no list of rows"},
	} {
		t.Run(name, func(t *testing.T) {
			for engine, url := range engines {
				t.Run(engine, func(t *testing.T) {
					s := openTest(t, url(t), Create)
					for _, name := range []string{"apollo", "gemini"} {
						if _, err := s.CreateProject(t.Context(), name, ""); err != nil {
							t.Fatal(err)
						}
					}
					// The body is a parameter, after the two dashes.
					statement, body, given := strings.Cut(test.statement, " -- ")
					var args []any
					if given {
						args = append(args, []byte(body))
						statement = strings.Replace(statement, "?", "$1", 1)
					}
					breakBy(t, s, statement, args...)
					var found []string
					for _, f := range findings(t, s) {
						found = append(found, f.Problem)
					}
					if all := strings.Join(found, "\n"); !strings.Contains(all, test.want) {
						t.Errorf("db check found %q; want %q", all, test.want)
					}
					garbled := strings.Contains(test.want, "part 1")
					_, _, err := s.ShowChange(t.Context(), 2)
					if corrupt := errors.Is(err, ErrCorrupt); corrupt != garbled {
						t.Errorf("history show: error %v", err)
					}
					_, err = s.Undo(t.Context(), 2)
					if corrupt := errors.Is(err, ErrCorrupt); garbled && !corrupt {
						t.Errorf("undo: error %v", err)
					}
					err = look(t, asOf(t, s, Past{Number: 1}))
					if corrupt := errors.Is(err, ErrCorrupt); garbled && !corrupt {
						t.Errorf("as of change 1: error %v", err)
					}
					if _, err := s.CreateProject(t.Context(), "skylab", ""); err != nil {
						t.Errorf("the ledger cannot be changed: %v", err)
					}
				})
			}
		})
	}
}

// A change is found by the network, the instance and the project that it is about, also where none of its rows names them.
func TestStore_Changes_about(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx, a := t.Context(), addr("192.0.2.5")
		create(t, s, vlans("10.0.1.0/24", 27, 1).v6("fd00:1::/48").with(func(n *NewNetworks) { n.Given.ProjectID = "apollo" }))
		create(t, s, flat("10.0.2.0/24", 27, 2).v6("fd00:2::/48").with(func(n *NewNetworks) { n.Bridge = "br0" }))
		addRanges(t, s, floating("192.0.2.0/28"))
		boot(t, s, instance("web"))
		reserve(t, s, "10.0.1.20") // the first one changes the network's row
		if _, err := s.CreateSecurityGroup(ctx, "apollo", "www", ""); err != nil {
			t.Fatal(err)
		}
		rule := func(port int) Rule { return Rule{Protocol: "tcp", From: port, To: port, CIDR: prefix("0.0.0.0/0")} }
		found := func(f ChangeFilter) (number int64) {
			for c, err := range s.Changes(ctx, f) {
				if err != nil {
					t.Fatal(err)
				}
				return c.Number
			}
			return 0
		}
		for _, c := range []struct {
			name             string
			do               func() error
			network, web, of bool
		}{
			{"reserve", func() error { return s.ReserveAddresses(ctx, spans("10.0.1.21")) }, true, false, true},
			{"unreserve", func() error { return s.UnreserveAddresses(ctx, spans("10.0.1.21")) }, true, false, true},
			{"reserve IPv6", func() error { return s.ReserveAddresses(ctx, spans("fd00:1::5")) }, true, false, true},
			{"reserve what two networks share", func() error { return s.ReserveAddresses(ctx, spans("fd00:2::5")) }, false, false, false},
			{"associate", func() error { _, err := s.AssociateFloating(ctx, "web", a, FloatingFrom{}); return err }, true, true, true},
			{"undo", func() error { _, err := s.Undo(ctx, 0); return err }, true, true, true},
			{"associate again", func() error { _, err := s.EnsureFloating(ctx, "web", a, FloatingFrom{}); return err }, true, true, true},
			{"disassociate", func() error { return s.DisassociateFloating(ctx, a) }, true, true, true},
			{"authorize", func() error { _, err := s.AddRules(ctx, "apollo", "www", []Rule{rule(80)}); return err }, false, false, true},
			{"authorize what is missing", func() error {
				_, err := s.EnsureRules(ctx, "apollo", "www", []Rule{rule(80), rule(22)})
				return err
			}, false, false, true},
			{"revoke", func() error { return s.DeleteRules(ctx, "apollo", "www", []Rule{rule(22)}) }, false, false, true},
			{"regroup", func() error {
				_, err := s.UpdateInstances(ctx, []string{"web"}, InstanceChange{SecurityGroups: []string{"www"}})
				return err
			}, true, true, true},
		} {
			if err := c.do(); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			last := found(ChangeFilter{})
			for what, f := range map[string]struct {
				ChangeFilter
				want bool
			}{"network": {ChangeFilter{Network: "1"}, c.network}, "instance": {ChangeFilter{Instance: "web"}, c.web},
				"project": {ChangeFilter{ProjectID: "apollo"}, c.of}} {
				if got := found(f.ChangeFilter) == last; got != f.want {
					t.Errorf("%s is among the changes of the %s: %t, want %t", c.name, what, got, f.want)
				}
			}
		}
		wantClean(t, s)
	})
}
