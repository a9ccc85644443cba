package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
)

func TestProgram_Failures(t *testing.T) {
	f := newFake(t)
	f.run = func(context.Context, *Env) error { panic("at the\ndisco") }
	if code := f.do("thing", "make"); code != exitFailed ||
		f.stderr.String() != "nova-manage: error: internal error: at the; disco\n" {
		t.Errorf("exit %d, %s", code, f.stderr.String())
	}

	f.run = func(_ context.Context, e *Env) error {
		e.Warnf("careful\n%d", 1)
		e.Notef("unchanged")
		return errFake
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
	f.run = func(_ context.Context, e *Env) error {
		e.Warnf("careful")
		_, err := io.WriteString(e.Stdout, "answer")
		return err
	}
	if got := f.accept(t, "thing", "make", "-q"); got != "" {
		t.Errorf("quiet printed %q", got)
	}
}

// brokenWriter fails as a full disk or a closed pipe does.
type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }

func TestProgram_AnswerCannotBeWritten(t *testing.T) {
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

func TestProgram_Signals(t *testing.T) {
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		f := newFake(t)
		f.sys.Context = signalContext
		f.run = func(ctx context.Context, _ *Env) error {
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
