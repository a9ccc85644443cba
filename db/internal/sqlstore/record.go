package sqlstore

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"slices"
)

// recorder keeps what a change does to rows, and writes the entry of it before the change is committed. It holds a part of the
// operations at a time.
type recorder struct {
	number int64 // 0 until something was done that is kept
	part   int
	ops    []byte
	table  *Kept // of the last operation in ops
	did    map[uint64]byte
	seed   maphash.Seed
	count  map[byte]int64

	off    bool
	once   bool // no row is written twice
	ids    map[Subject][]run
	names  map[string]bool // of projects
	undoes int64
}

// run is the ids from one to another.
type run struct{ first, last int64 }

// partSize is how long a part becomes before it is written.
const partSize = 64 << 10

// inserted keeps rows that were inserted: n of them, with values for columns.
func (w *WriteTx) inserted(ctx context.Context, table string, columns []string, n int, values []any) error {
	k := keptByName[table]
	if k == nil {
		return nil
	}
	at := make([]int, len(columns))
	for i, column := range columns {
		if at[i] = k.index(column); at[i] < 0 {
			return fmt.Errorf("history knows no column %s of %s", column, table)
		}
	}
	row := k.empty()
	for i := range n {
		for j, value := range values[i*len(columns) : (i+1)*len(columns)] {
			row[at[j]] = stored(value)
		}
		if err := w.keep(ctx, Op{Table: k, After: row}); err != nil {
			return err
		}
	}
	return nil
}

// matching returns the rows of a table for which where holds; none of a table that is not kept.
func (w *WriteTx) matching(ctx context.Context, table string, where *Where) (*Kept, []Record, error) {
	k := keptByName[table]
	if k == nil || w.record.off {
		return nil, nil, nil
	}
	var rows []Record
	for row, err := range RecordsWhere(ctx, w.ReadTx, k, where) {
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, row)
	}
	return k, rows, nil
}

// recordScanner returns a function that reads rows of a number of columns.
func recordScanner(columns int) func(Row) (Record, error) {
	into := make([]any, columns)
	return func(r Row) (Record, error) {
		record := make(Record, columns)
		for i := range record {
			into[i] = &record[i]
		}
		return record, r.Scan(into...)
	}
}

// keep adds an operation. Its rows are the caller's again afterwards.
func (w *WriteTx) keep(ctx context.Context, op Op) error {
	r, k := &w.record, op.Table
	if r.off {
		return nil
	}
	if r.number == 0 {
		last, _, err := Value[int64](ctx, w.ReadTx, "coalesce(max(number), 0) FROM changes")
		if err != nil {
			return err
		}
		*r = recorder{number: last + 1, undoes: r.undoes, once: r.once, seed: maphash.MakeSeed(), did: map[uint64]byte{}, count: map[byte]int64{},
			ids: r.ids, names: r.names}
	}
	r.encode(op)
	r.tally(op)
	w.aboutRow(k, op.Before)
	w.aboutRow(k, op.After)
	if len(r.ops) >= partSize {
		return w.writePart(ctx)
	}
	return nil
}

// encode adds an operation to the part.
func (r *recorder) encode(op Op) {
	if k := op.Table; r.table != k {
		r.table = k
		r.ops = append(r.ops, opTable)
		r.ops = appendText(r.ops, k.Name)
		r.ops = binary.AppendUvarint(r.ops, uint64(len(k.Columns)))
		for _, column := range k.Columns {
			r.ops = appendText(r.ops, column)
		}
	}
	switch {
	case op.Before == nil:
		r.ops = appendRecord(append(r.ops, opInsert), op.After)
	case op.After == nil:
		r.ops = appendRecord(append(r.ops, opDelete), op.Before)
	default:
		r.ops = appendRecord(append(r.ops, opUpdate), op.Before)
		r.ops = appendDifference(r.ops, op)
	}
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendDifference(b []byte, op Op) []byte {
	var differ []int
	for i := range op.Before {
		if !equal(op.Before[i], op.After[i]) {
			differ = append(differ, i)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(differ)))
	for _, i := range differ {
		b = appendValue(binary.AppendUvarint(b, uint64(i)), op.After[i])
	}
	return b
}

// tally counts what became of each row in the end: one that a change made and then filled in was made, and not changed.
func (r *recorder) tally(op Op) {
	if op.Table.Hidden || op.Table.Same(op.Before, op.After) {
		return
	}
	if r.once && op.Before == nil {
		r.count[opInsert]++ // what became of each of a million rows need not be remembered
		return
	}
	row := op.Before
	if row == nil {
		row = op.After
	}
	var h maphash.Hash
	h.SetSeed(r.seed)
	h.WriteString(op.Table.Name)
	h.WriteString(op.Table.KeyOf(row))
	id := h.Sum64()
	before := r.did[id]
	var now byte
	switch {
	case op.Before == nil && before == opDelete, op.Before != nil && op.After != nil && before == 0:
		now = opUpdate
	case op.Before == nil, op.After != nil && before == opInsert:
		now = opInsert
	case op.After != nil:
		now = opUpdate
	case before == opInsert: // made and taken away: nothing
	default:
		now = opDelete
	}
	r.count[before]--
	r.count[now]++
	r.did[id] = now
}

// KeepNoHistory is for the change that brings the history of what it writes along.
func (w *WriteTx) KeepNoHistory() { w.record.off = true }

// FillsOnce is for the change that fills an empty ledger, whatever its size, and writes no row again that it has made.
func (w *WriteTx) FillsOnce() { w.record.once = true }

// Undoes says that the change reverses an earlier one.
func (w *WriteTx) Undoes(number int64) { w.record.undoes = number }

// Number is the number of the change; 0 as long as it has done nothing that history keeps.
func (w *WriteTx) Number() int64 { return w.record.number }

// About says of a change what it is about, where its rows do not.
func (w *WriteTx) About(a About) {
	r := &w.record
	if a.Kind == Project {
		if r.names == nil {
			r.names = map[string]bool{}
		}
		r.names[a.Name] = true
		return
	}
	if r.ids == nil {
		r.ids = map[Subject][]run{}
	}
	r.ids[a.Kind] = appendRun(r.ids[a.Kind], run{a.First, a.Last})
}

// appendRun adds a run, which becomes a part of the last one where it begins in it or follows on it. One that a document brought
// along may be as long as there are numbers, so nobody counts through it.
func appendRun(runs []run, r run) []run {
	if n := len(runs) - 1; n >= 0 && runs[n].first <= r.first && r.first-1 <= runs[n].last {
		runs[n].last = max(runs[n].last, r.last)
		return runs
	}
	return append(runs, r)
}

func (w *WriteTx) aboutRow(k *Kept, row Record) {
	if row == nil {
		return
	}
	for _, s := range k.subjectAt {
		switch v := row[s.column].(type) {
		case int64:
			w.About(About{Kind: s.kind, First: v, Last: v})
		case string:
			w.About(About{Kind: s.kind, Name: v})
		}
	}
}

// writePart writes the operations that are kept, and begins the next part.
func (w *WriteTx) writePart(ctx context.Context) error { return w.record.writePart(ctx, w) }

func (r *recorder) writePart(ctx context.Context, w *WriteTx) error {
	body, err := pack(r.ops)
	if err != nil {
		return err
	}
	r.part++
	r.ops, r.table = r.ops[:0], nil
	return w.Insert(ctx, NewRows{Table: "change_rows", Columns: []string{"change", "part", "body"}, N: 1, Done: func(int) {},
		Fill: func(_ int, v []any) { v[0], v[1], v[2] = r.number, r.part, body }})
}

// finish writes the entry of the change, if it did anything.
func (w *WriteTx) finish(ctx context.Context) error {
	r := &w.record
	if r.number == 0 {
		return nil
	}
	if len(r.ops) > 0 {
		if err := w.writePart(ctx); err != nil {
			return err
		}
	}
	if err := w.writeEntry(ctx, r.number, r.undoes, nil, r.count[opInsert], r.count[opUpdate], r.count[opDelete]); err != nil {
		return err
	}
	return w.writeSubjects(ctx)
}

// Conclude writes the entry of the change now, for whoever checks the whole ledger before it is committed. What is written after
// it is in no entry.
func (w *WriteTx) Conclude(ctx context.Context) error {
	err := w.finish(ctx)
	w.record = recorder{off: true}
	return err
}

func (w *WriteTx) writeEntry(ctx context.Context, number, undoes int64, base any, created, changed, deleted int64) error {
	return w.insertEntry(ctx, Entry{Number: number, At: w.now, Actor: w.change.Actor, Command: w.change.Command, Comment: w.change.Comment,
		Created: created, Changed: changed, Deleted: deleted, Undoes: undoes}, base)
}

// insertEntry writes an entry; base is the digests that it stands for, or nil.
func (w *WriteTx) insertEntry(ctx context.Context, e Entry, base any) error {
	var comment, undoes any
	if e.Comment != "" {
		comment = e.Comment
	}
	if e.Undoes != 0 {
		undoes = e.Undoes
	}
	values := []any{e.Number, FormatTime(e.At), e.Actor, e.Command, comment, e.Created, e.Changed, e.Deleted, undoes, base}
	return w.Insert(ctx, NewRows{Table: "changes", Columns: []string{"number", "at", "actor", "command", "comment", "created", "changed", "deleted",
		"undoes", "base"}, N: 1, Done: func(int) {}, Fill: func(_ int, v []any) { copy(v, values) }})
}

// writeSubjects writes what the change is about: ids by runs, as those of networks that were carved at once are.
func (w *WriteTx) writeSubjects(ctx context.Context) error {
	r := &w.record
	var all []About
	for _, kind := range []Subject{Network, Instance} {
		runs := r.ids[kind]
		slices.SortFunc(runs, func(a, b run) int { return cmp.Compare(a.first, b.first) })
		var merged []run
		for _, r := range runs {
			merged = appendRun(merged, r)
		}
		for _, r := range merged {
			all = append(all, About{Kind: kind, First: r.first, Last: r.last})
		}
	}
	for name := range r.names {
		all = append(all, About{Kind: Project, Name: name})
	}
	return w.insertSubjects(ctx, r.number, all)
}

func (w *WriteTx) insertSubjects(ctx context.Context, change int64, all []About) error {
	return w.Insert(ctx, NewRows{Table: "change_subjects", Columns: []string{"kind", "name", "first", "last", "change"}, N: len(all), Done: func(int) {},
		Fill: func(i int, v []any) {
			v[0], v[1], v[2], v[3], v[4] = int(all[i].Kind), all[i].Name, all[i].First, all[i].Last, change
		}})
}
