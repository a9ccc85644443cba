package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

var (
	yes      = true
	fakeRows = []fakeRow{
		{1, "first", &yes, []string{"a", "b"}, time.Date(2011, 2, 3, 4, 5, 6, 0, time.FixedZone("", -3600))},
		{20, "", nil, nil, time.Time{}},
	}
)

func TestOutput_Lists(t *testing.T) {
	f := newFake(t)
	f.rows = sequence(fakeRows, nil)
	for line, want := range map[string]string{
		"":            "id  label  up\n1   first  true\n20  -      -\n",
		"--long":      "id  label  up    tags  made\n1   first  true  a,b   2011-02-03T05:05:06Z\n20  -      -     -     -\n",
		"-c up -c id": "up    id\ntrue  1\n-     20\n",
		"-f json": `[
  {"id": 1, "label": "first", "up": true, "tags": ["a","b"], "made": "2011-02-03T05:05:06Z"},
  {"id": 20, "label": null, "up": null, "tags": null, "made": null}
]
`,
		"-f json -c label": "[\n  {\"label\": \"first\"},\n  {\"label\": null}\n]\n",
		"-f yaml -c label -c made -c tags": "- label: first\n  made: \"2011-02-03T05:05:06Z\"\n  tags:\n    - a\n    - b\n" +
			"- label: null\n  made: null\n  tags: null\n",
		"-f csv":            "id,label,up,tags,made\n1,first,true,\"a,b\",2011-02-03T05:05:06Z\n20,,,,\n",
		"-f value":          "1\tfirst\ttrue\n20\t-\t-\n",
		"-f value --long":   "1\tfirst\ttrue\ta,b\t2011-02-03T05:05:06Z\n20\t-\t-\t-\t-\n",
		"-f value -c label": "first\n\n",
		"-f csv -c label":   "label\nfirst\n\"\"\n",
		"-q":                "",
	} {
		if got := f.accept(t, append([]string{"thing", "list"}, strings.Fields(line)...)...); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", line, got, want)
		}
	}
}

func TestOutput_Empty(t *testing.T) {
	f := newFake(t)
	f.rows = sequence(nil, nil)
	for format, want := range map[string]string{
		"table": "id  label  up\n", "json": "[]\n", "yaml": "[]\n", "csv": "id,label,up,tags,made\n", "value": "",
	} {
		if got := f.accept(t, "thing", "list", "-f", format); got != want {
			t.Errorf("%s: %q", format, got)
		}
	}
}

func TestOutput_Object(t *testing.T) {
	f := newFake(t)
	f.rows = sequence(fakeRows[1:], nil)
	for format, want := range map[string]string{
		"table": "id     20\nlabel  -\nup     -\n",
		"json":  "{\n  \"id\": 20,\n  \"label\": null,\n  \"up\": null,\n  \"tags\": null,\n  \"made\": null\n}\n",
		"yaml":  "id: 20\nlabel: null\nup: null\ntags: null\nmade: null\n",
		"csv":   "id,label,up,tags,made\n20,,,,\n",
		"value": "20\n\n\n",
	} {
		if got := f.accept(t, "thing", "mask", "-f", format); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", format, got, want)
		}
	}
}

// An error in the middle is an error: no format closes what it opened, none prints an answer that is none.
func TestOutput_ErrorInTheMiddle(t *testing.T) {
	f := newFake(t)
	for _, format := range formats {
		f.rows = sequence(fakeRows, errFake)
		if code := f.do("thing", "list", "-f", format); code != exitFailed ||
			f.stderr.String() != failure(format, "it broke") {
			t.Errorf("%s: exit %d, %s", format, code, f.stderr.String())
		}
		if format == "json" && json.Valid(f.stdout.Bytes()) {
			t.Errorf("half an answer is valid JSON: %s", f.stdout.String())
		}
		f.rows = sequence(nil, errFake)
		if f.do("thing", "list", "-f", format); f.stdout.Len() > 0 {
			t.Errorf("%s: an error at once printed %q", format, f.stdout.String())
		}
	}
}

// Whatever text there is, JSON and YAML parsers read it back, and no line of a table or of -f value is broken.
func TestOutput_AnyText(t *testing.T) {
	f := newFake(t)
	for _, label := range []string{
		`"quoted" \`, "<&>", "02:16:3e:33:44:55", "12:30:45", "1e3", "null", "true", "~", "- a", "a: b", "#", "é日本", "::", " a ",
		"a\nb", "a\x1b[2Jb", "2011-02-03", "%s", "\tx",
	} {
		f.rows = sequence([]fakeRow{{Label: label}}, nil)
		var fromJSON, fromYAML []map[string]any
		if err := json.Unmarshal([]byte(f.accept(t, "thing", "list", "-f", "json")), &fromJSON); err != nil {
			t.Errorf("%q: %v", label, err)
		}
		if err := yaml.Unmarshal([]byte(f.accept(t, "thing", "list", "-f", "yaml")), &fromYAML); err != nil {
			t.Errorf("%q: %v", label, err)
		}
		if fromJSON[0]["label"] != label || fromYAML[0]["label"] != label {
			t.Errorf("%q: JSON %q, YAML %q", label, fromJSON[0]["label"], fromYAML[0]["label"])
		}
		for _, format := range []string{"table", "value"} {
			got := f.accept(t, "thing", "list", "-f", format, "-c", "label", "-c", "id")
			if format == "value" {
				got = strings.Replace(got, "\t", "", 1) // the one between them
			}
			if hasControl(strings.ReplaceAll(got, "\n", "")) || strings.Count(got, "\n") > 2 {
				t.Errorf("%q as %s: %q", label, format, got)
			}
		}
	}
}

func TestOutput_NarrowTerminal(t *testing.T) {
	f := newFake(t)
	f.rows = sequence([]fakeRow{{ID: 1, Label: strings.Repeat("long", 5)}, {ID: 2}}, nil)
	f.terminal = 28 // the width of the table
	if got := f.accept(t, "thing", "list"); !strings.HasPrefix(got, "id  label  ") {
		t.Errorf("got\n%s", got)
	}
	f.terminal = 27
	want := "id     1\nlabel  longlonglonglonglong\nup     -\n\nid     2\nlabel  -\nup     -\n"
	if got := f.accept(t, "thing", "list"); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestOutput_LongTable(t *testing.T) {
	f := newFake(t)
	rows := make([]fakeRow, 2*tableBatch+1)
	for i := range rows {
		rows[i] = fakeRow{ID: i, Label: "x"}
	}
	rows[tableBatch].Label = "wider"
	f.rows = sequence(rows, nil)
	lines := strings.Split(f.accept(t, "thing", "list"), "\n")
	if len(lines) != len(rows)+2 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, want := range map[int]string{
		0:                "id   label  up",
		1:                "0    x      -",
		tableScreen:      "99   x      -",
		tableScreen + 1:  "100  x      -",
		tableBatch:       "999  x      -",
		tableBatch + 1:   "1000  wider  -",
		tableBatch + 2:   "1001  x      -",
		2*tableBatch + 1: "2000  x      -",
	} {
		if lines[i] != want {
			t.Errorf("line %d is %q, want %q", i, lines[i], want)
		}
	}
}

func TestOutput_Selection(t *testing.T) {
	f := newFake(t)
	f.rows = sequence(fakeRows, nil)
	f.refuse(t, `unknown column "lable" of thing list`, "thing", "list", "-c", "id", "-c", "lable")
	if f.hint() != "did you mean label? the columns are id, label, up, tags, made" {
		t.Error(f.hint())
	}
	f.refuse(t, `--column "" is empty`, "thing", "list", "-c", "")
	f.refuse(t, `--column "id,,up" names no column beside a comma`, "thing", "list", "-c", "id,,up")
	f.environment["NOVA_COLUMN"] = "up,lable"
	f.refuse(t, `unknown column "lable" of thing list (from NOVA_COLUMN)`, "thing", "list")
	if got := f.accept(t, "thing", "list", "-f", "value", "-c", "up,id", "-c", "made,up"); got != "true\t1\t2011-02-03T05:05:06Z\n-\t20\t-\n" {
		t.Errorf("got %q", got)
	}
	f.environment = map[string]string{"NOVA_FORMAT": "json"}
	f.accept(t, "poke", "bob") // prints no columns, and was not asked to
	f.refuse(t, "poke prints no columns, so --format and --column do not apply", "poke", "bob", "-f", "csv")
}

func TestPlain(t *testing.T) {
	var noAddr *netip.Addr
	number := 7
	for _, c := range []struct{ value, want any }{
		{nil, nil}, {netip.Addr{}, nil}, {netip.Prefix{}, nil}, {noAddr, nil}, {time.Time{}, nil},
		{netip.MustParsePrefix("fd00::/64"), "fd00::/64"}, {netip.MustParseAddr("::1"), "::1"},
		{&number, int64(7)}, {uint8(3), uint64(3)}, {time.Second, "1s"}, {json.Number("5"), "5"}, {int32(-1), int64(-1)},
	} {
		if got := plain(c.value); got != c.want {
			t.Errorf("%T %v: got %#v, want %#v", c.value, c.value, got, c.want)
		}
	}
}

func BenchmarkOutput(b *testing.B) {
	var rows iter.Seq2[fakeRow, error] = func(yield func(fakeRow, error) bool) {
		for i := range 4000 {
			if !yield(fakeRow{ID: i, Label: "label"}, nil) {
				return
			}
		}
	}
	for _, format := range formats {
		b.Run(format, func(b *testing.B) {
			for b.Loop() {
				e := newEnv("nova-manage", nil, discard{})
				e.view = view{format: format, width: func() int { return 0 }}
				if err := PrintList(e, fakeColumns, rows); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// What a command has made is told by its first and its last row where a terminal has not the lines for all of it.
func TestPrintMade(t *testing.T) {
	f := newFake(t)
	rows := make([]fakeRow, 30)
	for i := range rows {
		rows[i].ID = i + 1
	}
	const ends = "id  label  up\n1   -      -\n30  -      -\n"
	for _, c := range []struct {
		lines, rows int
		args        string
		shown       int // rows
		ends        bool
	}{
		{24, 30, "", 2, true},
		{29, 30, "-f table", 2, true},
		{30, 30, "", 30, false},
		{0, 30, "", 30, false},
		{1, 2, "", 2, false},
		{24, 30, "-f csv", 30, false},
		{24, 30, "-f value", 30, false},
		{24, 30, "-f json", 30, false},
		{24, 30, "-f yaml -c id", 30, false},
	} {
		f.lines = c.lines
		f.rows = sequence(nil, nil)
		f.start()
		p := f.program()
		p.Commands = append(p.Commands, &Command{Name: "build", Short: "build things", Columns: Fields(fakeColumns), Run: func(_ context.Context, e *Env) error {
			return PrintMade(e, fakeColumns, rows[:c.rows], "things; look for them")
		}})
		code := p.Run(append([]string{"nova-manage", "build"}, strings.Fields(c.args)...), f.sys)
		note := ""
		if c.ends {
			note = "nova-manage: the first and the last of 30 things; look for them\n"
		}
		out := f.stdout.String()
		if code != exitOK || f.stderr.String() != note || c.ends && out != ends || strings.Count(out, "\n") < c.shown {
			t.Errorf("%+v: exit %d\n%s%s", c, code, out, f.stderr.String())
		}
	}
}

// Up to 2^53-1 a number is one; beyond, a reader of JSON may have the next one in its place.
func TestPlain_big(t *testing.T) {
	big53 := new(big.Int).Lsh(big.NewInt(1), 53)
	for want, n := range map[any]*big.Int{
		int64(1<<53 - 1): new(big.Int).Sub(big53, big.NewInt(1)), "9007199254740992": big53, "18446744073709551616": new(big.Int).Lsh(big.NewInt(1), 64),
		int64(0): new(big.Int), "-9007199254740992": new(big.Int).Neg(big53),
	} {
		if got := plain(n); got != want {
			t.Errorf("%s is %#v, want %#v", n, got, want)
		}
	}
	if got := plain((*big.Int)(nil)); got != nil {
		t.Errorf("none is %#v", got)
	}
}

// A column that takes long to find out is there for whoever names it.
func TestChosen_asked(t *testing.T) {
	columns := []Column[int]{{Name: "cheap"}, {Name: "dear", Asked: true}, {Name: "wide", Long: true}}
	for _, c := range []struct {
		view view
		want string
	}{
		{view{format: "table"}, "[cheap]"}, {view{format: "json"}, "[cheap wide]"}, {view{format: "table", long: true}, "[cheap wide]"},
		{view{format: "json", columns: []string{"dear"}}, "[dear]"}, {view{format: "table", columns: []string{"wide", "dear"}}, "[wide dear]"},
	} {
		if got := fmt.Sprint(namesOf(chosen(c.view, columns))); got != c.want {
			t.Errorf("%+v: %s, want %s", c.view, got, c.want)
		}
	}
}
