package commands

import (
	"context"
	"errors"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

// The exit codes, the contract with scripts.
const (
	exitOK       = 0
	exitFailed   = 1 // I/O, engine, permission
	exitUsage    = 2 // usage, or a value that can never be right
	exitNotFound = 3 // the thing named is not in the ledger, or there is no ledger
	exitConflict = 4 // it conflicts with what the ledger holds
	exitCheck    = 5 // a check found a difference
	exitUntold   = 6 // the change was made, but its answer could not be written
	exitSignal   = cli.SignalCode
)

// exitCodes is what help says of them.
const exitCodes = `Exit codes:
   0   done
   1   it failed: I/O, engine, permission
   2   usage, or a value that can never be right
   3   the thing named is not in the ledger, or there is no ledger
   4   it conflicts with what the ledger holds
   5   a check found a difference
   6   the change was made, but its answer could not be written
   130, 143   interrupted, terminated: nothing was changed`

// exitCode is the only place where an error becomes an exit code. ctx tells whether a signal was the reason: what an
// engine returns when its context is cancelled is not always the context's own error.
func exitCode(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	switch {
	case errors.Is(err, cli.ErrChanged):
		return exitUntold
	case errors.Is(err, db.ErrUnknown):
		return exitFailed // a signal's code would say that nothing was changed
	}
	var stopped cli.Signal
	if errors.As(err, &stopped) || errors.As(context.Cause(ctx), &stopped) {
		return exitSignal + int(stopped.Signal)
	}
	switch {
	case errors.Is(err, cli.ErrUsage), errors.Is(err, db.ErrInvalid):
		return exitUsage
	case errors.Is(err, db.ErrNotFound), errors.Is(err, db.ErrNoLedger):
		return exitNotFound
	case errors.Is(err, db.ErrConflict):
		return exitConflict
	case errors.Is(err, db.ErrCheck):
		return exitCheck
	}
	return exitFailed
}
