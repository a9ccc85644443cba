package sqlstore

import (
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"nova-manage/internal/redact"
)

// newPostgres reads what stands after postgresql://, as libpq and its kin do: several hosts, Unix sockets (a folder as
// host), TLS by sslmode and the like, and what is not said there by PGHOST, PGPASSWORD, ~/.pgpass and so on.
func newPostgres(rest string) (engine, error) {
	if !certain(rest) {
		return nil, Invalidf("sql_connection: it cannot be read as %s; it is not shown, since it may hold a password", postgresForm).
			Try(WayEscapeURL)
	}
	without, unused := withoutPassfile("postgresql://" + rest)
	config, err := pgx.ParseConfig(without)
	if err != nil {
		// The error's text holds the URL and parts of it, so have it said of one that holds no secret. What is wrong with the
		// secret itself is not said at all.
		reason := "its password cannot be read"
		if _, err := pgx.ParseConfig(redact.Value("postgresql://" + rest)); err != nil {
			reason = err.Error()
		}
		return nil, Invalidf("sql_connection: %s", reason)
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = applicationName
	}
	config.RuntimeParams["client_encoding"] = "UTF8"
	return &postgres{config: config, shown: showConfig(config), warning: unused}, nil
}

// applicationName is what LockedError and pg_stat_activity show where the URL does not say.
const applicationName = "nova-manage"

// certain tells whether what stands after postgresql:// is split by pgx where whoever wrote it meant it to be: where an @ stands
// later than the first one, or behind a slash, most likely one in the password was not written as %40, and what is shown as
// host or database would be a part of it.
func certain(rest string) bool {
	if i := strings.IndexAny(rest, "@/"); i >= 0 && rest[i] == '@' {
		rest = rest[i+1:]
	}
	return !strings.Contains(rest, "@")
}

// showConfig names a ledger by what was understood, which holds no password: the first host, the database and the user.
func showConfig(c *pgx.ConnConfig) string {
	u := url.URL{Scheme: "postgresql", User: url.User(c.User), Host: c.Host, Path: "/" + c.Database}
	switch {
	case filepath.IsAbs(c.Host): // a socket's folder
		u.Host, u.RawQuery = "", "host="+c.Host
		if c.Port != 5432 {
			u.RawQuery += "&port=" + strconv.Itoa(int(c.Port))
		}
	case c.Port != 5432:
		u.Host = net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	case strings.Contains(c.Host, ":"):
		u.Host = "[" + c.Host + "]"
	}
	return redact.Value(u.String())
}
