package db

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

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqlite keeps the ledger in one file.
type sqlite struct {
	path   string
	memory bool
}

//go:embed schema_sqlite.sql
var sqliteSchema string

func (e *sqlite) name() string { return "sqlite" }

func (e *sqlite) place() string {
	if e.memory {
		return "the ledger in memory"
	}
	return "ledger " + e.path
}

func (e *sqlite) migrations() []string { return []string{sqliteSchema} }

func (e *sqlite) open(ctx context.Context, opts Options) (*sql.DB, error) {
	if e.memory {
		return sql.Open("sqlite", ":memory:?_pragma=foreign_keys(1)&_dqs=0")
	}
	info, err := os.Stat(e.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if !opts.Mode.makes() {
			return nil, noLedger(e)
		}
		if err := createPrivate(e.path); err != nil {
			return nil, e.unreachable(err)
		}
	case err != nil:
		return nil, e.unreachable(err)
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder, not a ledger; name the file in it, such as %s",
			e.path, filepath.Join(e.path, "nova.sqlite"))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file, so it is no ledger", e.path)
	case info.Size() == 0 && !opts.Mode.makes():
		return nil, noLedger(e)
	}
	db, err := sql.Open("sqlite", e.dsn(opts.Mode, nil))
	if err != nil {
		return nil, err
	}
	// The pragmas of a new connection read the file, so that whoever holds it exclusively is waited for here already.
	if err := e.patiently(ctx, opts.LockTimeout, func() error { return db.PingContext(ctx) }); err != nil {
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
		return fmt.Errorf("%s: folder %s: %w", e.place(), failed.Path, failed.Err)
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
// tenants; and SQLite gives its journal files the mode of the database.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

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

func (e *sqlite) begin(ctx context.Context, conn *sql.Conn, write bool, opts Options) error {
	return e.patiently(ctx, opts.LockTimeout, func() error {
		if write {
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
	_, err := conn.ExecContext(ctx, "COMMIT")
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
			return &LockedError{Ledger: e.path, Waited: timeout, Holder: lockHolder(e.path)}
		}
		if err := pause(ctx, min(i, 4)); err != nil {
			return err
		}
	}
}

// retryable is never true: a writer holds the only write lock from its first statement on, so nothing it reads
// changes under it.
func (e *sqlite) retryable(error) bool { return false }

// isCode tells whether err is an SQLite error with one of these primary result codes.
func isCode(err error, codes ...int) bool {
	var serr *driver.Error
	if !errors.As(err, &serr) {
		return false
	}
	for _, c := range codes {
		if serr.Code()&0xff == c {
			return true
		}
	}
	return false
}

func (e *sqlite) translate(err error) error {
	var ours *Error
	var serr *driver.Error
	if errors.As(err, &ours) || !errors.As(err, &serr) {
		return err
	}
	say := func(format string, args ...any) error {
		return &Error{Message: e.place() + ": " + fmt.Sprintf(format, args...), cause: err}
	}
	switch serr.Code() & 0xff {
	case sqlite3.SQLITE_INTERRUPT:
		return fmt.Errorf("interrupted: %w", context.Canceled)
	case sqlite3.SQLITE_NOTADB:
		return &Error{Message: e.path + " is not an SQLite database, so it is no ledger; it was left as it is",
			Kind: ErrCorrupt, cause: err}
	case sqlite3.SQLITE_CORRUPT:
		return &Error{Message: e.place() + " is damaged: " + serr.Error(), Kind: ErrCorrupt, cause: err,
			NextStep: "`nova-manage db check` says what is wrong; restore the file from a backup"}
	case sqlite3.SQLITE_FULL:
		return say("no space left on its device; nothing was changed")
	case sqlite3.SQLITE_READONLY:
		return say("it cannot be written: the file, its folder or its file system is read-only")
	case sqlite3.SQLITE_CANTOPEN:
		return say("it cannot be opened: the file or its folder denies access")
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return say("permission denied")
	case sqlite3.SQLITE_IOERR:
		return say("input/output error (%v)", serr)
	case sqlite3.SQLITE_CONSTRAINT:
		// The commands look before they write and say it better; this is the schema's own last word.
		return &Error{Message: e.place() + " refused a row that contradicts another one: " + serr.Error(),
			Kind: ErrConflict, cause: err}
	}
	return say("%v", serr)
}

// parameter has no number: the driver looks the name of every named parameter up in a list, from its beginning, so that
// binding a thousand of them costs more than inserting the rows.
func (e *sqlite) parameter(int) string { return "?" }

func (e *sqlite) tables(ctx context.Context, q querier) ([]string, error) {
	return column[string](ctx, q, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
}

func (e *sqlite) integrity(ctx context.Context, q querier) ([]string, error) {
	found, err := column[string](ctx, q, "PRAGMA integrity_check")
	if err != nil {
		return nil, err
	}
	if len(found) == 1 && found[0] == "ok" {
		found = nil
	}
	rows, err := q.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var table, parent string
		var rowid sql.NullInt64
		var fk int
		if err := rows.Scan(&table, &rowid, &parent, &fk); err != nil {
			return nil, err
		}
		found = append(found, fmt.Sprintf("a row of %s names a row of %s that is not there", table, parent))
	}
	return found, rows.Err()
}
