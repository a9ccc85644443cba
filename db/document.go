package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"nova-manage/db/internal/document"
	"nova-manage/db/internal/sqlstore"
)

// This file says what the document is that Export writes and Import reads: a ledger without what follows from the rest of it
// (claims and free ranges, bridges, masks, sort keys), so that a document cannot contradict itself in them. Its parts come in
// an order in which each names only what came before it, and their rows in the order of a key, so that neither side needs
// more memory for a longer one. ledger.schema.json describes it to others.

// documentFormat and documentVersion are what a document says of itself first. A version that has landed does not change: what a
// reader of it would not understand becomes the next one.
const (
	documentFormat  = "nova-manage ledger"
	documentVersion = 1
)

// sequenceNames are what is numbered in a ledger.
var sequenceNames = []string{"network", "instance", "release", "security_group", "rule"}

// part is a table as the document has it.
type part interface {
	// name is the member's, and the table's.
	name() string
	// export writes the rows.
	export(ctx context.Context, v view, w *document.Writer) error
	// read imports the rows, and returns how many there were.
	read(ctx context.Context, i *reading, d *document.Reader) (rows int64, err error)
}

// historyPart is the member that a document may do without. It comes before the tables, as what is written of these is a change
// only where it is missing.
const historyPart = "history"

// parts are the tables of the document in their order.
var parts = []part{projectPart, quotaPart, networkPart, floatingPart, groupPart, rulePart, instancePart, memberPart, addressPart}

// tablePart is a part with rows of type T.
type tablePart[T any] struct {
	table *sqlstore.Table[T]
	// fields are the columns that the document has, in its order; each is a column of the table, or one that stands for others.
	fields []sqlstore.Column[T]
	// order is how the rows are queried, and compare the same between two of them; key names what is compared.
	order   string
	compare func(a, b *T) int
	key     string
	// check finds what can never be right in a row; nil for nothing.
	check func(*T) *fault
	// write adds rows of a document, after it has compared them with what there is.
	write func(ctx context.Context, i *reading, rows []placed[T]) error
}

// placed is a row, and where it stands in the document.
type placed[T any] struct {
	row T
	at  document.Place
}

// fault is a field of a row that cannot be as it is.
type fault struct{ field, reason string }

func faultf(field, format string, args ...any) *fault {
	return &fault{field, fmt.Sprintf(format, args...)}
}

func (p *tablePart[T]) name() string { return p.table.Name }

// columnsNamed are the columns of a table with these names.
func columnsNamed[T any](table *sqlstore.Table[T], names ...string) []sqlstore.Column[T] {
	fields := make([]sqlstore.Column[T], len(names))
	for i, name := range names {
		at := slices.IndexFunc(table.Columns, func(c sqlstore.Column[T]) bool { return c.Name == name })
		fields[i] = table.Columns[at]
	}
	return fields
}

func (p *tablePart[T]) fieldNames() []string {
	names := make([]string, len(p.fields))
	for i, f := range p.fields {
		names[i] = f.Name
	}
	return names
}

// valueOf is what the document has of a row in a field: nil, an int64 or a string.
func valueOf[T any](f sqlstore.Column[T], row *T) any {
	if n, ok := f.Value(row).(int); ok {
		return int64(n)
	}
	return f.Value(row)
}

// checkRow finds what can never be right in a row, whatever else the ledger holds.
func (p *tablePart[T]) checkRow(row *T) *fault {
	for _, f := range p.fields {
		if reason := checkValue(p.table.Name, f.Name, valueOf(f, row)); reason != "" {
			return &fault{f.Name, reason}
		}
	}
	if p.check == nil {
		return nil
	}
	return p.check(row)
}

// checkValue says what is wrong with a value in itself; "" is nothing.
func checkValue(table, column string, v any) string {
	s, isText := v.(string)
	if isText {
		if reason := checkText(s); reason != "" {
			return reason
		}
	}
	for _, d := range domains {
		if d.table != table || d.column != column || v == nil {
			continue
		}
		n, _ := v.(int64)
		if isText {
			n = int64(utf8.RuneCountInString(s))
		}
		if n < d.lowest || n > d.highest {
			return d.words()
		}
	}
	return ""
}

// checkText refuses what no command lets into a ledger, a name or not: it would start a line or turn one around.
func checkText(s string) string {
	if !utf8.ValidString(s) {
		return "it is not UTF-8"
	}
	for _, r := range s {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return fmt.Sprintf("it holds the control character %U", r)
		}
	}
	return ""
}

// export implements part.
func (p *tablePart[T]) export(ctx context.Context, v view, w *document.Writer) error {
	w.Begin()
	defer w.Finish()
	var line []byte
	n := int64(0)
	for row, err := range p.table.Rows(ctx, v.ReadTx, " ORDER BY "+p.order) {
		if err != nil {
			return err
		}
		if f := p.checkRow(&row); f != nil {
			return corruptf("%s: %s: %s", p.describe(&row), f.field, f.reason)
		}
		line = p.appendRow(line[:0], &row)
		if err := w.Row(line); err != nil {
			return err
		}
		if n++; n%1000 == 0 {
			v.Report("exporting "+strings.ReplaceAll(p.table.Name, "_", " "), n, -1)
		}
	}
	return nil
}

func (p *tablePart[T]) describe(row *T) string {
	if p.table.Describe == nil {
		return "a row of " + p.table.Name
	}
	return p.table.Describe(row)
}

// appendRow adds a row to a line of the document.
func (p *tablePart[T]) appendRow(line []byte, row *T) []byte {
	line = append(line, '{')
	for _, f := range p.fields {
		line = document.AppendValue(document.AppendKey(line, f.Name), f.Value(row))
	}
	return append(line, '}')
}

// importRows is how many rows of a document are in memory.
const importRows = 1000

// read implements part.
func (p *tablePart[T]) read(ctx context.Context, i *reading, d *document.Reader) (rows int64, err error) {
	names := p.fieldNames()
	var batch []placed[T]
	var last *placed[T]
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := p.write(ctx, i, batch); err != nil {
			return err
		}
		rows += int64(len(batch))
		i.Report("importing "+strings.ReplaceAll(p.table.Name, "_", " "), rows, -1)
		end := batch[len(batch)-1]
		last, batch = &end, batch[:0]
		return nil
	}
	err = d.Array(func() error {
		row, err := p.readRow(i, d, names)
		if err != nil {
			return err
		}
		before := last
		if n := len(batch); n > 0 {
			before = &batch[n-1]
		}
		if before != nil {
			switch c := p.compare(&before.row, &row.row); {
			case c == 0:
				return row.at.Errorf("%s is that of the row before", p.key)
			case c > 0:
				return row.at.Errorf("rows come in the order of %s, and this one belongs before the last", p.key)
			}
		}
		if batch = append(batch, row); len(batch) == importRows {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	return rows, err
}

// readRow reads a row of the document, each value in the one way in which Export writes it.
func (p *tablePart[T]) readRow(i *reading, d *document.Reader, names []string) (row placed[T], err error) {
	err = d.Object(names, nil, func(key string) error {
		f := p.fields[slices.Index(names, key)]
		v, err := d.Value()
		if err != nil {
			return err
		}
		if err := f.Scan(&row.row, v); err != nil {
			if v == nil {
				return d.Errorf("null, where a value belongs")
			}
			return d.Errorf("%s cannot be: %s", document.Quote(v), reasonOf(err))
		}
		if is := valueOf(f, &row.row); is != v {
			return d.Errorf("%s is written %s", document.Quote(v), document.Quote(is))
		}
		reason := checkValue(p.table.Name, f.Name, v)
		if s, ok := v.(string); ok && reason == "" && i.names != nil {
			if err := i.names(p.table.Name, f.Name, s); err != nil {
				reason = "it " + err.Error()
			}
		}
		if reason != "" {
			return d.Errorf("%s cannot be: %s", document.Quote(v), reason)
		}
		return nil
	})
	if row.at = d.Here(); err != nil {
		return row, err
	}
	if f := p.checkRow(&row.row); f != nil {
		return row, p.faulty(row, f.field, f.reason)
	}
	return row, nil
}

// faulty is the error about a field of a row of the document.
func (p *tablePart[T]) faulty(row placed[T], field, reason string) error {
	at := slices.IndexFunc(p.fields, func(f sqlstore.Column[T]) bool { return f.Name == field })
	return row.at.At(field).Errorf("%s cannot be: %s", document.Quote(valueOf(p.fields[at], &row.row)), reason)
}

// reasonOf is why a codec refuses a value, without the value.
func reasonOf(err error) error {
	if unreadable := (*Error)(nil); errors.As(err, &unreadable) && unreadable.Cause != nil {
		return unreadable.Cause
	}
	return err
}

// numbered compares rows by a number.
func numbered[T any](id func(*T) int64) func(a, b *T) int {
	return func(a, b *T) int { return cmp.Compare(id(a), id(b)) }
}
