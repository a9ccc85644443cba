package db

import (
	"errors"
	"fmt"
)

// What callers tell apart with errors.Is. Each error carries its own sentence; these only classify it.
var (
	// ErrInvalid: a value that can never be right, whatever the ledger holds.
	ErrInvalid = errors.New("invalid value")
	// ErrNotFound: the thing named is not in the ledger.
	ErrNotFound = errors.New("not found")
	// ErrNoLedger: there is no ledger at the place named. It is also an ErrNotFound.
	ErrNoLedger = fmt.Errorf("no ledger: %w", ErrNotFound)
	// ErrConflict: it contradicts what the ledger holds: it exists, overlaps, is in use, or nothing is left.
	ErrConflict = errors.New("conflict")
	// ErrCorrupt: the database is damaged or is none.
	ErrCorrupt = errors.New("damaged ledger")
	// ErrCheck: a check found a difference.
	ErrCheck = errors.New("check failed")
)

// Error is a sentence for the user with its class and, where there is one, the way out.
type Error struct {
	Message  string
	NextStep string
	Kind     error // one of the sentinels above; nil for a plain failure
	cause    error
}

func (e *Error) Error() string { return e.Message }

// Hint is the way out, "" if the message says it all.
func (e *Error) Hint() string { return e.NextStep }

// Unwrap makes errors.Is see the class and errors.As the driver's own error.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Kind, e.cause} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// hint adds the way out.
func (e *Error) hint(format string, args ...any) *Error {
	e.NextStep = fmt.Sprintf(format, args...)
	return e
}

func invalidf(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Kind: ErrInvalid}
}

func notFoundf(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Kind: ErrNotFound}
}

func conflictf(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Kind: ErrConflict}
}

// corruptf says that the ledger contradicts itself.
func corruptf(format string, args ...any) *Error {
	return (&Error{Message: fmt.Sprintf(format, args...), Kind: ErrCorrupt}).hint("`nova-manage db check` says what is wrong with the ledger")
}

func noLedger(e engine) *Error {
	return &Error{Message: "there is no " + e.place(), Kind: ErrNoLedger,
		NextStep: "check --sql_connection and --state_path; `nova-manage db sync` makes an empty one"}
}

// invalid classifies an error of package netcalc, which knows only values that can never be right.
func invalid(err error) *Error { return &Error{Message: err.Error(), Kind: ErrInvalid, cause: err} }

func isConflict(err error) bool { return errors.Is(err, ErrConflict) }

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }
