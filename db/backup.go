package db

import (
	"context"
	"io"
	"os"

	"nova-manage/db/internal/sqlstore"
)

// Backup copies the ledger, as it is at one moment and without holding up a writer, into a file that is there, empty and nobody
// else's: a ledger that is kept in a file as a ledger, one on a server as the document of Export, with its history. The copy has passed Check.
//
// Error: ErrCheck where the copy would not be clean, which means that the ledger is not.
func (s *Store) Backup(ctx context.Context, to *os.File) error {
	if s.Files() == nil {
		return s.Export(ctx, to, true)
	}
	if err := s.db.Backup(ctx, to); err != nil {
		return err
	}
	copied, err := sqlstore.OpenPrivate(ctx, to.Name(), "", sqlstore.Options{Mode: sqlstore.Read})
	if err != nil {
		return err
	}
	defer copied.Close()
	c := &Store{db: copied}
	return c.view(ctx, func(ctx context.Context, v view) error {
		return c.clean(ctx, v, WayCheckLedger, "the copy of %s is not clean, so it was not kept: %s", s.db.Place())
	})
}

// LogBeside names what lies beside a file, or where one is to be, and would be taken for a part of a ledger there; "" is nothing.
func LogBeside(path string) string { return sqlstore.LogBeside(path) }

// IsDatabase tells whether a file begins as SQLite's do, as a ledger in a file does.
func IsDatabase(f io.ReaderAt) bool { return sqlstore.IsDatabase(f) }
