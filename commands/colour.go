package commands

import (
	"bytes"
	"slices"

	"nova-manage/internal/cli"
)

// stateColour is the colour of an address's state, the one that `map` draws it with.
func stateColour(state string) cli.Colour {
	switch state {
	case "held":
		return cli.Yellow
	case "reserved":
		return cli.Magenta
	case "released":
		return cli.Cyan
	case "free", "unclaimed":
		return cli.Grey
	}
	return cli.NoColour
}

// always is one colour for all values of a column.
func always[T any](c cli.Colour) func(T) cli.Colour { return func(T) cli.Colour { return c } }

// coloured is a diff in colours.
func coloured(b []byte) []byte {
	var out []byte
	for line := range bytes.Lines(b) {
		text, end := bytes.CutSuffix(line, []byte("\n"))
		colour := cli.NoColour
		switch {
		case slices.ContainsFunc([]string{"diff ", "--- ", "+++ "}, func(head string) bool { return bytes.HasPrefix(text, []byte(head)) }):
			colour = cli.Bold
		case bytes.HasPrefix(text, []byte("@@")):
			colour = cli.Cyan
		case bytes.HasPrefix(text, []byte("+")):
			colour = cli.Green
		case bytes.HasPrefix(text, []byte("-")):
			colour = cli.Red
		}
		out = append(out, colour.Paint(string(text))...)
		if end {
			out = append(out, '\n')
		}
	}
	return out
}
