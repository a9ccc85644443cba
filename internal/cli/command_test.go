package cli

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// diary is a program with two categories that run themselves: diary takes no arguments, notes takes any number.
func diary(f *fake) *Program {
	ran := func(name string, values func() []string) func(context.Context, *Env) error {
		return func(_ context.Context, e *Env) error {
			f.ran = true
			_, err := fmt.Fprintf(e.Stdout, "%s %q\n", name, values())
			return err
		}
	}
	category := func(name string, args ...*Arg) *Command {
		since, page := "", ""
		var words []string
		action := func(action string) *Command {
			which := Text(&page, "page", "which one")
			return &Command{
				Name: action, Short: action + " it", Examples: []string{"nova-manage " + name + " " + action + " 7"},
				Args: []*Arg{Required(which)}, Flags: []*Flag{which},
				Run: ran(name+" "+action, func() []string { return []string{page} }),
			}
		}
		c := &Command{
			Name: name, Short: "what was", Examples: []string{"nova-manage " + name + " --since now"},
			Flags:   []*Flag{Text(&since, "since", "from when on")},
			Actions: []*Command{action("show"), action("shout"), action("prune")},
			Run:     ran(name, func() []string { return append(words, since) }),
		}
		if name == "notes" {
			c.Args = []*Arg{AnyNumber(Texts(&words, "WORD", "what about"))}
		}
		return c
	}
	p := f.program()
	p.Commands = []*Command{category("diary"), category("notes"), HelpCommand()}
	return p
}

func TestCommand_CategoryRuns(t *testing.T) {
	f := newFake(t)
	for line, want := range map[string]string{
		"diary":                      `diary [""]`,
		"dia --since 3d":             `diary ["3d"]`,
		"--since=3d diary":           `diary ["3d"]`,
		"diary show 7":               `diary show ["7"]`,
		"diary pr 7":                 `diary prune ["7"]`,
		"diary -- ":                  `diary [""]`,
		"notes":                      `notes [""]`,
		"notes show 7":               `notes show ["7"]`,
		"notes pr 7":                 `notes prune ["7"]`,
		"notes --since now show 7":   ``, // a flag of the category is none of its action
		"notes shopping list":        `notes ["shopping" "list" ""]`,
		"notes about show":           `notes ["about" "show" ""]`,
		"notes --since 3d red -- -x": `notes ["red" "-x" "3d"]`,
		"notes -- show":              `notes ["show" ""]`,
		"notes -- sho prune":         `notes ["sho" "prune" ""]`,
		"notes show -- prune":        `notes show ["prune"]`,
		"-- diary":                   `diary [""]`,
		"notes p7":                   `notes ["p7" ""]`,
		"notes --page=red show":      `notes show ["red"]`,
		"notes sho":                  ``,
		"diary x":                    ``,
		"diary show":                 ``,
		"notes show --page red red":  `notes show ["red"]`,
	} {
		f.start()
		code := diary(f).Run(append([]string{"nova-manage"}, strings.Fields(line)...), f.sys)
		if got := strings.TrimSuffix(f.stdout.String(), "\n"); got != want || (code == exitOK) != (want != "") {
			t.Errorf("%s: exit %d, %s%s, want %s", line, code, got, f.stderr.String(), want)
		}
	}
	for _, c := range []struct{ line, want, hint string }{
		{"diary x", `unknown diary action "x"`, "choose from show, shout, prune"},
		{"diary shw 7", `unknown diary action "shw"`, "did you mean show? choose from show, shout, prune"},
		{"diary sho", `diary action "sho" is ambiguous: it may be show, shout`, ""},
		{"notes sho", `notes action "sho" is ambiguous: it may be show, shout`, ""},
		{"diary show", "diary show needs page", "usage: nova-manage diary show page [flags]"},
		{"diary -- show", `surplus argument "show"`, "usage: nova-manage diary [flags]"},
		{"notes --page red", "unknown flag --page of notes", "it is a flag of diary show, diary shout, diary prune, notes show, notes shout, notes prune"},
		{"notes show 7 --sinc now", "unknown flag --sinc of notes show", "nova-manage help notes show lists its flags"},
	} {
		f.start()
		diary(f).Run(append([]string{"nova-manage"}, strings.Fields(c.line)...), f.sys)
		if said, _, _ := strings.Cut(f.stderr.String(), "\n"); said != "nova-manage: error: "+c.want || f.hint() != c.hint || f.ran {
			t.Errorf("%s:\n%swant %s\nhint %s", c.line, f.stderr.String(), c.want, c.hint)
		}
	}
	f.start()
	diary(f).Run([]string{"nova-manage", "notes", ""}, f.sys)
	if !strings.Contains(f.stderr.String(), "error: WORD is empty\n") {
		t.Errorf("an empty word: %s", f.stderr.String())
	}
}

func TestCommand_CategoryRuns_Help(t *testing.T) {
	f := newFake(t)
	for _, line := range []string{"help notes", "notes help", "notes --help", "notes -h"} {
		f.start()
		diary(f).Run(append([]string{"nova-manage"}, strings.Fields(line)...), f.sys)
		page := f.stdout.String()
		for _, part := range []string{
			"Usage:\n   nova-manage notes [WORD...] [flags]\n   nova-manage notes <action> [flags]\n", "\nActions:\n   show ",
			"\nArguments:\n   WORD  what about\n", "\nFlags:\n   --since VALUE ", "\nGlobal flags: `nova-manage help flags` lists them.\n",
			"\nExample:\n   nova-manage notes --since now\n   nova-manage notes show 7\n",
		} {
			if !strings.Contains(page, part) {
				t.Errorf("%s: no %q in\n%s", line, part, page)
			}
		}
	}
}

// What completions and manual pages are made from tells of a category's own flags and of its actions.
func TestProgram_App(t *testing.T) {
	p := diary(newFake(t))
	man, err := p.App().ToMan()
	if err != nil {
		t.Fatal(err)
	}
	fish, err := p.App().ToFishCompletion()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"nova-manage notes [WORD...] [flags]", "nova-manage notes show page [flags]", `\fB--since\fP="": from when on`,
		`\fB--page\fP="": which one`, `\fB--format, -f\fP="": how the answer is printed (default: table)`,
		`\fB--quiet, -q\fP: print nothing on success`, `\fB--state_path\fP`,
	} {
		if !strings.Contains(man, part) {
			t.Errorf("no %q in\n%s", part, man)
		}
	}
	for _, part := range []string{
		"-a 'notes' -d 'what was'", "seen_subcommand_from notes' -f -l since -r -d 'from when on'", "-a 'prune' -d 'prune it'",
		"-l format -s f -r ", "-l quiet -s q -d ",
	} {
		if !strings.Contains(fish, part) {
			t.Errorf("no %q in\n%s", part, fish)
		}
	}
}

// A command knows its command line as it was typed: shortened, in its order, to be pasted into a shell, without passwords.
func TestEnv_CommandLine(t *testing.T) {
	for want, args := range map[string][]string{
		"thi mak 10.0.0.0/8 --tag 'a b' --flagfile= --flagfile ''": {"thi", "mak", "10.0.0.0/8", "--tag", "a b", "--flagfile=", "--flagfile", ""},
		"--host postgresql://u:xxxxx@h/d thing make 10.0.0.0/8":    {"--host", "postgresql://u:s3cret@h/d", "thing", "make", "10.0.0.0/8"},
		"thing make 10.0.0.0/8 '--host=host=h password=xxxxx'":     {"thing", "make", "10.0.0.0/8", "--host=host=h password='a s3cret'"},
		`thing make --host 'it'\''s' --tag 'Küche $HOME' --`:       {"thing", "make", "--host", "it's", "--tag", "Küche $HOME", "--"},
	} {
		f := newFake(t)
		var got string
		f.run = func(_ context.Context, e *Env) error { got = e.CommandLine; return nil }
		f.do(args...)
		if got != want {
			t.Errorf("got %s, want %s\n%s", got, want, f.stderr.String())
		}
	}
}
