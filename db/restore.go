package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"nova-manage/db/internal/sqlstore"
)

// Restored is what Restore did.
type Restored struct {
	// Kept is where the ledger is that was there before: a file, or a schema of the database. "" where there was none.
	Kept string
	// Document tells that the file was a document and not a ledger.
	Document bool
}

// Restore puts the ledger that a file holds, as Backup or Export wrote it, in the place of the one that opts.URL names, which is
// kept beside it. The file is only read; a ledger of an earlier schema version is brought up to date in a copy. All of it has
// passed Check before anything is touched, or nothing is done. Writers wait, and then find the restored ledger.
//
// Errors: ErrInvalid where the file is neither, or is the ledger itself, and as with Import; ErrCheck where it is not clean.
func Restore(ctx context.Context, opts Options, path string) (Restored, error) {
	r := &restore{opts: opts, path: path}
	ours, err := sqlstore.FilesAt(opts.URL)
	if err != nil {
		return r.done, err
	}
	if err := r.open(ours); err != nil {
		return r.done, err
	}
	defer r.file.Close()
	if ours != nil {
		err = r.intoFile(ctx)
	} else {
		err = r.intoServer(ctx)
	}
	return r.done, err
}

// restore is one run of Restore.
type restore struct {
	opts Options
	path string
	file *os.File
	done Restored
}

// open opens the file, and finds out what it is; ours are the files of the ledger that is to be replaced.
func (r *restore) open(ours []string) error {
	failed := func(err error) error {
		if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
			err = failed.Err
		}
		return fmt.Errorf("cannot read %s: %w", r.path, err)
	}
	info, err := os.Stat(r.path) // before a FIFO would keep us waiting
	switch {
	case err != nil:
		return failed(err)
	case info.IsDir():
		return failed(errors.New("it is a folder"))
	case !info.Mode().IsRegular():
		return failed(errors.New("it is not a regular file"))
	}
	for _, file := range ours {
		if same, err := os.Stat(file); err == nil && os.SameFile(info, same) {
			return invalidf("%s is the ledger itself, or a part of it", r.path)
		}
	}
	if r.file, err = os.Open(r.path); err != nil {
		return failed(err)
	}
	if sqlstore.IsDatabase(r.file) {
		return nil
	}
	begin := make([]byte, 512)
	n, err := r.file.ReadAt(begin, 0)
	if err != nil && err != io.EOF {
		return errors.Join(failed(err), r.file.Close())
	}
	for _, c := range begin[:n] {
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '{':
			r.done.Document = true
			return nil
		}
		break
	}
	_ = r.file.Close()
	return invalidf("%s is neither a ledger nor the document of one", r.path)
}

// options are those of the database under a ledger.
func (o Options) options() sqlstore.Options {
	return sqlstore.Options{URL: o.URL, Mode: o.Mode, Clock: o.Clock, LockTimeout: o.LockTimeout, Progress: o.Progress, Warn: o.Warn, Waiting: o.Waiting,
		Committed: o.Committed}
}

// intoFile replaces a ledger that is kept in a file.
func (r *restore) intoFile(ctx context.Context) (err error) {
	r.done.Kept, err = sqlstore.RestoreFile(ctx, r.opts.options(), func(ctx context.Context, fresh *os.File) error {
		s, err := r.fill(ctx, fresh)
		if err != nil {
			return err
		}
		return s.Close()
	})
	return err
}

// fill makes a ledger of what the file holds in another one, which is empty.
func (r *restore) fill(ctx context.Context, fresh *os.File) (*Store, error) {
	if !r.done.Document {
		if err := sqlstore.CopyFile(ctx, r.path, fresh, r.opts.options()); err != nil {
			return nil, err
		}
	}
	// It is no change to anything that lasts.
	private := sqlstore.Options{Mode: sqlstore.Sync, Clock: r.opts.Clock, Progress: r.opts.Progress}
	db, err := sqlstore.OpenPrivate(ctx, fresh.Name(), r.path, private)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, what: sqlstore.Change{Command: r.opts.Command, Actor: r.opts.Actor}}
	if r.done.Document {
		err = r.importInto(ctx, s)
	} else {
		err = s.view(ctx, func(ctx context.Context, v view) error {
			return s.clean(ctx, v, "", "%s is not clean, so nothing was restored: %s", r.path)
		})
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (r *restore) importInto(ctx context.Context, s *Store) error {
	_, err := s.ImportDocument(ctx, r.file, r.path, nil)
	return err
}

// intoServer replaces a ledger that a server keeps, in one transaction.
func (r *restore) intoServer(ctx context.Context) (err error) {
	var from *Store
	if !r.done.Document {
		temporary, err := os.CreateTemp("", "nova-manage-")
		if err != nil {
			return err
		}
		defer temporary.Close()
		defer os.Remove(temporary.Name())
		if from, err = r.fill(ctx, temporary); err != nil {
			return err
		}
		defer from.Close()
	}
	s, err := Open(ctx, r.opts)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.mutate(ctx, func(ctx context.Context, t *tx) (err error) {
		if r.done.Kept, err = sqlstore.Keep(ctx, s.db, t.door); err != nil {
			return err
		}
		if from == nil {
			if _, err := r.file.Seek(0, io.SeekStart); err != nil {
				return err
			}
			_, err := s.importInto(ctx, t, r.file, r.path, nil)
			return err
		}
		return from.view(ctx, func(ctx context.Context, source view) error {
			_, err := sqlstore.CopyRows(ctx, from.db, source.ReadTx, s.db, t.door)
			return err
		})
	})
}
