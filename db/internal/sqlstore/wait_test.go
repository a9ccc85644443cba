package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// holdAlone opens a ledger so that nobody else can even read it, and returns what ends that.
func holdAlone(t *testing.T, path string) (release func()) {
	t.Helper()
	holder, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := holder.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"PRAGMA locking_mode=EXCLUSIVE", "BEGIN EXCLUSIVE", "DELETE FROM sequences"} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	release = func() {
		_, _ = conn.ExecContext(context.Background(), "ROLLBACK")
		if err := errors.Join(conn.Close(), holder.Close()); err != nil {
			t.Error(err)
		}
	}
	return release
}

// A reader waits for whoever holds the ledger alone, from the first look at the file on.
func TestOpen_waits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nova.sqlite")
	if err := openTest(t, path, Create).Close(); err != nil {
		t.Fatal(err)
	}
	release := holdAlone(t, path)
	_, err := Open(t.Context(), Options{URL: path, Mode: Read, LockTimeout: time.Millisecond})
	wantError(t, err, nil, "another process has held ledger "+path+" for 1ms; nothing was changed")
	var locked *LockedError
	if !errors.As(err, &locked) {
		t.Errorf("error %#v, want a *LockedError", err)
	}

	opened := make(chan error)
	go func() {
		s, err := Open(t.Context(), Options{URL: path, Mode: Read})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	release()
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

// A signal ends the wait.
func TestOpen_waitCancelled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nova.sqlite")
	if err := openTest(t, path, Create).Close(); err != nil {
		t.Fatal(err)
	}
	defer holdAlone(t, path)()
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	if _, err := Open(ctx, Options{URL: path, Mode: Read}); !errors.Is(err, stopped) && !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Where the file cannot be got at, the error names the ledger and the reason, not a system call.
func TestOpen_unreachable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := openTest(t, file, Create).Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(file, "nova.sqlite")
	for _, mode := range []Mode{Read, Write, Create, Sync, DryRun} {
		_, err := Open(t.Context(), Options{URL: path, Mode: mode})
		wantError(t, err, nil, "ledger "+path+": not a directory")
	}
}
