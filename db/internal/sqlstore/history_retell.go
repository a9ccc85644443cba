package sqlstore

import (
	"context"
	"encoding/json"
)

// Told is a change with all that a ledger keeps of it but its rows, and what it is about. What those are Ops and Subjects yield.
type Told struct {
	Entry
	// Digests are those that the entry stands for, by table; nil where it stands for none.
	Digests map[string]string
}

// Told returns the changes after a number, the oldest first and at most as many.
func (r *ReadTx) Told(ctx context.Context, after int64, most int) ([]Told, error) {
	return Collect(ctx, r, func(row Row) (t Told, err error) {
		var base *string
		t.Entry, err = scanEntry(withMore{row, &base})
		if err == nil && base != nil && json.Unmarshal([]byte(*base), &t.Digests) != nil {
			err = Corruptf("change %d: what history begins with is garbled", t.Number)
		}
		return t, err
	}, entryColumns+", base FROM changes WHERE number > $1 ORDER BY number LIMIT $2", after, most)
}

// withMore is a row with one more column than its reader asks for.
type withMore struct {
	Row
	more any
}

func (r withMore) Scan(into ...any) error { return r.Row.Scan(append(into, r.more)...) }

// Retelling writes a change of another ledger's history into this one.
type Retelling struct {
	w *WriteTx
	r recorder
}

// Retell begins with the change of a number, which comes after those that there are.
func (w *WriteTx) Retell(number int64) *Retelling {
	return &Retelling{w, recorder{number: number}}
}

// Add adds what it did to a row. The rows are the caller's again afterwards.
func (t *Retelling) Add(ctx context.Context, op Op) error {
	if t.r.encode(op); len(t.r.ops) < partSize {
		return nil
	}
	return t.r.writePart(ctx, t.w)
}

// About adds what it is about.
func (t *Retelling) About(ctx context.Context, all []About) error {
	return t.w.insertSubjects(ctx, t.r.number, all)
}

// Done writes the entry.
func (t *Retelling) Done(ctx context.Context, told Told) error {
	if len(t.r.ops) > 0 {
		if err := t.r.writePart(ctx, t.w); err != nil {
			return err
		}
	}
	var base any
	if told.Digests != nil {
		text, err := json.Marshal(told.Digests)
		if err != nil {
			return err
		}
		base = string(text)
	}
	told.Number = t.r.number
	return t.w.insertEntry(ctx, told.Entry, base)
}
