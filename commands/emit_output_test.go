package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

// ours is a folder as an emitting command has it.
func ours(dir string) *folder {
	return &folder{path: dir, header: "# ours\n", named: func(name string) bool { return strings.HasPrefix(name, "a") }}
}

// What has been put in the place of an old file since that was looked at is not removed.
func TestFolder_remove(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"replaced": func(path string) error { return replaceWith(path, "# ours\nbut another one\n") },
		"linked":   func(path string) error { return os.Link(path, path+".link") },
		"a link now": func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.Symlink(path+".old", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := writeFile(t, dir, "a.conf", "# ours\n")
			f := ours(dir)
			stale, err := f.stale()
			if err != nil || len(stale) != 1 {
				t.Fatalf("stale is %v, %v", stale, err)
			}
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			want := "cannot remove " + path + ": somebody else has just replaced it"
			if err := f.remove(stale[0]); err == nil || err.Error() != want {
				t.Errorf("error is %v, want %s", err, want)
			}
			if _, err := os.Lstat(path); err != nil {
				t.Error(err)
			}
		})
	}
	// What somebody else has removed already is as it should be.
	dir := t.TempDir()
	path := writeFile(t, dir, "a.conf", "# ours\n")
	f := ours(dir)
	stale, err := f.stale()
	if err := errors.Join(err, os.Remove(path)); err != nil {
		t.Fatal(err)
	}
	if err := f.remove(stale[0]); err != nil {
		t.Error(err)
	}
}

// replaceWith renames another file over path, while the old one still exists, so that it has another inode.
func replaceWith(path, text string) error {
	return errors.Join(os.WriteFile(path+".new", []byte(text), 0o600), os.Rename(path+".new", path))
}

func TestFirstOf(t *testing.T) {
	names := strings.Fields("a b c d e f g h i j k l")
	for n, want := range map[int]string{1: "a", 10: "a, b, c, d, e, f, g, h, i, j", 12: "a, b, c, d, e, f, g, h, i, j and 2 more"} {
		if got := firstOf(names[:n]); got != want {
			t.Errorf("%d names are told as %q, want %q", n, got, want)
		}
	}
}

func TestDescriptorOf(t *testing.T) {
	dir := t.TempDir()
	link := func(name, to string) string {
		path := filepath.Join(dir, name)
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]int{
		"/dev/stdin":             0,
		"/dev/stdout":            1,
		"/dev/stderr":            2,
		"/dev/fd/9":              9,
		"/dev/fd/../fd/9":        9,
		"/proc/self/fd/9":        9,
		"/proc/thread-self/fd/9": 9,
		fmt.Sprintf("/proc/%d/fd/9", os.Getpid()):  9,
		fmt.Sprintf("/proc/%d/fd/9", os.Getppid()): -2,
		link("direct", "/dev/stdout"):              1,
		link("indirect", "direct"):                 1,
		link("folder", "/dev/fd") + "/7":           7,
		"/dev/null":                                -1,
		"/dev/fd":                                  -1,
		"/dev/fd/":                                 -1,
		"/dev/fd/x":                                -1,
		"/no/such/folder/1":                        -1,
		"1":                                        -1,
		dir:                                        -1,
		link("loop", "loop"):                       -1,
		link("dangling", "nowhere"):                -1,
		writeFile(t, dir, "1", ""):                 -1,
	} {
		fd, ok, err := descriptorOf(path)
		if (err != nil) != (want == -2) || ok != (want >= 0) || ok && fd != want {
			t.Errorf("%s: %d, %t, %v", path, fd, ok, err)
		}
	}
	t.Chdir("/proc/self/fd")
	if fd, ok, err := descriptorOf("2"); fd != 2 || !ok || err != nil {
		t.Errorf("in /proc/self/fd 2 is %d, %t, %v", fd, ok, err)
	}
}

// A descriptor that nobody reads does not keep a command from ending.
func TestOutput_interrupted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	// As it is handed over by a shell: a copy that is not closed on exec.
	fd, err := syscall.Dup(int(w.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	f := newFake(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	f.sys.Context = func() (context.Context, context.CancelFunc) { return ctx, func() {} }
	c := &command{name: "emit", run: func(ctx context.Context, s *session) error {
		return s.output(ctx, fmt.Sprintf("/dev/fd/%d", fd), make([]byte, 1<<20))
	}}
	code, begun := make(chan int, 1), make(chan bool, 1)
	go func() { code <- f.doOnly(c, "emit") }()
	go func() {
		_, err := r.Read(make([]byte, 1))
		begun <- err == nil
	}()
	// The deadline only ends a test that fails.
	deadline := time.After(20 * time.Second)
	select {
	case <-begun:
		cancel(cli.Signal{Signal: syscall.SIGTERM})
	case <-code:
		t.Fatalf("nothing is written: %s", f.stderr.String())
	}
	select {
	case got := <-code:
		if got != exitSignal+int(syscall.SIGTERM) {
			t.Errorf("exit %d, %s", got, f.stderr.String())
		}
	case <-deadline:
		t.Error("it goes on")
	}
}

// Whatever ledger the command has opened is refused, not only the first.
func TestRefuseLedger(t *testing.T) {
	var ledgers []*db.Store
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		store, err := db.Open(t.Context(), db.Options{URL: filepath.Join(dir, name), Mode: db.Create})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		ledgers = append(ledgers, store)
	}
	for name, want := range map[string]string{
		"one":         "it is the ledger",
		"two":         "it is the ledger",
		"two-shm":     "it is part of the ledger",
		"one-journal": "it is part of the ledger",
		"three":       "",
		"one-wal2":    "",
	} {
		path := filepath.Join(dir, name)
		_, err := planFile(path, nil, ledgers)
		if want != "" {
			want = "cannot write " + path + ": " + want
		}
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want || exitCode(t.Context(), err) != exitUsage) {
			t.Errorf("%s: error is %v, want %q", name, err, want)
		}
	}
}
