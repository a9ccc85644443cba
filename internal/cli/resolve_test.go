package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestResolve_Precedence(t *testing.T) {
	f := newFake(t)
	file := writeFile(t, t.TempDir(), "nova.conf", "--fixed_range=file\n--use_ipv6\n--tag=f1\n--tag=f2\n--num_things=4\n")
	want := fakeOptions{Range: "10.0.0.0/8", Count: 1000}
	f.wantOptions(t, want)

	f.sys.DefaultFlagfile = file
	want = fakeOptions{Range: "file", Count: 4, IPv6: true, Tags: []string{"f1", "f2"}}
	f.wantOptions(t, want)
	if got := f.options.rangeFrom.String(); got != " (from "+file+" line 1)" || f.options.rangeFrom.OnCommandLine() {
		t.Errorf("range %s", got)
	}

	f.environment["NOVA_FIXED_RANGE"] = "environment"
	f.environment["NOVA_USE_IPV6"] = "no"
	f.environment["NOVA_TAG"] = "e,1"
	f.environment["NOVA_NUM_THINGS"] = ""
	want = fakeOptions{Range: "environment", Count: 4, Tags: []string{"e,1"}}
	f.wantOptions(t, want)
	if got := f.options.rangeFrom.String(); got != " (from NOVA_FIXED_RANGE)" {
		t.Errorf("range %s", got)
	}

	want.Range, want.IPv6, want.Tags = "line", true, []string{"c1", "c2"}
	f.wantOptions(t, want, "--fixed_range=line", "--use_ipv6", "--tag=c1", "--tag=c2")
	if o := f.options; o.rangeFrom.String() != "" || !o.rangeFrom.OnCommandLine() || !o.ipv6From.IsSet() {
		t.Errorf("from %+v", o)
	}
	// An argument is as strong as a flag.
	f.wantOptions(t, fakeOptions{Range: "line", Count: 9, Tags: []string{"e,1"}}, "line", "9")

	f.environment = map[string]string{}
	f.wantOptions(t, fakeOptions{Range: "file", Count: 4, Tags: []string{"f1", "f2"}}, "--nouse_ipv6")
	if o := f.options.ipv6From; !o.OnCommandLine() {
		t.Errorf("--nouse_ipv6 is from %+v", o)
	}
}

func TestResolve_Aliases(t *testing.T) {
	f := newFake(t)
	f.environment["NOVA_FIXED_RANGE_V4"] = "a"
	f.wantOptions(t, fakeOptions{Range: "a", Count: 1000})
	f.environment["NOVA_FIXED_RANGE"] = "a"
	f.wantOptions(t, fakeOptions{Range: "a", Count: 1000})
	f.environment["NOVA_FIXED_RANGE"] = "b"
	f.refuse(t, `NOVA_FIXED_RANGE "b" and NOVA_FIXED_RANGE_V4 "a" are one flag with two values`, "thing", "make")

	f.environment = map[string]string{}
	f.sys.DefaultFlagfile = writeFile(t, t.TempDir(), "nova.conf", "[DEFAULT]\nextent = 5\nfixed-range-v4 = c\n")
	f.wantOptions(t, fakeOptions{Range: "c", Count: 1000, Size: 5})
	f.wantOptions(t, fakeOptions{Range: "d", Count: 1000, Size: 6}, "--fixed_range_v4=d", "--extent=06", "--size=6")
}

func TestResolve_ErrorsNameTheirSource(t *testing.T) {
	f := newFake(t)
	file := writeFile(t, t.TempDir(), "nova.conf", "--host=nova-1\n--num_things=many\n--use_ipv6=perhaps\n--networks_path=a\n")
	f.sys.DefaultFlagfile = file
	f.refuse(t, `--num_things "many" is not a whole decimal number (from `+file+` line 2)`, "thing", "make")
	f.environment["NOVA_NUM_THINGS"] = "few"
	f.refuse(t, `--num_things "few" is not a whole decimal number (from NOVA_NUM_THINGS)`, "thing", "make")
	f.refuse(t, `--use_ipv6 "perhaps" is neither true nor false (from `+file+` line 3)`, "thing", "make", "", "3")
	// A flagfile's host is the machine that a service of Nova runs on, and is not for us.
	f.wantOptions(t, fakeOptions{Range: "10.0.0.0/8", Count: 3, Path: "a"}, "", "3", "--nouse_ipv6")
	// What the command does not use is not looked at.
	f.accept(t, "poke", "bob")
	f.environment["NOVA_NETWORKS_PATH"] = "a\nb"
	f.refuse(t, `--networks_path "a\nb" holds a control character (from NOVA_NETWORKS_PATH)`,
		"thing", "make", "", "3", "--nouse_ipv6")
}

func TestResolve_References(t *testing.T) {
	dir := t.TempDir()
	for value, want := range map[string]string{
		"$state_path/networks":   "/home/op/.local/state/nova/networks",
		"${state_path}x":         "/home/op/.local/state/nova" + "x",
		"$my_ip:$my_ip":          "10.0.0.1:10.0.0.1",
		"$base/$fixed_range":     "/srv/10.0.0.0/8",
		"$num_things$$num":       "1000$num",
		"p$word ${unknown} $ ${": "p$word ${unknown} $ ${",
		"$deep":                  "/srv/deep",
		"a$late$later":           "a$late$later",
		"${found}":               "10.9.9.9",
	} {
		f := newFake(t)
		f.sys.DefaultFlagfile = writeFile(t, dir, "nova.conf",
			"--networks_path="+value+"\n--my_ip=10.0.0.1\n--base=/srv\n--deep=$base/deep\n")
		f.wantOptions(t, fakeOptions{Range: "10.0.0.0/8", Count: 1000, Path: want})
	}

	f := newFake(t)
	f.sys.DefaultFlagfile = writeFile(t, dir, "nova.conf", "--networks_path=$state_path/n\n--state_path=/from/file\n")
	f.wantOptions(t, fakeOptions{Range: "10.0.0.0/8", Count: 1000, Path: "/from/file/n"})
	f.wantOptions(t, fakeOptions{Range: "10.0.0.0/8", Count: 1000, Path: "/line/n"}, "--state_path=/line")
	f.environment["NOVA_STATE_PATH"] = "/environment"
	f.wantOptions(t, fakeOptions{Range: "10.0.0.0/8", Count: 1000, Path: "/environment/n"})
	// The shell has replaced what it was to replace elsewhere.
	f.wantOptions(t, fakeOptions{Range: "10.0.0.0/8", Count: 1000, Path: "$state_path"}, "--networks_path=$state_path")

	f = newFake(t)
	f.sys.DefaultFlagfile = writeFile(t, dir, "nova.conf", "--networks_path=$a\n--a=$b\n--b=$a\n")
	if code := f.do("thing", "make"); code != exitUsage || !strings.Contains(f.stderr.String(), "refers to itself (from ") {
		t.Errorf("exit %d, %s", code, f.stderr.String())
	}

	bomb := "--networks_path=$n0\n--n15=" + strings.Repeat("x", 100) + "\n"
	for i := range 15 {
		bomb += fmt.Sprintf("--n%d=$n%d$n%d\n", i, i+1, i+1)
	}
	f.sys.DefaultFlagfile = writeFile(t, dir, "nova.conf", bomb)
	if code := f.do("thing", "make"); code != exitUsage || !strings.Contains(f.stderr.String(), "grows beyond 65536 bytes") {
		t.Errorf("exit %d, %s", code, f.stderr.String())
	}
	// One whose end is empty grows in nothing but time.
	bomb = "--networks_path=$n0\n--n15=\n"
	for i := range 15 {
		bomb += fmt.Sprintf("--n%d=%s\n", i, strings.Repeat(fmt.Sprintf("$n%d", i+1), 1000))
	}
	f.sys.DefaultFlagfile = writeFile(t, dir, "nova.conf", bomb)
	if code := f.do("thing", "make"); code != exitUsage || !strings.Contains(f.stderr.String(), "is beyond the 10000 references that are followed (from ") {
		t.Errorf("exit %d, %s", code, f.stderr.String())
	}
}

func TestFlagfile_Forms(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    []setting
	}{
		"empty":    {"", nil},
		"comments": {"# a\n// b\n\n  # \xe9\n", nil},
		"gflags": {
			"\ufeff--a=1\r\n  -b = x\n--noc\n--d-e two words \n// x\n#y\n--f=\n--g=a=b\n",
			[]setting{
				{name: "a", value: "1", hasValue: true, line: 1}, {name: "b", value: "= x", hasValue: true, line: 2},
				{name: "noc", line: 3}, {name: "d_e", value: "two words", hasValue: true, line: 4},
				{name: "f", hasValue: true, line: 7}, {name: "g", value: "a=b", hasValue: true, line: 8},
			},
		},
		"ini": {
			"before = 0\r\n[database]\nconnection = x\nno setting at all\n[default]\n# c\n; c\na=1\nb-c :  'two words'\nd = \"\"\n" +
				"e = one\n  two\n\tthree\n\nf = \"x'\n[other]\na = 2\n",
			[]setting{
				{name: "before", value: "0", hasValue: true, line: 1}, {name: "a", value: "1", hasValue: true, line: 8},
				{name: "b_c", value: "two words", hasValue: true, line: 9}, {name: "d", hasValue: true, line: 10},
				{name: "e", value: "one two three", hasValue: true, line: 11},
				{name: "f", value: `"x'`, hasValue: true, line: 15},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := parseFlagfile("f", []byte(c.content))
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %+v", got)
			}
			for i, want := range c.want {
				want.file = "f"
				if got[i] != want {
					t.Errorf("got %+v, want %+v", got[i], want)
				}
			}
		})
	}
}

func TestFlagfile_Refused(t *testing.T) {
	for content, want := range map[string]string{
		"--a=1\nb=2\n":             `flagfile "f" line 2: "b=2" is not a flag; one is written --name=value`,
		"--=1\n":                   `flagfile "f" line 1: "--=1" is not a flag; one is written --name=value`,
		"[DEFAULT]\n--a=1\n":       `flagfile "f" line 2: "--a=1" is not a setting; one is written name = value`,
		"[DEFAULT\n":               `flagfile "f" line 1: "[DEFAULT" is not a section; one is written [DEFAULT]`,
		"use_ipv6\n":               `flagfile "f" line 1: "use_ipv6" is not a setting; one is written name = value`,
		"= 1\n":                    `flagfile "f" line 1: "" is not the name of a flag`,
		"a b = 1\n":                `flagfile "f" line 1: "a b" is not the name of a flag`,
		"\x7fELF\x00\n":            `flagfile "f" line 1: holds a control character: "\x7fELF\x00"`,
		"--a=\x00\n":               `flagfile "f" line 1: holds a control character: "--a=\x00"`,
		strings.Repeat("a", 65537): `flagfile "f" line 1: is longer than 65536 bytes`,
	} {
		if _, _, err := parseFlagfile("f", []byte(content)); err == nil || err.Error() != want {
			t.Errorf("%.40q: got %v, want %s", content, err, want)
		}
	}
}

func TestFlagfile_Nesting(t *testing.T) {
	f := newFake(t)
	dir := t.TempDir()
	writeFile(t, dir, "leaf.conf", "--fixed_range=leaf\n")
	both := writeFile(t, dir, "both.conf", "--flagfile=leaf.conf\n--num_things=2\n--flagfile="+filepath.Join(dir, "leaf.conf")+"\n")
	f.wantOptions(t, fakeOptions{Range: "leaf", Count: 2}, "--flagfile", both)

	a := writeFile(t, dir, "a.conf", "--flagfile=b.conf\n")
	b := writeFile(t, dir, "b.conf", "\n[DEFAULT]\nflagfile = ./a.conf\n")
	f.refuse(t, `flagfile "`+a+`": nests itself (from `+b+` line 3)`, "thing", "make", "--flagfile", a)

	bare := writeFile(t, dir, "bare.conf", "--flagfile\n")
	f.refuse(t, `flagfile names no file (from `+bare+` line 1)`, "thing", "make", "--flagfile", bare)
	needy := writeFile(t, dir, "needy.conf", "--fixed_range\n")
	f.refuse(t, `--fixed_range needs a value (from `+needy+` line 1)`, "thing", "make", "--flagfile", needy)
	wide := writeFile(t, dir, "wide.conf", strings.Repeat("--flagfile=leaf.conf\n", mostFlagfiles))
	f.refuse(t, `flagfile "`+dir+`/leaf.conf": nests too many flagfiles (from `+wide+` line 256)`,
		"thing", "make", "--flagfile", wide)
}

func FuzzFlagfile(f *testing.F) {
	for _, seed := range []string{"--a=1\n--nob\n", "[DEFAULT]\na = 1\n  b\n", "a: 'x'\n[o]\nx\n", "#\n//\n;\n", "\ufeff-a b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		settings, _, err := parseFlagfile("f", []byte(content))
		for _, s := range settings {
			if err != nil || s.name == "" || hasControl(strings.ReplaceAll(s.value, "\t", "")) || s.line < 1 {
				t.Errorf("%q: %+v, %v", content, s, err)
			}
			r := &resolver{file: settings}
			if _, err := r.expand(s.value, Origin{}, 0); err != nil && !strings.Contains(err.Error(), "refers to itself") &&
				!strings.Contains(err.Error(), "references that are followed") {
				t.Errorf("%q: %v", content, err)
			}
		}
	})
}

// An empty text is no value, from whatever source, where a flag does not say that it takes one.
func TestResolve_Empty(t *testing.T) {
	f := newFake(t)
	f.refuse(t, `--host "" is empty`, "thing", "make", "--host=")
	f.refuse(t, `--host "" is empty`, "thing", "make", "--host", "", "--host", "a")
	f.refuse(t, `--tag "" is empty`, "thing", "make", "--tag", "a", "--tag", "")
	f.refuse(t, `--use_ipv6 "" is empty`, "thing", "make", "--use_ipv6=")
	f.refuse(t, `--state_path "" is empty`, "thing", "make", "--state_path=")
	f.refuse(t, `--format "" is empty`, "thing", "list", "-f", "")

	// In the environment it counts as unset, in a flagfile as a value: there Nova, too, took it for one.
	f.environment["NOVA_NETWORKS_PATH"] = ""
	f.wantOptions(t, fakeOptions{Range: "10.0.0.0/8", Count: 1000})
	for _, content := range []string{"--networks_path=\n", "[DEFAULT]\nnetworks_path =\n", "[DEFAULT]\nnetworks_path = ''\n", "[DEFAULT]\nx =\nnetworks_path = $x\n"} {
		f.sys.DefaultFlagfile = writeFile(t, t.TempDir(), "nova.conf", content)
		line := strings.Count(content, "\n")
		f.refuse(t, fmt.Sprintf(`--networks_path "" is empty (from %s line %d)`, f.sys.DefaultFlagfile, line), "thing", "make")
		f.wantOptions(t, fakeOptions{Range: "10.0.0.0/8", Count: 1000, Path: "p"}, "--networks_path=p")
	}
	// What Nova's flagfiles may have empty is as if it were not there.
	f.sys.DefaultFlagfile = writeFile(t, t.TempDir(), "nova.conf", "--fixed_range=\n--num_things=\n")
	f.wantOptions(t, fakeOptions{Range: "10.0.0.0/8", Count: 1000})

	value := "old"
	flag := Text(&value, "value", "a value").TakesEmpty()
	p := f.program()
	p.Commands = append(p.Commands, &Command{Name: "take", Flags: []*Flag{flag}, Args: []*Arg{Optional(flag)},
		Run: func(context.Context, *Env) error { return nil }})
	for _, args := range [][]string{{"--value="}, {""}} {
		value = "old"
		if code := p.Run(append([]string{"nova-manage", "take"}, args...), f.sys); code != exitOK || value != "" {
			t.Errorf("%q: exit %d, value %q", args, code, value)
		}
		f.sys.DefaultFlagfile = ""
	}
}
