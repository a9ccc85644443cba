package wholefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func create(t *testing.T, target, text string) *File {
	t.Helper()
	f, err := Create(target)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Discard)
	return f
}

func want(t *testing.T, dir string, files ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name()+"="+string(text))
	}
	if got := strings.Join(names, " "); got != strings.Join(files, " ") {
		t.Errorf("the folder has %q, want %q", got, files)
	}
}

func TestFile(t *testing.T) {
	old := unix.Umask(0o777)
	defer unix.Umask(old)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(dir, "a")
	f := create(t, target, "one")
	if info, err := os.Stat(f.Name()); err != nil || info.Mode().Perm() != 0o600 || filepath.Dir(f.Name()) != dir {
		t.Errorf("it is %v in %s (%v)", info.Mode(), f.Name(), err)
	}
	if _, err := os.Stat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there already: %v", err)
	}
	if err := f.Commit(false); err != nil {
		t.Fatal(err)
	}
	f.Discard() // which is too late
	want(t, dir, "a=one")
	second := create(t, target, "two")
	if err := second.Commit(false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v", err)
	}
	second.Discard()
	second.Discard()
	want(t, dir, "a=one")
	if err := create(t, target, "three").Commit(true); err != nil {
		t.Fatal(err)
	}
	want(t, dir, "a=three")
}

// What a killed process has left is removed by the next one, and what somebody is at work on is not.
func TestCreate_left(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "a")
	atWork := create(t, target, "at work")
	for _, name := range []string{".a.new-1.0", ".b.new-1.0", "a.new-1.0"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("b", filepath.Join(dir, ".a.new-2.0")); err != nil {
		t.Fatal(err)
	}
	if err := create(t, target, "mine").Commit(false); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, ".a.new-2.0")); err != nil {
		t.Errorf("a link was followed, or removed: %v", err)
	}
	want(t, dir, filepath.Base(atWork.Name())+"=at work", ".b.new-1.0=", "a=mine", "a.new-1.0=")
}

func TestCreate_refused(t *testing.T) {
	if _, err := Create(filepath.Join(t.TempDir(), "none", "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	long := create(t, filepath.Join(t.TempDir(), strings.Repeat("x", 255)), "")
	if err := long.Commit(false); err != nil {
		t.Errorf("a name as long as it can be: %v", err)
	}
}
