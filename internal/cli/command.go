package cli

import (
	"context"
	"strings"
)

// Command is one word of the command line: something that runs, a category, which has actions, or both. An action may have actions
// in turn, as `key` of `api key create` has.
type Command struct {
	// Name is the word.
	Name string
	// Short says in one line what it does; lower case, no full stop.
	Short string
	// Long is what else help should say. It may be empty.
	Long string
	// Examples are whole command lines that work.
	Examples []string

	// Actions are what a category consists of. The word after a category's name that is one of them, or the beginning of
	// just one, is the action. A category that runs, too, runs itself where no word follows, and where it has arguments,
	// also where the word is no action; after `--` every word is an argument.
	Actions []*Command

	// Args are the positional arguments, required ones first.
	Args []*Arg
	// Other is another way to give them, if there is one.
	Other *Form
	// Flags may stand anywhere on the command line.
	Flags []*Flag
	// Columns are those of the answer (see Fields); nil where it is not a table.
	Columns []Field
	// List tells that the answer is a list, so that --sort, --limit and --filter are flags of the command.
	List bool
	// Answers tells that the answer consists of those of other commands, so that it has a format and no columns.
	Answers bool
	// Run does the work, once Args and Flags have been filled. It is nil for a category that only has actions.
	Run func(context.Context, *Env) error
	// Anew declares a command of the first level and all below it again, for Lines.
	Anew func() *Command
	// Of is what whoever declares the command wants to find again with it.
	Of any

	program string
	parent  *Command
	wide    bool   // --long was given
	wanted  Wanted // of a list
}

// path is the command as it is typed, without the program's name.
func (c *Command) path() string {
	if c.parent != nil {
		return c.parent.path() + " " + c.Name
	}
	return c.Name
}

// below is every command below this one, each before its own actions.
func (c *Command) below() (all []*Command) {
	for _, a := range c.Actions {
		all = append(append(all, a), a.below()...)
	}
	return all
}

// within tells whether the command is another one or below it.
func (c *Command) within(other *Command) bool {
	return c == other || c.parent != nil && c.parent.within(other)
}

// prepare adds what every declaration of its kind has, and does so for all below.
func (c *Command) prepare(program string) {
	c.program = program
	for _, a := range c.Actions {
		a.parent = c
		a.prepare(program)
	}
	if c.List {
		c.Flags = append(c.Flags, c.wanted.flags()...)
	}
	for _, f := range c.Columns {
		if f.long {
			c.Flags = append(c.Flags, longFlag(&c.wide))
			return
		}
	}
}

// signature is how the command itself is typed; of a category that does not run, how its actions are.
func (c *Command) signature() string { return c.signatureWith(c.Args) }

func (c *Command) signatureWith(args []*Arg) string {
	words := []string{c.program, c.path()}
	if c.Run == nil {
		words = append(words, "<action>")
	}
	for _, a := range args {
		name := a.word()
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

// signatures are all ways to type the command, one on each line.
func (c *Command) signatures() string {
	all := c.signature()
	if c.Other != nil {
		all += "\n" + c.signatureWith(c.Other.Args)
	}
	if c.Run != nil && len(c.Actions) > 0 {
		all += "\n" + c.program + " " + c.path() + " <action> [flags]"
	}
	return all
}
