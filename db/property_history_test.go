package db

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"nova-manage/db/internal/sqlstore"
)

// history is a ledger's history as the property test keeps it: the rows of every table that is kept, after each change.
type history []map[string][][]any

// keptState is what history keeps of what the tables hold.
func keptState(t *testing.T, s *Store) map[string][][]any {
	t.Helper()
	all := state(t, s)
	maps.DeleteFunc(all, func(table string, _ [][]any) bool { return sqlstore.KeptTable(table) == nil })
	for _, rows := range all {
		// Those that are alike in the first column come in any order.
		slices.SortFunc(rows, func(a, b []any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
	return all
}

// differ names the first table in which two states differ.
func differ(got, want map[string][][]any) error {
	for _, k := range sqlstore.KeptTables() {
		if !reflect.DeepEqual(got[k.Name], want[k.Name]) {
			return fmt.Errorf("table %s:\n got %v\nwant %v", k.Name, got[k.Name], want[k.Name])
		}
	}
	return nil
}

// latest is the number of the latest change.
func latest(t *testing.T, s *Store) int64 {
	t.Helper()
	for c, err := range s.Changes(t.Context(), ChangeFilter{Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		return c.Number
	}
	return 0
}

// record keeps the state after a command, which may have been no change.
func (h history) record(t *testing.T, s *Store) (history, error) {
	now := keptState(t, s)
	switch n := latest(t, s); n {
	case int64(len(h) - 1):
		return h, differ(now, h[n])
	case int64(len(h)):
		return append(h, now), nil
	default:
		return h, fmt.Errorf("the latest change is %d, and %d were made", n, len(h))
	}
}

// undo reverses a change of those that were made, and now and then what it did itself.
func (h history) undo(t *testing.T, s *Store, number int64, again bool) (_ history, undone bool, err error) {
	last := int64(len(h) - 1)
	u, err := s.Undo(t.Context(), number)
	if errors.Is(err, ErrConflict) {
		h, err := h.record(t, s)
		if err == nil && int64(len(h)-1) != last {
			err = errors.New("what was refused is a change")
		}
		return h, false, err
	}
	if err != nil {
		return h, false, fmt.Errorf("undo %d: %w", number, err)
	}
	if found := findings(t, s); found != nil {
		return h, false, fmt.Errorf("db check after undo %d: %q", number, found)
	}
	if h, err = h.record(t, s); err != nil || u.Number == 0 {
		return h, true, err // u.Number is 0 where nothing was left to reverse
	}
	if number == last {
		if err := differ(h[last+1], h[last-1]); err != nil {
			return h, true, fmt.Errorf("undo of the latest change, %d: %w", number, err)
		}
	}
	if !again {
		return h, true, nil
	}
	if _, err := s.Undo(t.Context(), u.Number); err != nil {
		return h, true, fmt.Errorf("undo of the undo of %d: %w", number, err)
	}
	if h, err = h.record(t, s); err != nil {
		return h, true, err
	}
	if found := findings(t, s); found != nil {
		return h, true, fmt.Errorf("db check after the undo of the undo of %d: %q", number, found)
	}
	if err := differ(h[len(h)-1], h[last]); err != nil {
		return h, true, fmt.Errorf("undo of the undo of %d: %w", number, err)
	}
	return h, true, nil
}

// Random commands with undos of random earlier changes among them: an undo that succeeds leaves a sound ledger, and undoing it
// what was before; one that is refused changes nothing; and the ledger as of each change is what it was.
func TestStore_property_history(t *testing.T) {
	for _, run := range []propertyRun{{"sqlite", 10, 90, 0}, {"postgresql", 1, 70, 0}} {
		if raceDetector {
			run.seeds = 1
		}
		t.Run(run.engine, func(t *testing.T) {
			undone, refused := 0, 0
			for seed := range run.seeds {
				g := generator{Rand: rand.New(rand.NewPCG(uint64(seed), 9))}
				s := openTest(t, engines[run.engine](t), Create)
				h := history{keptState(t, s)}
				var done []string
				var err error
				for range run.steps {
					if n := len(h) - 1; n > 0 && g.chance(25) {
						var ok bool
						number := int64(n - min(g.IntN(n), g.IntN(n)))
						done = append(done, fmt.Sprint("undo ", number))
						if h, ok, err = h.undo(t, s, number, g.chance(60)); ok {
							undone++
						} else {
							refused++
						}
					} else {
						step := g.step()
						if _, e := step.store(t.Context(), s); e == nil {
							done = append(done, step.text)
						}
						h, err = h.record(t, s)
					}
					if err != nil {
						t.Fatalf("seed %d: %v, after %d commands, the last of them:\n%s", seed, err, len(done), list(asSteps(done)))
					}
				}
				for n := range h[1:] {
					past := asOf(t, s, Past{Number: int64(n + 1)})
					if err := differ(keptState(t, past), h[n+1]); err != nil {
						t.Fatalf("seed %d: as of change %d: %v", seed, n+1, err)
					}
					past.Close()
				}
				wantClean(t, s)
			}
			t.Logf("%d undone, %d refused", undone, refused)
			if undone == 0 || refused == 0 {
				t.Errorf("%d undone, %d refused: the test shows nothing", undone, refused)
			}
		})
	}
}

func asSteps(texts []string) (steps []step) {
	for _, text := range slices.Clone(texts[max(0, len(texts)-30):]) {
		steps = append(steps, step{text: text})
	}
	return steps
}
