package commands

import (
	"context"
	"fmt"

	"nova-manage/db"
)

func dbCategory() *command {
	return &command{name: "db", short: "the ledger itself", actions: []*command{dbSync(), dbVersion(), dbCheck()}}
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
	return fmt.Errorf("%w: %d found", db.ErrCheck, len(found))
}
