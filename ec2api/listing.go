package ec2api

import (
	"encoding/xml"
	"io"
	"iter"
)

// listing is how rows become the answer to a Describe action.
type listing[T, I any] struct {
	set    string // the name of the element that holds the items
	passes func(T) bool
	name   func(T) string
	item   func(T) I
}

// write renders a row as it comes, so that an answer of any length takes no memory.
func (l listing[T, I]) write(c Call, w io.Writer, requestID string, rows iter.Seq2[T, error]) error {
	head := c.envelope(requestID)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	d := &writing{e: xml.NewEncoder(w)}
	d.begin(c.Action+"Response", xml.Attr{Name: xml.Name{Local: "xmlns"}, Value: head.Namespace})
	d.element("requestId", head.RequestID)
	d.begin(l.set)
	next, err := l.page(c.Page, rows, func(row T) error {
		d.element("item", l.item(row))
		return d.err
	})
	if err != nil {
		return err
	}
	d.end()
	if next != "" {
		d.element("nextToken", next)
	}
	d.end()
	return d.finish()
}

// page emits the rows of a page, and returns the token of the next one, "" where there is none.
func (l listing[T, I]) page(p Page, rows iter.Seq2[T, error], emit func(T) error) (next string, err error) {
	n, last := 0, ""
	for row, err := range rows {
		switch {
		case err != nil:
			return "", err
		case p.after != "" && l.name(row) <= p.after, !l.passes(row):
			continue
		case p.Max > 0 && n == p.Max:
			return p.token(last), nil
		}
		n, last = n+1, l.name(row)
		if err := emit(row); err != nil {
			return "", err
		}
	}
	return "", nil
}

// writing is a document on its way. Its first error stays.
type writing struct {
	e      *xml.Encoder
	inside []xml.StartElement
	err    error
}

func (d *writing) begin(name string, attributes ...xml.Attr) {
	start := xml.StartElement{Name: xml.Name{Local: name}, Attr: attributes}
	d.inside = append(d.inside, start)
	d.token(start)
}

func (d *writing) end() {
	last := len(d.inside) - 1
	d.token(d.inside[last].End())
	d.inside = d.inside[:last]
}

func (d *writing) token(t xml.Token) {
	if d.err == nil {
		d.err = d.e.EncodeToken(t)
	}
}

func (d *writing) element(name string, v any) {
	if d.err == nil {
		d.err = d.e.EncodeElement(v, xml.StartElement{Name: xml.Name{Local: name}})
	}
}

func (d *writing) finish() error {
	d.token(xml.CharData("\n"))
	if d.err == nil {
		d.err = d.e.Flush()
	}
	return d.err
}
