package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nova-manage/internal/race"
)

// restoreFrom is a fill that copies a file.
func restoreFrom(path string) func(context.Context, *os.File) error {
	return func(ctx context.Context, fresh *os.File) error { return CopyFile(ctx, path, fresh, Options{}) }
}

// ledgerWith makes a ledger with so many projects of a name.
func ledgerWith(t *testing.T, path, name string, n int) {
	t.Helper()
	s := openTest(t, path, Create)
	defer s.Close()
	err := s.Change(t.Context(), Change{Actor: "t"}, func(ctx context.Context, w *WriteTx) error {
		return w.Insert(ctx, NewRows{Table: "projects", Columns: []string{"project_id", "created_at"}, N: n, Fill: func(i int, v []any) {
			v[0], v[1] = fmt.Sprint(name, i), "2011-02-03T04:05:06Z"
		}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// projectsIn are the projects of a ledger by the name that they have before their number, which passes its own checks.
func projectsIn(t *testing.T, path string) map[string]int {
	t.Helper()
	s := openTest(t, path, Read)
	defer s.Close()
	wantSound(t, s)
	all := map[string]int{}
	err := s.View(t.Context(), func(ctx context.Context, r *ReadTx) error {
		names, err := Values[string](ctx, r, "project_id FROM projects")
		for _, name := range names {
			all[strings.TrimRight(name, "0123456789")]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func restoreOptions(path string, mode Mode) Options {
	return Options{URL: path, Mode: mode, Clock: func() time.Time { return time.Date(2026, 11, 26, 0, 31, 5, 0, time.UTC) }}
}

// The present ledger is kept beside it, and nothing else is left behind; a link stays one, and the file its inode.
func TestRestoreFile(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	ledgerWith(t, at("other"), "new", 5000)
	ledgerWith(t, at("nova.sqlite"), "old", 3)
	before, _ := os.Stat(at("nova.sqlite"))
	if err := os.Symlink("nova.sqlite", at("link")); err != nil {
		t.Fatal(err)
	}
	if kept, err := RestoreFile(t.Context(), restoreOptions(at("link"), DryRun), restoreFrom(at("other"))); err != nil || kept != "" {
		t.Fatal(kept, err)
	}
	if got := projectsIn(t, at("nova.sqlite")); got["old"] != 3 || len(got) != 1 {
		t.Errorf("after a dry run it has %v", got)
	}
	for i, want := range []string{"nova.sqlite.2026-11-26T00-31-05Z", "nova.sqlite.2026-11-26T00-31-05Z-2"} {
		kept, err := RestoreFile(t.Context(), restoreOptions(at("link"), Create), restoreFrom(at("other")))
		if err != nil || kept != at(want) {
			t.Fatal(kept, err)
		}
		if got := projectsIn(t, kept); i == 0 && (got["old"] != 3 || len(got) != 1) || i == 1 && got["new"] != 5000 {
			t.Errorf("what is kept has %v", got)
		}
		if info, err := os.Stat(kept); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("what is kept is %v (%v)", info, err)
		}
	}
	if got := projectsIn(t, at("nova.sqlite")); got["new"] != 5000 || len(got) != 1 {
		t.Errorf("the ledger has %v", got)
	}
	if after, err := os.Stat(at("nova.sqlite")); err != nil || !os.SameFile(before, after) {
		t.Errorf("the ledger is another file (%v)", err)
	}
	// Into a place where there is none, with its folder, and where there is an empty file.
	for _, place := range []string{"a/b/nova.sqlite", "empty"} {
		if place == "empty" {
			if err := os.WriteFile(at(place), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if kept, err := RestoreFile(t.Context(), restoreOptions(at(place), Create), restoreFrom(at("other"))); err != nil || kept != "" {
			t.Fatal(kept, err)
		}
		if got := projectsIn(t, at(place)); got["new"] != 5000 {
			t.Errorf("%s has %v", place, got)
		}
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s is left", e.Name())
		}
	}
}

// A fill that fails leaves everything as it was, folders too.
func TestRestoreFile_fails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "nova.sqlite")
	broken := errors.New("broken")
	fill := func(context.Context, *os.File) error { return broken }
	if _, err := RestoreFile(t.Context(), restoreOptions(path, Create), fill); err != broken {
		t.Errorf("error %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

// Who waits for the lock while another ledger is put in the place of the one that it has opened writes into the new one, and
// who reads goes on reading the old one to its end.
func TestRestoreFile_others(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "nova.sqlite"), filepath.Join(dir, "other")
	ledgerWith(t, path, "old", 3)
	ledgerWith(t, other, "new", 5000)
	reader, writer := openTest(t, path, Read), openTest(t, path, Write)
	begun, wrote := make(chan struct{}), make(chan error, 1)
	defer func(was func(string)) { step = was }(step)
	step = func(name string) {
		if name != "overwrite" {
			return
		}
		go func() {
			close(begun)
			wrote <- writer.Change(context.Background(), Change{Actor: "t"}, func(ctx context.Context, w *WriteTx) error {
				return w.Insert(ctx, NewRows{Table: "projects", Columns: []string{"project_id", "created_at"}, N: 1, Fill: func(_ int, v []any) {
					v[0], v[1] = "late", "2011-02-03T04:05:06Z"
				}})
			})
		}()
		<-begun
		time.Sleep(20 * time.Millisecond)
	}
	err := reader.View(t.Context(), func(ctx context.Context, r *ReadTx) error {
		if _, err := RestoreFile(ctx, restoreOptions(path, Create), restoreFrom(other)); err != nil {
			return err
		}
		n, _, err := Value[int](ctx, r, "count(*) FROM projects")
		if n != 3 {
			t.Errorf("the reader sees %d projects", n)
		}
		return err
	})
	if err := errors.Join(err, <-wrote); err != nil {
		t.Fatal(err)
	}
	if got := projectsIn(t, path); got["new"] != 5000 || got["late"] != 1 || len(got) != 2 {
		t.Errorf("the ledger has %v", got)
	}
	if got := projectsIn(t, path+".2026-11-26T00-31-05Z"); got["old"] != 3 || len(got) != 1 {
		t.Errorf("what is kept has %v", got)
	}
}

// What is damaged is replaced and kept as it is. Another program's database is not.
func TestRestoreFile_damaged(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other")
	ledgerWith(t, other, "new", 10)
	for name, damage := range map[string]func([]byte) []byte{
		"nothing of a database": func([]byte) []byte { return []byte(strings.Repeat("garbage\n", 1000)) },
		"header":                func(b []byte) []byte { copy(b, "XXXXXX"); return b },
		"schema":                func(b []byte) []byte { copy(b[100:], make([]byte, 1000)); return b },
		"middle":                func(b []byte) []byte { copy(b[3*4096:], make([]byte, 4096)); return b },
		"cut":                   func(b []byte) []byte { return b[:len(b)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "nova.sqlite")
			ledgerWith(t, path, "old", 3)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b = damage(b)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			kept, err := RestoreFile(t.Context(), restoreOptions(path, Create), restoreFrom(other))
			if err != nil {
				t.Fatal(err)
			}
			if got := projectsIn(t, path); got["new"] != 10 {
				t.Errorf("the ledger has %v", got)
			}
			if info, err := os.Stat(kept); err != nil || info.Size() < int64(len(b)) && name != "cut" {
				t.Errorf("what is kept is %v (%v)", info, err)
			}
		})
	}
	foreign := filepath.Join(dir, "foreign")
	db, err := sql.Open("sqlite", foreign)
	if err == nil {
		_, err = db.Exec("CREATE TABLE fixed_ips (id)")
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := RestoreFile(t.Context(), restoreOptions(foreign, Create), restoreFrom(other)); err == nil || !strings.Contains(err.Error(), "OpenStack Nova itself") {
		t.Errorf("Nova's own: %v", err)
	}
}

// What a ledger that is gone has left beside its place does not get into the one that comes.
func TestRestoreFile_orphanedLog(t *testing.T) {
	for _, empty := range []bool{false, true} {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		path, other := filepath.Join(dir, "nova.sqlite"), filepath.Join(dir, "other")
		ledgerWith(t, other, "new", 10)
		ledgerWith(t, path, "old", 3)
		log := hotLog(t, path)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+"-wal", log, 0o600); err != nil {
			t.Fatal(err)
		}
		if empty {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var warned []string
		opts := restoreOptions(path, Create)
		opts.Warn = func(message string) { warned = append(warned, message) }
		if kept, err := RestoreFile(t.Context(), opts, restoreFrom(other)); err != nil || kept != "" {
			t.Fatal(kept, err)
		}
		if got := projectsIn(t, path); got["new"] != 10 || len(got) != 1 {
			t.Errorf("the ledger has %v", got)
		}
		kept := path + ".2026-11-26T00-31-05Z-wal"
		if b, err := os.ReadFile(kept); err != nil || !bytes.Equal(b, log) {
			t.Errorf("the log is not kept (%v)", err)
		}
		if want := []string{path + "-wal was left of a ledger that is gone; it is kept as " + kept}; !slices.Equal(warned, want) {
			t.Errorf("warned: %q", warned)
		}
	}
}

// hotLog is a log with a change to a ledger that is not in its own file yet.
func hotLog(t *testing.T, path string) []byte {
	t.Helper()
	s := openTest(t, path, Write)
	defer s.Close()
	err := s.Change(t.Context(), Change{Actor: "t"}, func(ctx context.Context, w *WriteTx) error {
		return w.Update(ctx, "projects", Named{"project_id", "old0"}, Named{"description", "hot"})
	})
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(path + "-wal")
	if err != nil || len(log) == 0 {
		t.Fatal("there is no log", err)
	}
	return log
}

// A ledger in pages of another size takes the place of one, and the other way round.
func TestRestoreFile_pageSize(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "nova.sqlite"), filepath.Join(dir, "other")
	ledgerWith(t, path, "old", 3)
	ledgerWith(t, other, "new", 500)
	db, err := sql.Open("sqlite", other)
	if err == nil {
		db.SetMaxOpenConns(1)
		_, err = db.Exec("PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM")
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := RestoreFile(t.Context(), restoreOptions(path, Create), restoreFrom(other)); err != nil {
		t.Fatal(err)
	}
	if got := projectsIn(t, path); got["new"] != 500 {
		t.Errorf("the ledger has %v", got)
	}
}

// killRestore, in the environment, has this test binary restore a ledger and kill itself at a step: "PATH OTHER N".
const killRestore = "NOVA_TEST_KILL_RESTORE"

func init() {
	words := strings.Fields(os.Getenv(killRestore))
	if len(words) != 3 {
		return
	}
	n := 0
	step = func(string) {
		if fmt.Sprint(n) == words[2] {
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Kill()
			select {}
		}
		n++
	}
	if _, err := RestoreFile(context.Background(), restoreOptions(words[0], Create), restoreFrom(words[1])); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Killed at each of its steps, a restore leaves one of the two ledgers whole, and the next one works and clears up.
func TestRestoreFile_killed(t *testing.T) {
	race.SkipProcesses(t)
	for name, made := range map[string]func(t *testing.T, path string){
		"present": func(t *testing.T, path string) { ledgerWith(t, path, "old", 4000) },
		"none":    func(*testing.T, string) {},
		"damaged": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("garbage\n", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			other := filepath.Join(t.TempDir(), "other")
			ledgerWith(t, other, "new", 90000) // several times the pages that are copied at once
			var seen []string
			for n := 0; ; n++ {
				dir := t.TempDir()
				path := filepath.Join(dir, "nova.sqlite")
				made(t, path)
				cmd := exec.Command(os.Args[0], "-test.run=^$")
				cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d", killRestore, path, other, n))
				out, err := cmd.CombinedOutput()
				if err == nil {
					break
				}
				if cmd.ProcessState.ExitCode() != -1 {
					t.Fatalf("step %d: %v %s", n, err, out)
				}
				left := "nothing"
				if name != "damaged" {
					if _, err := os.Stat(path); err == nil {
						got := projectsIn(t, path)
						if left = "new"; got["old"] > 0 {
							left = "old"
						}
						if len(got) != 1 || got["old"] != 4000 && got["new"] != 90000 {
							t.Errorf("killed at step %d, it left %v", n, got)
						}
					}
				}
				seen = append(seen, left)
				if _, err := RestoreFile(t.Context(), restoreOptions(path, Create), restoreFrom(other)); err != nil {
					t.Fatalf("after step %d: %v", n, err)
				}
				if got := projectsIn(t, path); got["new"] != 90000 || len(got) != 1 {
					t.Errorf("after step %d the ledger has %v", n, got)
				}
				entries, _ := os.ReadDir(dir)
				for _, e := range entries {
					if strings.HasPrefix(e.Name(), ".nova.sqlite.new-") {
						t.Errorf("step %d: %s is left", n, e.Name())
					}
				}
			}
			t.Logf("left by step: %v", seen)
			if name == "present" && (!slices.Contains(seen, "old") || !slices.Contains(seen, "new") || len(seen) < 7) {
				t.Errorf("too few steps are tried: %v", seen)
			}
		})
	}
}
