//go:build linux

package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// These begin the names of files on their way, those of an apply and of others. They begin with a dot and have no extension, so
// that no daemon that reads whole folders reads what a power cut leaves.
const (
	temporary      = ".nova-host."
	otherTemporary = ".nova-manage."
)

// Replace brings files to what they should be: all of the new texts are on the disk before the first old file is replaced, and
// each is replaced or removed as a whole. On an error some are new and the others old; Restore brings back the old ones.
//
// step, unless it is nil, is told of each file before its turn.
func Replace(changes []*Change, step func(name string)) (err error) {
	written := make([]string, len(changes))
	defer func() {
		for _, path := range written {
			if path != "" {
				os.Remove(path)
			}
		}
	}()
	folders, fresh := map[string]bool{}, freshFolders{}
	defer fresh.discard()
	if err := fresh.plan(changes, folders); err != nil {
		return err
	}
	errs := make([]error, len(changes))
	parallel(len(changes), func(i int) {
		if c := changes[i]; c.want != nil {
			if inside, ok := fresh.place(c.target); ok {
				errs[i] = writeNew(inside, c.mode, c.want)
			} else {
				written[i], errs[i] = writeBeside(c.target, temporary, c.mode, c.want)
			}
			if errs[i] != nil {
				errs[i] = fmt.Errorf("cannot write %s: %w", c.target, reason(errs[i]))
			}
		}
	})
	if err := firstError(errs); err != nil {
		return err
	}
	// One call for all, on each file system: 16,000 calls of fsync take minutes.
	if err := syncFolders(folders); err != nil {
		return err
	}
	if err := fresh.put(changes, step); err != nil {
		return err
	}
	for i, c := range changes {
		if _, ok := fresh.place(c.target); ok && c.want != nil {
			continue
		}
		if step != nil {
			step("replace " + c.Path)
		}
		if c.want == nil {
			err = os.Remove(c.target)
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			folders[filepath.Dir(c.target)] = true
		} else if err = unix.Rename(written[i], c.target); err == nil {
			written[i] = ""
		}
		if err != nil {
			return fmt.Errorf("cannot replace %s: %w", c.target, reason(err))
		}
		c.replaced = true
	}
	return syncFolders(folders)
}

// WriteFile makes path hold data, with that mode, as a whole or not at all: it is written beside it, synced and renamed over it.
// The error does not name path.
func WriteFile(path string, mode fs.FileMode, data []byte) error {
	beside, err := writeBeside(path, otherTemporary, mode, data)
	if err != nil {
		return reason(err)
	}
	err = syncFile(beside)
	if err == nil {
		err = os.Rename(beside, path)
	}
	if err != nil {
		os.Remove(beside)
		return reason(err)
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// number makes the names of this process's files on their way different.
var number atomic.Uint64

// writeBeside writes a file in the folder of target, because a rename does not cross file systems. It goes by the kernel's own
// calls: package os makes a dozen more for each file, which 16,000 of them feel.
func writeBeside(target, prefix string, mode fs.FileMode, data []byte) (path string, err error) {
	for {
		path = beside(target, prefix)
		if err := writeNew(path, mode, data); err != unix.EEXIST {
			return path, err
		}
	}
}

// beside is a name in the folder of target that nobody has had.
func beside(target, prefix string) string {
	return filepath.Join(filepath.Dir(target), fmt.Sprintf("%s%d.%d", prefix, os.Getpid(), number.Add(1)))
}

// writeNew writes a file where there is none of that name, or none at all.
func writeNew(path string, mode fs.FileMode, data []byte) (err error) {
	fd := -1
	for fd < 0 {
		fd, err = unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
		if err != nil && err != unix.EINTR {
			return err
		}
	}
	for len(data) > 0 && err == nil {
		var n int
		if n, err = unix.Write(fd, data); err == unix.EINTR {
			n, err = 0, nil
		}
		data = data[max(n, 0):]
	}
	if err == nil {
		// Whatever the umask is: a daemon that has given up root must be able to read it again.
		err = unix.Fchmod(fd, uint32(mode))
	}
	if closed := unix.Close(fd); err == nil {
		err = closed
	}
	if err != nil {
		_ = unix.Unlink(path)
	}
	return err
}

// syncFolders has the file systems of folders write all they have. Without it a power cut may leave a new name with nothing in it.
func syncFolders(folders map[string]bool) error {
	synced := map[uint64]bool{}
	for dir := range folders {
		var stat unix.Stat_t
		if err := unix.Stat(dir, &stat); err != nil || synced[stat.Dev] {
			continue
		}
		synced[stat.Dev] = true
		f, err := os.Open(dir)
		if err != nil {
			return fmt.Errorf("cannot write into %s: %w", dir, reason(err))
		}
		err = unix.Syncfs(int(f.Fd()))
		f.Close()
		if err != nil {
			return fmt.Errorf("cannot write into %s: %w", dir, err)
		}
	}
	return nil
}

// Restore brings back what was there before Replace, where that has come so far: on a disk that is full there may be no room to
// write again what is still in its place.
func Restore(changes []*Change) error {
	var back []*Change
	for _, c := range changes {
		if c.replaced {
			back = append(back, &Change{Path: c.Path, target: c.target, want: c.had, mode: c.hadMod})
		}
	}
	return Replace(back, nil)
}

// sweep removes what a process that was killed has left: beside the files of the tree, those that links lead to and the folders that
// it was about to make, where earlier trees had files, and in the folder of what is under way. It is for whoever holds the lock.
func (t *Tree) sweep(root string) {
	dirs := map[string]bool{}
	for _, f := range t.Files {
		for dir := filepath.Dir(f.Path); !dirs[filepath.Join(root, dir)]; dir = filepath.Dir(dir) {
			dirs[filepath.Join(root, dir)] = true
		}
		path := filepath.Join(root, f.Path)
		if target, err := os.Readlink(path); err == nil && target != "" {
			if path, err = filepath.EvalSymlinks(path); err == nil {
				dirs[filepath.Dir(path)] = true
			}
		}
	}
	for _, owned := range t.Owned {
		found, _ := filepath.Glob(filepath.Join(escapeGlob(root), filepath.Dir(owned.Pattern)))
		for _, dir := range found {
			dirs[dir] = true
		}
	}
	for dir := range dirs {
		removeTemporaries(dir, temporary)
	}
	removeTemporaries(filepath.Join(root, runFolder), temporary, otherTemporary)
}

// removeTemporaries removes files and folders on their way.
func removeTemporaries(dir string, prefixes ...string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		ours := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(e.Name(), p) })
		if ours && (e.Type().IsRegular() || e.IsDir()) {
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}
