package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// SQLite's own backup (sqlite.org/backup.html) copies a database page by page. Against VACUUM INTO it takes half as long, can be
// interrupted between two pages, copies what is damaged too, and has the copy as large as the file. In a transaction that reads
// it copies what that sees: with a write-ahead log no writer is held up, and none makes it begin again.

// copyPages is how many pages are copied before anybody is asked whether to go on.
const copyPages = 500

// Backup copies the ledger, as it is at one moment, into a file that is there, empty and nobody else's. It is a ledger then,
// once it is synced. Only a ledger that Files has files of can be copied so.
func (d *DB) Backup(ctx context.Context, to *os.File) error {
	e, ok := d.engine.(*sqlite)
	if !ok || d.unmade {
		return noLedger(d.engine)
	}
	return d.View(ctx, func(ctx context.Context, r *ReadTx) error {
		return e.copyTo(ctx, d.conn, to, func(done, total int64) { r.Report("copying pages", done, total) })
	})
}

// copyTo copies what a connection sees.
func (e *sqlite) copyTo(ctx context.Context, conn *sql.Conn, to *os.File, report func(done, total int64)) error {
	target := &sqlite{path: to.Name(), private: true}
	err := conn.Raw(func(c any) error {
		copying, err := c.(interface {
			NewBackup(string) (*driver.Backup, error)
		}).NewBackup(target.dsn(Options{Mode: Write}.filled(), nil))
		if err != nil {
			return err
		}
		err = copyAll(ctx, copying, report)
		return cmp.Or(err, copying.Finish()) // which says the same again
	})
	if isCode(err, sqlite3.SQLITE_FULL) {
		return noSpaceFor(to.Name(), err)
	}
	if err != nil {
		return err
	}
	return withoutLog(to)
}

// noSpaceFor is the error for a copy that does not fit, which messages name after what it is a copy of.
func noSpaceFor(path string, err error) error {
	if abs, wrong := filepath.Abs(path); wrong == nil {
		path = abs
	}
	return &Error{Message: fmt.Sprintf("no space left on the device of %s; nothing was changed", filepath.Dir(path)), Cause: err}
}

// copyAll copies until there is no page left.
func copyAll(ctx context.Context, copying *driver.Backup, report func(done, total int64)) error {
	for {
		more, err := copying.Step(copyPages)
		if err != nil || !more {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		total := int64(copying.PageCount())
		report(total-int64(copying.Remaining()), total)
	}
}

// withoutLog has a copy opened without a write-ahead log, where the original has one: so it can be read in a folder that nobody
// may write. Nothing else in the file depends on these two bytes (sqlite.org/fileformat2.html §1.3.3).
func withoutLog(f *os.File) error {
	versions := make([]byte, 2)
	if _, err := f.ReadAt(versions, 18); err != nil {
		if errors.Is(err, io.EOF) {
			return nil // an empty database is an empty file
		}
		return err
	}
	if versions[0] != 2 || versions[1] != 2 {
		return nil
	}
	_, err := f.WriteAt([]byte{1, 1}, 18)
	return err
}

// OpenPrivate opens a copy of a ledger that nobody else knows of. Messages name it as the file that it stands for.
func OpenPrivate(ctx context.Context, path, alias string, opts Options) (*DB, error) {
	return openEngine(ctx, &sqlite{path: path, private: true, alias: alias}, opts.filled())
}

// CopyFile copies an SQLite database, whatever is in it, into a file that is there, empty and nobody else's. The one that is
// copied is only read, and may be on any file system.
func CopyFile(ctx context.Context, from string, to *os.File, opts Options) error {
	opts = opts.filled()
	abs, err := filepath.Abs(from)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs) // SQLite's other files are beside the real one
	}
	if err != nil {
		return err
	}
	e := &sqlite{path: abs, alias: from, timeout: opts.LockTimeout}
	s := &still{path: abs}
	if s.info, err = os.Stat(abs); err != nil {
		return err
	}
	extra := url.Values{"immutable": {"1"}}
	if s.log() != "" {
		// Its latest changes are in there, and SQLite puts both together. It is somebody's ledger, which is at work perhaps.
		extra = nil
	} else {
		e.still = s
	}
	err = e.copyFile(ctx, to, opts, extra)
	if err == nil && e.still.moved() {
		err = e.changedMeanwhile()
	}
	return e.translate(ctx, err)
}

func (e *sqlite) copyFile(ctx context.Context, to *os.File, opts Options, extra url.Values) (err error) {
	opts.Mode = Read
	db, err := e.connect(ctx, opts, extra)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := e.begin(ctx, conn, nil, opts); err != nil {
		return err
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }()
	return e.copyTo(ctx, conn, to, func(done, total int64) { opts.Progress("copying pages", done, total) })
}

// IsDatabase tells whether a file begins as SQLite's do (sqlite.org/fileformat2.html §1.2).
func IsDatabase(f io.ReaderAt) bool {
	const magic = "SQLite format 3\x00"
	begin := make([]byte, len(magic))
	_, err := f.ReadAt(begin, 0)
	return err == nil && string(begin) == magic
}
