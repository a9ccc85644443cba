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
			if format == "shell" && rows != 1 {
				continue // it prints none of them
			}
			f.rows = sequence(long, nil)
			f.sys.Stdout = brokenWriter{&os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}}
			if code := f.do("thing", "list", "-f", format); code != exitFailed ||
				f.stderr.String() != failure(format, "cannot write to standard output: no space left on device") {
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

// Once a command has changed something, nothing that goes wrong looks as if it had not.
func TestProgram_Changed(t *testing.T) {
	const lost = "nova-manage: error: the change was made, but its answer could not be written: "
	for name, c := range map[string]struct {
		stdout io.Writer
		run    func(ctx context.Context, e *Env) error
		code   int
		says   string
	}{
		"full disk":           {brokenWriter{&os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}}, nil, exitUntold, lost + "no space left on device\n"},
		"closed":              {closedOutput{}, nil, exitUntold, lost + "bad file descriptor\n"},
		"a reader that left":  {brokenWriter{syscall.EPIPE}, nil, exitOK, ""},
		"a long answer":       {brokenWriter{syscall.EIO}, func(_ context.Context, e *Env) error { return printMany(e) }, exitUntold, lost + "input/output error\n"},
		"a long one, left":    {brokenWriter{syscall.EPIPE}, func(_ context.Context, e *Env) error { return printMany(e) }, exitOK, ""},
		"whatever it returns": {nil, func(context.Context, *Env) error { return WithHint(UsageErrorf("it broke"), "try again") }, exitUntold, lost + "it broke\n"},
		"its own word":        {nil, func(context.Context, *Env) error { return ChangedErrorf("1 of %d done", 2) }, exitUntold, "nova-manage: error: 1 of 2 done\n"},
		"a mistake of ours":   {nil, func(context.Context, *Env) error { panic("disco") }, exitUntold, lost + "internal error: disco\n"},
		"no answer":           {closedOutput{}, func(context.Context, *Env) error { return nil }, exitOK, ""},
		"a signal":            {nil, func(ctx context.Context, e *Env) error { return interruptAnd(ctx, e, true) }, exitUntold, lost + "interrupted\n"},
		"no answer, a signal": {nil, func(ctx context.Context, e *Env) error { return interruptAnd(ctx, e, false) }, exitOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.sys.Context = signalContext
			if c.stdout != nil {
				f.sys.Stdout = c.stdout
			}
			f.run = func(ctx context.Context, e *Env) error {
				e.Changed()
				if c.run != nil {
					return c.run(ctx, e)
				}
				_, err := io.WriteString(e.Stdout, "done\n")
				return err
			}
			if code := f.do("thing", "make"); code != c.code || f.stderr.String() != c.says {
				t.Errorf("exit %d, want %d\n%s", code, c.code, f.stderr.String())
			}
		})
	}
}

func printMany(e *Env) error { return PrintSlice(e, fakeColumns, make([]fakeRow, 100_000)) }

// interruptAnd sends SIGINT to the process and goes on as if nothing had happened.
func interruptAnd(ctx context.Context, e *Env, write bool) error {
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		return err
	}
	<-ctx.Done()
	if write {
		fmt.Fprintln(e.Stdout, "done")
	}
	return nil
}

// A signal ends an answer where it is, even though somebody goes on reading.
func TestProgram_SignalStopsPrinting(t *testing.T) {
	f := newFake(t)
	f.sys.Context = signalContext
	var ctx context.Context
	f.run = func(c context.Context, e *Env) error {
		ctx = c
		return printMany(e)
	}
	written := 0
	f.sys.Stdout = writerFunc(func(p []byte) (int, error) {
		if written += len(p); written > 200_000 && ctx.Err() == nil {
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				return 0, err
			}
			<-ctx.Done()
		}
		return len(p), nil
	})
	if code := f.do("thing", "make"); code != 130 || f.stderr.String() != "nova-manage: error: interrupted\n" || written > 300_000 {
		t.Errorf("exit %d after %d bytes, %s", code, written, f.stderr.String())
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
