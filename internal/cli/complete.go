package cli

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Kind is what sort of value a flag or an argument takes, for a shell that completes it. What kinds there are but those below
// is said by whoever declares a Program and gives it a Complete.
type Kind string

// The kinds that the framework knows itself.
const (
	// Files and Folders are completed by the shell, which knows how far its user has come.
	Files   Kind = "files"
	Folders Kind = "folders"
	// Categories are the commands of the first level.
	Categories Kind = "categories"

	columnNames Kind = "columns"    // of the command's answer
	orderNames  Kind = "orders"     // the same, with a direction
	conditions  Kind = "conditions" // the same, with what is compared

	// parts are words that are not complete, so that no space comes after them.
	parts Kind = "parts"
)

// Candidate is a word that may be what is being typed.
type Candidate struct {
	Value string
	About string // what it is, for shells that show that; may be ""
}

// Incomplete is what candidates are wanted for.
type Incomplete struct {
	Kind   Kind
	Prefix string // what the value begins with
	// Given is the value of the first flag or argument of one of these names that has one, from the command line, the environment
	// or a flagfile; "" where none has.
	Given func(names ...string) string
}

// completeWord is the word that asks for completion. It is no command, so that no list has it: it is typed by scripts.
const completeWord = "__complete"

// completeWithin is how long a key press may take at most, whatever has to be reached for it.
const completeWithin = 400 * time.Millisecond

// completion is what a shell is told.
type completion struct {
	by   Kind // Files or Folders, where the shell knows better
	list []Candidate
}

// line is a command line as far as it is typed.
type line struct {
	p *Program
	scanner
	command *Command
	help    bool     // what is typed is the name of a command to explain
	form    []*Arg   // how its arguments are given
	args    []string // those before the cursor
	dashed  bool     // they stand behind `--`
	given   map[*Flag][]string
	word    string // the one at the cursor

	ctx context.Context
	sys *Sys
}

// complete says what the word may be that stands after the words before it.
func (p *Program) complete(ctx context.Context, sys *Sys, before []string, word string) (c completion) {
	p.prepare()
	l := &line{p: p, ctx: ctx, sys: sys, word: word, given: map[*Flag][]string{}, scanner: scanner{kinds: p.flagKinds(), ownVersion: p.hasVersionFlag}}
	l.scan(before)
	l.dashed = l.arguments != len(before)
	in := &invocation{help: true} // then a command that is not complete is no error
	var err error
	if l.args, err = p.findCommand(in, l.words, l.arguments); err != nil || l.unknown != "" {
		return c
	}
	l.command = in.command
	if consumed := l.words[:len(l.words)-len(l.args)]; len(consumed) > 0 {
		first := matching(consumed[0], p.Commands)
		l.help = slices.Contains(consumed[1:], "help") || len(first) == 1 && first[0].Name == "help"
	}
	for _, t := range l.flags {
		if f := l.lookup(t.name); f != nil {
			l.given[f] = append(l.given[f], t.value)
		}
	}
	if l.command != nil {
		l.form = l.formOf(l.command)
		for i, a := range l.form[:min(len(l.args), len(l.form))] {
			l.given[a.Flag] = append(l.given[a.Flag], l.args[i])
		}
	}
	switch {
	case l.open != nil && !looksLikeFlag(word):
		return l.value(l.lookup(l.open.name), word, "")
	case !l.dashed && strings.HasPrefix(word, "--"):
		if typed, value, ok := strings.Cut(word, "="); ok {
			return l.value(l.lookup(flagName(typed[2:])), value, typed+"=")
		}
		return completion{list: l.flagNames(word)}
	case !l.dashed && (word == "-" || looksLikeFlag(word)):
		return l.letters(word)
	}
	return l.argument(word)
}

// lookup finds the flag that a name means here, nil where it means none.
func (l *line) lookup(name string) *Flag {
	if l.command != nil {
		if f := lookupFlag(l.command.Flags, name); f != nil {
			return f
		}
	}
	if f := lookupFlag(l.p.globals.flags, name); f != nil {
		return f
	}
	if l.command == nil || l.command.Run == nil { // flags may stand before the words that they belong to
		for _, c := range l.p.runnable() {
			if f := lookupFlag(c.Flags, name); f != nil && (l.command == nil || c.within(l.command)) {
				return f
			}
		}
	}
	return nil
}

// own are the flags that may stand here, those of the command first.
func (l *line) own() []*Flag {
	if l.command == nil || l.help {
		return l.p.globals.flags
	}
	return slices.Concat(l.command.Flags, l.p.globals.flags)
}

// spent tells whether a flag has been given and would be given in vain once more.
func (l *line) spent(f *Flag) bool { return f.kind != manyValues && len(l.given[f]) > 0 }

// flagNames are the flags that begin with what is typed, in the spelling in which it is typed. An alias and a negation are
// offered to whoever has begun to type one.
func (l *line) flagNames(typed string) (list []Candidate) {
	prefix := flagName(typed[2:])
	offer := func(name, about string) {
		if strings.Contains(typed[2:], "-") {
			name = strings.ReplaceAll(name, "_", "-")
		}
		if value := "--" + name; strings.HasPrefix(value, typed) {
			list = append(list, Candidate{value, about})
		}
	}
	for _, f := range l.own() {
		if l.spent(f) {
			continue
		}
		switch {
		case strings.HasPrefix(f.name, prefix):
			offer(f.name, f.usage)
		default:
			for _, alias := range f.aliases {
				offer(alias, f.usage)
			}
		}
		if f.kind == yesOrNo && strings.HasPrefix(prefix, "no") {
			offer("no"+f.name, "not: "+f.usage)
		}
	}
	offer("help", "explain the command")
	if l.command == nil {
		offer("version", "which version this is")
	}
	return list
}

// letters completes a word with one dash: all flags after the dash alone, otherwise the value of the last letter.
func (l *line) letters(word string) completion {
	if word == "-" {
		list := l.flagNames("--")
		for _, f := range l.own() {
			if f.short != "" && !l.spent(f) {
				list = append(list, Candidate{"-" + f.short, f.usage})
			}
		}
		return completion{list: list}
	}
	for i, r := range word[1:] {
		f, after := l.lookup(string(r)), 1+i+len(string(r))
		switch {
		case f == nil || f.short != string(r):
			return completion{}
		case after == len(word):
			return completion{list: []Candidate{{word, f.usage}}}
		case f.kind != yesOrNo:
			if word[after] == '=' {
				after++
			}
			return l.value(f, word[after:], word[:after])
		}
	}
	return completion{}
}

// argument completes a word that is no flag: the name of a command, or an argument of one.
func (l *line) argument(word string) (c completion) {
	among := l.p.Commands
	if l.command != nil {
		among = l.command.Actions
	}
	if len(l.args) == 0 && !l.dashed {
		c.list = named(among, word)
	}
	if l.command == nil || l.command.Run == nil || l.help {
		return c
	}
	var next *Arg
	for i, a := range l.form {
		if i == len(l.args) || a.variadic && i < len(l.args) {
			next = a
		}
	}
	if next == nil {
		if word == "" && !l.dashed && len(c.list) == 0 {
			c.list = l.flagNames("--")
		}
		return c
	}
	values := l.value(next.Flag, word, "")
	values.list = append(c.list, values.list...)
	return values
}

// formOf is the way in which the arguments are given.
func (l *line) formOf(c *Command) []*Arg {
	o := c.Other
	if o != nil && o.Meant(append(slices.Clone(l.args), l.word), func(f *Flag) bool { return len(l.given[f]) > 0 }) {
		return o.Args
	}
	return c.Args
}

// value completes the value of a flag, which stands behind what is typed of the word before it.
func (l *line) value(f *Flag, prefix, before string) (c completion) {
	if f == nil {
		return c
	}
	switch {
	case f.choices != nil:
		c.list = words(f.choices, prefix)
	case f.kind == yesOrNo:
		c.list = words([]string{"yes", "no"}, prefix)
	case f.offers == columnNames:
		c.list = l.columns(prefix, nil, "")
	case f.offers == orderNames:
		c.list = l.columns(prefix, []string{":asc", ":desc"}, ":")
	case f.offers == conditions:
		if c.list = words(l.columnNames(), prefix); !strings.ContainsAny(prefix, "!=~<>") {
			c.by = parts
			for i := range c.list {
				c.list[i].Value += "="
			}
		}
	case f.offers == Categories:
		c.list = named(l.p.Commands, prefix)
	case f.offers == Files, f.offers == Folders:
		return completion{by: f.offers}
	case f.offers != "" && l.p.Complete != nil:
		c.list = l.ask(Incomplete{Kind: f.offers, Prefix: prefix})
	}
	c.list = slices.DeleteFunc(c.list, func(v Candidate) bool {
		// What cannot be an argument, or would be read as a flag, helps nobody.
		return hasControl(v.Value) || len(v.Value) > longestArgument || !strings.HasPrefix(v.Value, prefix) ||
			before == "" && !l.dashed && looksLikeFlag(v.Value) || v.Value == ""
	})
	for i := range c.list {
		c.list[i].Value = before + c.list[i].Value
	}
	return c
}

// named are the commands whose names begin so.
func named(cs []*Command, prefix string) (list []Candidate) {
	for _, c := range cs {
		if strings.HasPrefix(c.Name, prefix) {
			list = append(list, Candidate{c.Name, c.Short})
		}
	}
	return list
}

func (l *line) columnNames() (names []string) {
	if l.command != nil {
		for _, column := range l.command.Columns {
			names = append(names, column.name)
		}
	}
	return names
}

// columns completes the last of several columns with commas between them: those that are not among them yet, and with what may
// come after one as soon as it has begun.
func (l *line) columns(typed string, after []string, begins string) (list []Candidate) {
	at := strings.LastIndexByte(typed, ',') + 1
	before := strings.Split(typed[:at], ",")
	for _, name := range l.columnNames() {
		if slices.ContainsFunc(before, func(b string) bool { return b == name || begins != "" && strings.HasPrefix(b, name+begins) }) {
			continue
		}
		all := []string{name}
		if begins != "" && strings.HasPrefix(typed[at:], name+begins) {
			all = nil
			for _, a := range after {
				all = append(all, name+a)
			}
		}
		for _, w := range all {
			list = append(list, words([]string{typed[:at] + w}, typed)...)
		}
	}
	return list
}

func words(all []string, prefix string) (list []Candidate) {
	for _, w := range all {
		if strings.HasPrefix(w, prefix) {
			list = append(list, Candidate{Value: w})
		}
	}
	return list
}

// ask has the program look for values, with its own flags filled as the command's would be; where they cannot be, there
// are none.
func (l *line) ask(w Incomplete) []Candidate {
	ctx, cancel := context.WithTimeout(l.ctx, completeWithin)
	defer cancel()
	found := make(chan []Candidate, 1)
	go func() {
		var list []Candidate
		defer func() {
			_ = recover() // what is broken is told by the command, when it is run
			found <- list
		}()
		r := &resolver{given: l.given, envPrefix: l.p.EnvPrefix, sys: l.sys, referable: l.own()}
		if r.readFlagfiles(l.p.globals.flagfile, l.sys.DefaultFlagfile) != nil {
			return
		}
		for _, f := range l.p.Flags {
			if r.fill(f) != nil {
				return
			}
		}
		w.Given = func(names ...string) string { return l.valueFrom(r, names) }
		list = l.p.Complete(ctx, w)
	}()
	// A server that does not answer is not waited for, and neither is a file of a disk that hangs.
	select {
	case list := <-found:
		return list
	case <-ctx.Done():
		return nil
	}
}

// valueFrom is the value of the first flag or argument of one of the names that has one.
func (l *line) valueFrom(r *resolver, names []string) string {
	var among []*Flag
	for _, a := range l.form {
		among = append(among, a.Flag)
	}
	among = append(among, l.own()...)
	for _, name := range names {
		for _, f := range among {
			if f.name != name {
				continue
			}
			if texts, err := r.texts(f); err == nil && len(texts) > 0 {
				return texts[len(texts)-1].text
			}
		}
	}
	return ""
}
