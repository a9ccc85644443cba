package commands

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"nova-manage/internal/cli"
)

type manOptions struct {
	Page   string
	Output string
}

func manCommand() *command {
	o := &manOptions{}
	return &command{
		name:  "man",
		short: "print a page of the manual, or write all of them",
		long: "A page is what `man` reads; `nova-manage man network | man -l -` shows one that is not installed. --output writes all pages " +
			"into a folder, each where it differs, with the names that they have in man1: nova-manage.1, nova-manage-network.1 and so on. " +
			"The date in them is that of SOURCE_DATE_EPOCH, else of the source, so that one program always writes the same bytes.",
		examples: []string{"nova-manage man network", "nova-manage man --output man1"},
		args:     []*cli.Arg{cli.Optional(cli.Text(&o.Page, "PAGE", "a category; the page of nova-manage itself by default").Completes(cli.Categories))},
		flags: []*cli.Flag{
			cli.Typed(&o.Output, "output", filePath, "write all pages into DIR, which must exist").Letter("o").As("DIR").OnlyTyped().
				Completes(cli.Folders),
		},
		files: func() bool { return o.Output != "" },
		check: o.check,
		run:   o.run,
	}
}

func (o *manOptions) check(*cli.Env) error {
	if o.Page != "" && o.Output != "" {
		return cli.UsageErrorf("--output writes all pages, and %s is one", cli.Quote(o.Page))
	}
	return nil
}

func (o *manOptions) run(_ context.Context, s *session) error {
	pages := manual(s.Sys)
	if o.Output == "" {
		name := "nova-manage"
		if o.Page != "" && o.Page != name {
			name += "-" + strings.TrimPrefix(o.Page, name+"-")
		}
		var names []string
		for _, p := range pages {
			if p.Name == name {
				_, err := s.Stdout.Write(p.Text)
				return err
			}
			names = append(names, strings.TrimPrefix(p.Name, "nova-manage-"))
		}
		return cli.WithHint(cli.UsageErrorf("the manual has no page %s", cli.Quote(o.Page)), "the pages are "+strings.Join(names, ", "))
	}
	info, err := os.Stat(o.Output)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("it is not a folder")
	}
	if err != nil {
		return fmt.Errorf("cannot write into %s: %w", o.Output, cli.ReasonOf(err))
	}
	for _, p := range pages {
		changed, err := replaceFile(filepath.Join(o.Output, p.Name+".1"), p.Text, nil)
		s.wrote = s.wrote || changed
		if err != nil {
			return err
		}
	}
	return nil
}

// manual are all pages.
func manual(sys *cli.Sys) []cli.ManualPage {
	p := newProgram(sys, catalogue())
	return p.Manual(cli.Manual{Version: "nova-manage " + versionOf(sys).Version, Date: manualDate(sys), About: manualAbout, Sections: manualSections})
}

// manualDate is the date in the pages: what SOURCE_DATE_EPOCH says (reproducible-builds.org/specs/source-date-epoch), else that
// of the source, and never that of today.
func manualDate(sys *cli.Sys) string {
	if text, ok := sys.LookupEnv("SOURCE_DATE_EPOCH"); ok {
		if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
			return time.Unix(seconds, 0).UTC().Format(time.DateOnly)
		}
	}
	if at, err := time.Parse(time.RFC3339, versionOf(sys).Time); err == nil {
		return at.UTC().Format(time.DateOnly)
	}
	return "2011-02-03"
}

// manualAbout is the description of the program.
const manualAbout = `nova-manage keeps a ledger of dual-stack tenant networks and of all that was carved from them, and prints from it what a network
node needs to serve them. Each category has a page of its own, and ` + "`nova-manage help CATEGORY ACTION`" + ` tells the same in short.

Categories and actions may be shortened to a prefix that no other one has. Flags may be given anywhere, as --name value or
--name=value; dashes and underscores in their names are the same. A flag that is not given is looked for in the environment, then in
the flagfile. After -- every word is an argument.`

// manualSections are those of the program's page that no declaration says.
var manualSections = []cli.ManualSection{
	{Title: "ANSWERS", Text: `The answer is printed on standard output and nothing else is; notes, warnings and errors go to standard error. -f chooses its format:

   table  columns for readers; on a terminal that is too narrow for them, a block for each row
   json   what scripts read; keys are the names of columns, and what is absent is null
   yaml   the same as YAML
   csv    a line with the names of columns, then one for each row
   value  the values alone, with a tab between them, for a shell

With -f json an error is JSON, too, on standard error: error, hint, code (a word that tells errors apart, and stays) and exit.`},
	{Title: "EXIT STATUS", Text: strings.TrimPrefix(exitCodes, "Exit codes:\n")},
	{Title: "ENVIRONMENT", Text: `   NOVA_<FLAG>       stands for a flag, as NOVA_SQL_CONNECTION does for --sql_connection; an empty one counts as unset
   XDG_STATE_HOME    where the folder nova is in which the ledger of another user than root is kept; ~/.local/state by default
   NO_COLOR          keeps colours away where it is not empty
   PGPASSWORD        and the other variables of libpq, for a ledger on PostgreSQL
   SOURCE_DATE_EPOCH  the date in the pages that ` + "`nova-manage man`" + ` writes`},
	{Title: "FILES", Text: `   /etc/nova/nova.conf                  the flagfile that is read where it exists and no --flagfile is given, in the gflags form of old Nova or in the INI form
   /var/lib/nova/nova.sqlite            the ledger of root
   ~/.local/state/nova/nova.sqlite      the ledger of any other user`},
}
