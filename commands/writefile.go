package commands

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/internal/wholefile"
)

// daemonMode lets any daemon read a configuration file. It holds whatever the umask is: a daemon that has given up root
// must be able to read the file again, and radvd refuses to start on one that everybody can write.
const daemonMode fs.FileMode = 0o644

// fileUpdate brings one file to a wanted content, all of it or not at all.
type fileUpdate struct {
	path   string // as the user names it
	target string // where its symbolic links lead
	data   []byte
	needed bool // false where the file is as it should be
}

// planFile finds out what it takes to make path hold data, and touches nothing; see fileTarget.
func planFile(path string, data []byte, ledgers []*db.Store) (*fileUpdate, error) {
	target, info, err := fileTarget(path, ledgers)
	u := &fileUpdate{path: path, target: target, data: data, needed: true}
	if err != nil || info == nil {
		return u, err
	}
	if isDatabase(u.target) {
		return nil, cli.UsageErrorf("cannot write %s: it is an SQLite database, another ledger or a copy of one", path)
	}
	if info.Mode().Perm() == daemonMode && info.Size() == int64(len(data)) {
		// A file that cannot be read may still be replaced.
		old, err := os.ReadFile(u.target)
		u.needed = err != nil || !bytes.Equal(old, data)
	}
	return u, nil
}

// fileTarget finds out which file a path means that is to be made or replaced as a whole; info is nil where it is not there. A
// symbolic link is followed, because whoever made it wants the file it leads to be written. Anything but a regular file is
// refused: renamed over, a device like /dev/null would be gone. So is what the ledger consists of, see refuseLedger.
func fileTarget(path string, ledgers []*db.Store) (target string, info fs.FileInfo, err error) {
	info, err = os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if leadsNowhere(path) {
			return "", nil, fmt.Errorf("cannot write %s: it is a symbolic link that leads nowhere", path)
		}
		return path, nil, refuseLedger(path, nil, ledgers)
	case err != nil:
	case info.IsDir():
		err = errors.New("it is a folder")
	case !info.Mode().IsRegular():
		err = errors.New("it is not a regular file")
	default:
		target, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return "", nil, fmt.Errorf("cannot write %s: %w", path, cli.ReasonOf(err))
	}
	return target, info, refuseLedger(path, info, ledgers)
}

// leadsNowhere tells of a path of nothing whether it is a link all the same. What is no link has come meanwhile.
func leadsNowhere(path string) bool {
	named, err := os.Lstat(path)
	return err == nil && named.Mode()&fs.ModeSymlink != 0
}

// apply writes the file beside its target, syncs it and renames it over the target. On an error the old file is as it
// was. The rename itself lasts only once wholefile.SyncFolder has been called.
func (u *fileUpdate) apply() error {
	if !u.needed {
		return nil
	}
	if err := writeWhole(u.target, daemonMode, u.data); err != nil {
		return u.failed(err)
	}
	return nil
}

// failed names the file that the user named.
func (u *fileUpdate) failed(err error) error {
	return fmt.Errorf("cannot write %s: %w", u.path, cli.ReasonOf(err))
}

// replaceFile makes path hold data and reports whether it did not before; see planFile and apply.
func replaceFile(path string, data []byte, ledgers []*db.Store) (changed bool, err error) {
	u, err := planFile(path, data, ledgers)
	if err != nil {
		return false, err
	}
	if err := u.apply(); err != nil || !u.needed {
		return false, err
	}
	wholefile.SyncFolder(filepath.Dir(u.target))
	return true, nil
}

// isDatabase tells whether a file is an SQLite database: no configuration file is, and a backup of a ledger stands beside
// configuration files easily.
func isDatabase(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false // one that cannot be read may still be replaced
	}
	defer f.Close()
	return db.IsDatabase(f)
}

// refuseLedger refuses to write where a ledger is: in one of its files, however it is called there, or, where info is
// nil because there is none of that name, in the place of one that the engine would make. A text that stands where SQLite
// looks for its log or its journal would be taken for what is still to be done to the ledger.
func refuseLedger(path string, info fs.FileInfo, ledgers []*db.Store) error {
	for _, ledger := range ledgers {
		for i, file := range ledger.Files() {
			same := false
			if info == nil {
				same = filepath.Base(path) == filepath.Base(file) && sameFile(filepath.Dir(path), filepath.Dir(file))
			} else if existing, err := os.Stat(file); err == nil {
				same = os.SameFile(info, existing)
			}
			switch {
			case same && i == 0:
				return cli.UsageErrorf("cannot write %s: it is the ledger", path)
			case same:
				return cli.UsageErrorf("cannot write %s: it is part of the ledger", path)
			}
		}
	}
	return nil
}

// sameFile tells whether two paths lead to one file.
func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
