package sqlstore

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// unprepared refuses to make a ledger of what somebody else may have put at its place: in a folder that others may write to,
// a link would have it made where they want it, and an empty file of theirs would stay theirs. A ledger that is there already
// may be reached by a link; whose it is, its mode says.
func (e *sqlite) unprepared() error {
	say := func(format string, args ...any) error {
		return &Error{Message: e.place() + ": " + fmt.Sprintf(format, args...), Way: WayAnotherPlace}
	}
	info, err := os.Lstat(e.path)
	if err != nil {
		return nil // whoever makes it finds out why
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if _, err := os.Stat(e.path); err != nil {
			return say("it is a symbolic link that leads nowhere, and no ledger is made through a link")
		}
		return say("it is a symbolic link to an empty file, and no ledger is made through a link")
	}
	// Another user than root cannot take somebody else's file for its own: that fails as it is made private.
	if owner := info.Sys().(*syscall.Stat_t).Uid; os.Geteuid() == 0 && owner != 0 {
		return say("it is an empty file of user %d, and root makes no ledger of somebody else's file", owner)
	}
	return nil
}
