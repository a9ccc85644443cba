package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"nova-manage/internal/wholefile"
)

// restoring is another ledger on its way to the place of the present one.
//
// The pages of the new one are written into the file of the present one, as one transaction of SQLite's, and no file is put in
// the place of another: whoever waits for the lock then finds the new ledger where it looks, its log belongs to no other file,
// and after a crash SQLite itself has the old ledger or the new one. A file that was renamed would leave those who have the old
// one open writing into it, and a moment in which its log lies beside another ledger.
type restoring struct {
	e     *sqlite
	opts  Options
	fresh *wholefile.File // the new ledger
}

// step is called before each thing that a restore does, for tests that end the process there.
var step = func(string) {}

// RestoreFile puts another ledger, which fill writes into an empty file, in the place of the one that opts.URL names, and keeps
// that one beside it in a file whose name it returns; "" if there was none. Nothing is touched before fill has returned, and
// with DryRun nothing at all. Only a ledger in a file can be restored so.
func RestoreFile(ctx context.Context, opts Options, fill func(ctx context.Context, fresh *os.File) error) (kept string, err error) {
	opts = opts.filled()
	eng, err := engineFor(opts.URL)
	if err != nil {
		return "", err
	}
	e, ok := eng.(*sqlite)
	if !ok {
		return "", fmt.Errorf("%s is in no file", eng.place())
	}
	e.timeout = opts.LockTimeout
	kept, err = e.restore(ctx, opts, fill)
	return kept, e.translate(ctx, err)
}

func (e *sqlite) restore(ctx context.Context, opts Options, fill func(context.Context, *os.File) error) (kept string, err error) {
	if err := e.checkLocal(); err != nil {
		return "", err
	}
	if err := e.examine(true); err != nil && !errors.Is(err, ErrNoLedger) {
		return "", err
	}
	if path, err := filepath.EvalSymlinks(e.path); err == nil {
		e.path, e.alias = path, e.path // SQLite's other files, and those that are kept, are beside the real one
	}
	folders, err := makeFolders(filepath.Dir(e.path))
	defer func() {
		if err != nil || opts.Mode == DryRun {
			for i := range folders {
				_ = os.Remove(folders[len(folders)-1-i])
			}
		}
	}()
	if err != nil {
		return "", e.unreachable(err)
	}
	r := &restoring{e: e, opts: opts}
	if r.fresh, err = wholefile.Create(e.path); err != nil {
		return "", e.unreachable(err)
	}
	defer r.fresh.Discard()
	step("fill")
	if err := fill(ctx, r.fresh.File); err != nil {
		return "", err
	}
	step("place")
	return r.place(ctx)
}

// makeFolders makes what is missing of a folder, and returns what it made, the uppermost first.
func makeFolders(folder string) (made []string, err error) {
	_, missing, err := missingFolders(folder)
	for _, f := range missing {
		if err := os.Mkdir(f, 0o700); err == nil {
			made = append(made, f)
		} else if !errors.Is(err, fs.ErrExist) {
			return made, err
		}
	}
	return made, err
}

// place puts the new ledger in its place.
func (r *restoring) place(ctx context.Context) (kept string, err error) {
	for i := 1; ; i++ {
		if err := ctx.Err(); err != nil {
			return "", context.Cause(ctx)
		}
		err := r.e.examine(true)
		switch {
		case err == nil:
			return r.replace(ctx)
		case !errors.Is(err, ErrNoLedger):
			return "", err
		case r.opts.Mode == DryRun:
			return "", nil
		}
		// An empty file is no ledger, but may be about to become one; whoever is at it holds its locks.
		if info, err := os.Stat(r.e.path); err == nil {
			(&making{path: r.e.path, file: info}).remove()
		}
		if err := r.orphaned(); err != nil {
			return "", err
		}
		err = r.fresh.Commit(false)
		if err == nil {
			r.opts.Committed()
			return "", nil
		}
		if !errors.Is(err, fs.ErrExist) || i == 20 {
			return "", r.e.unreachable(err)
		}
		if err := pause(ctx, i); err != nil {
			return "", err
		}
	}
}

// orphaned moves the log of a ledger that is gone out of the way of the one that comes.
func (r *restoring) orphaned() error {
	// Looked for first: whoever makes a ledger meanwhile has its file before its journal.
	log := LogBeside(r.e.path)
	if _, err := os.Lstat(r.e.path); log == "" || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	kept := r.keptPath()
	if err := r.setAside(kept); err != nil {
		return err
	}
	r.opts.Warn(fmt.Sprintf("%s was left of a ledger that is gone; it is kept as %s%s", log, kept, strings.TrimPrefix(log, r.e.path)))
	return nil
}

// setAside moves what SQLite has beside the ledger beside where that is kept.
func (r *restoring) setAside(kept string) error {
	for _, suffix := range []string{"-wal", "-journal"} {
		if err := os.Rename(r.e.path+suffix, kept+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return r.e.unreachable(err)
		}
	}
	if err := os.Remove(r.e.path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r.e.unreachable(err)
	}
	return nil
}

// replace puts it in the place of a ledger that is there.
func (r *restoring) replace(ctx context.Context) (kept string, err error) {
	r.opts.Mode = map[bool]Mode{true: DryRun, false: Write}[r.opts.Mode == DryRun]
	db, err := r.e.connect(ctx, r.opts, nil)
	if isCode(err, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT) {
		return r.swap()
	}
	if err != nil {
		return "", err
	}
	d := &DB{engine: r.e, db: db, opts: r.opts}
	defer d.Close()
	if d.conn, err = db.Conn(ctx); err != nil {
		return "", err
	}
	// What is damaged is there to be replaced. Another program's database is not, nor is a ledger of a later version, which
	// this program knows nothing of.
	version, err := d.schemaVersion(ctx)
	switch {
	case err != nil && !errors.Is(err, ErrCorrupt):
		return "", err
	case version > LatestSchema():
		return "", d.unknownVersion(version)
	case r.opts.Mode == DryRun:
		return "", nil
	}
	if err := r.samePages(ctx, d.conn); err != nil {
		return "", err
	}
	r.e.settle(ctx, d.conn)
	var mode string
	if err := d.conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return "", err
	}
	if mode != "wal" {
		// Without a log what is kept could not be read once the lock is had.
		return "", &LockedError{Ledger: r.e.shown(), Waited: r.opts.LockTimeout, Holder: lockHolder(r.e.path)}
	}
	return r.overwrite(ctx, d.conn)
}

// samePages has the new ledger in pages of the size that the present one has: in the other size they cannot be written into it.
func (r *restoring) samePages(ctx context.Context, conn *sql.Conn) error {
	var want, is int
	if err := conn.QueryRowContext(ctx, "PRAGMA page_size").Scan(&want); err != nil {
		return err
	}
	fresh := &sqlite{path: r.fresh.Name(), private: true, alias: r.e.shown()}
	db, err := fresh.connect(ctx, Options{Mode: Write}, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	one, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer one.Close()
	if err := one.QueryRowContext(ctx, "PRAGMA page_size").Scan(&is); err != nil || is == want {
		return err
	}
	_, err = one.ExecContext(ctx, fmt.Sprintf("PRAGMA page_size = %d; VACUUM", want))
	return err
}

// overwrite writes the pages of the new ledger over those of the present one, which is copied beside it first, once nobody can
// change it any more.
func (r *restoring) overwrite(ctx context.Context, conn *sql.Conn) (kept string, err error) {
	fresh := &sqlite{path: r.fresh.Name(), private: true}
	err = conn.Raw(func(c any) (err error) {
		copying, err := c.(interface {
			NewRestore(string) (*driver.Backup, error)
		}).NewRestore(fresh.dsn(Options{Mode: Read}.filled(), url.Values{"immutable": {"1"}}))
		if err != nil {
			return err
		}
		// To finish before the last page was copied is to roll back.
		defer func() { err = cmp.Or(err, copying.Finish()) }()
		// No page, but the lock of a writer.
		if err := r.e.patiently(ctx, r.opts.LockTimeout, func() error { _, err := copying.Step(0); return err }); err != nil {
			return err
		}
		step("keep")
		if kept, err = r.keep(ctx); err != nil {
			return err
		}
		step("overwrite")
		err = copyAll(ctx, copying, func(done, total int64) {
			step("pages")
			r.opts.Progress("restoring pages", done, total)
		})
		if err == nil {
			r.opts.Committed()
		}
		return err
	})
	if err != nil {
		if kept != "" {
			_ = os.Remove(kept)
		}
		return "", err
	}
	step("done")
	// The log is as long as the ledger now.
	var busy, log, done int
	_ = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done)
	return kept, nil
}

// keep copies the present ledger beside itself.
func (r *restoring) keep(ctx context.Context) (string, error) {
	path := r.keptPath()
	f, err := wholefile.Create(path)
	if err != nil {
		return "", r.e.unreachable(err)
	}
	defer f.Discard()
	present := &sqlite{path: r.e.path, alias: r.e.alias, timeout: r.opts.LockTimeout}
	if err := present.copyFile(ctx, f.File, r.opts, nil); err != nil {
		return "", err
	}
	if err := f.Commit(false); err != nil {
		return "", r.e.unreachable(err)
	}
	return path, nil
}

// keptPath is a name beside the ledger that says when it was replaced, and that nobody has.
func (r *restoring) keptPath() string {
	at := r.e.path + "." + r.opts.Clock().UTC().Format("2006-01-02T15-04-05Z")
	path := at
	for n := 2; ; n++ {
		if _, err := os.Lstat(path); err != nil && LogBeside(path) == "" || n > 1000 {
			return path
		}
		path = fmt.Sprintf("%s-%d", at, n)
	}
}

// swap puts the new ledger in the place of a file that is no database any more, which nobody has open therefore. It is kept as
// it is, with what SQLite had beside it.
func (r *restoring) swap() (kept string, err error) {
	if r.opts.Mode == DryRun {
		return "", nil
	}
	kept = r.keptPath()
	err = os.Link(r.e.path, kept)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOTSUP) {
		err = os.Rename(r.e.path, kept) // a file system without second names
	}
	if err != nil {
		return "", r.e.unreachable(err)
	}
	step("swap")
	if err := r.setAside(kept); err != nil {
		return "", err
	}
	if err := r.fresh.Commit(true); err != nil {
		return "", r.e.unreachable(err)
	}
	r.opts.Committed()
	return kept, nil
}
