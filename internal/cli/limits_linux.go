package cli

import (
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Where the system refuses what the Go runtime cannot do without (memory, a thread, a descriptor to poll others by), the
// runtime prints the stacks of all threads on descriptor 2 and exits with 2, which here is the code of a usage error. No code
// of ours can catch that. So what can be known beforehand is refused in a sentence, and what cannot ends by SIGABRT, in
// silence. Limits under which the runtime does not get as far as to us stay its own, as they are any Go program's: on amd64
// less than about 760 MiB of address space (ulimit -v) or about 1150 to 1230 MiB, which it divides badly, 75 MiB of data
// (ulimit -d), 3 processes and threads (ulimit -u).

// stderrDescriptor is where the standard error is that whoever started the process has opened.
var stderrDescriptor = unix.Stderr

// StderrDescriptor is where the standard error is that whoever started the process has opened: descriptor 2 may be the
// runtime's, see Contain.
func StderrDescriptor() int { return stderrDescriptor }

// Contain makes what the Go runtime has to say when it dies nobody's business but a developer's, who sets GOTRACEBACK, and has
// it die by a signal. Messages go to the standard error as before.
func Contain(sys *Sys) {
	if _, developer := sys.LookupEnv("GOTRACEBACK"); developer || sys.Stderr != os.Stderr {
		return
	}
	// Closed on exec, or a daemon that a command starts would keep it open, and whoever reads it would wait for the daemon's end.
	copied, err := unix.FcntlInt(uintptr(unix.Stderr), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return
	}
	null, err := unix.Open(os.DevNull, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Dup3(null, unix.Stderr, 0)
		unix.Close(null)
	}
	if err != nil {
		unix.Close(copied)
		return
	}
	stderrDescriptor = copied
	sys.Stderr = os.NewFile(uintptr(copied), os.Stderr.Name())
	debug.SetTraceback("crash") // abort instead of exit
	// A dump would hold passwords. 1 is for no dump also where a program takes it (core(5), fs/coredump.c in the kernel).
	if core, err := limit(unix.RLIMIT_CORE); err == nil {
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: core.Max})
	}
}

// What the program needs at least, beyond which it works or fails by sentences of its own. On a machine with many processors
// the runtime may want a few more threads.
const (
	leastAddressSpace = 840 << 20
	leastData         = 96 << 20
	leastThreads      = 12
	leastDescriptors  = 8
)

// Limits returns an error where the process may have less than it needs of something that the runtime dies without.
func (s *Sys) Limits() error {
	for _, l := range []struct {
		resource   int
		least      uint64
		what, unit string
		shown      uint64 // what is divided by for the unit
		flag       string
	}{
		{unix.RLIMIT_AS, leastAddressSpace, "of address space", " KiB", 1024, "-v"},
		{unix.RLIMIT_DATA, leastData, "of data", " KiB", 1024, "-d"},
		{unix.RLIMIT_NPROC, leastThreads, "processes and threads", "", 1, "-u"},
	} {
		if l.resource == unix.RLIMIT_NPROC && s.Getuid() == 0 {
			continue // it does not bind root (setrlimit(2))
		}
		may, err := limit(l.resource)
		if err == nil && may.Cur < l.least {
			return fmt.Errorf("this process may have only %d%s %s (ulimit %s), and needs %d%s",
				may.Cur/l.shown, l.unit, l.what, l.flag, l.least/l.shown, l.unit)
		}
	}
	return enoughDescriptors()
}

func limit(resource int) (may unix.Rlimit, err error) {
	err = unix.Getrlimit(resource, &may)
	return may, err
}

// enoughDescriptors opens as many as a command may need and closes them again: how many are open is not known otherwise.
func enoughDescriptors() error {
	var opened [leastDescriptors]int
	for i := range opened {
		fd, err := unix.FcntlInt(uintptr(unix.Stderr), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			for _, fd := range opened[:i] {
				unix.Close(fd)
			}
			return fmt.Errorf("this process may open only %d more files (ulimit -n), and needs %d", i, leastDescriptors)
		}
		opened[i] = fd
	}
	for _, fd := range opened {
		unix.Close(fd)
	}
	return nil
}
