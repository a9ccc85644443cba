package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"nova-manage/netcalc"
)

// column returns the only column of a query.
func column[T any](ctx context.Context, q querier, query string, args ...any) ([]T, error) {
	return collect(ctx, q, func(rows *sql.Rows) (v T, err error) {
		err = rows.Scan(&v)
		return v, err
	}, query, args...)
}

// collect returns what scan makes of each row. It reads all rows before it returns, because PostgreSQL's driver cannot
// run another statement on the connection while rows are open.
func collect[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// one returns what scan makes of the first row, and whether there was one.
func one[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) (v T, ok bool, err error) {
	all, err := collect(ctx, q, scan, query, args...)
	if err != nil || len(all) == 0 {
		return v, false, err
	}
	return all[0], true, nil
}

// batchParameters is how many parameters one INSERT may bind: what SQLite allows is 32,766, PostgreSQL 65,535, and
// beyond a few hundred a longer statement gains nothing.
const batchParameters = 1000

// insert writes n rows into table, many per statement; row(i, values) fills the values of row i in the order of columns.
func (t *tx) insert(ctx context.Context, table string, columns []string, n int, row func(i int, values []any)) error {
	doing := "writing " + strings.ReplaceAll(table, "_", " ")
	return t.insertTold(ctx, table, columns, n, row, func(done int) { t.progress(doing, int64(done), int64(n)) })
}

// insertTold is insert that tells told how many rows are done.
func (t *tx) insertTold(ctx context.Context, table string, columns []string, n int, row func(i int, values []any), told func(done int)) error {
	batch := max(1, batchParameters/len(columns))
	var stmt *sql.Stmt
	prepared := 0
	values := make([]any, 0, batch*len(columns))
	for i := 0; i < n; {
		rows := min(batch, n-i)
		values = values[:rows*len(columns)]
		for j := range rows {
			row(i+j, values[j*len(columns):(j+1)*len(columns)])
		}
		if prepared != rows {
			if stmt != nil {
				stmt.Close()
			}
			var err error
			if stmt, err = t.PrepareContext(ctx, insertSQL(table, columns, rows, t.parameter)); err != nil {
				return err
			}
			prepared = rows
		}
		if _, err := stmt.ExecContext(ctx, values...); err != nil {
			stmt.Close()
			return err
		}
		i += rows
		told(i)
	}
	if stmt != nil {
		return stmt.Close()
	}
	return nil
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

// nextNumbers hands out the next n numbers of a sequence and returns the first of them.
func (t *tx) nextNumbers(ctx context.Context, sequence string, n int) (first int64, err error) {
	var last int64
	err = t.QueryRowContext(ctx, "UPDATE sequences SET value = value + $1 WHERE name = $2 RETURNING value", n, sequence).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		err = corruptf("the numbers of %s are not there", sequence)
	}
	return last - int64(n) + 1, err
}

// key is an address as the ledger stores it.
func key(a netip.Addr) []byte {
	k := netcalc.Key(a)
	return k[:]
}

// scanSpan reads a first and a last address.
func scanSpan(rows *sql.Rows) (netcalc.Span, error) {
	var first, last []byte
	if err := rows.Scan(&first, &last); err != nil {
		return netcalc.Span{}, err
	}
	return span(first, last)
}

func span(first, last []byte) (s netcalc.Span, err error) {
	if s.First, err = netcalc.FromKey(first); err != nil {
		return s, fmt.Errorf("address in the ledger: %w", err)
	}
	if s.Last, err = netcalc.FromKey(last); err != nil {
		return s, fmt.Errorf("address in the ledger: %w", err)
	}
	return s, nil
}

// text is how an optional value is stored: null where it is absent.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func addrText(a netip.Addr) any {
	if !a.IsValid() {
		return nil
	}
	return a.String()
}

func prefixText(p netip.Prefix) any {
	if !p.IsValid() {
		return nil
	}
	return p.String()
}

func number(n int) any {
	if n == 0 {
		return nil
	}
	return n
}
