package cli

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// What was laid out is broken between words only, and each line is as long as it can be.
func TestHelpPage(t *testing.T) {
	h := newHelpPage(40)
	h.fold("nova-manage thing make - make things of all kinds there are")
	h.usage("nova-manage thing make [a] [b] [any flags that there are] [flags]\nnova-manage thing make c")
	h.text("Some words that are too long for one line.\n\nCodes:\n   0    done\n   130, 143  a text that is too long for one line\n   laid out")
	h.list("Flags", []helpEntry{
		{"--a", "short"}, {"-b, --beta VALUE", "a text that is too long for what is left"}, {"--kind one|another|a_third|the_fourth_one", "what kind"},
		{"--ünï NAME", "weiß"},
	})
	h.list("Nothing", nil)
	h.columnList([]Field{{name: "id"}, {name: "label"}, {name: "made_at", long: true}, {name: "changed_at", long: true}, {name: "x"}})
	h.examples([]string{"nova-manage thing make a --kind one --text \"a b c d\" --color never -q", "nova-manage x"})
	const want = `nova-manage thing make - make things of
all kinds there are

Usage:
   nova-manage thing make [a] [b]
      [any flags that there are] [flags]
   nova-manage thing make c

Some words that are too long for one
line.

Codes:
   0    done
   130, 143  a text that is too long for
             one line
   laid out

Flags:
   --a         short
   -b, --beta VALUE
               a text that is too long
               for what is left
   --kind one|another|a_third|
      the_fourth_one
               what kind
   --ünï NAME  weiß

Columns:
   id label [made_at] [changed_at] x

Example:
   nova-manage thing make a --kind one \
      --text "a b c d" --color never \
      -q
   nova-manage x
`
	if got := h.b.String(); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestHelp_width(t *testing.T) {
	f := newFake(t)
	for columns, most := range map[int]int{0: 80, 80: 80, 79: 79, 60: 60, 30: 30, 400: 100, 1: 20} {
		f.terminal = columns
		longest := 0
		for line := range strings.SplitSeq(f.accept(t, "help", "thing", "make")+f.accept(t, "help")+f.accept(t, "help", "flags"), "\n") {
			if strings.Contains(strings.TrimSpace(line), " ") {
				longest = max(longest, twwidth.Width(line))
			}
		}
		if longest > most || longest < most*2/3 {
			t.Errorf("a terminal of %d columns: the longest line has %d", columns, longest)
		}
	}
}

func TestPager(t *testing.T) {
	f := newFake(t)
	f.terminal, f.lines = 80, 10
	var ran, environment string
	var text []byte
	shown := true
	f.sys.RunPager = func(_ context.Context, command string, env []string, all []byte) (bool, error) {
		ran, text, environment = command, all, ""
		if i := slices.IndexFunc(env, func(v string) bool { return strings.HasPrefix(v, "LESS=") }); i >= 0 {
			environment = env[i]
		}
		return shown, nil
	}
	for _, c := range []struct{ environment, ran, less string }{
		{"TERM=xterm", "less", "LESS=FRX"},
		{"TERM=xterm LESS=", "less", "LESS="},
		{"TERM=xterm LESS=S PAGER=more", "more", "LESS=S"},
		{"TERM=xterm PAGER=", "", ""},
		{"TERM=xterm PAGER=cat", "", ""},
		{"TERM=dumb PAGER=more", "", ""},
		{"TERM= PAGER=more", "", ""},
		{"PAGER=more", "", ""},
	} {
		f.environment = map[string]string{}
		for _, v := range strings.Fields(c.environment) {
			name, value, _ := strings.Cut(v, "=")
			f.environment[name] = value
		}
		ran, text, environment = "", nil, ""
		printed := f.accept(t, "help")
		if ran != c.ran || environment != c.less || (printed == "") != (ran != "") || printed+string(text) == "" {
			t.Errorf("%s: ran %q with %q, printed %d bytes", c.environment, ran, environment, len(printed))
		}
	}
	f.environment = map[string]string{"TERM": "xterm"}
	shown = false
	if f.accept(t, "help") != string(text) {
		t.Error("what the pager could not show was not printed")
	}
	// What fits needs none, with the prompt after it; and no terminal has none.
	f.lines = strings.Count(string(text), "\n") + 1
	shown, ran = true, ""
	f.accept(t, "help")
	f.lines = 0
	f.accept(t, "help")
	if ran != "" {
		t.Errorf("ran %q", ran)
	}
	f.lines = strings.Count(string(text), "\n")
	if printed := f.accept(t, "help"); printed != "" || ran == "" {
		t.Errorf("printed %q, ran %q", printed, ran)
	}
}
