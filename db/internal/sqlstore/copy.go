package sqlstore

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
)

// Copied is a table that CopyRows copied.
type Copied struct {
	Table string
	Rows  int64
}

// copyRows is how many rows CopyRows holds in memory.
const copyRows = 1000

// CopyRows copies every row of one ledger into another, which must never have held any, and compares how many there are on
// both sides. Errors that are from's are translated; the others are the business of to's transaction. Error: ErrConflict
// where to is not empty.
func CopyRows(ctx context.Context, from *DB, source *ReadTx, to *DB, target *WriteTx) ([]Copied, error) {
	tables, err := to.copied(ctx, target.ReadTx)
	if err != nil {
		return nil, err
	}
	theirs, err := from.copied(ctx, source)
	if err != nil {
		return nil, from.Translate(ctx, err)
	}
	if a, b := slices.Sorted(slices.Values(theirs)), slices.Sorted(slices.Values(tables)); !slices.Equal(a, b) {
		return nil, fmt.Errorf("%s has the tables %v, and %s has %v", from.Place(), a, to.Place(), b)
	}
	if err := to.clear(ctx, target, tables); err != nil {
		return nil, err
	}
	// The history of what is copied comes along: what is written here is none.
	target.KeepNoHistory()
	var all []Copied
	for _, table := range tables {
		rows, err := copyTable(ctx, from, source, target, table)
		if err != nil {
			return nil, err
		}
		all = append(all, Copied{table, rows})
	}
	return all, nil
}

var createTable = regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`)

// copied lists the tables that hold the ledger, in the order in which the schema makes them, so that what a row refers to
// is there before it. The schema's version is none of them: each ledger has its own.
func (d *DB) copied(ctx context.Context, r *ReadTx) (ordered []string, err error) {
	there, err := d.engine.tables(ctx, r.q)
	if err != nil {
		return nil, err
	}
	there = slices.DeleteFunc(there, func(table string) bool { return table == "schema_version" })
	for _, match := range createTable.FindAllStringSubmatch(strings.Join(d.engine.migrations(), "\n"), -1) {
		if slices.Contains(there, match[1]) && !slices.Contains(ordered, match[1]) {
			ordered = append(ordered, match[1])
		}
	}
	if len(ordered) != len(there) {
		return nil, fmt.Errorf("%s has tables that no schema version makes: %v, not %v", d.Place(), there, ordered)
	}
	return ordered, nil
}

// Clear refuses a ledger that holds or held anything, and empties the tables that the schema itself puts rows into: whoever
// fills it brings those rows along. Error: ErrConflict.
func Clear(ctx context.Context, d *DB, w *WriteTx) error {
	tables, err := d.copied(ctx, w.ReadTx)
	if err != nil {
		return err
	}
	return d.clear(ctx, w, tables)
}

// clear refuses a ledger that holds or held anything, and empties the tables that the schema itself puts rows into.
func (d *DB) clear(ctx context.Context, w *WriteTx, tables []string) error {
	used, err := d.used(ctx, w, tables)
	if err != nil {
		return err
	}
	if used != "" {
		return Conflictf(ErrInUse, "%s is not empty: its table %s is in use", d.Place(), used).Try(WayNewLedger)
	}
	for _, table := range []string{"free_ranges", "sequences"} {
		if _, err := w.DeleteWhere(ctx, table, new(Where)); err != nil {
			return err
		}
	}
	return nil
}

// used names a table by which a ledger holds or held something; "" if there is none.
func (d *DB) used(ctx context.Context, w *WriteTx, tables []string) (string, error) {
	for _, table := range tables {
		condition := ""
		switch table {
		case "free_ranges":
			continue // what is free follows from claims
		case "sequences":
			condition = " WHERE value <> 0" // what it held before, its numbers would be handed out again
		}
		used, err := Exists(ctx, w.ReadTx, "FROM "+table+condition)
		if err != nil || used {
			return table, err
		}
	}
	return "", nil
}

// copyTable copies the rows of a table, and returns how many there are on both sides.
func copyTable(ctx context.Context, from *DB, source *ReadTx, target *WriteTx, table string) (int64, error) {
	columns, err := columnsOf(ctx, target, table)
	if err != nil {
		return 0, err
	}
	next, stop := iter.Pull2(Tuples(ctx, source, strings.Join(columns, ", ")+" FROM "+table))
	defer stop()
	for done := int64(0); ; {
		batch, err := take(next)
		if err != nil {
			return 0, from.Translate(ctx, err)
		}
		err = target.Insert(ctx, NewRows{Table: table, Columns: columns, N: len(batch),
			Fill: func(i int, values []any) { copy(values, batch[i]) },
			Done: func(n int) { target.Report("copying "+strings.ReplaceAll(table, "_", " "), done+int64(n), -1) }})
		if err != nil {
			return 0, err
		}
		if done += int64(len(batch)); len(batch) < copyRows {
			break
		}
	}
	stop()
	had, err := countRows(ctx, source, table)
	if err != nil {
		return 0, from.Translate(ctx, err)
	}
	has, err := countRows(ctx, target.ReadTx, table)
	if err == nil && had != has {
		err = fmt.Errorf("copying table %s: %d rows became %d", table, had, has)
	}
	return has, err
}

// take returns the next rows, fewer than copyRows at the end.
func take(next func() ([]any, error, bool)) (batch [][]any, err error) {
	for len(batch) < copyRows {
		row, err, ok := next()
		if err != nil || !ok {
			return batch, err
		}
		batch = append(batch, row)
	}
	return batch, nil
}

func countRows(ctx context.Context, r *ReadTx, table string) (int64, error) {
	n, _, err := Value[int64](ctx, r, "count(*) FROM "+table)
	return n, err
}

// columnsOf lists the columns of a table, which are lower case words on every engine.
func columnsOf(ctx context.Context, w *WriteTx, table string) ([]string, error) {
	rows, err := w.query(ctx, "* FROM "+table+" LIMIT 0", nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	return columns, rows.Err()
}
