package commands

import (
	"context"
	"errors"
	"fmt"

	"nova-manage/internal/cli"
)

type batchOptions struct {
	File   string
	DryRun bool

	lines *cli.Lines
	todo  []cli.TextLine
	use   use      // what the lines do with the ledger, all in all
	said  []string // what they tell their user, until it is known that they count
}

// largestBatch bounds what is read: it is kept, since a change may have to be tried again.
const largestBatch = 256 << 20

func batchCommand() *command {
	o := &batchOptions{}
	return &command{
		name:  "batch",
		short: "run the command lines of a file, all of them or none",
		long: "Each line is a command as it is typed without the program's name: with a shell's quotes, and # before a comment. Nothing is " +
			"expanded, and what a shell would make something else of is refused unless it stands in quotes. Without FILE, or as -, it is " +
			"standard input.\n\n" +
			"All lines are one transaction and one change: a line sees what those before it did, and the first one that fails takes all of " +
			"them back, whatever its exit code, which is that of the batch. All lines are looked at before the first one runs. " +
			"The answers are printed at the end, in order, each as its own command prints it; with -f json or yaml they are a list with " +
			"line, command and answer, where answer is null if nothing is printed, and a text if it has no columns or a format of its own.\n\n" +
			"With --if_not_exists on its lines a batch may be run every day: it makes what is missing, and changes nothing where nothing is.\n\n" +
			"Whatever reads or changes the ledger may be a line. What no transaction takes back may not: host apply, and emit into files " +
			"(its text is an answer like any other); nor may what is about the ledger as a whole or another one, such as db copy. The flags of a line are those " +
			"of its command, and -f, -c and -q; the others are given to batch itself.",
		examples: []string{
			"nova-manage batch site.txt",
			"nova-manage batch site.txt --dry_run",
			"nova-manage batch - -f json",
		},
		args:    []*cli.Arg{cli.Optional(cli.Text(&o.File, "FILE", "where the lines are; - is standard input").ByDefault("standard input").Completes(cli.Files))},
		answers: true,
		useIs:   func() use { return o.use },
		ledger:  creates,
		dryRun:  &o.DryRun,
		prepare: o.prepare,
		run:     o.run,
		alone:   "a batch is one change already",
	}
}

// prepare reads the lines and finds what is wrong with them whatever the ledger holds.
func (o *batchOptions) prepare(ctx context.Context, e *cli.Env) error {
	data, err := e.ReadInput(ctx, o.File, "commands", largestBatch)
	if err != nil {
		return err
	}
	o.lines = e.Lines(func(message string) { o.said = append(o.said, message) })
	first := nothing
	for line, err := range cli.TextLines(string(data)) {
		if err != nil {
			return onLine(line.Number, err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		l, err := o.understand(line)
		switch {
		case err != nil:
			return err
		case l == nil:
			continue
		}
		o.todo = append(o.todo, line)
		u := l.command.use()
		if first == nothing {
			first = u
		}
		o.use = max(o.use, u)
	}
	if first != creates {
		// As typed one after the other: the first one would have found no ledger.
		o.use = min(o.use, writes)
	}
	o.said = nil
	if len(o.todo) == 0 {
		e.Notef("there is no command to run")
	}
	return nil
}

// batchLine is a line that was understood.
type batchLine struct {
	*cli.Line
	number  int
	command *command
}

// understand finds the command that a line is, and what is wrong with its options; nil is a line without a command.
func (o *batchOptions) understand(t cli.TextLine) (*batchLine, error) {
	words, err := cli.Words(t.Text)
	if err != nil || len(words) == 0 {
		return nil, onLine(t.Number, err)
	}
	read, err := o.lines.Read(words, fmt.Sprintf("line %d: ", t.Number))
	if err != nil {
		return nil, onLine(t.Number, err)
	}
	l := &batchLine{read, t.Number, read.Command.Of.(*command)}
	if err := o.check(l.command, l.Line); err != nil {
		return nil, onLine(t.Number, err)
	}
	return l, nil
}

// check is what is wrong with a line's command, or with its options, whatever the ledger holds.
func (o *batchOptions) check(c *command, l *cli.Line) error {
	if c.alone != "" {
		return cli.UsageErrorf("%s cannot be a line of a batch: %s", l.Path(), c.alone)
	}
	if c.check != nil {
		if err := c.check(l.Env); err != nil {
			return err
		}
	}
	if err := c.checkFormat(l.Env); err != nil {
		return err
	}
	switch {
	case c.on.AsOf != (past{}): // by the environment; it is no flag of a line
		return cli.UsageErrorf("a line of a batch reads what the ledger says now, and --as_of asks for something else")
	case c.files != nil && c.files():
		return cli.WithHint(cli.UsageErrorf("a line of a batch writes no files: they would stay where a later line fails"),
			"leave the file away, and its text is an answer of the batch; or run it after the batch")
	case c.dryRun != nil && *c.dryRun && !o.DryRun:
		return cli.WithHint(cli.UsageErrorf("--dry_run is given with a line, and holds for all of them"), "give it with nova-manage batch itself")
	}
	return nil
}

func (o *batchOptions) run(ctx context.Context, s *session) error {
	answers := s.NewAnswers()
	defer answers.Close()
	r := &batchRun{batchOptions: o, session: s, answers: answers, apart: map[int]bool{}}
	err := r.all(ctx)
	for _, message := range o.said {
		s.Tell(message)
	}
	if err != nil {
		return err
	}
	return answers.Print(s.Stdout)
}

// lineError is an error of a line.
type lineError struct {
	number int
	err    error
}

func onLine(number int, err error) error {
	if err == nil {
		return nil
	}
	return &lineError{number, err}
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.number, e.err) }
func (e *lineError) Unwrap() error { return e.err }

// errTogether says that lines which were run at once failed, so that nobody knows which of them did.
var errTogether = errors.New("one of several lines failed")
