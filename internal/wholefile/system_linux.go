package wholefile

import (
	"os"

	"golang.org/x/sys/unix"
)

const noFollow = unix.O_NOFOLLOW

// lock is false where somebody else has the file locked.
func lock(f *os.File) bool {
	locked, _ := flock(f)
	return locked
}

func remove(path string) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if lock(f) {
		_ = os.Remove(path)
	}
}

func (f *File) name(replace bool) error {
	if replace {
		return os.Rename(f.Name(), f.target)
	}
	err := unix.Renameat2(unix.AT_FDCWD, f.Name(), unix.AT_FDCWD, f.target, unix.RENAME_NOREPLACE)
	if err != unix.EINVAL && err != unix.ENOSYS && err != unix.ENOTSUP {
		return err
	}
	// A file system, or a kernel, without that.
	if err := os.Link(f.Name(), f.target); err != nil {
		return err
	}
	return os.Remove(f.Name())
}
