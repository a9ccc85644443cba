package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
)

// jsonRows prints an array with one object per line, so that grep works on it as well as a JSON parser.
type jsonRows struct {
	w     io.Writer
	names []string
	begun bool
}

func (j *jsonRows) row(values []any) error {
	var b bytes.Buffer
	b.WriteString(",\n  ")
	if !j.begun {
		b.Reset()
		b.WriteString("[\n  ")
		j.begun = true
	}
	if err := appendJSON(&b, j.names, values, " ", ""); err != nil {
		return err
	}
	_, err := j.w.Write(b.Bytes())
	return err
}

func (j *jsonRows) end() error {
	text := "\n]\n"
	if !j.begun {
		text = "[]\n"
	}
	_, err := io.WriteString(j.w, text)
	return err
}

func writeJSONObject(w io.Writer, names []string, values []any) error {
	var b bytes.Buffer
	if err := appendJSON(&b, names, values, "\n  ", "\n"); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

// appendJSON writes an object in the order of its columns, with gap before every key but the first on one line.
func appendJSON(b *bytes.Buffer, names []string, values []any, gap, last string) error {
	encode := func(v any) error {
		// Nearly all of a long list is such text; the encoder takes three times as long for it.
		if text, ok := v.(string); ok && isPlainJSON(text) {
			b.WriteByte('"')
			b.WriteString(text)
			b.WriteByte('"')
			return nil
		}
		if v == nil {
			b.WriteString("null")
			return nil
		}
		return encodeJSON(b, v)
	}
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		if i > 0 || last != "" {
			b.WriteString(gap)
		}
		if err := encode(name); err != nil {
			return err
		}
		b.WriteString(": ")
		if err := encode(values[i]); err != nil {
			return err
		}
	}
	b.WriteString(last)
	b.WriteByte('}')
	return nil
}

// encodeJSON writes one value.
func encodeJSON(b *bytes.Buffer, v any) error {
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the line break that an Encoder adds
	return nil
}

// isPlainJSON tells whether a text stands in JSON as it is (RFC 8259 §7).
func isPlainJSON(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// csvRows prints RFC 4180 rows, with line feeds, under a line of column names. Absent is an empty field.
type csvRows struct {
	w     *csv.Writer
	raw   io.Writer // what w writes to
	names []string
}

func newCSVRows(w io.Writer, names []string) *csvRows {
	return &csvRows{w: csv.NewWriter(w), raw: w, names: names}
}

func (c *csvRows) row(values []any) error {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = plainText(v, "")
	}
	return c.write(texts)
}

// write puts the header before the first row, so that an answer that fails at once prints nothing.
func (c *csvRows) write(texts []string) error {
	if c.names != nil {
		if err := c.w.Write(c.names); err != nil {
			return err
		}
		c.names = nil
	}
	switch {
	case texts == nil:
		return nil
	case len(texts) == 1 && texts[0] == "":
		// The package would write an empty line, which readers pass over, its own too.
		c.w.Flush()
		if err := c.w.Error(); err != nil {
			return err
		}
		_, err := io.WriteString(c.raw, "\"\"\n")
		return err
	}
	return c.w.Write(texts)
}

func (c *csvRows) end() error {
	if err := c.write(nil); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}

// valueRows prints bare values with a tab between them, for the shell's read, for cut and for awk. A text may hold blanks,
// but no tab: a control character is escaped in whatever is printed. Where there are several columns an absent value is a
// dash, so that the ones after it keep their places; alone it is an empty line, which `test -z` understands.
type valueRows struct{ w io.Writer }

func (r *valueRows) row(values []any) error {
	absent := "-"
	if len(values) == 1 {
		absent = ""
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = plainText(v, absent)
	}
	_, err := io.WriteString(r.w, strings.Join(texts, "\t")+"\n")
	return err
}

func (r *valueRows) end() error { return nil }

// writeValues prints the values of a single object, one on each line; an absent one is an empty line.
func writeValues(w io.Writer, values []any) error {
	var b strings.Builder
	for _, v := range values {
		b.WriteString(plainText(v, "") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
