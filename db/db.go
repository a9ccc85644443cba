// Package db keeps the ledger: what is true of its networks, addresses, instances and projects, and how they change. The
// database under it, its engines and transactions are package sqlstore's; what a row is printed as and what an argument
// means is left to package commands, address arithmetic to package netcalc.
package db

import (
	"context"
	"errors"
	"iter"
	"time"

	"nova-manage/db/internal/sqlstore"
)

// Mode says what a command is about to do with the ledger, so that Open knows what a missing one means.
type Mode = sqlstore.Mode

// The modes, as package sqlstore describes them: a ledger that must exist to read it or to change it, one that is made if
// there is none, one whose schema is brought up to date, and one that only looks as if it were changed.
const (
	Read   = sqlstore.Read
	Write  = sqlstore.Write
	Create = sqlstore.Create
	Sync   = sqlstore.Sync
	DryRun = sqlstore.DryRun
)

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
	// Committed, if it is set, is told when a change has been made for good, before anything else can go wrong; one that
	// found everything as it is to be is none.
	Committed func()
	// WouldChange, if it is set, is told what a change would do to rows; it is for DryRun, where nothing else comes of one.
	WouldChange func([]ChangedRow)
	// Warn, if it is set, is told what is probably not meant as it is, and keeps nothing from being done.
	Warn func(message string)
	// Waiting, if it is set, is told once whom a command waits for that has waited a second for others to let go of the ledger; ""
	// is somebody who is not known. It may be told from another goroutine than the caller's.
	Waiting func(holder string)
	// Command is the command line that changes are made for, without secrets, and Actor who gave it, as user@host. Every
	// change goes through the door with them.
	Command, Actor string
	// Comment is what whoever gives the command has to say about the change; it may be "".
	Comment string
	// AsOf is the state of the ledger that is read, the present one by default. It is for the modes that read.
	AsOf Past
}

// DefaultLockTimeout is how long a writer waits for the one before it.
const DefaultLockTimeout = sqlstore.DefaultLockTimeout

// Store is an open ledger. Its public methods are one transaction each, but within a Batch, which is one. It is meant for one command at a time and is
// not safe for use by several goroutines at once.
type Store struct {
	db    *sqlstore.DB
	what  sqlstore.Change
	reads bool   // it was opened to read only
	batch *batch // the one that runs; nil is none
	would func([]ChangedRow)
	manner
}

// manner is what whoever uses a Store wants of it beside what it is asked for.
type manner struct {
	gone  bool // see IfExists
	known bool // see KnownProjects
}

// Open opens the ledger that opts.URL names and checks that its schema is one this binary knows.
//
// Errors: ErrInvalid for a URL that names no ledger, ErrNoLedger where there is none and opts.Mode does not make one;
// anything else means that the database could not be opened or is not a ledger of ours.
func Open(ctx context.Context, opts Options) (*Store, error) {
	db, err := sqlstore.Open(ctx, sqlstore.Options{URL: opts.URL, Mode: opts.Mode, Clock: opts.Clock,
		LockTimeout: opts.LockTimeout, Progress: opts.Progress, Warn: opts.Warn, Waiting: opts.Waiting, Committed: opts.Committed, AsOf: opts.AsOf})
	if err != nil {
		return nil, err
	}
	return &Store{db: db, what: sqlstore.Change{Command: opts.Command, Actor: opts.Actor, Comment: opts.Comment}, reads: opts.Mode == Read,
		would: opts.WouldChange}, nil
}

// IfExists is the same ledger to whoever takes away what may be gone already: its methods that delete, revoke, disassociate and
// unreserve pass over what is not there, where s returns ErrNotFound.
func (s *Store) IfExists() *Store {
	forgiving := *s
	forgiving.gone = true
	return &forgiving
}

// KnownProjects is the same ledger to whoever may misspell a project: an instance or a security group of a project that is not
// there does not make it, and is ErrNotFound. Networks make their project at its first use as they did in Nova.
func (s *Store) KnownProjects() *Store {
	strict := *s
	strict.known = true
	return &strict
}

// Close releases the ledger.
func (s *Store) Close() error { return s.db.Close() }

// Version is the schema version of the ledger, the name of its engine, and where in the database it is.
type Version = sqlstore.Version

// LatestSchema is the schema version of a ledger that is up to date.
func LatestSchema() int { return sqlstore.LatestSchema() }

// SQLiteVersion is the version of the SQLite that is part of this program.
const SQLiteVersion = sqlstore.SQLiteVersion

// Version tells the schema version and engine. Open has checked that this binary knows the version.
func (s *Store) Version(ctx context.Context) (version Version, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		version, err = s.db.Version(ctx, t.ReadTx)
		return err
	})
	return version, err
}

// Files are the files that the ledger consists of, whether they exist at the moment or not: whatever is written there is
// written into the ledger. There are none where a server or memory keeps it.
func (s *Store) Files() []string { return s.db.Files() }

// view is a transaction that reads. What is looked up for several commands is a method of it.
type view struct{ *sqlstore.ReadTx }

// tx is a transaction that changes the ledger: it reads as a view does, and writes through the door.
type tx struct {
	view
	door *sqlstore.WriteTx
	manner
}

// absent is the error of looking for what is to be taken away: none where it need not be there.
func (t *tx) absent(err error) error {
	if t.gone && isNotFound(err) {
		return nil
	}
	return err
}

// view runs do on one consistent state of the ledger, without holding up any writer.
func (s *Store) view(ctx context.Context, do func(context.Context, view) error) error {
	if s.batch != nil {
		return s.batch.view(ctx, s, do)
	}
	return s.db.View(ctx, func(ctx context.Context, r *sqlstore.ReadTx) error { return do(ctx, view{r}) })
}

// mutate runs do as one change. It may run do again, from nothing, where another writer was in the way.
func (s *Store) mutate(ctx context.Context, do func(context.Context, *tx) error) error {
	if s.batch != nil {
		return s.batch.mutate(ctx, s, do)
	}
	return s.db.Change(ctx, s.what, func(ctx context.Context, w *sqlstore.WriteTx) error {
		t := &tx{view: view{w.ReadTx}, door: w, manner: s.manner}
		if err := do(ctx, t); err != nil || s.would == nil {
			return err
		}
		rows, err := t.wouldChange(ctx)
		s.would(rows)
		return err
	})
}

// wouldChange is what the change has done to rows so far, which is all that it does.
func (t *tx) wouldChange(ctx context.Context) ([]ChangedRow, error) {
	number := t.door.Number()
	if number == 0 {
		return nil, nil
	}
	if err := t.door.Conclude(ctx); err != nil {
		return nil, err
	}
	c, err := t.change(ctx, number)
	if err != nil {
		return nil, err
	}
	net, err := t.net(ctx, c)
	return shown(net), err
}

// failed is a sequence that is an error.
func failed[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}

// errStop ends a transaction whose reader wants no more rows.
var errStop = errors.New("stop")

// stream yields what list yields in a transaction of its own.
func stream[T any](ctx context.Context, s *Store, list func(context.Context, view) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return inView(ctx, s, func(ctx context.Context, t view, emit func(T) error) error {
		for row, err := range list(ctx, t) {
			if err == nil {
				err = emit(row)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// inView yields what list emits in a transaction of its own, which is free for queries in between. An error ends the sequence.
func inView[T any](ctx context.Context, s *Store, list func(ctx context.Context, t view, emit func(T) error) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := s.view(ctx, func(ctx context.Context, t view) error {
			return list(ctx, t, func(row T) error {
				if !yield(row, nil) {
					return errStop
				}
				return nil
			})
		})
		if err != nil && err != errStop {
			var none T
			yield(none, err)
		}
	}
}
