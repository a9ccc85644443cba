package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"unicode"

	"nova-manage/db"
)

// The exit codes, the contract with scripts.
const (
	exitOK       = 0
	exitFailed   = 1 // I/O, engine, permission
	exitUsage    = 2 // usage, or a value that can never be right
	exitNotFound = 3 // the thing named is not in the ledger, or there is no ledger
	exitConflict = 4 // it conflicts with what the ledger holds
	exitCheck    = 5 // a check found a difference
	exitSignal   = 128
)

// exitCode is the only place where an error becomes an exit code. ctx tells whether a signal was the reason: what an
// engine returns when its context is cancelled is not always the context's own error.
func exitCode(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	var stopped signalError
	if errors.As(err, &stopped) || errors.As(context.Cause(ctx), &stopped) {
		return exitSignal + int(stopped.signal)
	}
	var usage *usageError
	switch {
	case errors.As(err, &usage), errors.Is(err, db.ErrInvalid):
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

// reportError prints err as every error is printed: one line, and a second one where it carries a hint.
func reportError(ctx context.Context, w io.Writer, err error) {
	// Whoever closed the pipe, `head` for one, has seen enough: the exit code says that the answer is incomplete.
	var unread *answerError
	if errors.As(err, &unread) && errors.Is(unread, syscall.EPIPE) {
		return
	}
	var stopped signalError
	if errors.As(context.Cause(ctx), &stopped) {
		err = stopped
	}
	fmt.Fprintf(w, "nova-manage: error: %s\n", oneLine(err.Error()))
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) && hinted.Hint() != "" {
		fmt.Fprintf(w, "nova-manage: hint: %s\n", oneLine(hinted.Hint()))
	}
}

// usageError is an error of whoever typed the command: exit 2.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usageErrorf makes an error that exits with 2; it formats as fmt.Errorf does.
func usageErrorf(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// hintError adds the next step to an error.
type hintError struct {
	error
	hint string
}

func (e *hintError) Unwrap() error { return e.error }

// Hint is the next step, as it is printed after "nova-manage: hint: ".
func (e *hintError) Hint() string { return e.hint }

// withHint returns err with a hint that is printed on a line of its own; an empty hint adds nothing.
func withHint(err error, hint string) error {
	if hint == "" {
		return err
	}
	return &hintError{err, hint}
}

// oneLine makes a text fit for one line of a terminal: line breaks become "; ", other control characters are escaped.
func oneLine(s string) string {
	s = strings.ReplaceAll(strings.TrimRight(s, "\r\n"), "\n", "; ")
	return escapeControl(s)
}

// escapeControl writes control characters and broken UTF-8 as Go escapes and leaves all other text alone.
func escapeControl(s string) string {
	if !hasControl(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], string(unicode.ReplacementChar)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case isControl(r):
			b.WriteString(strings.Trim(fmt.Sprintf("%q", r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isControl tells whether r could start a line or move the cursor where text is expected.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// hasControl tells whether s holds a control character or is not UTF-8.
func hasControl(s string) bool {
	for i, r := range s {
		if isControl(r) || r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], string(unicode.ReplacementChar)) {
			return true
		}
	}
	return false
}

// quote shows a value that the user gave: in quotes, control characters escaped, and cut where it is too long to read.
func quote(s string) string {
	const longest = 80
	if len(s) > longest {
		return fmt.Sprintf("%q... (%d bytes)", strings.ToValidUTF8(s[:longest], ""), len(s))
	}
	return fmt.Sprintf("%q", s)
}
