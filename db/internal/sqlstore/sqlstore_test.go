package sqlstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nova-manage/internal/pgtest"
)

// engines are what every test of transactions runs on.
var engines = map[string]func(t *testing.T) string{
	"sqlite":     func(t *testing.T) string { return "sqlite:///" + filepath.Join(t.TempDir(), "nova.sqlite") },
	"postgresql": func(t *testing.T) string { return pgtest.URL(t) },
}

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Stop()
	os.Exit(code)
}

var testTime = time.Date(2011, 2, 3, 4, 5, 6, 0, time.UTC)

func eachEngine(t *testing.T, test func(t *testing.T, s *DB)) {
	for name, url := range engines {
		t.Run(name, func(t *testing.T) { test(t, openTest(t, url(t), Create)) })
	}
}

// openTest opens a ledger. With Create there is one then, as if something had been changed in it.
func openTest(t testing.TB, url string, mode Mode) *DB {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: url, Mode: mode, Clock: func() time.Time { return testTime }})
	if err == nil && s.unmade && mode == Create {
		err = s.Change(t.Context(), Change{}, func(context.Context, *WriteTx) error { return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// count adds one to the sequence of networks, which is as small a change as there is.
func count(ctx context.Context, s *DB) error {
	return s.Change(ctx, Change{}, func(ctx context.Context, w *WriteTx) error {
		n, _, err := Value[int](ctx, w.ReadTx, "value FROM sequences WHERE name = 'network'")
		if err != nil {
			return err
		}
		return w.Update(ctx, "sequences", Named{"name", "network"}, Named{"value", n + 1})
	})
}

func setNumber(t testing.TB, s *DB, n int) {
	t.Helper()
	for range n {
		if err := count(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

func wantNumber(t testing.TB, s *DB, want int) {
	t.Helper()
	err := s.View(t.Context(), func(ctx context.Context, r *ReadTx) error {
		n, ok, err := Value[int](ctx, r, "value FROM sequences WHERE name = $1", "network")
		if err == nil && (n != want || !ok) {
			t.Errorf("the sequence is at %d, want %d", n, want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// addNetwork makes what the schema wants for one network.
func addNetwork(t testing.TB, s *DB) {
	t.Helper()
	first, last := make([]byte, 16), make([]byte, 16)
	copy(first, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x0a\x00\x01\x00")
	copy(last, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x0a\x00\x01\x1f")
	err := s.Change(t.Context(), Change{}, func(ctx context.Context, w *WriteTx) error {
		row := func(table string, values ...Named) error {
			columns := make([]string, len(values))
			for i, v := range values {
				columns[i] = v.Column
			}
			return w.Insert(ctx, NewRows{Table: table, Columns: columns, N: 1, Fill: func(_ int, to []any) {
				for i, v := range values {
					to[i] = v.Value
				}
			}})
		}
		return errors.Join(
			row("claims", Named{"first", first}, Named{"last", last}, Named{"prefix", "10.0.1.0/27"}, Named{"kind", "network"}),
			row("bridges", Named{"bridge", "br100"}, Named{"vlan", 100}),
			row("networks", Named{"id", 1}, Named{"first", first}, Named{"manager", "VlanManager"}, Named{"cidr", "10.0.1.0/27"},
				Named{"bridge", "br100"}, Named{"vlan", 100}, Named{"created_at", FormatTime(testTime)}),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// findings is what Check returns.
func findings(t testing.TB, s *DB) (integrity, schema []string) {
	t.Helper()
	err := s.View(t.Context(), func(ctx context.Context, r *ReadTx) (err error) {
		integrity, schema, err = s.Check(ctx, r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return integrity, schema
}

func wantSound(t testing.TB, s *DB) {
	t.Helper()
	if integrity, schema := findings(t, s); integrity != nil || schema != nil {
		t.Errorf("found %q and %q", integrity, schema)
	}
}

// wantError wants an error of a class with this sentence.
func wantError(t testing.TB, err, kind error, sentence string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", sentence)
	}
	if err.Error() != sentence {
		t.Errorf("error\n got %s\nwant %s", err, sentence)
	}
	if kind != nil && !errors.Is(err, kind) {
		t.Errorf("error %q is no %q", err, kind)
	}
}
