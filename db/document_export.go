package db

import (
	"context"
	"io"

	"nova-manage/db/internal/document"
	"nova-manage/db/internal/sqlstore"
)

// Export writes the whole ledger, as it is at one moment, as one document: the same bytes for the same ledger, on either
// engine. With its history that goes along. It is checked first, because what follows from the rest is not in the document and would be lost if it were wrong.
// No more of it than a row is in memory.
//
// Errors: ErrCheck where the ledger is not clean; what w returns comes back as it is.
func (s *Store) Export(ctx context.Context, w io.Writer, history bool) error {
	out := &outer{w: w}
	err := s.view(ctx, func(ctx context.Context, v view) error {
		if err := s.clean(ctx, v, WayCheckLedger, "%s is not clean, so nothing was exported: %s", s.db.Place()); err != nil {
			return err
		}
		return v.export(ctx, document.NewWriter(out), history)
	})
	if out.err != nil {
		err = out.err
	}
	return err
}

// outer is what a document is written to or read from. It keeps the error that it returned: to an engine it looks like one of the
// connection to its server.
type outer struct {
	w   io.Writer
	r   io.Reader
	err error
}

func (o *outer) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	o.err = err
	return n, err
}

func (o *outer) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	if err != io.EOF {
		o.err = err
	}
	return n, err
}

func (t view) export(ctx context.Context, d *document.Writer, history bool) error {
	d.Member("format")
	_ = d.Write(document.AppendValue(nil, documentFormat)) // what goes wrong is told by the next row, or the end
	d.Member("version")
	_ = d.Write(document.AppendValue(nil, documentVersion))
	d.Member("sequences")
	line := []byte{'{'}
	for _, name := range sequenceNames {
		last, ok, err := sqlstore.Value[int64](ctx, t.ReadTx, "value FROM sequences WHERE name = $1", name)
		if err == nil && !ok {
			err = corruptf("the numbers of %s are not there", name)
		}
		if err != nil {
			return err
		}
		line = document.AppendValue(document.AppendKey(line, name), last)
	}
	_ = d.Write(append(line, '}'))
	if history {
		d.Member(historyPart)
		if err := t.exportHistory(ctx, d); err != nil {
			return err
		}
	}
	for _, p := range parts {
		d.Member(p.name())
		if err := p.export(ctx, t, d); err != nil {
			return err
		}
	}
	return d.End()
}
