package commands

import (
	"context"
	"fmt"
	"io"
	"os"

	"nova-manage/internal/cli"
)

// What is read from somebody else may keep us waiting: a FIFO until somebody writes to it, a pipe or a terminal until there is
// something. A signal must not wait for it.

// openUntil opens a file to read, and gives up once ctx is done.
func openUntil(ctx context.Context, path string) (f *os.File, err error) {
	opened, err := await(ctx, func() (*os.File, error) { return os.Open(path) })
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("cannot read %s: %w", path, cli.ReasonOf(err))
	}
	return opened, err
}

// untilReader reads, and gives up once ctx is done.
type untilReader struct {
	ctx context.Context
	r   io.Reader
}

func (u *untilReader) Read(p []byte) (int, error) {
	// What is given up goes on until the process ends, and must not write into what is the caller's.
	read, err := await(u.ctx, func() ([]byte, error) {
		b := make([]byte, len(p))
		n, err := u.r.Read(b)
		return b[:n], err
	})
	return copy(p, read), err
}

// await calls f and gives up once ctx is done; the error is the cause of ctx then.
func await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
