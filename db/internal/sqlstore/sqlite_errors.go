package sqlstore

import (
	"context"
	"errors"
	"fmt"

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
