package commands

import (
	"context"
	"errors"
	"fmt"
	"syscall"

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

// The words by which scripts tell errors apart (see kinds for those of conflicts).
const (
	codeUnwritten   = "unwritten"
	codeUnknown     = "unknown"
	codeInterrupted = "interrupted"
	codeTerminated  = "terminated"
	codeInternal    = "internal"
	codeLocked      = "locked"
	codeFailed      = "io"
)

// kinds are the errors that say themselves what they are, those that are also one of another kind first.
var kinds = []struct {
	is   error
	exit int
	code string
}{
	{cli.ErrUsage, exitUsage, "invalid"},
	{db.ErrInvalid, exitUsage, "invalid"},
	{db.ErrNoLedger, exitNotFound, "no_ledger"},
	{db.ErrNotFound, exitNotFound, "not_found"},
	{db.ErrExists, exitConflict, "exists"},
	{db.ErrDiffers, exitConflict, "differs"},
	{db.ErrOverlaps, exitConflict, "overlaps"},
	{db.ErrInUse, exitConflict, "in_use"},
	{db.ErrReserved, exitConflict, "reserved"},
	{db.ErrExhausted, exitConflict, "exhausted"},
	{db.ErrQuota, exitConflict, "quota"},
	{db.ErrAmbiguous, exitConflict, "ambiguous"},
	{db.ErrUnfit, exitConflict, "unfit"},
	{db.ErrConflict, exitConflict, "conflict"},
	{db.ErrCheck, exitCheck, "check"},
	{db.ErrSchema, exitFailed, "schema"},
	{db.ErrCorrupt, exitFailed, "damaged"},
	{cli.ErrInternal, exitFailed, codeInternal},
	{errHeld, exitFailed, codeLocked},
}

// outcomeOf is the only place where an error becomes an exit code, and a word. ctx tells whether a signal was the reason: what an
// engine returns when its context is cancelled is not always the context's own error.
func outcomeOf(ctx context.Context, err error) cli.Outcome {
	if err == nil {
		return cli.Outcome{Exit: exitOK}
	}
	switch {
	case errors.Is(err, cli.ErrChanged):
		return cli.Outcome{Exit: exitUntold, Code: codeUnwritten}
	case errors.Is(err, db.ErrUnknown):
		return cli.Outcome{Exit: exitFailed, Code: codeUnknown} // a signal's code would say that nothing was changed
	}
	var stopped cli.Signal
	if errors.As(err, &stopped) || errors.As(context.Cause(ctx), &stopped) {
		code := codeTerminated
		if stopped.Signal == syscall.SIGINT {
			code = codeInterrupted
		}
		return cli.Outcome{Exit: exitSignal + int(stopped.Signal), Code: code}
	}
	for _, k := range kinds {
		if errors.Is(err, k.is) {
			return cli.Outcome{Exit: k.exit, Code: k.code}
		}
	}
	if locked := (*db.LockedError)(nil); errors.As(err, &locked) {
		return cli.Outcome{Exit: exitFailed, Code: codeLocked}
	}
	return cli.Outcome{Exit: exitFailed, Code: codeFailed}
}

// contradiction is the error for a ledger that no node can serve.
func contradiction(format string, args ...any) error {
	return &db.Error{Message: fmt.Sprintf(format, args...), Kind: db.ErrUnfit}
}

// checkError is the error of a check that found something.
func checkError(n int, one, many string) error {
	if n == 1 {
		return fmt.Errorf("%w: 1 %s", db.ErrCheck, one)
	}
	return fmt.Errorf("%w: %d %s", db.ErrCheck, n, many)
}
