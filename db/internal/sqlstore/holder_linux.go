package sqlstore

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"nova-manage/internal/redact"
)

// SQLite's locks are byte ranges; these two bytes are what a writer holds (sqlite.org/walformat.html#locks,
// sqlite.org/fileformat2.html for the lock-byte page at 1 GiB).
const (
	walWriteLockByte = 120
	reservedLockByte = 0x40000001
)

// lockHolder asks the kernel which process holds the write lock of an SQLite file, and names it; "" if unknown.
//
// Closing the file would drop this process's own locks on it (fcntl(2)), which SQLite relies on. So the descriptors stay open
// until the process ends: two for whoever waits long, and two for whoever gives up.
func lockHolder(path string) string {
	for _, at := range []struct {
		file   string
		offset int64
	}{{path + "-shm", walWriteLockByte}, {path, reservedLockByte}} {
		fd, err := unix.Open(at.file, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		lock := unix.Flock_t{Type: unix.F_WRLCK, Start: at.offset, Len: 1}
		err = unix.FcntlFlock(uintptr(fd), unix.F_GETLK, &lock)
		if err != nil || lock.Type == unix.F_UNLCK || lock.Pid <= 0 {
			continue
		}
		name := fmt.Sprintf("process %d", lock.Pid)
		// Its arguments are its own business: it may have been given a password there.
		if cmdline, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(lock.Pid), "cmdline")); err == nil {
			words := redact.CommandLine(strings.FieldsFunc(string(cmdline), func(r rune) bool { return r == 0 }))
			if len(words) > 80 {
				words = words[:80] + "..."
			}
			name += " (" + strings.ToValidUTF8(words, "?") + ")"
		}
		return name
	}
	return ""
}
