package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"nova-manage/db/internal/document"
	"nova-manage/db/internal/sqlstore"
)

// NameRule says what is wrong with a name that enters the ledger, for the column of a table; nil where it is none, or is right.
type NameRule func(table, column, value string) error

// ImportDocument reads a document as Export writes it into a ledger that never held anything, all of it or nothing, and returns the
// tables with their number of rows. Every value is refused that no command would have let in, and names is asked about those
// that it has rules for; nil where a name may be as old as the ledger that it comes from. What follows from the rest is worked
// out, and the whole has passed Check. No more than a thousand rows are in memory. A history that the document brings along is
// the ledger's then, as it is; without one the import is its first change.
//
// name is what messages call the document. Where another writer is in the way, it is read again if r is an io.Seeker.
//
// Errors: ErrInvalid for a document that is none, or holds what can never be right, with its line and place in it; ErrConflict
// where the ledger is not empty; ErrCheck where the document contradicts itself otherwise. What r returns comes back as it is.
func (s *Store) ImportDocument(ctx context.Context, r io.Reader, name string, names NameRule) (imported []Copied, err error) {
	again, out := false, &outer{r: r}
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		if again {
			if err := rewind(r); err != nil {
				return err
			}
		}
		again = true
		imported, err = s.importInto(ctx, t, out, name, names)
		return err
	})
	if out.err != nil {
		return nil, out.err
	}
	if err != nil {
		return nil, err
	}
	return imported, nil
}

// rewind goes back to the beginning of what has been read from.
func rewind(r io.Reader) error {
	seeker, ok := r.(io.Seeker)
	if ok {
		_, err := seeker.Seek(0, io.SeekStart)
		ok = err == nil
	}
	if !ok {
		return (&Error{Message: "another writer was in the way, and the document cannot be read a second time"}).Try(WayAgain)
	}
	return nil
}

// reading is one run of ImportDocument.
type reading struct {
	*tx
	names NameRule
}

func (s *Store) importInto(ctx context.Context, t *tx, r io.Reader, name string, names NameRule) ([]Copied, error) {
	if err := sqlstore.Clear(ctx, s.db, t.door); err != nil {
		return nil, err
	}
	t.door.FillsOnce()
	i := &reading{tx: t, names: names}
	imported, err := i.read(ctx, document.NewReader(r))
	if wrong := (*document.Error)(nil); errors.As(err, &wrong) {
		return nil, &Error{Message: name + ": " + err.Error(), Kind: ErrInvalid, Cause: err}
	}
	if err == nil {
		err = i.deriveFree(ctx)
	}
	if err == nil {
		err = t.door.Conclude(ctx)
	}
	if err == nil {
		err = s.clean(ctx, t.view, "", "%s makes no clean ledger, so nothing was imported: %s", name)
	}
	if err != nil {
		return nil, err
	}
	return imported, nil
}

// read reads the document and writes its rows.
func (i *reading) read(ctx context.Context, d *document.Reader) (imported []Copied, err error) {
	known := []string{"format", "version", "sequences", historyPart}
	for _, p := range parts {
		known = append(known, p.name())
	}
	next := 0
	err = d.Object(known, []string{historyPart}, func(key string) error {
		at := slices.Index(known, key)
		if known[next] == historyPart && key != historyPart {
			next++
		}
		if at != next {
			return d.Errorf("the members come in this order: %s", strings.Join(known, ", "))
		}
		next++
		switch key {
		case "format":
			return i.readFormat(d)
		case "version":
			return i.readVersion(d)
		case "sequences":
			return i.readSequences(ctx, d)
		case historyPart:
			return i.readHistory(ctx, d)
		}
		p := parts[at-slices.Index(known, historyPart)-1]
		rows, err := p.read(ctx, i, d)
		imported = append(imported, Copied{Table: p.name(), Rows: rows})
		return err
	})
	if err == nil {
		err = d.End()
	}
	return imported, err
}

func (i *reading) readFormat(d *document.Reader) error {
	format, err := d.Text()
	if err == nil && format != documentFormat {
		err = d.Errorf("%s is not %q: it is no document of a ledger", document.Quote(format), documentFormat)
	}
	return err
}

func (i *reading) readVersion(d *document.Reader) error {
	version, err := d.Integer()
	if err == nil && version != documentVersion {
		err = d.Errorf("this nova-manage reads version %d, and the document is of version %d", documentVersion, version)
	}
	return err
}

func (i *reading) readSequences(ctx context.Context, d *document.Reader) error {
	values := map[string]int64{}
	err := d.Object(sequenceNames, nil, func(name string) error {
		n, err := d.Integer()
		if err == nil && n < 0 {
			err = d.Errorf("%d cannot be: it counts from 0", n)
		}
		values[name] = n
		return err
	})
	if err != nil {
		return err
	}
	return i.door.Insert(ctx, sqlstore.NewRows{Table: "sequences", Columns: []string{"name", "value"}, N: len(sequenceNames),
		Fill: func(n int, v []any) { v[0], v[1] = sequenceNames[n], values[sequenceNames[n]] }})
}

// clean is an ErrCheck, worded by format from subject and the first findings, unless Check finds nothing; way is the one out.
func (s *Store) clean(ctx context.Context, v view, way Way, format, subject string) error {
	var found []string
	more := 0
	err := s.check(ctx, v, func(f Finding) {
		if len(found) < 3 {
			found = append(found, f.Check+": "+f.Problem)
		} else {
			more++
		}
	})
	if err != nil || found == nil {
		return err
	}
	what := strings.Join(found, "; ")
	if more > 0 {
		what += fmt.Sprintf("; and %d more", more)
	}
	return &Error{Message: fmt.Sprintf(format, subject, what), Kind: ErrCheck, Way: way}
}
