package sqlstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// historyVersion is the schema version from which on a ledger remembers.
const historyVersion = 4

// Entry is a change as history keeps it.
type Entry struct {
	Number  int64
	At      time.Time
	Actor   string
	Command string
	Comment string
	// How many rows were made, changed and taken away, but for those of hidden tables.
	Created, Changed, Deleted int64
	Undoes                    int64 // the change that it reversed; 0 if it is no undo
	Base                      bool  // it stands for all that was there when history began, or up to which it was pruned
}

// EntryFilter says which entries are asked for; the zero value is all of them.
type EntryFilter struct {
	Where        *Where    // nil is none
	By           string    // the order; "" is the newest first
	Since, Until time.Time // both included
	Actor        string
	About        []Wanted // all of them
	Limit        int      // 0 is all
}

// Wanted is what changes are to be about: one of several networks or instances, or a project.
type Wanted struct {
	Kind Subject
	Name string
	IDs  []int64
}

const entryColumns = "number, at, actor, command, coalesce(comment, ''), created, changed, deleted, coalesce(undoes, 0), base IS NOT NULL"

func scanEntry(row Row) (e Entry, err error) {
	var at string
	if err := row.Scan(&e.Number, &at, &e.Actor, &e.Command, &e.Comment, &e.Created, &e.Changed, &e.Deleted, &e.Undoes, &e.Base); err != nil {
		return e, err
	}
	if e.At, err = time.Parse(time.RFC3339, at); err != nil {
		return e, Corruptf("change %d was made at %q", e.Number, at)
	}
	return e, nil
}

// Entries yields the changes, the newest first.
func Entries(ctx context.Context, r *ReadTx, f EntryFilter) iter.Seq2[Entry, error] {
	where := f.Where
	if where == nil {
		where = new(Where)
	}
	where.If("actor", f.Actor)
	if !f.Since.IsZero() {
		where.And("at >= ?", FormatTime(f.Since))
	}
	if !f.Until.IsZero() {
		where.And("at <= ?", FormatTime(f.Until))
	}
	for _, about := range f.About {
		ids := about.IDs
		if about.Kind == Project {
			ids = []int64{0}
		}
		args := []any{int(about.Kind), about.Name}
		for _, id := range ids {
			args = append(args, id, id)
		}
		where.And("number IN (SELECT s.change FROM change_subjects s WHERE s.kind = ? AND s.name = ? AND (s.first <= ? AND s.last >= ?"+
			strings.Repeat(" OR s.first <= ? AND s.last >= ?", len(ids)-1)+"))", args...)
	}
	rest := where.String() + " ORDER BY " + cmp.Or(f.By, "number DESC")
	if f.Limit > 0 {
		rest += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	return Rows(ctx, r, scanEntry, entryColumns+" FROM changes"+rest, where.Args()...)
}

// EntryOf returns the change of a number.
func EntryOf(ctx context.Context, r *ReadTx, number int64) (Entry, bool, error) {
	return One(ctx, r, scanEntry, entryColumns+" FROM changes WHERE number = $1", number)
}

// LastEntry returns the latest change for which a condition holds; all of them do for the zero Where.
func LastEntry(ctx context.Context, r *ReadTx, where *Where) (Entry, bool, error) {
	return One(ctx, r, scanEntry, entryColumns+" FROM changes"+where.String()+" ORDER BY number DESC LIMIT 1", where.Args()...)
}

// FirstEntry returns the change that history begins with.
func FirstEntry(ctx context.Context, r *ReadTx) (Entry, bool, error) {
	return One(ctx, r, scanEntry, entryColumns+" FROM changes ORDER BY number LIMIT 1")
}

// partRows is how many parts are read at a time: they are read to the end before the next statement, which another one may
// come before.
const partRows = 16

type part struct {
	change int64
	part   int64
	body   []byte
}

func scanPart(row Row) (p part, err error) {
	err = row.Scan(&p.change, &p.part, &p.body)
	return p, err
}

// Ops yields what the changes of the numbers first to last did to rows, in the order in which it was done. Other queries may
// run between two of them.
func Ops(ctx context.Context, r *ReadTx, first, last int64) iter.Seq2[Op, error] {
	return func(yield func(Op, error) bool) {
		at := part{change: first, part: -1}
		for {
			parts, err := Collect(ctx, r, scanPart, `change, part, body FROM change_rows
				WHERE (change > $1 OR change = $1 AND part > $2) AND change >= $1 AND change <= $3 ORDER BY change, part LIMIT $4`,
				at.change, at.part, last, partRows)
			if err != nil {
				yield(Op{}, err)
				return
			}
			for _, p := range parts {
				for op, err := range ops(p.change, p.body) {
					if err != nil {
						err = Corruptf("part %d of change %d: %v", p.part, p.change, err)
					}
					if !yield(op, err) || err != nil {
						return
					}
				}
				at = p
			}
			if len(parts) < partRows {
				return
			}
		}
	}
}

// Records yields the rows of a table, as history keeps them.
func Records(ctx context.Context, r *ReadTx, k *Kept) iter.Seq2[Record, error] {
	return RecordsWhere(ctx, r, k, new(Where))
}

// RecordsWhere yields those for which where holds.
func RecordsWhere(ctx context.Context, r *ReadTx, k *Kept, where *Where) iter.Seq2[Record, error] {
	return Rows(ctx, r, recordScanner(len(k.Columns)), strings.Join(k.Columns, ", ")+" FROM "+k.Name+where.String(), where.Args()...)
}

// RecordOf returns the row with the key of another, and whether there is one.
func RecordOf(ctx context.Context, r *ReadTx, k *Kept, like Record) (Record, bool, error) {
	for row, err := range RecordsWhere(ctx, r, k, k.Is(like)) {
		return row, err == nil, err
	}
	return nil, false, nil
}

// Subjects returns what a change is about.
func Subjects(ctx context.Context, r *ReadTx, number int64) ([]About, error) {
	return Collect(ctx, r, func(row Row) (a About, err error) {
		err = row.Scan(&a.Kind, &a.Name, &a.First, &a.Last)
		return a, err
	}, "kind, name, first, last FROM change_subjects WHERE change = $1 ORDER BY kind, name, first", number)
}

// About is what a change is about: the things of a kind from one id to another, or the one of a name.
type About struct {
	Kind        Subject
	Name        string
	First, Last int64
}

// digests returns the digest of each table as it is, and how many rows there are that are not hidden.
func digests(ctx context.Context, r *ReadTx) (sums map[string]digest, rows int64, err error) {
	sums = map[string]digest{}
	for _, k := range kept {
		sum, n := digest{}, int64(0)
		for row, err := range Records(ctx, r, k) {
			if err != nil {
				return nil, 0, err
			}
			sum = sum.plus(hashOf(k, row))
			if n++; n%10000 == 0 {
				r.Report("reading "+strings.ReplaceAll(k.Name, "_", " "), n, -1)
			}
		}
		if sums[k.Name] = sum; !k.Hidden {
			rows += n
		}
	}
	return sums, rows, nil
}

// begin writes the entry that stands for what is there. A schema version that gives a kept table another column writes it anew,
// as the digest is one of rows with the columns that there were.
func (w *WriteTx) begin(ctx context.Context) error {
	sums, rows, err := digests(ctx, w.ReadTx)
	if err != nil || rows == 0 {
		return err
	}
	base, err := json.Marshal(sums)
	if err != nil {
		return err
	}
	w.change.Comment = "all that was in the ledger before its history"
	return w.writeEntry(ctx, 1, 0, string(base), rows, 0, 0)
}

// baseOf reads the digests of the entry that history begins with; zero where it begins with an empty ledger.
func baseOf(ctx context.Context, r *ReadTx) (number int64, sums map[string]digest, err error) {
	sums = map[string]digest{}
	type base struct {
		number int64
		text   string
	}
	b, ok, err := One(ctx, r, func(row Row) (b base, err error) {
		err = row.Scan(&b.number, &b.text)
		return b, err
	}, "number, base FROM changes WHERE base IS NOT NULL ORDER BY number DESC LIMIT 1")
	if err != nil || !ok {
		return 0, sums, err
	}
	if err := json.Unmarshal([]byte(b.text), &sums); err != nil {
		return 0, nil, Corruptf("change %d: what history begins with is garbled", b.number)
	}
	return b.number, sums, nil
}

// Replay follows history from its beginning and tells found of each table that is not what it leads to, and of whatever else is
// wrong with it.
func Replay(ctx context.Context, r *ReadTx, found func(problem string)) error {
	number, sums, err := baseOf(ctx, r)
	if err == nil {
		err = countOn(ctx, r, sums, number, 1<<62)
	}
	var damaged *Error
	if errors.As(err, &damaged) && errors.Is(err, ErrCorrupt) {
		found(damaged.Message)
		return nil
	}
	if err != nil {
		return err
	}
	have, _, err := digests(ctx, r)
	if err != nil {
		return err
	}
	for _, k := range kept {
		if have[k.Name] != sums[k.Name] {
			found(fmt.Sprintf("the rows of %s are not those that its history leads to", k.Name))
		}
	}
	for _, q := range []struct{ problem, query string }{
		{"change %d is missing", "p.number + 1 FROM changes p WHERE p.number < (SELECT max(number) FROM changes) AND NOT EXISTS (SELECT 1 FROM changes n WHERE n.number = p.number + 1)"},
		{"there are rows of change %d, which is missing", "DISTINCT change FROM change_rows WHERE change NOT IN (SELECT number FROM changes)"},
		{"change %d did nothing", "number FROM changes WHERE base IS NULL AND number NOT IN (SELECT change FROM change_rows)"},
	} {
		numbers, err := Values[int64](ctx, r, q.query+" ORDER BY 1")
		if err != nil {
			return err
		}
		for _, n := range numbers {
			found(fmt.Sprintf(q.problem, n))
		}
	}
	return nil
}

// countOn counts the changes after one number and up to another into the digests.
func countOn(ctx context.Context, r *ReadTx, sums map[string]digest, after, last int64) error {
	done := int64(0)
	for op, err := range Ops(ctx, r, after+1, last) {
		if err != nil {
			return err
		}
		sums[op.Table.Name] = sums[op.Table.Name].apply(op)
		if done++; done%10000 == 0 {
			r.Report("replaying history", done, -1)
		}
	}
	return nil
}

// Prune forgets the changes up to a number: one entry stands for all of them from then on.
func Prune(ctx context.Context, w *WriteTx, last Entry) error {
	number, sums, err := baseOf(ctx, w.ReadTx)
	if err == nil {
		err = countOn(ctx, w.ReadTx, sums, number, last.Number)
	}
	if err != nil {
		return err
	}
	base, err := json.Marshal(sums)
	if err != nil {
		return err
	}
	for _, table := range []string{"change_rows", "change_subjects"} {
		if _, err := w.DeleteWhere(ctx, table, That("change <= ?", last.Number)); err != nil {
			return err
		}
	}
	if _, err := w.DeleteWhere(ctx, "changes", That("number < ?", last.Number)); err != nil {
		return err
	}
	return w.Update(ctx, "changes", Named{"number", last.Number}, Named{"base", string(base)}, Named{"undoes", nil},
		Named{"actor", w.change.Actor}, Named{"command", w.change.Command}, Named{"comment", "stands for all changes up to this one"},
		Named{"created", 0}, Named{"changed", 0}, Named{"deleted", 0})
}
