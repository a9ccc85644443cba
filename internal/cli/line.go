package cli

import (
	"io"
	"slices"
	"strings"
	"time"

	"nova-manage/internal/redact"
)

// Lines understands command lines that a command reads from somewhere, as if each had been typed: with the same environment and
// the same flagfiles, which are read once. Each line has options of its own.
type Lines struct {
	program  *Program
	resolver *resolver // of the command that reads the lines
	sys      *Sys
	progress *progress
	format   string // what the answers have if a line does not say
	color    string
	// Say takes what lines tell their user on standard error.
	Say func(message string)
}

// Line is a command line that was understood.
type Line struct {
	// Command is declared anew for the line, and its options are filled; Run is not to be called.
	Command *Command
	// Env is what the command has of the outside.
	Env *Env

	// laidOut tells whether the answer is in the format of all answers.
	laidOut bool
}

// Lines begins to read lines inside of the command that runs.
func (e *Env) Lines(say func(message string)) *Lines {
	ls := &Lines{program: e.caller, resolver: e.resolver.ofLines(e.caller.flagKinds()), sys: e.Sys, progress: e.progress, format: e.view.format, color: e.view.color, Say: say}
	e.inLines = true
	return ls
}

// Report tells the user how far the lines have come. What they report of themselves is over before it could be read.
func (ls *Lines) Report(doing string, done, total int) {
	ls.progress.report(doing, int64(done), int64(total))
}

// Read understands the words of a line. where is what messages begin with.
func (ls *Lines) Read(words []string, where string) (*Line, error) {
	p := ls.program
	in, err := p.read(words)
	switch {
	case err != nil:
		if len(words) > 0 && words[0] == p.Name {
			err = WithHint(err, "a line begins with the command: leave "+p.Name+" away")
		}
		return nil, err
	case in.help:
		return nil, UsageErrorf("help is nothing to be done")
	}
	c := in.command.again()
	own := newLineGlobals(ls.format, ls.color)
	given := map[*Flag][]string{}
	for _, u := range in.flags {
		f := own.lookup(u.flag.name)
		if at := slices.Index(in.command.Flags, u.flag); at >= 0 {
			f = c.Flags[at]
		}
		if f == nil || f.ofAll {
			return nil, WithHint(UsageErrorf("--%s is given with a line, and holds for all of them", u.spelling), "give it with "+p.Name+" itself")
		}
		given[f] = append(given[f], u.value)
	}
	r := *ls.resolver
	r.given, r.referable = given, c.Flags
	for _, f := range own.flags {
		if err := r.fill(f); err != nil {
			return nil, err
		}
	}
	if err := r.fillArgs(c, in.args); err != nil {
		return nil, err
	}
	e := &Env{Sys: ls.sys, Stdout: io.Discard, Output: io.Discard, CommandLine: redact.CommandLine(words), program: p.Name, where: where, say: ls.Say,
		quiet: own.Quiet, progress: noProgress}
	if e.view, err = newView(c, &own.globals, ls.sys); err != nil {
		return nil, err
	}
	e.view.bare = true
	return &Line{Command: c, Env: e, laidOut: e.view.format == ls.format && len(c.Columns) > 0}, nil
}

var noProgress = newProgress(nil, time.Now)

// lineGlobals are the flags that every line takes: those that say how an answer is printed. The others are about all of the
// lines together.
type lineGlobals struct{ globals }

func newLineGlobals(format, color string) *lineGlobals {
	g := &lineGlobals{}
	g.Format, g.Color = format, color
	g.flags = g.ofAnswer()
	return g
}

func (g *lineGlobals) lookup(name string) *Flag {
	i := slices.IndexFunc(g.flags, func(f *Flag) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	return g.flags[i]
}

// again is the command declared anew, for options of its own.
func (c *Command) again() *Command {
	if c.parent != nil {
		return c.parent.again().Actions[slices.Index(c.parent.Actions, c)]
	}
	fresh := c.Anew()
	fresh.prepare(c.program)
	return fresh
}

// ofLines is the resolver without what belongs to one command, and with the flagfiles' lines that say anything to any command in
// front of it: a nova.conf has hundreds that do not.
func (r *resolver) ofLines(kinds map[string]flagKind) *resolver {
	lines := &resolver{envPrefix: r.envPrefix, sys: r.sys, elsewhere: r.elsewhere, file: r.file}
	for _, s := range r.file {
		_, known := kinds[s.name]
		_, negated := kinds[strings.TrimPrefix(s.name, "no")]
		if known || negated {
			lines.ours = append(lines.ours, s)
		}
	}
	return lines
}

// Path is the line's command as it is typed in full.
func (l *Line) Path() string { return l.Command.path() }

// Failed tells what -q on the line held back.
func (l *Line) Failed() { l.Env.flushMessages() }
