package commands

import (
	goflag "flag"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// app declares all commands to the cli library, which dispatches, prints help and generates manual pages. Its own
// opinions are switched off: it must neither print nor exit by itself.
func (p *program) app() *cli.App {
	app := &cli.App{
		Name:            "nova-manage",
		Usage:           "keep a ledger of dual-stack tenant networks and render what a network node needs",
		UsageText:       "nova-manage [global flags] <category> <action> [flags and arguments in any order]",
		Description:     programDescription,
		Flags:           p.cliFlags(p.globals.flags),
		HideHelp:        true,
		HideVersion:     true,
		Writer:          p.env.stdout,
		ErrWriter:       io.Discard,
		OnUsageError:    returnUsageError,
		ExitErrHandler:  func(*cli.Context, error) {},
		CommandNotFound: func(*cli.Context, string) {},
	}
	for _, c := range p.commands {
		app.Commands = append(app.Commands, p.cliCommand(c))
	}
	return app
}

func (p *program) cliCommand(c *command) *cli.Command {
	cc := &cli.Command{
		Name:         c.name,
		Usage:        c.short,
		UsageText:    c.signature(),
		Description:  c.description(),
		Flags:        p.cliFlags(c.flags),
		HideHelp:     true,
		OnUsageError: returnUsageError,
	}
	if c.run != nil {
		cc.Action = func(cc *cli.Context) error { return p.execute(cc.Context, c, cc.Args().Slice()) }
	}
	for _, a := range c.actions {
		cc.Subcommands = append(cc.Subcommands, p.cliCommand(a))
	}
	return cc
}

func returnUsageError(_ *cli.Context, err error, _ bool) error { return usageErrorf("%w", err) }

func (p *program) cliFlags(fs []*flag) []cli.Flag {
	list := make([]cli.Flag, len(fs))
	for i, f := range fs {
		list[i] = &cliFlag{f, func(text string) { p.given[f] = append(p.given[f], text) }}
	}
	return list
}

// cliFlag shows a flag to the cli library. It hands over each text as it stands: splitting at commas, precedence and
// types are ours.
type cliFlag struct {
	*flag
	given func(text string)
}

// Apply implements cli.Flag. The spellings beside the proper one are known for the sake of manual pages only; the
// command line has been brought to the proper one by then.
func (f *cliFlag) Apply(set *goflag.FlagSet) error {
	set.Func(f.name, "", func(text string) error { f.given(text); return nil })
	for _, name := range f.Names()[1:] {
		set.Func(name, "", func(string) error { return nil })
	}
	return nil
}

// Names implements cli.Flag.
func (f *cliFlag) Names() []string {
	names := f.spellings()
	if f.short != "" {
		names = append(names, f.short)
	}
	return names
}

// IsSet implements cli.Flag; precedence is not the library's business.
func (f *cliFlag) IsSet() bool { return false }

// String is the flag's line in help; a tab separates what is typed from what it means.
func (f *cliFlag) String() string {
	typed := "--" + f.name
	if f.short != "" {
		typed = "-" + f.short + ", " + typed
	}
	if f.value != "" {
		typed += " " + f.value
	}
	line := typed + "\t" + f.usage
	if def := f.defaultText(); def != "" && f.kind != yesOrNo {
		line += " (default: " + def + ")"
	} else if def == "true" {
		line += " (default; --no" + f.name + " turns it off)"
	}
	if len(f.aliases) > 0 {
		line += " (also --" + strings.Join(f.aliases, ", --") + ")"
	}
	return line
}

// TakesValue implements cli.DocGenerationFlag.
func (f *cliFlag) TakesValue() bool { return f.kind != yesOrNo }

// GetUsage implements cli.DocGenerationFlag.
func (f *cliFlag) GetUsage() string { return f.usage }

// GetValue implements cli.DocGenerationFlag.
func (f *cliFlag) GetValue() string { return f.defaultText() }

// GetDefaultText implements cli.DocGenerationFlag.
func (f *cliFlag) GetDefaultText() string { return f.defaultText() }

// GetEnvVars implements cli.DocGenerationFlag.
func (f *cliFlag) GetEnvVars() []string { return []string{"NOVA_" + strings.ToUpper(f.name)} }

// IsVisible implements cli.VisibleFlag.
func (f *cliFlag) IsVisible() bool { return true }
