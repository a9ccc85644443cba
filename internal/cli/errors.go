package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"syscall"
)

// ErrUsage is what an error of whoever typed the command is (errors.Is): wrong flags, or a value that can never be right.
var ErrUsage = errors.New("usage")

// ErrChanged is what an error is that came once the command had changed something for good (errors.Is). Whoever goes by it
// must not take the command for one that did nothing.
var ErrChanged = errors.New("changed")

type changedError struct{ message string }

func (e *changedError) Error() string        { return e.message }
func (e *changedError) Is(target error) bool { return target == ErrChanged }

// ChangedErrorf makes an error that is ErrChanged; it formats as fmt.Sprintf does. What it was made of does not shine
// through: a hint to run the command again would be wrong now.
func ChangedErrorf(format string, args ...any) error {
	return &changedError{fmt.Sprintf(format, args...)}
}

// afterChange is what an error means that came once the command had changed something for good.
func afterChange(ctx context.Context, err error) error {
	var unwritten *answerError
	var stopped Signal
	switch {
	case err == nil, errors.Is(err, ErrChanged):
		return err
	case errors.As(err, &unwritten) && errors.Is(unwritten, syscall.EPIPE):
		return nil // whoever left has seen enough, and what was asked for is done
	case errors.As(err, &unwritten):
		err = unwritten.reason
	case errors.As(context.Cause(ctx), &stopped):
		err = stopped
	}
	return ChangedErrorf("the change was made, but its answer could not be written: %v", err)
}

// ErrInternal is what an error is that is a mistake of the program itself (errors.Is).
var ErrInternal = errors.New("internal error")

// Internal is the error for what a goroutine of a command recovered from.
func Internal(recovered any) error { return internalError{recovered} }

type internalError struct{ panicked any }

func (e internalError) Error() string        { return fmt.Sprintf("internal error: %v", e.panicked) }
func (e internalError) Is(target error) bool { return target == ErrInternal }

type usageError struct{ err error }

func (e *usageError) Error() string        { return e.err.Error() }
func (e *usageError) Unwrap() error        { return e.err }
func (e *usageError) Is(target error) bool { return target == ErrUsage }

// UsageErrorf makes an error that is ErrUsage; it formats as fmt.Errorf does.
func UsageErrorf(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// BadValue is the error for a value that a command rejects after it was parsed. reason reads on after the value.
func BadValue(name, value string, from Origin, reason error) error {
	return UsageErrorf("%s %s %w%s", name, Quote(value), reason, from)
}

// hintError adds the next step to an error.
type hintError struct {
	error
	hint string
}

func (e *hintError) Unwrap() error { return e.error }

// Hint is the next step, as it is printed after "hint: ".
func (e *hintError) Hint() string { return e.hint }

// WithHint returns err with a hint that is printed on a line of its own; an empty hint adds nothing. Any error that has
// a method Hint() string brings its own.
func WithHint(err error, hint string) error {
	if hint == "" {
		return err
	}
	return &hintError{err, hint}
}

// ReasonOf is an error without the path that the message names already.
func ReasonOf(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// report prints err as every error is printed: one line, and a second one where it carries a hint; in JSON one line with both.
func (p *Program) report(ctx context.Context, w io.Writer, err error, o Outcome, inJSON, inColour bool) {
	// Whoever closed the pipe, `head` for one, has seen enough: the exit code says that the answer is incomplete.
	var unread *answerError
	if errors.As(err, &unread) && errors.Is(unread, syscall.EPIPE) {
		return
	}
	var stopped Signal
	if errors.As(context.Cause(ctx), &stopped) && o.Exit == SignalCode+int(stopped.Signal) {
		err = stopped
	}
	said, hint := oneLine(err.Error()), ""
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		hint = oneLine(hinted.Hint())
	}
	if inJSON {
		var b bytes.Buffer
		if appendJSON(&b, []string{"error", "hint", "code", "exit"}, []any{said, OrNull(hint), o.Code, o.Exit}, " ", "") == nil {
			_, _ = w.Write(append(b.Bytes(), '\n'))
			return
		}
	}
	word := "error:"
	if inColour {
		word = Red.Paint(word)
	}
	fmt.Fprintf(w, "%s: %s %s\n", p.Name, word, said)
	if hint != "" {
		fmt.Fprintf(w, "%s: hint: %s\n", p.Name, hint)
	}
}

// globalOf is what was asked for by a global flag, as far as it can be known: what is wrong may be the command line itself, or
// what a flagfile says. filled is its value if the error came after that.
func (p *Program) globalOf(argv []string, sys *Sys, name, letter, filled string) string {
	s := scanner{kinds: p.flagKinds(), ownVersion: p.hasVersionFlag}
	s.scan(argv)
	for _, t := range slices.Backward(s.flags) {
		if t.name == name || t.name == letter {
			return t.value
		}
	}
	if v, ok := sys.LookupEnv(p.EnvPrefix + strings.ToUpper(name)); ok && v != "" {
		return v
	}
	return filled
}
