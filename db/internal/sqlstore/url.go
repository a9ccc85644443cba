package sqlstore

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"nova-manage/internal/redact"
)

// engineFor chooses the engine by URL, in the spellings that Nova's sql_connection had: sqlite:////abs/path,
// sqlite:///rel/path, a bare path, or postgresql://user:password@host/database. What looks like another URL, or like a DSN of
// libpq, is no path: a slip would make a ledger of that name, and with it a file whose name is a password.
func engineFor(url string) (engine, error) {
	scheme, rest, isURL := strings.Cut(url, "://")
	// SQLAlchemy names the driver too, as in postgresql+psycopg2://; ours is ours.
	family, _, _ := strings.Cut(scheme, "+")
	switch {
	case isURL && (family == "postgresql" || family == "postgres"):
		return newPostgres(rest)
	case strings.HasPrefix(url, "postgresql:"), strings.HasPrefix(url, "postgres:"):
		return nil, Invalidf("sql_connection: after postgresql: comes //").Try(WayPostgresForm)
	case !isURL:
		if m := mistypedScheme.FindStringSubmatch(url); m != nil {
			return nil, Invalidf("sql_connection: %s: is no beginning of a path; use sqlite:////absolute/path or %s", m[1], postgresForm).
				Try(WayDotSlash, m[1])
		}
		return newSQLite(url)
	case scheme == "sqlite":
		// SQLAlchemy counts slashes: after sqlite:// stands an (always empty) host, then / and the path.
		path, ok := strings.CutPrefix(rest, "/")
		if !ok || path == "" || path == ":memory:" {
			return nil, Invalidf("sql_connection %q names no file; a file is sqlite:////absolute/path or sqlite:///relative/path", redact.Value(url))
		}
		return newSQLite(path)
	}
	return nil, Invalidf("sql_connection: %q is no engine of ours; use sqlite:////absolute/path or %s", scheme+"://", postgresForm)
}

// mistypedScheme is how a URL begins that lacks slashes after its scheme (RFC 3986 §3.1). Taken for a path, it would give
// an operator who slipped an empty ledger of that name, beside the one that was meant.
var mistypedScheme = regexp.MustCompile(`^([a-z][a-z0-9+.-]*):`)

// postgresForm is how a PostgreSQL ledger is named. A password may stand in it, but every user of a machine can read the
// arguments of its processes.
const postgresForm = "postgresql://user@host/database"

func newSQLite(path string) (engine, error) {
	if path == "" {
		return nil, Invalidf("sql_connection is empty; use sqlite:////absolute/path")
	}
	if redact.LooksLikeDSN(path) {
		return nil, Invalidf("sql_connection: %q looks like a database's URL or DSN, not like a path; use sqlite:////absolute/path or %s",
			redact.Value(path), postgresForm).Try(WayDotSlashPath)
	}
	if strings.ContainsRune(path, 0) {
		return nil, Invalidf("sql_connection %q: a path holds no NUL", redact.Value(path))
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", redact.Value(path), err)
	}
	return &sqlite{path: abs}, nil
}
