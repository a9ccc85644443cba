package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"nova-manage/db"
)

func TestExitCode(t *testing.T) {
	interrupted, interrupt := context.WithCancelCause(t.Context())
	interrupt(signalError{syscall.SIGINT})
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want int
	}{
		{t.Context(), nil, 0},
		{t.Context(), errFake, 1},
		{t.Context(), os.ErrPermission, 1},
		{t.Context(), context.Canceled, 1},
		{t.Context(), usageErrorf("no"), 2},
		{t.Context(), db.ErrInvalid, 2},
		{t.Context(), db.ErrNotFound, 3},
		{t.Context(), db.ErrNoLedger, 3},
		{t.Context(), db.ErrConflict, 4},
		{t.Context(), db.ErrCheck, 5},
		{t.Context(), withHint(fmt.Errorf("network 7: %w", db.ErrNotFound), "look"), 3},
		{t.Context(), usageErrorf("network 7: %w", db.ErrNotFound), 2},
		{t.Context(), signalError{syscall.SIGTERM}, 143},
		{interrupted, errFake, 130},
		{interrupted, nil, 0},
	} {
		if got := exitCode(c.ctx, c.err); got != c.want {
			t.Errorf("%v: exit %d, want %d", c.err, got, c.want)
		}
	}
}

func TestReportError(t *testing.T) {
	for want, err := range map[string]error{
		"nova-manage: error: it broke\n": errFake,
		"nova-manage: error: it broke; it broke\nnova-manage: hint: try; again\n": fmt.Errorf("%w",
			withHint(errors.Join(errFake, errFake), "try\nagain")),
		"nova-manage: error: a\\rb\\x1b[2J\\u2028\\xff\n": errors.New("a\rb\x1b[2J\u2028\xff\n"),
		"nova-manage: error: é \ufffd\n":                  errors.New("é \ufffd"),
		"":                                                &answerError{&os.PathError{Err: syscall.EPIPE}},
		"nova-manage: error: cannot write to standard output: no space left on device\n": &answerError{syscall.ENOSPC},
		"nova-manage: error: server: broken pipe\n":                                      fmt.Errorf("server: %w", syscall.EPIPE),
	} {
		var b bytes.Buffer
		reportError(t.Context(), &b, err)
		if b.String() != want {
			t.Errorf("got %q, want %q", b.String(), want)
		}
	}
}

func TestMain_Failures(t *testing.T) {
	f := newFake(t)
	f.run = func(context.Context, *env) error { panic("at the\ndisco") }
	if code := f.do("thing", "make"); code != exitFailed ||
		f.stderr.String() != "nova-manage: error: internal error: at the; disco\n" {
		t.Errorf("exit %d, %s", code, f.stderr.String())
	}

	f.run = func(_ context.Context, e *env) error {
		e.warn("careful\n%d", 1)
		e.note("unchanged")
		e.closers = append(e.closers, func() error { return errFake })
		return nil
	}
	if code := f.do("thing", "make"); code != exitFailed ||
		f.stderr.String() != "nova-manage: warning: careful; 1\nnova-manage: unchanged\nnova-manage: error: it broke\n" {
		t.Errorf("exit %d, %s", code, f.stderr.String())
	}
	// A command that fails is not quiet.
	before := f.stderr.String()
	if f.do("thing", "make", "-q"); f.stderr.String() != before {
		t.Errorf("got %s", f.stderr.String())
	}
	f.run = func(_ context.Context, e *env) error {
		e.warn("careful")
		_, err := io.WriteString(e.stdout, "answer")
		return err
	}
	if got := f.accept(t, "thing", "make", "-q"); got != "" {
		t.Errorf("quiet printed %q", got)
	}
}

// brokenWriter fails as a full disk or a closed pipe does.
type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }

func TestMain_AnswerCannotBeWritten(t *testing.T) {
	f := newFake(t)
	for _, rows := range []int{1, 100_000} {
		long := make([]fakeRow, rows)
		for _, format := range formats {
			f.rows = sequence(long, nil)
			f.sys.Stdout = brokenWriter{&os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}}
			if code := f.do("thing", "list", "-f", format); code != exitFailed ||
				f.stderr.String() != "nova-manage: error: cannot write to standard output: no space left on device\n" {
				t.Errorf("%d as %s: exit %d, %s", rows, format, code, f.stderr.String())
			}
			f.sys.Stdout = brokenWriter{syscall.EPIPE}
			if code := f.do("thing", "list", "-f", format); code != exitFailed || f.stderr.Len() > 0 {
				t.Errorf("%d as %s: exit %d, %s", rows, format, code, f.stderr.String())
			}
		}
	}
}

func TestMain_Signals(t *testing.T) {
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		f := newFake(t)
		f.sys.Context = signalContext
		f.run = func(ctx context.Context, _ *env) error {
			if err := syscall.Kill(os.Getpid(), signal); err != nil {
				return err
			}
			<-ctx.Done()
			return fmt.Errorf("rolled back: %w", ctx.Err())
		}
		want := "nova-manage: error: " + map[syscall.Signal]string{
			syscall.SIGINT: "interrupted", syscall.SIGTERM: "terminated",
		}[signal] + "\n"
		if got := f.do("thing", "make"); got != code || f.stderr.String() != want {
			t.Errorf("exit %d, %s", got, f.stderr.String())
		}
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"a":                           `"a"`,
		"a\nb":                        `"a\nb"`,
		strings.Repeat("é", 50):       `"` + strings.Repeat("é", 40) + `"... (100 bytes)`,
		strings.Repeat("é", 40):       `"` + strings.Repeat("é", 40) + `"`,
		"x" + strings.Repeat("é", 40): `"x` + strings.Repeat("é", 39) + `"... (81 bytes)`,
	} {
		if got := quote(in); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
