// Package wholefile makes files that appear under their name whole or not at all, whatever happens to the process or the
// machine meanwhile, however long they are. What is in them is left to whoever writes them.
package wholefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// File is a file on its way: it stands beside its target under a hidden name, because a rename does not cross file systems.
type File struct {
	*os.File
	target string
	done   bool
}

// Create begins a file that only its owner can read and that is to be called target. What processes that were killed have left
// on their way to the same target is removed.
func Create(target string) (*File, error) {
	folder, base := filepath.Split(target)
	sweep(folder, base)
	const most = 1000
	for n := 0; ; n++ {
		path := filepath.Join(folder, fmt.Sprintf("%s%d.%d", prefix(base), os.Getpid(), n))
		f, err := begin(path)
		if err == nil {
			return &File{File: f, target: target}, nil
		}
		if n == most || !errors.Is(err, fs.ErrExist) && err != errSwept {
			return nil, err
		}
	}
}

// errSwept says that somebody took a file away that nobody was at work on yet.
var errSwept = errors.New("the file was taken away at once")

// begin makes a file of that name and locks it, which tells others that somebody is at work on it for as long as the process
// lives. The lock is of the kind that is not SQLite's (flock(2), not fcntl(2)).
func begin(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	if !lock(f) {
		f.Close()
		return nil, errSwept
	}
	mine, err := f.Stat()
	if err == nil {
		err = f.Chmod(0o600) // a umask may have taken the owner's own rights away
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(path), f.Close())
	}
	if named, err := os.Lstat(path); err != nil || !os.SameFile(named, mine) {
		f.Close()
		return nil, errSwept
	}
	return f, nil
}

// prefix is how the names of files begin that are on their way to a target. A name has 255 bytes at most.
func prefix(base string) string { return "." + base[:min(len(base), 200)] + ".new-" }

// sweep removes what is on its way to a target and nobody is at work on.
func sweep(folder, base string) {
	entries, _ := os.ReadDir(filepath.Join(folder, ".")) // who cannot read the folder finds nothing to remove
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), prefix(base)) && entry.Type().IsRegular() {
			remove(filepath.Join(folder, entry.Name()))
		}
	}
}

// Commit has the file last and gives it its name, in place of a file that has it if replace says so. Error: fs.ErrExist where
// it is not to be replaced. An error leaves what is there as it is.
func (f *File) Commit(replace bool) error {
	err := f.Sync()
	if err == nil {
		err = f.name(replace)
	}
	if err != nil {
		return err
	}
	f.done = true
	SyncFolder(filepath.Dir(f.target))
	if err := f.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// Discard takes the file away, unless it has its name. It may be called more than once.
func (f *File) Discard() {
	if f.done {
		return
	}
	f.done = true
	_ = os.Remove(f.Name())
	_ = f.Close()
}

// SyncFolder makes the names in a folder last. Some file systems cannot do that and say so; then the folder holds the old file
// or the new one, and either of them whole.
func SyncFolder(path string) {
	if d, err := os.Open(path); err == nil {
		_ = d.Sync()
		d.Close()
	}
}
