package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nova-manage/internal/pgtest"
	"nova-manage/internal/race"
)

// TestFaults_firstRefused has the first command on a missing ledger refused in all the ways there are: no ledger, no folder
// and no schema stays behind, and a dry run ends in the same way where there is one.
func TestFaults_firstRefused(t *testing.T) {
	race.SkipProcesses(t)
	eachEngine(t, func(t *testing.T, l *ledger) {
		dir := ""
		if l.path != "" {
			dir = t.TempDir()
			l = ledgerAt(filepath.Join(dir, "a", "b", "nova.sqlite"))
		}
		dry := map[string]string{}
		for _, c := range []struct {
			name string
			code int
			args string
		}{
			{"usage", 2, "network create 10.0.1.0/24 1 33"},
			{"found in the ledger", 2, "network create 10.0.1.0/24 1 32 --reserve 10.9.0.1"},
			{"conflict", 4, "network create 10.0.1.0/24 2 32 --reserve 10.0.1.1"},
			{"too many", 2, "network create 10.0.1.0/24 9 32"},
			{"missing", 3, "instance create web --project_id apollo --network 7"},
			{"a usage error of another command", 2, "floating create node1 10.0.0.0/40"},
		} {
			for _, more := range []string{"", "--dry_run"} {
				if more != "" && !strings.HasPrefix(c.args, "network create") {
					continue
				}
				a := l.run(t, strings.Fields(c.args+" "+more)...)
				if dry[c.name] += a.stderr; a.code == 0 || !strings.HasPrefix(a.stderr, "nova-manage: error: ") {
					t.Errorf("%s %s: exit %d\n%s", c.args, more, a.code, a.stderr)
				}
				if a.code != c.code {
					t.Errorf("%s %s: exit %d, want %d\n%s", c.args, more, a.code, c.code, a.stderr)
				}
				if said := a.stderr; more != "" && dry[c.name] != said+said {
					t.Errorf("%s: the dry run says something else:\n%s", c.args, dry[c.name])
				}
				if a := l.run(t, "db", "version"); a.code != 3 {
					t.Errorf("%s %s: there is a ledger afterwards\n%s%s", c.args, more, a.stdout, a.stderr)
				}
				if left := entries(t, dir); left != nil {
					t.Errorf("%s %s: left %q", c.args, more, left)
				}
			}
		}
		l.must(t, "network", "create", "10.0.1.0/24", "1", "32")
		l.clean(t)
	})
}

// entries are the names below a folder; nil if there is none.
func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	if dir == "" {
		return nil
	}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		if path != "." && !strings.HasPrefix(path, "filler") {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestFaults_firstInterrupted sends a signal to the command that makes the ledger, while it does so: nothing is there.
func TestFaults_firstInterrupted(t *testing.T) {
	race.SkipProcesses(t)
	for name, s := range stopSignals {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := ledgerAt(filepath.Join(dir, "a", "nova.sqlite"))
			cmd := l.command("network", "create", "--network_manager", "FlatManager", "10.0.0.0/8", "100000", "16", "-q")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the command opens the ledger", func() bool { return atWork(t, l, cmd.Process.Pid) })
			time.Sleep(50 * time.Millisecond) // somewhere in it; any moment must do
			if err := cmd.Process.Signal(s.signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != s.code {
				t.Errorf("exit %d, want %d", code, s.code)
			}
			if left := entries(t, dir); left != nil {
				t.Errorf("left %q", left)
			}
		})
	}
}

// TestFaults_firstKilled kills the command that makes the ledger at random moments. What it leaves is a ledger with all of
// the change, or none at all for the next command.
func TestFaults_firstKilled(t *testing.T) {
	race.SkipProcesses(t)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	rounds := 60
	create := []string{"network", "create", "10.0.0.0/8", "3", "32", "-q"}
	started := time.Now()
	newLedger(t, "sqlite").must(t, create...)
	latest := int64(2 * time.Since(started))
	made := 0
	for range rounds {
		l := ledgerAt(filepath.Join(t.TempDir(), "a", "nova.sqlite"))
		a, err := killAfter(t, l, time.Duration(random.Int64N(latest)), create...)
		if err != nil || a.code != 0 && a.signal != syscall.SIGKILL {
			t.Fatalf("exit %d %v: %v", a.code, a.signal, err)
		}
		switch v := l.run(t, "db", "version"); {
		case v.code == 3 && a.signal != 0:
			l.must(t, create...)
		case v.code != 0:
			t.Errorf("exit %d after %v\n%s", v.code, a.signal, v.stderr)
		default:
			made++
		}
		if n := len(l.networks(t)); n != 3 {
			t.Errorf("%d networks, want 3", n)
		}
		l.must(t, "network", "create", "--next_free", "10.0.0.0/8", "1", "32", "200", "2000")
		l.clean(t)
	}
	t.Logf("%d of %d had made the ledger", made, rounds)
}

// TestFaults_firstOfMany begins many commands at once without a ledger, two thirds of which are refused once they are at it.
// Those that are not lose nothing by what the others take away again.
func TestFaults_firstOfMany(t *testing.T) {
	race.SkipProcesses(t)
	rounds, each := 6, 24
	for range rounds {
		l := ledgerAt(filepath.Join(memoryFolder(t), "a", "b", "nova.sqlite"))
		var group sync.WaitGroup
		for n := range each {
			group.Go(func() {
				args := []string{"network", "create", "10.0.0.0/8", "1", "32", "--next_free", "--lock_timeout", "10m", "-q"}
				want := 0
				if n%3 > 0 {
					args, want = append(args, "--reserve", "11.0.0.1"), 2
				}
				if a := l.run(t, args...); a.code != want {
					t.Errorf("exit %d, want %d\n%s", a.code, want, a.stderr)
				}
			})
		}
		group.Wait()
		if made := len(l.networks(t)); made != each/3 {
			t.Errorf("%d networks, want %d", made, each/3)
		}
		l.clean(t)
		if left := entries(t, filepath.Dir(l.path)); !slices.Equal(left, []string{"nova.sqlite"}) {
			t.Errorf("left %q", left)
		}
	}
}

// TestFaults_firstImpossible is a ledger that cannot be made: a dry run tells so with the same exit code, and neither leaves
// anything.
func TestFaults_firstImpossible(t *testing.T) {
	race.SkipProcesses(t)
	create := []string{"network", "create", "10.0.1.0/24", "1", "32"}
	both := func(t *testing.T, l *ledger, says, dir string) {
		t.Helper()
		before := entries(t, dir)
		for _, args := range [][]string{append(create, "--dry_run"), create} {
			l.fails(t, 1, says, args...)
		}
		if after := entries(t, dir); !slices.Equal(after, before) {
			t.Errorf("left %q, and before %q", after, before)
		}
	}
	t.Run("permission", func(t *testing.T) {
		l := unprivileged(t)
		dir := filepath.Dir(l.path)
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		both(t, l, "ledger "+l.path+": permission denied", dir)
		l.path = filepath.Join(dir, "new", "nova.sqlite")
		l.url = l.path
		both(t, l, "ledger "+l.path+": folder "+dir+"/new: permission denied", dir)
	})
	t.Run("no ledger", func(t *testing.T) {
		l := newLedger(t, "sqlite")
		if err := os.WriteFile(l.path, []byte("hello, world\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		both(t, l, l.path+" is not an SQLite database, so it is no ledger; it was left as it is", filepath.Dir(l.path))
	})
	t.Run("full", func(t *testing.T) {
		d := newDisk(t, "size=2m")
		d.fill(t)
		l := d.ledger()
		both(t, l, "ledger "+l.path+": (no space left on (its )?device)(; nothing was changed)?", d.outside)
		l.path = filepath.Join(d.inside, "new", "nova.sqlite")
		l.url = l.path
		both(t, l, "ledger "+l.path+": (folder .*/new: )?no space left on (its )?device(; nothing was changed)?", d.outside)
	})
	t.Run("no inodes", func(t *testing.T) {
		d := newDisk(t, "size=2m,nr_inodes=100")
		d.useUp(t)
		l := d.ledger()
		both(t, l, "ledger "+l.path+": no space left on device", d.outside)
	})
	t.Run("read-only", func(t *testing.T) {
		d := newDisk(t, "size=2m")
		d.remount(t, "ro")
		l := d.ledger()
		l.path = filepath.Join(d.inside, "new", "nova.sqlite")
		l.url = l.path
		both(t, l, "ledger "+l.path+": folder .*/new: read-only file system", d.outside)
	})
	t.Run("postgresql", func(t *testing.T) {
		l := newLedger(t, "postgresql")
		pgtest.Exec(t, l.url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
		pgtest.Exec(t, l.url, "CREATE ROLE guest LOGIN PASSWORD 'guest'")
		t.Cleanup(func() { pgtest.Exec(t, l.url, "DROP ROLE guest") })
		guest := *l
		guest.url = strings.Replace(l.url, "//nova@", "//guest:guest@", 1)
		both(t, &guest, "ledger .*: (permission denied|its search_path names no schema).*", "")
	})
}

// A ledger whose first command cannot write its answer is there: it was the first commit that made it.
func TestFaults_firstAnswer(t *testing.T) {
	race.SkipProcesses(t)
	l := ledgerAt(filepath.Join(t.TempDir(), "a", "nova.sqlite"))
	if a := l.redirected(t, ">/dev/full", "network", "create", "10.0.1.0/24", "1", "32"); a.code != 6 {
		t.Errorf("exit %d\n%s", a.code, a.stderr)
	}
	if n := len(l.networks(t)); n != 1 {
		t.Error(fmt.Sprint(n, " networks, want 1"))
	}
	if _, err := os.Stat(l.path + "-journal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a journal is left: %v", err)
	}
}
