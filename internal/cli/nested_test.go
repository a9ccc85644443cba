package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// gate is a program with an action that has actions: `gate lock turn`, beside `gate open`, a group in it that runs itself.
func gate(f *fake) *Program {
	declare := func() *Command {
		way, depth := "", ""
		ran := func(name string) func(context.Context, *Env) error {
			return func(_ context.Context, e *Env) error {
				f.ran = true
				_, err := fmt.Fprintf(e.Stdout, "%s %q %q\n", name, way, depth)
				return err
			}
		}
		action := func(path string) *Command {
			words := strings.Fields(path)
			return &Command{
				Name: words[len(words)-1], Short: path + " it", Examples: []string{"nova-manage " + path + " left"},
				Args:  []*Arg{Required(Choice(&way, "WAY", []string{"left", "right"}, "which way"))},
				Flags: []*Flag{Text(&depth, "depth", "how far")}, Run: ran(path),
			}
		}
		bolt := action("gate lock bolt")
		bolt.Args, bolt.Examples, bolt.Actions = nil, []string{"nova-manage gate lock bolt"}, []*Command{action("gate lock bolt slide")}
		lock := &Command{Name: "lock", Short: "the lock of the gate", Long: "It is old.",
			Actions: []*Command{action("gate lock turn"), action("gate lock oil"), bolt}}
		return &Command{Name: "gate", Short: "the gate", Actions: []*Command{lock, action("gate open")}}
	}
	p := f.program()
	g := declare()
	g.Anew = declare
	p.Commands = []*Command{g, HelpCommand()}
	p.Retired = []Retired{{Command: "gate lock pick", Instead: "locks are not picked any more"}, {Command: "gate lock", Flag: "force", Instead: "it broke the key"}}
	return p
}

func TestCommand_Nested(t *testing.T) {
	f := newFake(t)
	for line, want := range map[string]string{
		"gate lock turn left": `gate lock turn "left" ""`,
		"g l t left":          `gate lock turn "left" ""`,
		"--depth 3 gate lock --quiet=no oil -- left": `gate lock oil "left" "3"`,
		"gate open right":               `gate open "right" ""`,
		"gate lock bolt":                `gate lock bolt "" ""`,
		"gate lock bolt slide right":    `gate lock bolt slide "right" ""`,
		"gate lock b s right --depth=2": `gate lock bolt slide "right" "2"`,
	} {
		f.start()
		code := gate(f).Run(append([]string{"nova-manage"}, strings.Fields(line)...), f.sys)
		if got := strings.TrimSuffix(f.stdout.String(), "\n"); got != want || code != exitOK {
			t.Errorf("%s: exit %d, %s%s, want %s", line, code, got, f.stderr.String(), want)
		}
	}
	for _, c := range []struct{ line, want, hint string }{
		{"gate", "gate needs an action", "the actions are lock, open; nova-manage help gate explains them"},
		{"gate lock", "gate lock needs an action", "the actions are turn, oil, bolt; nova-manage help gate lock explains them"},
		{"gate loc trun left", `unknown gate lock action "trun"`, "did you mean turn? choose from turn, oil, bolt"},
		{"gate turn left", `unknown gate action "turn"`, "did you mean gate lock turn? choose from lock, open"},
		{"gate lock turn", "gate lock turn needs WAY", "usage: nova-manage gate lock turn WAY [flags]"},
		{"gate lock turn left x", `surplus argument "x"`, "usage: nova-manage gate lock turn WAY [flags]"},
		{"gate lock bolt x", `unknown gate lock bolt action "x"`, "choose from slide"},
		{"gate lock pick", `unknown gate lock action "pick"`, "locks are not picked any more"},
		{"gate lock turn left --force", "unknown flag --force of gate lock turn", "it broke the key"},
		{"gate lock turn left --dept 3", "unknown flag --dept of gate lock turn", "did you mean --depth?"},
		{"gate lock --nothing", "unknown flag --nothing of gate lock", "nova-manage help gate lock lists its flags"},
		{"help gate lock turn left", `help explains commands, and "left" is none`, "nova-manage help gate lock turn"},
	} {
		f.start()
		code := gate(f).Run(append([]string{"nova-manage"}, strings.Fields(c.line)...), f.sys)
		if said, _, _ := strings.Cut(f.stderr.String(), "\n"); code != exitUsage || said != "nova-manage: error: "+c.want || f.hint() != c.hint || f.ran {
			t.Errorf("%s: exit %d\n%swant %s\nhint %s", c.line, code, f.stderr.String(), c.want, c.hint)
		}
	}
}

func TestCommand_Nested_Help(t *testing.T) {
	f := newFake(t)
	for lines, parts := range map[string][]string{
		"help gate|gate help|gate -h": {"nova-manage gate - the gate\n\nUsage:\n   nova-manage gate <action> [flags]\n", "\nActions:\n   lock  the lock of the gate\n   open  gate open it\n",
			"\nExample:\n   nova-manage gate lock turn left\n   nova-manage gate lock oil left\n   nova-manage gate lock bolt\n   nova-manage gate lock bolt slide left\n   nova-manage gate open left\n"},
		"help gate lock|gate help lock|gate lock help|gate l --help": {"nova-manage gate lock - the lock of the gate\n\nUsage:\n   nova-manage gate lock <action> [flags]\n\nIt is old.\n",
			"\nActions:\n   turn  gate lock turn it\n"},
		"help gate lock turn|gate help lock turn|gate lock help turn|gate lock turn -h": {"nova-manage gate lock turn - gate lock turn it\n\nUsage:\n   nova-manage gate lock turn WAY [flags]\n",
			"\nFlags:\n   --depth VALUE  how far\n"},
		"help gate lock bolt": {"Usage:\n   nova-manage gate lock bolt [flags]\n   nova-manage gate lock bolt <action> [flags]\n"},
	} {
		for line := range strings.SplitSeq(lines, "|") {
			f.start()
			if code := gate(f).Run(append([]string{"nova-manage"}, strings.Fields(line)...), f.sys); code != exitOK {
				t.Errorf("%s: %s", line, f.stderr.String())
			}
			for _, part := range parts {
				if !strings.Contains(f.stdout.String(), part) {
					t.Errorf("%s: no %q in\n%s", line, part, f.stdout.String())
				}
			}
		}
	}
}

func TestCommand_Nested_Manual(t *testing.T) {
	pages := gate(newFake(t)).Manual(Manual{})
	if len(pages) != 2 || pages[1].Name != "nova-manage-gate" {
		t.Fatalf("the pages are %v", pages)
	}
	text := string(pages[1].Text)
	at := 0
	for _, part := range []string{
		".SH SYNOPSIS\n", `.HP` + "\n" + `\fBnova\-manage gate lock turn\fR \fIWAY\fR`, `\fBnova\-manage gate lock oil\fR`, `\fBnova\-manage gate lock bolt\fR [`,
		`\fBnova\-manage gate lock bolt slide\fR`, `\fBnova\-manage gate open\fR`, ".SH ACTIONS\n", `.SS nova\-manage gate lock` + "\nThe lock of the gate.\n.PP\nIt is old.\n",
		`.SS nova\-manage gate lock turn`, `.SS nova\-manage gate lock bolt slide`, `.SS nova\-manage gate open`,
	} {
		next := strings.Index(text[at:], part)
		if next < 0 {
			t.Fatalf("no %q after %d in\n%s", part, at, text)
		}
		at += next
	}
	if strings.Contains(text, `\fBnova\-manage gate lock\fR`) {
		t.Error("a group that does not run is in the synopsis")
	}
}

func TestComplete_Nested(t *testing.T) {
	f := newFake(t)
	for _, tt := range []struct{ line, want string }{
		{"gate|", "lock|open"},
		{"gate|l|", "turn|oil|bolt"},
		{"g|l|t", "turn"},
		{"gate|lock|turn|", "left|right"},
		{"gate|lock|bolt|", "slide"},
		{"gate|lock|bolt|slide|r", "right"},
		{"gate|lock|turn|left|--de", "--depth"},
		{"gate|lock|--depth|3|turn|l", "left"},
		{"help|gate|lock|", "turn|oil|bolt"},
		{"gate|lock|help|", "turn|oil|bolt"},
		{"gate|lock|help|turn|", ""},
		{"help|gate|lock|turn|", ""},
	} {
		words := strings.Split(tt.line, "|")
		if got := f.offered(t, gate(f), append([]string{"zsh", "nova-manage"}, words...)...); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.line, got, tt.want)
		}
	}
}

// A line's command is declared anew, however many words it has.
func TestLines_Nested(t *testing.T) {
	f := newFake(t)
	p := gate(f)
	var lines []*Line
	p.Commands = append(p.Commands, &Command{Name: "read", Run: func(_ context.Context, e *Env) error {
		ls := e.Lines(func(string) {})
		for _, words := range []string{"gate lock turn left --depth 1", "gate lo turn right", "gate lock bolt slide left", "gate lock bolt"} {
			l, err := ls.Read(strings.Fields(words), "")
			if err != nil {
				return err
			}
			lines = append(lines, l)
		}
		return nil
	}})
	if code := p.Run([]string{"nova-manage", "read"}, f.sys); code != exitOK {
		t.Fatal(f.stderr.String())
	}
	var got []string
	for _, l := range lines {
		got = append(got, l.Path())
		if err := l.Command.Run(t.Context(), &Env{Stdout: &f.stdout}); err != nil {
			t.Error(err)
		}
	}
	if want := []string{"gate lock turn", "gate lock turn", "gate lock bolt slide", "gate lock bolt"}; !slices.Equal(got, want) {
		t.Errorf("lines are %q", got)
	}
	if want := "gate lock turn \"left\" \"1\"\ngate lock turn \"right\" \"\"\ngate lock bolt slide \"left\" \"\"\ngate lock bolt \"\" \"\"\n"; f.stdout.String() != want {
		t.Errorf("they did %s", f.stdout.String())
	}
}
