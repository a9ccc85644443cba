package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsTopic is what `help` takes besides commands: the flags that every command has, which no other page repeats.
const flagsTopic = "flags"

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

// help is the page that is asked for, laid out for a terminal of that many columns.
func (p *Program) help(in *invocation, columns int) []byte {
	page := newHelpPage(columns)
	switch c := in.command; {
	case in.topic == flagsTopic:
		page.fold(p.Name + " help " + flagsTopic + " - the flags that every command takes")
		page.text("They may stand anywhere on the command line. One that is not given is looked for in the environment, as " + p.EnvPrefix +
			" and its name in capital letters, then in the flagfile.")
		page.list("Flags", flagEntries(p.described(p.globals.flags)))
		return page.b.Bytes()
	case c == nil:
		app := p.App()
		page.fold(p.Name + " - " + app.Usage)
		page.usage(app.UsageText)
		page.text(app.Description)
		page.list("Commands", commandEntries(app.Commands))
		page.examples(p.Examples)
	default:
		d := p.describe(c)
		page.fold(p.Name + " " + c.path() + " - " + d.Usage)
		page.usage(d.UsageText)
		page.text(c.Long)
		page.list("Actions", commandEntries(d.Subcommands))
		page.list("Arguments", c.argEntries())
		page.list("Flags", flagEntries(p.described(c.otherFlags())))
		page.columnList(c.Columns)
		page.examples(c.exampleLines())
	}
	page.text("Global flags: `" + p.Name + " help " + flagsTopic + "` lists them.")
	return page.b.Bytes()
}

// helpEntry is one thing of a list: what is typed, and what it means.
type helpEntry struct{ head, text string }

func commandEntries(cs []*cli.Command) []helpEntry {
	entries := make([]helpEntry, len(cs))
	for i, c := range cs {
		entries[i] = helpEntry{c.Name, c.Usage}
	}
	return entries
}

func flagEntries(fs []cli.Flag) []helpEntry {
	entries := make([]helpEntry, len(fs))
	for i, f := range fs {
		entries[i].head, entries[i].text, _ = strings.Cut(f.String(), "\t")
	}
	return entries
}

// allArgs are the arguments of all ways to type the command, each once.
func (c *Command) allArgs() []*Arg {
	args := slices.Clone(c.Args)
	if c.Other == nil {
		return args
	}
	for _, a := range c.Other.Args {
		if !slices.ContainsFunc(args, func(same *Arg) bool { return same.Flag == a.Flag }) {
			args = append(args, a)
		}
	}
	return args
}

// otherFlags are the flags that are no arguments as well.
func (c *Command) otherFlags() []*Flag {
	args := c.allArgs()
	return slices.DeleteFunc(slices.Clone(c.Flags), func(f *Flag) bool {
		return slices.ContainsFunc(args, func(a *Arg) bool { return a.Flag == f })
	})
}

func (c *Command) argEntries() []helpEntry {
	var entries []helpEntry
	for _, a := range c.allArgs() {
		text := a.usage
		if def := a.helpDefault(); def != "" {
			text += " (default: " + def + ")"
		}
		if slices.Contains(c.Flags, a.Flag) {
			text += " (also --" + strings.Join(a.spellings(), ", --") + ")"
		}
		entries = append(entries, helpEntry{a.word(), text})
	}
	return entries
}

// exampleLines are the examples of a command, and the first one of each below it.
func (c *Command) exampleLines() []string {
	lines := slices.Clone(c.Examples)
	for _, a := range c.below() {
		lines = append(lines, a.Examples[:min(1, len(a.Examples))]...)
	}
	return lines
}
