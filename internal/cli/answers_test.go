package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// lineOf is a line whose answer is laid out as the list of answers is, or a text.
func lineOf(laidOut bool) *Line {
	return &Line{laidOut: laidOut, Env: &Env{CommandLine: `thing list "a"`}}
}

// write has a line answer with these parts of a text.
func write(t *testing.T, a *Answers, number int, laidOut bool, parts ...string) {
	t.Helper()
	l := lineOf(laidOut)
	err := a.Begin(number, l)
	for _, part := range parts {
		if err == nil {
			_, err = l.Env.Stdout.Write([]byte(part))
		}
	}
	if err == nil {
		err = a.End()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A reader of either format gets of each answer what it gets where the command is run by itself.
func TestAnswers(t *testing.T) {
	type entry struct {
		Line    int
		Command string
		Answer  any
	}
	texts := map[string][]string{
		"json": {"[\n  {\"a\": \"x\\ny\"},\n  {\"a\": null}\n]\n", "[]\n", "{\n  \"a\": 1\n}\n"},
		"yaml": {"- a: \"x\\ny\"\n- a: null\n  l:\n    - 1\n", "[]\n", "a: 1\nb: x\n"},
	}
	parse := map[string]func([]byte, any) error{"json": json.Unmarshal, "yaml": yaml.Unmarshal}
	for format, parse := range parse {
		t.Run(format, func(t *testing.T) {
			a := &Answers{format: format}
			defer a.Close()
			var want []any
			for i, text := range texts[format] {
				write(t, a, 3*i+1, true, strings.SplitAfter(text, "a")...)
				write(t, a, 3*i+2, true)
				write(t, a, 3*i+3, false, "# é \"\n", "\tb\n")
				var alone any
				if err := parse([]byte(text), &alone); err != nil {
					t.Fatal(err)
				}
				want = append(want, alone, nil, "# é \"\n\tb\n")
			}
			write(t, a, 10, false)
			want = append(want, nil)
			var out bytes.Buffer
			if err := a.Print(&out); err != nil {
				t.Fatal(err)
			}
			var got []entry
			if err := parse(out.Bytes(), &got); err != nil {
				t.Fatalf("%v:\n%s", err, &out)
			}
			for i, e := range got {
				if e.Line != i+1 || e.Command != `thing list "a"` || fmt.Sprint(e.Answer) != fmt.Sprint(want[i]) {
					t.Errorf("line %d: %+v, want %v", i+1, e, want[i])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d answers, want %d", len(got), len(want))
			}
		})
	}
}

func TestAnswers_none(t *testing.T) {
	for format, want := range map[string]string{"json": "[]\n", "yaml": "[]\n", "table": "", "csv": ""} {
		var out bytes.Buffer
		if err := (&Answers{format: format}).Print(&out); err != nil || out.String() != want {
			t.Errorf("%s: %q, %v", format, &out, err)
		}
	}
}

// What is longer than a little is kept on the disk, in a file that nobody sees, and comes back whole.
func TestAnswers_long(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	a := &Answers{format: "value"}
	defer a.Close()
	part := strings.Repeat("0123456789abcdef", 1000)
	for i := range 3 * spoolInMemory / len(part) {
		write(t, a, i+1, true, part)
	}
	if cap(a.spool.head) > 3*spoolInMemory || a.spool.file == nil {
		t.Errorf("%d bytes in memory", cap(a.spool.head))
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
	var out bytes.Buffer
	if err := a.Print(&out); err != nil || out.String() != strings.Repeat(part, 3*spoolInMemory/len(part)) {
		t.Errorf("%d bytes came back, %v", out.Len(), err)
	}
	refuses := errors.New("no")
	if err := a.Print(writerFunc(func([]byte) (int, error) { return 0, refuses })); err != refuses {
		t.Errorf("error %v", err)
	}
	t.Setenv("TMPDIR", dir+"/missing")
	b := &Answers{format: "value"}
	l := lineOf(true)
	if err := b.Begin(1, l); err != nil {
		t.Fatal(err)
	}
	_, err := l.Env.Stdout.Write(make([]byte, 2*spoolInMemory))
	if want := "cannot keep the answers in " + dir + "/missing until they are printed: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// A table that is laid out without the library looks as if it were laid out by it.
func TestTable_bare(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		names := []string{"id", "näme", "cidr_v6"}[:1+random.IntN(3)]
		rows := make([][]any, random.IntN(5))
		for i := range rows {
			for range names {
				rows[i] = append(rows[i], []any{nil, "x", "日本語", "a b", strings.Repeat("long", 1+random.IntN(4)), 7}[random.IntN(6)])
			}
		}
		var out [2]bytes.Buffer
		for i := range out {
			w := &tableRows{w: &out[i], names: names, terminal: func() int { return 0 }, bare: i == 1}
			for _, row := range rows {
				if err := w.row(row); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.end(); err != nil {
				t.Fatal(err)
			}
			if len(rows) > 0 {
				if err := writeRecord(&out[i], names, rows[0], i == 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		if out[0].String() != out[1].String() {
			t.Fatalf("%v:\n%q\n%q", rows, &out[0], &out[1])
		}
	}
}
