package db

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestStore_Files(t *testing.T) {
	// The folder may itself be reached by a link.
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	real, link := filepath.Join(dir, "real.sqlite"), filepath.Join(dir, "link.sqlite")
	if err := openTest(t, real, Create).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.sqlite", link); err != nil {
		t.Fatal(err)
	}
	store, err := Open(t.Context(), Options{URL: link, Mode: Create})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	files := store.Files()
	if want := []string{real, real + "-wal", real + "-shm", real + "-journal"}; !slices.Equal(files, want) {
		t.Errorf("files are %q, want %q", files, want)
	}
	// Whatever SQLite has made is among them.
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if path := filepath.Join(dir, entry.Name()); path != link && !slices.Contains(files, path) {
			t.Errorf("%s is not among them", path)
		}
	}
	memory, err := Open(t.Context(), Options{URL: filepath.Join(dir, "none.sqlite"), Mode: DryRun})
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	if files := memory.Files(); files != nil {
		t.Errorf("a ledger in memory has files: %q", files)
	}
}
