package sqlstore

import (
	"context"
	"errors"
)

// A ledger that is not there yet is made by the first change to it: schema and change are one transaction, and what was made
// on the disk for it is taken away again where that fails. So a command that is refused leaves nothing behind.

// errMade says that somebody else has made the ledger meanwhile, errMoved that the file that was opened is not the ledger's
// any more. Both mean to look anew.
var (
	errMade  = errors.New("the ledger has been made meanwhile")
	errMoved = errors.New("the ledger's file has been replaced meanwhile")
)

func startOver(err error) bool { return errors.Is(err, errMade) || errors.Is(err, errMoved) }

// first is once for the change that makes the ledger.
func (d *DB) first(ctx context.Context, what *Change, do func(context.Context, *WriteTx) error) error {
	undo := func() {}
	if d.conn == nil {
		var err error
		if undo, err = d.found(ctx); err != nil {
			return err
		}
	}
	err := d.change(ctx, what, func(ctx context.Context, w *WriteTx) error {
		if err := d.engine.unmoved(); err != nil {
			return err
		}
		tables, err := d.engine.tables(ctx, w.q)
		if err != nil {
			return err
		}
		if len(tables) > 0 {
			return errMade
		}
		if err := d.migrateFrom(ctx, w, 0); err != nil {
			return err
		}
		return do(ctx, w)
	})
	switch {
	case err == nil && d.opts.Mode == DryRun:
		return nil // it is still to be made
	case err == nil:
		d.unmade = false
		d.engine.settle(ctx, d.conn)
		return nil
	case errors.Is(err, errMade):
		d.unmade = false
		if err := d.engine.locate(ctx, d.conn); err != nil {
			return err
		}
		if err := d.ready(ctx); err != nil {
			return err
		}
		return errMade
	}
	// What the engine says of its error depends on what is there, so it is asked first.
	err = d.engine.translate(ctx, err)
	undo()
	return err
}

// found makes what a database needs in order to be opened, and opens it. undo closes it and takes away what was made.
func (d *DB) found(ctx context.Context) (undo func(), err error) {
	db, takeAway, err := d.engine.found(ctx, d.opts)
	if err != nil {
		return nil, err
	}
	d.db = db
	undo = func() {
		_ = d.Close()
		takeAway()
	}
	if d.conn, err = db.Conn(ctx); err != nil {
		err = d.engine.translate(ctx, err)
		undo()
		return nil, err
	}
	return undo, nil
}
