package sqlstore

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver
	sqlite3 "modernc.org/sqlite/lib"

	"nova-manage/internal/redact"
)

// sqlite keeps the ledger in one file.
type sqlite struct {
	path   string
	memory bool
	// still is the file where it is read without taking part in the locking; nil otherwise.
	still *still
}

// The schema as it was at version 1, and what each later one made of it. What has been released is not edited.
var (
	//go:embed schema_sqlite.sql
	sqliteSchema string
	//go:embed schema_sqlite_2.sql
	sqliteDomains string
)

func (e *sqlite) name() string { return "sqlite" }

func (e *sqlite) place() string {
	if e.memory {
		return "the ledger in memory"
	}
	return "ledger " + e.shown()
}

// shown is the path as messages name it.
func (e *sqlite) shown() string { return redact.Value(e.path) }

func (e *sqlite) migrations() []string { return []string{sqliteSchema, sqliteDomains} }

func (e *sqlite) open(ctx context.Context, opts Options) (*sql.DB, error) {
	if e.memory {
		return sql.Open("sqlite", ":memory:?_pragma=foreign_keys(1)&_dqs=0")
	}
	if err := e.checkLocal(); err != nil {
		return nil, err
	}
	info, err := os.Stat(e.path)
	if none := errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0; none && opts.Mode.wouldMake() {
		if err := e.unprepared(); err != nil {
			return nil, err
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if !opts.Mode.makes() {
			return nil, noLedger(e)
		}
		// Where somebody was faster it is their file, which was theirs to make, too.
		if err := createPrivate(e.path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, e.unreachable(err)
		}
	case err != nil:
		return nil, e.unreachable(err)
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder, not a ledger; name the file in it, such as %s",
			e.shown(), filepath.Join(e.shown(), "nova.sqlite"))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file, so it is no ledger", e.shown())
	case info.Size() == 0 && !opts.Mode.makes():
		return nil, noLedger(e)
	case info.Size() == 0 && info.Mode().Perm() != 0o600:
		// An empty file becomes a ledger, and must be as private as one that is made here.
		if err := os.Chmod(e.path, 0o600); err != nil {
			return nil, e.unreachable(err)
		}
	}
	db, err := e.connect(ctx, opts, nil)
	if opts.Mode == Read && needsWriting(err) {
		return e.openStill(ctx, opts, err)
	}
	return db, err
}

// connect opens the file and reads from it; extra is added to the data source name.
func (e *sqlite) connect(ctx context.Context, opts Options, extra url.Values) (*sql.DB, error) {
	db, err := sql.Open("sqlite", e.dsn(opts.Mode, extra))
	if err != nil {
		return nil, err
	}
	// The pragmas of a new connection read the file already, so that whoever holds it alone is waited for here; where
	// the shared memory cannot be had, it is the first row that fails.
	err = e.patiently(ctx, opts.LockTimeout, func() error {
		var n int
		return db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n)
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// unreachable says why the file cannot be got at. The error of the system call names a path and a call; only a path that
// is not the ledger's, a folder that cannot be made, is worth repeating.
func (e *sqlite) unreachable(err error) error {
	var failed *fs.PathError
	switch {
	case !errors.As(err, &failed):
		return fmt.Errorf("%s: %w", e.place(), err)
	case failed.Path != e.path:
		return fmt.Errorf("%s: folder %s: %w", e.place(), redact.Value(failed.Path), failed.Err)
	}
	return fmt.Errorf("%s: %w", e.place(), failed.Err)
}

// dsn builds the data source name. The journal mode is not in it: it would be written into a file that turns out to
// be somebody else's database.
func (e *sqlite) dsn(mode Mode, extra url.Values) string {
	v := url.Values{
		"mode": {"rw"},
		"_dqs": {"0"},
		"_pragma": {
			// Short, because the driver cannot interrupt it: patiently waits longer and listens to signals.
			"busy_timeout(100)",
			"foreign_keys(1)",
			// FULL, because in WAL mode NORMAL syncs only at checkpoints: a power cut would take back commits that
			// were acknowledged (sqlite.org/pragma.html#pragma_synchronous).
			"synchronous(FULL)",
		},
	}
	if mode == Read {
		v.Add("_pragma", "query_only(1)")
	}
	for key, values := range extra {
		v[key] = values
	}
	u := url.URL{Scheme: "file", Path: e.path, OmitHost: true, RawQuery: v.Encode()}
	return u.String()
}

// createPrivate makes an empty file that only its owner can read, in a folder of the same kind. The ledger names
// tenants; and SQLite gives its journal files the mode of the database. The names last through a power cut: SQLite
// syncs what is in the file, and the folder of a file that it makes itself, which this one is not.
func createPrivate(path string) error {
	folder := filepath.Dir(path)
	there := folder
	for ; there != filepath.Dir(there); there = filepath.Dir(there) {
		if _, err := os.Stat(there); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	for {
		if err := syncFolder(folder); err != nil {
			return err
		}
		if folder == there {
			return nil
		}
		folder = filepath.Dir(folder)
	}
}

// syncFolder makes the names in a folder last. A file system that cannot do that says so, and a folder that may be
// written but not read cannot be opened; neither is a reason not to go on.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}

// locate has nothing to find: a file is one ledger.
func (e *sqlite) locate(context.Context, *sql.Conn) error { return nil }

func (e *sqlite) prepare(ctx context.Context, conn *sql.Conn) error {
	if e.memory {
		return nil
	}
	// Write-ahead logging lets readers go on while a writer writes. The mode is kept in the file. Changing it wants the
	// file alone for a moment and does not use the busy timeout, hence the patience.
	return e.patiently(ctx, DefaultLockTimeout, func() error {
		_, err := conn.ExecContext(ctx, "PRAGMA journal_mode=WAL")
		return err
	})
}

func (e *sqlite) begin(ctx context.Context, conn *sql.Conn, what *Change, opts Options) error {
	return e.patiently(ctx, opts.LockTimeout, func() error {
		if what != nil {
			// A deferred transaction that reads before it writes cannot wait: it fails with SQLITE_BUSY_SNAPSHOT.
			_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
			return err
		}
		if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
			return err
		}
		// A deferred transaction sees the ledger as of its first read; have that here, where waiting is possible.
		var n int
		err := conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n)
		if err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
		return err
	})
}

func (e *sqlite) commit(ctx context.Context, conn *sql.Conn) error {
	if e.still.moved() {
		return e.changedMeanwhile()
	}
	_, err := conn.ExecContext(context.WithoutCancel(ctx), "COMMIT")
	return err
}

// patiently repeats try while another process holds the ledger, until timeout or until ctx ends.
func (e *sqlite) patiently(ctx context.Context, timeout time.Duration, try func() error) error {
	deadline := time.Now().Add(timeout)
	for i := 1; ; i++ {
		err := try()
		if err == nil || !isCode(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) {
			return err
		}
		if !time.Now().Before(deadline) {
			return &LockedError{Ledger: e.shown(), Waited: timeout, Holder: lockHolder(e.path)}
		}
		if err := pause(ctx, min(i, 4)); err != nil {
			return err
		}
	}
}

// retryable is never true: a writer holds the only write lock from its first statement on, so nothing it reads
// changes under it.
func (e *sqlite) retryable(error) bool { return false }

// prepares, because to compile a statement takes longer than to look one row up.
func (e *sqlite) prepares() bool { return true }

// parameter has no number: the driver looks the name of every named parameter up in a list, from its beginning, so that
// binding a thousand of them costs more than inserting the rows.
func (e *sqlite) parameter(int) string { return "?" }

func (e *sqlite) tables(ctx context.Context, q querier) ([]string, error) {
	return column[string](ctx, q, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
}
