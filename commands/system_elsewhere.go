//go:build !linux

package commands

import (
	"errors"
	"io/fs"
	"runtime"

	"nova-manage/internal/cli"
	"nova-manage/internal/wholefile"
)

// A network node is a Linux machine, and its files are made and compared by calls of Linux. Elsewhere there are the ledger on a server
// and all arithmetic.

var emitCategories []func() *command

func liveActions() []*command { return nil }

// missing is what Linux has commands for.
var missing = func() (all []cli.Retired) {
	for _, c := range []string{"emit", "host diff", "host apply", "host check"} {
		all = append(all, cli.Retired{Command: c, Instead: "it is about a network node's own files and needs Linux, and this is " + runtime.GOOS})
	}
	return all
}()

// writeWhole makes path hold data as a whole or not at all. The error does not name path.
func writeWhole(path string, mode fs.FileMode, data []byte) error {
	f, err := wholefile.Create(path)
	if err != nil {
		return cli.ReasonOf(err)
	}
	defer f.Discard()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode)); err == nil {
		err = f.Commit(true)
	}
	return cli.ReasonOf(err)
}
