//go:build !linux

package cli

import (
	"io"
	"os"
	"os/user"
)

// What limits_linux.go and stdout_linux.go find out is asked of Linux. Elsewhere the runtime's last words are the runtime's, and a
// descriptor that was closed is not told from /dev/null.

var stderrDescriptor = int(os.Stderr.Fd())

// Contain has nothing to do here.
func Contain(*Sys) {}

// Limits knows of none here.
func (s *Sys) Limits() error { return nil }

func standardOutput() io.Writer { return os.Stdout }

// userName asks the system and not the environment. The number of a user is no word on Windows, and a name there begins with that
// of a machine.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}
