package db

import (
	"fmt"
	"path/filepath"
	"strings"
)

// engineFor chooses the engine by URL, in the spellings that Nova's sql_connection had: sqlite:////abs/path,
// sqlite:///rel/path, or a bare path.
func engineFor(url string) (engine, error) {
	scheme, rest, isURL := strings.Cut(url, "://")
	switch {
	case !isURL:
		return newSQLite(url)
	case scheme == "sqlite":
		// SQLAlchemy counts slashes: after sqlite:// stands an (always empty) host, then / and the path.
		path, ok := strings.CutPrefix(rest, "/")
		if !ok || path == "" || path == ":memory:" {
			return nil, invalidf("sql_connection %q names no file; a file is sqlite:////absolute/path or sqlite:///relative/path", url)
		}
		return newSQLite(path)
	}
	return nil, invalidf("sql_connection: %q is no engine of ours; use sqlite:////absolute/path", scheme+"://")
}

func newSQLite(path string) (engine, error) {
	if path == "" {
		return nil, invalidf("sql_connection is empty; use sqlite:////absolute/path")
	}
	if strings.ContainsRune(path, 0) {
		return nil, invalidf("sql_connection %q: a path holds no NUL", path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", path, err)
	}
	return &sqlite{path: abs}, nil
}
