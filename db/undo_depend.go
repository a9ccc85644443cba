package db

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"nova-manage/db/internal/sqlstore"
)

// This file finds what is in the way of a change that is to be undone.

// compare finds the rows that are not any more as the change left them, and makes what is reversed of a row that was changed
// what it is to become: what later changes made of its other values stays.
func (r *reversal) compare(ctx context.Context) error {
	for i := range r.net {
		op := &r.net[i]
		now, ok, err := sqlstore.RecordOf(ctx, r.ReadTx, op.Table, either(*op))
		if err != nil {
			return err
		}
		switch {
		case op.After == nil && ok, op.After != nil && !ok, op.Before == nil && !op.Table.Same(now, op.After):
			r.inWay[rowID(*op)] = true
		case op.Before != nil && op.After != nil:
			target := slices.Clone(now)
			for c, column := range op.Table.Columns {
				if reflect.DeepEqual(op.Before[c], op.After[c]) {
					continue
				}
				switch same := reflect.DeepEqual(now[c], op.After[c]); {
				case same:
					target[c] = op.Before[c]
				case column != updatedAt && !slices.Contains(op.Table.Derived, column):
					r.inWay[rowID(*op)] = true
				}
			}
			op.Before, op.After = target, now
			r.target[rowID(*op)] = target
		case op.Before == nil:
			op.After = now
		}
	}
	return nil
}

// referring finds the rows that refer to one that is to be taken away. What was recorded of released addresses goes with their
// prefix, as it does where that is deleted.
func (r *reversal) referring(ctx context.Context) error {
	for _, k := range sqlstore.KeptTables() {
		for _, ref := range k.References {
			var values []any
			for _, op := range r.net {
				if op.Before == nil && op.Table.Name == ref.Table {
					values = append(values, op.Table.At(op.After, ref.Of))
				}
			}
			for some := range slices.Chunk(values, 500) {
				where := sqlstore.That(ref.Column+" IN (?"+strings.Repeat(", ?", len(some)-1)+")", some...)
				if k.Name == addressTable.Name && ref.Column == "claim" {
					where.And("state <> ?", stateReleased)
				}
				for row, err := range sqlstore.RecordsWhere(ctx, r.ReadTx, k, where) {
					if err != nil {
						return err
					}
					id := rowName(k, row)
					target := r.target[id]
					if !r.gone[id] && (target == nil || reflect.DeepEqual(k.At(target, ref.Column), k.At(row, ref.Column))) {
						r.inWay[id] = true
					}
				}
			}
		}
	}
	return nil
}

// returning finds what is in the way of rows and values that come back: others that have what they had, and rows they refer to that are
// not there any more.
func (r *reversal) returning(ctx context.Context) error {
	for _, op := range r.net {
		if op.Before == nil || r.inWay[rowID(op)] {
			continue
		}
		k, row := op.Table, op.Before
		for _, where := range clashing(k, row) {
			for other, err := range sqlstore.RecordsWhere(ctx, r.ReadTx, k, where) {
				if err != nil {
					return err
				}
				// What the change itself touched becomes what it was beside this row before.
				if id := rowName(k, other); id != rowID(op) && !r.gone[id] && r.target[id] == nil {
					r.inWay[id] = true
				}
			}
		}
		if err := r.parents(ctx, k, row); err != nil {
			return err
		}
	}
	return nil
}

// clashing are the conditions under which another row has what a row is to have alone.
func clashing(k *sqlstore.Kept, row sqlstore.Record) (conditions []*sqlstore.Where) {
	for _, columns := range k.Unique {
		where, null := new(sqlstore.Where), false
		for _, column := range columns {
			null = null || k.At(row, column) == nil
			where.And(column+" = ?", k.At(row, column))
		}
		if !null {
			conditions = append(conditions, where)
		}
	}
	for _, columns := range k.Alike {
		where := new(sqlstore.Where)
		for _, column := range columns {
			if value := k.At(row, column); value == nil {
				where.And(column + " IS NULL")
			} else {
				where.And(column+" = ?", value)
			}
		}
		conditions = append(conditions, where)
	}
	if k.Spans {
		first, last := k.At(row, "first"), k.At(row, "last")
		conditions = append(conditions, sqlstore.That("first > ? AND first <= ?", first, last),
			sqlstore.That("last >= ? AND first = (SELECT o.first FROM "+k.Name+" o WHERE o.first < ? ORDER BY o.first DESC LIMIT 1)", first, first))
	}
	return conditions
}

// parents finds the rows that a row refers to and that are not there any more. The key of each is the value that is referred to.
func (r *reversal) parents(ctx context.Context, k *sqlstore.Kept, row sqlstore.Record) error {
	for _, ref := range k.References {
		value := k.At(row, ref.Column)
		if value == nil {
			continue
		}
		parent := sqlstore.KeptTable(ref.Table)
		id := referred(ref, value)
		if r.back[id] {
			continue
		}
		_, ok, err := sqlstore.RecordOf(ctx, r.ReadTx, parent, parent.Like(ref.Of, value))
		if err != nil {
			return err
		}
		if !ok || r.gone[id] {
			r.inWay[id] = true
		}
	}
	return nil
}

// linked finds the networks that have another IPv6 prefix than their bridge would have: one whose bridge loses the prefix, or gets one
// back, and one that comes back to a bridge which has another by now. What refers to the prefix is the bridge and not the networks.
func (r *reversal) linked(ctx context.Context) error {
	bridges, networks := sqlstore.KeptTable(bridgeTable.Name), sqlstore.KeptTable(networkTable.Name)
	prefixes := map[string]any{} // of bridges that networks come back to
	for _, op := range r.net {
		if op.Table == bridges && r.target[rowID(op)] != nil {
			name, prefix := op.Table.At(op.Before, "bridge"), op.Table.At(op.Before, "cidr_v6")
			where := sqlstore.That("bridge = ? AND cidr_v6 IS NOT NULL", name)
			if prefix != nil {
				where.And("cidr_v6 <> ?", prefix)
			}
			for row, err := range sqlstore.RecordsWhere(ctx, r.ReadTx, networks, where) {
				if err != nil {
					return err
				}
				if id := rowName(networks, row); !r.gone[id] {
					r.inWay[id] = true
				}
			}
		}
		if op.Table != networks || op.After != nil || op.Table.At(op.Before, "cidr_v6") == nil {
			continue
		}
		like := bridges.Like("bridge", op.Table.At(op.Before, "bridge"))
		id := rowName(bridges, like)
		if r.back[id] {
			continue // as it was with them
		}
		prefix, known := prefixes[id]
		if !known {
			row, ok, err := sqlstore.RecordOf(ctx, r.ReadTx, bridges, like)
			if err != nil {
				return err
			}
			if target := r.target[id]; target != nil {
				row = target
			}
			if ok {
				prefix = bridges.At(row, "cidr_v6")
			}
			prefixes[id] = prefix
		}
		if prefix != op.Table.At(op.Before, "cidr_v6") {
			r.inWay[id] = true
		}
	}
	return nil
}

// refuse is the conflict with the later changes that touched the rows in the way.
func (r *reversal) refuse(ctx context.Context) error {
	var later []int64
	for op, err := range sqlstore.Ops(ctx, r.ReadTx, r.change.Number+1, lastNumber) {
		if err != nil {
			return err
		}
		if r.inWay[rowID(op)] && (len(later) == 0 || later[len(later)-1] != op.Change) {
			later = append(later, op.Change)
		}
	}
	switch n := len(later); n {
	case 0:
		return conflictf(ErrUnfit, "change %d cannot be undone: the ledger is not as the change left it, and no later one tells why", r.change.Number).
			Try(WayCheckLedger)
	case 1:
		return conflictf(ErrInUse, "change %d cannot be undone: change %d depends on it", r.change.Number, later[0]).Try(WayUndoFirst, later[0])
	}
	numbers := make([]string, len(later))
	for i, n := range later {
		numbers[i] = strconv.FormatInt(n, 10)
	}
	last := len(numbers) - 1
	return conflictf(ErrInUse, "change %d cannot be undone: changes %s and %s depend on it", r.change.Number, strings.Join(numbers[:last], ", "), numbers[last]).
		Try(WayUndoFirst, later[len(later)-1])
}
