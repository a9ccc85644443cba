package db

import (
	"context"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"nova-manage/db/internal/document"
	"nova-manage/db/internal/sqlstore"
)

// The history of a ledger in its document: the changes, the oldest first, each with what it is about and with the rows that it
// made, changed and took away, in the order in which it did. The rows have all columns, those too that the tables of the document
// leave out: an undo puts back what was there, and a check adds the rows up.

var (
	changeKeys  = []string{"number", "at", "actor", "command", "comment", "created", "changed", "deleted", "undoes", "base", "subjects", "rows"}
	subjectKeys = []string{"kind", "name", "first", "last"}
	rowKeys     = []string{"table", "before", "after"}
)

// subjectKinds are what changes are about, as the document calls it.
var subjectKinds = map[sqlstore.Subject]string{sqlstore.Network: "network", sqlstore.Instance: "instance", sqlstore.Project: "project"}

func (t view) exportHistory(ctx context.Context, w *document.Writer) error {
	const page = 100
	w.Begin()
	defer w.Finish()
	for after := int64(0); ; {
		told, err := t.Told(ctx, after, page)
		if err != nil {
			return err
		}
		for _, change := range told {
			if err := t.exportChange(ctx, w, change); err != nil {
				return err
			}
			after = change.Number
		}
		if len(told) < page {
			return nil
		}
		t.Report("exporting history", after, -1)
	}
}

func (t view) exportChange(ctx context.Context, w *document.Writer, c sqlstore.Told) error {
	for field, text := range map[string]string{"actor": c.Actor, "command": c.Command, "comment": c.Comment} {
		if reason := checkText(text); reason != "" {
			return corruptf("change %d: %s: %s", c.Number, field, reason)
		}
	}
	values := []any{c.Number, sqlstore.FormatTime(c.At), c.Actor, c.Command, optText.Stored(c.Comment), c.Created, c.Changed, c.Deleted,
		optNumber.Stored(c.Undoes)}
	line := []byte{'{'}
	for n, value := range values {
		line = document.AppendValue(document.AppendKey(line, changeKeys[n]), value)
	}
	line = append(appendDigests(document.AppendKey(line, "base"), c.Digests), `, "subjects": `...)
	_ = w.Row(line) // what goes wrong is told by the rows
	subjects, err := sqlstore.Subjects(ctx, t.ReadTx, c.Number)
	if err != nil {
		return err
	}
	w.Begin()
	for _, s := range subjects {
		if err := w.Row(appendSubject(line[:0], s)); err != nil {
			return err
		}
	}
	w.Finish()
	_ = w.Write([]byte(`, "rows": `))
	w.Begin()
	for op, err := range sqlstore.Ops(ctx, t.ReadTx, c.Number, c.Number) {
		if err == nil {
			line, err = appendOp(line[:0], op)
		}
		if err == nil {
			err = w.Row(line)
		}
		if err != nil {
			return err
		}
	}
	w.Finish()
	return w.Write([]byte{'}'})
}

func appendDigests(line []byte, digests map[string]string) []byte {
	if digests == nil {
		return append(line, "null"...)
	}
	line = append(line, '{')
	for _, k := range sqlstore.KeptTables() {
		line = document.AppendValue(document.AppendKey(line, k.Name), digests[k.Name])
	}
	return append(line, '}')
}

func appendSubject(line []byte, s sqlstore.About) []byte {
	line = append(line, '{')
	for n, value := range []any{subjectKinds[s.Kind], s.Name, s.First, s.Last} {
		line = document.AppendValue(document.AppendKey(line, subjectKeys[n]), value)
	}
	return append(line, '}')
}

// appendOp adds what was done to a row to a line.
func appendOp(line []byte, op sqlstore.Op) (_ []byte, err error) {
	line = document.AppendValue(append(line, `{"table": `...), op.Table.Name)
	for n, row := range []sqlstore.Record{op.Before, op.After} {
		line = document.AppendKey(line, rowKeys[n+1])
		if row == nil {
			line = append(line, "null"...)
			continue
		}
		line = append(line, '{')
		for n, column := range op.Table.Columns {
			value := row[n]
			switch is := value.(type) {
			case []byte:
				a, err := addrOf(is)
				if err != nil {
					return nil, err
				}
				value = a.String()
			case string:
				if reason := checkText(is); reason != "" {
					return nil, corruptf("change %d: %s of a row of %s: %s", op.Change, column, op.Table.Name, reason)
				}
			}
			line = document.AppendValue(document.AppendKey(line, column), value)
		}
		line = append(line, '}')
	}
	return append(line, '}'), nil
}

// readHistory reads the history of the document, which is the ledger's then: what is written besides is no change of its own.
func (i *reading) readHistory(ctx context.Context, d *document.Reader) error {
	i.door.KeepNoHistory()
	last := int64(0)
	return d.Array(func() error {
		number, err := i.readChange(ctx, d, last)
		last = number
		i.Report("importing history", last, -1)
		return err
	})
}

// readChange reads a change and returns its number, which comes after that of the change before, 0 if there was none.
func (i *reading) readChange(ctx context.Context, d *document.Reader, last int64) (number int64, err error) {
	var told sqlstore.Told
	var retelling *sqlstore.Retelling
	err = d.Object(changeKeys, nil, func(key string) (err error) {
		if retelling == nil && key != "number" {
			return d.Errorf("the number of the change comes first")
		}
		switch key {
		case "number":
			if number, err = d.Integer(); err == nil && (number < 1 || last > 0 && number != last+1 || number == math.MaxInt64) {
				err = d.Errorf("%d does not follow on the change before", number)
			}
			retelling = i.door.Retell(number)
		case "at":
			told.At, err = readTime(d)
		case "actor":
			told.Actor, err = readText(d)
		case "command":
			told.Command, err = readText(d)
		case "comment":
			told.Comment, err = readOptText(d)
		case "created":
			told.Created, err = readCount(d, math.MaxInt64)
		case "changed":
			told.Changed, err = readCount(d, math.MaxInt64)
		case "deleted":
			told.Deleted, err = readCount(d, math.MaxInt64)
		case "undoes":
			told.Undoes, err = readUndoes(d, number)
		case "base":
			told.Digests, err = readDigests(d, last == 0)
		case "subjects":
			err = readSubjects(ctx, d, retelling)
		case "rows":
			err = d.Array(func() error {
				op, err := readOp(d)
				if err == nil {
					err = retelling.Add(ctx, op)
				}
				return err
			})
		}
		return err
	})
	if err == nil {
		err = retelling.Done(ctx, told)
	}
	return number, err
}

func readText(d *document.Reader) (string, error) {
	s, err := d.Text()
	if err == nil {
		if reason := checkText(s); reason != "" {
			err = d.Errorf("%s cannot be: %s", document.Quote(s), reason)
		}
	}
	return s, err
}

func readOptText(d *document.Reader) (s string, err error) {
	if null, err := d.IsNull(); null || err != nil {
		return "", err
	}
	if s, err = readText(d); err == nil && s == "" {
		err = d.Errorf(`"" is written null`)
	}
	return s, err
}

func readTime(d *document.Reader) (t time.Time, err error) {
	s, err := d.Text()
	if err != nil {
		return t, err
	}
	if t, err = parseTime(s); err != nil {
		return t, d.Errorf("%s cannot be: %v", document.Quote(s), err)
	}
	if is := sqlstore.FormatTime(t); is != s {
		err = d.Errorf("%s is written %s", document.Quote(s), document.Quote(is))
	}
	return t, err
}

func readCount(d *document.Reader, most int64) (int64, error) {
	n, err := d.Integer()
	if err == nil && (n < 0 || n > most) {
		err = d.Errorf("%d cannot be: it is 0 to %d", n, most)
	}
	return n, err
}

func readUndoes(d *document.Reader, number int64) (n int64, err error) {
	if null, err := d.IsNull(); null || err != nil {
		return 0, err
	}
	if n, err = d.Integer(); err == nil && (n < 1 || n >= number) {
		err = d.Errorf("%d is no change before %d", n, number)
	}
	return n, err
}

func readDigests(d *document.Reader, first bool) (map[string]string, error) {
	if null, err := d.IsNull(); null || err != nil {
		return nil, err
	}
	if !first {
		return nil, d.Errorf("only the first change stands for what was there before")
	}
	var names []string
	for _, k := range sqlstore.KeptTables() {
		names = append(names, k.Name)
	}
	digests := map[string]string{}
	return digests, d.Object(names, nil, func(table string) error {
		s, err := d.Text()
		if err == nil && (len(s) != 32 || strings.Trim(s, "0123456789abcdef") != "") {
			err = d.Errorf("%s cannot be: a digest is 32 hexadecimal digits", document.Quote(s))
		}
		digests[table] = s
		return err
	})
}

func readSubjects(ctx context.Context, d *document.Reader, retelling *sqlstore.Retelling) error {
	var batch []sqlstore.About
	var last sqlstore.About
	flush := func() error {
		err := retelling.About(ctx, batch)
		batch = batch[:0]
		return err
	}
	err := d.Array(func() error {
		s, err := readSubject(d)
		if err != nil {
			return err
		}
		if last != (sqlstore.About{}) && !comesAfter(s, last) {
			return d.Errorf("subjects come in the order of kind, name and first, each once")
		}
		last = s
		if batch = append(batch, s); len(batch) == importRows {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	return err
}

func comesAfter(s, last sqlstore.About) bool {
	switch {
	case s.Kind != last.Kind:
		return s.Kind > last.Kind
	case s.Name != last.Name:
		return s.Name > last.Name
	}
	return s.First > last.Last
}

func readSubject(d *document.Reader) (s sqlstore.About, err error) {
	err = d.Object(subjectKeys, nil, func(key string) (err error) {
		switch key {
		case "kind":
			var kind string
			kind, err = d.Text()
			for k, name := range subjectKinds {
				if name == kind {
					s.Kind = k
				}
			}
			if err == nil && s.Kind == 0 {
				err = d.Errorf("%s is no kind of subject", document.Quote(kind))
			}
		case "name":
			s.Name, err = readText(d)
		case "first":
			s.First, err = readCount(d, math.MaxInt64)
		case "last":
			s.Last, err = readCount(d, math.MaxInt64)
		}
		return err
	})
	if err == nil && (s.Last < s.First || (s.Kind == sqlstore.Project) != (s.Name != "") || s.Kind == sqlstore.Project && s.Last != 0) {
		err = d.Errorf("a project is named, and has 0 for first and last; networks and instances are ids from first to last")
	}
	return s, err
}

// readOp reads what was done to a row.
func readOp(d *document.Reader) (op sqlstore.Op, err error) {
	err = d.Object(rowKeys, nil, func(key string) (err error) {
		switch {
		case key == "table":
			var name string
			if name, err = d.Text(); err == nil {
				if op.Table = sqlstore.KeptTable(name); op.Table == nil {
					err = d.Errorf("history keeps no table %s", document.Quote(name))
				}
			}
		case op.Table == nil:
			err = d.Errorf("the table of the row comes first")
		case key == "before":
			op.Before, err = readRecord(d, op.Table)
		default:
			op.After, err = readRecord(d, op.Table)
		}
		return err
	})
	if err == nil && op.Before == nil && op.After == nil {
		err = d.Errorf("a row was there before or after")
	}
	return op, err
}

// readRecord reads a row, nil for null.
func readRecord(d *document.Reader, k *sqlstore.Kept) (sqlstore.Record, error) {
	if null, err := d.IsNull(); null || err != nil {
		return nil, err
	}
	row := make(sqlstore.Record, len(k.Columns))
	return row, d.Object(k.Columns, nil, func(column string) error {
		v, err := d.Value()
		if err != nil || v == nil {
			return err
		}
		_, isNumber := v.(int64)
		s, _ := v.(string)
		if isNumber != sqlstore.IsNumber(column) {
			return d.Errorf("%s is not of the kind of its column", document.Quote(v))
		}
		at := slices.Index(k.Columns, column)
		if sqlstore.IsAddress(column) {
			a, err := netip.ParseAddr(s)
			if err != nil || a.Zone() != "" || a.Is4In6() || a.String() != s {
				return d.Errorf("%s is no address as it is written here", document.Quote(s))
			}
			row[at] = key(a)
			return nil
		}
		if reason := checkText(s); reason != "" {
			return d.Errorf("%s cannot be: %s", document.Quote(v), reason)
		}
		row[at] = v
		return nil
	})
}
