package cli

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// standardOutput is the descriptor that whoever started the process has opened for the answer, or one that cannot be
// written where they have closed it.
func standardOutput() io.Writer {
	if stdoutClosed() {
		return closedOutput{}
	}
	return os.Stdout
}

// closedOutput fails as the kernel does.
type closedOutput struct{}

func (closedOutput) Write([]byte) (int, error) { return 0, syscall.EBADF }

// stdoutClosed tells whether the process was started with its standard output closed, as `>&-` does. It must be found out
// by its traces: the Go runtime opens /dev/null in the place of such a descriptor before any code of ours runs
// (runtime.checkfds), and the answer would be lost there as if somebody had read it.
//
// The runtime opens it for reading and writing. Who discards an answer opens it for writing, but for some that open it for
// both before they start a program (CPython's subprocess.DEVNULL, libuv's "ignore", daemon(3)). What they pass on looks
// like the runtime's own in all that the kernel tells, so that a parent must be known to close descriptors: a shell, or one
// that has none itself. In doubt it is open, because a lost answer that nobody wanted does less harm than an error would.
func stdoutClosed() bool {
	var st, null unix.Stat_t
	flags, err := unix.FcntlInt(uintptr(unix.Stdout), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_ACCMODE != unix.O_RDWR {
		return false
	}
	if unix.Fstat(unix.Stdout, &st) != nil || unix.Stat(os.DevNull, &null) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != null.Rdev {
		return false
	}
	self, parent := os.Getpid(), os.Getppid()
	for _, other := range []struct{ pid, fd int }{{self, unix.Stdin}, {self, unix.Stderr}, {parent, unix.Stdout}} {
		if sameDescription(self, unix.Stdout, other.pid, other.fd) {
			return false // inherited
		}
	}
	proc := filepath.Join("/proc", strconv.Itoa(parent))
	if _, err := os.ReadDir(filepath.Join(proc, "fd")); err != nil {
		return false
	}
	if _, err := os.Readlink(filepath.Join(proc, "fd", "1")); err != nil {
		return true
	}
	program, err := os.Readlink(filepath.Join(proc, "exe"))
	return err == nil && slices.Contains(shells, strings.TrimSuffix(filepath.Base(program), " (deleted)"))
}

// shells are the programs in whose language `>&-` closes standard output.
var shells = []string{"ash", "bash", "busybox", "dash", "fish", "ksh", "ksh93", "loksh", "mksh", "oksh", "posh", "rbash", "sh", "yash", "zsh"}

// sameDescription tells whether two descriptors are one open file (kcmp(2)), and not two openings of one file. Where the
// kernel does not tell, they are.
func sameDescription(pid, fd, otherPid, otherFD int) bool {
	const kcmpFile = 0
	order, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(pid), uintptr(otherPid), kcmpFile, uintptr(fd), uintptr(otherFD), 0)
	return errno != 0 && errno != unix.EBADF || errno == 0 && order == 0
}
