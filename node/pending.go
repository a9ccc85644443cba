//go:build linux

package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// runFolder is where an apply keeps what must outlive it, but not the boot: daemons begin with the new files then.
const runFolder = "/run/nova-manage"

// Pending is what an apply has begun: what is still to be done after its files are in place. It is on the disk before the first
// file is replaced, so that another apply finishes what one that was killed has left.
type Pending struct {
	Actions Action     `json:"-"`
	Names   string     `json:"actions"`
	Links   []string   `json:"links"` // links of ours that are to go
	Stop    []string   `json:"stop"`  // units whose files went without systemd being told
	Flows   [][]string `json:"flows"` // of calls of conntrack(8), for what is not allowed any more
}

func pendingPath(root string) string { return filepath.Join(root, runFolder, "pending") }

// readPending returns what an apply that was killed has left to do, nil for nothing.
func readPending(root string) *Pending {
	text, err := os.ReadFile(pendingPath(root))
	if err != nil {
		return nil
	}
	var p Pending
	if json.Unmarshal(text, &p) != nil {
		return &Pending{}
	}
	p.Actions = parseActions(p.Names)
	return &p
}

func (p *Pending) write(root string) error {
	p.Names = p.Actions.String()
	text, err := json.Marshal(p)
	if err == nil {
		err = WriteFile(pendingPath(root), 0o600, text)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", pendingPath(root), err)
	}
	return nil
}

func removePending(root string) error {
	if err := os.Remove(pendingPath(root)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove %s: %w", pendingPath(root), reason(err))
	}
	return nil
}

// lock keeps others from applying at the same time; it waits for one that does. The kernel gives it back however the process
// ends.
func (m *Machine) lock(ctx context.Context) (unlock func(), err error) {
	dir := filepath.Join(m.Root, runFolder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make %s: %w", dir, reason(err))
	}
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, reason(err))
	}
	for told := false; ; told = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("cannot lock %s: %w", path, err)
		}
		if !told {
			m.note("another host apply is at work; waiting for it")
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (m *Machine) note(format string, args ...any) {
	if m.Note != nil {
		m.Note(format, args...)
	}
}
