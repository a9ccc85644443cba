package cli

import (
	"context"
	"io"
	"strings"
	"testing"
)

func TestArguments_AnyOrder(t *testing.T) {
	f := newFake(t)
	want := fakeOptions{Range: "10/8", Count: 3, IPv6: true, Tags: []string{"a,b", "c"}}
	for _, line := range []string{
		"thing make 10/8 3 --use_ipv6 --tag a,b --tag c",
		"thing make --use-ipv6 10/8 --tag=a,b 3 --tag=c",
		"--use_ipv6 --tag a,b thing --tag c make 10/8 3",
		"thing make --fixed_range 10/8 --num-things=3 --use_ipv6=yes --tag a,b --tag c",
		"thing make --fixed-range-v4 10/8 --num_things 9 --num_things 3 --nouse_ipv6 --use_ipv6 --tag a,b --tag c",
		"thing make --use_ipv6=TRUE --tag a,b --tag c -- 10/8 3",
		"thi mak 10/8 3 --use_ipv6=1 --tag a,b --tag c",
	} {
		f.accept(t, strings.Fields(line)...)
		f.options.ipv6From, f.options.rangeFrom = Origin{}, Origin{}
		if got := f.options; got.Range != want.Range || got.Count != want.Count || got.IPv6 != want.IPv6 ||
			strings.Join(got.Tags, "|") != strings.Join(want.Tags, "|") {
			t.Errorf("%s: got %+v", line, got)
		}
	}
}

func TestArguments_Values(t *testing.T) {
	f := newFake(t)
	f.wantOptions(t, fakeOptions{Range: "10.0.0.0/8", Count: 1000})
	// Nova's empty argument is the default; so is an empty flag of the same name.
	f.wantOptions(t, fakeOptions{Range: "10.0.0.0/8", Count: 7}, "", "7")
	f.wantOptions(t, fakeOptions{Range: "10.0.0.0/8", Count: 7}, "--fixed_range=", "", "7", "")
	f.wantOptions(t, fakeOptions{Range: "10.1.0.0/16", Count: 1000}, "--fixed_range=10.1.0.0/16", "")
	// Negative numbers and a lone dash are arguments.
	f.wantOptions(t, fakeOptions{Range: "-", Count: 1, Size: -1}, "-", "1", "-1")
	f.wantOptions(t, fakeOptions{Range: "10.0.0.0/8", Count: 1000, Size: -5}, "--size", "-5")
	f.wantOptions(t, fakeOptions{Range: "--x", Count: 1000}, "--", "--x")
	f.wantOptions(t, fakeOptions{Range: "a=b", Count: 1000, Host: "-h"}, "a=b", "--host=-h")
	// Both ways with one value.
	f.wantOptions(t, fakeOptions{Range: "r", Count: 5}, "r", "5", "--num_things", "05", "--fixed_range_v4=r")
}

func TestArguments_Refused(t *testing.T) {
	f := newFake(t)
	number := " is not a whole decimal number"
	for want, args := range map[string][]string{
		"unknown flag --use_ipv_6 of thing make":                               {"thing", "make", "--use_ipv_6", "10/8"},
		"unknown flag --use_ipv6 of thing list":                                {"thing", "list", "--use_ipv6"},
		"unknown flag --bogus":                                                 {"--bogus", "nothing"},
		"--num_things needs a value":                                           {"thing", "make", "--num_things"},
		"--host needs a value":                                                 {"thing", "make", "--host", "--use_ipv6"},
		"--tag needs a value":                                                  {"thing", "make", "--tag", "--"},
		`--num_things "0" is out of range (1 to 5000)`:                         {"thing", "make", "--num_things", "0"},
		`num_things "5001" is out of range (1 to 5000)`:                        {"thing", "make", "", "5001"},
		`num_things "99999999999999999999" is out of range (1 to 5000)`:        {"thing", "make", "", "99999999999999999999"},
		`num_things "+3"` + number:                                             {"thing", "make", "", "+3"},
		`num_things "-3"` + number:                                             {"thing", "make", "", "-3"},
		`num_things " 3"` + number:                                             {"thing", "make", "", " 3"},
		`num_things "1e3"` + number:                                            {"thing", "make", "", "1e3"},
		`num_things "1_0"` + number:                                            {"thing", "make", "", "1_0"},
		`num_things "0x5"` + number:                                            {"thing", "make", "", "0x5"},
		`num_things "٣"` + number:                                              {"thing", "make", "", "٣"},
		`--size "-"` + number:                                                  {"thing", "make", "--size=-"},
		`--size "--1"` + number:                                                {"thing", "make", "--size=--1"},
		`surplus argument "four"`:                                              {"thing", "make", "a", "2", "3", "four"},
		`fixed_range is given twice, as argument "a" and as --fixed_range "b"`: {"thing", "make", "a", "--fixed_range=b"},
		`--fixed_range "b" and --fixed_range_v4 "c" are one flag with two values`: {
			"thing", "make", "--fixed_range=b", "--fixed_range_v4=c"},
		`argument "a\nb" holds a control character`:           {"thing", "make", "a\nb"},
		`argument "--host=\x1b[2J" holds a control character`: {"thing", "make", "--host=\x1b[2J"},
		`argument "a\xffb" holds a control character`:         {"thing", "make", "a\xffb"},
		`argument "a\u2028b" holds a control character`:       {"thing", "make", "a\u2028b"},
		`argument "` + strings.Repeat("x", 80) + `"... (4097 bytes) is longer than 4096 bytes`: {
			"thing", "make", strings.Repeat("x", 4097)},
		"poke needs WHO": {"poke"},
		"WHO is empty":   {"poke", ""},
		"NAME is empty":  {"thing", "list", "a", ""},
	} {
		f.refuse(t, want, args...)
	}
}

func TestCommands_Found(t *testing.T) {
	f := newFake(t)
	f.accept(t, "thin", "mak")
	if got := f.accept(t, "po", "bob"); got != "poked bob\n" {
		t.Errorf("got %q", got)
	}
	for _, c := range []struct{ line, want, hint string }{
		{"th make", `category "th" is ambiguous: it may be thing, thorn`, ""},
		{"thing ma", `thing action "ma" is ambiguous: it may be make, mask`, ""},
		{"thnig make", `unknown category "thnig"`, "did you mean thing? choose from help, thing, poke, thorn"},
		{"xyzzy", `unknown category "xyzzy"`, "choose from help, thing, poke, thorn"},
		{"thing destroy", `unknown thing action "destroy"`, "choose from make, list, mask"},
		{"thing", "thing needs an action", "the actions are make, list, mask; nova-manage help thing explains them"},
		{"", "no command given", "the commands are help, thing, poke, thorn; nova-manage help explains them"},
	} {
		f.refuse(t, c.want, strings.Fields(c.line)...)
		if f.hint() != c.hint {
			t.Errorf("%s: hint %q", c.line, f.hint())
		}
	}
}

func TestCommands_Suggest(t *testing.T) {
	f := newFake(t)
	for line, hint := range map[string]string{
		"thing make --use_ipv_6":  "did you mean --use_ipv6?",
		"thing make --nouse_ipv":  "did you mean --nouse_ipv6?",
		"thing make --fixd-range": "did you mean --fixed_range?",
		"thing make --colum id":   "did you mean --column?",
		"thing --hots x make":     "did you mean --host?",
		"thing list --use_ipv6":   "it is a flag of thing make",
		"thing list --nouse_ipv6": "it is a flag of thing make",
		"thing list --zzzzzz":     "nova-manage help thing list lists its flags",
		"thing make --host -x":    `if "-x" is the value, write --host="-x"`,
	} {
		f.do(strings.Fields(line)...)
		if f.hint() != hint {
			t.Errorf("%s: hint %q, want %q", line, f.hint(), hint)
		}
	}
}

// A guess has something of what was typed.
func TestSuggest(t *testing.T) {
	for word, want := range map[string]string{"7": "", "1": "did you mean 10?", "shwo": "did you mean show?", "x": "", "": ""} {
		if got := Suggest(word, []string{"4", "10", "show"}); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

func TestHelp(t *testing.T) {
	f := newFake(t)
	page := f.accept(t, "help", "thing", "make")
	for _, part := range []string{
		"nova-manage thing make - make things\n",
		"Usage:\n   nova-manage thing make [fixed_range] [num_things] [size] [flags]\n",
		"   fixed_range  the range (default: 10.0.0.0/8) (also --fixed_range,\n                --fixed_range_v4)\n",
		"   num_things   how many (default: 1000) (also --num_things)\n", "\nFlags:\n   --use_ipv6             with IPv6\n", "\nGlobal flags: `nova-manage help flags` lists them.\n",
		"\nExample:\n   nova-manage thing make 10/8 3\n",
	} {
		if !strings.Contains(page, part) {
			t.Errorf("no %q in\n%s", part, page)
		}
	}
	for _, line := range []string{
		"thing help make", "thing make --help", "thing make -h", "-h thing make 1 2 3 4 5", "help thi mak", "he thing make",
	} {
		if got := f.accept(t, strings.Fields(line)...); got != page {
			t.Errorf("%s:\n%s", line, got)
		}
	}
	page = f.accept(t, "thing", "help")
	if !strings.Contains(page, "   list  list things\n") || page != f.accept(t, "help", "thing") {
		t.Errorf("got\n%s", page)
	}
	if page = f.accept(t, "help", "thing", "list"); !strings.Contains(page, "Columns:\n   id label up [tags] [made]\n") {
		t.Errorf("got\n%s", page)
	}
	f.refuse(t, `unknown thing action "destroy"`, "help", "thing", "destroy")
	for _, line := range []string{"help thing list extra", "thing help list extra", "help flags extra", "help poke bob"} {
		words := strings.Fields(line)
		f.refuse(t, "help explains commands, and "+Quote(words[len(words)-1])+" is none", words...)
	}
}

// Whatever is typed is either done or refused; none of it panics.
func FuzzArguments(f *testing.F) {
	for _, seed := range []string{
		"thing\x00make\x0010/8\x003\x00--use_ipv6", "help\x00thing", "-qfjson\x00thing\x00list\x00-c=id", "poke\x00--\x00--x",
		"thing\x00make\x00--nouse_ipv6=1\x00-", "thing\x00make\x00fixed_range\x00--size=-1", "--version", "poke\x00help",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		fake := newFake(t)
		fake.rows = sequence(fakeRows, nil)
		code := fake.do(strings.Split(line, "\x00")...)
		if code != exitOK && code != exitUsage || (code == exitOK) != (fake.stderr.Len() == 0) ||
			strings.Count(fake.stderr.String(), "\n") > 2 || code != exitOK && fake.stdout.Len() > 0 {
			t.Errorf("%q: exit %d\nstdout %s\nstderr %s", line, code, fake.stdout.String(), fake.stderr.String())
		}
	})
}

// A command may take its arguments in another form, and call one otherwise than its flag.
func TestArguments_OtherForm(t *testing.T) {
	f := newFake(t)
	var host, at, size string
	run := func(args ...string) int {
		host, at, size = "", "", ""
		f.stdout.Reset()
		f.stderr.Reset()
		p := f.program()
		hostFlag, atFlag := Text(&host, "host", "the host"), Text(&at, "at", "the place")
		p.Commands = append(p.Commands, &Command{
			Name: "place", Short: "place something", Flags: []*Flag{hostFlag, atFlag}, Args: []*Arg{Required(hostFlag), Required(atFlag).Called("PLACE")},
			Other: &Form{
				Args: []*Arg{Required(atFlag).Called("PLACE"), Optional(Text(&size, "SIZE", "how large"))},
				Meant: func(words []string, typed func(*Flag) bool) bool {
					return len(words) > 0 && strings.HasPrefix(words[0], "@") && !typed(hostFlag)
				},
			},
			Run: func(context.Context, *Env) error { return nil },
		})
		return p.Run(append([]string{"nova-manage"}, args...), f.sys)
	}
	for _, c := range []struct {
		line, host, at, size, fails string
	}{
		{line: "place a @b", host: "a", at: "@b"},
		{line: "place @b", at: "@b"},
		{line: "place @b 5", at: "@b", size: "5"},
		{line: "place a @b --host=c", fails: `host is given twice, as argument "a" and as --host "c"`},
		{line: "place a --at @c", host: "a", at: "@c"},
		{line: "place a @b --at @c", fails: `PLACE is given twice, as argument "@b" and as --at "@c"`},
		{line: "place a", fails: "place needs PLACE\nnova-manage: hint: usage: nova-manage place host PLACE [flags]"},
		{line: "place @b 5 6", fails: "surplus argument \"6\"\nnova-manage: hint: usage: nova-manage place PLACE [SIZE] [flags]"},
	} {
		code := run(strings.Fields(c.line)...)
		if said := strings.TrimSpace(strings.TrimPrefix(f.stderr.String(), "nova-manage: error: ")); said != c.fails || (code == exitOK) != (c.fails == "") {
			t.Errorf("%s: exit %d, %q, want %q", c.line, code, said, c.fails)
		} else if code == exitOK && (host != c.host || at != c.at || size != c.size) {
			t.Errorf("%s: host %q, at %q, size %q", c.line, host, at, size)
		}
	}
	run("help", "place")
	for _, want := range []string{"   nova-manage place host PLACE [flags]\n   nova-manage place PLACE [SIZE] [flags]\n", "   host   the host (also --host)\n   PLACE  the place (also --at)\n   SIZE   how large\n"} {
		if !strings.Contains(f.stdout.String(), want) {
			t.Errorf("help lacks %q:\n%s", want, f.stdout.String())
		}
	}
}

// --version is the program's, but where a command has a flag of that name.
func TestArguments_OwnVersion(t *testing.T) {
	f := newFake(t)
	version := ""
	run := func(args ...string) int {
		version = ""
		f.stdout.Reset()
		f.stderr.Reset()
		p := f.program()
		sync := &Command{Name: "sync", Flags: []*Flag{Text(&version, "version", "which one")}, Run: func(context.Context, *Env) error { return nil }}
		p.Commands = append(p.Commands, &Command{Name: "store", Actions: []*Command{sync}}, &Command{Name: "version", Run: func(_ context.Context, e *Env) error {
			_, err := io.WriteString(e.Stdout, "the program's\n")
			return err
		}})
		return p.Run(append([]string{"nova-manage"}, args...), f.sys)
	}
	for _, c := range []struct{ line, version, stdout, fails string }{
		{line: "store sync --version 3", version: "3"},
		{line: "store sync --version=4 -q", version: "4"},
		{line: "sto sy --version 5", version: "5"},
		{line: "store sync --version", fails: "--version needs a value"},
		{line: "--version", stdout: "the program's\n"},
		{line: "-q --version", stdout: ""},
		{line: "thing list --version", fails: "unknown flag --version of thing list"},
	} {
		code := run(strings.Fields(c.line)...)
		said, _, _ := strings.Cut(strings.TrimPrefix(f.stderr.String(), "nova-manage: error: "), "\n")
		if version != c.version || f.stdout.String() != c.stdout || said != c.fails || (code == exitOK) != (c.fails == "") {
			t.Errorf("%s: exit %d, version %q, %q, %q", c.line, code, version, f.stdout.String(), said)
		}
	}
}

// What is no more says what it was, before anything else that is wrong with the line.
func TestCommands_Retired(t *testing.T) {
	f := newFake(t)
	p := f.program()
	p.Retired = []Retired{
		{Command: "gadget", Instead: "it is a thing now"},
		{Command: "thing break", Instead: "nothing breaks any more"},
		{Command: "thing make", Flag: "shade", Instead: "all are black"},
		{Command: "thing", Flag: "weight", Instead: "they weigh nothing"},
		{Flag: "verbose", Instead: "it is quiet"},
	}
	for _, c := range []struct{ line, want string }{
		{"gadget", `unknown category "gadget"|it is a thing now`},
		{"gadget list --all x", `unknown category "gadget"|it is a thing now`},
		{"help gadget", `unknown category "gadget"|it is a thing now`},
		{"thing break 5 --host", `unknown thing action "break"|nothing breaks any more`},
		{"thing make --shade=red", `unknown flag --shade of thing make|all are black`},
		{"thing make --weight 5", `unknown flag --weight of thing make|they weigh nothing`},
		{"thing list --weight 5", `unknown flag --weight of thing list|they weigh nothing`},
		{"thing list --shade red", `unknown flag --shade of thing list|nova-manage help thing list lists its flags`},
		{"poke bob --noverbose", `unknown flag --noverbose of poke|it is quiet`},
		{"--verbose thing list", `unknown flag --verbose of thing list|it is quiet`},
		{"gadgets", `unknown category "gadgets"|choose from help, thing, poke, thorn`},
	} {
		f.stderr.Reset()
		code := p.Run(append([]string{"nova-manage"}, strings.Fields(c.line)...), f.sys)
		said, hint, _ := strings.Cut(c.want, "|")
		if want := "nova-manage: error: " + said + "\nnova-manage: hint: " + hint + "\n"; code != exitUsage || f.stderr.String() != want {
			t.Errorf("%s: exit %d, %s, want %s", c.line, code, f.stderr.String(), want)
		}
	}
}
