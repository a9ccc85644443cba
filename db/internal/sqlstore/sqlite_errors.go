package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

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

func (e *sqlite) translate(_ context.Context, err error) error {
	var ours *Error
	var serr *driver.Error
	if errors.As(err, &ours) || !errors.As(err, &serr) {
		return err
	}
	if e.still.moved() {
		return e.changedMeanwhile() // pages of two states contradict each other
	}
	if e.private && isCode(err, sqlite3.SQLITE_FULL) {
		return noSpaceFor(e.path, err)
	}
	say := func(format string, args ...any) error {
		return &Error{Message: e.place() + ": " + fmt.Sprintf(format, args...), Cause: err}
	}
	switch serr.Code() & 0xff {
	case sqlite3.SQLITE_INTERRUPT:
		return fmt.Errorf("interrupted: %w", context.Canceled)
	case sqlite3.SQLITE_NOTADB:
		return &Error{Message: e.shown() + " is not an SQLite database, so it is no ledger; it was left as it is",
			Kind: ErrCorrupt, Cause: err}
	case sqlite3.SQLITE_CORRUPT:
		return &Error{Message: e.place() + " is damaged: " + oneLineOf(serr.Error()), Kind: ErrCorrupt, Cause: err,
			Way: WayRestoreFile}
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH,
		sqlite3.SQLITE_IOERR:
		return say("%s; nothing was changed", e.obstacle(serr))
	case sqlite3.SQLITE_ERROR:
		// Our statements are fixed; what is wrong with one is so because the schema is not ours any more, or a bit of a
		// trigger's text has flipped.
		return &Error{Message: e.place() + " is damaged, its schema does not fit: " + oneLineOf(serr.Error()), Kind: ErrCorrupt, Cause: err,
			Way: WayRestoreFile}
	case sqlite3.SQLITE_CONSTRAINT:
		// The commands look before they write and say it better; this is the schema's own last word.
		return &Error{Message: e.place() + " refused a row that its schema does not allow: " + serr.Error(),
			Kind: ErrConflict, Cause: err}
	}
	return say("%s", oneLineOf(serr.Error()))
}

// obstacle says why the file or one beside it cannot be read or written. SQLite's code tells little (a full disk, an
// unreadable file and a read-only folder are all "unable to open database file"), so the system is asked.
func (e *sqlite) obstacle(serr *driver.Error) string {
	// Asking must not open the file: closing it again would drop this process's locks on it (fcntl(2), SQLite's
	// own are of that kind).
	file, folder := e.path, filepath.Dir(e.path)
	for _, part := range []struct {
		path, what string
		mode       uint32
	}{
		{file, "it cannot be read", unix.R_OK},
		{file, "it cannot be written", unix.W_OK},
		{folder, "its folder cannot be written", unix.W_OK | unix.X_OK},
	} {
		if err := unix.Faccessat(unix.AT_FDCWD, part.path, part.mode, unix.AT_EACCESS); err != nil {
			return part.what + ": " + err.Error()
		}
	}
	err := tryWrite(folder)
	switch {
	case err == unix.ENOSPC && noInodes(folder):
		return "no inodes left on its device"
	case err == unix.ENOSPC, err == nil && serr.Code()&0xff == sqlite3.SQLITE_FULL:
		return "no space left on its device"
	case err != nil && err != unix.EOPNOTSUPP:
		return "its folder cannot be written: " + err.Error()
	}
	return oneLineOf(serr.Error())
}

// tryWrite writes into a folder as much as a small transaction needs, and leaves nothing behind: the file never has a
// name. It returns EOPNOTSUPP where the file system has no such files.
func tryWrite(folder string) error {
	fd, err := unix.Open(folder, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for data := make([]byte, 128<<10); len(data) > 0; {
		n, err := unix.Write(fd, data)
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// noInodes tells whether a file system has as many files as it can have. One without a limit says 0 of 0.
func noInodes(folder string) bool {
	var st unix.Statfs_t
	return unix.Statfs(folder, &st) == nil && st.Files > 0 && st.Ffree == 0
}
