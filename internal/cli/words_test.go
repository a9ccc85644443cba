package cli

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for line, want := range map[string][]string{
		"":                              nil,
		" \t ":                          nil,
		"# all of it":                   nil,
		"a b\tc":                        {"a", "b", "c"},
		"a # b":                         {"a"},
		"a#b #c":                        {"a#b"},
		`'a b' "c d" e\ f`:              {"a b", "c d", "e f"},
		`'' ""`:                         {"", ""},
		`a''b"c"d`:                      {"abcd"},
		`"\"\\\$\` + "`" + `\a"`:        {`"\$` + "`" + `\a`},
		`'\'\''$*'`:                     {`\'$*`},
		`\$ \# \* a~ \~`:                {"$", "#", "*", "a~", "~"},
		`--description="the # of them"`: {"--description=the # of them"},
		"tëxt ‘x’":                      {"tëxt", "‘x’"},
	} {
		if got, err := Words(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", line, got, err, want)
		}
	}
	for line, want := range map[string]string{
		`a 'b`:    `a quote is not closed: "'b"`,
		`a "b\"`:  `a quote is not closed: "\"b\\\""`,
		`a\`:      `a backslash is the last character`,
		`a $B c`:  `$ without quotes is for a shell, and this is none: "$B c"`,
		`"a $B"`:  `$ in double quotes is for a shell, and this is none: "$B\""`,
		"\"`x`\"": "` in double quotes is for a shell, and this is none: \"`x`\\\"\"",
		`a|b`:     `| without quotes is for a shell, and this is none: "|b"`,
		`a > b`:   `> without quotes is for a shell, and this is none: "> b"`,
		`~/x`:     `~ without quotes is for a shell, and this is none: "~/x"`,
	} {
		if _, err := Words(line); err == nil || err.Error() != want || !errors.Is(err, ErrUsage) {
			t.Errorf("%s: error %v, want %s", line, err, want)
		}
	}
}

// What is a line of a batch is the same in a shell.
func FuzzWords(f *testing.F) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		f.Skip("not installed: sh")
	}
	for _, seed := range []string{"", "#x", "a b", `'a b'"c"\d`, `"\x\"" #`, "a$b", "''", `\`, "'", "=a", "-a", "{a,b}", "!x", "a=~", "^", "%1", ":~", "\\\t"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := Words(line)
		if err != nil || hasControl(strings.ReplaceAll(line, "\t", "")) {
			return
		}
		cmd := exec.Command(shell, "-c", "set -- "+line+"\nfor w do printf '%s\\0' \"$w\"; done")
		cmd.Env = []string{"HOME=/home/op", "LC_ALL=C.UTF-8"}
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		var want []string
		if s := strings.TrimSuffix(string(out), "\x00"); len(out) > 0 {
			want = strings.Split(s, "\x00")
		}
		if !slices.Equal(words, want) {
			t.Errorf("%q: %q, the shell says %q", line, words, want)
		}
	})
}

func TestTextLines(t *testing.T) {
	long := strings.Repeat("x", longestLine)
	for text, want := range map[string][]string{
		"":                     nil,
		"\ufeff":               nil,
		"a":                    {"a"},
		"a\n":                  {"a"},
		"\ufeffa\r\n\r\nb\r\n": {"a", "", "b"},
		"\n\n":                 {"", ""},
		long:                   {long},
	} {
		var got []string
		for line, err := range TextLines(text) {
			if err != nil || line.Number != len(got)+1 {
				t.Errorf("line %d: %v", line.Number, err)
			}
			got = append(got, line.Text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%.20q: %.200q, want %.200q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"a\x00":    "it holds a NUL byte, so this is not a text",
		long + "x": "it is longer than 1048576 bytes",
	} {
		for _, err := range TextLines(text) {
			if err == nil || err.Error() != want {
				t.Errorf("%.20q: %v, want %s", text, err, want)
			}
		}
	}
}
