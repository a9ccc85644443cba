package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/race"
)

// openCounting opens the ledger of a store anew and counts what is told of committed changes.
func openCounting(t *testing.T, s *Store, mode Mode) (again *Store, commits *int) {
	t.Helper()
	commits = new(int)
	again, err := Open(t.Context(), Options{URL: urlOf(s), Mode: mode, Committed: func() { *commits++ }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	return again, commits
}

func TestStore_Batch(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		s, commits := openCounting(t, s, Write)
		err := s.Batch(t.Context(), func(ctx context.Context) error {
			if _, err := s.CreateProject(ctx, "apollo", "moon"); err != nil {
				return err
			}
			if _, err := s.Project(ctx, "apollo"); err != nil { // what was done is seen
				return err
			}
			if _, err := s.CreateNetworks(ctx, vlans("10.0.1.0/24", 27, 2)); err != nil {
				return err
			}
			// A sequence that is left early, and one that is read to its end.
			for range s.Networks(ctx, NetworkFilter{}) {
				break
			}
			if n := len(allNetworks(t, s)); n != 2 {
				return fmt.Errorf("%d networks are seen", n)
			}
			// Whoever looks for something that is not there may go on.
			if _, err := s.Project(ctx, "gemini"); !isNotFound(err) {
				return fmt.Errorf("a project that is not there: %v", err)
			}
			_, err := s.CreateInstances(ctx, instance("web"))
			return err
		})
		if err != nil || *commits != 1 {
			t.Fatalf("%v, %d commits", err, *commits)
		}
		if len(allNetworks(t, s)) != 2 {
			t.Error("not all of it is there")
		}
	})
}

func TestStore_Batch_fails(t *testing.T) {
	race.SkipAlone(t)
	fails := errors.New("no")
	for name, do := range map[string]func(ctx context.Context, s *Store) error{
		"by itself":        func(context.Context, *Store) error { return fails },
		"by a part":        func(ctx context.Context, s *Store) error { _, err := s.CreateProject(ctx, "apollo", ""); return err },
		"by an early part": func(ctx context.Context, s *Store) error { _, _ = s.CreateProject(ctx, "apollo", ""); return nil },
		"by a part, then by another": func(ctx context.Context, s *Store) error {
			_, _ = s.CreateProject(ctx, "apollo", "")
			_, err := s.CreateProject(ctx, "gemini", "")
			return err
		},
		"by the schema": func(ctx context.Context, s *Store) error {
			err := s.mutate(ctx, func(ctx context.Context, t *tx) error {
				return projectTable.Insert(ctx, t.door, 1, func(int) *Project { return &Project{ID: "apollo", CreatedAt: t.Now()} })
			})
			if !isConflict(err) {
				return fmt.Errorf("a second row: %v", err)
			}
			return nil
		},
		"by a batch": func(ctx context.Context, s *Store) error {
			return s.Batch(ctx, func(context.Context) error { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s *Store) {
				s, commits := openCounting(t, s, Write)
				err := s.Batch(t.Context(), func(ctx context.Context) error {
					if _, err := s.CreateProject(ctx, "apollo", ""); err != nil {
						t.Fatal(err)
					}
					return do(ctx, s)
				})
				if err == nil || *commits != 0 {
					t.Errorf("error %v, %d commits", err, *commits)
				}
				if all, err := s.Projects(t.Context()); err != nil || len(all) != 0 {
					t.Errorf("%v, %v are left", err, all)
				}
				// It is as if nothing had been.
				if _, err := s.CreateProject(t.Context(), "apollo", ""); err != nil || *commits != 1 {
					t.Errorf("afterwards: %v, %d commits", err, *commits)
				}
			})
		})
	}
}

// A part inside of a sequence that is still read would wait for ever on one engine.
func TestStore_Batch_inside(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 2))
		err := s.Batch(t.Context(), func(ctx context.Context) error {
			for _, err := range s.Networks(ctx, NetworkFilter{}) {
				if err != nil {
					return err
				}
				if _, err := s.Projects(ctx); err != errPart {
					t.Errorf("a part inside of a part: %v", err)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// All parts of a batch that only reads see one state, whatever is written meanwhile.
func TestStore_Batch_reads(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		reader, commits := openCounting(t, s, Read)
		err := reader.Batch(t.Context(), func(ctx context.Context) error {
			if all, err := reader.Projects(ctx); err != nil || len(all) != 0 {
				return fmt.Errorf("%v, %v", all, err)
			}
			if _, err := s.CreateProject(ctx, "apollo", ""); err != nil {
				return err
			}
			if all, err := reader.Projects(ctx); err != nil || len(all) != 0 {
				return fmt.Errorf("later %v, %v", all, err)
			}
			return nil
		})
		if err != nil || *commits != 0 {
			t.Errorf("%v, %d commits", err, *commits)
		}
	})
}

func TestStore_Batch_first(t *testing.T) {
	for engine, url := range engines {
		for _, mode := range []Mode{Create, DryRun} {
			t.Run(fmt.Sprint(engine, mode), func(t *testing.T) {
				s, err := Open(t.Context(), Options{URL: url(t), Mode: mode})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				err = s.Batch(t.Context(), func(ctx context.Context) error {
					if _, err := s.CreateProject(ctx, "apollo", ""); err != nil {
						return err
					}
					_, err := s.Version(ctx)
					return err
				})
				if err != nil {
					t.Error(err)
				}
				if _, err := s.Project(t.Context(), "apollo"); (err == nil) != (mode == Create) {
					t.Errorf("afterwards: %v", err)
				}
			})
		}
	}
}

// generated is what of a list the ledger has made up: MACs, and the IPv6 addresses that follow from them.
var generated = regexp.MustCompile(`02:16:3e:[0-9a-f:]{8}|[0-9a-f]*:[0-9a-f:]*16:3eff:fe[0-9a-f:]*`)

// What succeeds one by one, with changes that fail between them, makes the same ledger in one batch.
func TestStore_Batch_property(t *testing.T) {
	for engine, seeds := range map[string]int{"sqlite": 12, "postgresql": 2} {
		if race.Enabled {
			seeds = 1
		}
		t.Run(engine, func(t *testing.T) {
			for seed := range seeds {
				g := generator{Rand: rand.New(rand.NewPCG(uint64(seed), 2))}
				singly := openTest(t, engines[engine](t), Create)
				var good []step
				for range 120 {
					step := g.step()
					if _, err := step.store(t.Context(), singly); err == nil {
						good = append(good, step)
					}
				}
				together := openTest(t, engines[engine](t), Create)
				var inside []string
				err := together.Batch(t.Context(), func(ctx context.Context) error {
					for _, step := range good {
						if _, err := step.store(ctx, together); err != nil {
							return fmt.Errorf("%s: %w", step.text, err)
						}
					}
					inside = ledgerLists(t, together)
					return nil
				})
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				after := ledgerLists(t, together)
				if !slices.Equal(inside, after) {
					t.Errorf("seed %d: the batch saw another ledger than there is after it", seed)
				}
				if a, b := comparableLists(ledgerLists(t, singly)), comparableLists(after); !slices.Equal(a, b) {
					t.Errorf("seed %d: one by one\n%s\nin a batch\n%s", seed, strings.Join(a, "\n"), strings.Join(b, "\n"))
				}
				wantClean(t, together)
			}
		})
	}
}

// comparableLists are lists without what the ledger has made up, and without the order that follows from it.
func comparableLists(lists []string) []string {
	same := make([]string, len(lists))
	for i, line := range lists {
		same[i] = generated.ReplaceAllString(line, "made")
	}
	slices.Sort(same)
	return same
}

// Instances that are made at once are those that are made one by one: what a batch of lines relies on.
func TestStore_CreateInstances_atOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		prepare := func(s *Store) {
			create(t, s, vlans("10.0.1.0/24", 29, 3).with(func(n *NewNetworks) { n.Given.ProjectID = "apollo" }))
			for _, name := range []string{"a", "b", "c", "d"} {
				boot(t, s, instance(name))
			}
			if err := s.DeleteInstances(t.Context(), []string{"c"}); err != nil {
				t.Fatal(err)
			}
			if err := s.DeleteInstances(t.Context(), []string{"a"}); err != nil {
				t.Fatal(err)
			}
		}
		names := []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}
		other := openTest(t, engines[map[bool]string{true: "postgresql", false: "sqlite"}[strings.HasPrefix(urlOf(s), "postgresql")]](t), Create)
		prepare(s)
		prepare(other)
		made := boot(t, s, instance("").with(func(n *NewInstances) { n.Names = names }))
		for i, name := range names {
			one := boot(t, other, instance(name))[0]
			one.MAC = made[i].MAC // a random one
			if !reflect.DeepEqual(one, made[i]) {
				t.Errorf("one by one %+v, at once %+v", one, made[i])
			}
		}
		if a, b := comparableLists(ledgerLists(t, s)), comparableLists(ledgerLists(t, other)); !slices.Equal(a, b) {
			t.Errorf("at once\n%s\none by one\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
	})
}
