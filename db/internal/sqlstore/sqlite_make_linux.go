package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
	sqlite3 "modernc.org/sqlite/lib"
)

// making is what has been made on the disk for a ledger that is not there yet.
type making struct {
	path    string
	folders []string    // the uppermost first
	file    fs.FileInfo // nil if it was there
	mode    fs.FileMode // what an empty file had that was there
}

// found makes an empty file that only its owner can read, in a folder of the same kind, and opens it. The ledger names
// tenants; and SQLite gives its journal files the mode of the database. An empty file that is there is made private, too.
//
// The file is not a ledger before the first commit, and others may want it to become one at the same time. So whoever
// takes it away has made it, and has its locks at that moment; whoever has waited for these finds by unmoved that what they
// opened is no file of that name any more.
func (e *sqlite) found(ctx context.Context, opts Options) (*sql.DB, func(), error) {
	m := &making{path: e.path}
	before, err := m.make()
	if err != nil {
		m.undo()
		return nil, nil, e.unreachable(err)
	}
	db, err := e.connect(ctx, opts, nil)
	switch e.file = before; {
	case err == nil && e.unmoved() != nil:
		// What was opened in between is the same file only if it was the same before and after: one that is open cannot
		// give its inode number to another one.
		err = errors.Join(errMoved, db.Close())
	case isCode(err, sqlite3.SQLITE_CANTOPEN):
		// Unless something keeps it from being opened, it was gone for a moment.
		if access := unix.Faccessat(unix.AT_FDCWD, e.path, unix.R_OK|unix.W_OK, unix.AT_EACCESS); access == nil || access == unix.ENOENT {
			err = errMoved
		}
	}
	if err != nil {
		err = e.translate(ctx, err)
		m.undo()
		return nil, nil, err
	}
	return db, m.undo, nil
}

// make makes what is missing of the folders and the file, so that the names last through a power cut: SQLite syncs what is
// in the file, and the folder of a file that it makes itself, which this one is not.
func (m *making) make() (fs.FileInfo, error) {
	const attempts = 10
	for i := 1; ; i++ {
		info, err := m.try()
		if err == nil || i == attempts || !errors.Is(err, fs.ErrNotExist) {
			return info, err
		}
		// Somebody else has taken away what they had made.
	}
}

func (m *making) try() (fs.FileInfo, error) {
	folder := filepath.Dir(m.path)
	there, missing, err := missingFolders(folder)
	if err != nil {
		return nil, err
	}
	for _, f := range missing {
		err := os.Mkdir(f, 0o700)
		if err == nil {
			m.folders = append(m.folders, f)
		} else if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	f, err := os.OpenFile(m.path, os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		// What stands there since a moment ago may be anything that somebody wants a ledger to be made through.
		info, err := os.Lstat(m.path)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return nil, &fs.PathError{Op: "open", Path: m.path, Err: errLink}
		}
		if err == nil && info.Size() == 0 && info.Mode().Perm() != 0o600 {
			if m.mode == 0 {
				m.mode = info.Mode().Perm()
			}
			err = os.Chmod(m.path, 0o600)
		}
		return info, err
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	m.file = info
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	for {
		if err := syncFolder(folder); err != nil || folder == there {
			return info, err
		}
		folder = filepath.Dir(folder)
	}
}

// undo takes away what was made, unless somebody else has begun to use it. Nothing of it may be open in this process.
func (m *making) undo() {
	if m.file != nil {
		m.remove()
	}
	if info, err := os.Stat(m.path); m.mode != 0 && err == nil && info.Size() == 0 {
		_ = os.Chmod(m.path, m.mode)
	}
	for _, f := range slices.Backward(m.folders) {
		if os.Remove(f) != nil {
			return // it is in use
		}
	}
}

// remove removes the file while nobody can have a lock of SQLite's on it (sqlite.org/src/file/src/os.h: the pending byte,
// the reserved one, and 510 shared ones).
func (m *making) remove() {
	f, err := os.OpenFile(m.path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: 0x40000000, Len: 512}
	if unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock) != nil {
		return
	}
	info, err := os.Lstat(m.path)
	if err == nil && os.SameFile(info, m.file) && info.Size() == 0 {
		_ = os.Remove(m.path)
	}
}

// unmoved tells whether the file that was opened in order to become a ledger is still the one of that name.
func (e *sqlite) unmoved() error {
	if e.file == nil {
		return nil
	}
	if info, err := os.Stat(e.path); err != nil || !os.SameFile(info, e.file) {
		return errMoved
	}
	return nil
}

var errLink = errors.New("it is a symbolic link, and no ledger is made through a link")

var errNowhere = errors.New("it is a symbolic link that leads nowhere")

func leadsNowhere(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// missingFolders returns the folders that have to be made for folder to be there, the uppermost first, and the one that is
// there to make them in.
func missingFolders(folder string) (there string, missing []string, err error) {
	for there = folder; ; there = filepath.Dir(there) {
		info, err := os.Stat(there)
		switch {
		case err == nil && !info.IsDir():
			return there, nil, &fs.PathError{Op: "mkdir", Path: there, Err: unix.ENOTDIR}
		case err == nil:
			slices.Reverse(missing)
			return there, missing, nil
		case !errors.Is(err, fs.ErrNotExist):
			return there, nil, err
		case leadsNowhere(there):
			return there, nil, &fs.PathError{Op: "mkdir", Path: there, Err: errNowhere}
		}
		missing = append(missing, there)
	}
}

// rehearse finds out whether the ledger could be made, as far as that can be known without making anything.
func (e *sqlite) rehearse() error {
	there, missing, err := missingFolders(filepath.Dir(e.path))
	if err != nil {
		return e.unreachable(err)
	}
	wanted := append(missing, e.path)[0]
	if err = tryWrite(there); err == unix.EOPNOTSUPP || err == unix.EISDIR || err == nil {
		err = unix.Faccessat(unix.AT_FDCWD, there, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	}
	if err == nil && len(missing) == 0 {
		if err = unix.Faccessat(unix.AT_FDCWD, e.path, unix.R_OK|unix.W_OK, unix.AT_EACCESS); err == unix.ENOENT {
			err = nil
			if leadsNowhere(e.path) {
				err = errNowhere
			}
		}
	}
	if err != nil {
		return e.unreachable(&fs.PathError{Op: "open", Path: wanted, Err: err})
	}
	return nil
}

// syncFolder makes the names in a folder last. A file system that cannot do that says so, and a folder that may be
// written but not read cannot be opened; neither is a reason not to go on.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}
