package db

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Copied is a table that Copy copied.
type Copied struct {
	Table string
	Rows  int64
}

// copyRows is how many rows Copy holds in memory.
const copyRows = 1000

// Copy copies the whole ledger from, as it is at one moment, into the empty ledger to, all or nothing; the engines may
// differ, and each is a Store of its own. It returns the tables with their number of rows, which it has compared, and
// the copy has passed Check.
//
// Errors: ErrConflict where to is not empty, ErrCheck where the copy would not be clean, which means that from is not.
func Copy(ctx context.Context, from, to *Store) (copied []Copied, err error) {
	err = to.mutate(ctx, func(ctx context.Context, target *tx) error {
		// The source's own transaction ends first: should it turn out to have changed meanwhile, the copy is not kept.
		return from.view(ctx, func(ctx context.Context, source *tx) (err error) {
			copied, err = copyLedger(ctx, from, to, source, target)
			return to.engine.translate(err)
		})
	})
	if err != nil {
		return nil, err
	}
	return copied, nil
}

// copyLedger translates the errors of from at once; the others are to's.
func copyLedger(ctx context.Context, from, to *Store, source, target *tx) ([]Copied, error) {
	tables, err := copiedTables(ctx, to, target)
	if err != nil {
		return nil, err
	}
	theirs, err := copiedTables(ctx, from, source)
	if err != nil {
		return nil, from.engine.translate(err)
	}
	if a, b := slices.Sorted(slices.Values(theirs)), slices.Sorted(slices.Values(tables)); !slices.Equal(a, b) {
		return nil, fmt.Errorf("%s has the tables %v, and %s has %v", from.engine.place(), a, to.engine.place(), b)
	}
	if err := emptied(ctx, to, target, tables); err != nil {
		return nil, err
	}
	var copied []Copied
	for _, table := range tables {
		rows, err := copyTable(ctx, source, target, table, from.engine.translate)
		if err != nil {
			return nil, err
		}
		copied = append(copied, Copied{table, rows})
	}
	var found []string
	err = to.check(ctx, target, func(f Finding) {
		if len(found) < 3 {
			found = append(found, f.Check+": "+f.Problem)
		}
	})
	if err == nil && found != nil {
		err = &Error{Message: fmt.Sprintf("the copy of %s is not clean, so nothing was copied: %s", from.engine.place(), strings.Join(found, "; ")),
			Kind: ErrCheck, NextStep: "`nova-manage db check` says what is wrong with that ledger"}
	}
	return copied, err
}

var createTable = regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`)

// copiedTables lists the tables that hold the ledger, in the order in which the schema makes them, so that what a row
// refers to is there before it. The schema's version is none of them: each ledger has its own.
func copiedTables(ctx context.Context, s *Store, t *tx) (ordered []string, err error) {
	there, err := s.engine.tables(ctx, t)
	if err != nil {
		return nil, err
	}
	there = slices.DeleteFunc(there, func(table string) bool { return table == "schema_version" })
	for _, match := range createTable.FindAllStringSubmatch(strings.Join(s.engine.migrations(), "\n"), -1) {
		if slices.Contains(there, match[1]) && !slices.Contains(ordered, match[1]) {
			ordered = append(ordered, match[1])
		}
	}
	if len(ordered) != len(there) {
		return nil, fmt.Errorf("%s has tables that no schema version makes: %v, not %v", s.engine.place(), there, ordered)
	}
	return ordered, nil
}

// emptied refuses a ledger that holds or held anything, and clears the tables that the schema itself puts rows into.
func emptied(ctx context.Context, s *Store, t *tx, tables []string) error {
	for _, table := range tables {
		condition := ""
		switch table {
		case "free_ranges":
			continue // what is free follows from claims
		case "sequences":
			condition = " WHERE value <> 0" // what it held before, its numbers would be handed out again
		}
		var used bool
		if err := t.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+table+condition+")").Scan(&used); err != nil {
			return err
		}
		if used {
			return conflictf("%s is not empty: its table %s is in use", s.engine.place(), table).hint("name a new ledger")
		}
	}
	for _, table := range []string{"free_ranges", "sequences"} {
		if _, err := t.ExecContext(ctx, "DELETE FROM "+table); err != nil {
			return err
		}
	}
	return nil
}

// copyTable copies the rows of a table, and returns how many there are on both sides.
func copyTable(ctx context.Context, source, target *tx, table string, translate func(error) error) (int64, error) {
	columns, err := columnsOf(ctx, target, table)
	if err != nil {
		return 0, err
	}
	rows, err := source.QueryContext(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+table)
	if err != nil {
		return 0, translate(err)
	}
	defer rows.Close()
	copied := int64(0)
	for more := true; more; {
		var batch [][]any
		if batch, more, err = readBatch(rows, len(columns)); err != nil {
			return 0, translate(err)
		}
		err := target.insertTold(ctx, table, columns, len(batch), func(i int, values []any) { copy(values, batch[i]) }, func(done int) {
			target.progress("copying "+strings.ReplaceAll(table, "_", " "), copied+int64(done), -1)
		})
		if err != nil {
			return 0, err
		}
		copied += int64(len(batch))
	}
	rows.Close()
	had, err := count(ctx, source, table)
	if err != nil {
		return 0, translate(err)
	}
	has, err := count(ctx, target, table)
	if err == nil && had != has {
		err = fmt.Errorf("copying table %s: %d rows became %d", table, had, has)
	}
	return has, err
}

// readBatch reads up to copyRows rows; more tells that there may be others.
func readBatch(rows *sql.Rows, columns int) (batch [][]any, more bool, err error) {
	for len(batch) < copyRows && rows.Next() {
		row, pointers := make([]any, columns), make([]any, columns)
		for i := range row {
			pointers[i] = &row[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return nil, false, err
		}
		batch = append(batch, row)
	}
	return batch, len(batch) == copyRows, rows.Err()
}

func count(ctx context.Context, t *tx, table string) (n int64, err error) {
	err = t.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n)
	return n, err
}

// columnsOf lists the columns of a table, which are lower case words on every engine.
func columnsOf(ctx context.Context, t *tx, table string) ([]string, error) {
	rows, err := t.QueryContext(ctx, "SELECT * FROM "+table+" LIMIT 0")
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
