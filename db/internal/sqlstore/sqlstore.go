// Package sqlstore keeps the ledger's database: engines, schema and migrations, transactions, and the one door that every
// change goes through. It knows tables and rows and not what they mean, which is package db's to say.
//
// A ReadTx can only query: what is handed to it stands after SELECT. A WriteTx adds Insert, Update and Delete, which name
// a table, a key and columns, so that whoever records what was changed can do it here, once, for all of them.
package sqlstore

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
	// Create opens a ledger to add to it. Where there is none the first change makes it, folder and schema; until then
	// there is nothing to look at, which is ErrNoLedger.
	Create
	// Sync is for `db sync`: it makes a missing ledger at once, and brings an older schema up to date.
	Sync
	// DryRun opens a ledger as Create would, but every transaction is rolled back. Where there is no ledger but could be, an
	// empty one stands in, so that nothing appears.
	DryRun
)

// makes tells whether a missing ledger is made.
func (m Mode) makes() bool { return m == Create || m == Sync }

// wouldMake tells whether one is made, or would be but for the dry run.
func (m Mode) wouldMake() bool { return m.makes() || m == DryRun }

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
	// AsOf is the state of the ledger that View shows, the present one by default. It is for the modes that read.
	AsOf Past
	// Warn, if it is set, is told what is probably not meant as it is, and keeps nothing from being done.
	Warn func(message string)
	// Waiting, if it is set, is told once whom a command waits for that has waited a second for others to let go of the ledger: the
	// process as LockedError names it, "" if that is not known. It may be told from another goroutine than the caller's.
	Waiting func(holder string)
	// Committed, if it is set, is told when a change has been made for good, before anything else can go wrong; one that
	// found everything as it is to be is none.
	Committed func()
}

// DefaultLockTimeout is how long a writer waits for the one before it. Commands hold the lock for milliseconds, so
// that half a minute means somebody holds it open by hand.
const DefaultLockTimeout = 30 * time.Second

// DB is an open database. It is meant for one command at a time and is not safe for use by several goroutines at once.
type DB struct {
	engine engine
	db     *sql.DB
	conn   *sql.Conn
	opts   Options
	busy   bool // a transaction runs
	unmade bool // whether the ledger, or its schema, is still to be made, by the first change
}

// engine is what differs between the engines: how a ledger is reached, its DDL, its locking and its error codes.
type engine interface {
	// name is what `db version` prints.
	name() string
	// place is the ledger as messages name it, without secrets.
	place() string
	// open connects to a database. ErrNoLedger where there is none.
	open(ctx context.Context, opts Options) (*sql.DB, error)
	// locate finds out where in the database the ledger is, for all transactions that follow.
	locate(ctx context.Context, conn *sql.Conn) error
	// found makes a database where there is none, for a ledger to be made in it, and connects. What was made is taken away
	// by the function that it returns, once nothing of the database is open.
	found(ctx context.Context, opts Options) (db *sql.DB, takeAway func(), err error)
	// unmoved returns errMoved where what found connected to is not the database of that name any more.
	unmoved() error
	// rehearse returns the error that found would return, or the first change after it, as far as that can be known.
	rehearse() error
	// settle does what a ledger needs besides its schema, outside any transaction and as far as it can be done now.
	settle(ctx context.Context, conn *sql.Conn)
	// begin starts a transaction: a reading one where what is nil, else a writing one, which queues behind the others
	// for at most opts.LockTimeout.
	begin(ctx context.Context, conn *sql.Conn, what *Change, opts Options) error
	// commit ends a writing or reading transaction; an error says that nothing was changed, or is ErrUnknown. The end of
	// ctx does not end it, but may bound how long it goes on.
	commit(ctx context.Context, conn *sql.Conn) error
	// retryable tells whether the whole transaction may be tried again after err.
	retryable(err error) bool
	// translate turns a driver's error into a sentence and a sentinel; errors it does not know come back as they are. ctx is
	// that of what failed: whether it was cancelled the error alone does not say.
	translate(ctx context.Context, err error) error
	// prepares tells whether a query that a transaction runs often is to be prepared here; if not, the driver does it.
	prepares() bool
	// parameter is how the n-th parameter of a long statement is written; $n works on every engine.
	parameter(n int) string
	// tables lists the tables of the database, sorted.
	tables(ctx context.Context, q querier) ([]string, error)
	// size is the query for how many bytes the ledger takes, after SELECT.
	size() string
	// lasting is the name of a table of the ledger, whatever is temporarily called so.
	lasting(table string) string
	// migrations are the DDL of each schema version, the first one first.
	migrations() []string
	// integrity runs the engine's own check and returns what it found.
	integrity(ctx context.Context, q querier) ([]string, error)
	// schema returns what of the schema is missing or not what the migrations made it.
	schema(ctx context.Context, q querier) ([]string, error)
}

// Open opens the ledger that opts.URL names and checks that its schema is one this binary knows.
//
// Errors: ErrInvalid for a URL that names no ledger, ErrNoLedger where there is none and opts.Mode does not make one;
// anything else means that the database could not be opened or is not a ledger of ours.
func Open(ctx context.Context, opts Options) (*DB, error) {
	eng, err := until(ctx, func() (engine, error) { return engineFor(opts.URL) })
	if err != nil {
		return nil, err
	}
	return openEngine(ctx, eng, opts.filled())
}

// filled are the options with what stands for those that are not set.
func (o Options) filled() Options {
	if o.LockTimeout == 0 {
		o.LockTimeout = DefaultLockTimeout
	}
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	if o.Committed == nil {
		o.Committed = func() {}
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.Waiting == nil {
		o.Waiting = func(string) {}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o
}

func openEngine(ctx context.Context, eng engine, opts Options) (d *DB, err error) {
	d = &DB{engine: eng, opts: opts}
	d.db, err = eng.open(ctx, opts)
	switch missing := errors.Is(err, ErrNoLedger); {
	case missing && opts.Mode == DryRun:
		err = d.useScratch(ctx)
	case missing && opts.Mode.makes():
		d.unmade, err = true, nil
	case err == nil:
		// One command is one connection: what a pragma or a transaction sets on it must be there for the next statement.
		if d.conn, err = d.db.Conn(ctx); err == nil {
			if err = eng.locate(ctx, d.conn); err == nil {
				err = d.ready(ctx)
			}
		}
	}
	if err == nil && d.unmade && opts.Mode == Sync {
		err = d.Change(ctx, Change{Command: "db sync"}, func(context.Context, *WriteTx) error { return nil })
	}
	if err != nil {
		d.Close()
		return nil, eng.translate(ctx, err)
	}
	return d, nil
}

// Close releases the ledger.
func (d *DB) Close() error {
	var errs []error
	if d.conn != nil {
		errs = append(errs, d.conn.Close())
	}
	if d.db != nil {
		errs = append(errs, d.db.Close())
	}
	d.conn, d.db = nil, nil
	return errors.Join(errs...)
}

// Place is the ledger as messages name it, without secrets.
func (d *DB) Place() string { return d.engine.place() }

// Translate turns a driver's error into a sentence and a class, and leaves every other error as it is. What View and Change
// return has been translated; an error that crosses from one database to another is translated where it came from.
func (d *DB) Translate(ctx context.Context, err error) error { return d.engine.translate(ctx, err) }

// Change says what a transaction is: who made which change, and when. History keeps it.
type Change struct {
	Command string    // the command line, without secrets
	Actor   string    // who gave it, as user@host
	Comment string    // what whoever gave it has to say about it; may be ""
	At      time.Time // set by the door, in UTC, once per transaction
}

// Change is the one door for changes: begin, do, record, commit. It tries again, with
// a pause, what the engine says may be tried again; do must therefore start from nothing each time.
func (d *DB) Change(ctx context.Context, what Change, do func(context.Context, *WriteTx) error) error {
	const attempts = 10
	for i := 1; ; i++ {
		attempt := d.change
		if d.unmade {
			attempt = d.first
		}
		err := attempt(ctx, &what, do)
		if err == nil || !startOver(err) && !d.engine.retryable(err) {
			return d.engine.translate(ctx, err)
		}
		if i == attempts {
			return fmt.Errorf("other writers changed %s %d times in a row while this command ran; it may be run again: %w",
				d.engine.place(), attempts, d.engine.translate(ctx, err))
		}
		if err := pause(ctx, i); err != nil {
			return err
		}
	}
}

// change is one attempt at a change.
func (d *DB) change(ctx context.Context, what *Change, do func(context.Context, *WriteTx) error) error {
	return d.once(ctx, what, func(ctx context.Context, r *ReadTx) error {
		// The time is that of its turn and not of its place in the queue: changes are made in the order of their times.
		what.At = r.now
		w := &WriteTx{ReadTx: r, change: *what}
		if err := do(ctx, w); err != nil {
			return err
		}
		return w.finish(ctx)
	})
}

// View runs do on one consistent state of the ledger, without holding up any writer.
func (d *DB) View(ctx context.Context, do func(context.Context, *ReadTx) error) error {
	if d.unmade {
		return noLedger(d.engine)
	}
	return d.engine.translate(ctx, d.once(ctx, nil, func(ctx context.Context, r *ReadTx) error {
		if !d.opts.AsOf.present() {
			if err := d.lookBack(ctx, r, d.opts.AsOf); err != nil {
				return err
			}
		}
		return do(ctx, r)
	}))
}

// errBusy says that a transaction is asked for while the rows of another one are still read. There is one connection.
var errBusy = errors.New("one transaction of the ledger is asked for inside of another")

// once runs one transaction, a writing one if it is told what is changed.
func (d *DB) once(ctx context.Context, what *Change, do func(context.Context, *ReadTx) error) (err error) {
	if d.busy {
		return errBusy
	}
	d.busy = true
	done := false
	defer func() {
		if !done {
			// The context may be the very reason for leaving; the rollback must happen all the same. A begin that failed may
			// have begun: a driver looks at the context also after it has done its work.
			_, _ = d.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
		d.busy = false
	}()
	if err := d.engine.begin(ctx, d.conn, what, d.opts); err != nil {
		return err
	}
	r := &ReadTx{q: d.conn, now: d.opts.Clock().UTC(), progress: d.opts.Progress, parameter: d.engine.parameter,
		statements: map[string]*sql.Stmt{}, prepares: d.engine.prepares()}
	err = func() error {
		defer r.finish() // SQLite does not end a transaction under a statement that is still at work
		return do(ctx, r)
	}()
	if err != nil {
		return err
	}
	if d.opts.Mode == DryRun || what == nil && !d.opts.AsOf.present() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	// From here on the answer is the engine's: a commit that is interrupted half-way could be neither reported as
	// done nor as undone.
	if err := d.engine.commit(ctx, d.conn); err != nil {
		return err
	}
	done = true
	if r.wrote {
		d.opts.Committed()
	}
	return nil
}

// Check runs the engine's own check of its storage, and where that finds nothing compares the schema with the one that the
// migrations make. It returns what each found.
func (d *DB) Check(ctx context.Context, r *ReadTx) (integrity, schema []string, err error) {
	// What a damaged file says of itself is not worth comparing.
	if integrity, err = d.engine.integrity(ctx, r.q); err != nil || len(integrity) > 0 {
		return integrity, nil, err
	}
	schema, err = d.engine.schema(ctx, r.q)
	return nil, schema, err
}
