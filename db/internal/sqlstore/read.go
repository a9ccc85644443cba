package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"regexp"
	"strings"
	"time"
)

// querier is the part of a connection that statements need.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// ReadTx is a running transaction as something to query.
type ReadTx struct {
	q         querier
	now       time.Time
	progress  func(doing string, done, total int64)
	parameter func(n int) string // see engine

	// statements holds those that have run before, by their text; nil is one that ran once, and is not worth it yet.
	statements map[string]*sql.Stmt
	prepares   bool // see engine

	open  bool // the rows of a query are being read
	wrote bool // a row was added, changed or deleted
}

// Now is the transaction's time, in UTC.
func (r *ReadTx) Now() time.Time { return r.now }

// Report tells whoever watches how far long work has come; total is -1 where nobody knows.
func (r *ReadTx) Report(doing string, done, total int64) { r.progress(doing, done, total) }

// Row is a row that a query returned. Scan reads its columns, in order, into pointers or Fields.
type Row interface {
	Scan(into ...any) error
}

// row is a row of the driver's.
type row struct{ *sql.Rows }

// Scan leaves away what database/sql puts before an error of ours: the number of the column in the query, which says
// nothing to whoever reads it.
func (r row) Scan(into ...any) error {
	err := r.Rows.Scan(into...)
	if ours := (*Error)(nil); errors.As(err, &ours) {
		return ours
	}
	return err
}

// errOpen is what a query gets while the rows of another one are read: SQLite would answer it, and PostgreSQL's driver would
// wait for the rows without end.
var errOpen = errors.New("a query is made while the rows of another one are read")

// selectInto is the one thing after SELECT by which something is made: PostgreSQL's SELECT INTO makes a table.
var selectInto = regexp.MustCompile(`(?i)\binto\b`)

// errNotOne is what a text that is more than the rest of one SELECT gets.
var errNotOne = errors.New("a query is the rest of one SELECT statement")

// query runs SELECT followed by what selected says. The word stands here, and a second statement and INTO are refused, so
// that no text changes a row of the ledger: in neither engine does what follows SELECT, unless it calls a function of
// PostgreSQL's own that does something, of which none changes a table.
func (r *ReadTx) query(ctx context.Context, selected string, args []any) (*sql.Rows, error) {
	switch {
	case r.open:
		return nil, errOpen
	case strings.ContainsRune(selected, ';'), selectInto.MatchString(selected):
		return nil, errNotOne
	}
	text := "SELECT " + selected
	stmt, err := r.prepared(ctx, text)
	switch {
	case err != nil:
		return nil, err
	case stmt != nil:
		return stmt.QueryContext(ctx, args...)
	}
	return r.q.QueryContext(ctx, text, args...)
}

// prepared returns a statement that has run before, prepared; nil for one that has not, which is not worth it yet.
func (r *ReadTx) prepared(ctx context.Context, text string) (stmt *sql.Stmt, err error) {
	stmt, again := r.statements[text]
	if again && stmt == nil {
		if stmt, err = r.q.PrepareContext(ctx, text); err != nil {
			return nil, err
		}
	}
	if _, kept := r.statements[text]; r.prepares && (kept || len(r.statements) < mostStatements) {
		r.statements[text] = stmt
	}
	return stmt, nil
}

// mostStatements is how many statements a transaction keeps.
const mostStatements = 100

// finish gives back what the transaction keeps.
func (r *ReadTx) finish() {
	for _, stmt := range r.statements {
		if stmt != nil {
			_ = stmt.Close() // it has been used already; there is nothing left to lose
		}
	}
}

// Rows yields what scan makes of each row of SELECT selected, one in memory at a time. No other statement can run in the
// transaction until the sequence has ended: PostgreSQL's driver has one open at a time. A row that scan refuses is yielded
// as an error, after which the sequence goes on if the caller does.
func Rows[T any](ctx context.Context, r *ReadTx, scan func(Row) (T, error), selected string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := r.query(ctx, selected, args)
		if err != nil {
			yield(none, err)
			return
		}
		r.open = true
		defer func() {
			rows.Close()
			r.open = false
		}()
		for rows.Next() {
			if !yield(scan(row{rows})) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, err)
		}
	}
}

// Collect returns what scan makes of each row of SELECT selected.
func Collect[T any](ctx context.Context, r *ReadTx, scan func(Row) (T, error), selected string, args ...any) (all []T, err error) {
	for v, err := range Rows(ctx, r, scan, selected, args...) {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// One returns what scan makes of the first row of SELECT selected, and whether there was one.
func One[T any](ctx context.Context, r *ReadTx, scan func(Row) (T, error), selected string, args ...any) (v T, ok bool, err error) {
	for v, err := range Rows(ctx, r, scan, selected, args...) {
		return v, err == nil, err
	}
	return v, false, nil
}

// Values returns the only column of SELECT selected.
func Values[T any](ctx context.Context, r *ReadTx, selected string, args ...any) ([]T, error) {
	return Collect(ctx, r, scanValue[T], selected, args...)
}

// Value returns the only column of the first row of SELECT selected; the zero value and false if there is no row.
func Value[T any](ctx context.Context, r *ReadTx, selected string, args ...any) (v T, ok bool, err error) {
	return One(ctx, r, scanValue[T], selected, args...)
}

// Exists tells whether SELECT 1 followed by what from says has a row.
func Exists(ctx context.Context, r *ReadTx, from string, args ...any) (bool, error) {
	_, ok, err := Value[int](ctx, r, "1 "+from+" LIMIT 1", args...)
	return ok, err
}

// Tuples yields the columns of each row of SELECT selected, however many there are, as the driver has them.
func Tuples(ctx context.Context, r *ReadTx, selected string, args ...any) iter.Seq2[[]any, error] {
	return Rows(ctx, r, scanTuple, selected, args...)
}

// scanTuple reads a row of any shape.
func scanTuple(r Row) ([]any, error) {
	columns, err := r.(row).Columns()
	if err != nil {
		return nil, err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	return values, r.Scan(into...)
}

func scanValue[T any](row Row) (v T, err error) {
	err = row.Scan(&v)
	return v, err
}
