package cli

import "slices"

// Colour is how a text is shown on a terminal, in the numbers of ECMA-48's SGR. It adds to what a text says and never says
// anything alone.
type Colour string

// The colours are of the eight that every terminal has, in the shades that its user has chosen.
const (
	NoColour Colour = ""
	Bold     Colour = "1"
	Red      Colour = "31"
	Green    Colour = "32"
	Yellow   Colour = "33"
	Magenta  Colour = "35"
	Cyan     Colour = "36"
	Grey     Colour = "90"
)

// Paint is the text in that colour.
func (c Colour) Paint(text string) string {
	if c == NoColour || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[m"
}

// Coloured tells whether the answer may have colours, if it is one for readers.
func (e *Env) Coloured() bool { return e.Sys.coloured(e.view.color, e.view.width() > 0) }

// colorChoices are the values of --color, the default one first.
var colorChoices = []string{"auto", "always", "never"}

// coloured tells whether what goes to a terminal, or to something else, may have colours: what --color says, else on a terminal
// that has some, unless NO_COLOR is set (no-color.org) and not empty.
func (s *Sys) coloured(choice string, terminal bool) bool {
	switch choice {
	case "always":
		return true
	case "never":
		return false
	}
	refused, _ := s.LookupEnv("NO_COLOR")
	name, _ := s.LookupEnv("TERM")
	return terminal && refused == "" && name != "dumb"
}

// painted is a value of a table in a colour.
type painted struct {
	value  any
	colour Colour
}

// paintedView is how an answer of these columns is laid out: the table library writes escape sequences of its own after a text that
// has some.
func paintedView[T any](e *Env, cols []Column[T]) view {
	v := e.view
	v.bare = v.bare || e.Coloured() && slices.ContainsFunc(cols, func(c Column[T]) bool { return c.Colour != nil })
	return v
}

// tableValues are the values of a row for readers, in the colours of their columns where there may be any.
func tableValues[T any](e *Env, cols []Column[T], row T) []any {
	values := valuesOf(cols, row)
	if e.view.format != "table" || !e.Coloured() {
		return values
	}
	for i, c := range cols {
		if c.Colour != nil {
			values[i] = painted{values[i], c.Colour(row)}
		}
	}
	return values
}
