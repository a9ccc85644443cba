package cli

import "strings"

// Retired is a word that is no command or flag of this program, but is looked for here: it once was one, or is one of a
// program of the same name.
type Retired struct {
	// Command is the command as it was typed: all words of it, as in `db sync`. Of a flag it is the command that it
	// belonged to; it may be empty where that does not matter.
	Command string
	// Flag is the flag, with underscores and without dashes; it is empty where Command itself is meant.
	Flag string
	// Instead is what it was and what to use in its place, as the hint of the error says it.
	Instead string
}

// retiredError is the error for a command that is no more.
type retiredError struct{ error }

func (e *retiredError) Unwrap() error { return e.error }

// orRetired is err, that no command of category c (nil is none) is called word, with what is known of that word.
func (p *Program) orRetired(err error, c *Command, word string) error {
	command := word
	if c != nil {
		command = c.path() + " " + word
	}
	for _, r := range p.Retired {
		if r.Flag == "" && r.Command == command {
			return &retiredError{WithHint(err, r.Instead)}
		}
	}
	return err
}

// retiredFlag is what is known of a flag that command c (nil where it is not known) does not have, "" if nothing is.
func (p *Program) retiredFlag(name string, c *Command) string {
	for _, r := range p.Retired {
		if r.Flag != "" && (r.Flag == name || "no"+r.Flag == name) && (r.Command == "" || c == nil || strings.HasPrefix(c.path()+" ", r.Command+" ")) {
			return r.Instead
		}
	}
	return ""
}
