package cli

import (
	"fmt"
	"slices"
	"strings"

	"nova-manage/internal/redact"
)

// Configured is a flag with the value that commands find it to have when it is not typed.
type Configured struct {
	Name string
	// Value is nil, a text or a []string, without passwords.
	Value any
	// Origin is where the value comes from.
	Origin Origin
	// Default is what help says of the default; "" is none.
	Default string
	// Commands are those that have the flag; nil is all of them.
	Commands []string
}

// Configuration is every flag that can have a value although nobody types it: those of all commands, then those of single ones by
// name. A flag that is not the same everywhere, as the host that network create serves from and the one that a list is of, is there
// once for each meaning.
func (e *Env) Configuration() ([]Configured, error) {
	p := e.caller
	var all []Configured
	for _, f := range p.globals.flags {
		c, err := e.configured(f, p.globals.flags)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	shared := len(all)
	at := map[string]int{}
	for _, c := range p.runnable() {
		for _, f := range c.Flags {
			if f.typedOnly {
				continue
			}
			key := fmt.Sprintf("%s\x00%s\x00%v", f.name, f.helpDefault(), f.noFlagfile)
			if i, ok := at[key]; ok {
				all[i].Commands = append(all[i].Commands, c.path())
				continue
			}
			configured, err := e.configured(f, c.Flags)
			if err != nil {
				return nil, err
			}
			configured.Commands = []string{c.path()}
			at[key] = len(all)
			all = append(all, configured)
		}
	}
	slices.SortStableFunc(all[shared:], func(a, b Configured) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// configured finds out the value of a flag; with are the flags that its value may refer to besides those of all commands.
func (e *Env) configured(f *Flag, with []*Flag) (Configured, error) {
	c := Configured{Name: f.name, Default: f.helpDefault()}
	r := *e.resolver
	r.referable = slices.Concat(e.caller.globals.flags, with)
	if slices.Contains([]string{"format", "column", "quiet", "color"}, f.name) {
		r.given = nil // they are about this answer
	}
	texts, err := r.texts(f)
	if err != nil {
		return c, err
	}
	switch {
	case len(texts) == 0 && f.computed != nil:
		c.Value, err = f.computed(e.Sys)
	case len(texts) == 0 && f.kind == yesOrNo:
		c.Value = fmt.Sprint(f.defaultText() == "true")
	case len(texts) == 0:
		c.Value = OrNull(f.defaultText())
	case f.kind == manyValues:
		list := make([]string, len(texts))
		for i, t := range texts {
			list[i] = redact.Value(t.text)
		}
		c.Value, c.Origin = list, texts[0].from
	default:
		last := texts[len(texts)-1]
		c.Value, c.Origin = redact.Value(last.text), last.from
	}
	return c, err
}

// A Remark is what there is to say of a line of a flagfile.
type Remark struct {
	File string
	Line int
	// Flag is what the line sets.
	Flag string
	Kind RemarkKind
	// Detail says more; it may be "".
	Detail string
}

// RemarkKind is what a line of a flagfile is that is not simply one of ours.
type RemarkKind string

// A line is not ours in one of these ways, or it is and its value is wrong.
const (
	OtherSection RemarkKind = "section"     // in a section of an INI file that is somebody else's
	Unknown      RemarkKind = "unknown"     // the flag of another service, or of nobody
	NotFromFiles RemarkKind = "not_read"    // a flag of ours, which no flagfile sets
	WrongValue   RemarkKind = "wrong_value" // a flag of ours, with a value that it does not take
)

// CheckFlagfiles says which lines of flagfiles are not ours, or have a value that is wrong, and how many lines there are. files are
// read in the place of those that commands read, where there are any.
func (e *Env) CheckFlagfiles(files []string) (remarks []Remark, lines int, err error) {
	settings, others := e.resolver.file, e.resolver.others
	r := *e.resolver
	if len(files) > 0 {
		reader := &flagfileReader{}
		for _, file := range files {
			if err := reader.read(file, Origin{}); err != nil {
				return nil, 0, err
			}
		}
		settings, others = reader.settings, reader.others
		r.file, r.ours, r.lines = settings, settings, nil
	}
	for _, s := range others {
		remarks = append(remarks, Remark{s.file, s.line, s.name, OtherSection, "[" + s.section + "]"})
	}
	for _, s := range settings {
		if remark := e.caller.remarkOn(s, &r); remark != nil {
			remarks = append(remarks, *remark)
		}
	}
	order := map[string]int{} // files in the order in which they are read
	for _, s := range slices.Concat(settings, others) {
		if _, known := order[s.file]; !known {
			order[s.file] = len(order)
		}
	}
	slices.SortStableFunc(remarks, func(a, b Remark) int {
		if a.File != b.File {
			return order[a.File] - order[b.File]
		}
		return a.Line - b.Line
	})
	return remarks, len(settings) + len(others), nil
}

// remarkOn is what there is to say of a setting, nil where it is one of ours and right for all commands that read it.
func (p *Program) remarkOn(s setting, r *resolver) *Remark {
	say := func(kind RemarkKind, detail string) *Remark { return &Remark{s.file, s.line, s.name, kind, detail} }
	found, read := false, false
	var wrong error
	var among []string
	look := func(c *Command, fs []*Flag) {
		for _, f := range fs {
			if name := strings.TrimPrefix(s.name, "no"); !slices.Contains(f.spellings(), s.name) &&
				(f.kind != yesOrNo || s.hasValue || !slices.Contains(f.spellings(), name)) {
				continue
			}
			found = true
			if f.typedOnly || f.noFlagfile {
				continue
			}
			read = true
			one := *r
			one.file, one.ours, one.given = r.file, []setting{s}, nil
			one.referable = p.globals.flags
			if c != nil {
				one.referable = slices.Concat(p.globals.flags, c.Flags)
			}
			texts, err := one.fromFlagfile(f)
			if err == nil {
				err = f.judge("--"+f.name, texts)
			}
			if err != nil {
				if wrong == nil {
					wrong = err
				}
				if c != nil {
					among = append(among, c.path())
				}
			}
		}
	}
	look(nil, p.globals.flags)
	for _, c := range p.runnable() {
		look(c, c.Flags)
	}
	switch {
	case wrong != nil:
		detail := strings.TrimSuffix(oneLine(wrong.Error()), Origin{where: s.place()}.String())
		if len(among) > 0 {
			detail += " (" + firstAnd(among) + ")"
		}
		return say(WrongValue, detail)
	case read:
		return nil
	case found:
		return say(NotFromFiles, "it counts on the command line or in the environment only")
	}
	var known []string
	for _, f := range p.inFlagfiles() {
		known = append(known, f.spellings()...)
	}
	if instead := p.retiredFlag(s.name, nil); instead != "" {
		return say(Unknown, instead)
	}
	for _, name := range known {
		if len(name) >= shortestGuess && distance(s.name, name) == 1 {
			return say(Unknown, didYouMean(name))
		}
	}
	return say(Unknown, "")
}

// firstAnd names the first of several.
func firstAnd(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	return fmt.Sprintf("%s and %d more", list[0], len(list)-1)
}

// inFlagfiles are the flags of all commands that a flagfile may set.
func (p *Program) inFlagfiles() []*Flag {
	var list []*Flag
	add := func(fs []*Flag) {
		for _, f := range fs {
			if !f.typedOnly && !f.noFlagfile {
				list = append(list, f)
			}
		}
	}
	add(p.globals.flags)
	for _, c := range p.runnable() {
		add(c.Flags)
	}
	return list
}
