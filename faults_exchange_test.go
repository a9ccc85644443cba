package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// writers have processes create networks, one after the other, until stop; it returns the labels of those that were made by
// each, in order.
func writers(t *testing.T, l *ledger, n int) (stop func() [][]string) {
	var done atomic.Bool
	made := make([][]string, n)
	var all sync.WaitGroup
	for w := range n {
		all.Go(func() {
			for i := 0; !done.Load(); i++ {
				label := fmt.Sprintf("w%dn%d", w, i)
				a := l.run(t, "network", "create", "10.0.0.0/8", "1", "32", "--next_free", "--network_manager", "FlatDHCPManager", "--label", label, "-q")
				if a.code != 0 {
					t.Errorf("a writer: exit %d\n%s", a.code, a.stderr)
					return
				}
				made[w] = append(made[w], label)
			}
		})
	}
	return func() [][]string {
		done.Store(true)
		all.Wait()
		return made
	}
}

// labels are those of the networks of a ledger.
func labels(t *testing.T, l *ledger) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	for _, n := range l.networks(t) {
		there[n.Label] = true
	}
	return there
}

// wantPrefix wants of each writer what it made first, and returns how much there is.
func wantPrefix(t *testing.T, there map[string]bool, made [][]string) (n int) {
	t.Helper()
	for _, labels := range made {
		missing := ""
		for _, label := range labels {
			switch {
			case !there[label]:
				missing = label
			case missing != "":
				t.Errorf("%s is there, and %s, which was made before it, is not", label, missing)
			default:
				n++
			}
		}
	}
	return n
}

// Backups that are made while others write are whole: each holds what was made up to some moment, and nothing else.
func TestFaults_backup(t *testing.T) {
	before, rounds := "2000", 8
	if raceDetector { // which sees nothing of what goes on between processes
		before, rounds = "200", 2
	}
	eachEngine(t, func(t *testing.T, l *ledger) {
		l.must(t, "network", "create", "192.168.0.0/16", before, "16", "--network_manager", "FlatDHCPManager", "--label", "before", "-q")
		dir := t.TempDir()
		stop := writers(t, l, 2)
		var backups []string
		for i := range rounds {
			path := filepath.Join(dir, fmt.Sprintf("backup%d", i))
			if a := l.run(t, "db", "backup", path); a.code != 0 {
				t.Errorf("backup: exit %d\n%s", a.code, a.stderr)
			}
			backups = append(backups, path)
		}
		made := stop()
		last := -1
		for _, path := range backups {
			back := ledgerAt(filepath.Join(dir, "restored"))
			back.must(t, "db", "restore", path)
			back.clean(t)
			there := labels(t, back)
			if n := wantPrefix(t, there, made); n < last || !there["before"] {
				t.Errorf("a later backup has less than one before: %d, %d", n, last)
			} else {
				last = n
			}
			if l.path != "" { // a ledger opens as it is, in a folder that nobody may write, too
				ledgerAt(path).clean(t)
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") || strings.Contains(e.Name(), "backup") && strings.Contains(e.Name(), "-") {
				t.Errorf("%s is left", e.Name())
			}
		}
		t.Logf("%d networks made meanwhile, %d in the last backup", len(made[0])+len(made[1]), last)
	})
}

// A ledger is restored while others write: what they made is in the ledger that is kept or in the restored one, whichever was
// there when they made it, and none of them fails.
func TestFaults_restore(t *testing.T) {
	l := newLedger(t, "sqlite")
	l.must(t, "network", "create", "192.168.0.0/16", "2000", "16", "--network_manager", "FlatDHCPManager", "--label", "before", "-q")
	backup := filepath.Join(t.TempDir(), "backup")
	l.must(t, "db", "backup", backup)
	stop := writers(t, l, 3)
	var kept []string
	for range 4 {
		time.Sleep(50 * time.Millisecond)
		kept = append(kept, strings.TrimSpace(l.must(t, "db", "restore", backup, "-f", "value", "-c", "kept")))
	}
	made := stop()
	l.clean(t)
	found := labels(t, l)
	for _, path := range kept {
		ledgerAt(path).clean(t)
		for label := range labels(t, ledgerAt(path)) {
			found[label] = true
		}
	}
	n := 0
	for _, labels := range made {
		for _, label := range labels {
			if n++; !found[label] {
				t.Errorf("%s was acknowledged, and is in none of the ledgers", label)
			}
		}
	}
	t.Logf("%d networks made meanwhile", n)
}

// An import and a restore that are killed at some moment did nothing or all.
func TestFaults_killedImport(t *testing.T) {
	networks, attempts := "1500", 8
	if raceDetector { // which sees nothing of what goes on between processes
		networks, attempts = "200", 3
	}
	source := newLedger(t, "sqlite")
	source.must(t, "network", "create", "10.0.0.0/8", networks, "16", "--network_manager", "FlatDHCPManager", "-q")
	document := filepath.Join(t.TempDir(), "document")
	source.must(t, "db", "export", "--history", "-o", document)
	want := source.must(t, "db", "export")
	for _, engine := range []string{"sqlite", "postgresql"} {
		for _, command := range []string{"import", "restore"} {
			t.Run(engine+" "+command, func(t *testing.T) {
				killed, whole := 0, 0
				started := time.Now()
				newLedger(t, engine).must(t, "db", command, document)
				takes := time.Since(started)
				for i := range attempts {
					l := newLedger(t, engine)
					a, err := killAfter(t, l, takes*time.Duration(i)/time.Duration(attempts-2), "db", command, document)
					switch {
					case err != nil:
						t.Fatal(err)
					case a.signal == syscall.SIGKILL:
						killed++
					case a.code != 0:
						t.Errorf("exit %d\n%s", a.code, a.stderr)
					}
					there := l.run(t, "db", "export")
					switch {
					case there.code == 0 && there.stdout == want:
						whole++
					case there.code != 3 && !strings.Contains(there.stdout, `"networks": []`):
						t.Errorf("killed, it left: exit %d %.200s%s", there.code, there.stdout, there.stderr)
					}
					if there.stdout != want {
						l.must(t, "db", "import", document) // as if nothing had been
					}
				}
				t.Logf("%d of %d killed, %d whole", killed, attempts, whole)
			})
		}
	}
}
