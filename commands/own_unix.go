//go:build unix

package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"nova-manage/internal/cli"
	"nova-manage/internal/redact"
)

// withoutWaiting opens a pipe that has taken a file's place, instead of waiting for who writes to it.
const withoutWaiting = syscall.O_NONBLOCK

// checkOwn refuses a file that others than its owner can read or change, or that is neither root's nor the user's.
func checkOwn(path string, info fs.FileInfo) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return cli.WithHint(fmt.Errorf("it belongs to user %d, and must be yours or root's", stat.Uid), "run the command as its owner")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return cli.WithHint(fmt.Errorf("others may read or change it (mode %04o), and it holds secrets", mode), "`"+redact.CommandLine([]string{"chmod", "600", path})+"`")
	}
	return nil
}

// checkWritable refuses a file that its owner has made one to read, which nothing else would keep from being replaced.
func checkWritable(path string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o200 == 0 {
		return cli.WithHint(errors.New("it may only be read"), "`"+redact.CommandLine([]string{"chmod", "600", path})+"`")
	}
	return nil
}
