package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/internal/wholefile"
)

type dbBackupOptions struct {
	File  string
	Force bool
}

// backup is a copy of the ledger that was made.
type backup struct {
	file     string
	document bool
	bytes    int64
}

var dbBackupColumns = []cli.Column[backup]{
	{Name: "file", Value: func(b backup) any { return b.file }},
	{Name: "form", Value: func(b backup) any { return formOf(b.document) }},
	{Name: "bytes", Value: func(b backup) any { return b.bytes }},
}

// formOf is what a file holds that a ledger was saved in.
func formOf(document bool) string {
	if document {
		return "document"
	}
	return "ledger"
}

func dbBackup() *command {
	o := &dbBackupOptions{}
	return &command{
		name:  "backup",
		short: "copy the ledger into a file, while others go on writing",
		long: "FILE is the ledger as it is at one moment, history included, and only you can read it. A ledger on SQLite becomes a ledger " +
			"that opens as it is, and one on PostgreSQL the document of `db export --history`; `db restore` takes both. The copy is checked " +
			"as by `db check`, and written as a whole or not at all. A file that is there is left alone without --force.",
		examples: []string{"nova-manage db backup /srv/backup/nova.sqlite", `nova-manage db backup "/srv/backup/nova-$(date +%F).sqlite"`},
		args:     []*cli.Arg{cli.Required(cli.Typed(&o.File, "FILE", filePath, "the file to make").Completes(cli.Files))},
		flags:    []*cli.Flag{cli.Boolean(&o.Force, "force", "replace FILE if it is there").OnlyTyped()},
		columns:  cli.Fields(dbBackupColumns),
		ledger:   reads,
		present:  true,
		alone:    "it is about the ledger as a whole",
		run:      o.run,
	}
}

func (o *dbBackupOptions) run(ctx context.Context, s *session) error {
	target, there, err := newFileTarget(o.File, s.opened)
	switch {
	case err != nil:
		return err
	case there && !o.Force:
		return exists(o.File)
	}
	if log := db.LogBeside(target); log != "" && s.store.Files() != nil {
		return cli.WithHint(contradiction("cannot write %s: %s lies beside it, and would be taken for a part of the copy", o.File, log),
			"name another file")
	}
	var size int64
	err = s.writeWhole(ctx, o.File, target, o.Force, func(f *os.File) error {
		if err := s.store.Backup(ctx, f); err != nil {
			return err
		}
		info, err := f.Stat()
		if err == nil {
			size = info.Size()
		}
		return err
	})
	if err != nil {
		return err
	}
	return cli.PrintOne(s.Env, dbBackupColumns, backup{o.File, s.store.Files() == nil, size})
}

func exists(path string) error {
	return cli.WithHint(contradiction("%s exists, and was left as it is", path), "name another file, or --force to replace it")
}

// newFileTarget is fileTarget for what is always made anew, and not for whoever reads what is written.
func newFileTarget(path string, ledgers []*db.Store) (target string, there bool, err error) {
	failed := func(err error) (string, bool, error) {
		return "", false, fmt.Errorf("cannot write %s: %w", path, cli.ReasonOf(err))
	}
	if _, ours, err := descriptorOf(path); err != nil || ours || path == "-" {
		return failed(errors.New("it is no file that could be made as a whole"))
	}
	target, info, err := fileTarget(path, ledgers)
	if err != nil {
		return "", false, err
	}
	if folder, err := os.Stat(filepath.Dir(target)); info == nil && (err != nil || !folder.IsDir()) {
		return failed(fmt.Errorf("there is no folder %s", filepath.Dir(path)))
	}
	return target, info != nil, nil
}

// writeWhole has a file made by write, all of it or nothing. path is how the user names the target.
func (s *session) writeWhole(ctx context.Context, path, target string, replace bool, write func(*os.File) error) error {
	failed := func(err error) error { return fmt.Errorf("cannot write %s: %w", path, cli.ReasonOf(err)) }
	f, err := wholefile.Create(target)
	if err != nil {
		return failed(err)
	}
	defer f.Discard()
	if err := write(f.File); err != nil {
		// An error of the file itself knows it by a name that nobody has given.
		if wrong := (*fs.PathError)(nil); errors.As(err, &wrong) && wrong.Path == f.Name() {
			err = failed(err)
		}
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err = f.Commit(replace)
	switch {
	case errors.Is(err, fs.ErrExist):
		return exists(path)
	case err != nil:
		return failed(err)
	}
	s.wrote = true
	return nil
}

type dbRestoreOptions struct {
	File   string
	DryRun bool
}

// restored is what a restore did.
type restored struct {
	file string
	db.Restored
}

var dbRestoreColumns = []cli.Column[restored]{
	{Name: "file", Value: func(r restored) any { return r.file }},
	{Name: "form", Value: func(r restored) any { return formOf(r.Document) }},
	{Name: "kept", Value: func(r restored) any { return cli.OrNull(r.Kept) }},
}

func dbRestore() *command {
	o := &dbRestoreOptions{}
	return &command{
		name:  "restore",
		short: "put the ledger that a file holds in the place of the present one, which is kept",
		long: "FILE is what `db backup` or `db export` made; it is only read. It is brought to the present schema version in a copy and " +
			"checked as by `db check` before anything is touched. The answer says where the present ledger is kept: on SQLite in a file " +
			"beside it, such as nova.sqlite.2026-11-26T00-31-05Z, and on PostgreSQL in a schema of the database, such as " +
			"public_20261126t003105z, which search_path=SCHEMA in the URL opens. Who writes meanwhile waits and goes on in the restored " +
			"ledger; who reads sees the one or the other. Killed at any moment, it leaves one of them whole. History is that of FILE, and " +
			"says nothing of the restore; where FILE is a document without it, the restore is its first change.",
		examples: []string{"nova-manage db restore /srv/backup/nova.sqlite --dry_run", "nova-manage db restore /srv/backup/nova.sqlite"},
		args:     []*cli.Arg{cli.Required(cli.Typed(&o.File, "FILE", filePath, "the file that holds it").Completes(cli.Files))},
		columns:  cli.Fields(dbRestoreColumns),
		ledger:   replaces,
		useIs:    func() use { return nothing }, // it opens the ledger itself, which may be damaged
		alone:    "it is about the ledger as a whole",
		dryRun:   &o.DryRun,
		run:      o.run,
	}
}

func (o *dbRestoreOptions) run(ctx context.Context, s *session) error {
	url, err := s.ledger.url()
	if err != nil {
		return err
	}
	mode := db.Create
	if o.DryRun {
		mode = db.DryRun
	}
	done, err := db.Restore(ctx, s.options(url, mode), o.File)
	if err != nil {
		return err
	}
	return cli.PrintOne(s.Env, dbRestoreColumns, restored{o.File, done})
}
