package sqlstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// LockedError says that another process held the ledger for as long as this one was willing to wait.
type LockedError struct {
	Ledger string
	Waited time.Duration
	Holder string // the process that holds it, as far as the kernel tells; "" if it does not
}

func (e *LockedError) Error() string {
	holder := e.Holder
	if holder == "" {
		holder = "another process"
	}
	return fmt.Sprintf("%s has held ledger %s for %s; nothing was changed", holder, e.Ledger, e.Waited)
}

// WayOut is what there is to do: whoever holds it may be done soon.
func (e *LockedError) WayOut() (Way, []any) { return WayWaitLonger, nil }

// until calls f and gives up once ctx ends: a URL may name files (a password's, a certificate's), and those may be pipes
// that nobody writes to.
func until[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	done, panicked := make(chan result, 1), make(chan any, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				panicked <- r
			}
		}()
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case r := <-panicked:
		panic(r) // here somebody is prepared for it
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// pause waits a random time that grows with the attempt, 2 ms to 64 ms or so, or until ctx ends. Random, so that
// writers that collided do not collide again.
func pause(ctx context.Context, attempt int) error {
	limit := int64(2*time.Millisecond) << min(attempt, 5)
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Duration(limit/2 + rand.Int64N(limit/2))):
		return nil
	}
}

// longWait is how long a command waits before it says whom for.
const longWait = time.Second
