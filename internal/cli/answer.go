package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"
)

// answerWriter tells a failing write of the answer from all other failures. A signal ends the answer where it is, also
// where nobody reads it.
type answerWriter struct {
	ctx context.Context
	w   io.Writer
}

// unread is how long a write may go on after a signal: more than one needs that somebody does read.
const unread = 100 * time.Millisecond

func (a answerWriter) Write(p []byte) (int, error) {
	if a.ctx.Err() != nil {
		return 0, context.Cause(a.ctx)
	}
	n, err := WriteUntil(a.ctx, a.w, p)
	if err != nil && !errors.Is(err, context.Cause(a.ctx)) {
		err = &answerError{ReasonOf(err)}
	}
	return n, err
}

// WriteUntil writes p to w, and gives up once ctx is done and nobody reads; the error is the cause of ctx then. The write
// itself goes on until the process ends, a moment from now: p must stay as it is, as it does where a bufio.Writer has seen
// the error.
func WriteUntil(ctx context.Context, w io.Writer, p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := w.Write(p)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-ctx.Done():
		select {
		case r := <-done:
			return r.n, r.err
		case <-time.After(unread):
			return 0, context.Cause(ctx)
		}
	}
}

// messageWriter writes what is said besides the answer. That is worth waiting for whoever reads it, but not after a signal.
type messageWriter struct {
	ctx context.Context
	w   io.Writer
}

func (m messageWriter) Write(p []byte) (int, error) { return WriteUntil(m.ctx, m.w, bytes.Clone(p)) }

// until calls f, which the system may keep waiting for as long as it likes, and gives up once ctx is done; the error is the
// cause of ctx then. f itself goes on until the process ends, and what it does must not matter any more. A panic of f is one
// of until.
func until(ctx context.Context, f func() error) error {
	done, panicked := make(chan error, 1), make(chan any, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				panicked <- r
			}
		}()
		done <- f()
	}()
	select {
	case err := <-done:
		return err
	case r := <-panicked:
		panic(r)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

type answerError struct{ reason error }

func (e *answerError) Error() string { return "cannot write to standard output: " + e.reason.Error() }
func (e *answerError) Unwrap() error { return e.reason }
