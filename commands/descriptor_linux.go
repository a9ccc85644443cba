package commands

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"nova-manage/internal/cli"
)

// descriptorFolder is where Linux shows the open descriptors of a process, or of one of its threads (proc_pid_fd(5)).
var descriptorFolder = regexp.MustCompile(`\A/proc/([0-9]+)(/task/[0-9]+)?/fd\z`)

// descriptorOf tells whether path stands for a descriptor of this process, as /dev/stdout, /dev/fd/N, /proc/self/fd/N and
// links to them do, and for which. What such a path leads to must not be taken for a file to be replaced: it is whatever
// somebody has redirected the descriptor to, to be written where it stands and kept.
func descriptorOf(path string) (fd int, ok bool, err error) {
	named := path
	if !filepath.IsAbs(path) {
		here, err := os.Getwd()
		if err != nil {
			return 0, false, fmt.Errorf("cannot write %s: %w", named, cli.ReasonOf(err))
		}
		path = here + "/" + path
	}
	// The links are followed one by one, because the last one, in /proc, leads on to the file that is open there. Paths are
	// put together as text: package filepath would take x/.. out of them, which is another folder where x is a link.
	const mostLinks = 40 // as the kernel has it (MAXSYMLINKS)
	for range mostLinks {
		slash := strings.LastIndexByte(path, '/')
		base := path[slash+1:]
		dir, err := filepath.EvalSymlinks(path[:slash+1])
		if err != nil {
			return 0, false, nil // whoever writes there will find out
		}
		if m := descriptorFolder.FindStringSubmatch(dir); m != nil {
			fd, err := strconv.Atoi(base)
			if err != nil {
				return 0, false, nil
			}
			// Where /proc counts processes otherwise than getpid(2), in another namespace, it still knows who asks.
			if self, _ := os.Readlink("/proc/self"); m[1] != self {
				return 0, false, fmt.Errorf("cannot write %s: it is a descriptor of another process", named)
			}
			return fd, true, nil
		}
		target, err := os.Readlink(dir + "/" + base)
		if err != nil {
			return 0, false, nil
		}
		if path = target; !filepath.IsAbs(target) {
			path = dir + "/" + target
		}
	}
	return 0, false, nil
}

// streamDescriptor is outputDescriptor for what write writes in pieces. The error of a write is that of the descriptor.
func (s *session) streamDescriptor(ctx context.Context, path string, fd int, write func(io.Writer) error) error {
	failed := func(err error) error { return fmt.Errorf("cannot write %s: %w", path, cli.ReasonOf(err)) }
	// What this process has opened itself is closed on exec, and what was handed to it is not. The number may happen to be
	// the ledger's, or that of the connection to its server.
	flags, err := fcntl(fd, syscall.F_GETFD)
	if err == nil && flags&syscall.FD_CLOEXEC != 0 {
		err = syscall.EBADF
	}
	if err != nil {
		return failed(err)
	}
	if fd == syscall.Stderr {
		fd = cli.StderrDescriptor() // a copy of our own
	}
	// A copy, so that closing it leaves the descriptor open.
	duplicate, err := fcntl(fd, syscall.F_DUPFD_CLOEXEC)
	if err != nil {
		return failed(err)
	}
	file := os.NewFile(uintptr(duplicate), path)
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return failed(err)
	}
	if err := refuseLedger(path, info, s.opened); err != nil {
		return err
	}
	if fd == syscall.Stdout {
		// The same as without -o, with what that has for readers who leave.
		return write(s.Output)
	}
	return write(writerFunc(func(p []byte) (int, error) {
		n, err := cli.WriteUntil(ctx, file, p)
		switch {
		case err != nil && ctx.Err() != nil:
			err = context.Cause(ctx)
		case err != nil:
			err = failed(err)
		}
		return n, err
	}))
}

// writerFunc is an io.Writer that is a function.
type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

// fcntl is fcntl(2) with no argument but the command.
func fcntl(fd, command int) (int, error) {
	result, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), uintptr(command), 0)
	if errno != 0 {
		return 0, errno
	}
	return int(result), nil
}
