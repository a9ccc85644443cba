package commands

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

func TestLedger_url(t *testing.T) {
	f := newFake(t)
	want := func(want string, args ...string) {
		t.Helper()
		var got string
		c := &command{name: "where", run: func(_ context.Context, s *session) (err error) { got, err = s.ledger.url(); return err }}
		if code := f.doOnly(c, append([]string{"where"}, args...)...); code != exitOK || got != want {
			t.Errorf("exit %d, %s; got %s, want %s", code, f.stderr.String(), got, want)
		}
	}
	want("/home/op/.local/state/nova/nova.sqlite")
	f.environment["XDG_STATE_HOME"] = "relative"
	want("/home/op/.local/state/nova/nova.sqlite")
	f.environment["XDG_STATE_HOME"] = "/xdg"
	want("/xdg/nova/nova.sqlite")
	f.sys.Getuid = func() int { return 0 }
	want("/var/lib/nova/nova.sqlite")
	want("/here/nova.sqlite", "--state_path", "/here")
	f.sys.DefaultFlagfile = writeFile(t, t.TempDir(), "nova.conf", "--sql_connection=sqlite:///$state_path/nova.sqlite\n")
	want("sqlite:////var/lib/nova/nova.sqlite")
	f.environment["NOVA_SQL_CONNECTION"] = "sqlite:///x"
	want("sqlite:///x")
	want("postgresql://h/nova", "--sql_connection=postgresql://h/nova")
}

// A command gets the ledger as it declares to use it, and nothing is opened before its options are known to be right.
func TestCommand_ledger(t *testing.T) {
	f := newFake(t)
	url := filepath.Join(t.TempDir(), "nova.sqlite")
	f.environment["NOVA_SQL_CONNECTION"] = url
	exists := func() bool { _, err := os.Stat(url); return err == nil }
	errCheck := cli.UsageErrorf("it can never be right")
	for _, tt := range []struct {
		name   string
		c      command
		args   []string
		code   int
		exists bool // afterwards
	}{
		{"nothing", command{ledger: nothing}, nil, exitOK, false},
		{"reads", command{ledger: reads}, nil, exitNotFound, false},
		{"writes", command{ledger: writes}, nil, exitNotFound, false},
		{"creates, refused", command{ledger: creates, check: func(*cli.Env) error { return errCheck }}, nil, exitUsage, false},
		{"creates, as a dry run", command{ledger: creates, dryRun: new(bool)}, []string{"--dry_run"}, exitOK, false},
		{"unopened", command{ledger: reads, unopened: func(_ *session, err error) error {
			return cli.UsageErrorf("instead of: %w", err)
		}}, nil, exitUsage, false},
		{"creates", command{ledger: creates, dryRun: new(bool)}, nil, exitOK, true},
		{"reads what is there", command{ledger: reads}, nil, exitOK, true},
		{"syncs", command{ledger: syncs}, nil, exitOK, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var store *db.Store
			tt.c.name = "act"
			tt.c.run = func(ctx context.Context, s *session) error {
				store = s.store
				if tt.c.ledger != creates {
					return nil
				}
				_, err := store.CreateProject(ctx, "apollo", "") // a ledger comes to be with what is put into it
				return err
			}
			if code := f.doOnly(&tt.c, append([]string{"act"}, tt.args...)...); code != tt.code {
				t.Errorf("exit %d, %s", code, f.stderr.String())
			}
			if exists() != tt.exists {
				t.Errorf("a ledger is there: %v, want %v", exists(), tt.exists)
			}
			if (store != nil) != (tt.code == exitOK && tt.c.ledger != nothing) {
				t.Errorf("it got %v", store)
			}
			for _, path := range openFiles(t) {
				if strings.HasPrefix(path, url) {
					t.Errorf("%s was left open", path)
				}
			}
		})
	}
}

func TestCommand_mode(t *testing.T) {
	on, off := true, false
	for _, tt := range []struct {
		c    command
		want db.Mode
	}{
		{command{ledger: reads}, db.Read},
		{command{ledger: writes}, db.Write},
		{command{ledger: creates}, db.Create},
		{command{ledger: syncs}, db.Sync},
		{command{ledger: creates, dryRun: &on}, db.DryRun},
		{command{ledger: creates, dryRun: &off}, db.Create},
		{command{ledger: writes, readsIf: func() bool { return on }}, db.Read},
		{command{ledger: writes, readsIf: func() bool { return off }}, db.Write},
	} {
		if got := tt.c.mode(); got != tt.want {
			t.Errorf("%+v: mode %v, want %v", tt.c, got, tt.want)
		}
	}
}

// openFiles are the paths of the files that this process has open.
func openFiles(t *testing.T) (paths []string) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	for _, fd := range open {
		if path, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}
