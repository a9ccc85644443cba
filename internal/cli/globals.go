package cli

import (
	"errors"
	"slices"
	"strings"
)

// globals are the flags that every command takes.
type globals struct {
	Flagfiles []string
	Format    string
	Columns   [][]string // as they were given, each with commas between them
	Prefix    string
	Quiet     bool
	Color     string

	formatFrom  Origin
	columnsFrom Origin

	flags    []*Flag // all of them, those of the program too
	flagfile *Flag
}

// formats are the output formats, the default one first.
var formats = []string{"table", "json", "yaml", "csv", "value", "shell"}

func (g *globals) declare(p *Program) {
	g.Format, g.Color = formats[0], colorChoices[0]
	g.flagfile = Texts(&g.Flagfiles, "flagfile",
		"read flags from FILE, in the gflags or the INI form; repeatable; an empty name reads none").
		As("FILE").ByDefault(p.Flagfile + " where it exists").NotInFlagfile().TakesEmpty().Completes(Files)
	color := Choice(&g.Color, "color", colorChoices, "whether tables, differences and messages have colours; auto: on a terminal, "+
		"unless NO_COLOR is set").OfAll()
	g.flags = slices.Concat([]*Flag{g.flagfile}, p.Flags, g.ofAnswer(), []*Flag{color})
}

// ofAnswer are those that say how an answer is printed.
func (g *globals) ofAnswer() []*Flag {
	return []*Flag{
		Choice(&g.Format, "format", formats, "how the answer is printed").Letter("f").From(&g.formatFrom),
		TypedList(&g.Columns, "column", parseColumns, "print this column alone; repeatable, also with commas, in the order given").
			Letter("c").As("NAME").From(&g.columnsFrom).Completes(columnNames),
		Typed(&g.Prefix, "prefix", parsePrefix, "with -f shell: what the names of the variables begin with").As("TEXT").OnlyTyped(),
		Boolean(&g.Quiet, "quiet", "print nothing on success but the text of a file that is asked for, as by emit").Letter("q"),
	}
}

// parseColumns reads names with commas between them.
func parseColumns(s string) ([]string, error) {
	names := strings.Split(s, ",")
	if slices.Contains(names, "") {
		return nil, errors.New("names no column beside a comma")
	}
	return names, nil
}
