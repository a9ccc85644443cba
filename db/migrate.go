package db

import (
	"context"
	"fmt"
	"slices"
)

// ready makes sure that the database is a ledger of a schema version that this binary knows, and makes it one where
// the mode allows it.
func (s *Store) ready(ctx context.Context) error {
	latest := len(s.engine.migrations())
	version, err := s.schemaVersion(ctx)
	if err != nil {
		return err
	}
	switch {
	case version == latest:
		return nil
	case version > latest:
		return &Error{Message: fmt.Sprintf("%s has schema version %d, and this nova-manage knows only up to %d; it was left as it is",
			s.engine.place(), version, latest), NextStep: "use the nova-manage that made it, or a newer one"}
	case version == 0 && s.opts.Mode == Create, s.opts.Mode == Sync:
		if version == 0 {
			if err := s.engine.prepare(ctx, s.conn); err != nil {
				return err
			}
		}
		return s.migrate(ctx)
	case version == 0 && s.opts.Mode == DryRun:
		return s.useScratch(ctx)
	case version == 0:
		return noLedger(s.engine)
	}
	return &Error{Message: fmt.Sprintf("%s has schema version %d, and this nova-manage needs %d", s.engine.place(), version, latest),
		NextStep: "`nova-manage db sync` brings it up to date"}
}

// schemaVersion is 0 for an empty database. A database of somebody else is an error.
func (s *Store) schemaVersion(ctx context.Context) (version int, err error) {
	err = s.view(ctx, func(ctx context.Context, t *tx) error {
		tables, err := s.engine.tables(ctx, t)
		switch {
		case err != nil:
			return err
		case len(tables) == 0:
			return nil
		case slices.Contains(tables, "schema_version") && slices.Contains(tables, "claims"):
			err := t.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM schema_version").Scan(&version)
			if err == nil && version < 1 {
				return corruptf("%s has tables, and schema version %d", s.engine.place(), version)
			}
			return err
		case slices.Contains(tables, "claims") && slices.Contains(tables, "free_ranges"):
			return corruptf("%s is damaged: it has no table schema_version", s.engine.place())
		case slices.Contains(tables, "schema_version") && slices.Contains(tables, "free_ranges"):
			return corruptf("%s is damaged: it has no table claims", s.engine.place())
		case slices.Contains(tables, "migrate_version"), slices.Contains(tables, "fixed_ips"), slices.Contains(tables, "instances"):
			return &Error{Message: s.engine.place() + " is the database of OpenStack Nova itself, not a ledger of this tool; it was left as it is",
				NextStep: "name another place with --sql_connection"}
		}
		return &Error{Message: fmt.Sprintf("%s is some other program's database (it has a table %q); it was left as it is",
			s.engine.place(), tables[0]), NextStep: "name another place with --sql_connection"}
	})
	return version, err
}

// migrate brings the schema to the latest version in one transaction: an interruption leaves the old one. Whoever comes
// second finds nothing left to do.
func (s *Store) migrate(ctx context.Context) error {
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		version := 0
		tables, err := s.engine.tables(ctx, t)
		if err != nil {
			return err
		}
		if len(tables) > 0 {
			if err := t.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM schema_version").Scan(&version); err != nil {
				return err
			}
		}
		for i, ddl := range s.engine.migrations() {
			if i < version {
				continue
			}
			if _, err := t.ExecContext(ctx, ddl); err != nil {
				return fmt.Errorf("migrating %s to schema version %d: %w", s.engine.place(), i+1, err)
			}
			if _, err := t.ExecContext(ctx, "INSERT INTO schema_version (version, applied_at) VALUES ($1, $2)", i+1, t.stamp()); err != nil {
				return err
			}
		}
		return nil
	})
}

// useScratch replaces the store by an empty ledger in memory, for a dry run where there is no ledger yet.
func (s *Store) useScratch(ctx context.Context) (err error) {
	if err := s.Close(); err != nil {
		return err
	}
	s.engine = &sqlite{memory: true}
	if s.db, err = s.engine.open(ctx, s.opts); err != nil {
		return err
	}
	if s.conn, err = s.db.Conn(ctx); err != nil {
		return err // whoever opened the store closes it
	}
	// The schema must stay, only what the command does is rolled back.
	dry := s.opts.Mode
	s.opts.Mode = Create
	err = s.migrate(ctx)
	s.opts.Mode = dry
	return err
}

// Version is the schema version of the ledger and the name of its engine.
type Version struct {
	Schema int
	Engine string
}

// Version tells the schema version and engine. Open has checked that this binary knows the version.
func (s *Store) Version(ctx context.Context) (Version, error) {
	version, err := s.schemaVersion(ctx)
	return Version{Schema: version, Engine: s.engine.name()}, err
}
