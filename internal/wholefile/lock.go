package wholefile

import (
	"context"
	"os"
	"time"
)

// Lock keeps everybody else who calls it on the same file from going on, until the file is closed or the process has ended. It waits for who
// has it, and gives up with the cause of ctx. A file that is replaced meanwhile is not what the lock is about: whoever has waited looks
// whether the name still leads to it. The lock is of the kind that is not SQLite's (flock(2), not fcntl(2)).
func Lock(ctx context.Context, f *os.File) error {
	for {
		locked, err := flock(f)
		if locked || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
