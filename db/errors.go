package db

import (
	"errors"
	"fmt"
	"strings"

	"nova-manage/db/internal/sqlstore"
)

// What callers tell apart with errors.Is. Each error carries its own sentence; these only classify it.
var (
	// ErrInvalid: a value that can never be right, whatever the ledger holds.
	ErrInvalid = sqlstore.ErrInvalid
	// ErrNotFound: the thing named is not in the ledger.
	ErrNotFound = sqlstore.ErrNotFound
	// ErrNoLedger: there is no ledger at the place named. It is also an ErrNotFound.
	ErrNoLedger = sqlstore.ErrNoLedger
	// ErrConflict: it contradicts what the ledger holds: it exists, overlaps, is in use, or nothing is left.
	ErrConflict = sqlstore.ErrConflict
	// ErrExists and those below it say how it contradicts the ledger. Each is an ErrConflict.
	ErrExists    = sqlstore.ErrExists
	ErrDiffers   = sqlstore.ErrDiffers
	ErrOverlaps  = sqlstore.ErrOverlaps
	ErrInUse     = sqlstore.ErrInUse
	ErrReserved  = sqlstore.ErrReserved
	ErrExhausted = sqlstore.ErrExhausted
	ErrQuota     = sqlstore.ErrQuota
	ErrAmbiguous = sqlstore.ErrAmbiguous
	ErrUnfit     = sqlstore.ErrUnfit
	// ErrSchema: the ledger's schema version is older or newer than the one that is needed.
	ErrSchema = sqlstore.ErrSchema
	// ErrCorrupt: the database is damaged or is none.
	ErrCorrupt = sqlstore.ErrCorrupt
	// ErrCheck: a check found a difference.
	ErrCheck = sqlstore.ErrCheck
	// ErrUnknown: the change may have been made or not; nobody can tell from here.
	ErrUnknown = sqlstore.ErrUnknown
)

// Error is a sentence for the user with its class and, where there is one, the way out.
type Error = sqlstore.Error

// LockedError says that another process held the ledger for as long as this one was willing to wait.
type LockedError = sqlstore.LockedError

func invalidf(format string, args ...any) *Error { return sqlstore.Invalidf(format, args...) }

func notFoundf(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Kind: ErrNotFound}
}

func conflictf(kind error, format string, args ...any) *Error {
	return sqlstore.Conflictf(kind, format, args...)
}

// corruptf says that the ledger contradicts itself.
func corruptf(format string, args ...any) *Error { return sqlstore.Corruptf(format, args...) }

// invalid classifies an error of package netcalc, which knows only values that can never be right.
func invalid(err error) *Error { return &Error{Message: err.Error(), Kind: ErrInvalid, Cause: err} }

func isConflict(err error) bool { return errors.Is(err, ErrConflict) }

func isCorrupt(err error) bool { return errors.Is(err, ErrCorrupt) }

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// Damage tells whether err says that the ledger itself is damaged, which is a finding of Check rather than its failure.
func Damage(err error) (Finding, bool) {
	if err == nil || !errors.Is(err, ErrCorrupt) {
		return Finding{}, false
	}
	return Finding{"integrity", strings.TrimSpace(err.Error())}, true
}
