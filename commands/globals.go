package commands

// globals are the flags that every command takes.
type globals struct {
	Flagfiles     []string
	SQLConnection string
	StatePath     string
	Format        string
	Columns       []string
	Quiet         bool

	formatFrom  origin
	columnsFrom origin

	flags    []*flag
	flagfile *flag
}

// formats are the output formats, the default one first.
var formats = []string{"table", "json", "yaml", "csv", "value"}

func (g *globals) declare() {
	g.Format = formats[0]
	g.flagfile = texts(&g.Flagfiles, "flagfile",
		"read flags from FILE, in the gflags or the INI form; repeatable; an empty name reads none").
		as("FILE").byDefault("/etc/nova/nova.conf where it exists").notInFlagfile()
	g.flags = []*flag{
		g.flagfile,
		text(&g.SQLConnection, "sql_connection", "the ledger: sqlite:////abs/path, sqlite:///rel/path or a path").
			as("URL").byDefault("nova.sqlite in the state path"),
		text(&g.StatePath, "state_path", "the folder of the ledger").
			as("DIR").byDefault("/var/lib/nova for root, the XDG state folder's nova for others"),
		choice(&g.Format, "format", formats, "how the answer is printed").letter("f").from(&g.formatFrom),
		texts(&g.Columns, "column", "print this column alone; repeatable, in the order given").
			letter("c").as("NAME").from(&g.columnsFrom),
		boolean(&g.Quiet, "quiet", "print nothing on success").letter("q"),
	}
}
