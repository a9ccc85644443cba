package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// WriteTx is a running transaction that may change the ledger, through its methods and no other way: each says which rows
// of which table, and keeps them for history as they were and as they are then.
type WriteTx struct {
	*ReadTx
	change Change
	record recorder
}

// Named is a column and a value for it.
type Named struct {
	Column string
	Value  any
}

// NewRows are rows to insert: N of them, row i filled into values, in the order of Columns, by Fill.
type NewRows struct {
	Table   string
	Columns []string
	N       int
	Fill    func(i int, values []any)
	// Done, if it is set, is told how many are inserted, in place of the transaction's progress.
	Done func(done int)
	// SparesNulls tells that no column has another default than null, so that one which is null in every row need not be
	// named.
	SparesNulls bool
}

// batchParameters is how many parameters one INSERT may bind: what SQLite allows is 32,766, PostgreSQL 65,535, and
// beyond a few hundred a longer statement gains nothing.
const batchParameters = 1000

// Insert adds rows, many in a statement.
func (w *WriteTx) Insert(ctx context.Context, rows NewRows) error {
	told, width := rows.Done, len(rows.Columns)
	if told == nil {
		doing := "writing " + strings.ReplaceAll(rows.Table, "_", " ")
		told = func(done int) { w.progress(doing, int64(done), int64(rows.N)) }
	}
	batch := min(max(1, batchParameters/width), rows.N)
	values := make([]any, batch*width)
	var stmt *sql.Stmt
	prepared := ""
	for i := 0; i < rows.N; {
		n := min(batch, rows.N-i)
		for j := range n {
			rows.Fill(i+j, values[j*width:(j+1)*width])
		}
		columns, given := rows.Columns, values[:n*width]
		if rows.SparesNulls {
			columns, given = withoutNulls(columns, given)
		}
		if text := insertSQL(rows.Table, columns, n, w.parameter); text != prepared {
			if stmt != nil {
				stmt.Close()
			}
			var err error
			if stmt, err = w.q.PrepareContext(ctx, text); err != nil {
				return err
			}
			prepared = text
		}
		if _, err := stmt.ExecContext(ctx, given...); err != nil {
			stmt.Close()
			return err
		}
		w.wrote = true
		if err := w.inserted(ctx, rows.Table, columns, n, given); err != nil {
			stmt.Close()
			return err
		}
		i += n
		told(i)
	}
	if stmt != nil {
		return stmt.Close()
	}
	return nil
}

// withoutNulls leaves out the columns that are null in every row, which is what they are if nothing is said of them. Half the
// columns of a long list of networks are, and each costs as much to bind as one that says something.
func withoutNulls(columns []string, values []any) ([]string, []any) {
	width := len(columns)
	var kept []int
	for c := range columns {
		for i := c; i < len(values); i += width {
			if values[i] != nil {
				kept = append(kept, c)
				break
			}
		}
	}
	if len(kept) == width {
		return columns, values
	}
	names, given := make([]string, len(kept)), make([]any, 0, len(values)/width*len(kept))
	for i, c := range kept {
		names[i] = columns[c]
	}
	for row := 0; row < len(values); row += width {
		for _, c := range kept {
			given = append(given, values[row+c])
		}
	}
	return names, given
}

func insertSQL(table string, columns []string, rows int, parameter func(n int) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", table, strings.Join(columns, ", "))
	n := 0
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for j := range columns {
			if j > 0 {
				b.WriteByte(',')
			}
			n++
			b.WriteString(parameter(n))
		}
		b.WriteByte(')')
	}
	return b.String()
}

// Update gives the row of a table that has a key new values in some of its columns. A row that is not there is ErrCorrupt:
// whoever changes one has seen it in the same transaction.
func (w *WriteTx) Update(ctx context.Context, table string, key Named, set ...Named) error {
	changed, err := w.UpdateWhere(ctx, table, That(key.Column+" = ?", key.Value), set...)
	if err == nil && changed != 1 {
		err = notOne(table, key, changed)
	}
	return err
}

// UpdateWhere gives all rows for which where holds new values in some of their columns, and returns how many there are.
func (w *WriteTx) UpdateWhere(ctx context.Context, table string, where *Where, set ...Named) (changed int64, err error) {
	k, before, err := w.matching(ctx, table, where)
	if err != nil || k != nil && len(before) == 0 {
		return 0, err
	}
	assign := make([]string, len(set))
	// The conditions have their numbers already; the new values take those behind them.
	args := where.Args()[:len(where.Args()):len(where.Args())]
	for i, s := range set {
		args = append(args, s.Value)
		assign[i] = fmt.Sprintf("%s = $%d", s.Column, len(args))
	}
	changed, err = w.exec(ctx, "UPDATE "+table+" SET "+strings.Join(assign, ", ")+where.String(), args)
	for _, row := range before {
		if err != nil {
			return changed, err
		}
		after := append(Record(nil), row...)
		for _, s := range set {
			after[k.index(s.Column)] = stored(s.Value)
		}
		if !slices.EqualFunc(row, after, equal) {
			err = w.keep(ctx, Op{Table: k, Before: row, After: after})
		}
	}
	return changed, err
}

// Delete takes the row of a table that has a key away; as with Update, it must be there.
func (w *WriteTx) Delete(ctx context.Context, table string, key Named) error {
	deleted, err := w.DeleteWhere(ctx, table, That(key.Column+" = ?", key.Value))
	if err == nil && deleted != 1 {
		err = notOne(table, key, deleted)
	}
	return err
}

func notOne(table string, key Named, rows int64) error {
	value := fmt.Sprint(key.Value)
	if bytes, ok := key.Value.([]byte); ok {
		value = fmt.Sprintf("%x", bytes)
	}
	return Corruptf("%d rows of %s have %s %s, not 1", rows, table, key.Column, value)
}

// DeleteWhere takes all rows away for which where holds, and returns how many there were.
func (w *WriteTx) DeleteWhere(ctx context.Context, table string, where *Where) (deleted int64, err error) {
	statement := "DELETE FROM " + table + where.String()
	k := keptByName[table]
	if k == nil || w.record.off {
		return w.exec(ctx, statement, where.Args())
	}
	rows, err := w.returned(ctx, recordScanner(len(k.Columns)), statement+" RETURNING "+strings.Join(k.Columns, ", "), where.Args())
	for _, row := range rows {
		if err != nil {
			return deleted, err
		}
		deleted++
		err = w.keep(ctx, Op{Table: k, Before: row})
	}
	w.wrote = w.wrote || deleted > 0
	return deleted, err
}

// returned runs a statement that returns rows.
func (w *WriteTx) returned(ctx context.Context, scan func(Row) (Record, error), statement string, args []any) (records []Record, err error) {
	stmt, err := w.prepared(ctx, statement)
	if err != nil {
		return nil, err
	}
	run := w.q.QueryContext
	if stmt != nil {
		run = func(ctx context.Context, _ string, args ...any) (*sql.Rows, error) {
			return stmt.QueryContext(ctx, args...)
		}
	}
	rows, err := run(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		record, err := scan(row{rows})
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, rows.Err()
}

func (w *WriteTx) exec(ctx context.Context, statement string, args []any) (rows int64, err error) {
	stmt, err := w.prepared(ctx, statement)
	if err != nil {
		return 0, err
	}
	run := w.q.ExecContext
	if stmt != nil {
		run = func(ctx context.Context, _ string, args ...any) (sql.Result, error) {
			return stmt.ExecContext(ctx, args...)
		}
	}
	result, err := run(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	rows, err = result.RowsAffected()
	w.wrote = w.wrote || rows > 0 || err != nil
	return rows, err
}
