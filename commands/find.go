package commands

import (
	"fmt"
	"slices"
	"strings"
)

// findCommand finds the command that the words begin with, sets in.command to it and returns the words after it. The
// word help, in front or in the place of an action, asks for help; then there may be fewer words.
func (p *program) findCommand(in *invocation, words []string) ([]string, error) {
	among := p.commands
	for len(among) > 0 {
		if len(words) == 0 || words[0] == "" {
			if in.help {
				return nil, nil
			}
			return nil, p.missingWord(in.command)
		}
		kind := "category"
		if in.command != nil {
			kind = in.command.name + " action"
			if words[0] == "help" {
				in.help, words = true, words[1:]
				continue
			}
		}
		c, err := find(kind, words[0], among)
		if err != nil {
			return nil, err
		}
		words = words[1:]
		if c.name == "help" {
			in.help = true
			continue
		}
		in.command, among = c, c.actions
	}
	return words, nil
}

// missingWord is the error for a command line that ends too early.
func (p *program) missingWord(c *command) error {
	if c == nil {
		return withHint(usageErrorf("no command given"),
			"the commands are "+names(p.commands)+"; nova-manage help explains them")
	}
	return withHint(usageErrorf("%s needs an action", c.name),
		"the actions are "+names(c.actions)+"; nova-manage help "+c.name+" explains them")
}

// find finds a command by its name or by a prefix that no other one has. kind names what is looked for in errors.
func find(kind, word string, among []*command) (*command, error) {
	var candidates []*command
	for _, c := range among {
		if c.name == word {
			return c, nil
		}
		if word != "" && strings.HasPrefix(c.name, word) {
			candidates = append(candidates, c)
		}
	}
	switch len(candidates) {
	case 1:
		return candidates[0], nil
	case 0:
		hint := "choose from " + names(among)
		if guess := didYouMean(closest(word, nameList(among))); guess != "" {
			hint = guess + " " + hint
		}
		return nil, withHint(usageErrorf("unknown %s %s", kind, quote(word)), hint)
	}
	return nil, usageErrorf("%s %s is ambiguous: it may be %s", kind, quote(word), names(candidates))
}

func nameList(cs []*command) []string {
	list := make([]string, len(cs))
	for i, c := range cs {
		list[i] = c.name
	}
	return list
}

func names(cs []*command) string { return strings.Join(nameList(cs), ", ") }

// unknownFlag is the error for a flag that the command does not have, with the closest one that it has, or with the
// commands that do have it.
func (p *program) unknownFlag(typed string, c *command) error {
	err := usageErrorf("unknown flag %s", typed)
	if c != nil {
		err = usageErrorf("unknown flag %s of %s", typed, c.path())
	}
	name := flagName(strings.TrimLeft(typed, "-"))
	var known, owners []string
	collect := func(fs []*flag, boolNo bool) {
		for _, f := range fs {
			known = append(known, f.spellings()...)
			if boolNo && f.kind == yesOrNo {
				known = append(known, "no"+f.name)
			}
		}
	}
	collect(p.globals.flags, strings.HasPrefix(name, "no"))
	for _, other := range p.runnable() {
		if c == nil || other == c || other.parent == c {
			collect(other.flags, strings.HasPrefix(name, "no"))
		}
		if lookupFlag(other.flags, strings.TrimPrefix(name, "no")) != nil || lookupFlag(other.flags, name) != nil {
			owners = append(owners, other.path())
		}
	}
	if guess := closest(name, known); guess != "" {
		return withHint(err, didYouMean("--"+guess))
	}
	if len(owners) > 0 {
		return withHint(err, "it is a flag of "+strings.Join(owners, ", "))
	}
	if c != nil {
		return withHint(err, "nova-manage help "+c.path()+" lists its flags")
	}
	return err
}

// runnable is every command that runs.
func (p *program) runnable() []*command {
	var list []*command
	for _, c := range p.commands {
		if len(c.actions) == 0 {
			list = append(list, c)
		}
		list = append(list, c.actions...)
	}
	return list
}

func (p *program) versionCommand() (*command, error) { return find("category", "version", p.commands) }

func didYouMean(guess string) string {
	if guess == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %s?", guess)
}

// closest is the word most like s, "" where none is like it: a third of its letters may be wrong, missing, surplus or
// swapped with their neighbour.
func closest(s string, words []string) string {
	best, limit := "", max(1, len(s)/3)
	if len(s) > 64 {
		return ""
	}
	for _, w := range words {
		if d := distance(s, w); d <= limit {
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

// unique drops repetitions and keeps the order.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
