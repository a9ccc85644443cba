//go:build !linux

package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"runtime"

	driver "modernc.org/sqlite"
)

// What a ledger in a file is promised (that it is made whole or not at all, that no two hosts write it, that it lasts) goes by calls of
// Linux and was proved there. Elsewhere no file is opened as one: checkLocal refuses it first, and all that comes after it.

func (e *sqlite) checkLocal() error {
	return Invalidf("a ledger in a file needs Linux, and this is %s", runtime.GOOS).Try(WayServer)
}

func (e *sqlite) unprepared() error { return e.checkLocal() }

func (e *sqlite) rehearse() error { return e.checkLocal() }

func (e *sqlite) found(context.Context, Options) (*sql.DB, func(), error) {
	return nil, nil, e.checkLocal()
}

func (e *sqlite) unmoved() error { return nil }

func (e *sqlite) obstacle(serr *driver.Error) string { return oneLineOf(serr.Error()) }

func lockHolder(string) string { return "" }

// RestoreFile has no file here to put a ledger in the place of.
func RestoreFile(_ context.Context, opts Options, _ func(context.Context, *os.File) error) (kept string, err error) {
	eng, err := engineFor(opts.URL)
	if err != nil {
		return "", err
	}
	if e, ok := eng.(*sqlite); ok {
		return "", e.checkLocal()
	}
	return "", fmt.Errorf("%s is in no file", eng.place())
}
