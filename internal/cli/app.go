package cli

import (
	goflag "flag"
	"strings"

	"github.com/urfave/cli/v2"
)

// App describes the program to the cli library, which lays out help. Its completions know no values and its manual pages lose
// what stands in angle brackets, so that these are ours (complete.go, man.go). It is never run: the library stops reading flags at the first argument, splits values at commas, prints and exits by itself.
func (p *Program) App() *cli.App {
	p.prepare()
	app := &cli.App{
		Name:        p.Name,
		Usage:       p.Short,
		UsageText:   p.Name + " [global flags] <category> <action> [flags and arguments in any order]",
		Description: p.Description,
		Flags:       p.described(p.globals.flags),
		HideHelp:    true,
		HideVersion: true,
	}
	for _, c := range p.Commands {
		app.Commands = append(app.Commands, p.describe(c))
	}
	return app
}

func (p *Program) describe(c *Command) *cli.Command {
	d := &cli.Command{
		Name:      c.Name,
		Usage:     c.Short,
		UsageText: c.signatures(),
		Flags:     p.described(c.Flags),
		HideHelp:  true,
	}
	for _, a := range c.Actions {
		d.Subcommands = append(d.Subcommands, p.describe(a))
	}
	return d
}

func (p *Program) described(fs []*Flag) []cli.Flag {
	list := make([]cli.Flag, len(fs))
	for i, f := range fs {
		list[i] = &flagDescription{f, p.EnvPrefix}
	}
	return list
}

// flagDescription is a flag as the cli library wants to see it, a cli.DocGenerationFlag.
type flagDescription struct {
	flag      *Flag
	envPrefix string
}

// Apply implements cli.Flag. The library calls it to read a command line, which is not its business.
func (d *flagDescription) Apply(*goflag.FlagSet) error { return nil }

// Names implements cli.Flag.
func (d *flagDescription) Names() []string {
	names := d.flag.spellings()
	if d.flag.short != "" {
		names = append(names, d.flag.short)
	}
	return names
}

// IsSet implements cli.Flag; precedence is not the library's business.
func (d *flagDescription) IsSet() bool { return false }

// String is the flag's line in help; a tab separates what is typed from what it means.
func (d *flagDescription) String() string {
	f := d.flag
	typed := "--" + f.name
	if f.short != "" {
		typed = "-" + f.short + ", " + typed
	}
	if f.value != "" {
		typed += " " + f.value
	}
	line := typed + "\t" + f.usage
	if def := f.helpDefault(); def != "" && f.kind != yesOrNo {
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
func (d *flagDescription) TakesValue() bool { return d.flag.kind != yesOrNo }

// GetUsage implements cli.DocGenerationFlag.
func (d *flagDescription) GetUsage() string { return d.flag.usage }

// GetValue implements cli.DocGenerationFlag.
func (d *flagDescription) GetValue() string { return d.flag.helpDefault() }

// GetDefaultText implements cli.DocGenerationFlag.
func (d *flagDescription) GetDefaultText() string { return d.flag.helpDefault() }

// GetEnvVars implements cli.DocGenerationFlag.
func (d *flagDescription) GetEnvVars() []string {
	if d.flag.typedOnly {
		return nil
	}
	return []string{d.envPrefix + strings.ToUpper(d.flag.name)}
}

// IsVisible implements cli.VisibleFlag.
func (d *flagDescription) IsVisible() bool { return true }
