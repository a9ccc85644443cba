package cli

import (
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

func TestHelp(t *testing.T) {
	f := newFake(t)
	page := f.accept(t, "help", "thing", "make")
	for _, part := range []string{
		"nova-manage thing make - make things\n",
		"Usage:\n   nova-manage thing make [fixed_range] [num_things] [size] [flags]\n",
		"   fixed_range  the range (default: 10.0.0.0/8)\n",
		"   --use_ipv6 ", "   --num_things N ", "(also --fixed_range_v4)", "\nGlobal flags:\n",
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
