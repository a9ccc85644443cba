package cli

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// helpTemplate lays out every page of help. Tabs align the columns of a list.
const helpTemplate = `{{.Title}}

Usage:
   {{.Usage}}
{{- with .Text}}

{{.}}
{{- end}}
{{- range .Lists}}

{{.Title}}:
{{- range .Lines}}
   {{.}}
{{- end}}
{{- end}}
`

// helpPage is one page of help.
type helpPage struct {
	Title, Usage, Text string
	Lists              []helpList
}

type helpList struct {
	Title string
	Lines []string
}

// HelpCommand is the command that explains the others. It never runs: the word help is understood wherever it stands.
func HelpCommand(examples ...string) *Command {
	var words []string
	return &Command{
		Name:     "help",
		Short:    "explain a command",
		Examples: examples,
		Args:     []*Arg{AnyNumber(Texts(&words, "COMMAND", "a category, or a category and an action"))},
		Run:      func(context.Context, *Env) error { return nil },
	}
}

// printHelp prints the page of a category or an action, or of the program where c is nil.
func (p *Program) printHelp(w io.Writer, c *Command) {
	page := helpPage{}
	globals := flagLines(p.described(p.globals.flags))
	if c == nil {
		app := p.App()
		page.Title, page.Usage, page.Text = p.Name+" - "+app.Usage, app.UsageText, app.Description
		page.add("Commands", commandLines(app.Commands))
		page.add("Global flags", globals)
		page.add("Example", p.Examples)
	} else {
		d := p.describe(c)
		page.Title = p.Name + " " + c.path() + " - " + d.Usage
		page.Usage = strings.ReplaceAll(d.UsageText, "\n", "\n   ")
		page.Text = paragraphs(c.Long)
		page.add("Actions", commandLines(d.Subcommands))
		page.add("Arguments", c.argLines())
		page.add("Flags", flagLines(d.Flags))
		if c.Run != nil {
			page.add("Global flags", globals)
		}
		page.add("Columns", c.columnLines())
		page.add("Example", c.exampleLines())
	}
	cli.HelpPrinterCustom(w, helpTemplate, page, nil) // what cannot be written is found when the buffer is flushed
}

func (h *helpPage) add(title string, lines []string) {
	if len(lines) > 0 {
		h.Lists = append(h.Lists, helpList{title, lines})
	}
}

func commandLines(cs []*cli.Command) []string {
	lines := make([]string, len(cs))
	for i, c := range cs {
		lines[i] = c.Name + "\t" + c.Usage
	}
	return lines
}

func flagLines(fs []cli.Flag) []string {
	var lines []string
	for _, f := range fs {
		lines = append(lines, wrapped(f.String())...)
	}
	return lines
}

// wrapped breaks the text behind a line's tab, so that help fits a terminal of ordinary width.
func wrapped(line string) []string {
	head, text, _ := strings.Cut(line, "\t")
	lines := fold(text, 72)
	for i := range lines {
		lines[i] = head + "\t" + lines[i]
		head = ""
	}
	return lines
}

// fold breaks a text between words into lines of at most width bytes.
func fold(text string, width int) []string {
	var lines []string
	for _, word := range strings.Fields(text) {
		last := len(lines) - 1
		if last < 0 || len(lines[last])+1+len(word) > width {
			lines = append(lines, word)
			continue
		}
		lines[last] += " " + word
	}
	return lines
}

// paragraphs folds every line of a text but those that are indented, which are laid out already.
func paragraphs(text string) string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == ' ' {
			lines = append(lines, line)
			continue
		}
		lines = append(lines, fold(line, 100)...)
	}
	return strings.Join(lines, "\n")
}

func (c *Command) argLines() []string {
	var lines []string
	for _, a := range c.Args {
		line := a.name + "\t" + a.usage
		if def := a.defaultText(); def != "" {
			line += " (default: " + def + ")"
		}
		lines = append(lines, wrapped(line)...)
	}
	return lines
}

// columnLines lists the columns of the answer; those in brackets are in a table only when asked for.
func (c *Command) columnLines() []string {
	if len(c.Columns) == 0 {
		return nil
	}
	shown := make([]string, len(c.Columns))
	for i, f := range c.Columns {
		shown[i] = f.name
		if f.long {
			shown[i] = "[" + f.name + "]"
		}
	}
	const perLine = 8
	var lines []string
	for len(shown) > 0 {
		n := min(perLine, len(shown))
		lines = append(lines, strings.Join(shown[:n], " "))
		shown = shown[n:]
	}
	return lines
}

// exampleLines are the examples of a command, and the first one of each of its actions.
func (c *Command) exampleLines() []string {
	lines := slices.Clone(c.Examples)
	for _, a := range c.Actions {
		lines = append(lines, a.Examples[:min(1, len(a.Examples))]...)
	}
	return lines
}
