package document

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
)

// Writer writes a document: its members one after the other, each row of a table on a line of its own, so that the differences
// of two documents are lines and a line can be looked at alone. What goes wrong with the writer under it is told by the next
// row, and by End.
type Writer struct {
	w       *bufio.Writer
	line    []byte
	members int
	rows    []int // how many the arrays have that are not finished, the outermost first
}

// NewWriter begins a document on w.
func NewWriter(w io.Writer) *Writer {
	d := &Writer{w: bufio.NewWriterSize(w, 64<<10)}
	_ = d.w.WriteByte('{')
	return d
}

// Member begins a member of the document; its value follows.
func (d *Writer) Member(key string) {
	if d.members++; d.members > 1 {
		_ = d.w.WriteByte(',')
	}
	d.line = append(AppendValue(append(d.line[:0], '\n'), key), ": "...)
	_, _ = d.w.Write(d.line)
}

// Write writes a value, or a part of one, as it is.
func (d *Writer) Write(json []byte) error {
	_, err := d.w.Write(json)
	return err
}

// Begin begins an array of rows.
func (d *Writer) Begin() {
	d.rows = append(d.rows, 0)
	_ = d.w.WriteByte('[')
}

// Row writes a row, or the beginning of one, on a line of its own.
func (d *Writer) Row(json []byte) error {
	last := len(d.rows) - 1
	if d.rows[last]++; d.rows[last] > 1 {
		_ = d.w.WriteByte(',')
	}
	_ = d.w.WriteByte('\n')
	return d.Write(json)
}

// Finish ends an array of rows.
func (d *Writer) Finish() {
	last := len(d.rows) - 1
	if d.rows[last] > 0 {
		_ = d.w.WriteByte('\n')
	}
	d.rows = d.rows[:last]
	_ = d.w.WriteByte(']')
}

// End ends the document, and returns the first error there was.
func (d *Writer) End() error {
	_, _ = d.w.WriteString("\n}\n")
	return d.w.Flush()
}

// AppendKey begins a member of an object on a line; the value follows.
func AppendKey(line []byte, key string) []byte {
	if n := len(line); n > 0 && line[n-1] != '{' {
		line = append(line, ", "...)
	}
	return append(AppendValue(line, key), ": "...)
}

// AppendValue adds null, a text or a whole number to a line. A text has one spelling: nothing is escaped that need not be
// (RFC 8259 §7).
func AppendValue(line []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(line, "null"...)
	case int:
		return strconv.AppendInt(line, int64(v), 10)
	case int64:
		return strconv.AppendInt(line, v, 10)
	case string:
		return appendText(line, v)
	}
	panic(fmt.Sprintf("a %T is no value of a document", v))
}

func appendText(line []byte, s string) []byte {
	line = append(line, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		line = append(line, s[from:i]...)
		if from = i + 1; c < ' ' {
			line = fmt.Appendf(line, `\u%04x`, c)
		} else {
			line = append(line, '\\', c)
		}
	}
	return append(append(line, s[from:]...), '"')
}
