package cli

import "slices"

// globals are the flags that every command takes.
type globals struct {
	Flagfiles []string
	Format    string
	Columns   []string
	Quiet     bool
	Color     string

	formatFrom  Origin
	columnsFrom Origin

	flags    []*Flag // all of them, those of the program too
	flagfile *Flag
}

// formats are the output formats, the default one first.
var formats = []string{"table", "json", "yaml", "csv", "value"}

func (g *globals) declare(p *Program) {
	g.Format, g.Color = formats[0], colorChoices[0]
	g.flagfile = Texts(&g.Flagfiles, "flagfile",
		"read flags from FILE, in the gflags or the INI form; repeatable; an empty name reads none").
		As("FILE").ByDefault(p.Flagfile + " where it exists").NotInFlagfile().TakesEmpty()
	color := Choice(&g.Color, "color", colorChoices, "whether tables, differences and messages have colours; auto: on a terminal, "+
		"unless NO_COLOR is set").OfAll()
	g.flags = slices.Concat([]*Flag{g.flagfile}, p.Flags, g.ofAnswer(), []*Flag{color})
}

// ofAnswer are those that say how an answer is printed.
func (g *globals) ofAnswer() []*Flag {
	return []*Flag{
		Choice(&g.Format, "format", formats, "how the answer is printed").Letter("f").From(&g.formatFrom),
		Texts(&g.Columns, "column", "print this column alone; repeatable, in the order given").
			Letter("c").As("NAME").From(&g.columnsFrom),
		Boolean(&g.Quiet, "quiet", "print nothing on success but the text of a file that is asked for, as by emit").Letter("q"),
	}
}
