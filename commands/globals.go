package commands

import (
	"errors"
	"time"

	"nova-manage/db"
)

// globals are the flags that every command takes.
type globals struct {
	Flagfiles     []string
	SQLConnection string
	StatePath     string
	LockTimeout   time.Duration
	Format        string
	Columns       []string
	Quiet         bool

	formatFrom  origin
	columnsFrom origin

	flags    []*flag
	flagfile *flag
}

// formats are the output formats, the default one first.
var formats = []string{"table", "json", "yaml", "csv", "value"}

func (g *globals) declare() {
	g.Format = formats[0]
	g.LockTimeout = db.DefaultLockTimeout
	g.flagfile = texts(&g.Flagfiles, "flagfile",
		"read flags from FILE, in the gflags or the INI form; repeatable; an empty name reads none").
		as("FILE").byDefault("/etc/nova/nova.conf where it exists").notInFlagfile()
	g.flags = []*flag{
		g.flagfile,
		text(&g.SQLConnection, "sql_connection", "the ledger: sqlite:////abs/path, sqlite:///rel/path, a path, or postgresql://user@host/db").
			as("URL").byDefault("nova.sqlite in the state path"),
		text(&g.StatePath, "state_path", "the folder of the ledger").
			as("DIR").byDefault("/var/lib/nova for root, the XDG state folder's nova for others"),
		typed(&g.LockTimeout, "lock_timeout", parseWait, "how long to wait for another writer: seconds, or 500ms, 30s, 2m").
			as("TIME").byDefault("30s"),
		choice(&g.Format, "format", formats, "how the answer is printed").letter("f").from(&g.formatFrom),
		texts(&g.Columns, "column", "print this column alone; repeatable, in the order given").
			letter("c").as("NAME").from(&g.columnsFrom),
		boolean(&g.Quiet, "quiet", "print nothing on success").letter("q"),
	}
}

// parseWait reads a time to wait: a whole number of seconds, or a Go duration. 0 is not to wait at all.
func parseWait(s string) (time.Duration, error) {
	const longest = 24 * time.Hour
	var wait time.Duration
	seconds, err := parseNumber(s, 0, int64(longest/time.Second))
	if err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if wait, err = time.ParseDuration(s); err != nil || wait < 0 || wait > longest || s[0] == '+' || s[0] == '-' {
		return 0, errors.New("is not a time to wait, such as 30s, up to 24h")
	}
	return max(wait, time.Nanosecond), nil
}
