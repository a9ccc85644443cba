package sqlstore

import (
	"cmp"
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

	_ "modernc.org/sqlite" // the driver
	sqlite3 "modernc.org/sqlite/lib"

	"nova-manage/internal/redact"
)

// sqlite keeps the ledger in one file.
type sqlite struct {
	path   string
	memory bool
	// private says that the file is nobody else's: a copy on its way. It is neither locked nor synced, wherever it is, and
	// nothing is kept beside it.
	private bool
	// alias is how messages name the file that a private one stands for.
	alias string
	// timeout is how long a writer waits for another one.
	timeout time.Duration
	// waiting is told whom it waits for; nil is nobody any more.
	waiting func(holder string)
	// present tells that no other state of the ledger is asked for.
	present bool
	// file is what was opened to become a ledger; nil where there is one.
	file fs.FileInfo
	// still is the file where it is read without taking part in the locking; nil otherwise.
	still *still
}

// The schema as it was at version 1, and what each later one made of it. What has been released is not edited.
var (
	//go:embed schema_sqlite.sql
	sqliteSchema string
	//go:embed schema_sqlite_2.sql
	sqliteDomains string
	//go:embed schema_sqlite_3.sql
	sqliteHosts string
	//go:embed schema_sqlite_4.sql
	sqliteHistory string
)

const sqliteName = "sqlite"

func (e *sqlite) name() string { return sqliteName }

func (e *sqlite) place() string {
	if e.memory {
		return "the ledger in memory"
	}
	return "ledger " + e.shown()
}

// shown is the path as messages name it.
func (e *sqlite) shown() string { return redact.Value(cmp.Or(e.alias, e.path)) }

func (e *sqlite) migrations() []string {
	return []string{sqliteSchema, sqliteDomains, sqliteHosts, sqliteHistory}
}

func (e *sqlite) open(ctx context.Context, opts Options) (*sql.DB, error) {
	e.timeout, e.present, e.waiting = opts.LockTimeout, opts.AsOf.present(), opts.Waiting
	if e.memory {
		return sql.Open("sqlite", ":memory:?_pragma=foreign_keys(1)&_dqs=0")
	}
	if e.private {
		return e.connect(ctx, opts, nil)
	}
	if err := e.checkLocal(); err != nil {
		return nil, err
	}
	if err := e.examine(opts.Mode.wouldMake()); err != nil {
		return nil, err
	}
	db, err := e.connect(ctx, opts, nil)
	if opts.Mode == Read && needsWriting(err) {
		return e.openStill(ctx, opts, err)
	}
	return db, err
}

// examine returns nil where there is a file that can be a ledger, ErrNoLedger where there is none, and where one is to be made
// could be.
func (e *sqlite) examine(toMake bool) error {
	info, err := os.Stat(e.path)
	if none := errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0; none && toMake {
		if err := e.unprepared(); err != nil {
			return err
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return noLedger(e)
	case err != nil:
		return e.unreachable(err)
	case info.IsDir():
		return fmt.Errorf("%s is a folder, not a ledger; name the file in it, such as %s",
			e.shown(), filepath.Join(e.shown(), "nova.sqlite"))
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file, so it is no ledger", e.shown())
	case info.Size() == 0:
		return noLedger(e)
	}
	return nil
}

// connect opens the file and reads from it; extra is added to the data source name.
func (e *sqlite) connect(ctx context.Context, opts Options, extra url.Values) (*sql.DB, error) {
	db, err := sql.Open("sqlite", e.dsn(opts, extra))
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
func (e *sqlite) dsn(opts Options, extra url.Values) string {
	v := url.Values{
		"mode": {"rw"},
		"_dqs": {"0"},
		"_pragma": {
			// Short, because the driver cannot interrupt it: patiently waits longer and listens to signals.
			fmt.Sprintf("busy_timeout(%d)", min(opts.LockTimeout, 100*time.Millisecond).Milliseconds()),
			"foreign_keys(1)",
			// In WAL mode NORMAL syncs only at checkpoints, and the first commit is made before that mode is: with FULL
			// its journal could come back. A power cut would take back what was acknowledged
			// (sqlite.org/pragma.html#pragma_synchronous).
			"synchronous(EXTRA)",
		},
	}
	if opts.Mode == Read && e.present {
		v.Add("_pragma", "query_only(1)") // what is temporary is written, too
	}
	if e.private {
		// A rollback must still be possible, for which the journal is in memory.
		v["_pragma"] = []string{"foreign_keys(1)", "journal_mode(MEMORY)", "synchronous(OFF)"}
		v.Set("nolock", "1")
	}
	for key, values := range extra {
		v[key] = values
	}
	u := url.URL{Scheme: "file", Path: e.path, OmitHost: true, RawQuery: v.Encode()}
	return u.String()
}

// locate has nothing to find: a file is one ledger.
func (e *sqlite) locate(context.Context, *sql.Conn) error { return nil }

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
	// Readers are in the way only of the first commit, which is made without a write-ahead log.
	return e.patiently(ctx, e.timeout, func() error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "COMMIT")
		return err
	})
}

// patiently repeats try while another process holds the ledger, until timeout or until ctx ends.
func (e *sqlite) patiently(ctx context.Context, timeout time.Duration, try func() error) error {
	begun := time.Now()
	deadline := begun.Add(timeout)
	for i := 1; ; i++ {
		err := try()
		if err == nil || !isBusy(err) {
			return err
		}
		if !time.Now().Before(deadline) {
			return &LockedError{Ledger: e.shown(), Waited: timeout, Holder: lockHolder(e.path)}
		}
		if e.waiting != nil && time.Since(begun) >= longWait {
			e.waiting(lockHolder(e.path))
			e.waiting = nil
		}
		if err := pause(ctx, min(i, 4)); err != nil {
			return err
		}
	}
}

// isBusy tells whether err says that another process holds the ledger.
func isBusy(err error) bool { return isCode(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) }

// retryable is never true: a writer holds the only write lock from its first statement on, so nothing it reads
// changes under it.
func (e *sqlite) retryable(error) bool { return false }

// prepares, because to compile a statement takes longer than to look one row up.
func (e *sqlite) prepares() bool { return true }

// parameter has no number: the driver looks the name of every named parameter up in a list, from its beginning, so that
// binding a thousand of them costs more than inserting the rows.
func (e *sqlite) lasting(table string) string { return "main." + table }

func (e *sqlite) parameter(int) string { return "?" }

func (e *sqlite) tables(ctx context.Context, q querier) ([]string, error) {
	return column[string](ctx, q, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
}

func (e *sqlite) size() string {
	return "page_count * page_size FROM pragma_page_count(), pragma_page_size()"
}

// settle has the ledger's file kept in the way in which readers go on while a writer writes: with a write-ahead log, which
// is written into the file. That comes after the first commit, as a file without a ledger must not be changed. It wants the
// file alone for a moment; if that is not to be had now, the next command that writes will do it, and until then readers
// and writers wait for each other.
func (e *sqlite) settle(ctx context.Context, conn *sql.Conn) {
	if e.private {
		return
	}
	const attempts = 20
	for i := 1; i <= attempts; i++ {
		var mode string
		err := conn.QueryRowContext(context.WithoutCancel(ctx), "PRAGMA journal_mode").Scan(&mode)
		if err == nil && mode != "wal" {
			err = conn.QueryRowContext(context.WithoutCancel(ctx), "PRAGMA journal_mode=WAL").Scan(&mode)
		}
		if mode == "wal" || err != nil && !isBusy(err) || pause(ctx, min(i, 4)) != nil {
			return
		}
	}
}
