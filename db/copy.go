package db

import (
	"context"

	"nova-manage/db/internal/sqlstore"
)

// Copied is a table that Copy copied, and its number of rows.
type Copied = sqlstore.Copied

// Copy copies the whole ledger from, as it is at one moment, into the empty ledger to, all or nothing; the engines may
// differ, and each is a Store of its own. It returns the tables with their number of rows, which it has compared, and
// the copy has passed Check.
//
// Errors: ErrConflict where to is not empty, ErrCheck where the copy would not be clean, which means that from is not.
func Copy(ctx context.Context, from, to *Store) (copied []Copied, err error) {
	err = to.mutate(ctx, func(ctx context.Context, target *tx) error {
		// The source's own transaction ends first: should it turn out to have changed meanwhile, the copy is not kept.
		return from.view(ctx, func(ctx context.Context, source view) (err error) {
			if copied, err = sqlstore.CopyRows(ctx, from.db, source.ReadTx, to.db, target.door); err == nil {
				err = to.clean(ctx, target.view, WayCheckSource, "the copy of %s is not clean, so nothing was copied: %s", from.db.Place())
			}
			return to.db.Translate(ctx, err)
		})
	})
	if err != nil {
		return nil, err
	}
	return copied, nil
}
