package commands

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nova-manage/internal/cli"
)

// wantFile checks the content and mode of a file, and that nothing but it and others is in its folder.
func wantFile(t *testing.T, path, content string, others ...string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != content {
		t.Errorf("%s holds %q, want %q", path, got, content)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != daemonMode {
		t.Errorf("%s has mode %s, want %s", path, info.Mode(), daemonMode)
	}
	wantEntries(t, filepath.Dir(path), 1+len(others))
}

func wantEntries(t *testing.T, dir string, n int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != n {
		t.Errorf("%s holds %v, want %d entries", dir, entries, n)
	}
}

func TestReplaceFile(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	path := filepath.Join(t.TempDir(), "radvd.conf")
	replace := func(content string, want bool) os.FileInfo {
		t.Helper()
		changed, err := replaceFile(path, []byte(content), nil)
		if err != nil || changed != want {
			t.Fatalf("changed %v, %v; want %v", changed, err, want)
		}
		wantFile(t, path, content)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	first := replace("one\n", true)
	same := replace("one\n", false)
	if !os.SameFile(first, same) || !first.ModTime().Equal(same.ModTime()) {
		t.Error("a file that is as it should be was touched")
	}
	if os.SameFile(first, replace("two\n", true)) {
		t.Error("the file was written in place")
	}
	replace("", true)
	replace("two\n", true)
	// radvd refuses to start on this mode.
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	replace("two\n", true)
}

func TestReplaceFile_link(t *testing.T) {
	dir := t.TempDir()
	real := writeFile(t, dir, "real.conf", "old\n")
	link := filepath.Join(dir, "link.conf")
	if err := os.Symlink("real.conf", link); err != nil {
		t.Fatal(err)
	}
	if _, err := replaceFile(link, []byte("new\n"), nil); err != nil {
		t.Fatal(err)
	}
	wantFile(t, real, "new\n", link)
	if to, err := os.Readlink(link); err != nil || to != "real.conf" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
}

func TestReplaceFile_refused(t *testing.T) {
	dir := t.TempDir()
	old := writeFile(t, dir, "old.conf", "old\n")
	dangling, fifo := filepath.Join(dir, "dangling"), filepath.Join(dir, "fifo")
	if err := os.Symlink("nowhere", dangling); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                              "it is a folder",
		dangling:                         "it is a symbolic link that leads nowhere",
		fifo:                             "it is not a regular file",
		filepath.Join(dir, "no", "file"): "no such file or directory",
		filepath.Join(old, "file"):       "not a directory",
		filepath.Join(dir, "new") + "/":  "no such file or directory",
		filepath.Join(dir, strings.Repeat("x", 256)): "file name too long",
	} {
		_, err := replaceFile(path, []byte("new\n"), nil)
		if want := "cannot write " + path + ": " + want; err == nil || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	if got, _ := os.ReadFile(old); string(got) != "old\n" {
		t.Errorf("another file holds %q now", got)
	}
	wantEntries(t, dir, 3)
}

// What goes wrong once writing has begun leaves nothing behind.
func TestFileUpdate_apply_fails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "radvd.conf")
	u, err := planFile(path, []byte("new\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := u.apply(); err == nil || err.Error() != "cannot write "+path+": file exists" {
		t.Errorf("error is %v", err)
	}
	wantEntries(t, dir, 1)
}

// A copy of a ledger is no place for a configuration file, whichever ledger is open.
func TestPlanFile_database(t *testing.T) {
	path := writeFile(t, t.TempDir(), "backup.sqlite", "SQLite format 3\x00and more")
	_, err := planFile(path, []byte("text"), nil)
	if err == nil || !errors.Is(err, cli.ErrUsage) || !strings.Contains(err.Error(), "it is an SQLite database, another ledger or a copy of one") {
		t.Errorf("error %v", err)
	}
}
