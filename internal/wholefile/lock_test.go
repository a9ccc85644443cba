package wholefile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func() *os.File {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	first, second := open(), open()
	if err := Lock(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	tooLate := errors.New("too late")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Millisecond, tooLate)
	defer cancel()
	if err := Lock(ctx, second); err != tooLate {
		t.Errorf("error %v", err)
	}
	time.AfterFunc(30*time.Millisecond, func() { first.Close() })
	if err := Lock(t.Context(), second); err != nil {
		t.Error(err)
	}
	closed := open()
	closed.Close()
	if err := Lock(t.Context(), closed); err == nil {
		t.Error("a file that is closed is locked")
	}
}
