package sqlstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// What a transaction that reads is handed cannot change anything, whatever it says.
func TestReadTx_onlyQueries(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *DB) {
		setNumber(t, s, 1)
		for _, text := range []string{
			"1; UPDATE sequences SET value = 7",
			"1;DELETE FROM sequences",
			"UPDATE sequences SET value = 7",
			"value FROM sequences UNION DELETE FROM sequences RETURNING value",
			"1 AS n INTO evil",
			"* FROM (UPDATE sequences SET value = 7 RETURNING value) x",
			"* FROM (WITH gone AS (DELETE FROM sequences RETURNING value) SELECT value FROM gone) x",
		} {
			ask := func(ctx context.Context, r *ReadTx) error {
				for _, err := range Tuples(ctx, r, text) {
					if err != nil {
						return err
					}
				}
				return nil
			}
			if err := s.View(t.Context(), ask); err == nil {
				t.Errorf("in a view, SELECT %s: no error", text)
			}
			// Nor does it in one that may write, past the door.
			if err := s.Change(t.Context(), Change{}, func(ctx context.Context, w *WriteTx) error { return ask(ctx, w.ReadTx) }); err == nil {
				t.Errorf("in a change, SELECT %s: no error", text)
			}
		}
		wantNumber(t, s, 1)
	})
}

// The door knows what a change is, and the time is that of the transaction.
func TestDB_Change_what(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *DB) {
		what := Change{Command: "network list", Actor: "o'neill@node1"}
		err := s.Change(t.Context(), what, func(ctx context.Context, w *WriteTx) error {
			if got, want := w.change, (Change{Command: what.Command, Actor: what.Actor, At: testTime}); got != want {
				t.Errorf("the change is %v, want %v", got, want)
			}
			if s.engine.name() == "postgresql" {
				name, _, err := Value[string](ctx, w.ReadTx, "current_setting('application_name')")
				if err != nil || name != "nova-manage by o_neill@node1" {
					t.Errorf("the server knows us as %q, %v", name, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// A row that is changed or deleted by its key must be there.
func TestWriteTx_missingRow(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *DB) {
		for name, do := range map[string]func(context.Context, *WriteTx) error{
			"update": func(ctx context.Context, w *WriteTx) error {
				return w.Update(ctx, "sequences", Named{"name", "nothing"}, Named{"value", 7})
			},
			"delete": func(ctx context.Context, w *WriteTx) error {
				return w.Delete(ctx, "sequences", Named{"name", "nothing"})
			},
		} {
			err := s.Change(t.Context(), Change{}, do)
			if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "0 rows of sequences have name nothing, not 1") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// numbered is a row of sequences.
type numbered struct {
	name  string
	value int64
}

var numberedTable = &Table[numbered]{Name: "sequences", Alias: "s", Columns: []Column[numbered]{
	Col("name", func(n *numbered) *string { return &n.name }, textCodec),
	Col("value", func(n *numbered) *int64 { return &n.value }, numberCodec),
	Computed("s.value * 2", func(*numbered) *int64 { return new(int64) }, numberCodec),
}}

var (
	textCodec = Codec[string]{
		Read:   func(from any) (string, error) { s, _ := from.(string); return s, nil },
		Stored: func(s string) any { return s },
	}
	numberCodec = Codec[int64]{
		Read: func(from any) (int64, error) {
			n, _ := from.(int64)
			if n == 13 {
				return n, Corruptf("13 is no number")
			}
			return n, nil
		},
		Stored: func(n int64) any { return n },
	}
)

// SELECT, INSERT, UPDATE and DELETE all follow from the table's columns.
func TestTable(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *DB) {
		err := s.Change(t.Context(), Change{}, func(ctx context.Context, w *WriteTx) error {
			rows := make([]numbered, 1200) // more than one statement takes
			for i := range rows {
				rows[i] = numbered{strings.Repeat("x", i+1), int64(100 + i)}
			}
			before, after := numbered{"x", 100}, numbered{"x", 7}
			if err := numberedTable.Insert(ctx, w, len(rows), func(i int) *numbered { return &rows[i] }); err != nil {
				return err
			}
			if changed, err := numberedTable.Update(ctx, w, &before, &before); changed || err != nil {
				t.Errorf("the same row: %v, %v", changed, err)
			}
			if changed, err := numberedTable.Update(ctx, w, &before, &after); !changed || err != nil {
				t.Errorf("another row: %v, %v", changed, err)
			}
			if err := numberedTable.Delete(ctx, w, &rows[1]); err != nil {
				return err
			}
			where := That("name LIKE ?", "x%").And("value BETWEEN ? AND ?", 5, 1199)
			got, err := numberedTable.All(ctx, w.ReadTx, where.String()+" ORDER BY value", where.Args()...)
			want := slices.Concat([]numbered{after}, rows[2:1100])
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%d rows, %v; want %d", len(got), err, len(want))
			}
			one, ok, err := numberedTable.One(ctx, w.ReadTx, " WHERE name = $1", "xx")
			if ok || err != nil {
				t.Errorf("the deleted row is %v, %v", one, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// One row that cannot be read does not hide those after it from whoever goes on; the error is the column's own.
func TestRows_unreadable(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *DB) {
		setNumber(t, s, 13)
		err := s.View(t.Context(), func(ctx context.Context, r *ReadTx) error {
			var errs []string
			good := 0
			for _, err := range numberedTable.Rows(ctx, r, "") {
				if err != nil {
					errs = append(errs, err.Error())
				} else {
					good++
				}
			}
			if good < 4 || !slices.Equal(errs, []string{"value: 13 is no number"}) {
				t.Errorf("%d rows and %q", good, errs)
			}
			_, err := numberedTable.All(ctx, r, "")
			return err
		})
		wantError(t, err, ErrCorrupt, "value: 13 is no number")
	})
}

func TestWhere(t *testing.T) {
	for want, w := range map[string]*Where{
		"":                                      new(Where).If("host", ""),
		" WHERE host = $1":                      new(Where).If("label", "").If("host", "a"),
		" WHERE a > $1 AND b IN ($2, $3) AND c": That("a > ?", 1).And("b IN (?, ?)", 2, 3).And("c"),
		" WHERE a = $1 AND b IN ($2, $3)":       That("a = ?", 1).In("b", []string{"x", "y"}),
		" WHERE a = $1 AND b BETWEEN $2 AND $3": That("a = ?", 1).And("b BETWEEN ? AND ?", 2, 3),
	} {
		if got := w.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if n := strings.Count(want, "$"); len(w.Args()) != n || n > 1 && w.Args()[0] != 1 {
			t.Errorf("%q has the arguments %v", want, w.Args())
		}
	}
}

// A query inside of another, and a transaction inside of another, are refused on each engine: SQLite would answer, and
// PostgreSQL's driver would wait without end.
func TestReadTx_oneAtATime(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *DB) {
		setNumber(t, s, 1)
		nothing := func(context.Context, *ReadTx) error { return nil }
		err := s.View(t.Context(), func(ctx context.Context, r *ReadTx) error {
			for _, err := range Tuples(ctx, r, "name FROM sequences") {
				if err != nil {
					return err
				}
				if _, _, err := Value[int](ctx, r, "1"); !errors.Is(err, errOpen) {
					t.Errorf("a query inside: %v", err)
				}
				if err := s.View(ctx, nothing); !errors.Is(err, errBusy) {
					t.Errorf("a transaction inside: %v", err)
				}
				break
			}
			_, _, err := Value[int](ctx, r, "1") // the rows are closed by now
			return err
		})
		if err := errors.Join(err, s.View(t.Context(), nothing)); err != nil {
			t.Error(err)
		}
	})
}

// A transaction whose begin is cancelled leaves nothing behind that the next one would meet.
func TestDB_cancelledBegin(t *testing.T) {
	s := openTest(t, engines["sqlite"](t), Sync)
	for range 400 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		_ = count(ctx, s) // whichever way it ended
	}
	if err := count(t.Context(), s); err != nil {
		t.Error(err)
	}
}

// What is not said of a row is what the schema says; what is said to be null is null, or refused.
func TestWriteTx_Insert_nulls(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *DB) {
		addNetwork(t, s)
		err := s.Change(t.Context(), Change{}, func(ctx context.Context, w *WriteTx) error {
			return w.Insert(ctx, NewRows{Table: "sequences", Columns: []string{"name", "value"}, N: 1, Fill: func(_ int, to []any) { to[0] = "x" }})
		})
		if !errors.Is(err, ErrConflict) {
			t.Errorf("null for a column that has none: %v", err)
		}
	})
}

// What found everything as it is to be has changed nothing, and whoever is told of changes hears nothing.
func TestDB_Change_committed(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *DB) {
		told := 0
		s.opts.Committed = func() { told++ }
		if err := s.Change(t.Context(), Change{}, func(context.Context, *WriteTx) error { return nil }); err != nil {
			t.Fatal(err)
		}
		setNumber(t, s, 2)
		if told != 2 {
			t.Errorf("told of %d changes, want 2", told)
		}
	})
}
