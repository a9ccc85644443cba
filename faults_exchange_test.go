package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"nova-manage/internal/pgtest"
	"nova-manage/internal/race"
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
	race.SkipProcesses(t)
	before, rounds := "2000", 8
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
	race.SkipProcesses(t)
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

// An import and a restore, also over a ledger that is there, that are killed at some moment did nothing or all; what was there is
// kept then.
func TestFaults_killedImport(t *testing.T) {
	race.SkipProcesses(t)
	networks, attempts := "1500", 8
	source := newLedger(t, "sqlite")
	source.must(t, "network", "create", "10.0.0.0/8", networks, "16", "--network_manager", "FlatDHCPManager", "-q")
	document := filepath.Join(t.TempDir(), "document")
	source.must(t, "db", "export", "--history", "-o", document)
	want := source.must(t, "db", "export")
	for _, engine := range []string{"sqlite", "postgresql"} {
		for _, name := range []string{"import", "restore", "restore over"} {
			t.Run(engine+" "+name, func(t *testing.T) {
				command, over := strings.CutSuffix(name, " over")
				place := func() (l *ledger, before string) {
					if l = newLedger(t, engine); over {
						l.must(t, "project", "create", "gemini")
						before = l.must(t, "db", "export")
					}
					return l, before
				}
				killed, whole := 0, 0
				l, _ := place()
				started := time.Now()
				l.must(t, "db", command, document)
				takes := time.Since(started)
				for i := range attempts {
					l, before := place()
					a, err := killAfter(t, l, takes*time.Duration(i)/time.Duration(attempts-2), "db", command, document)
					switch {
					case err != nil:
						t.Fatal(err)
					case a.signal == syscall.SIGKILL:
						killed++
					case a.code != 0:
						t.Errorf("exit %d\n%s", a.code, a.stderr)
					}
					l.settle(t)
					there := l.run(t, "db", "export")
					switch {
					case there.code == 0 && there.stdout == want:
						whole++
					case over && there.stdout == before:
					case over || there.code != 3 && !strings.Contains(there.stdout, `"networks": []`):
						t.Errorf("killed, it left: exit %d %.200s%s", there.code, there.stdout, there.stderr)
					}
					if there.stdout != want {
						l.must(t, "db", command, document) // as if nothing had been
					}
					if over {
						l.clean(t)
						l.wantKept(t, before)
					}
				}
				t.Logf("%d of %d killed, %d whole", killed, attempts, whole)
			})
		}
	}
}

// wantKept wants what was there before a restore in each ledger that one has kept.
func (l *ledger) wantKept(t *testing.T, before string) {
	t.Helper()
	var kept []string
	if l.path != "" {
		paths, err := filepath.Glob(l.path + ".*Z*")
		if err != nil {
			t.Fatal(err)
		}
		kept = paths
	} else {
		db, err := sql.Open("pgx", l.url)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var schemas string
		const query = `SELECT coalesce(string_agg(nspname, ' '), '') FROM pg_namespace WHERE nspname LIKE 'public\_%'`
		if err := db.QueryRowContext(t.Context(), query).Scan(&schemas); err != nil {
			t.Fatal(err)
		}
		for _, schema := range strings.Fields(schemas) {
			kept = append(kept, l.url+"&search_path="+schema)
		}
	}
	if kept == nil {
		t.Error("nothing is kept")
	}
	for _, url := range kept {
		if got := ledgerAt(url).must(t, "db", "export"); got != before {
			t.Errorf("in %s is\n%s\nand before there was\n%s", url, got, before)
		}
	}
}

// Who may not make a schema, or not write, on a server restores nothing: one line says so, and everything is as it was.
func TestFaults_restoreRights(t *testing.T) {
	race.SkipProcesses(t)
	l := newLedger(t, "postgresql")
	l.must(t, "project", "create", "gemini")
	document := filepath.Join(t.TempDir(), "document")
	l.must(t, "db", "backup", document)
	l.must(t, "project", "create", "apollo")
	before := l.must(t, "db", "export", "--history")
	guest := *l
	guest.url = pgtest.WithPassword(t, l.url, "restorer", "restorer")
	const schema = `public_\d{8}t\d{6}z`
	for _, test := range []struct{ grant, says string }{
		{"SELECT ON ALL TABLES IN SCHEMA public", ": permission denied: .*"},
		{"ALL ON ALL TABLES IN SCHEMA public", ": the present ledger is kept in a schema " + schema + ", which this user may not make"},
	} {
		pgtest.Exec(t, l.url, "GRANT "+test.grant+" TO restorer")
		for _, args := range [][]string{{"db", "restore", document, "--dry_run"}, {"db", "restore", document}} {
			guest.fails(t, 1, `ledger \S+`+test.says, args...)
		}
		if l.must(t, "db", "export", "--history") != before {
			t.Errorf("with %s something has changed", test.grant)
		}
		pgtest.Exec(t, l.url, `DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM pg_namespace WHERE nspname LIKE 'public\_%'), 'a schema is left'; END $$`)
		guest.clean(t)
	}
	pgtest.Exec(t, l.url, "GRANT CREATE ON DATABASE "+pgtest.Database(t, l.url)+" TO restorer")
	guest.must(t, "db", "restore", document)
	restored := l.must(t, "db", "export", "--history")
	if kept, err := os.ReadFile(document); err != nil || restored != string(kept) {
		t.Errorf("with every right it restored\n%s\nnot\n%s (%v)", restored, kept, err)
	}
}
