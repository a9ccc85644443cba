package commands

import (
	"context"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// programDescription is what the first page of help says beside the lists of commands and flags.
const programDescription = `Categories and actions may be shortened to a prefix that no other one has.
Flags may be given anywhere, as --name value or --name=value; dashes and underscores in their names are the
same. A flag that is not given is looked for in the environment (NOVA_<FLAG>), then in the flagfile.

Exit codes:
   0   done
   1   it failed: I/O, engine, permission
   2   usage, or a value that can never be right
   3   the thing named is not in the ledger, or there is no ledger
   4   it conflicts with what the ledger holds
   5   a check found a difference
   130, 143   interrupted, terminated: nothing was changed`

var programExamples = []string{
	"nova-manage network create 10.0.1.0/24 3 32 100 1000 fd00:1::/48",
	"nova-manage network list -f json",
	"nova-manage help network create",
}

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

// helpCommand is in the catalogue to be found and listed; the words after it are read by findCommand.
func helpCommand() *command {
	var words []string
	return &command{
		name:     "help",
		short:    "explain a command",
		examples: []string{"nova-manage help version"},
		args:     []*arg{anyNumber(texts(&words, "COMMAND", "a category, or a category and an action"))},
		run:      func(context.Context, *env) error { return nil },
	}
}

// printHelp prints the page of a category or an action, or of the program where c is nil.
func (p *program) printHelp(w io.Writer, c *command) error {
	app := p.app()
	page := helpPage{Title: "nova-manage - " + app.Usage, Usage: app.UsageText, Text: app.Description}
	if c == nil {
		page.add("Commands", commandLines(p.commands))
		page.add("Global flags", p.flagLines(p.globals.flags))
		page.add("Example", programExamples)
	} else {
		page.Title = "nova-manage " + c.path() + " - " + c.short
		page.Usage, page.Text = c.signature(), paragraphs(c.long)
		page.add("Actions", commandLines(c.actions))
		page.add("Arguments", c.argLines())
		page.add("Flags", p.flagLines(c.flags))
		if c.run != nil {
			page.add("Global flags", p.flagLines(p.globals.flags))
		}
		page.add("Columns", c.columnLines())
		page.add("Example", c.exampleLines())
	}
	cli.HelpPrinterCustom(w, helpTemplate, page, nil)
	return nil // what cannot be written is found when the buffer is flushed
}

func (h *helpPage) add(title string, lines []string) {
	if len(lines) > 0 {
		h.Lists = append(h.Lists, helpList{title, lines})
	}
}

func commandLines(cs []*command) []string {
	lines := make([]string, len(cs))
	for i, c := range cs {
		lines[i] = c.name + "\t" + c.short
	}
	return lines
}

func (p *program) flagLines(fs []*flag) []string {
	var lines []string
	for _, f := range p.cliFlags(fs) {
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

func (c *command) argLines() []string {
	var lines []string
	for _, a := range c.args {
		line := a.name + "\t" + a.usage
		if def := a.defaultText(); def != "" {
			line += " (default: " + def + ")"
		}
		lines = append(lines, wrapped(line)...)
	}
	return lines
}

// columnLines lists the columns of the answer; those in brackets are in a table only when asked for.
func (c *command) columnLines() []string {
	if len(c.columns) == 0 {
		return nil
	}
	shown := make([]string, len(c.columns))
	for i, f := range c.columns {
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

// exampleLines are the examples of an action; a category shows the first one of each action.
func (c *command) exampleLines() []string {
	if len(c.actions) == 0 {
		return c.examples
	}
	var lines []string
	for _, a := range c.actions {
		lines = append(lines, a.examples[:min(1, len(a.examples))]...)
	}
	return lines
}

// signature is how the command is typed.
func (c *command) signature() string {
	words := []string{"nova-manage", c.path()}
	if len(c.actions) > 0 {
		words = append(words, "<action>")
	}
	for _, a := range c.args {
		name := a.name
		if a.variadic {
			name += "..."
		}
		if !a.required {
			name = "[" + name + "]"
		}
		words = append(words, name)
	}
	return strings.Join(append(words, "[flags]"), " ")
}

// description is what a manual page says of the command beside its flags.
func (c *command) description() string {
	parts := []string{}
	if c.long != "" {
		parts = append(parts, c.long)
	}
	if len(c.actions) == 0 && len(c.examples) > 0 {
		parts = append(parts, "Example:\n\n   "+strings.Join(c.examples, "\n   "))
	}
	return strings.Join(parts, "\n\n")
}
