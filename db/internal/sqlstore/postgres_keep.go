package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Keep moves what a ledger holds into a new schema of its database, whose name it returns, and leaves it empty; "" where it never
// held anything. The rows are moved and not the tables: those have grants that other roles need, and readers who see the old
// state go on to. The schema is a ledger of its own, for whoever has it first in search_path.
func Keep(ctx context.Context, d *DB, w *WriteTx) (kept string, err error) {
	e, ok := d.engine.(*postgres)
	if !ok {
		return "", fmt.Errorf("%s keeps nothing", d.Place())
	}
	tables, err := d.copied(ctx, w.ReadTx)
	if err != nil {
		return "", err
	}
	if used, err := d.used(ctx, w, tables); err != nil || used == "" {
		return "", err
	}
	if kept, err = e.keptSchema(ctx, w); err != nil {
		return "", err
	}
	if err := e.makeKept(ctx, w, kept); err != nil {
		return "", err
	}
	for _, table := range append([]string{"schema_version"}, tables...) {
		columns, err := columnsOf(ctx, w, table)
		if err != nil {
			return "", err
		}
		to, list := pgx.Identifier{kept, table}.Sanitize(), strings.Join(columns, ", ")
		w.Report("keeping "+strings.ReplaceAll(table, "_", " "), 0, -1)
		for _, statement := range []string{
			"SET LOCAL search_path = " + pgx.Identifier{kept}.Sanitize(), // the triggers look into the tables beside theirs
			"DELETE FROM " + to,
			fmt.Sprintf("INSERT INTO %s (%s) SELECT %[2]s FROM %s", to, list, pgx.Identifier{e.home, table}.Sanitize()),
			strings.TrimSuffix(e.within(), "; "),
		} {
			if _, err := w.q.ExecContext(ctx, statement); err != nil {
				return "", err
			}
		}
	}
	for _, table := range slices.Backward(tables) {
		w.Report("emptying "+strings.ReplaceAll(table, "_", " "), 0, -1)
		// Not TRUNCATE, which takes the rows from readers too (postgresql.org/docs/current/mvcc-caveats.html).
		if _, err := w.q.ExecContext(ctx, "DELETE FROM "+pgx.Identifier{e.home, table}.Sanitize()); err != nil {
			return "", err
		}
	}
	w.wrote = true
	return kept, nil
}

// keptSchema is a name for what is kept that says when it was, and that nobody has. An identifier has 63 bytes.
func (e *postgres) keptSchema(ctx context.Context, w *WriteTx) (string, error) {
	for n := 1; ; n++ {
		when := w.now.UTC().Format("_20060102t150405z")
		if n > 1 {
			when += fmt.Sprintf("_%d", n)
		}
		name := strings.ToValidUTF8(e.home[:min(len(e.home), 63-len(when))], "") + when
		there, err := Exists(ctx, w.ReadTx, "FROM pg_namespace WHERE nspname = $1", name)
		if err != nil || !there {
			return name, err
		}
	}
}

// makeKept makes the schema with empty tables.
func (e *postgres) makeKept(ctx context.Context, w *WriteTx, kept string) error {
	name := pgx.Identifier{kept}.Sanitize()
	if _, err := w.q.ExecContext(ctx, "CREATE SCHEMA "+name); err != nil {
		if isState(err, insufficientPrivilege) {
			return &Error{Message: e.place() + ": the present ledger is kept in a schema " + kept + ", which this user may not make",
				Way: WayGrantCreate, Values: []any{e.config.Database, e.config.User}, Cause: err}
		}
		return err
	}
	if _, err := w.q.ExecContext(ctx, "SET LOCAL search_path = "+name); err != nil {
		return err
	}
	for _, ddl := range e.migrations() {
		if _, err := w.q.ExecContext(ctx, ddl); err != nil {
			return err
		}
	}
	_, err := w.q.ExecContext(ctx, strings.TrimSuffix(e.within(), "; "))
	return err
}
