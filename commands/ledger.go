package commands

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

// use is what a command does with the ledger.
type use int

const (
	nothing  use = iota // it opens none
	reads               // one must be there
	writes              // one must be there, and is changed
	creates             // it is added to, and made where it is missing
	syncs               // it is made where it is missing, and brought up to date where it is old
	replaces            // all of it is changed, and the command opens it itself
)

// mode is how such a use opens the ledger.
func (u use) mode() db.Mode {
	return [...]db.Mode{reads: db.Read, writes: db.Write, creates: db.Create, syncs: db.Sync, replaces: db.Create}[u]
}

// done is what --dry_run says would be done.
func (u use) done() string {
	if u == creates {
		return "created"
	}
	return "changed"
}

// ledger is where the ledger is and how it is opened, as the global flags say.
type ledger struct {
	SQLConnection string
	StatePath     string
	LockTimeout   time.Duration

	AsOf           past   // what commands read
	DryRun         bool   // nothing is written
	Actor, Comment string // who makes the changes, "" for whoever runs the command, and what is said of them

	sys *cli.Sys
}

func newLedger(sys *cli.Sys) *ledger { return &ledger{LockTimeout: db.DefaultLockTimeout, sys: sys} }

func (l *ledger) flags() []*cli.Flag {
	return []*cli.Flag{
		cli.Text(&l.SQLConnection, "sql_connection", "the ledger: sqlite:////abs/path, sqlite:///rel/path, a path, or postgresql://user@host/db").
			As("URL").Completes(cli.Files).ByDefault("nova.sqlite in the state path"),
		cli.Typed(&l.StatePath, "state_path", orEmpty(filePath), "the folder of the ledger").As("DIR").Completes(cli.Folders).
			ByDefault("/var/lib/nova for root, the XDG state folder's nova for others").
			Computed(func(*cli.Sys) (string, error) { return l.defaultStatePath() }),
		cli.Typed(&l.LockTimeout, "lock_timeout", parseWait, "how long to wait for another writer: seconds, or 500ms, 30s, 2m").
			As("TIME").ByDefault("30s"),
	}
}

// parseWait reads a time to wait: a whole number of seconds, or a Go duration. 0 is not to wait at all.
func parseWait(s string) (time.Duration, error) {
	const longest = 24 * time.Hour
	var wait time.Duration
	seconds, err := cli.ParseNumber(s, 0, int64(longest/time.Second))
	if err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if wait, err = time.ParseDuration(s); err != nil || wait < 0 || wait > longest || s[0] == '+' || s[0] == '-' {
		return 0, errors.New("is not a time to wait, such as 30s, up to 24h")
	}
	return max(wait, time.Nanosecond), nil
}

// parseActor and parseComment take what history keeps beside a change: one line.
func parseActor(s string) (string, error)   { return s, checkText(s, 255) }
func parseComment(s string) (string, error) { return s, checkText(s, 1000) }

func checkText(s string, most int) error {
	switch {
	case strings.TrimSpace(s) == "":
		return errors.New("says nothing")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("is not one line of text")
	case utf8.RuneCountInString(s) > most:
		return fmt.Errorf("has more than %d characters", most)
	}
	return nil
}

// url names the ledger: what sql_connection says, else nova.sqlite in the state path.
func (l *ledger) url() (string, error) {
	if l.SQLConnection != "" {
		return l.SQLConnection, nil
	}
	dir, err := l.folder()
	return filepath.Join(dir, "nova.sqlite"), err
}

// folder is the state path.
func (l *ledger) folder() (string, error) {
	if l.StatePath != "" {
		return l.StatePath, nil
	}
	return l.defaultStatePath()
}

// defaultStatePath is where the ledger is kept when nobody says otherwise: /var/lib/nova for root, the XDG state folder's
// nova for others (XDG Base Directory Specification: a relative XDG_STATE_HOME is ignored).
func (l *ledger) defaultStatePath() (string, error) {
	if l.sys.Getuid() == 0 {
		return "/var/lib/nova", nil
	}
	if dir, ok := l.sys.LookupEnv("XDG_STATE_HOME"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "nova"), nil
	}
	home, err := l.sys.Home()
	if err == nil && !filepath.IsAbs(home) {
		err = errors.New("the home directory is not an absolute path")
	}
	if err != nil {
		return "", cli.WithHint(cli.UsageErrorf("no place for the ledger: %w", err), "give --state_path or --sql_connection")
	}
	return filepath.Join(home, ".local", "state", "nova"), nil
}

// session is what a command's run function has: the outside, and the ledger, open for what the command declares.
type session struct {
	*cli.Env
	store *db.Store // nil for a command that opens none

	ledger      *ledger
	opened      []*db.Store
	wouldChange func([]db.ChangedRow) // takes what a dry run would do
	wrote       bool                  // files outside of the ledger have been written or removed
}

// runOn checks the options, opens the ledger as the command declares and runs the command. The ledger is closed when
// the command is done.
func (c *command) runOn(ctx context.Context, e *cli.Env, l *ledger) (err error) {
	if c.check != nil {
		if err := c.check(e); err != nil {
			return err
		}
	}
	if err := c.checkFormat(e); err != nil {
		return err
	}
	if c.prepare != nil {
		if err := c.prepare(ctx, e); err != nil {
			return err
		}
	}
	if mode := c.mode(); l.AsOf != (past{}) && mode != db.Read {
		return cli.UsageErrorf("--as_of is for what is read, and this changes the ledger")
	}
	s := &session{Env: e, ledger: l}
	defer s.close()
	var would []db.ChangedRow
	if c.silent && c.mode() == db.DryRun {
		s.wouldChange = func(rows []db.ChangedRow) { would = rows }
	}
	if mode := c.mode(); c.use() != nothing {
		if mode == db.DryRun && c.use() != creates {
			// What adds nothing finds no ledger where there is none, and a dry run would stand one in.
			there, err := s.openLedger(ctx, db.Read)
			if err != nil {
				return err
			}
			_ = there.Close() // nothing was read
		}
		if s.store, err = s.openLedger(ctx, mode); err != nil && c.unopened != nil {
			return c.unopened(s, err)
		}
		if err != nil {
			return err
		}
	}
	err = c.run(ctx, s)
	if err == nil && s.wouldChange != nil {
		return cli.PrintReading(e, changedColumns, would, func(colour bool) []byte { return rowsText(would, colour) })
	}
	if err != nil && s.wrote && ctx.Err() != nil {
		// The signal's own exit code would say that nothing was changed.
		err = cli.ChangedErrorf("%v", err)
	}
	return err
}

// use is what the command does with the ledger with the options it was given.
func (c *command) use() use {
	switch {
	case c.useIs != nil:
		return c.useIs()
	case c.readsIf != nil && c.readsIf():
		return reads
	}
	return c.ledger
}

// mode is how the command opens the ledger with the options it was given.
func (c *command) mode() db.Mode {
	u := c.use()
	if u != reads && c.dryRun != nil && *c.dryRun {
		return db.DryRun
	}
	return u.mode()
}

func (s *session) openLedger(ctx context.Context, mode db.Mode) (*db.Store, error) {
	url, err := s.ledger.url()
	if err != nil {
		return nil, err
	}
	return s.open(ctx, url, mode)
}

// open opens any ledger; a command needs it for one that is not its own. It is closed when the command is done.
func (s *session) open(ctx context.Context, url string, mode db.Mode) (*db.Store, error) {
	asOf, err := s.ledger.AsOf.of(s.Sys.Now())
	if err != nil {
		return nil, err
	}
	options := s.options(url, mode)
	options.AsOf = asOf
	store, err := db.Open(ctx, options)
	if err != nil {
		return nil, err
	}
	s.opened = append(s.opened, store)
	return store, nil
}

// options are what a ledger is opened with.
func (s *session) options(url string, mode db.Mode) db.Options {
	return db.Options{URL: url, Mode: mode, Clock: s.Sys.Now, LockTimeout: s.ledger.LockTimeout, Progress: s.Progress,
		Warn:      func(message string) { s.Warnf("%s", message) },
		Waiting:   s.waiting,
		Committed: s.Changed, WouldChange: s.wouldChange, Command: s.CommandLine, Actor: s.actor(), Comment: s.ledger.Comment}
}

// waiting tells whoever looks on why nothing happens.
func (s *session) waiting(holder string) {
	if holder == "" {
		holder = "another process"
	}
	s.Remark("waiting for %s to let go of the ledger, for up to %s; --lock_timeout says how long", holder, s.ledger.LockTimeout)
}

// close takes no error for one of the command: what it has changed is committed and what it has read is read by then,
// whatever becomes of the connection.
func (s *session) close() {
	for _, store := range s.opened {
		_ = store.Close()
	}
}

// actor is who gives the command: who is named, else user@host, as far as the system tells.
func (s *session) actor() string {
	if s.ledger.Actor != "" {
		return s.ledger.Actor
	}
	host, err := s.Sys.Hostname()
	if err != nil {
		host = "localhost"
	}
	return s.Sys.User() + "@" + host
}
