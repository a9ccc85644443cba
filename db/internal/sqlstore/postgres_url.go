package sqlstore

import (
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// newPostgres reads what stands after postgresql://, as libpq and its kin do: several hosts, Unix sockets (a folder as
// host), TLS by sslmode and the like, and what is not said there by PGHOST, PGPASSWORD, ~/.pgpass and so on.
func newPostgres(rest string) (engine, error) {
	shown, ok := withoutSecrets(rest)
	if !ok {
		return nil, Invalidf("sql_connection: it cannot be read as %s; it is not shown, since it may hold a password", postgresForm).
			Try(WayEscapeURL)
	}
	config, err := pgx.ParseConfig("postgresql://" + rest)
	if err != nil {
		// The error's text holds the URL, so have it said of one that holds no secret. What is wrong with the secret
		// itself is not said at all.
		reason := "its password cannot be read"
		if _, err := pgx.ParseConfig("postgresql://" + shown); err != nil {
			reason = err.Error()
		}
		return nil, Invalidf("sql_connection: %s", reason)
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = applicationName
	}
	config.RuntimeParams["client_encoding"] = "UTF8"
	return &postgres{config: config, shown: showConfig(config)}, nil
}

// applicationName is what LockedError and pg_stat_activity show where the URL does not say.
const applicationName = "nova-manage"

// secret is what stands in the place of a password.
const secret = "xxxxx"

// withoutSecrets replaces the passwords in what stands after postgresql://. It splits where libpq does; false where it
// cannot be sure what is a password: where an @ stands later than that, most likely one was not written as %40.
func withoutSecrets(rest string) (string, bool) {
	user := ""
	if i := strings.IndexAny(rest, "@/"); i >= 0 && rest[i] == '@' {
		user, rest = rest[:i+1], rest[i+1:]
		if name, _, has := strings.Cut(user, ":"); has {
			user = name + ":" + secret + "@"
		}
	}
	if strings.Contains(rest, "@") {
		return "", false
	}
	place, query, has := strings.Cut(rest, "?")
	if !has {
		return user + rest, true
	}
	options := strings.Split(query, "&")
	for i, option := range options {
		key, _, _ := strings.Cut(option, "=")
		plain, err := url.PathUnescape(key)
		if err != nil {
			return "", false
		}
		if strings.Contains(strings.ToLower(plain), "password") {
			options[i] = key + "=" + secret
		}
	}
	return user + place + "?" + strings.Join(options, "&"), true
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
	return u.String()
}
