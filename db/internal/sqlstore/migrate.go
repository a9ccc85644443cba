package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// LatestSchema is the schema version that a ledger has once it is up to date; the engines count alike.
func LatestSchema() int { return len((&sqlite{}).migrations()) }

// SQLiteVersion is the version of the SQLite that is part of this program.
const SQLiteVersion = sqlite3.SQLITE_VERSION

// ready makes sure that the database is a ledger of a schema version that this binary knows, and makes it one where
// the mode allows it.
func (d *DB) ready(ctx context.Context) error {
	latest := len(d.engine.migrations())
	version, err := d.schemaVersion(ctx)
	if err != nil {
		return err
	}
	switch {
	case version == latest:
		if d.opts.Mode != Read && d.opts.Mode != DryRun {
			d.engine.settle(ctx, d.conn)
		}
		return nil
	case version > latest:
		return d.unknownVersion(version)
	case version == 0 && d.opts.Mode == DryRun && d.engine.name() == sqliteName:
		return d.useScratch(ctx)
	case version == 0 && (d.opts.Mode.makes() || d.opts.Mode == DryRun):
		d.unmade = true
		return nil
	case d.opts.Mode == Sync:
		return d.migrate(ctx)
	case version == 0:
		return noLedger(d.engine)
	}
	return &Error{Message: fmt.Sprintf("%s has schema version %d, and this nova-manage needs %d", d.engine.place(), version, latest),
		Kind: ErrSchema, Way: WayMigrate}
}

func (d *DB) unknownVersion(version int) error {
	return &Error{Message: fmt.Sprintf("%s has schema version %d, and this nova-manage knows only up to %d; it was left as it is",
		d.engine.place(), version, LatestSchema()), Kind: ErrSchema, Way: WayNewerProgram}
}

// schemaVersion is 0 for an empty database. A database of somebody else is an error.
func (d *DB) schemaVersion(ctx context.Context) (version int, err error) {
	if d.unmade {
		return 0, noLedger(d.engine)
	}
	// What version it has is asked of the present ledger, whichever state of it is to be shown.
	err = d.once(ctx, nil, func(ctx context.Context, r *ReadTx) error {
		tables, err := d.engine.tables(ctx, r.q)
		switch {
		case err != nil:
			return err
		case len(tables) == 0:
			return nil
		case slices.Contains(tables, "schema_version") && slices.Contains(tables, "claims"):
			version, err = latestVersion(ctx, r)
			if err == nil && version < 1 {
				return Corruptf("%s has tables, and schema version %d", d.engine.place(), version)
			}
			return err
		case slices.Contains(tables, "claims") && slices.Contains(tables, "free_ranges"):
			return Corruptf("%s is damaged: it has no table schema_version", d.engine.place())
		case slices.Contains(tables, "schema_version") && slices.Contains(tables, "free_ranges"):
			return Corruptf("%s is damaged: it has no table claims", d.engine.place())
		case slices.Contains(tables, "migrate_version"), slices.Contains(tables, "fixed_ips"), slices.Contains(tables, "instances"):
			return &Error{Message: d.engine.place() + " is the database of OpenStack Nova itself, not a ledger of this tool; it was left as it is",
				Way: WayAnotherPlace}
		}
		return &Error{Message: fmt.Sprintf("%s is some other program's database (it has a table %q); it was left as it is",
			d.engine.place(), tables[0]), Way: WayAnotherPlace}
	})
	return version, d.engine.translate(ctx, err)
}

func latestVersion(ctx context.Context, r *ReadTx) (int, error) {
	version, _, err := Value[int](ctx, r, "coalesce(max(version), 0) FROM schema_version")
	return version, err
}

// migrate brings the schema to the latest version in one transaction: an interruption leaves the old one. Whoever comes
// second finds nothing left to do.
func (d *DB) migrate(ctx context.Context) error {
	return d.Change(ctx, Change{Command: "db sync"}, func(ctx context.Context, w *WriteTx) error {
		version := 0
		tables, err := d.engine.tables(ctx, w.q)
		if err != nil {
			return err
		}
		if len(tables) > 0 {
			if version, err = latestVersion(ctx, w.ReadTx); err != nil {
				return err
			}
		}
		return d.migrateFrom(ctx, w, version)
	})
}

// migrateFrom brings the schema from a version, 0 for none, to the latest one.
func (d *DB) migrateFrom(ctx context.Context, w *WriteTx, version int) error {
	for i, ddl := range d.engine.migrations() {
		if i < version {
			continue
		}
		if _, err := w.q.ExecContext(ctx, ddl); err != nil {
			return fmt.Errorf("migrating %s to schema version %d: %w", d.engine.place(), i+1, err)
		}
		if err := w.Insert(ctx, NewRows{Table: "schema_version", Columns: []string{"version", "applied_at"}, N: 1, Fill: func(_ int, v []any) {
			v[0], v[1] = i+1, FormatTime(w.now)
		}}); err != nil {
			return err
		}
	}
	if version > 0 && version < historyVersion {
		return w.begin(ctx)
	}
	return nil
}

// useScratch replaces the store by an empty ledger in memory, for a dry run where there is no ledger yet but could be.
func (d *DB) useScratch(ctx context.Context) (err error) {
	if err := errors.Join(d.engine.rehearse(), d.Close()); err != nil {
		return err
	}
	d.engine = &sqlite{memory: true}
	if d.db, err = d.engine.open(ctx, d.opts); err != nil {
		return err
	}
	if d.conn, err = d.db.Conn(ctx); err != nil {
		return err // whoever opened the store closes it
	}
	// The schema must stay, only what the command does is rolled back. It is no change to anything that lasts.
	dry := d.opts.Mode
	d.opts.Mode, d.opts.Committed = Create, func() {}
	err = d.migrate(ctx)
	d.opts.Mode = dry
	return err
}

// Version is the schema version of the ledger, the name of its engine, and where in the database it is.
type Version struct {
	Schema int
	Engine string
	Place  string // PostgreSQL's schema, in its other meaning; "" where the engine has none
}

// Version tells the schema version and engine. Open has checked that this binary knows the version.
func (d *DB) Version(ctx context.Context, r *ReadTx) (Version, error) {
	version, err := latestVersion(ctx, r)
	v := Version{Schema: version, Engine: d.engine.name()}
	if e, ok := d.engine.(*postgres); ok {
		v.Place = e.home
	}
	return v, err
}

// Size is how many bytes the engine keeps the ledger in, its indexes and its history included.
func (d *DB) Size(ctx context.Context, r *ReadTx) (int64, error) {
	size, _, err := Value[int64](ctx, r, d.engine.size())
	return size, err
}

// FormatTime writes a time as the ledger stores it: RFC 3339 in UTC, whole seconds, so that text order is time order.
func FormatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
