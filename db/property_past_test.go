package db

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"nova-manage/db/internal/sqlstore"
)

// pastStates are the models of the states that the ledger was in, by the number of the change that led to each.
type pastStates struct {
	store  *Store
	models map[int64]*model
	order  []int64
}

func (p *pastStates) last(t *testing.T) (number int64, err error) {
	err = p.store.view(t.Context(), func(ctx context.Context, v view) error {
		c, _, err := sqlstore.LastEntry(ctx, v.ReadTx, new(sqlstore.Where))
		number = c.Number
		return err
	})
	return number, err
}

// remember keeps the model of the state that the latest change led to.
func (p *pastStates) remember(t *testing.T, m *model) error {
	number, err := p.last(t)
	if err != nil || number == 0 || p.models[number] != nil {
		return err
	}
	p.models[number] = m
	p.order = append(p.order, number)
	return nil
}

// compare looks at some state that was: every list is that of its model.
func (p *pastStates) compare(t *testing.T, seed int) error {
	if len(p.order) == 0 {
		return nil
	}
	number := p.order[seed*7919%len(p.order)]
	old, err := Open(t.Context(), Options{URL: urlOf(p.store), AsOf: Past{Number: number}})
	if err != nil {
		return err
	}
	defer old.Close()
	if err := p.models[number].compare(t, old); err != nil {
		return fmt.Errorf("as of change %d: %w", number, err)
	}
	return nil
}

// undo undoes some change and undoes that. Either the first is refused for what depends on the change, or the ledger is in order
// in between; in the end every row is what it was.
func (p *pastStates) undo(t *testing.T, m *model, seed int) error {
	if len(p.order) == 0 {
		return nil
	}
	// The latest one often, since of others most have something that depends on them.
	number := p.order[len(p.order)-1]
	if seed%3 != 0 {
		number = p.order[seed*104729%len(p.order)]
	}
	before := state(t, p.store)
	u, err := p.store.Undo(t.Context(), number)
	switch {
	case err == nil:
		if found := findings(t, p.store); found != nil {
			return fmt.Errorf("db check after undo %d: %q", number, found)
		}
		if _, err := p.store.Undo(t.Context(), u.Number); err != nil {
			return fmt.Errorf("undo of the undo of %d: %w", number, err)
		}
	case !isConflict(err):
		return fmt.Errorf("undo %d: %w", number, err)
	case number == p.order[len(p.order)-1] && slices.Max(p.order) == number:
		if last, lastErr := p.last(t); lastErr != nil || last == number {
			return fmt.Errorf("undo of the latest change, %d: %w", number, err)
		}
	}
	if after := state(t, p.store); !reflect.DeepEqual(after, before) {
		return fmt.Errorf("undo %d, and undo that: the rows are\n%v\nand not\n%v", number, after, before)
	}
	return p.remember(t, m)
}
