package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// nasty are texts that some reader of some YAML takes for something else where they stand bare.
var nasty = strings.Split("no|No|NO|yes|Yes|on|On|off|OFF|y|Y|n|N|true|True|TRUE|false|null|Null|NULL|~|"+
	"nan|NaN|.nan|.NaN|inf|.inf|-.Inf|+.INF|Infinity|12:30|12:30:45|190:20:30.15|52:54:00:12:34:56|02:16:3e:00:00:01|fa:16:3e:00:00:01|"+
	"1:2|1:02:03|-1:30|2001:10:20:30:40:50:59:1|2001:db8::1|2001:db8::/64|fd00::|::|::1|1::|10.0.0.1|10.0.1.0/27|10.0.0.1-10.0.0.9|10/8|"+
	"=|<<|1e3|1E3|1.e+3|.5|5.|1.|0.1|+1|-1|+.5|0|00|0o17|017|08|09|0x1f|0X1F|0b11|1_000|_1|1_|0x_1|0b_1|1_0.5|1,000|0.|.|..|...|---|--- a|--|-|- a|-a|"+
	"? a|?|?a|: a|:|:a|a:|a: b|a :b|a:b|a:b c|a #b|# a|#|a#b|, a|[a]|[|]|{a}|{|}|&a|*a|!a|!!str a|%a|@a|`a`|\"a\"|'a'|'|\"|\\|\\n|>|>-|\\x41|a\"b|a'b|"+
	"2011-02-03|2011-02-03T05:05:06Z|2011-02-03 05:05:06|2011-2-3 5:5:6.5 +1|12345678901234567890|1/2|1.2.3|1 2|a  b|a - b|a -- b|é|日本|𝄞|null and void|"+
	" a|a | | a |\ta|a\t|a\tb|\n|a\nb|a\n|\r|a\r\nb|\x00|\x1b[2J|\x7f|\u0080|\u0085|\u00a0|\u00a0a|\u2028|\u2029|\ufeff|\ufeffa|\ufffd|\ufffe|\uffff|\u200b|\ue000|"+
	strings.Repeat("a", 2000)+"|"+strings.Repeat("a b ", 500)+"|"+strings.Repeat("1", 2000), "|")

// anyTexts are texts of few signs, so that they are often close to something that means something.
func anyTexts(n int) []string {
	random := rand.New(rand.NewPCG(1, 2))
	signs := []rune("0123456789019:.-+_eExXoOnyfNYtrulsa/ ,#~=<>!&*?|'\"\\%@`[]{}\t\n\u0085\u2028é")
	texts := make([]string, n)
	for i := range texts {
		text := make([]rune, random.IntN(9))
		some := signs[:1+random.IntN(len(signs))] // the first ones more often than the last ones
		for j := range text {
			text[j] = some[random.IntN(len(some))]
		}
		texts[i] = string(text)
	}
	return texts
}

// python runs a program of Python's with a package of its in the place where Debian keeps both.
func python(t *testing.T, module, program string, input []byte) []byte {
	t.Helper()
	const interpreter = "/usr/bin/python3"
	if out, err := exec.Command(interpreter, "-c", "import "+module).CombinedOutput(); err != nil {
		if os.Getenv("NOVA_MANAGE_REQUIRE_NODE") == "1" {
			t.Fatalf("NOVA_MANAGE_REQUIRE_NODE=1, but there is no Python with %s: %v: %s", module, err, out)
		}
		t.Skipf("there is no Python with %s: %v", module, err)
	}
	cmd := exec.Command(interpreter, "-c", program)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return out
}

// Every text is that text to a reader of YAML 1.1, which PyYAML is, and to one of 1.2, in a list, in an object and in a list
// within one.
func TestYAML_Texts(t *testing.T) {
	f := newFake(t)
	texts := append(nasty, anyTexts(5000)...)
	rows := make([]fakeRow, len(texts))
	for i, text := range texts {
		rows[i] = fakeRow{ID: i, Label: text, Tags: []string{text, "x", text}}
	}
	f.rows = sequence(rows, nil)
	list := []byte(f.accept(t, "thing", "list", "-f", "yaml"))

	compare := func(t *testing.T, reader string, got []map[string]any) {
		t.Helper()
		if len(got) != len(rows) {
			t.Fatalf("%s reads %d rows, want %d", reader, len(got), len(rows))
		}
		for i, text := range texts {
			want := []any{text, "x", text}
			tags, _ := got[i]["tags"].([]any)
			label, ok := got[i]["label"].(string)
			if text == "" {
				ok = got[i]["label"] == nil // which the column makes of it
			}
			if !ok || label != text || len(tags) != 3 || tags[0] != want[0] || tags[1] != want[1] || tags[2] != want[2] {
				t.Errorf("%s reads %q as %#v and %#v", reader, text, got[i]["label"], got[i]["tags"])
			}
		}
	}
	var fromGo []map[string]any
	if err := yaml.Unmarshal(list, &fromGo); err != nil {
		t.Fatal(err)
	}
	compare(t, "yaml/v3", fromGo)

	t.Run("one by one", func(t *testing.T) {
		for _, r := range rows[:len(nasty)] {
			f.rows = sequence([]fakeRow{r}, nil)
			var got map[string]any
			if err := yaml.Unmarshal([]byte(f.accept(t, "thing", "mask", "-f", "yaml", "--long")), &got); err != nil {
				t.Errorf("%q: %v", r.Label, err)
			} else if tags, _ := got["tags"].([]any); len(tags) != 3 || tags[0] != r.Label {
				t.Errorf("%q is %#v", r.Label, got)
			}
		}
	})
	t.Run("PyYAML", func(t *testing.T) {
		// default=repr, so that what is read as a date or a number that JSON has not is not lost on the way.
		out := python(t, "yaml", `import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin.buffer), sys.stdout, default=repr)`, list)
		var got []map[string]any
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		compare(t, "PyYAML", got)
	})
}

// What nobody can take for anything else stands bare.
func TestYAML_Plain(t *testing.T) {
	for _, text := range []string{
		"apollo", "my net", "br100", "eth0.5", "a-b_c", "10.0.0.1", "10.0.1.0/27", "fd00:1::1", "fd00:1::/64", "2001:db8::/64", "10.0.0.1-10.0.0.9",
		"VlanManager", "fa:16:3e:00:00:01", "i-00000001",
	} {
		if got := string(appendYAMLText(nil, text)); got != text {
			t.Errorf("%q is written %s", text, got)
		}
	}
	if got := string(appendYAMLText(nil, "a\"\\\x01\u0085\u2028\xff")); got != `"a\"\\\x01\x85\u2028`+"\ufffd\"" {
		t.Errorf("got %s", got)
	}
	for want, list := range map[string][]string{"tags: null\n": nil, "tags: []\n": {}, "tags:\n  - a\n  - \"no\"\n": {"a", "no"}} {
		if got := string(appendYAML(nil, []string{"tags"}, []any{plain(list)}, "")); got != want {
			t.Errorf("%q is written %q, want %q", list, got, want)
		}
	}
}

// A record of CSV whose only field is empty is a record to whoever reads it.
func TestCSV_AbsentColumn(t *testing.T) {
	f := newFake(t)
	f.rows = sequence([]fakeRow{{Label: "a"}, {}, {}, {Label: "b"}}, nil)
	out := f.accept(t, "thing", "list", "-f", "csv", "-c", "label")
	want := [][]string{{"label"}, {"a"}, {""}, {""}, {"b"}}
	check := func(reader string, got [][]string) {
		t.Helper()
		a, errA := json.Marshal(got)
		b, errB := json.Marshal(want)
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s reads %s, want %s", reader, a, b)
		}
	}
	got, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	check("Go", got)
	var fromPython [][]string
	if err := json.Unmarshal(python(t, "csv", `import csv, json, sys; json.dump(list(csv.reader(sys.stdin)), sys.stdout)`, []byte(out)), &fromPython); err != nil {
		t.Fatal(err)
	}
	check("Python", fromPython)
}
