package db

import "errors"

// The kinds of failure that a caller treats apart. The store wraps them with what was being attempted and the value at
// fault, so that errors.Is tells the kind and the text tells the story; package commands gives each its exit code.
var (
	// ErrInvalid means a value that no ledger could ever take, whatever it holds.
	ErrInvalid = errors.New("invalid value")
	// ErrNotFound means that what was named is not in the ledger.
	ErrNotFound = errors.New("not found")
	// ErrNoLedger means that there is no ledger where one was expected to be.
	ErrNoLedger = errors.New("there is no ledger")
	// ErrConflict means that what was asked contradicts what the ledger holds: it exists, overlaps, is in use, or
	// nothing is left.
	ErrConflict = errors.New("conflict")
	// ErrCheck means that a check found a difference.
	ErrCheck = errors.New("check failed")
)
