package cli

import (
	"context"
	"io"
	"time"
)

// answerWriter tells a failing write of the answer from all other failures, and lets a signal end one that does not come
// to an end because nobody reads.
type answerWriter struct {
	ctx context.Context
	w   io.Writer
}

// unread is how long a write may go on after a signal: more than one needs that somebody does read.
const unread = time.Second

func (a answerWriter) Write(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := a.w.Write(p)
		done <- result{n, err}
	}()
	var r result
	select {
	case r = <-done:
	case <-a.ctx.Done():
		select {
		case r = <-done:
		case <-time.After(unread):
			// The write goes on until the process ends, a moment from now. p stays as it is until then: a bufio.Writer
			// that has seen an error does nothing any more.
			return 0, context.Cause(a.ctx)
		}
	}
	if r.err != nil {
		return r.n, &answerError{ReasonOf(r.err)}
	}
	return r.n, nil
}

type answerError struct{ reason error }

func (e *answerError) Error() string { return "cannot write to standard output: " + e.reason.Error() }
func (e *answerError) Unwrap() error { return e.reason }
