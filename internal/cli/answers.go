package cli

import (
	"bytes"
	"fmt"
	"io"
)

// Answers are those of several lines, kept until it is known that they count: in JSON and YAML a list with line, command and
// answer, otherwise one after the other as they are. However long they are, they are held once, and beyond a bound on the disk.
type Answers struct {
	format string
	quiet  bool
	spool  spool
	n      int

	// Of the line that answers now:
	nested *nestedWriter // where its answer is a part of the list as it stands
	text   *bytes.Buffer // where it is a text in it
}

// NewAnswers are the answers of lines in the format that was asked for.
func (e *Env) NewAnswers() *Answers { return &Answers{format: e.view.format, quiet: e.quiet} }

// Begin has the answer of a line taken, which is on line number of a file.
func (a *Answers) Begin(number int, l *Line) error {
	if a.quiet {
		return nil
	}
	a.nested, a.text = nil, nil
	var to io.Writer
	var head []byte
	switch {
	case a.format != "json" && a.format != "yaml":
		to = &a.spool
	case l.laidOut:
		a.nested = &nestedWriter{w: &a.spool}
		to = a.nested
	default:
		a.text = &bytes.Buffer{}
		to = a.text
	}
	switch a.format {
	case "json":
		comma := ","
		if a.n == 0 {
			comma = "["
		}
		var b bytes.Buffer
		if err := appendJSON(&b, []string{"line", "command"}, []any{number, l.Env.CommandLine}, "\n    ", ""); err != nil {
			return err
		}
		head = fmt.Appendf(nil, "%s\n  {\n    %s,\n    \"answer\": ", comma, bytes.TrimSuffix(b.Bytes()[1:], []byte("}")))
	case "yaml":
		head = appendYAML(nil, []string{"line", "command"}, []any{number, l.Env.CommandLine}, "  ")
		head[0] = '-'
		head = append(head, "  answer:"...)
		if a.nested != nil {
			a.nested.first = "\n    "
		} else {
			head = append(head, ' ')
		}
	}
	a.n++
	l.Env.Output = to
	if !l.Env.quiet {
		l.Env.Stdout = to
	}
	_, err := a.spool.Write(head)
	return err
}

// End finishes the answer that has begun.
func (a *Answers) End() error {
	if a.quiet || a.nested == nil && a.text == nil {
		return nil
	}
	var tail []byte
	switch {
	case a.nested != nil && a.nested.begun:
	case a.nested != nil && a.format == "yaml":
		tail = append(tail, " null"...)
	case a.nested != nil || a.text.Len() == 0:
		tail = append(tail, "null"...)
	case a.format == "yaml":
		tail = appendYAMLText(tail, a.text.String())
	default:
		var b bytes.Buffer
		if err := encodeJSON(&b, a.text.String()); err != nil {
			return err
		}
		tail = b.Bytes()
	}
	if a.format == "json" {
		tail = append(tail, "\n  }"...)
	} else {
		tail = append(tail, '\n')
	}
	_, err := a.spool.Write(tail)
	return err
}

// Print prints the answers.
func (a *Answers) Print(w io.Writer) error {
	if a.quiet {
		return nil
	}
	end := ""
	switch {
	case a.format == "json" && a.n > 0:
		end = "\n]\n"
	case (a.format == "json" || a.format == "yaml") && a.n == 0:
		end = "[]\n"
	}
	if err := a.spool.writeTo(w); err != nil {
		return err
	}
	_, err := io.WriteString(w, end)
	return err
}

// Close gives back what the answers take; there are none then.
func (a *Answers) Close() {
	a.n = 0
	a.spool.close()
}

// nestedWriter writes an answer as a part of a longer one: its lines are moved to the right, and the line break at its end is
// left to what comes after it. No value of ours has a line break in it.
type nestedWriter struct {
	w     io.Writer
	first string // what stands before the first line
	begun bool
	ended bool // a line break is still to be written
	text  []byte
}

const nesting = "    "

func (n *nestedWriter) Write(p []byte) (int, error) {
	n.text = n.text[:0]
	for rest := p; len(rest) > 0; {
		if !n.begun {
			n.text = append(n.text, n.first...)
			n.begun = true
		}
		if n.ended {
			n.text = append(n.text, "\n"+nesting...)
			n.ended = false
		}
		line, after, found := bytes.Cut(rest, []byte("\n"))
		n.text = append(n.text, line...)
		n.ended, rest = found, after
	}
	if _, err := n.w.Write(n.text); err != nil {
		return 0, err
	}
	return len(p), nil
}
