package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/cli"
	"nova-manage/internal/race"
)

// takesEmpty are the flags and arguments, of all commands, that "" is a value for: in network create it is Nova's default,
// or none of what would be filled in; elsewhere it clears, or says that there is nothing to say.
var takesEmpty = []string{
	"--flagfile",

	"network create 1", "network create 2", "network create 3", "network create 4", "network create 5", "network create 6",
	"network create --fixed_range", "network create --fixed_range_v4", "network create --num_networks", "network create --network_size",
	"network create --vlan_start", "network create --vlan", "network create --vpn_start", "network create --vpn",
	"network create --fixed_range_v6",
	"network create --flat_network_dns", "network create --vlan_interface", "network create --flat_interface",

	"network modify --label", "network modify --project_id", "network modify --project", "network modify --host",
	"network modify --dns1", "network modify --dns2", "network modify --mtu", "network modify --bridge_interface",
	"network modify --gateway", "network modify --gateway_v6",

	"instance modify --host", "project modify --description", "secgroup modify --description", "floating modify --interface",

	"floating create --interface", "floating create --public_interface",
	"project create --description", "secgroup create --description",
}

// What a script passes whose variable is not set must not choose everything, or what it chooses by itself: "" is refused
// with the name of the flag or argument, wherever that does not say otherwise.
func TestCatalogue_Empty(t *testing.T) {
	race.SkipAlone(t)
	f := newFake(t)
	globals, own := metadata(t, newProgram(f.sys, catalogue()))
	examples := map[string][]string{}
	for path, c := range runnable(newProgram(f.sys, catalogue()).Commands, "") {
		examples[path] = c.Examples
	}
	var took []string
	try := func(what, name string, line ...string) {
		p := newProgram(f.sys, catalogue())
		for _, c := range runnable(p.Commands, "") {
			c.Run = func(context.Context, *cli.Env) error { return nil }
		}
		code, said := f.run(p, line...), f.stderr.String()
		switch {
		case code == exitOK:
			took = append(took, what)
		case code != exitUsage || !strings.Contains(said, "error: "+name+` "" is empty`+"\n") && !strings.Contains(said, "error: "+name+" is empty\n"):
			t.Errorf("%q: exit %d, %s", line, code, said)
		}
	}
	for _, g := range globals {
		for _, name := range g.Names() {
			if g.TakesValue() && len(name) > 1 {
				try("--"+name, "--"+name, "version", "--"+name+"=")
			}
		}
	}
	for path, flags := range own {
		if path == "help" {
			continue // nothing of its line is a value
		}
		words := strings.Fields(path)
		arguments := positionals(flags, examples[path], len(words))
		line := func(more ...string) []string { return slices.Concat(words, arguments, more) }
		for _, fl := range flags {
			for _, name := range fl.Names() {
				what, flag := path+" --"+name, "--"+name
				if len(name) == 1 {
					continue
				}
				try(what, flag, line(flag+"=")...)
				if fl.TakesValue() {
					try(what, flag, line(flag, "")...)
					try(what, flag, line(flag+"=", flag+"=", flag, "")...) // also where it is not the last one that counts
				}
			}
		}
		for i, name := range argumentsOf(t, path) {
			try(fmt.Sprintf("%s %d", path, i+1), name, slices.Concat(words, arguments[:i], []string{""})...)
		}
	}
	slices.Sort(took)
	took = slices.Compact(took)
	want := slices.Sorted(slices.Values(takesEmpty))
	for _, what := range took {
		if !slices.Contains(want, what) {
			t.Errorf(`%s takes "", and should not`, what)
		}
	}
	for _, what := range want {
		if !slices.Contains(took, what) {
			t.Errorf(`%s does not take "", and should`, what)
		}
	}
}

// argumentsOf are the names of a command's arguments, as its usage shows them.
func argumentsOf(t *testing.T, path string) (names []string) {
	t.Helper()
	f := newFake(t)
	if code := f.do(append([]string{"help"}, strings.Fields(path)...)...); code != exitOK {
		t.Fatalf("help %s: %s", path, f.stderr.String())
	}
	page := strings.ReplaceAll(f.stdout.String(), "\n      ", " ") // a usage that takes more than a line
	_, usage, _ := strings.Cut(page, "nova-manage "+path+" ")
	_, usage, _ = strings.Cut(usage, "nova-manage "+path)
	usage, _, _ = strings.Cut(usage, "\n")
	for word := range strings.FieldsSeq(usage) {
		if word != "[flags]" {
			names = append(names, strings.TrimSuffix(strings.Trim(word, "[]"), "..."))
		}
	}
	return names
}

// positionals are the arguments of the example that has the most of them, without the command's words.
func positionals(flags []described, examples []string, words int) (most []string) {
	takes := map[string]bool{}
	for _, f := range flags {
		for _, name := range f.Names() {
			takes["--"+name] = f.TakesValue()
		}
	}
	for _, line := range examples {
		var list []string
		fields := wordsOf(line)[1+words:]
		for i := 0; i < len(fields); i++ {
			switch word := fields[i]; {
			case !strings.HasPrefix(word, "-") || word == "-1":
				list = append(list, word)
			case takes[word] || word == "-f" || word == "-c":
				i++
			}
		}
		if len(list) > len(most) {
			most = list
		}
	}
	return most
}
