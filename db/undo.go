package db

import (
	"context"
	"reflect"
	"slices"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// This file reverses changes. A change is undone row by row, from what history keeps of it: rows that it made are taken away,
// rows that it took away come back, and values that it changed are what they were. What follows from rows, such as the addresses
// that are free, is worked out anew and not reversed, since later changes that have nothing to do with this one share it.

// Undone is what Undo did.
type Undone struct {
	Change Change // the one that was reversed
	Number int64  // of the change that reversed it
	Rows   []ChangedRow
}

// Undo reverses a change, the latest one for 0, as a new change. Errors: ErrNotFound where there is no such change, ErrConflict
// where a later one depends on what would be taken back; it names each of them.
func (s *Store) Undo(ctx context.Context, number int64) (u Undone, err error) {
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		u = Undone{}
		if u.Change, err = t.toUndo(ctx, number); err != nil {
			return err
		}
		net, err := t.net(ctx, u.Change)
		if err != nil {
			return err
		}
		if len(net) == 0 {
			return conflictf(ErrUnfit, "change %d took away again what it had made: there is nothing to undo", u.Change.Number).Try(WayHistory)
		}
		r := &reversal{tx: t, change: u.Change, net: net, gone: map[string]bool{}, back: map[string]bool{},
			target: map[string]sqlstore.Record{}, inWay: map[string]bool{}}
		if err := r.run(ctx); err != nil {
			return err
		}
		// All that it had changed may be when a network was changed last, which a later change writes, too.
		if u.Number = t.door.Number(); u.Number == 0 {
			return conflictf(ErrUnfit, "nothing is left of change %d that could be undone", u.Change.Number).Try(WayHistory)
		}
		u.Rows = shown(r.reversed())
		return nil
	})
	return u, err
}

func (t view) toUndo(ctx context.Context, number int64) (c Change, err error) {
	if number != 0 {
		c, err = t.change(ctx, number)
	} else {
		var ok bool
		if c, ok, err = sqlstore.LastEntry(ctx, t.ReadTx, new(sqlstore.Where)); err == nil && !ok {
			return c, notFoundf("nothing was ever changed that could be undone")
		}
	}
	if err == nil && c.Base {
		err = conflictf(ErrUnfit, "change %d stands for all that was there when history began, and cannot be undone", c.Number).Try(WayHistory)
	}
	return c, err
}

// reversal is a change that is being undone.
type reversal struct {
	*tx
	change Change
	net    []sqlstore.Op
	gone   map[string]bool            // rows that are taken away, by rowID
	back   map[string]bool            // and rows that come back
	target map[string]sqlstore.Record // and what others become
	// inWay are the rows by which it can be seen that something depends on the change, by rowID.
	inWay map[string]bool
}

func (r *reversal) run(ctx context.Context) error {
	r.door.Undoes(r.change.Number)
	for i := range r.net {
		switch op := r.net[i]; {
		case op.Before == nil:
			r.gone[rowID(op)] = true
		case op.After == nil:
			r.back[rowID(op)] = true
		}
	}
	for _, step := range []func(context.Context) error{r.compare, r.referring, r.returning, r.linked} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if len(r.inWay) > 0 {
		return r.refuse(ctx)
	}
	if err := r.write(ctx); err != nil {
		return err
	}
	if err := r.derive(ctx); err != nil {
		return err
	}
	if len(r.inWay) > 0 {
		return r.refuse(ctx)
	}
	abouts, err := sqlstore.Subjects(ctx, r.ReadTx, r.change.Number)
	for _, about := range abouts {
		r.door.About(about)
	}
	return err
}

// reversed is what is done to rows.
func (r *reversal) reversed() []sqlstore.Op {
	ops := make([]sqlstore.Op, len(r.net))
	for i, op := range r.net {
		ops[i] = sqlstore.Op{Table: op.Table, Before: op.After, After: op.Before}
	}
	return ops
}

// updatedAt is the one column that two changes of different values of a row both write.
const updatedAt = "updated_at"

// write takes rows away, those that refer to others first, and then brings rows and values back the other way round. What refers to a
// row that is to go gets its own values back before.
func (r *reversal) write(ctx context.Context) error {
	early := make([]bool, len(r.net))
	for i, op := range r.net {
		if op.Before == nil || op.After == nil || moves(op) || !r.refersToGone(op) {
			continue
		}
		early[i] = true
		if err := r.giveBack(ctx, op); err != nil {
			return err
		}
	}
	for _, op := range slices.Backward(r.net) {
		if op.Before == nil || moves(op) {
			if err := r.takeAway(ctx, op.Table, op.After); err != nil {
				return err
			}
		}
	}
	for i := 0; i < len(r.net); {
		table := r.net[i].Table
		var back []sqlstore.Record
		for ; i < len(r.net) && r.net[i].Table == table; i++ {
			switch op := r.net[i]; {
			case op.Before == nil || early[i]:
			case op.After == nil || moves(op):
				back = append(back, op.Before)
			default:
				if err := r.giveBack(ctx, op); err != nil {
					return err
				}
			}
		}
		if err := r.bringBack(ctx, table, back); err != nil {
			return err
		}
	}
	// A later network may have been carved on the bridge of one that is gone since: nothing else keeps the bridge then.
	for _, op := range r.net {
		if op.Table.Name != networkTable.Name || op.Before != nil {
			continue
		}
		if name, ok := op.Table.At(op.After, "bridge").(string); ok {
			if err := r.releaseBridge(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// moves tells whether a row is to end elsewhere. The schema has such a row deleted and inserted anew.
func moves(op sqlstore.Op) bool {
	return op.Table.Spans && op.Before != nil && op.After != nil && !reflect.DeepEqual(op.Table.At(op.Before, "last"), op.Table.At(op.After, "last"))
}

// refersToGone tells whether a row refers, as it is now, to one that is taken away.
func (r *reversal) refersToGone(op sqlstore.Op) bool {
	for _, ref := range op.Table.References {
		if value := op.Table.At(op.After, ref.Column); value != nil && r.gone[referred(ref, value)] {
			return true
		}
	}
	return false
}

// referred is the rowID of what a reference with a value refers to, whose key the value is.
func referred(ref sqlstore.Reference, value any) string {
	parent := sqlstore.KeptTable(ref.Table)
	return rowName(parent, parent.Like(ref.Of, value))
}

func (r *reversal) takeAway(ctx context.Context, k *sqlstore.Kept, row sqlstore.Record) error {
	if k.Name == claimTable.Name {
		s := spanOf(k, row)
		p, ok := s.Prefix()
		if !ok {
			return corruptf("the claim %s is no prefix", s)
		}
		return r.releaseClaim(ctx, p) // with what is recorded of the addresses in it
	}
	_, err := r.door.DeleteWhere(ctx, k.Name, k.Is(row))
	return err
}

// giveBack gives the values back that a row had.
func (r *reversal) giveBack(ctx context.Context, op sqlstore.Op) error {
	var set []sqlstore.Named
	for c, column := range op.Table.Columns {
		if !reflect.DeepEqual(op.Before[c], op.After[c]) {
			set = append(set, sqlstore.Named{Column: column, Value: op.Before[c]})
		}
	}
	if len(set) == 0 {
		return nil
	}
	_, err := r.door.UpdateWhere(ctx, op.Table.Name, op.Table.Is(op.After), set...)
	return err
}

// bringBack inserts rows of a table that were taken away.
func (r *reversal) bringBack(ctx context.Context, k *sqlstore.Kept, rows []sqlstore.Record) error {
	if k.Name == claimTable.Name {
		for _, row := range rows {
			if ok, err := r.takeFree(ctx, unclaimed, spanOf(k, row)); err != nil {
				return err
			} else if !ok {
				return corruptf("%s is neither free nor in use", spanOf(k, row))
			}
		}
	}
	return r.door.Insert(ctx, sqlstore.NewRows{Table: k.Name, Columns: k.Columns, N: len(rows),
		Fill: func(i int, values []any) { copy(values, rows[i]) }})
}

// spanOf is the span of a row that has one.
func spanOf(k *sqlstore.Kept, row sqlstore.Record) netcalc.Span {
	first, _ := addrOf(k.At(row, "first"))
	last, _ := addrOf(k.At(row, "last"))
	return netcalc.Span{First: first, Last: last}
}
