package sqlstore

import (
	"context"
	"database/sql"
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

// still is a ledger's file that is read as it stands: who may not write beside it cannot have the shared memory by which
// readers and writers keep out of each other's way. What it holds is the ledger only while there is no write-ahead
// log, and only until somebody writes to it; both are watched.
type still struct {
	path string // with symbolic links followed, because SQLite's other files are beside the real one
	info fs.FileInfo
}

// needsWriting tells whether err may be the lack of what even a reader has to write: the shared memory and, where it is
// missing, an empty log.
func needsWriting(err error) bool {
	var serr *driver.Error
	if !errors.As(err, &serr) {
		return false
	}
	switch serr.Code() {
	case sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP, sqlite3.SQLITE_IOERR_SHMLOCK:
		return true
	}
	return isCode(err, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL)
}

// openStill opens the ledger without writing anything; cause is why it could not be opened the usual way.
func (e *sqlite) openStill(ctx context.Context, opts Options, cause error) (*sql.DB, error) {
	path, err := filepath.EvalSymlinks(e.path)
	if err != nil {
		return nil, e.unreachable(err)
	}
	// While a writer is at work its log is there, and its shared memory, which a reader may use then.
	const most = time.Second
	deadline := time.Now().Add(min(opts.LockTimeout, most))
	for i := 1; ; i++ {
		s := &still{path: path}
		if s.info, err = os.Stat(path); err != nil {
			return nil, e.unreachable(err)
		}
		log := s.log()
		if log == "" {
			e.still = s
			db, err := e.connect(ctx, opts, url.Values{"immutable": {"1"}})
			if err != nil {
				e.still = nil // the first error says it better
				return nil, cause
			}
			return db, nil
		}
		if !time.Now().Before(deadline) {
			return nil, &Error{Message: fmt.Sprintf("%s: its latest changes are in %s, which only somebody who may write beside it can read",
				e.place(), log), Way: WayCopyBoth, Cause: cause}
		}
		if err := pause(ctx, i); err != nil {
			return nil, err
		}
		if db, err := e.connect(ctx, opts, nil); !needsWriting(err) {
			return db, err
		}
	}
}

// log names the file that holds changes which are not in the ledger's own file yet, "" if there is none.
func (s *still) log() string { return LogBeside(s.path) }

// moved tells whether somebody has written since the file was opened.
func (s *still) moved() bool {
	if s == nil {
		return false
	}
	info, err := os.Stat(s.path)
	return err != nil || !os.SameFile(info, s.info) || info.Size() != s.info.Size() || !info.ModTime().Equal(s.info.ModTime()) || s.log() != ""
}

func (e *sqlite) changedMeanwhile() error {
	return &Error{Message: e.place() + " was changed while it was read, without the right to keep writers waiting; the answer may be wrong",
		Way: WayAgain}
}
