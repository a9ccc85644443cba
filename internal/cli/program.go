// Package cli is the framework of a command line: it finds the command that is meant, fills its options from arguments,
// environment and flagfiles, runs it, prints its answer in the format asked for and turns its error into a sentence.
// What commands there are, what they do and what their exit codes are is left to whoever declares a Program.
package cli

import (
	"bufio"
	"context"
	"fmt"
	"slices"

	"nova-manage/internal/redact"
)

// Program is a whole command line: what it is called, its commands, and the flags that all of them take. It is declared
// anew for each run, since the default of a flag is what its variable holds.
type Program struct {
	// Name is what is typed, and what messages begin with.
	Name string
	// Short says in one line what the program does; lower case, no full stop.
	Short string
	// Description is what else the first page of help says: exit codes, say.
	Description string
	// Examples are whole command lines that work.
	Examples []string
	// Commands are listed by help in this order. One of them should be HelpCommand; one named version tells the rest of
	// what --version says.
	Commands []*Command
	// Version is what --version prints after the program's name, in one line; nil, and where a format or columns are asked for, is
	// the command version.
	Version func(*Sys) string
	// Retired are words that a command line of this name once had, or that are looked for here and belong elsewhere.
	Retired []Retired
	// Complete looks for the values that a shell may offer; it prints nothing, and has none where it cannot look. nil has none.
	Complete func(context.Context, Incomplete) []Candidate
	// Flags are taken by every command, beside those that the framework has itself (flagfile, format, column, quiet).
	Flags []*Flag
	// EnvPrefix stands before a flag's name in the environment: NOVA_ makes it NOVA_USE_IPV6.
	EnvPrefix string
	// Flagfile is what help says is read where no --flagfile is given; Sys.DefaultFlagfile is what is read.
	Flagfile string
	// Outcome is what becomes of the process for what a command returned. The context's cause is a Signal where one
	// has stopped the command: what a command returns then is not always that, and it is not always the reason.
	Outcome func(ctx context.Context, err error) Outcome

	globals  globals
	prepared bool
	kinds    map[string]flagKind // see flagKinds
}

// Outcome is how a run ended, for scripts.
type Outcome struct {
	// Exit is the exit code of the process.
	Exit int
	// Code is a word for what went wrong, finer than Exit and as stable; "" is nothing.
	Code string
}

// prepare completes the declarations with what all of their kind have.
func (p *Program) prepare() {
	if p.prepared {
		return
	}
	p.prepared = true
	p.globals.declare(p)
	for _, c := range p.Commands {
		c.prepare(p.Name)
	}
}

// Run does what args say (args[0] is the program) and returns the exit code of the process.
func (p *Program) Run(args []string, sys *Sys) int {
	refused := sys.Limits() // before there is a thread more
	ctx, stop := sys.Context()
	defer stop()
	if len(args) > 1 && args[1] == completeWord {
		p.completeFor(ctx, sys, args[2:])
		return 0
	}
	world := *sys
	world.Stderr = messageWriter{ctx, sys.Stderr}
	sys = &world
	out := bufio.NewWriterSize(answerWriter{ctx, sys.Stdout}, 32<<10)
	e := newEnv(p.Name, sys, out)
	e.CommandLine = redact.CommandLine(args[1:])
	err := refused
	if err == nil {
		err = p.attempt(ctx, e, args[1:])
	}
	e.progress.clear()
	if unwritten := out.Flush(); err == nil { // the first thing that went wrong is the one to tell
		err = unwritten
	}
	if e.changed {
		err = afterChange(ctx, err)
	}
	for _, note := range e.after {
		fmt.Fprintln(sys.Stderr, note)
	}
	outcome := p.Outcome(ctx, err)
	if err != nil {
		e.flushMessages()
		p.report(ctx, sys.Stderr, err, outcome, p.globalOf(args[1:], sys, "format", "f", p.globals.Format) == "json",
			sys.coloured(p.globalOf(args[1:], sys, "color", "", p.globals.Color), sys.StderrIsTerminal()))
	}
	return outcome.Exit
}

// attempt is run; what is a mistake of this program's is an error like any other to whoever uses it.
func (p *Program) attempt(ctx context.Context, e *Env, argv []string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = internalError{r}
		}
	}()
	return p.run(ctx, e, argv)
}

func (p *Program) run(ctx context.Context, e *Env, argv []string) error {
	p.prepare()
	in, err := p.read(argv)
	if err != nil {
		return err
	}
	if in.help {
		return e.page(ctx, p.help(in, e.Sys.TerminalWidth()))
	}
	return p.execute(ctx, e, in)
}

// execute fills the command's options from all sources and runs it. Nothing outside has been touched before.
func (p *Program) execute(ctx context.Context, e *Env, in *invocation) error {
	c := in.command
	r := &resolver{
		given:     in.given(),
		envPrefix: p.EnvPrefix,
		sys:       e.Sys,
		referable: slices.Concat(p.globals.flags, c.Flags),
		elsewhere: p.computed(),
	}
	// A pipe is a flagfile like any other, and may be one that nobody writes to.
	err := until(ctx, func() error {
		if err := r.readFlagfiles(p.globals.flagfile, e.Sys.DefaultFlagfile); err != nil {
			return err
		}
		for _, f := range p.globals.flags {
			if err := r.fill(f); err != nil {
				return err
			}
		}
		return r.fillArgs(c, in.args)
	})
	if err != nil {
		return err
	}
	e.caller, e.resolver = p, r
	if err := e.prepare(c, &p.globals); err != nil {
		return err
	}
	p.warnOfVariables(e)
	if in.version && p.Version != nil && e.view.format == formats[0] && len(p.globals.Columns) == 0 {
		_, err := fmt.Fprintln(e.Stdout, p.Name, p.Version(e.Sys))
		return err
	}
	return c.Run(ctx, e)
}

// computed are the flags of all commands whose default is found out.
func (p *Program) computed() []*Flag {
	var list []*Flag
	for _, c := range p.runnable() {
		for _, f := range c.Flags {
			if f.computed != nil {
				list = append(list, f)
			}
		}
	}
	return list
}
