package db

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var restoreTime = time.Date(2026, 11, 26, 0, 31, 5, 0, time.UTC)

func restoreInto(t *testing.T, url, path string, mode Mode) (Restored, error) {
	t.Helper()
	return Restore(t.Context(), Options{URL: url, Mode: mode, Clock: func() time.Time { return restoreTime }, Command: "db restore"}, path)
}

// backupOf makes a backup of a ledger.
func backupOf(t *testing.T, s *Store) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "backup"))
	if err == nil {
		err = s.Backup(t.Context(), f)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// keptURL is where a ledger is that was kept.
func keptURL(url, kept string) string {
	if !strings.HasPrefix(url, "postgresql:") {
		return kept
	}
	separator := "?"
	if strings.Contains(url, "?") {
		separator = "&"
	}
	return url + separator + "search_path=" + kept
}

// From each engine into each: the restored ledger holds the same rows, history included, and says nothing of the restore; the one
// that was there is kept, as a ledger of its own.
func TestRestore(t *testing.T) {
	for fromName, fromURL := range engines {
		from := openTest(t, fromURL(t), Create)
		fillWith(t, from, 20)
		wear(t, from)
		backup := backupOf(t, from)
		for toName, toURL := range engines {
			t.Run(fromName+" to "+toName, func(t *testing.T) {
				to := openTest(t, toURL(t), Create)
				create(t, to, flat("172.16.0.0/24", 28, 3))
				before := exportWith(t, to, true)
				if dry, err := restoreInto(t, urlOf(to), backup, DryRun); err != nil || dry.Kept == "" && toName == "postgresql" {
					t.Errorf("a dry run: %+v, %v", dry, err)
				}
				if exportWith(t, to, true) != before {
					t.Error("a dry run did something")
				}
				done, err := restoreInto(t, urlOf(to), backup, Create)
				if err != nil {
					t.Fatal(err)
				}
				if done.Document != (fromName == "postgresql") || !strings.Contains(strings.ToLower(strings.NewReplacer("-", "", ":", "").Replace(done.Kept)), "20261126t003105z") {
					t.Errorf("it did %+v", done)
				}
				wantRows(t, from, to, true) // through what was open before
				wantClean(t, to)
				kept := openTest(t, keptURL(urlOf(to), done.Kept), Read)
				if got := exportWith(t, kept, true); got != before {
					t.Errorf("what is kept is\n%s\nnot\n%s", got, before)
				}
				wantClean(t, kept)
				create(t, to, flat("172.16.0.0/24", 28, 1).with(func(n *NewNetworks) { n.Bridge = "other" }))
				wantClean(t, to)
				if got := exportWith(t, kept, true); got != before {
					t.Error("what is kept changes with the ledger")
				}
				// What is there is kept again, in another place, and the first one comes back.
				again, err := restoreInto(t, urlOf(to), backup, Create)
				if err != nil || again.Kept == done.Kept {
					t.Errorf("again: %+v, %v", again, err)
				}
			})
		}
	}
}

// Into a place where no ledger is nothing is kept; a document without history makes the restore the first change.
func TestRestore_document(t *testing.T) {
	source := openTest(t, engines["sqlite"](t), Create)
	fillWith(t, source, 20)
	path := filepath.Join(t.TempDir(), "document")
	if err := os.WriteFile(path, []byte("\n \t"+export(t, source)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			to := url(t)
			done, err := restoreInto(t, to, path, Create)
			if err != nil || done.Kept != "" || !done.Document {
				t.Fatal(done, err)
			}
			s := openTest(t, to, Read)
			wantRows(t, source, s, false)
			wantClean(t, s)
			bad := filepath.Join(t.TempDir(), "bad")
			if err := os.WriteFile(bad, []byte(strings.Replace(export(t, source), `"vlan": 100`, `"vlan": 0`, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			before := exportWith(t, s, true)
			_, err = restoreInto(t, to, bad, Create)
			if !errors.Is(err, ErrInvalid) || !strings.HasPrefix(err.Error(), bad+": line ") {
				t.Errorf("error %v", err)
			}
			if exportWith(t, s, true) != before {
				t.Error("it has changed something")
			}
		})
	}
}

// A ledger of an earlier schema version is brought up to date in a copy: the file stays as it is, to the byte.
func TestRestore_earlier(t *testing.T) {
	ledgers, err := filepath.Glob("testdata/ledgers/*.sqlite.gz")
	if err != nil || len(ledgers) == 0 {
		t.Fatal(ledgers, err)
	}
	for _, ledger := range ledgers {
		packed, err := os.Open(ledger)
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := gzip.NewReader(packed)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(unpacked)
		if err := errors.Join(err, packed.Close()); err != nil {
			t.Fatal(err)
		}
		for name, url := range engines {
			t.Run(fmt.Sprint(filepath.Base(ledger), " ", name), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "old")
				if err := os.WriteFile(path, text, 0o400); err != nil {
					t.Fatal(err)
				}
				to := url(t)
				if _, err := restoreInto(t, to, path, Create); err != nil {
					t.Fatal(err)
				}
				s := openTest(t, to, Read)
				wantClean(t, s)
				if len(allNetworks(t, s)) == 0 {
					t.Error("nothing is restored")
				}
				after, err := os.ReadFile(path)
				if err != nil || !bytes.Equal(after, text) {
					t.Errorf("the file has changed (%v)", err)
				}
				if beside, _ := filepath.Glob(path + "?*"); beside != nil {
					t.Errorf("left beside it: %v", beside)
				}
			})
		}
	}
}

// A ledger at work is restored from, with what is in its log, and goes on.
func TestRestore_atWork(t *testing.T) {
	from := openTest(t, engines["sqlite"](t), Create)
	fillWith(t, from, 20)
	if info, err := os.Stat(from.Files()[1]); err != nil || info.Size() == 0 {
		t.Fatalf("its log is empty: %v", err)
	}
	to := engines["sqlite"](t)
	if _, err := restoreInto(t, to, from.Files()[0], Create); err != nil {
		t.Fatal(err)
	}
	wantRows(t, from, openTest(t, to, Read), true)
	create(t, from, flat("172.16.0.0/24", 28, 1).with(func(n *NewNetworks) { n.Bridge = "other" }))
	wantClean(t, from)
}
