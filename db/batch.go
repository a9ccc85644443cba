package db

import (
	"context"
	"errors"
)

// batch is a transaction that several methods of a Store are parts of.
type batch struct {
	tx     *tx   // without a door where the ledger was opened to read
	busy   bool  // one of the parts runs
	failed error // of the first part that was to change something and could not
}

// errPart says that a part of a batch is asked for inside of another one, which outside of a batch the engine refuses.
var errPart = errors.New("one transaction of the ledger is asked for inside of another")

// Batch runs do, in which all methods of the Store are parts of one change: each sees what those before it have written, and
// all of it is kept or none. An error of a part that changes something is one of the whole, whatever do makes of it: what that
// part had written by then would be half of something. On a Store that was opened to read all parts see one state of the ledger.
//
// As with any change, do may be run again, from nothing, where another writer was in the way.
func (s *Store) Batch(ctx context.Context, do func(context.Context) error) error {
	if s.batch != nil {
		return errPart
	}
	run := func(ctx context.Context, t *tx) error {
		b := &batch{tx: t}
		s.batch = b
		defer func() { s.batch = nil }()
		if err := do(ctx); err != nil {
			return err
		}
		return b.failed
	}
	if s.reads {
		return s.view(ctx, func(ctx context.Context, v view) error { return run(ctx, &tx{view: v}) })
	}
	return s.mutate(ctx, run)
}

func (b *batch) view(ctx context.Context, s *Store, do func(context.Context, view) error) error {
	return b.part(ctx, s, func() error { return do(ctx, b.tx.view) })
}

func (b *batch) mutate(ctx context.Context, s *Store, do func(context.Context, *tx) error) error {
	err := b.failed // PostgreSQL would say of what follows an error that the transaction is aborted
	if err == nil {
		err = b.part(ctx, s, func() error { return do(ctx, &tx{view: b.tx.view, door: b.tx.door, manner: s.manner}) })
	}
	b.failed = err
	return err
}

// part runs one part. Its error is translated here, since whoever called it may add to it; it still holds the driver's, by which
// the engine knows what may be tried again.
func (b *batch) part(ctx context.Context, s *Store, do func() error) error {
	if b.busy {
		return errPart
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	b.busy = true
	defer func() { b.busy = false }()
	return s.db.Translate(ctx, do())
}
