package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

type dbExportOptions struct {
	Output  string
	History bool
	Schema  bool
}

func dbExport() *command {
	o := &dbExportOptions{}
	return &command{
		name:  "export",
		short: "write the ledger as one JSON document, the same bytes for the same ledger",
		long: "The document holds all that is needed to make the same ledger again on either engine, and nothing that follows from the " +
			"rest: `db import` works that out. A JSON Schema describes it (--schema). A row is a line, so that documents can be compared " +
			"line by line. The ledger is checked first, as by `db check`. FILE can be read by you alone.",
		examples: []string{"nova-manage db export -o nova.json", "nova-manage db export --history -o nova.json",
			"nova-manage db export --schema"},
		flags: []*cli.Flag{
			outputFlag(&o.Output),
			cli.Boolean(&o.History, "history", "with all changes").OnlyTyped(),
			cli.Boolean(&o.Schema, "schema", "print the JSON Schema of the document instead").OnlyTyped(),
		},
		ledger:  reads,
		present: true,
		alone:   "it is about the ledger as a whole",
		useIs: func() use {
			if o.Schema {
				return nothing
			}
			return reads
		},
		files: func() bool { return o.Output != "" && o.Output != "-" },
		check: func(*cli.Env) error {
			if o.Schema && o.History {
				return cli.UsageErrorf("--schema and --history exclude each other: one schema describes both")
			}
			return nil
		},
		run: o.run,
	}
}

func (o *dbExportOptions) run(ctx context.Context, s *session) error {
	if o.Schema {
		return s.output(ctx, o.Output, db.DocumentSchema())
	}
	if o.Output == "" || o.Output == "-" {
		return s.store.Export(ctx, s.Output, o.History)
	}
	fd, ours, err := descriptorOf(o.Output)
	if err != nil {
		return err
	}
	if ours {
		return s.streamDescriptor(ctx, o.Output, fd, func(w io.Writer) error { return s.store.Export(ctx, w, o.History) })
	}
	return o.write(ctx, s)
}

// write writes the document into a file, as a whole or not at all.
func (o *dbExportOptions) write(ctx context.Context, s *session) error {
	target, there, err := newFileTarget(o.Output, s.opened)
	if err == nil && there && isDatabase(target) {
		err = cli.UsageErrorf("cannot write %s: it is an SQLite database, another ledger or a copy of one", o.Output)
	}
	if err != nil {
		return err
	}
	return s.writeWhole(ctx, o.Output, target, true, func(f *os.File) error { return s.store.Export(ctx, f, o.History) })
}

type dbImportOptions struct {
	File   string
	DryRun bool
}

func dbImport() *command {
	o := &dbImportOptions{File: "-"}
	return &command{
		name:  "import",
		short: "make a ledger of a JSON document, as `db export` writes it",
		long: "The ledger must never have held anything; one that is missing is made. Every value is looked at as if it were typed, what " +
			"follows from the document is worked out, and the whole is checked as by `db check`: all of it is imported or nothing. What is " +
			"wrong is named by its line and its place, such as /networks/17/vlan. A history in the document becomes the ledger's; without " +
			"one the import is the first change. A name that no command would take any more is refused here, and taken by `db restore`.",
		examples: []string{"nova-manage db import nova.json --dry_run", "nova-manage db import -",
			"nova-manage db import nova.json --sql_connection postgresql://nova@db.example.org/nova"},
		args:    []*cli.Arg{cli.Optional(cli.Typed(&o.File, "FILE", filePath, "the document; - is standard input").ByDefault("standard input").Completes(cli.Files))},
		columns: cli.Fields(dbCopyColumns),
		rows:    severalRows,
		ledger:  creates,
		alone:   "it is about the ledger as a whole",
		dryRun:  &o.DryRun,
		check:   o.check,
		run:     o.run,
	}
}

// check finds out whether the document can be had, before a ledger is made for it.
func (o *dbImportOptions) check(*cli.Env) error {
	if o.File == "-" {
		return nil
	}
	info, err := os.Stat(o.File)
	if err == nil && info.IsDir() {
		err = errors.New("it is a folder")
	}
	if err == nil && info.Mode().IsRegular() && isDatabase(o.File) {
		return cli.WithHint(cli.UsageErrorf("cannot read %s: it is an SQLite database and no document", o.File),
			"`nova-manage db restore` takes a ledger's backup, `nova-manage db copy` copies a ledger, `nova-manage db import_nova` reads Nova's")
	}
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", o.File, cli.ReasonOf(err))
	}
	return nil
}

func (o *dbImportOptions) run(ctx context.Context, s *session) error {
	from, name := s.Sys.Stdin, "standard input"
	if o.File != "-" {
		name = o.File
		// Opening a FIFO waits for whoever writes to it.
		f, err := openUntil(ctx, o.File)
		if err != nil {
			return err
		}
		defer f.Close()
		from = f
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return o.importFrom(ctx, s, f, name) // which can be read again
		}
	}
	return o.importFrom(ctx, s, &untilReader{ctx: ctx, r: from}, name)
}

func (o *dbImportOptions) importFrom(ctx context.Context, s *session, r io.Reader, name string) error {
	imported, err := s.store.ImportDocument(ctx, r, name, checkNameOf)
	if err != nil {
		return err
	}
	return cli.PrintSlice(s.Env, dbCopyColumns, imported)
}

// nameRules are what commands ask of new names, by the columns that have them.
var nameRules = map[string]func(string) error{
	"projects.project_id":         newWord,
	"networks.label":              newLabel,
	"networks.host":               newWord,
	"networks.bridge":             checkInterface,
	"networks.bridge_interface":   checkInterface,
	"floating_ranges.pool":        newWord,
	"floating_ranges.host":        newWord,
	"floating_ranges.interface":   checkInterface,
	"security_groups.name":        newGroup,
	"instances.name":              newWord,
	"instances.host":              newWord,
	"projects.description":        checkPurpose,
	"security_groups.description": checkPurpose,
}

// checkNameOf is the rule for a name of a document.
func checkNameOf(table, column, value string) error {
	rule := nameRules[table+"."+column]
	if rule == nil {
		return nil
	}
	if column != "description" {
		if err := checkName(value); err != nil {
			return err
		}
	}
	return rule(value)
}
