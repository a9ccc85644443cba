package cli

import (
	"fmt"
	"slices"
	"strings"

	"nova-manage/internal/redact"
)

// findCommand finds the command that the words begin with, sets in.command to it and returns the words after it. Words
// from the one numbered arguments on stood behind `--`, and are not an action of what runs itself. The word help, in
// front or in the place of an action, asks for help; then there may be fewer words.
func (p *Program) findCommand(in *invocation, words []string, arguments int) (rest []string, err error) {
	total, asked := len(words), false
	defer func() {
		if err == nil && asked && len(rest) > 0 {
			about := in.topic
			if in.command != nil {
				about = in.command.path()
			}
			err = WithHint(UsageErrorf("help explains commands, and %s is none", Quote(rest[0])), p.Name+" help "+about)
		}
	}()
	for among := p.Commands; len(among) > 0; {
		kind, runs, takesArgs := "category", false, false
		if c := in.command; c != nil {
			kind, runs, takesArgs = c.path()+" action", c.Run != nil, len(c.Args) > 0
		}
		switch {
		case len(words) == 0 && (runs || in.help):
			return nil, nil
		case runs && total-len(words) >= arguments:
			return words, nil
		case len(words) == 0, words[0] == "" && !runs:
			if in.help {
				return nil, nil
			}
			return nil, p.missingWord(in.command)
		case in.command != nil && words[0] == "help":
			in.help, asked, words = true, true, words[1:]
			continue
		case asked && in.command == nil && words[0] == flagsTopic:
			in.topic = flagsTopic
			return words[1:], nil
		case takesArgs && len(matching(words[0], among)) == 0:
			return words, nil
		}
		c, err := find(kind, words[0], among)
		if err != nil {
			return nil, p.orRetired(orBelow(err, in.command, words[0]), in.command, words[0])
		}
		words = words[1:]
		if c.Name == "help" {
			in.help, asked = true, true
			continue
		}
		in.command, among = c, c.Actions
	}
	return words, nil
}

// orBelow is err, that no action of command c (nil is none) is called word, with the command further below that is, if there is one.
func orBelow(err error, c *Command, word string) error {
	if c == nil {
		return err
	}
	for _, b := range c.below() {
		if b.Name == word && b.parent != c {
			return WithHint(err, didYouMean(b.path())+" choose from "+names(c.Actions))
		}
	}
	return err
}

// missingWord is the error for a command line that ends too early.
func (p *Program) missingWord(c *Command) error {
	if c == nil {
		return WithHint(UsageErrorf("no command given"),
			"the commands are "+names(p.Commands)+"; "+p.Name+" help explains them")
	}
	return WithHint(UsageErrorf("%s needs an action", c.path()),
		"the actions are "+names(c.Actions)+"; "+p.Name+" help "+c.path()+" explains them")
}

// matching are the commands that a word may mean: the one of that name, else all whose names begin with it.
func matching(word string, among []*Command) []*Command {
	var candidates []*Command
	for _, c := range among {
		if c.Name == word {
			return []*Command{c}
		}
		if word != "" && strings.HasPrefix(c.Name, word) {
			candidates = append(candidates, c)
		}
	}
	return candidates
}

// find finds a command by its name or by a prefix that no other one has. kind names what is looked for in errors.
func find(kind, word string, among []*Command) (*Command, error) {
	candidates := matching(word, among)
	switch len(candidates) {
	case 1:
		return candidates[0], nil
	case 0:
		hint := "choose from " + names(among)
		if guess := Suggest(word, nameList(among)); guess != "" {
			hint = guess + " " + hint
		}
		return nil, WithHint(UsageErrorf("unknown %s %s", kind, Quote(word)), hint)
	}
	return nil, UsageErrorf("%s %s is ambiguous: it may be %s", kind, Quote(word), names(candidates))
}

func nameList(cs []*Command) []string {
	list := make([]string, len(cs))
	for i, c := range cs {
		list[i] = c.Name
	}
	return list
}

func names(cs []*Command) string { return strings.Join(nameList(cs), ", ") }

// unknownFlag is the error for a flag that the command does not have, with the closest one that it has, or with the
// commands that do have it.
func (p *Program) unknownFlag(typed string, c *Command) error {
	err := UsageErrorf("unknown flag %s", redact.Value(typed))
	if c != nil {
		err = UsageErrorf("unknown flag %s of %s", redact.Value(typed), c.path())
	}
	name := flagName(strings.TrimLeft(typed, "-"))
	var known, owners []string
	collect := func(fs []*Flag, boolNo bool) {
		for _, f := range fs {
			known = append(known, f.spellings()...)
			if boolNo && f.kind == yesOrNo {
				known = append(known, "no"+f.name)
			}
		}
	}
	collect(p.globals.flags, strings.HasPrefix(name, "no"))
	for _, other := range p.runnable() {
		if c == nil || other.within(c) {
			collect(other.Flags, strings.HasPrefix(name, "no"))
		}
		if lookupFlag(other.Flags, strings.TrimPrefix(name, "no")) != nil || lookupFlag(other.Flags, name) != nil {
			owners = append(owners, other.path())
		}
	}
	if instead := p.retiredFlag(name, c); instead != "" {
		return WithHint(err, instead)
	}
	itself := strings.HasPrefix(typed, "--") && slices.Contains(known, name) // a flag of an action is none of its category
	if guess := closest(name, known); guess != "" && !itself {
		return WithHint(err, didYouMean("--"+guess))
	}
	if len(owners) > 0 {
		return WithHint(err, "it is a flag of "+strings.Join(owners, ", "))
	}
	if c != nil {
		return WithHint(err, p.Name+" help "+c.path()+" lists its flags")
	}
	return err
}

// all is every command, each before its own actions.
func (p *Program) all() (list []*Command) {
	for _, c := range p.Commands {
		list = append(append(list, c), c.below()...)
	}
	return list
}

// runnable is every command that runs.
func (p *Program) runnable() []*Command {
	var list []*Command
	for _, c := range p.all() {
		if c.Run != nil {
			list = append(list, c)
		}
	}
	return list
}

func (p *Program) versionCommand() (*Command, error) { return find("category", "version", p.Commands) }

// Suggest is what a hint says of a word that is none of those known: "did you mean X?", or nothing where none is like it.
func Suggest(word string, known []string) string { return didYouMean(closest(word, known)) }

func didYouMean(guess string) string {
	if guess == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %s?", guess)
}

// closest is the word most like s, "" where none is like it: a third of its letters may be wrong, missing, surplus or
// swapped with their neighbour, of a few letters one, and one must be right.
func closest(s string, words []string) string {
	best, limit := "", max(1, len(s)/3)
	if len(s) > 64 {
		return ""
	}
	for _, w := range words {
		if d := distance(s, w); d <= limit && d < max(len(s), len(w)) {
			best, limit = w, d-1
		}
	}
	return best
}

// distance is the edit distance with transpositions of neighbours (optimal string alignment).
func distance(a, b string) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
