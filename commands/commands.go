// Package commands is the command line: it reads arguments, environment and flagfiles into typed options, runs the
// command and prints its answer. What a command does to the ledger is left to package db, address arithmetic to
// package netcalc, the text of configuration files to the generators.
//
// # Adding a command
//
// A category is a file named like it, and a function that declares it:
//
//	func colourCategory() *command {
//		return &command{name: "colour", short: "colours of things", actions: []*command{colourPaint()}}
//	}
//
// An action is a struct of options, a declaration that binds flags to its fields, and a function that runs. The
// default of a flag is what its field holds when it is declared:
//
//	type colourPaintOptions struct {
//		Thing  string
//		Colour string
//		Coats  int
//	}
//
//	func colourPaint() *command {
//		o := &colourPaintOptions{Coats: 1}
//		return &command{
//			name:     "paint",
//			short:    "paint a thing",
//			examples: []string{"nova-manage colour paint shed green --coats 2"},
//			args: []*arg{
//				required(text(&o.Thing, "THING", "what to paint")),
//				optional(text(&o.Colour, "COLOUR", "its new colour")),
//			},
//			flags:   []*flag{number(&o.Coats, "coats", 1, 9, "how many layers")},
//			columns: fieldsOf(thingColumns),
//			run:     func(ctx context.Context, e *env) error { return runColourPaint(ctx, e, o) },
//		}
//	}
//
//	func runColourPaint(ctx context.Context, e *env, o *colourPaintOptions) error {
//		store, err := e.openStore(ctx, db.Write)
//		if err != nil {
//			return err
//		}
//		thing, err := store.Paint(ctx, o.Thing, o.Colour, o.Coats)
//		if err != nil {
//			return err
//		}
//		return printOne(e, thingColumns, thing)
//	}
//
// Then its category is added to catalogue below. A command of one word has no actions and is added there itself. An
// argument that is also a flag is one *flag listed in both args and flags. The columns of an answer are one table for
// all output formats (see column). An error that is the user's fault is made by usageErrorf, one that has a next step
// carries it by withHint; exit codes follow from the errors of package db.
package commands

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// catalogue is every command there is, in the order of help.
func catalogue() []*command {
	return []*command{
		networkCategory(),
		instanceCategory(),
		fixedCategory(),
		floatingCategory(),
		vpnCategory(),
		projectCategory(),
		secgroupCategory(),
		whoisCommand(),
		calcCategory(),
		dbCategory(),
		emitCategory(),
		versionCommand(),
		helpCommand(),
	}
}

// command is one word of the command line: a category, which has actions, or something that runs.
type command struct {
	name     string
	short    string   // one line, lower case, no full stop
	long     string   // what else help should say; may be empty
	examples []string // whole command lines that work

	actions []*command // of a category, which has none of the fields below

	args    []*arg
	flags   []*flag
	columns []field // of the answer; nil where it is not a table
	run     func(context.Context, *env) error

	parent *command
	wide   bool // --long was given
}

// path is the command as it is typed, without the program's name.
func (c *command) path() string {
	if c.parent != nil {
		return c.parent.name + " " + c.name
	}
	return c.name
}

// Main runs the command that args names (args[0] is the program) and returns the exit code of the process.
func Main(args []string, sys *Sys) int { return runMain(args, sys, catalogue) }

func runMain(args []string, sys *Sys, catalogue func() []*command) (code int) {
	ctx, stop := sys.Context()
	defer stop()
	defer func() {
		if r := recover(); r != nil {
			reportError(ctx, sys.Stderr, fmt.Errorf("internal error: %v", r))
			code = exitFailed
		}
	}()

	out := bufio.NewWriterSize(answerWriter{ctx, sys.Stdout}, 32<<10)
	e := newEnv(sys, out)
	err := newProgram(catalogue(), e).main(ctx, args)
	e.progress.clear()
	// The first thing that went wrong is the one to tell.
	for _, then := range []error{out.Flush(), e.close()} {
		if err == nil {
			err = then
		}
	}
	if err != nil {
		e.flushMessages()
		reportError(ctx, sys.Stderr, err)
	}
	return exitCode(ctx, err)
}

// answerWriter tells a failing write of the answer from all other failures, and lets a signal end one that does not come
// to an end because nobody reads.
type answerWriter struct {
	ctx context.Context
	w   io.Writer
}

// unread is how long a write may go on after a signal: more than one needs that somebody does read.
const unread = time.Second

func (a answerWriter) Write(p []byte) (int, error) {
	n, err := writeUntil(a.ctx, a.w, p)
	if err != nil && !errors.Is(err, context.Cause(a.ctx)) {
		err = &answerError{reasonOf(err)}
	}
	return n, err
}

// writeUntil writes p to w, and gives up once ctx is done and nobody reads. The write then goes on until the process
// ends, a moment from now; p must stay as it is until then, as it does where a bufio.Writer has seen the error.
func writeUntil(ctx context.Context, w io.Writer, p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := w.Write(p)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-ctx.Done():
		select {
		case r := <-done:
			return r.n, r.err
		case <-time.After(unread):
			return 0, context.Cause(ctx)
		}
	}
}

type answerError struct{ reason error }

func (e *answerError) Error() string { return "cannot write to standard output: " + e.reason.Error() }
func (e *answerError) Unwrap() error { return e.reason }

// program is the whole command line at work on one invocation.
type program struct {
	commands []*command
	globals  globals
	env      *env
	// given is what the command line gave each flag, in order.
	given map[*flag][]string
}

func newProgram(commands []*command, e *env) *program {
	p := &program{commands: commands, env: e, given: map[*flag][]string{}}
	p.globals.declare()
	for _, c := range commands {
		for _, a := range c.actions {
			a.parent = c
			a.finish()
		}
		c.finish()
	}
	return p
}

// finish adds what every declaration of its kind has.
func (c *command) finish() {
	for _, f := range c.columns {
		if f.long {
			c.flags = append(c.flags, longFlag(&c.wide))
			return
		}
	}
}

// main reads the command line, then has the cli library dispatch what it means.
func (p *program) main(ctx context.Context, args []string) error {
	in, err := p.read(args[1:])
	if err != nil {
		return err
	}
	if in.help {
		return p.printHelp(p.env.stdout, in.command)
	}
	return p.app().RunContext(ctx, in.argv())
}

// execute is what the cli library dispatches to: it fills the command's options from all sources and runs it. Nothing
// outside has been touched before.
func (p *program) execute(ctx context.Context, c *command, args []string) error {
	e := p.env
	r := &resolver{
		given:     p.given,
		lookupEnv: e.sys.LookupEnv,
		referable: slices.Concat(p.globals.flags, c.flags),
		computed:  map[string]func() (string, error){"state_path": e.sys.statePath},
	}
	if err := r.readFlagfiles(p.globals.flagfile, e.sys.DefaultFlagfile); err != nil {
		return err
	}
	for _, f := range p.globals.flags {
		if err := r.fill(f); err != nil {
			return err
		}
	}
	if err := r.fillArgs(c, args); err != nil {
		return err
	}
	if err := e.prepare(c, &p.globals); err != nil {
		return err
	}
	return c.run(ctx, e)
}
