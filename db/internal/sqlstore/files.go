package sqlstore

import "path/filepath"

// Files are the files that the ledger consists of, whether they exist at the moment or not: whatever is written there is
// written into the ledger. There are none where a server or memory keeps it.
func (d *DB) Files() []string {
	e, ok := d.engine.(*sqlite)
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
