package commands

import (
	"context"
	"fmt"
	"math"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

func dbCategory() *command {
	return &command{name: "db", short: "the ledger itself", actions: []*command{dbSync(), dbVersion(), dbCheck(), dbCopy(),
		dbBackup(), dbRestore(), dbExport(), dbImport(), dbImportNova()}}
}

func dbSync() *command {
	version := db.LatestSchema()
	to := cli.Typed(&version, "version", parseSchemaVersion, "the schema version to end with, which can only be the latest").
		As("N").OnlyTyped()
	return &command{
		name:     "sync",
		short:    "create the ledger, or bring its schema up to date",
		long:     "Doing it again does nothing. An interrupted run leaves the old schema, and may be repeated. There is no way back.",
		examples: []string{"nova-manage db sync", "nova-manage db sync --sql_connection sqlite:////srv/nova/nova.sqlite"},
		flags:    []*cli.Flag{to},
		ledger:   syncs,
		alone:    "it is about the ledger as a whole",
		run:      func(context.Context, *session) error { return nil }, // opening it is all there is to do
	}
}

// parseSchemaVersion takes the latest schema version. Nova's numbers are those of its own schema.
func parseSchemaVersion(s string) (int, error) {
	n, err := cli.ParseNumber(s, 1, math.MaxInt32)
	if err == nil {
		err = schemaVersionError(int(n), db.LatestSchema())
	}
	return int(n), err
}

// schemaVersionError says why a schema version other than the latest cannot be had.
func schemaVersionError(version, latest int) error {
	switch {
	case version < latest:
		return fmt.Errorf("is an older schema version than the latest, %d: there is no way back", latest)
	case version > latest:
		return fmt.Errorf("is no schema version of a ledger: the latest is %d", latest)
	}
	return nil
}

var dbVersionColumns = []cli.Column[db.Version]{
	{Name: "schema_version", Value: func(v db.Version) any { return v.Schema }},
	{Name: "engine", Value: func(v db.Version) any { return v.Engine }},
	{Name: "schema", Value: func(v db.Version) any { return cli.OrNull(v.Place) }},
}

func dbVersion() *command {
	return &command{
		name:     "version",
		short:    "print the schema version and the engine of the ledger",
		long:     "schema is PostgreSQL's: the one of the database's schemas that the ledger is in.",
		examples: []string{"nova-manage db version", "nova-manage db version -f value -c schema_version"},
		columns:  cli.Fields(dbVersionColumns),
		ledger:   reads,
		present:  true,
		run: func(ctx context.Context, s *session) error {
			version, err := s.store.Version(ctx)
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, dbVersionColumns, version)
		},
	}
}

var dbCheckColumns = []cli.Column[db.Finding]{
	{Name: "check", Value: func(f db.Finding) any { return f.Check }},
	{Name: "problem", Value: func(f db.Finding) any { return f.Problem }},
}

func dbCheck() *command {
	return &command{
		name:  "check",
		short: "look for damage and contradictions in the ledger",
		long: "Runs the engine's own integrity check and compares everything derived with what it is derived from. " +
			"What is wrong is printed, and the exit code is 5.",
		examples: []string{"nova-manage db check", "nova-manage db check -f json"},
		columns:  cli.Fields(dbCheckColumns),
		list:     true,
		ledger:   reads,
		present:  true,
		run: func(ctx context.Context, s *session) error {
			var found []db.Finding
			err := s.store.Check(ctx, func(f db.Finding) { found = append(found, f) })
			return reportFindings(s, found, err)
		},
		unopened: func(s *session, err error) error { return reportFindings(s, nil, err) },
	}
}

// reportFindings tells what a check found before it ended with err. Damage that ends it is a finding, too.
func reportFindings(s *session, found []db.Finding, err error) error {
	if damage, ok := db.Damage(err); ok {
		found, err = append(found, damage), nil
	}
	if err != nil {
		return err
	}
	if len(found) == 0 {
		s.Notef("the ledger is in order")
	}
	if err := cli.PrintSlice(s.Env, dbCheckColumns, found); err != nil || len(found) == 0 {
		return err
	}
	if len(found) == 1 {
		return fmt.Errorf("%w: 1 problem", db.ErrCheck)
	}
	return fmt.Errorf("%w: %d problems", db.ErrCheck, len(found))
}

var dbCopyColumns = []cli.Column[db.Copied]{
	{Name: "table", Value: func(c db.Copied) any { return c.Table }},
	{Name: "rows", Value: func(c db.Copied) any { return c.Rows }},
}

func dbCopy() *command {
	var to string
	return &command{
		name:  "copy",
		short: "copy the whole ledger into an empty one, on the same engine or the other",
		long: "The ledger named by --sql_connection is copied as it is at one moment, all of it or nothing, and stays as it is. " +
			"The copy's rows are counted and compared, and it is checked as by `db check`, before it is kept. " +
			"A ledger that is missing at the other end is made.",
		examples: []string{
			"nova-manage db copy --to postgresql://nova@db.example.org/nova",
			"nova-manage db copy --sql_connection postgresql://nova@db.example.org/nova --to /var/lib/nova/nova.sqlite",
		},
		flags:   []*cli.Flag{cli.Text(&to, "to", "where to: a URL or a path, as --sql_connection takes it").As("URL").NotInFlagfile().Completes(cli.Files)},
		columns: cli.Fields(dbCopyColumns),
		rows:    severalRows,
		ledger:  reads,
		alone:   "it is about another ledger",
		present: true,
		check: func(*cli.Env) error {
			if to == "" {
				return cli.WithHint(cli.UsageErrorf("db copy needs --to"), "usage: nova-manage db copy --to URL")
			}
			return nil
		},
		run: func(ctx context.Context, s *session) error {
			target, err := s.open(ctx, to, db.Create)
			if err != nil {
				return err
			}
			copied, err := db.Copy(ctx, s.store, target)
			if err != nil {
				return err
			}
			return cli.PrintSlice(s.Env, dbCopyColumns, copied)
		},
	}
}
