package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Env is what a command's run function has of the outside.
type Env struct {
	Sys *Sys
	// Stdout takes the answer and nothing else. A write that fails is reported once the command is done.
	Stdout io.Writer
	// Output is standard output for the text of a file: what emit renders, a document. --quiet does not hold it back, since whoever
	// sends it to a file would be left with an empty one.
	Output io.Writer
	// CommandLine is what was typed after the program's name, without passwords, so that it can be pasted into a shell.
	CommandLine string

	program  string
	caller   *Program
	resolver *resolver
	where    string               // what messages begin with: the line of a file, say
	say      func(message string) // takes messages; nil is standard error
	changed  bool
	quiet    bool
	messages []string // held back by --quiet until it is known that there is an error to explain
	after    []string // messages about the answer, to be read below it
	view     view
	progress *progress
	inLines  bool // the progress is that of lines
	logging  sync.Mutex
}

func newEnv(program string, sys *Sys, stdout io.Writer) *Env {
	return &Env{program: program, Sys: sys, Stdout: stdout, Output: stdout, progress: newProgress(nil, time.Now)}
}

// prepare takes over the global flags once they are known. What they ask of the command's answer is checked here,
// before the command does anything.
func (e *Env) prepare(c *Command, g *globals) error {
	if e.quiet = g.Quiet; e.quiet {
		e.Stdout = io.Discard
	}
	if !e.quiet && e.Sys.StderrIsTerminal() {
		e.progress.w = e.Sys.Stderr
	}
	view, err := newView(c, g, e.Sys)
	e.view = view
	return err
}

// Warnf tells the user, on standard error, about something that is probably not what was meant.
func (e *Env) Warnf(format string, args ...any) {
	e.message(e.program + ": " + e.kind("warning:", Yellow) + " " + e.where + oneLine(fmt.Sprintf(format, args...)))
}

// Notef tells the user, on standard error, how it went.
func (e *Env) Notef(format string, args ...any) {
	e.message(e.program + ": " + e.where + oneLine(fmt.Sprintf(format, args...)))
}

// Logf is Notef for a command that serves others until it is stopped: --quiet does not hold it back, and any goroutine may call it.
func (e *Env) Logf(format string, args ...any) {
	line := e.program + ": " + oneLine(fmt.Sprintf(format, args...))
	e.logging.Lock()
	defer e.logging.Unlock()
	fmt.Fprintln(e.Sys.Stderr, line)
}

// noRoom tells the user which columns are not in a table because the terminal has no room for them.
func (e *Env) noRoom(names []string, columns int) {
	way := "; -c NAME prints one"
	if e.view.hasLong {
		way += ", --long all of them"
	}
	note := fmt.Sprintf("%s: %s%d columns have no room for %s%s", e.program, e.where, columns, strings.Join(names, ", "), way)
	switch {
	case e.quiet:
	case e.say != nil:
		e.say(note)
	case !slices.Contains(e.after, note):
		e.after = append(e.after, note)
	}
}

// kind is the word of a message that says how grave it is, in a colour where standard error may have some.
func (e *Env) kind(word string, c Colour) string {
	if e.say == nil && e.Sys.coloured(e.view.color, e.Sys.StderrIsTerminal()) {
		return c.Paint(word)
	}
	return word
}

// Remark is Notef for whoever sits at a terminal; scripts have no use for it.
func (e *Env) Remark(format string, args ...any) {
	if e.Sys.StderrIsTerminal() && !e.quiet {
		e.Notef(format, args...)
	}
}

// Changed tells that the command has changed something for good, which from then on cannot fail any more: what goes wrong
// after it is that the answer does not reach whoever asked.
func (e *Env) Changed() { e.changed = true }

// Progress tells the user how far long work has come: of total things, or of an unknown number if that is -1, so many
// are done.
func (e *Env) Progress(doing string, done, total int64) {
	if !e.inLines {
		e.progress.report(doing, done, total)
	}
}

// Tell passes on what a line has told its user.
func (e *Env) Tell(message string) { e.message(message) }

func (e *Env) message(line string) {
	if e.quiet {
		e.messages = append(e.messages, line)
		return
	}
	if e.say != nil {
		e.say(line)
		return
	}
	e.progress.clear()
	fmt.Fprintln(e.Sys.Stderr, line)
}

// flushMessages prints what --quiet held back: a command that fails is not quiet.
func (e *Env) flushMessages() {
	for _, m := range e.messages {
		if e.say != nil {
			e.say(m)
			continue
		}
		fmt.Fprintln(e.Sys.Stderr, m)
	}
	e.messages = nil
}
