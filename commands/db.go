package commands

import (
	"context"
	"fmt"

	"nova-manage/db"
)

func dbCategory() *command {
	return &command{name: "db", short: "the ledger itself", actions: []*command{dbSync(), dbVersion(), dbCheck(), dbCopy()}}
}

func dbSync() *command {
	return &command{
		name:     "sync",
		short:    "create the ledger, or bring its schema up to date",
		long:     "Doing it again does nothing. An interrupted run leaves the old schema, and may be repeated.",
		examples: []string{"nova-manage db sync", "nova-manage db sync --sql_connection sqlite:////srv/nova/nova.sqlite"},
		run: func(ctx context.Context, e *env) error {
			_, err := e.openStore(ctx, db.Sync)
			return err
		},
	}
}

var dbVersionColumns = []column[db.Version]{
	{Name: "schema_version", Value: func(v db.Version) any { return v.Schema }},
	{Name: "engine", Value: func(v db.Version) any { return v.Engine }},
}

func dbVersion() *command {
	return &command{
		name:     "version",
		short:    "print the schema version and the engine of the ledger",
		examples: []string{"nova-manage db version", "nova-manage db version -f value -c schema_version"},
		columns:  fieldsOf(dbVersionColumns),
		run: func(ctx context.Context, e *env) error {
			store, err := e.openStore(ctx, db.Read)
			if err != nil {
				return err
			}
			version, err := store.Version(ctx)
			if err != nil {
				return err
			}
			return printOne(e, dbVersionColumns, version)
		},
	}
}

var dbCheckColumns = []column[db.Finding]{
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
		columns:  fieldsOf(dbCheckColumns),
		run:      runDBCheck,
	}
}

func runDBCheck(ctx context.Context, e *env) error {
	var found []db.Finding
	err := func() error {
		store, err := e.openStore(ctx, db.Read)
		if err != nil {
			return err
		}
		return store.Check(ctx, func(f db.Finding) { found = append(found, f) })
	}()
	if damage, ok := db.Damage(err); ok {
		found, err = append(found, damage), nil
	}
	if err != nil {
		return err
	}
	if len(found) == 0 {
		e.note("the ledger is in order")
	}
	if err := printSlice(e, dbCheckColumns, found); err != nil || len(found) == 0 {
		return err
	}
	if len(found) == 1 {
		return fmt.Errorf("%w: 1 problem", db.ErrCheck)
	}
	return fmt.Errorf("%w: %d problems", db.ErrCheck, len(found))
}

var dbCopyColumns = []column[db.Copied]{
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
		flags:   []*flag{text(&to, "to", "where to: a URL or a path, as --sql_connection takes it").as("URL").notInFlagfile()},
		columns: fieldsOf(dbCopyColumns),
		run: func(ctx context.Context, e *env) error {
			if to == "" {
				return withHint(usageErrorf("db copy needs --to"), "usage: nova-manage db copy --to URL")
			}
			from, err := e.openStore(ctx, db.Read)
			if err != nil {
				return err
			}
			target, err := e.openStoreAt(ctx, to, db.Create)
			if err != nil {
				return err
			}
			copied, err := db.Copy(ctx, from, target)
			if err != nil {
				return err
			}
			return printSlice(e, dbCopyColumns, copied)
		},
	}
}
