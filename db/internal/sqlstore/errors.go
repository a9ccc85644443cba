package sqlstore

import (
	"errors"
	"fmt"

	"nova-manage/internal/redact"
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
	// ErrExists: it is there already. This and those below it are each an ErrConflict.
	ErrExists = fmt.Errorf("exists: %w", ErrConflict)
	// ErrDiffers: it is there already, and otherwise than asked for.
	ErrDiffers = fmt.Errorf("differs: %w", ErrConflict)
	// ErrOverlaps: it shares addresses with something that is there.
	ErrOverlaps = fmt.Errorf("overlaps: %w", ErrConflict)
	// ErrInUse: something else has it, or depends on it.
	ErrInUse = fmt.Errorf("in use: %w", ErrConflict)
	// ErrReserved: it is kept back, for a router or by somebody's wish.
	ErrReserved = fmt.Errorf("reserved: %w", ErrConflict)
	// ErrExhausted: nothing, or not enough, is left.
	ErrExhausted = fmt.Errorf("exhausted: %w", ErrConflict)
	// ErrQuota: it is more than the project may have.
	ErrQuota = fmt.Errorf("quota: %w", ErrConflict)
	// ErrAmbiguous: several things are called so.
	ErrAmbiguous = fmt.Errorf("ambiguous: %w", ErrConflict)
	// ErrUnfit: it does not fit what is there in another way, which its sentence says.
	ErrUnfit = fmt.Errorf("unfit: %w", ErrConflict)
	// ErrSchema: the ledger's schema version is older or newer than the one that is needed.
	ErrSchema = errors.New("schema version")
	// ErrCorrupt: the database is damaged or is none.
	ErrCorrupt = errors.New("damaged ledger")
	// ErrCheck: a check found a difference.
	ErrCheck = errors.New("check failed")
	// ErrUnknown: the change may have been made or not; nobody can tell from here.
	ErrUnknown = errors.New("unknown outcome")
)

// Error is a sentence for the user with its class and, where there is one, the way out.
type Error struct {
	Message string
	Kind    error // one of the sentinels above; nil for a plain failure
	Way     Way   // "" if the message says it all
	Values  []any // what the way speaks of
	Cause   error // what it was made of, such as a driver's error; may be nil
}

// Error is the sentence, without passwords: whoever shows it need not know that a part of it was given by somebody.
func (e *Error) Error() string { return redact.Text(e.Message) }

// WayOut is what there is to do, and what that speaks of.
func (e *Error) WayOut() (Way, []any) { return e.Way, e.Values }

// Unwrap makes errors.Is see the class and errors.As the driver's own error.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Kind, e.Cause} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// Try adds the way out and what it speaks of.
func (e *Error) Try(way Way, values ...any) *Error {
	e.Way, e.Values = way, values
	return e
}

// Invalidf is an error for a value that can never be right.
func Invalidf(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Kind: ErrInvalid}
}

// Conflictf is an error for what contradicts the ledger; kind is the sentinel that says how.
func Conflictf(kind error, format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Kind: kind}
}

// Corruptf says that the ledger contradicts itself.
func Corruptf(format string, args ...any) *Error {
	return (&Error{Message: fmt.Sprintf(format, args...), Kind: ErrCorrupt}).Try(WayCheckLedger)
}

func noLedger(e engine) *Error {
	return &Error{Message: "there is no " + e.place(), Kind: ErrNoLedger,
		Way: WayMakeLedger}
}
