package commands

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

func TestOutcomeOf(t *testing.T) {
	interrupted, interrupt := context.WithCancelCause(t.Context())
	interrupt(cli.Signal{Signal: syscall.SIGINT})
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want int
		code string
	}{
		{t.Context(), nil, 0, ""},
		{t.Context(), errors.New("it broke"), 1, "io"},
		{t.Context(), os.ErrPermission, 1, "io"},
		{t.Context(), context.Canceled, 1, "io"},
		{t.Context(), cli.UsageErrorf("no"), 2, "invalid"},
		{t.Context(), db.ErrInvalid, 2, "invalid"},
		{t.Context(), db.ErrNotFound, 3, "not_found"},
		{t.Context(), db.ErrNoLedger, 3, "no_ledger"},
		{t.Context(), db.ErrConflict, 4, "conflict"},
		{t.Context(), fmt.Errorf("x: %w", db.ErrExists), 4, "exists"},
		{t.Context(), db.ErrDiffers, 4, "differs"},
		{t.Context(), db.ErrOverlaps, 4, "overlaps"},
		{t.Context(), db.ErrInUse, 4, "in_use"},
		{t.Context(), db.ErrReserved, 4, "reserved"},
		{t.Context(), db.ErrExhausted, 4, "exhausted"},
		{t.Context(), db.ErrQuota, 4, "quota"},
		{t.Context(), db.ErrAmbiguous, 4, "ambiguous"},
		{t.Context(), db.ErrUnfit, 4, "unfit"},
		{t.Context(), db.ErrCheck, 5, "check"},
		{t.Context(), db.ErrSchema, 1, "schema"},
		{t.Context(), db.ErrCorrupt, 1, "damaged"},
		{t.Context(), &db.LockedError{}, 1, "locked"},
		{t.Context(), cli.ErrInternal, 1, "internal"},
		{t.Context(), cli.WithHint(fmt.Errorf("network 7: %w", db.ErrNotFound), "look"), 3, "not_found"},
		{t.Context(), cli.UsageErrorf("network 7: %w", db.ErrNotFound), 2, "invalid"},
		{t.Context(), cli.Signal{Signal: syscall.SIGTERM}, 143, "terminated"},
		{interrupted, errors.New("it broke"), 130, "interrupted"},
		{interrupted, nil, 0, ""},
		{interrupted, cli.ChangedErrorf("1 of 2 written"), 6, "unwritten"},
		{t.Context(), cli.ChangedErrorf("its answer could not be written"), 6, "unwritten"},
		{interrupted, fmt.Errorf("commit: %w", db.ErrUnknown), 1, "unknown"},
	} {
		if got, want := outcomeOf(c.ctx, c.err), (cli.Outcome{Exit: c.want, Code: c.code}); got != want {
			t.Errorf("%v: %+v, want %+v", c.err, got, want)
		}
	}
}

// The manual explains every word by which scripts tell errors apart, with its exit code.
func TestOutcomeOf_manual(t *testing.T) {
	text, err := os.ReadFile("../docs/scripting.md")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{codeUnwritten: "6", codeUnknown: "1", codeInterrupted: "130", codeTerminated: "143", codeLocked: "1", codeFailed: "1"}
	for _, k := range kinds {
		want[k.code] = fmt.Sprint(k.exit)
	}
	_, table, _ := strings.Cut(string(text), "\n| code | exit | means |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	got := map[string]string{}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		got[strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[2])
	}
	if !maps.Equal(got, want) {
		t.Errorf("the manual has %v, want %v", got, want)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, listed, _ := strings.Cut(string(readme), "Its `code` is one of ")
	listed, _, _ = strings.Cut(listed, ". What each means")
	if list, want := regexp.MustCompile("`([a-z_]+)`").FindAllString(listed, -1), len(want); len(list) != want {
		t.Errorf("README.md lists %d words, not %d", len(list), want)
	}
	for code := range want {
		if !strings.Contains(listed, "`"+code+"`") {
			t.Errorf("README.md does not list %s", code)
		}
	}
}
