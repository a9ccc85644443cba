package sqlstore

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"nova-manage/internal/redact"
)

// withoutPassfile returns a URL by which pgx reads no password file, where none is to be read: there is a password already,
// or others may read the file. Of these libpq, which pgx speaks for, uses none and says so
// (postgresql.org/docs/current/libpq-pgpass.html); pgx does not look. unused is what is to be said.
func withoutPassfile(full string) (without, unused string) {
	u, err := url.Parse(full)
	if err != nil {
		return full, "" // pgx says why
	}
	query := u.Query()
	password, _ := u.User.Password()
	if password == "" && query.Get("password") == "" && os.Getenv("PGPASSWORD") == "" {
		path := passfile(query)
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o077 == 0 {
			return full, ""
		}
		unused = fmt.Sprintf("password file %s is not used, since others may read or write it (mode %04o); it should be 0600",
			redact.Value(path), info.Mode().Perm())
	}
	query.Set("passfile", "")
	u.RawQuery = query.Encode()
	return u.String(), unused
}

// passfile is where pgx looks for passwords.
func passfile(query url.Values) string {
	if query.Has("passfile") {
		return query.Get("passfile")
	}
	if path := os.Getenv("PGPASSFILE"); path != "" {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".pgpass")
}
