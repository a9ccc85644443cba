package sqlstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"nova-manage/internal/pgtest"
)

var errRefused = errors.New("refused")

// refuse is a change that does something and is then refused.
func refuse(ctx context.Context, s *DB) error {
	return s.Change(ctx, Change{}, func(ctx context.Context, w *WriteTx) error {
		_, err := w.UpdateWhere(ctx, "sequences", new(Where), Named{"value", 7})
		return errors.Join(err, errRefused)
	})
}

// files are the names below a folder.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		if path != "." {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// The first change makes the ledger; until then there is none, and one that is refused leaves nothing, also not for the next
// one of the same command.
func TestMake(t *testing.T) {
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			url := url(t)
			path, isFile := strings.CutPrefix(url, "sqlite:///")
			if isFile {
				url = filepath.Join(path+".d", "deep", "nova.sqlite")
			}
			committed := 0
			s, err := Open(t.Context(), Options{URL: url, Mode: Create, Committed: func() { committed++ }})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			nothing := func() {
				t.Helper()
				if err := s.View(t.Context(), func(context.Context, *ReadTx) error { return nil }); !errors.Is(err, ErrNoLedger) {
					t.Errorf("a view: %v", err)
				}
				if _, err := Open(t.Context(), Options{URL: url, Mode: Read}); !errors.Is(err, ErrNoLedger) {
					t.Errorf("for others: %v", err)
				}
				if isFile {
					if left := files(t, filepath.Dir(path)); left != nil {
						t.Errorf("left: %q", left)
					}
				}
			}
			nothing()
			for range 2 {
				if err := refuse(t.Context(), s); !errors.Is(err, errRefused) || committed > 0 {
					t.Errorf("%v, %d commits", err, committed)
				}
				nothing()
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			err = s.Change(ctx, Change{}, func(context.Context, *WriteTx) error { cancel(errRefused); return nil })
			if !errors.Is(err, errRefused) {
				t.Errorf("a signal: %v", err)
			}
			nothing()
			setNumber(t, s, 3)
			if committed != 3 {
				t.Errorf("%d commits, want 3", committed)
			}
			wantNumber(t, openTest(t, url, Read), 3)
			if isFile {
				wantWAL(t, s)
			}
			if err := refuse(t.Context(), s); !errors.Is(err, errRefused) {
				t.Error(err)
			}
			wantNumber(t, s, 3)
			wantSound(t, s)
		})
	}
}

func wantWAL(t *testing.T, s *DB) {
	t.Helper()
	mode, err := column[string](t.Context(), s.conn, "PRAGMA journal_mode")
	if err != nil || !slices.Equal(mode, []string{"wal"}) {
		t.Errorf("journal mode %q, %v", mode, err)
	}
}

// Many begin at once without a ledger, and some of them are refused, which must take nothing from the others. That it is so
// on SQLite, whose locks are a process's, is tested with processes (TestFaults_firstOfMany).
func TestPostgres_makeMany(t *testing.T) {
	for range 5 {
		url := pgtest.URL(t)
		var all sync.WaitGroup
		for i := range 24 {
			all.Go(func() {
				s, err := Open(t.Context(), Options{URL: url, Mode: Create})
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				if i%3 > 0 {
					if err := refuse(t.Context(), s); !errors.Is(err, errRefused) {
						t.Error(err)
					}
					return
				}
				if err := count(t.Context(), s); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		s := openTest(t, url, Write)
		wantNumber(t, s, 8)
		wantSound(t, s)
	}
}

// What was there before is there afterwards: an empty file with its mode, and what others have put into a folder.
func TestMake_keeps(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "nova.sqlite")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Options{URL: path, Mode: Create})
	if err != nil {
		t.Fatal(err)
	}
	if err := refuse(t.Context(), s); !errors.Is(err, errRefused) {
		t.Error(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() != 0 || info.Mode().Perm() != 0o644 {
		t.Errorf("an empty file became %v, %v", info, err)
	}
	if got := files(t, dir); !slices.Equal(got, []string{"nova.sqlite"}) {
		t.Errorf("beside an empty file: %q", got)
	}
	setNumber(t, s, 1)
	if info, err = os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the ledger is %v, %v", info, err)
	}
	wantWAL(t, s)

	// Somebody puts a file into a folder, or opens the file, before the command is refused.
	for name, use := range map[string]func(path string) error{
		"a file beside it": func(path string) error { return os.WriteFile(filepath.Join(filepath.Dir(path), "notes"), nil, 0o600) },
	} {
		path := filepath.Join(t.TempDir(), "a", "b", "nova.sqlite")
		s, err := Open(t.Context(), Options{URL: path, Mode: Create})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Change(t.Context(), Change{}, func(context.Context, *WriteTx) error { return errors.Join(use(path), errRefused) })
		if _, gone := os.Stat(path); !errors.Is(err, errRefused) || !errors.Is(gone, fs.ErrNotExist) {
			t.Errorf("%s: %v, %v", name, err, gone)
		}
		if got := files(t, filepath.Dir(path)); !slices.Equal(got, []string{"notes"}) {
			t.Errorf("%s: left %q", name, got)
		}
	}
}

// A file that somebody has a lock on, or has written to, is theirs.
func TestMake_inUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nova.sqlite")
	m := &making{path: path}
	if _, err := m.make(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_RDLCK, Start: 0x40000002, Len: 510} // as a reader has it
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	m.undo()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("in use: %v", err)
	}
	lock.Type = unix.F_UNLCK
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	m.undo()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("written to: %v", err)
	}
	if err := f.Truncate(0); err != nil {
		t.Fatal(err)
	}
	m.undo()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nobody uses it: %v", err)
	}
}

// Who has waited for a file that was then taken away begins anew with the one that is there.
func TestMake_replaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nova.sqlite")
	s, err := Open(t.Context(), Options{URL: path, Mode: Create})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	undo, err := s.found(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Between the opening and the transaction.
	if err := errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := s.first(t.Context(), &Change{}, func(context.Context, *WriteTx) error { return nil }); !errors.Is(err, errMoved) {
		t.Errorf("error %v, want %v", err, errMoved)
	}
	undo()
	setNumber(t, s, 2)
	wantNumber(t, openTest(t, path, Read), 2)
}

// A ledger whose maker did not live to set its journal mode gets it from the next command that writes, and from no other.
func TestMake_settles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nova.sqlite")
	s := openTest(t, path, Create)
	setNumber(t, s, 1)
	if _, err := s.conn.ExecContext(t.Context(), "PRAGMA journal_mode=DELETE"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []Mode{Read, DryRun} {
		if err := openTest(t, path, mode).Close(); err != nil {
			t.Fatal(err)
		}
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("looking changed it, %v", err)
	}
	s = openTest(t, path, Write)
	wantWAL(t, s)
	wantNumber(t, s, 1)
}

// A dry run ends as the real run does where the ledger cannot be made, and makes nothing.
func TestMake_rehearse(t *testing.T) {
	dir := t.TempDir()
	for name, to := range map[string]string{"dangling": "nowhere/there", "link.sqlite": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("no ledger"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	for path, want := range map[string]string{
		"dangling/nova.sqlite":   "folder " + dir + "/dangling: it is a symbolic link that leads nowhere",
		"dangling/a/nova.sqlite": "folder " + dir + "/dangling: it is a symbolic link that leads nowhere",
		"link.sqlite":            "it is a symbolic link that leads nowhere, and no ledger is made through a link",
		"file/nova.sqlite":       "not a directory",
		"file":                   "",
		"new/deep/nova.sqlite":   "fine",
	} {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		var said [2]string
		for i, mode := range []Mode{DryRun, Create} {
			s, err := Open(t.Context(), Options{URL: path, Mode: mode})
			if err == nil {
				err = refuse(t.Context(), s)
				s.Close()
			}
			if err == nil || (want == "fine") != errors.Is(err, errRefused) || want != "fine" && want != "" && err.Error() != "ledger "+path+": "+want {
				t.Errorf("mode %d: %s: %v", mode, path, err)
			}
			said[i] = err.Error()
		}
		if said[0] != said[1] {
			t.Errorf("%s:\n dry %s\nreal %s", path, said[0], said[1])
		}
	}
	if after := files(t, dir); !slices.Equal(after, before) {
		t.Errorf("left %q, and before %q", after, before)
	}
}

// On PostgreSQL it is the server that is asked, in a transaction that is rolled back.
func TestPostgres_rehearse(t *testing.T) {
	url := pgtest.URL(t)
	pgtest.Exec(t, url, "CREATE SCHEMA nova")
	for name, c := range map[string]struct{ options, want string }{
		"may":      {"&search_path=nova", errRefused.Error()},
		"may not":  {"&search_path=nova&default_transaction_read_only=on", "it cannot be written"},
		"nowhere":  {"&search_path=nowhere", "its search_path names no schema to make the ledger in"},
		"readonly": {"&default_transaction_read_only=on", "it cannot be written"},
	} {
		for _, mode := range []Mode{DryRun, Create} {
			s, err := Open(t.Context(), Options{URL: url + c.options, Mode: mode})
			if err == nil {
				err = refuse(t.Context(), s)
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, mode %d: %v", name, mode, err)
			}
		}
	}
	if _, err := Open(t.Context(), Options{URL: url + "&search_path=nova", Mode: Read}); !errors.Is(err, ErrNoLedger) {
		t.Errorf("a refused change left %v", err)
	}
}
