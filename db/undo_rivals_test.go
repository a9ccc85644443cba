package db

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"nova-manage/internal/race"
)

// An undo and, at the same time through another connection, a change that depends on what it takes back: one of them is done, and the
// other one refused for it; the ledger is in order.
func TestStore_Undo_rivals(t *testing.T) {
	net := func(n int) NewNetworks { return flat(fmt.Sprintf("10.0.%d.0/28", n), 28, 1) }
	createNet := func(ctx context.Context, s *Store, n int) error { _, err := s.CreateNetworks(ctx, net(n)); return err }
	createVM := func(ctx context.Context, s *Store, n int, network string) error {
		_, err := s.CreateInstances(ctx, NewInstances{Names: []string{fmt.Sprint("vm", n)}, ProjectID: "apollo", Network: network})
		return err
	}
	for name, test := range map[string]struct {
		// What round n begins with, what is undone in it, and what depends on that: nil is another undo of it.
		before, undone, depends func(ctx context.Context, s *Store, n int) error
		refused                 error // of the latter
	}{
		"an instance on a network": {
			undone: createNet,
			depends: func(ctx context.Context, s *Store, n int) error {
				return createVM(ctx, s, n, fmt.Sprintf("10.0.%d.0/28", n))
			},
			refused: ErrNotFound,
		},
		"the name of an instance": {
			before: func(ctx context.Context, s *Store, n int) error {
				return errors.Join(createNet(ctx, s, n), createVM(ctx, s, n, fmt.Sprintf("10.0.%d.0/28", n)))
			},
			undone: func(ctx context.Context, s *Store, n int) error {
				return s.DeleteInstances(ctx, []string{fmt.Sprint("vm", n)})
			},
			depends: func(ctx context.Context, s *Store, n int) error { return createVM(ctx, s, n, "") },
			refused: ErrConflict,
		},
		"the prefix of a network": {
			before: createNet,
			undone: func(ctx context.Context, s *Store, n int) error {
				return s.DeleteNetworks(ctx, []string{fmt.Sprintf("10.0.%d.0/28", n)}, false)
			},
			depends: func(ctx context.Context, s *Store, n int) error {
				_, err := s.CreateNetworks(ctx, flat(fmt.Sprintf("10.0.%d.8/29", n), 29, 1))
				return err
			},
			refused: ErrConflict,
		},
		"a batch on a batch": {
			undone: func(ctx context.Context, s *Store, n int) error {
				return s.Batch(ctx, func(ctx context.Context) error {
					return errors.Join(createNet(ctx, s, n), createVM(ctx, s, n, ""))
				})
			},
			depends: func(ctx context.Context, s *Store, n int) error {
				return s.Batch(ctx, func(ctx context.Context) error {
					if err := createNet(ctx, s, 100+n); err != nil {
						return err
					}
					return s.DeleteInstances(ctx, []string{fmt.Sprint("vm", n)})
				})
			},
			refused: ErrNotFound,
		},
		"another undo": {undone: createNet},
	} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s *Store) {
				rounds, ctx := 25, t.Context()
				if race.Enabled {
					rounds = 4
				}
				rival := openTest(t, urlOf(s), Write)
				undoFirst := 0
				for n := range rounds {
					if test.before != nil {
						if err := test.before(ctx, s, n); err != nil {
							t.Fatal(err)
						}
					}
					if err := test.undone(ctx, s, n); err != nil {
						t.Fatal(err)
					}
					number := latest(t, s)
					undo := func(s *Store) error { _, err := s.Undo(ctx, number); return err }
					other, refused := func() error { return undo(rival) }, ErrConflict
					if test.depends != nil {
						other, refused = func() error { return test.depends(ctx, rival, n) }, test.refused
					}
					var undone, done error
					var both sync.WaitGroup
					both.Go(func() { undone = undo(s) })
					both.Go(func() { done = other() })
					both.Wait()
					cannot := fmt.Sprintf("change %d cannot be undone: change %d depends on it", number, number+1)
					switch {
					case undone == nil && errors.Is(done, refused) && (test.depends != nil || done.Error() == cannot):
						undoFirst++
					case done == nil && errors.Is(undone, ErrConflict) && undone.Error() == cannot:
					default:
						t.Fatalf("undo of change %d: error %v; beside: error %v", number, undone, done)
					}
					if got := latest(t, s); got != number+1 {
						t.Fatalf("the latest change is %d, and not %d", got, number+1)
					}
					if n%8 == 0 || n == rounds-1 {
						wantClean(t, s)
					}
				}
				t.Logf("the undo was first in %d of %d", undoFirst, rounds)
			})
		})
	}
}
