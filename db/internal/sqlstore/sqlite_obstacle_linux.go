package sqlstore

import (
	"path/filepath"

	"golang.org/x/sys/unix"
	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// obstacle says why the file or one beside it cannot be read or written. SQLite's code tells little (a full disk, an
// unreadable file and a read-only folder are all "unable to open database file"), so the system is asked.
func (e *sqlite) obstacle(serr *driver.Error) string {
	// Asking must not open the file: closing it again would drop this process's locks on it (fcntl(2), SQLite's
	// own are of that kind).
	file, folder := e.path, filepath.Dir(e.path)
	for _, part := range []struct {
		path, what string
		mode       uint32
	}{
		{file, "it cannot be read", unix.R_OK},
		{file, "it cannot be written", unix.W_OK},
		{folder, "its folder cannot be written", unix.W_OK | unix.X_OK},
	} {
		if err := unix.Faccessat(unix.AT_FDCWD, part.path, part.mode, unix.AT_EACCESS); err != nil {
			return part.what + ": " + err.Error()
		}
	}
	err := tryWrite(folder)
	switch {
	case err == unix.ENOSPC && noInodes(folder):
		return "no inodes left on its device"
	case err == unix.ENOSPC, err == nil && serr.Code()&0xff == sqlite3.SQLITE_FULL:
		return "no space left on its device"
	case err != nil && err != unix.EOPNOTSUPP:
		return "its folder cannot be written: " + err.Error()
	}
	return oneLineOf(serr.Error())
}

// tryWrite writes into a folder as much as a small transaction needs, and leaves nothing behind: the file never has a
// name. It returns EOPNOTSUPP where the file system has no such files.
func tryWrite(folder string) error {
	fd, err := unix.Open(folder, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for data := make([]byte, 128<<10); len(data) > 0; {
		n, err := unix.Write(fd, data)
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// noInodes tells whether a file system has as many files as it can have. One without a limit says 0 of 0.
func noInodes(folder string) bool {
	var st unix.Statfs_t
	return unix.Statfs(folder, &st) == nil && st.Files > 0 && st.Ffree == 0
}
