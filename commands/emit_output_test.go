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
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want || outcomeOf(t.Context(), err).Exit != exitUsage) {
			t.Errorf("%s: error is %v, want %q", name, err, want)
		}
	}
}

// stopsAfter is a context that a signal ends once it has been asked n times whether it has ended.
type stopsAfter struct {
	context.Context
	n    int
	stop context.CancelCauseFunc
}

func (c *stopsAfter) Err() error {
	if c.n--; c.n < 0 {
		c.stop(cli.Signal{Signal: syscall.SIGINT})
	}
	return c.Context.Err()
}

// A folder that is interrupted among its files says how far it came, with an exit code that does not say that nothing was
// changed.
func TestOutputFolder_interrupted(t *testing.T) {
	for n, want := range []string{
		"interrupted",
		"interrupted: DIR: 1 of 2 written, 0 removed",
		"interrupted: DIR: 1 of 2 written, 0 removed", // the file between them is as it should be
		"interrupted: DIR: 2 of 2 written, 0 removed",
		"interrupted: DIR: 2 of 2 written, 1 removed",
		"",
	} {
		dir := t.TempDir()
		writeFile(t, dir, "a1.conf", "# ours\n")
		writeFile(t, dir, "a2.conf", "# ours\n")
		writeFile(t, dir, "a4.conf", "# ours\n")
		writeFile(t, dir, "a5.conf", "# ours\n")
		if err := os.Chmod(filepath.Join(dir, "a2.conf"), daemonMode); err != nil {
			t.Fatal(err)
		}
		f := newFake(t)
		c := &command{name: "emit", run: func(ctx context.Context, s *session) error {
			folder := ours(dir)
			folder.prune = true
			folder.files = []textFile{{"a1.conf", []byte("# ours\n1\n")}, {"a2.conf", []byte("# ours\n")}, {"a3.conf", []byte("# ours\n3\n")}}
			return s.outputFolder(&stopsAfter{ctx, n, f.interrupt}, folder)
		}}
		code := f.doOnly(c, "emit")
		wantCode, says := exitUntold, "nova-manage: error: "+strings.ReplaceAll(want, "DIR", dir)+"\n"
		switch n {
		case 0:
			wantCode = exitSignal + int(syscall.SIGINT)
		case 5:
			wantCode, says = exitOK, "nova-manage: "+dir+": 2 written, 1 unchanged, 2 removed\nnova-manage: "+dir+": removed a4.conf, a5.conf\n"
		}
		if code != wantCode || f.stderr.String() != says {
			t.Errorf("after %d: exit %d, want %d\n got %swant %s", n, code, wantCode, f.stderr.String(), says)
		}
	}
}

// A file that has been written is not taken back by a signal, nor by what goes wrong after it.
func TestOutput_interruptedAfterwards(t *testing.T) {
	for name, want := range map[string]int{"": exitOK, "it broke": exitUntold} {
		f := newFake(t)
		path := filepath.Join(t.TempDir(), "radvd.conf")
		c := &command{name: "emit", run: func(ctx context.Context, s *session) error {
			err := s.output(ctx, path, []byte("new\n"))
			f.interrupt(cli.Signal{Signal: syscall.SIGINT})
			if name != "" {
				err = errors.New(name)
			}
			return err
		}}
		if code := f.doOnly(c, "emit"); code != want {
			t.Errorf("%q: exit %d, want %d: %s", name, code, want, f.stderr.String())
		}
		if data, err := os.ReadFile(path); string(data) != "new\n" {
			t.Errorf("%q: the file holds %q, %v", name, data, err)
		}
	}
}
