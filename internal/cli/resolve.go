package cli

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// resolver finds the value of each flag in the strongest source that gives one: command line, environment, flagfile,
// default.
type resolver struct {
	given     map[*Flag][]string
	envPrefix string
	sys       *Sys
	file      []setting
	ours      []setting // those of file that may be about a flag of ours
	others    []setting // what stands in other sections of the flagfiles

	// referable are the flags that $name in a flagfile may stand for.
	referable []*Flag
	// elsewhere are flags that only other commands have and that have a default which is found out: Nova's files refer to
	// $my_ip wherever an address of the machine is meant.
	elsewhere []*Flag
	// steps is how many references have been followed so far, and lines is where in file a name stands last.
	steps int
	lines map[string]int
}

// sourced is a text and where it stood.
type sourced struct {
	text string
	from Origin
}

// fill parses the value of a flag and stores it; it does nothing where there is only the default.
func (r *resolver) fill(f *Flag) error {
	texts, err := r.texts(f)
	if err != nil {
		return err
	}
	return f.fill("--"+f.name, texts)
}

// fill parses texts, all of which count for a flag of many values, only the last one for any other.
func (f *Flag) fill(name string, texts []sourced) error {
	values, err := f.values(name, texts)
	if len(values) == 0 || err != nil {
		return err
	}
	f.store(values)
	if f.origin != nil {
		*f.origin = texts[len(texts)-1].from
	}
	return nil
}

// judge is the error of filling the flag, which it does not do.
func (f *Flag) judge(name string, texts []sourced) error {
	_, err := f.values(name, texts)
	return err
}

// values are what the texts mean that count.
func (f *Flag) values(name string, texts []sourced) ([]any, error) {
	if f.kind != manyValues && len(texts) > 1 {
		texts = texts[len(texts)-1:]
	}
	values := make([]any, len(texts))
	for i, t := range texts {
		if err := checkText(name, t.text, t.from); err != nil {
			return nil, err
		}
		if err := f.checkEmpty(name, t); err != nil {
			return nil, err
		}
		v, err := f.parse(t.text)
		if err != nil {
			return nil, BadValue(name, t.text, t.from, err)
		}
		values[i] = v
	}
	return values, nil
}

// texts is what the strongest source gives.
func (r *resolver) texts(f *Flag) ([]sourced, error) {
	if list := r.fromCommandLine(f); len(list) > 0 {
		return list, nil
	}
	if f.typedOnly {
		return nil, nil
	}
	if list, err := r.fromEnvironment(f); err != nil || len(list) > 0 {
		return list, err
	}
	return r.fromFlagfile(f)
}

func (r *resolver) fromCommandLine(f *Flag) []sourced {
	var list []sourced
	for _, text := range r.given[f] {
		list = append(list, sourced{text, Origin{level: fromCommandLine}})
	}
	return f.dropEmpty(list)
}

// fromEnvironment reads the variables of the flag's names. An empty one counts as unset, so that `NOVA_HOST= nova-manage
// ...` silences one that the shell's profile sets. A repeatable flag gets one value this way.
func (r *resolver) fromEnvironment(f *Flag) ([]sourced, error) {
	var found []sourced
	for _, name := range f.spellings() {
		variable := r.envPrefix + strings.ToUpper(name)
		text, ok := r.sys.LookupEnv(variable)
		if !ok || text == "" {
			continue
		}
		if len(found) > 0 && !f.sameValue(found[0].text, text) {
			return nil, UsageErrorf("%s %s and %s %s are one flag with two values",
				found[0].from.where, Quote(found[0].text), variable, Quote(text))
		}
		found = append(found, sourced{text, Origin{fromEnvironment, variable}})
	}
	if len(found) > 1 {
		found = found[:1]
	}
	return found, nil
}

// fromFlagfile reads the settings of the flagfiles. A later line wins over an earlier one; a repeatable flag gets them
// all.
func (r *resolver) fromFlagfile(f *Flag) ([]sourced, error) {
	if f.noFlagfile {
		return nil, nil
	}
	var list []sourced
	for _, s := range r.ours {
		text, from := s.value, Origin{fromFlagfile, s.place()}
		name, negated := s.name, false
		if lookupFlag([]*Flag{f}, name) == nil && f.kind == yesOrNo && !s.hasValue {
			name, negated = strings.CutPrefix(name, "no")
		}
		if lookupFlag([]*Flag{f}, name) == nil || name == f.short {
			continue
		}
		switch {
		case negated:
			text = "false"
		case f.kind == yesOrNo && !s.hasValue:
			text = "true"
		case !s.hasValue:
			return nil, UsageErrorf("--%s needs a value%s", name, from)
		}
		text, err := r.expand(text, from, 0)
		if err != nil {
			return nil, err
		}
		list = append(list, sourced{text, from})
	}
	return f.dropEmpty(list), nil
}

// checkEmpty refuses an empty text but where the flag takes one.
func (f *Flag) checkEmpty(name string, t sourced) error {
	if t.text == "" && f.empty == emptyRefused {
		return BadValue(name, t.text, t.from, errEmpty)
	}
	return nil
}

var errEmpty = errors.New("is empty")

// dropEmpty removes empty texts where they stand for the default.
func (f *Flag) dropEmpty(list []sourced) []sourced {
	if f.empty != emptyIsUnset {
		return list
	}
	kept := list[:0]
	for _, s := range list {
		if s.text != "" {
			kept = append(kept, s)
		}
	}
	return kept
}

// sameValue tells whether two texts mean the same: 10/8 is 10.0.0.0/8. What cannot be parsed is like nothing but itself.
func (f *Flag) sameValue(a, b string) bool {
	if a == b {
		return true
	}
	va, errA := f.parse(a)
	vb, errB := f.parse(b)
	return errA == nil && errB == nil && reflect.DeepEqual(va, vb)
}

// fillArgs fills the arguments of a command and all its flags. An argument wins over environment and flagfile; over the
// flag of the same name on the command line it must not need to.
func (r *resolver) fillArgs(c *Command, words []string) error {
	filled := map[*Flag]bool{}
	args := c.Args
	if c.Other != nil && c.Other.Meant(words, func(f *Flag) bool { return len(r.fromCommandLine(f)) > 0 }) {
		args = c.Other.Args
	}
	usage := "usage: " + c.signatureWith(args)
	for _, a := range args {
		here := words
		if !a.variadic && len(here) > 1 {
			here = here[:1]
		}
		words = words[len(here):]
		texts, err := a.check(usage, here)
		if err != nil {
			return err
		}
		for _, flagged := range r.fromCommandLine(a.Flag) {
			for _, t := range texts {
				if !a.sameValue(t.text, flagged.text) {
					return UsageErrorf("%s is given twice, as argument %s and as --%s %s",
						a.word(), Quote(t.text), a.name, Quote(flagged.text))
				}
			}
		}
		if len(texts) > 0 {
			filled[a.Flag] = true
			if err := a.fill(a.word(), texts); err != nil {
				return err
			}
		} else if a.required && !(r.hasFlag(c, a.Flag)) {
			return WithHint(UsageErrorf("%s needs %s", c.path(), a.word()), usage)
		}
	}
	if len(words) > 0 {
		return WithHint(UsageErrorf("surplus argument %s", Quote(words[0])), usage)
	}
	for _, f := range c.Flags {
		if filled[f] {
			continue
		}
		if err := r.fill(f); err != nil {
			return err
		}
	}
	return nil
}

// hasFlag tells whether a required argument was given as a flag of the same name instead, from whatever source.
func (r *resolver) hasFlag(c *Command, f *Flag) bool {
	if lookupFlag(c.Flags, f.name) != f {
		return false
	}
	texts, err := r.texts(f)
	return err != nil || len(texts) > 0 // an error is reported when the flag is filled
}

// check is what the words at an argument's place give it.
func (a *Arg) check(usage string, words []string) ([]sourced, error) {
	var texts []sourced
	for _, w := range words {
		if w == "" && a.empty == emptyRefused {
			return nil, WithHint(UsageErrorf("%s is empty", a.word()), usage)
		}
		texts = append(texts, sourced{w, Origin{level: fromCommandLine}})
	}
	return a.dropEmpty(texts), nil
}

// expand replaces $name and ${name} in a flagfile's value by the value of the flag or the flagfile's line of that name,
// and $$ by a dollar sign, as Nova did; a name that nobody knows is left alone, as it may be part of a password.
func (r *resolver) expand(text string, from Origin, depth int) (string, error) {
	// The depth alone would not bound what lines of many references to such lines lead to.
	const deepest, most = 16, 10000
	if depth > deepest {
		return "", UsageErrorf("%s refers to itself%s", Quote(text), from)
	}
	var b strings.Builder
	for whole := text; ; {
		before, after, found := strings.Cut(text, "$")
		b.WriteString(before)
		if b.Len() > longestFileValue {
			// Of a part nobody could tell whether it is one of a password.
			return "", UsageErrorf("%s grows beyond %d bytes%s", Quote(whole), longestFileValue, from)
		}
		if !found {
			return b.String(), nil
		}
		if r.steps++; r.steps > most {
			return "", UsageErrorf("%s is beyond the %d references that are followed%s", Quote("$"+after), most, from)
		}
		name, rest := reference(after)
		text = rest
		if name == "$" {
			b.WriteByte('$')
			continue
		}
		value, ok, err := r.referred(name, depth)
		if err != nil {
			return "", err
		}
		if !ok {
			value = "$" + after[:len(after)-len(rest)]
		}
		b.WriteString(value)
	}
}

// reference splits what follows a dollar sign into the name that it refers to, "$" for a second dollar sign, "" for
// none, and the text after it.
func reference(s string) (name, rest string) {
	if strings.HasPrefix(s, "$") {
		return "$", s[1:]
	}
	if inner, ok := strings.CutPrefix(s, "{"); ok {
		if name, rest, ok := strings.Cut(inner, "}"); ok && name == leadingName(name) {
			return name, rest
		}
		return "", s
	}
	name = leadingName(s)
	return name, s[len(name):]
}

func leadingName(s string) string {
	end := strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if end < 0 {
		return s
	}
	return s[:end]
}

// referred is the value that $name stands for: a flag of this command from its strongest source, else what a flagfile
// says about a flag that only other services have.
func (r *resolver) referred(name string, depth int) (string, bool, error) {
	if name == "" {
		return "", false, nil
	}
	f := lookupFlag(r.referable, name)
	if f == nil {
		f = lookupFlag(r.elsewhere, name)
	}
	if f != nil && f.name == name {
		if list := r.fromCommandLine(f); len(list) > 0 {
			return list[len(list)-1].text, true, nil
		}
		list, err := r.fromEnvironment(f)
		if err != nil {
			return "", false, err
		}
		if len(list) > 0 {
			return list[0].text, true, nil
		}
	}
	if r.lines == nil {
		r.lines = map[string]int{}
		for i, s := range r.file {
			if s.hasValue {
				r.lines[s.name] = i
			}
		}
	}
	if i, ok := r.lines[name]; ok {
		s := r.file[i]
		text, err := r.expand(s.value, Origin{fromFlagfile, s.place()}, depth+1)
		return text, true, err
	}
	switch {
	case f == nil || f.name != name:
		return "", false, nil
	case f.computed != nil:
		text, err := f.computed(r.sys)
		return text, true, err
	}
	return f.defaultText(), f.defaultText() != "", nil
}

// place names a setting's line.
func (s setting) place() string { return fmt.Sprintf("%s line %d", s.file, s.line) }
