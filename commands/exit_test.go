package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

func TestExitCode(t *testing.T) {
	interrupted, interrupt := context.WithCancelCause(t.Context())
	interrupt(cli.Signal{Signal: syscall.SIGINT})
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want int
	}{
		{t.Context(), nil, 0},
		{t.Context(), errors.New("it broke"), 1},
		{t.Context(), os.ErrPermission, 1},
		{t.Context(), context.Canceled, 1},
		{t.Context(), cli.UsageErrorf("no"), 2},
		{t.Context(), db.ErrInvalid, 2},
		{t.Context(), db.ErrNotFound, 3},
		{t.Context(), db.ErrNoLedger, 3},
		{t.Context(), db.ErrConflict, 4},
		{t.Context(), db.ErrCheck, 5},
		{t.Context(), cli.WithHint(fmt.Errorf("network 7: %w", db.ErrNotFound), "look"), 3},
		{t.Context(), cli.UsageErrorf("network 7: %w", db.ErrNotFound), 2},
		{t.Context(), cli.Signal{Signal: syscall.SIGTERM}, 143},
		{interrupted, errors.New("it broke"), 130},
		{interrupted, nil, 0},
		{interrupted, cli.ChangedErrorf("1 of 2 written"), 6},
		{t.Context(), cli.ChangedErrorf("its answer could not be written"), 6},
		{interrupted, fmt.Errorf("commit: %w", db.ErrUnknown), 1},
	} {
		if got := exitCode(c.ctx, c.err); got != c.want {
			t.Errorf("%v: exit %d, want %d", c.err, got, c.want)
		}
	}
}
