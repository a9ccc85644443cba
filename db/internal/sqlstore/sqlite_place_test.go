package sqlstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// A ledger is made through no link, whatever it leads to, and not for a dry run either; one that is there is opened by one.
func TestOpen_link(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := openTest(t, at("ledger"), Create).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("empty"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"ledger", "empty", "nowhere", "loop"} {
		if err := os.Symlink(at(target), at("to-"+target)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(dir, at("folder")); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []Mode{Read, Write, Create, Sync, DryRun} {
		openTest(t, at("to-ledger"), mode)
		for target, said := range map[string]string{
			"nowhere": "it is a symbolic link that leads nowhere, and no ledger is made through a link",
			"empty":   "it is a symbolic link to an empty file, and no ledger is made through a link",
		} {
			_, err := Open(t.Context(), Options{URL: at("to-" + target), Mode: mode})
			if mode == Read || mode == Write {
				wantSentence(t, err, ErrNoLedger, "there is no ledger")
				continue
			}
			wantSentence(t, err, nil, "ledger "+at("to-"+target)+": "+said, string(WayAnotherPlace))
		}
	}
	if _, err := os.Lstat(at("nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a ledger was made through the link: %v", err)
	}
	if info, err := os.Stat(at("empty")); err != nil || info.Size() != 0 || info.Mode().Perm() != 0o644 {
		t.Errorf("the empty file has become %v (%v)", info, err)
	}
	// A folder may be reached by a link: whoever could put one there could put anything there.
	openTest(t, filepath.Join(at("folder"), "new"), Create)

	// In the moment between the look and the making, too.
	if _, err := (&making{path: at("to-nowhere")}).make(); !errors.Is(err, errLink) {
		t.Errorf("error %v, want that it is a link", err)
	}
	if _, err := os.Lstat(at("nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made through the link: %v", err)
	}
}

// Many that want to make it at once make one, and none fails because another was faster.
func TestOpen_madeAtOnce(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "a", "nova.sqlite")
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				s, err := Open(t.Context(), Options{URL: path, Mode: Sync})
				if err != nil {
					t.Error(err)
					return
				}
				s.Close()
			})
		}
		all.Wait()
		wantSound(t, openTest(t, path, Read))
	}
}

// Root makes no ledger of an empty file that is somebody else's, who would own the ledger; their own is everybody's to use.
func TestOpen_foreignFile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root is refused")
	}
	const nobody = 65534
	path := filepath.Join(t.TempDir(), "nova.sqlite")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []Mode{Create, Sync, DryRun} {
		_, err := Open(t.Context(), Options{URL: path, Mode: mode})
		wantSentence(t, err, nil, fmt.Sprintf("ledger %s: it is an empty file of user %d, and root makes no ledger of somebody else's file", path, nobody), string(WayAnotherPlace))
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("the file has become %v (%v)", info, err)
	}
	if err := os.Chown(path, 0, 0); err != nil {
		t.Fatal(err)
	}
	openTest(t, path, Create)
}
