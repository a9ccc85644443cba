package db

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"nova-manage/db/internal/sqlstore"
)

// history is a ledger's history as the property test keeps it: what there was after each change, by its number.
type history struct {
	states          []pastState
	undone, refused int
}

type pastState struct {
	rows  map[string][][]any // of every table that is kept
	model *model
}

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
	for c, err := range s.Changes(t.Context(), ChangeFilter{Wanted: Wanted{Limit: 1}}) {
		if err != nil {
			t.Fatal(err)
		}
		return c.Number
	}
	return 0
}

// record keeps what there is after a command, which may have been no change.
func (h *history) record(t *testing.T, s *Store, m *model) error {
	now := keptState(t, s)
	switch n := latest(t, s); n {
	case int64(len(h.states) - 1):
		return differ(now, h.states[n].rows)
	case int64(len(h.states)):
		h.states = append(h.states, pastState{now, m})
		return nil
	default:
		return fmt.Errorf("the latest change is %d, and %d were made", n, len(h.states))
	}
}

// compare looks at the ledger as of a change: every list is that of its model, and every row is there.
func (h *history) compare(t *testing.T, s *Store, number int) error {
	past := asOf(t, s, Past{Number: int64(number)})
	defer past.Close()
	// In a batch the past is looked for once, and not for each list.
	err := past.Batch(t.Context(), func(context.Context) error {
		err := h.states[number].model.compare(t, past)
		if err == nil {
			err = differ(keptState(t, past), h.states[number].rows)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("as of change %d: %w", number, err)
	}
	return nil
}

// undoing is the undo of an earlier change, and now and then of that undo. Which one it is depends on how many there are by then.
type undoing struct {
	back  [2]int // the lesser one counts, so that it is a late change more often: of others most have something that depends on them
	again bool
}

func (u undoing) number(h *history) int64 {
	n := len(h.states) - 1
	return int64(n - min(u.back[0]%n, u.back[1]%n))
}

// undo reverses a change. It is refused for what depends on it and then nothing is done, or the ledger is in order and as it is in the
// model; the undo of the undo makes every row what it was.
func (h *history) undo(t *testing.T, s *Store, m *model, u undoing) (*model, error) {
	if len(h.states) == 1 {
		return m, nil
	}
	number, last := u.number(h), int64(len(h.states)-1)
	without, depends, nothing := m.undo(h.states[number-1].model, h.states[number].model)
	did, err := s.Undo(t.Context(), number)
	switch {
	case errors.Is(err, ErrConflict):
		h.refused++
		if number == last && !nothing {
			return m, fmt.Errorf("undo of the latest change, %d: %w", number, err)
		}
		err = h.record(t, s, m)
		if err == nil && int64(len(h.states)-1) != last {
			err = errors.New("what was refused is a change")
		}
		return m, err
	case err != nil:
		return m, fmt.Errorf("undo %d: %w", number, err)
	case depends != "":
		return m, fmt.Errorf("undo %d was done, and %s", number, depends)
	}
	undone := m.with(without)
	if err := h.undid(t, s, undone); err != nil {
		return m, fmt.Errorf("undo %d: %w", number, err)
	}
	if number == last {
		if err := differ(h.states[last+1].rows, h.states[last-1].rows); err != nil {
			return m, fmt.Errorf("undo of the latest change, %d: %w", number, err)
		}
	}
	if !u.again {
		return undone, nil
	}
	if _, err = s.Undo(t.Context(), did.Number); err == nil {
		err = h.undid(t, s, m)
	}
	if err == nil {
		err = differ(h.states[len(h.states)-1].rows, h.states[last].rows)
	}
	if err != nil {
		return m, fmt.Errorf("undo of the undo of %d: %w", number, err)
	}
	return m, nil
}

// undid looks at the ledger after an undo.
func (h *history) undid(t *testing.T, s *Store, m *model) error {
	if found := findings(t, s); found != nil {
		return fmt.Errorf("db check: %q", found)
	}
	if err := m.compare(t, s); err != nil {
		return err
	}
	h.undone++
	return h.record(t, s, m)
}

// mixed makes steps of a kind, batches of them, and undos.
func (g *generator) mixed(next func(*generator) step) step {
	switch {
	case g.chance(12):
		u := undoing{[2]int{g.IntN(1 << 20), g.IntN(1 << 20)}, g.chance(60)}
		return step{text: fmt.Sprintf("undo %+v", u), undo: &u}
	case g.chance(12):
		parts := make([]step, 2+g.IntN(3))
		for i := range parts {
			parts[i] = next(g)
		}
		return batchOf(parts)
	}
	return next(g)
}

// batchOf is a batch of steps. It is refused with the first of them that is.
func batchOf(parts []step) step {
	var texts []string
	for _, part := range parts {
		texts = append(texts, part.text)
	}
	var made [][]Instance
	var done int
	return step{text: "batch: " + strings.Join(texts, "; "),
		store: func(ctx context.Context, s *Store) ([]Instance, error) {
			return nil, s.Batch(ctx, func(ctx context.Context) error {
				made = make([][]Instance, len(parts))
				for done = range parts {
					var err error
					if made[done], err = parts[done].store(ctx, s); err != nil {
						return err
					}
				}
				return nil
			})
		},
		model: func(m *model, _ []Instance) (why verdict) {
			for i, part := range parts {
				switch why = part.model(m, made[i]); {
				case i == done:
					return why
				case !why.none():
					return verdict{kinds: []error{fmt.Errorf("%s in %q", why, part.text)}} // which the store let pass
				}
			}
			return why
		},
	}
}
