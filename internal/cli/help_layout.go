package cli

import (
	"bytes"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// Of a line of help: how long it is where there is no terminal, beyond what length nobody likes to read it, and what it takes
// to break it at all.
const (
	usualColumns  = 80
	mostColumns   = 100
	fewestColumns = 20
)

// narrow is a terminal with no room for two columns.
const narrow = 40

const (
	helpIndent    = "   "
	helpContinued = "      " // what goes on a line that was too long
)

// helpPage is a page of help while it is laid out. No line of it is longer than the terminal, unless a single word is.
type helpPage struct {
	width int
	b     bytes.Buffer
}

func newHelpPage(columns int) *helpPage {
	if columns <= 0 {
		columns = usualColumns
	}
	return &helpPage{width: max(min(columns, mostColumns), fewestColumns)}
}

func (h *helpPage) line(s string) { h.b.WriteString(strings.TrimRight(s, " ") + "\n") }

func (h *helpPage) fold(text string) { h.hang("", "", text) }

// hang writes a text whose first line begins with first, and every other one with rest.
func (h *helpPage) hang(first, rest, text string) {
	for _, line := range fold(text, h.width-twwidth.Width(first), h.width-twwidth.Width(rest)) {
		h.line(first + line)
		first = rest
	}
}

func (h *helpPage) title(title string) { h.line("\n" + title + ":") }

func (h *helpPage) usage(signatures string) {
	h.title("Usage")
	for line := range strings.SplitSeq(signatures, "\n") {
		h.command(line, "")
	}
}

// command writes a command line, whose lines but the last end with broken. What belongs together is taken apart only where it
// must be, and what is quoted not even there.
func (h *helpPage) command(line, broken string) {
	const first, rest = helpIndent, helpContinued
	var words []string
	for _, unit := range units(line) {
		if twwidth.Width(rest+unit+broken) > h.width && !strings.ContainsAny(unit, `"'`) {
			words = append(words, strings.Fields(unit)...)
		} else {
			words = append(words, unit)
		}
	}
	rows := foldWords(words, h.width-len(first)-len(broken), h.width-len(rest)-len(broken))
	indent := first
	for i, row := range rows {
		if i < len(rows)-1 {
			row += broken
		}
		h.line(indent + row)
		indent = rest
	}
}

// text writes paragraphs. A line that is indented stands for itself, and what does not fit goes on under its second column.
func (h *helpPage) text(text string) {
	if text == "" {
		return
	}
	h.line("")
	for line := range strings.SplitSeq(text, "\n") {
		body := strings.TrimLeft(line, " ")
		indent := line[:len(line)-len(body)]
		_, second, columns := strings.Cut(body, gutter)
		switch second = strings.TrimLeft(second, " "); {
		case body == "":
			h.line("")
		case indent != "" && columns && h.width >= narrow:
			first := line[:len(line)-len(second)]
			h.hang(first, strings.Repeat(" ", twwidth.Width(first)), second)
		default:
			h.hang(indent, indent, body)
		}
	}
}

// list writes entries in two columns; a text whose head takes too much of the line stands below it.
func (h *helpPage) list(title string, entries []helpEntry) {
	if len(entries) == 0 {
		return
	}
	h.title(title)
	most, column := h.width*2/5, 0
	for _, e := range entries {
		if w := twwidth.Width(helpIndent + e.head); w <= most {
			column = max(column, w)
		}
	}
	under := strings.Repeat(" ", column+len(gutter))
	if h.width < narrow {
		column = 0
	}
	if column == 0 {
		under = helpContinued
	}
	for _, e := range entries {
		if e.text == "" {
			h.hang(helpIndent, helpContinued, e.head)
			continue
		}
		first := helpIndent + e.head
		if w := twwidth.Width(first); w <= column {
			h.hang(first+under[w:], under, e.text)
			continue
		}
		h.choices(e.head)
		h.hang(under, under, e.text)
	}
}

// choices writes the head of an entry, which only a narrow terminal has to break: where a|b|c|d may be.
func (h *helpPage) choices(head string) {
	line := helpIndent
	for part := range strings.SplitAfterSeq(strings.ReplaceAll(head, " ", " \x00"), "|") {
		for word := range strings.SplitSeq(part, "\x00") {
			if twwidth.Width(line+strings.TrimRight(word, " ")) > h.width && strings.TrimSpace(line) != "" {
				h.line(line)
				line = helpContinued
			}
			line += word
		}
	}
	h.line(line)
}

// columnList lists the columns of an answer; those in brackets are in a table only when asked for.
func (h *helpPage) columnList(fields []Field) {
	if len(fields) == 0 {
		return
	}
	h.title("Columns")
	shown := make([]string, len(fields))
	for i, f := range fields {
		shown[i] = f.name
		if f.long {
			shown[i] = "[" + f.name + "]"
		}
	}
	h.hang(helpIndent, helpIndent, strings.Join(shown, " "))
}

// examples writes command lines. One that does not fit goes on as in a shell, so that it can still be pasted into one.
func (h *helpPage) examples(lines []string) {
	if len(lines) == 0 {
		return
	}
	h.title("Example")
	for _, line := range lines {
		h.command(line, " \\")
	}
}

// units splits a command line at blanks, but neither in quotes nor in brackets, nor between a flag and what may be its value.
func units(line string) []string {
	var list []string
	closing, flag := rune(0), false
	for _, word := range strings.Fields(line) {
		if closing != 0 || flag && !strings.HasPrefix(word, "-") {
			list[len(list)-1] += " " + word
		} else {
			list = append(list, word)
		}
		flag = strings.HasPrefix(word, "-")
		for _, r := range word {
			switch {
			case r == closing:
				closing = 0
			case closing == 0 && (r == '"' || r == '\''):
				closing = r
			case closing == 0 && r == '[':
				closing = ']'
			}
		}
	}
	return list
}

// fold breaks a text between words into lines, the first of at most first columns, the others of at most rest.
func fold(text string, first, rest int) []string { return foldWords(strings.Fields(text), first, rest) }

func foldWords(words []string, first, rest int) []string {
	var lines []string
	width := first
	for _, word := range words {
		last := len(lines) - 1
		if last < 0 || twwidth.Width(lines[last])+1+twwidth.Width(word) > width {
			if last >= 0 {
				width = rest
			}
			lines = append(lines, word)
			continue
		}
		lines[last] += " " + word
	}
	return lines
}
