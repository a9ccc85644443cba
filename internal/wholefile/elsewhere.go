//go:build !linux

package wholefile

import "os"

// noFollow is no flag: O_EXCL follows no link either.
const noFollow = 0

// lock has no lock here that Windows has, too.
func lock(*os.File) bool { return true }

// remove removes nothing: without a lock nobody can tell what is left from what somebody is at work on.
func remove(string) {}

// name renames nothing that is open, which Windows refuses.
func (f *File) name(replace bool) error {
	if err := f.Close(); err != nil {
		return err
	}
	if replace {
		return os.Rename(f.Name(), f.target)
	}
	if err := os.Link(f.Name(), f.target); err != nil {
		return err
	}
	return os.Remove(f.Name())
}
