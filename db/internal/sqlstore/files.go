package sqlstore

import (
	"os"
	"path/filepath"
)

// Files are the files that the ledger consists of, whether they exist at the moment or not: whatever is written there is
// written into the ledger. There are none where a server or memory keeps it.
func (d *DB) Files() []string { return filesOf(d.engine) }

// FilesAt are the files that the ledger of a URL consists of, or would.
func FilesAt(url string) ([]string, error) {
	eng, err := engineFor(url)
	if err != nil {
		return nil, err
	}
	return filesOf(eng), nil
}

func filesOf(eng engine) []string {
	e, ok := eng.(*sqlite)
	if !ok || e.memory {
		return nil
	}
	// SQLite follows a symbolic link to the ledger, and names what it keeps beside it after the real file.
	path, err := filepath.EvalSymlinks(e.path)
	if err != nil {
		path = e.path
	}
	return []string{path, path + "-wal", path + "-shm", path + "-journal"} // sqlite.org/tempfiles.html
}

// LogBeside names the log or the journal that lies beside a file, or where one could be, and has something in it; "" if there is
// none. SQLite takes it for a part of whichever database stands there, and writes it into that (sqlite.org/howtocorrupt.html §1.4).
func LogBeside(path string) string {
	for _, suffix := range []string{"-wal", "-journal"} {
		if info, err := os.Stat(path + suffix); err == nil && info.Size() > 0 {
			return path + suffix
		}
	}
	return ""
}
