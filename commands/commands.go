// Package commands is what can be typed: for each command its options, what it does with the ledger, how its answer is
// printed, and the exit codes. How a command line is read and an answer laid out is left to package cli, what a command
// does to the ledger to package db, address arithmetic to package netcalc, the text of configuration files to the
// generators.
//
// # Adding a command
//
// A category is a file named like it, and a function that declares it:
//
//	func colourCategory() *command {
//		return &command{name: "colour", short: "colours of things", actions: []*command{colourPaint()}}
//	}
//
// An action is a struct of options, a declaration that binds flags to its fields and says what it does with the ledger,
// and a function that runs. The default of a flag is what its field holds when it is declared:
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
//			args: []*cli.Arg{
//				cli.Required(cli.Text(&o.Thing, "THING", "what to paint")),
//				cli.Optional(cli.Text(&o.Colour, "COLOUR", "its new colour")),
//			},
//			flags:   []*cli.Flag{cli.Number(&o.Coats, "coats", 1, 9, "how many layers")},
//			columns: cli.Fields(thingColumns),
//			ledger:  writes,
//			check:   o.check,
//			run:     o.run,
//		}
//	}
//
//	func (o *colourPaintOptions) check(*cli.Env) error {
//		if o.Thing == o.Colour {
//			return cli.UsageErrorf("THING %s is its COLOUR already", cli.Quote(o.Thing))
//		}
//		return nil
//	}
//
//	func (o *colourPaintOptions) run(ctx context.Context, s *session) error {
//		thing, err := s.store.Paint(ctx, o.Thing, o.Colour, o.Coats)
//		if err != nil {
//			return err
//		}
//		return cli.PrintOne(s.Env, thingColumns, thing)
//	}
//
// What is wrong with the options whatever the ledger holds is found by check, before the ledger is opened. A function of
// three lines may stand in the declaration itself; see command for the rest of what can be declared.
//
// An action may have actions in turn, as `api key` has; what is said of a category here holds for it, too.
//
// Then its category is added to catalogue below. A command of one word has no actions and is added there itself; a
// category may also run itself. An argument that is also a flag is one *cli.Flag listed in both args and flags. The
// columns of an answer are one table for all output formats (see cli.Column). An error that is the user's fault is made
// by cli.UsageErrorf, one that has a next step carries it by cli.WithHint; exit codes follow from it in exitCode.
package commands

import (
	"context"
	"slices"

	"nova-manage/internal/cli"
)

// catalogue is every command there is, in the order of help. It declares them anew each time that it is asked, and so does
// each function that it calls: what a flag fills is a run's own, and a batch has many.
func catalogue() []*command {
	var all []*command
	first := []func() *command{
		networkCategory,
		instanceCategory,
		fixedCategory,
		floatingCategory,
		vpnCategory,
		projectCategory,
		secgroupCategory,
		statusCommand,
		usageCommand,
		mapCommand,
		whoisCommand,
		historyCategory,
		undoCommand,
		calcCategory,
		batchCommand,
		dbCategory,
	}
	last := []func() *command{
		hostCategory,
		apiCategory,
		completionCommand,
		manCommand,
		configCategory,
		versionCommand,
	}
	for _, declare := range slices.Concat(first, emitCategories, last) {
		c := declare()
		c.anew = declare
		all = append(all, c)
	}
	return all
}

// command is the one shape of all commands: what it is called, what it takes, what it does with the ledger, and what it
// does. The fields that package cli knows too mean what they mean there.
type command struct {
	name     string
	short    string
	long     string
	examples []string
	actions  []*command
	args     []*cli.Arg
	other    *cli.Form
	flags    []*cli.Flag
	columns  []cli.Field
	list     bool
	answers  bool

	// ledger is what the command does with the ledger at most.
	ledger use
	// readsIf is for a command that changes the ledger with some options and only reads it with others.
	readsIf func() bool
	// present is for a command that reads the ledger and is about its present state only, or about all of them.
	present bool
	// dryRun is for a command that changes the ledger: the option that keeps it from that. nil is one that is declared with the
	// command, whose answer is then what would be; one that has no answer prints the rows that would be changed.
	dryRun *bool
	// useIs is for a command that finds out in prepare what it does with the ledger, in place of ledger.
	useIs func() use
	// check finds what is wrong with the options whatever the ledger holds, and works out what they mean together. It is
	// called before the ledger is opened, and may be nil.
	check func(*cli.Env) error
	// prepare reads what the command is about from outside of the ledger. It is called after check, and may be nil.
	prepare func(context.Context, *cli.Env) error
	// unopened is asked about the error of a ledger that could not be opened; nil is the error itself.
	unopened func(*session, error) error
	// run does the work on what the session holds. It is nil for a category that only has actions.
	run func(context.Context, *session) error

	// rows is for a command that changes something and whose answer is a list: how long that can be with the options it was given,
	// 0 for one of which nobody knows. It is asked after check.
	rows func() int
	// alone says why the command is none of a batch: it changes what no transaction takes back, or is about another ledger. It
	// is empty for one that may be a line of a batch.
	alone string
	// files tells whether the command writes files with the options it was given; nil is one that never does.
	files func() bool
	// many is for a command that does many of its kind for less when it is told of them at once.
	many manyLines
	// silent is a command whose answer is that it has done it.
	silent bool
	// on is the ledger that the flags name, once the command is declared.
	on *ledger
	// anew declares a command of the first level, and its actions, again.
	anew func() *command
}

// declare tells package cli of the command, which is run on the ledger that the global flags name.
func (c *command) declare(l *ledger) *cli.Command {
	c.on = l
	if changes := c.ledger == writes || c.ledger == creates; changes && c.dryRun == nil {
		c.dryRun = &l.DryRun
		if c.columns == nil {
			c.columns, c.silent = cli.Fields(changedColumns), true
		}
	}
	d := &cli.Command{
		Name: c.name, Short: c.short, Long: c.long, Examples: c.examples, Args: c.args, Other: c.other, Flags: c.flags, Columns: c.columns,
		List: c.list, Answers: c.answers, Of: c,
	}
	if c.anew != nil {
		// What its flags say of the ledger is nothing to the one that is open.
		d.Anew = func() *cli.Command { own := *l; return c.anew().declare(&own) }
	}
	if c.dryRun != nil {
		d.Flags = append(d.Flags, cli.Boolean(c.dryRun, "dry_run", "print what would be "+c.ledger.done()+" and write nothing"))
	}
	if c.ledger == reads && !c.present || c.readsIf != nil {
		d.Flags = append(d.Flags, cli.Typed(&l.AsOf, "as_of", parsePast, "what the ledger said then: the number of a change, or a time").As("TIME").
			NotInFlagfile().OfAll())
	}
	if c.ledger == writes || c.ledger == creates || c.ledger == replaces {
		d.Flags = append(d.Flags,
			cli.Typed(&l.Actor, "actor", parseActor, "who makes the change, for history").As("USER@HOST").ByDefault("you, on this host").
				NotInFlagfile().OfAll(),
			cli.Typed(&l.Comment, "comment", parseComment, "what history is to say of the change beside the command").As("TEXT").
				NotInFlagfile().OfAll())
	}
	if c.run != nil {
		d.Run = func(ctx context.Context, e *cli.Env) error { return hinted(c.runOn(ctx, e, l)) }
	}
	for _, a := range c.actions {
		d.Actions = append(d.Actions, a.declare(l))
	}
	return d
}

// Main runs the command that args names (args[0] is the program) and returns the exit code of the process.
func Main(args []string, sys *cli.Sys) int {
	cli.Contain(sys)
	return newProgram(sys, catalogue()).Run(args, sys)
}

// System is the real world.
func System() *cli.Sys {
	sys := cli.System()
	sys.DefaultFlagfile = defaultFlagfile
	return sys
}

const defaultFlagfile = "/etc/nova/nova.conf"

func newProgram(sys *cli.Sys, catalogue []*command) *cli.Program {
	l := newLedger(sys)
	p := &cli.Program{
		Name:        "nova-manage",
		Short:       "keep a ledger of dual-stack tenant networks and render what a network node needs",
		Description: description,
		Examples: []string{
			"nova-manage network create 10.0.1.0/24 3 32 100 1000 fd00:1::/48",
			"nova-manage network list -f json",
			"nova-manage help network create",
		},
		Retired:   slices.Concat(retired, missing),
		Flags:     l.flags(),
		EnvPrefix: "NOVA_",
		Flagfile:  defaultFlagfile,
		Outcome:   outcomeOf,
		Complete:  l.complete,
		Version:   func(sys *cli.Sys) string { return versionOf(sys).Version },
	}
	for _, c := range catalogue {
		p.Commands = append(p.Commands, c.declare(l))
	}
	p.Commands = append(p.Commands, cli.HelpCommand("nova-manage help version"))
	return p
}

// description is what the first page of help says beside the lists of commands and flags.
const description = "Categories and actions may be shortened to a prefix that no other one has. Flags may be given anywhere, as --name value " +
	"or --name=value; dashes and underscores in their names are the same. A flag that is not given is looked for in the environment " +
	"(NOVA_<FLAG>), then in the flagfile.\n\n" + exitCodes
