package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"nova-manage/ec2api"
	"nova-manage/internal/cli"
	"nova-manage/internal/wholefile"
)

// fileChange is a change of the credentials file.
type fileChange struct {
	makes  bool // the file, where it is missing
	dryRun bool
	// edit makes the new text of what is there. It may be called again, with another text, where another process has made the file meanwhile.
	edit func(path, text string, keys ec2api.Keys) (string, error)
}

// change replaces the file by what edit makes of it: as a whole, for its owner alone whatever the umask is, and not while another process
// does the same. Once that is done only the answer can fail.
func (c *credentialsFile) change(ctx context.Context, s *session, ch fileChange) error {
	path, err := c.path(s.ledger)
	if err != nil {
		return err
	}
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		done, err := c.changeOnce(ctx, s, path, ch)
		if done || err != nil {
			return err
		}
	}
}

// changeOnce is not done where the file is another one than it was at first.
func (c *credentialsFile) changeOnce(ctx context.Context, s *session, path string, ch fileChange) (done bool, err error) {
	failed := func(err error) error { return fmt.Errorf("cannot change %s: %w", path, cli.ReasonOf(err)) }
	f, err := openCredentials(path, os.O_RDWR)
	missing := ch.makes && errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return false, err
	}
	if missing && c.Path == "" {
		// Where the ledger is elsewhere, nobody else makes the folder.
		if ch.dryRun {
			_, err := ch.edit(path, "", nil)
			return true, err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return false, failed(err)
		}
	}
	var text string
	var keys ec2api.Keys
	if !missing {
		defer f.Close()
		if err := lockCredentials(ctx, s, path, f); err != nil {
			return false, err
		}
		if text, keys, err = readCredentials(path, f); err != nil {
			return false, err
		}
	}
	target, _, err := newFileTarget(path, s.opened)
	if err != nil {
		return false, err
	}
	if !missing && !leadsTo(target, f) {
		return false, nil // whoever had the lock has replaced it
	}
	if runtime.GOOS == "windows" {
		f.Close() // no file is replaced there that is open, and there is no lock to be lost
	}
	changed, err := ch.edit(path, text, keys)
	switch {
	case err != nil:
		return false, err
	case len(changed) > longestCredentials:
		return false, failed(fmt.Errorf("it would be longer than %d MiB", longestCredentials>>20))
	case changed == text && !missing, ch.dryRun:
		return true, nil
	}
	to, err := wholefile.Create(target)
	if err != nil {
		return false, failed(err)
	}
	defer to.Discard()
	if _, err := io.WriteString(to, changed); err != nil {
		return false, failed(err)
	}
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	switch err := to.Commit(!missing); {
	case missing && errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, failed(err)
	}
	s.Changed()
	return true, nil
}

// leadsTo tells whether a path leads to the file that is open.
func leadsTo(path string, f *os.File) bool {
	named, err := os.Stat(path)
	if err != nil {
		return false
	}
	open, err := f.Stat()
	return err == nil && os.SameFile(named, open)
}

// errHeld says that another process held a file for as long as this one was willing to wait.
var errHeld = errors.New("held")

// lockCredentials keeps others from changing the file until it is closed.
func lockCredentials(ctx context.Context, s *session, path string, f *os.File) error {
	wait, cancel := context.WithTimeoutCause(ctx, s.ledger.LockTimeout, errHeld)
	defer cancel()
	err := wholefile.Lock(wait, f)
	switch {
	case errors.Is(err, errHeld):
		return cli.WithHint(&heldError{fmt.Sprintf("another process has held %s for %s; nothing was changed", path, s.ledger.LockTimeout)},
			"run the command again, or wait longer with --lock_timeout")
	case err != nil && ctx.Err() == nil:
		return fmt.Errorf("cannot lock %s: %w", path, err)
	}
	return err
}

type heldError struct{ message string }

func (e *heldError) Error() string        { return e.message }
func (e *heldError) Is(target error) bool { return target == errHeld }
