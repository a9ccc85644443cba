package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"reflect"
	"strings"
)

// Codec is how values of type V are stored. Read takes what the drivers return: nil, int64, string, bool or []byte, which
// is the driver's own and to be copied; Stored returns nil, an integer, a string, a bool or a []byte.
type Codec[V any] struct {
	Read   func(from any) (V, error)
	Stored func(V) any
}

// Into reads a column of a query that is no table's into to.
func (c Codec[V]) Into(to *V) any { return &into[V]{to, c.Read} }

type into[V any] struct {
	to   *V
	read func(any) (V, error)
}

// Scan implements sql.Scanner.
func (i *into[V]) Scan(from any) (err error) {
	*i.to, err = i.read(from)
	return err
}

// Column is a column of a table with rows of type T: its name, how a row reads it and what a row stores in it.
type Column[T any] struct {
	Name  string
	Scan  func(row *T, from any) error
	Value func(row *T) any
	// Computed is the SQL expression of a column that is read and never written.
	Computed string
}

// Col is the column of a value that a row keeps where at says.
func Col[T, V any](name string, at func(*T) *V, c Codec[V]) Column[T] {
	return Column[T]{
		Name: name,
		Scan: func(row *T, from any) (err error) {
			*at(row), err = c.Read(from)
			return err
		},
		Value: func(row *T) any { return c.Stored(*at(row)) },
	}
}

// Derived is a column that follows from the row's others: it is written and never read.
func Derived[T any](name string, value func(*T) any) Column[T] {
	return Column[T]{Name: name, Scan: func(*T, any) error { return nil }, Value: value}
}

// Computed is a column that a query answers by an SQL expression: it is read and never written.
func Computed[T, V any](expression string, at func(*T) *V, c Codec[V]) Column[T] {
	column := Col("", at, c)
	column.Computed = expression
	return column
}

// Table is what rows of type T are in the database: the one place that says so. SELECT, INSERT, UPDATE and scanning follow
// from its columns, the first of which is the key.
type Table[T any] struct {
	Name    string
	Alias   string // what queries call it
	Columns []Column[T]
	// Describe names a row in an error about one of its columns, when those before it are read; nil where the error says
	// enough.
	Describe func(*T) string
}

// List is what stands between SELECT and FROM to read rows.
func (t *Table[T]) List() string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		if names[i] = c.Computed; names[i] == "" {
			names[i] = t.Alias + "." + c.Name
		}
	}
	return strings.Join(names, ", ")
}

// Select is the query for rows as far as the table; conditions may follow.
func (t *Table[T]) Select() string { return t.List() + " FROM " + t.Name + " " + t.Alias }

// Scanner returns a function that reads rows of List, and what a query has after them into more.
func (t *Table[T]) Scanner() func(row Row, v *T, more ...any) error {
	var current *T
	var failed string // the column that cannot be read
	cells := make([]any, len(t.Columns))
	for i, c := range t.Columns {
		cells[i] = &cell[T]{c, &current, &failed}
	}
	return func(row Row, v *T, more ...any) error {
		current, failed = v, ""
		err := row.Scan(append(cells[:len(cells):len(cells)], more...)...)
		switch {
		case failed == "":
			return err // of what stands behind the row
		case t.Describe != nil:
			return fmt.Errorf("%s: %s: %w", t.Describe(v), failed, err)
		}
		return fmt.Errorf("%s: %w", failed, err)
	}
}

// cell is a column of the row that is being read.
type cell[T any] struct {
	Column[T]
	row    **T
	failed *string
}

// Scan implements sql.Scanner.
func (c *cell[T]) Scan(from any) error {
	err := c.Column.Scan(*c.row, from)
	if err != nil {
		*c.failed = cmp.Or(c.Name, c.Computed)
	}
	return err
}

// Rows yields the rows for which rest holds, what stands behind the table in the query; see the function Rows.
func (t *Table[T]) Rows(ctx context.Context, r *ReadTx, rest string, args ...any) iter.Seq2[T, error] {
	return Rows(ctx, r, t.scan(), t.Select()+rest, args...)
}

// All returns the rows for which rest holds.
func (t *Table[T]) All(ctx context.Context, r *ReadTx, rest string, args ...any) ([]T, error) {
	return Collect(ctx, r, t.scan(), t.Select()+rest, args...)
}

// One returns the first row for which rest holds, and whether there is one.
func (t *Table[T]) One(ctx context.Context, r *ReadTx, rest string, args ...any) (T, bool, error) {
	return One(ctx, r, t.scan(), t.Select()+rest, args...)
}

func (t *Table[T]) scan() func(Row) (T, error) {
	scan := t.Scanner()
	return func(row Row) (v T, err error) {
		err = scan(row, &v)
		return v, err
	}
}

// stored are the columns that are written.
func (t *Table[T]) stored() []Column[T] {
	stored := make([]Column[T], 0, len(t.Columns))
	for _, c := range t.Columns {
		if c.Computed == "" {
			stored = append(stored, c)
		}
	}
	return stored
}

// Insert adds n rows; at returns row i. A column of the table that may be null has no other default in the schema.
func (t *Table[T]) Insert(ctx context.Context, w *WriteTx, n int, at func(i int) *T) error {
	columns := t.stored()
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return w.Insert(ctx, NewRows{Table: t.Name, Columns: names, N: n, SparesNulls: true, Fill: func(i int, values []any) {
		row := at(i)
		for j, c := range columns {
			values[j] = c.Value(row)
		}
	}})
}

// Update makes the row that is before into after: it writes the columns in which they differ, and tells whether there are
// any.
func (t *Table[T]) Update(ctx context.Context, w *WriteTx, before, after *T) (changed bool, err error) {
	set := t.difference(before, after)
	if len(set) == 0 {
		return false, nil
	}
	return true, w.Update(ctx, t.Name, t.key(before), set...)
}

// Same tells whether two rows are stored alike.
func (t *Table[T]) Same(a, b *T) bool { return len(t.difference(a, b)) == 0 }

// difference is what after has other than before.
func (t *Table[T]) difference(before, after *T) (set []Named) {
	for _, c := range t.stored() {
		if value := c.Value(after); !reflect.DeepEqual(value, c.Value(before)) {
			set = append(set, Named{c.Name, value})
		}
	}
	return set
}

// Delete takes a row away.
func (t *Table[T]) Delete(ctx context.Context, w *WriteTx, row *T) error {
	return w.Delete(ctx, t.Name, t.key(row))
}

func (t *Table[T]) key(row *T) Named {
	return Named{t.Columns[0].Name, t.Columns[0].Value(row)}
}
