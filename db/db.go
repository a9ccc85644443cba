// Package db keeps the ledger: it owns every table, every transaction and every line of SQL, on SQLite and whatever
// other engine a URL names. What a row is printed as and what an argument means is left to package commands, address
// arithmetic to package netcalc.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Mode says what a command is about to do with the ledger, so that Open knows what a missing one means.
type Mode int

const (
	// Read opens a ledger that must exist; nothing is written, not even a schema.
	Read Mode = iota
	// Write opens a ledger that must exist, to change what is in it.
	Write
	// Create opens a ledger to add to it and makes it, folder and schema, where there is none.
	Create
	// Sync is Create for `db sync`, which also brings an older schema up to date.
	Sync
	// DryRun opens a ledger as Create would, but every transaction is rolled back; where there is no ledger,
	// an empty one in memory stands in, so that no file appears.
	DryRun
)

// makes tells whether a missing ledger is made.
func (m Mode) makes() bool { return m == Create || m == Sync }

// Options are what Open needs to know.
type Options struct {
	// URL names the ledger in Nova's spelling: sqlite:////abs/path, sqlite:///rel/path, a bare path, or
	// postgresql://user:password@host/database.
	URL string
	// Mode is what the caller is about to do.
	Mode Mode
	// Clock tells the time; each transaction asks it once. nil is the system's clock.
	Clock func() time.Time
	// LockTimeout is how long a writer waits for another one; 0 means DefaultLockTimeout.
	LockTimeout time.Duration
	// Progress, if it is set, is told now and then how far long work has come: done of total things, total being -1
	// where nobody knows.
	Progress func(doing string, done, total int64)
}

// DefaultLockTimeout is how long a writer waits for the one before it. Commands hold the lock for milliseconds, so
// that half a minute means somebody holds it open by hand.
const DefaultLockTimeout = 30 * time.Second

// Store is an open ledger. Its public methods are one transaction each. It is meant for one command at a time and is
// not safe for use by several goroutines at once.
type Store struct {
	engine engine
	db     *sql.DB
	conn   *sql.Conn
	opts   Options
	clock  func() time.Time
}

// engine is what differs between the engines: how a ledger is reached, its DDL, its locking and its error codes.
type engine interface {
	// name is what `db version` prints.
	name() string
	// place is the ledger as messages name it, without secrets.
	place() string
	// open connects. ErrNoLedger where mode wants one that is not there.
	open(ctx context.Context, opts Options) (*sql.DB, error)
	// prepare is called once before the first migration of an empty database, outside any transaction.
	prepare(ctx context.Context, conn *sql.Conn) error
	// begin starts a transaction; a writing one queues behind the others for at most opts.LockTimeout.
	begin(ctx context.Context, conn *sql.Conn, write bool, opts Options) error
	// commit ends a writing or reading transaction; an error says that nothing was changed, or that this is not known.
	commit(ctx context.Context, conn *sql.Conn) error
	// retryable tells whether the whole transaction may be tried again after err.
	retryable(err error) bool
	// translate turns a driver's error into a sentence and a sentinel; errors it does not know come back as they are.
	translate(err error) error
	// parameter is how the n-th parameter of a long statement is written; $n works on every engine.
	parameter(n int) string
	// tables lists the tables of the database, sorted.
	tables(ctx context.Context, q querier) ([]string, error)
	// migrations are the DDL of each schema version, the first one first.
	migrations() []string
	// integrity runs the engine's own check and returns what it found.
	integrity(ctx context.Context, q querier) ([]string, error)
	// schema returns what of the schema is missing or not what the migrations made it.
	schema(ctx context.Context, q querier) ([]string, error)
}

// querier is the part of a connection that statements need.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// tx is a running transaction: its connection and the time that all its rows carry.
type tx struct {
	querier
	now       time.Time
	progress  func(doing string, done, total int64)
	parameter func(n int) string // see engine
}

// stamp is the transaction's time as it is stored.
func (t *tx) stamp() string { return formatTime(t.now) }

// Open opens the ledger that opts.URL names and checks that its schema is one this binary knows.
//
// Errors: ErrInvalid for a URL that names no ledger, ErrNoLedger where there is none and opts.Mode does not make one;
// anything else means that the database could not be opened or is not a ledger of ours.
func Open(ctx context.Context, opts Options) (*Store, error) {
	if opts.LockTimeout == 0 {
		opts.LockTimeout = DefaultLockTimeout
	}
	eng, err := engineFor(opts.URL)
	if err != nil {
		return nil, err
	}
	if opts.Progress == nil {
		opts.Progress = func(string, int64, int64) {}
	}
	s := &Store{engine: eng, opts: opts, clock: opts.Clock}
	if s.clock == nil {
		s.clock = time.Now
	}
	s.db, err = eng.open(ctx, opts)
	if errors.Is(err, ErrNoLedger) && opts.Mode == DryRun {
		if err := s.useScratch(ctx); err != nil {
			s.Close()
			return nil, err
		}
		return s, nil
	}
	if err != nil {
		return nil, eng.translate(err)
	}
	// One command is one connection: what a pragma or a transaction sets on it must be there for the next statement.
	if s.conn, err = s.db.Conn(ctx); err != nil {
		s.db.Close()
		return nil, eng.translate(err)
	}
	if err = s.ready(ctx); err != nil {
		s.Close()
		return nil, eng.translate(err)
	}
	return s, nil
}

// Close releases the ledger.
func (s *Store) Close() error {
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	s.conn, s.db = nil, nil
	return errors.Join(errs...)
}

// mutate is the one door for changes: begin, do, commit; whoever records history records it here. It tries again,
// with a pause, what the engine says may be tried again; do must therefore start from nothing each time.
func (s *Store) mutate(ctx context.Context, do func(context.Context, *tx) error) error {
	const attempts = 10
	for i := 1; ; i++ {
		err := s.once(ctx, true, do)
		if err == nil || !s.engine.retryable(err) {
			return s.engine.translate(err)
		}
		if i == attempts {
			return fmt.Errorf("other writers changed %s %d times in a row while this command ran; it may be run again: %w",
				s.engine.place(), attempts, s.engine.translate(err))
		}
		if err := pause(ctx, i); err != nil {
			return err
		}
	}
}

// view runs do on one consistent state of the ledger, without holding up any writer.
func (s *Store) view(ctx context.Context, do func(context.Context, *tx) error) error {
	return s.engine.translate(s.once(ctx, false, do))
}

func (s *Store) once(ctx context.Context, write bool, do func(context.Context, *tx) error) (err error) {
	if err := s.engine.begin(ctx, s.conn, write, s.opts); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			// The context may be the very reason for leaving; the rollback must happen all the same.
			_, _ = s.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	if err := do(ctx, &tx{querier: s.conn, now: s.clock().UTC(), progress: s.opts.Progress, parameter: s.engine.parameter}); err != nil {
		return err
	}
	if s.opts.Mode == DryRun {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	// From here on the answer is the engine's: a commit that is interrupted half-way could be neither reported as
	// done nor as undone.
	if err := s.engine.commit(context.WithoutCancel(ctx), s.conn); err != nil {
		return err
	}
	done = true
	return nil
}

// formatTime writes a time as the ledger stores it: RFC 3339 in UTC, whole seconds, so that text order is time order.
func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, errors.New("it is not a time in RFC 3339")
	}
	return t.UTC(), nil
}
