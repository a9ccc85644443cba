package cli

import (
	"context"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

type wideRow struct{ name, note, state string }

var wideColumns = []Column[wideRow]{
	{Name: "name", Value: func(r wideRow) any { return r.name }},
	{Name: "kind", Value: func(wideRow) any { return "sort" }, Drop: 1},
	{Name: "note", Value: func(r wideRow) any { return OrNull(r.note) }, Drop: 5},
	{Name: "size", Value: func(wideRow) any { return 1234 }, Drop: 1},
	{Name: "state", Value: func(r wideRow) any { return OrNull(r.state) }, Colour: func(r wideRow) Colour {
		if r.state == "held" {
			return Yellow
		}
		return Grey
	}},
	{Name: "made", Value: func(wideRow) any { return "today" }, Long: true},
}

// wide is a command line with a list of wideColumns.
func wide(f *fake, rows []wideRow) func(args ...string) (shown, said string) {
	return func(args ...string) (string, string) {
		f.start()
		p := f.program()
		p.Commands = append(p.Commands, &Command{Name: "wide", Columns: Fields(wideColumns), Run: func(_ context.Context, e *Env) error {
			return PrintSlice(e, wideColumns, rows)
		}})
		p.Run(append([]string{"nova-manage", "wide"}, args...), f.sys)
		return f.stdout.String(), f.stderr.String()
	}
}

// A table that is too wide leaves out the least important columns and says so; those that were asked for stay.
func TestPrintList_drops(t *testing.T) {
	f := newFake(t)
	f.environment["NO_COLOR"] = "1"
	list := wide(f, []wideRow{{"a", "twelve chars", "held"}, {"bb", "", ""}})
	note := func(columns, names string) string {
		return "nova-manage: " + columns + " columns have no room for " + names + "; -c NAME prints one, --long all of them\n"
	}
	const all = "name  kind  note          size  state\na     sort  twelve chars  1234  held\nbb    sort  -             1234  -\n"
	const blocks = "name   a\nkind   sort\nnote   twelve chars\nsize   1234\nstate  held\n\nname   bb\nkind   sort\nnote   -\nsize   1234\nstate  -\n"
	for _, c := range []struct {
		columns   int
		args      string
		out, said string
	}{
		{37, "", all, ""},
		{0, "", all, ""},
		{36, "", "name  kind  size  state\na     sort  1234  held\nbb    sort  1234  -\n", note("36", "note")},
		{22, "", "name  kind  state\na     sort  held\nbb    sort  -\n", note("22", "note, size")},
		{11, "", "name  state\na     held\nbb    -\n", note("11", "kind, note, size")},
		{10, "", blocks, ""},
		{10, "-q", "", ""},
		{22, "-q", "", ""},
		{10, "-f value", "a\tsort\ttwelve chars\t1234\theld\nbb\tsort\t-\t1234\t-\n", ""},
		{22, "-f csv -c name", "name\na\nbb\n", ""},
		{10, "-c name -c note", "name  a\nnote  twelve chars\n\nname  bb\nnote  -\n", ""},
		{20, "-c note -c name", "note          name\ntwelve chars  a\n-             bb\n", ""},
		{36, "--long", strings.ReplaceAll(strings.ReplaceAll(blocks, "held\n", "held\nmade   today\n"), "state  -\n", "state  -\nmade   today\n"), ""},
	} {
		f.terminal = c.columns
		if shown, said := list(strings.Fields(c.args)...); shown != c.out || said != c.said {
			t.Errorf("%d columns, %s:\n%s%s", c.columns, c.args, shown, said)
		}
	}
	// What has been left out stays so when a later batch of rows is laid out.
	rows := make([]wideRow, 2*tableBatch+1)
	for i := range rows {
		rows[i] = wideRow{"a", "twelve chars", "held"}
	}
	f.terminal = 22
	if shown, said := wide(f, rows)(); shown != "name  kind  state\n"+strings.Repeat("a     sort  held\n", len(rows)) || said != note("22", "note, size") {
		t.Errorf("%d bytes: %.200s%s", len(shown), shown, said)
	}
}

// Colours are for readers: by --color, else by NO_COLOR, the terminal and its name, and in no format for programs.
func TestColour(t *testing.T) {
	f := newFake(t)
	list := wide(f, []wideRow{{"a", "x", "held"}, {"bbbbb", "", "free"}, {"c", "", ""}})
	const plain = "name   kind  note  size  state\na      sort  x     1234  held\nbbbbb  sort  -     1234  free\nc      sort  -     1234  -\n"
	painted := strings.ReplaceAll(strings.ReplaceAll(plain, "held", "\x1b[33mheld\x1b[m"), "free", "\x1b[90mfree\x1b[m")
	for _, c := range []struct {
		terminal    bool
		environment string
		args        string
		coloured    bool
	}{
		{true, "TERM=xterm", "", true},
		{true, "", "", true},
		{true, "TERM=dumb", "", false},
		{true, "TERM=xterm NO_COLOR=", "", true},
		{true, "TERM=xterm NO_COLOR=0", "", false},
		{true, "TERM=xterm NO_COLOR=1", "--color always", true},
		{true, "TERM=xterm NO_COLOR=1 NOVA_COLOR=always", "", true},
		{true, "TERM=xterm NO_COLOR=1 NOVA_COLOR=always", "--color=auto", false},
		{true, "TERM=dumb", "--color always", true},
		{true, "TERM=xterm", "--color never", false},
		{false, "TERM=xterm", "", false},
		{false, "TERM=xterm", "--color always", true},
		{false, "NOVA_COLOR=never", "", false},
	} {
		f.environment = map[string]string{}
		for _, v := range strings.Fields(c.environment) {
			name, value, _ := strings.Cut(v, "=")
			f.environment[name] = value
		}
		f.terminal = 0
		if c.terminal {
			f.terminal = 80
		}
		want := plain
		if c.coloured {
			want = painted
		}
		if shown, said := list(strings.Fields(c.args)...); shown != want || said != "" {
			t.Errorf("%v:\n%q\n%s", c, shown, said)
		}
		for _, format := range formats[1:] {
			if shown, _ := list(append(strings.Fields(c.args), "-f", format)...); strings.Contains(shown, "\x1b") {
				t.Errorf("%v -f %s: %q", c, format, shown)
			}
		}
		// Errors go by what standard error is.
		f.sys.StderrIsTerminal = func() bool { return c.terminal }
		for _, format := range []string{"", "-fjson"} {
			_, said := list(append(strings.Fields(c.args), "--nothing", format)...)
			if got := strings.HasPrefix(said, "nova-manage: \x1b[31merror:\x1b[m unknown flag --nothing"); got != (c.coloured && format == "") || !got && strings.Contains(said, "\x1b") {
				t.Errorf("%v %s: %q", c, format, said)
			}
		}
		f.sys.StderrIsTerminal = func() bool { return false }
	}
	if w := twwidth.Width("\x1b[33mheld\x1b[m"); w != 4 {
		t.Errorf("the width of a coloured text of 4 is %d", w)
	}
	// A colour does not end what a label says, and a label brings none.
	f.environment, f.terminal = map[string]string{}, 80
	shown, _ := wide(f, []wideRow{{"\x1b[31ma", "", "held"}})()
	if strings.Contains(shown, "\x1b[31m") || !strings.Contains(shown, `\x1b[31ma`) {
		t.Errorf("%q", shown)
	}
	f.refuse(t, `--color "blue" is not one of auto, always, never`, "thing", "list", "--color", "blue")
}
