package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nova-manage/internal/race"
)

// TestFaults_writers has 64 processes at once run writing commands: none fails, nothing is handed out twice and nothing is
// missing. As many commands as the kind says, which are 7,040 processes and take minutes, it runs with NOVA_MANAGE_FULL=1, as in
// CI; otherwise 3 each.
func TestFaults_writers(t *testing.T) {
	race.SkipProcesses(t)
	const writers = 64
	for name, w := range map[string]struct {
		each    int // commands of each process
		prepare [][]string
		command func(name string) []string
		// unique are the columns in which no two rows may have the same value.
		list   []string
		unique []string
	}{
		"networks": {
			each: 50,
			command: func(name string) []string {
				return []string{"network", "create", "10.0.0.0/8", "1", "32", "--next_free", "--fixed_range_v6", "fd00::/40", "--label", name,
					"-f", "value", "-c", "id"}
			},
			list:   []string{"network", "list"},
			unique: []string{"id", "label", "cidr", "cidr_v6", "vlan", "bridge", "vpn_public_port"},
		},
		"instances": {
			each:    5,
			prepare: [][]string{{"network", "create", "10.0.0.0/8", "1", "8192", "--fixed_range_v6", "fd00::/40"}},
			command: func(name string) []string {
				return []string{"instance", "create", name, "--project_id", "apollo", "-f", "value", "-c", "id"}
			},
			list:   []string{"instance", "list"},
			unique: []string{"id", "name", "mac_address", "fixed_ip", "fixed_ip_v6"},
		},
	} {
		each := 3
		if os.Getenv("NOVA_MANAGE_FULL") == "1" {
			each = w.each
		}
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, l *ledger) {
				if l.path != "" {
					l = ledgerAt(filepath.Join(memoryFolder(t), "nova.sqlite"))
				}
				for _, args := range w.prepare {
					l.must(t, args...)
				}
				// They begin without a ledger: the first one makes it while the others want to do so too.
				var lock sync.Mutex
				acknowledged := map[string]bool{}
				var group sync.WaitGroup
				for n := range writers {
					group.Go(func() {
						for i := 0; i < each && !t.Failed(); i++ {
							a := l.run(t, append(w.command(fmt.Sprintf("w%dn%d", n, i)), "--lock_timeout", "10m")...)
							if a.code != 0 {
								t.Errorf("exit %d\n%s", a.code, a.stderr)
								return
							}
							lock.Lock()
							acknowledged[strings.TrimSpace(a.stdout)] = true
							lock.Unlock()
						}
					})
				}
				group.Wait()
				if len(acknowledged) != writers*each {
					t.Errorf("%d different ids were acknowledged, want %d", len(acknowledged), writers*each)
				}
				for _, column := range w.unique {
					values := strings.Fields(l.must(t, append(slices.Clone(w.list), "-f", "value", "-c", column)...))
					slices.Sort(values)
					if all, different := len(values), len(slices.Compact(values)); all != writers*each || different != all {
						t.Errorf("%s: %d values, %d different, want %d", column, all, different, writers*each)
					}
				}
				l.clean(t)
			})
		})
	}
}

// memoryFolder is a folder in memory where there is one: the locking is the same there, and thousands of commits do not
// wait for a disk.
func memoryFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "nova-manage")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A reader does not wait for a writer, and sees what was there before it.
func TestFaults_readerBesideWriter(t *testing.T) {
	l := newLedger(t, "sqlite")
	l.must(t, "network", "create", "10.0.0.0/8", "3", "16")
	holder := connect(t, l.path, "BEGIN IMMEDIATE", "UPDATE networks SET label = 'x'")
	for _, args := range [][]string{
		{"network", "list", "-f", "value", "-c", "id", "-c", "label"}, {"network", "show", "1"}, {"db", "check"}, {"db", "version"},
		{"emit", "sysctl"},
	} {
		// Without any patience, because a reader needs none.
		out := l.must(t, append(args, "--lock_timeout", "0")...)
		if strings.Contains(out, "x\n") {
			t.Errorf("%s shows what is not committed:\n%s", strings.Join(args, " "), out)
		}
	}
	if _, err := holder.ExecContext(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if out := l.must(t, "network", "list", "-f", "value", "-c", "label"); out != "x\nx\nx\n" {
		t.Errorf("after the commit: %q", out)
	}
}

// A writer that has waited for --lock_timeout says who holds the ledger, and may be run again.
func TestFaults_lockTimeout(t *testing.T) {
	l := newLedger(t, "sqlite")
	l.must(t, "db", "sync")
	holder := connect(t, l.path, "BEGIN IMMEDIATE")
	create := []string{"network", "create", "10.0.0.0/8", "3", "16", "--lock_timeout", "100ms"}
	said := fmt.Sprintf(`process %d \(.+\) has held ledger %s for 100ms; nothing was changed`, os.Getpid(), regexp.QuoteMeta(l.path))
	l.fails(t, 1, said, create...)
	l.fails(t, 1, said, append(create, "--dry_run")...)
	if a := l.run(t, create...); !strings.Contains(a.stderr, "nova-manage: hint: run the command again") {
		t.Errorf("no hint that it may be run again:\n%s", a.stderr)
	}
	time.AfterFunc(100*time.Millisecond, func() { _, _ = holder.ExecContext(t.Context(), "ROLLBACK") })
	l.must(t, "network", "create", "10.0.0.0/8", "3", "16")
	l.clean(t)
}
