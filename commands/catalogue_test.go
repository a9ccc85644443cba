package commands

import (
	"context"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/cli"
)

// runnable is every command that runs, by how it is typed.
func runnable(cs []*cli.Command, under string) map[string]*cli.Command {
	all := map[string]*cli.Command{}
	for _, c := range cs {
		path := strings.TrimSpace(under + " " + c.Name)
		if c.Run != nil {
			all[path] = c
		}
		for path, action := range runnable(c.Actions, path) {
			all[path] = action
		}
	}
	return all
}

// described is what the command line's library is told of a flag.
type described interface {
	Names() []string
	TakesValue() bool
	GetUsage() string
}

// metadata is the flags of each command that runs, by how it is typed, and those of all commands.
func metadata(t *testing.T, p *cli.Program) (globals []described, own map[string][]described) {
	t.Helper()
	own = map[string][]described{}
	for _, f := range p.App().Flags {
		globals = append(globals, f.(described))
	}
	for path, c := range explained(p) {
		if usage, _, _ := strings.Cut(c.usage, "\n"); !strings.Contains(usage, "<action>") || len(c.flags) > 0 { // it runs by itself
			own[path] = c.flags
		}
	}
	return globals, own
}

// explanation is what the command line's library is told of a command.
type explanation struct {
	usage string
	flags []described
}

// explained are all commands, by how they are typed.
func explained(p *cli.Program) map[string]explanation {
	all, under := map[string]explanation{}, map[any]string{}
	for queue := p.App().Commands; len(queue) > 0; queue = queue[1:] {
		c := queue[0]
		path := strings.TrimSpace(under[c] + " " + c.Name)
		e := explanation{usage: c.UsageText}
		for _, f := range c.Flags {
			e.flags = append(e.flags, f.(described))
		}
		all[path] = e
		for _, a := range c.Subcommands {
			under[a] = path
		}
		queue = append(queue, c.Subcommands...)
	}
	return all
}

// typed are the words of each command, at every level, in the order of help.
func typed(cs []*command, under ...string) (all [][]string) {
	for _, c := range cs {
		words := append(slices.Clone(under), c.name)
		all = append(append(all, words), typed(c.actions, words...)...)
	}
	return all
}

// Flags may stand before the words that name the command, so a flag must take a value in all commands or in none.
func TestCatalogue_FlagsAgree(t *testing.T) {
	globals, own := metadata(t, newProgram(newFake(t).sys, catalogue()))
	takes := map[string]bool{}
	for path, flags := range own {
		seen := []string{"help", "h", "version"}
		for _, f := range slices.Concat(globals, flags) {
			for _, name := range f.Names() {
				if before, known := takes[name]; known && before != f.TakesValue() {
					t.Errorf("%s: --%s takes a value in one command and none in another", path, name)
				}
				takes[name] = f.TakesValue()
				// Of `db sync` it is Nova's: the schema version.
				if slices.Contains(seen, name) && path+" "+name != "db sync version" {
					t.Errorf("%s: --%s is declared twice", path, name)
				}
				if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
					t.Errorf("%s: --%s is not spelt as flags are", path, name)
				}
				seen = append(seen, name)
			}
			if f.GetUsage() == "" {
				t.Errorf("%s: --%s is not explained", path, f.Names()[0])
			}
		}
	}
}

// What lays out help is told of every command that runs; the pages of the manual have a test of their own.
func TestCatalogue_Described(t *testing.T) {
	p := newProgram(newFake(t).sys, catalogue())
	_, own := metadata(t, p)
	if commands := runnable(p.Commands, ""); len(own) != len(commands) || len(commands) < 44 {
		t.Errorf("%d commands are described, %d run", len(own), len(commands))
	}
}

func TestCatalogue_Explained(t *testing.T) {
	for path, c := range runnable(newProgram(newFake(t).sys, catalogue()).Commands, "") {
		if c.Short == "" || len(c.Examples) == 0 {
			t.Errorf("%s has no description or no example", path)
		}
		for _, line := range c.Examples {
			if said := refusal(t, line); said != "" {
				t.Errorf("example %q: %s", line, said)
			}
		}
	}
}

// refusal is what is wrong with a line of help before any command has begun: its words, its flags or a value.
func refusal(t *testing.T, line string) string {
	f := newFake(t)
	p := newProgram(f.sys, catalogue())
	for _, c := range runnable(p.Commands, "") {
		c.Run = func(context.Context, *cli.Env) error { return nil }
	}
	f.run(p, wordsOf(line)[1:]...)
	return f.stderr.String()
}

// wordsOf splits a line of help as the shell would.
func wordsOf(line string) (words []string) {
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			words = append(words, part) // what stands in quotes is one word
			continue
		}
		words = append(words, strings.Fields(part)...)
	}
	return words
}

// An argument that may be left out cannot stand before one that must be there, and nothing can stand after one that may be
// repeated.
func TestCatalogue_Arguments(t *testing.T) {
	for path, c := range explained(newProgram(newFake(t).sys, catalogue())) {
		for usage := range strings.SplitSeq(c.usage, "\n") {
			words := strings.Fields(usage)
			words = words[1+len(strings.Fields(path)) : len(words)-1] // the program and the command, and at the end the flags
			optional, repeated := false, false
			for _, word := range words {
				if repeated || optional && word[0] != '[' {
					t.Errorf("%s: argument %s cannot stand there", usage, word)
				}
				optional, repeated = word[0] == '[', strings.Contains(word, "...")
			}
		}
	}
}
