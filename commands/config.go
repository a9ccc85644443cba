package commands

import (
	"context"
	"strings"

	"nova-manage/internal/cli"
)

func configCategory() *command {
	return &command{name: "config", short: "the flags that are not typed: their values, and the flagfiles", actions: []*command{
		configShow(), configCheck(),
	}}
}

// notOfBatch says why config is none of a batch.
const notOfBatch = "it is about the command line and not the ledger"

var configuredColumns = []cli.Column[cli.Configured]{
	{Name: "flag", Value: func(c cli.Configured) any { return c.Name }},
	{Name: "value", Value: func(c cli.Configured) any { return c.Value }},
	{Name: "from", Value: func(c cli.Configured) any { return c.Origin.Text() }, Colour: func(c cli.Configured) cli.Colour {
		if c.Origin.IsSet() {
			return cli.Yellow
		}
		return cli.Grey
	}},
	{Name: "default", Value: func(c cli.Configured) any { return cli.OrNull(c.Default) }, Long: true},
	{Name: "commands", Value: func(c cli.Configured) any { return c.Commands }, Long: true},
}

func configShow() *command {
	var names []string
	set := false
	return &command{
		name:  "show",
		short: "every flag with its value, and where it comes from",
		long: "It shows what a command finds that is not told otherwise on its command line: the value of the environment, else of the flagfile, " +
			"else the default. First come the flags of all commands, then those of single ones, which --long names. A flag that means different " +
			"things to different commands is there once for each; one that counts only where it is typed, such as --force, is not. A default " +
			"that follows from other things is no value; --long has what help says of it. Passwords are not shown. No ledger is opened.",
		examples: []string{"nova-manage config show --set", "nova-manage config show my_ip sql_connection -f json"},
		args:     []*cli.Arg{cli.AnyNumber(cli.Texts(&names, "FLAG", "show this one alone; its name, without dashes"))},
		flags:    []*cli.Flag{cli.Boolean(&set, "set", "only those that have been given a value somewhere").OnlyTyped()},
		columns:  cli.Fields(configuredColumns),
		alone:    notOfBatch,
		run: func(_ context.Context, s *session) error {
			all, err := s.Configuration()
			if err != nil {
				return err
			}
			wanted, err := flagsNamed(names, all)
			if err != nil {
				return err
			}
			shown := []cli.Configured{}
			for _, c := range all {
				if (wanted == nil || wanted[c.Name]) && (!set || c.Origin.IsSet()) {
					shown = append(shown, c)
				}
			}
			return cli.PrintSlice(s.Env, configuredColumns, shown)
		},
	}
}

// flagsNamed are the flags that somebody names, as a command line would take their names; nil are all of them.
func flagsNamed(names []string, all []cli.Configured) (map[string]bool, error) {
	var known []string
	there := map[string]bool{}
	for _, c := range all {
		there[c.Name] = true
		known = append(known, c.Name)
	}
	var wanted map[string]bool
	for _, name := range names {
		plain := strings.ReplaceAll(strings.TrimLeft(name, "-"), "-", "_")
		if !there[plain] {
			return nil, cli.WithHint(cli.UsageErrorf("no flag %s can be set but on the command line", cli.Quote(name)), cli.Suggest(plain, known))
		}
		if wanted == nil {
			wanted = map[string]bool{}
		}
		wanted[plain] = true
	}
	return wanted, nil
}

var remarkColumns = []cli.Column[cli.Remark]{
	{Name: "file", Value: func(r cli.Remark) any { return r.File }},
	{Name: "line", Value: func(r cli.Remark) any { return r.Line }},
	{Name: "flag", Value: func(r cli.Remark) any { return r.Flag }},
	{Name: "is", Value: func(r cli.Remark) any { return string(r.Kind) }, Colour: func(r cli.Remark) cli.Colour {
		if r.Kind == cli.WrongValue {
			return cli.Red
		}
		return cli.NoColour
	}},
	{Name: "detail", Value: func(r cli.Remark) any { return cli.OrNull(r.Detail) }},
}

func configCheck() *command {
	var files []string
	return &command{
		name:  "check",
		short: "say which lines of a flagfile are not ours",
		long: "It reads FILE, or the flagfiles that commands read, and what they nest, and lists each line that is not simply one of ours. is " +
			"says what it is instead: unknown, a flag of another service or of nobody, with a guess where it is like one of ours; section, " +
			"in a section other than [DEFAULT]; not_read, a flag of ours that a flagfile does not set, since the name means something else to " +
			"Nova's services or it has to be typed; wrong_value, a flag of ours with a value that some command would refuse. A nova.conf is " +
			"shared with Nova's services, so that lines that are not ours are no fault: the exit code is 5 where a value is wrong, " +
			"and else 0. No ledger is opened.",
		examples: []string{"nova-manage config check", "nova-manage config check /etc/nova/nova.conf -f json"},
		args:     []*cli.Arg{cli.AnyNumber(cli.Texts(&files, "FILE", "a flagfile, in either form; those that commands read by default").Completes(cli.Files))},
		columns:  cli.Fields(remarkColumns),
		alone:    notOfBatch,
		run: func(_ context.Context, s *session) error {
			remarks, lines, err := s.CheckFlagfiles(files)
			if err != nil {
				return err
			}
			wrong := 0
			for _, r := range remarks {
				if r.Kind == cli.WrongValue {
					wrong++
				}
			}
			s.Notef("lines that set something: %d; ours: %d", lines, lines-len(remarks)+wrong)
			if err := cli.PrintSlice(s.Env, remarkColumns, remarks); err != nil || wrong == 0 {
				return err
			}
			return checkError(wrong, "value is wrong", "values are wrong")
		},
	}
}
