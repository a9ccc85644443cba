package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Past is a state of the ledger that was: the one after a change, or at a time. The zero value is the present.
type Past struct {
	Number int64
	Time   time.Time
}

func (p Past) present() bool { return p.Number == 0 && p.Time.IsZero() }

// last returns the last change that had been made then.
func (p Past) last(ctx context.Context, r *ReadTx) (int64, error) {
	first, ok, err := FirstEntry(ctx, r)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, nil // nothing was ever in it
	}
	if p.Time.IsZero() {
		last, _, err := LastEntry(ctx, r, new(Where))
		switch {
		case err != nil:
			return 0, err
		case p.Number > last.Number:
			return 0, &Error{Message: fmt.Sprintf("there is no change %d, the latest is %d", p.Number, last.Number), Kind: ErrNotFound, Way: WayHistory}
		case p.Number < first.Number:
			return 0, forgotten(fmt.Sprintf("change %d", p.Number), first)
		}
		return p.Number, nil
	}
	// Numbers are in the order of the changes also where the clock was turned back between two of them.
	e, ok, err := LastEntry(ctx, r, That("at <= ?", FormatTime(p.Time)))
	switch {
	case err != nil:
		return 0, err
	case ok:
		return e.Number, nil
	case first.Base:
		return 0, forgotten(FormatTime(p.Time), first)
	}
	return first.Number - 1, nil
}

func forgotten(when string, first Entry) *Error {
	return &Error{Message: fmt.Sprintf("history goes back to change %d of %s, and not to %s", first.Number, FormatTime(first.At), when),
		Kind: ErrNotFound, Way: WayHistory}
}

// lookBack makes the tables look as they were, for this transaction, which is rolled back in the end: where rows have changed
// since, a view of the table's name stands before the table itself, with the rows as they were in place of those. Both engines
// look for a name among what is temporary first. So a query costs what it costs now, and finds its rows by the table's own
// indexes, and what was changed since is read once.
func (d *DB) lookBack(ctx context.Context, r *ReadTx, past Past) error {
	last, err := past.last(ctx, r)
	if err != nil {
		return err
	}
	w := &WriteTx{ReadTx: r}
	before := map[*Kept]*pastRows{}
	n := int64(0)
	for op, err := range Ops(ctx, r, last+1, 1<<62) {
		if err != nil {
			return err
		}
		p := before[op.Table]
		if p == nil {
			if p, err = d.pastTable(ctx, r, op.Table); err != nil {
				return err
			}
			before[op.Table] = p
		}
		if err := p.add(ctx, w, op); err != nil {
			return err
		}
		if n++; n%10000 == 0 {
			r.Report("looking back", n, -1)
		}
	}
	for _, k := range kept {
		if p := before[k]; p != nil {
			if err := p.done(ctx, d, w); err != nil {
				return err
			}
		}
	}
	return nil
}

// pastRows are the rows of a table that have changed since, as they were.
type pastRows struct {
	*Kept
	name  string
	seen  map[string]bool
	batch []Record
}

// pastTable makes the table for them. Its columns are those of the table itself, and whether there was such a row.
func (d *DB) pastTable(ctx context.Context, r *ReadTx, k *Kept) (*pastRows, error) {
	p := &pastRows{Kept: k, name: "past_" + k.Name, seen: map[string]bool{}}
	for _, text := range []string{
		"CREATE TEMPORARY TABLE " + p.name + " AS SELECT " + strings.Join(k.Columns, ", ") + ", 0 AS was FROM " + d.engine.lasting(k.Name) + " LIMIT 0",
		"CREATE UNIQUE INDEX " + p.name + "_key ON " + p.name + " (" + strings.Join(k.Key, ", ") + ")",
	} {
		if _, err := r.q.ExecContext(ctx, text); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// add keeps what a row was before the first change of it: what it became in between does not matter.
func (p *pastRows) add(ctx context.Context, w *WriteTx, op Op) error {
	row, was := op.Before, int64(1)
	if row == nil {
		row, was = op.After, 0
	}
	key := p.KeyOf(row)
	if p.seen[key] {
		return nil
	}
	p.seen[key] = true
	p.batch = append(p.batch, append(slices.Clone(row), was))
	if len(p.batch) < 1000 {
		return nil
	}
	return p.flush(ctx, w)
}

func (p *pastRows) flush(ctx context.Context, w *WriteTx) error {
	err := w.Insert(ctx, NewRows{Table: p.name, Columns: append(slices.Clone(p.Columns), "was"), N: len(p.batch), Done: func(int) {},
		Fill: func(i int, v []any) { copy(v, p.batch[i]) }})
	p.batch = p.batch[:0]
	return err
}

// done writes the rest, and puts the view before the table.
func (p *pastRows) done(ctx context.Context, d *DB, w *WriteTx) error {
	if err := p.flush(ctx, w); err != nil {
		return err
	}
	same := make([]string, len(p.Key))
	for i, column := range p.Key {
		same[i] = "p." + column + " = t." + column
	}
	columns := strings.Join(p.Columns, ", ")
	_, err := w.q.ExecContext(ctx, "CREATE TEMPORARY VIEW "+p.Name+" AS SELECT "+columns+" FROM "+d.engine.lasting(p.Name)+" t"+
		" WHERE NOT EXISTS (SELECT 1 FROM "+p.name+" p WHERE "+strings.Join(same, " AND ")+")"+
		" UNION ALL SELECT "+columns+" FROM "+p.name+" WHERE was = 1")
	return err
}
