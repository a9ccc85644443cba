package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// read reads a document of one member "a", an array of rows that have k and, if they like, o.
func read(r io.Reader) (rows [][2]any, err error) {
	d := NewReader(r)
	err = d.Object([]string{"a"}, nil, func(string) error {
		return d.Array(func() error {
			var row [2]any
			err := d.Object([]string{"k", "o"}, []string{"o"}, func(key string) (err error) {
				row[strings.Index("ko", key)], err = d.Value()
				return err
			})
			rows = append(rows, row)
			return err
		})
	})
	if err == nil {
		err = d.End()
	}
	return rows, err
}

func TestReader(t *testing.T) {
	for text, want := range map[string]any{
		`"a\u0041\ud83d\ude00\n\/\\\"é"`: "aA😀\n/\\\"é", `""`: "", `null`: nil, `0`: int64(0), `-17`: int64(-17),
		`9223372036854775807`: int64(9223372036854775807), `-9223372036854775808`: int64(-9223372036854775808),
	} {
		rows, err := read(iotest.OneByteReader(strings.NewReader("\r\n\t{\"a\": [ {\"k\" :" + text + "\n} ] }\n ")))
		if err != nil || len(rows) != 1 || rows[0][0] != want {
			t.Errorf("%s: %v, %v", text, rows, err)
		}
	}
	if rows, err := read(strings.NewReader(`{"a":[]}`)); err != nil || rows != nil {
		t.Errorf("an empty array: %v, %v", rows, err)
	}
}

func TestReader_refused(t *testing.T) {
	in := func(value string) string { return "{\"a\": [{\"k\": 1},\n{\"k\": " + value + "}]}" }
	long := strings.Repeat("x", LongestText+2)
	for text, want := range map[string]string{
		"":                              "line 1: the document ends here, in the middle: it was cut off, or never finished",
		" \n":                           "line 2: the document ends here, in the middle: it was cut off, or never finished",
		"[]":                            "line 1: an array stands where an object belongs",
		"\xef\xbb\xbf{}":                "line 1: byte 0xef stands where an object belongs",
		"{\x00":                         `line 1: '\x00' stands where a key in double quotes belongs`,
		"{}":                            "line 1: the key a is missing",
		`{"a": {}}`:                     "line 1: /a: an object stands where an array belongs",
		`{"a": null}`:                   "line 1: /a: 'n' stands where an array belongs",
		`{a: []}`:                       "line 1: 'a' stands where a key in double quotes belongs",
		`{"A": []}`:                     `line 1: "A" is no key here; there are a`,
		`{"a": [], "a": []}`:            "line 1: /a: the key is there twice",
		`{"a": [],}`:                    "line 1: '}' stands where a value after the comma belongs",
		`{"a": [,]}`:                    "line 1: /a/0: ',' stands where an object belongs",
		`{"a": [{"k": 1},]}`:            "line 1: /a/1: ']' stands where a value after the comma belongs",
		`{"a": [{"k": 1} {}]}`:          "line 1: /a/1: an object stands where a comma or ] belongs",
		`{"a" []}`:                      "line 1: /a: an array stands where a colon belongs",
		`{"a": []} x`:                   "line 1: something follows the end of the document",
		"{\"a\": []}\n\n{}":             "line 3: something follows the end of the document",
		`{"a": [{"k": 1, "k": 2}]}`:     "line 1: /a/0/k: the key is there twice",
		`{"a": [{"o": 1}]}`:             "line 1: /a/0: the key k is missing",
		`{"a": [{"k": 1, "x/~": 2}]}`:   `line 1: /a/0: "x/~" is no key here; there are k, o`,
		`{"a": [{"k": 1`:                "line 1: /a/0: the document ends here, in the middle: it was cut off, or never finished",
		in(`1e3`):                       "line 2: /a/1/k: 1e3 is no whole number as it is written here: digits, without a leading zero",
		in(`1.0`):                       "line 2: /a/1/k: 1.0 is no whole number as it is written here: digits, without a leading zero",
		in(`01`):                        "line 2: /a/1/k: 01 is no whole number as it is written here: digits, without a leading zero",
		in(`-0`):                        "line 2: /a/1/k: -0 is no whole number as it is written here: digits, without a leading zero",
		in(`-`):                         "line 2: /a/1/k: - is no whole number as it is written here: digits, without a leading zero",
		in(`9223372036854775808`):       `line 2: /a/1/k: "9223372036854775808" is beyond -9223372036854775808 to 9223372036854775807`,
		in(`true`):                      "line 2: /a/1/k: a word stands where a text, a whole number or null belongs",
		in(`nul`):                       "line 2: /a/1/k: a word stands here that is not null",
		in(`NaN`):                       "line 2: /a/1/k: 'N' stands where a text, a whole number or null belongs",
		in(strings.Repeat("[", 1<<20)):  "line 2: /a/1/k: an array stands where a text, a whole number or null belongs",
		in("\"a\nb\""):                  "line 2: /a/1/k: a text holds the control character U+000A as it is",
		in("\"a\xffb\""):                `line 2: /a/1/k: "a\xffb" is not UTF-8`,
		in("\"\xed\xa0\x80\""):          `line 2: /a/1/k: "\xed\xa0\x80" is not UTF-8`,
		in(`"\ud83d"`):                  `line 2: /a/1/k: \ud83d is half of a character`,
		in(`"\ud83dA"`):                 `line 2: /a/1/k: \ud83d is half of a character`,
		in(`"\ude00\ud83d"`):            `line 2: /a/1/k: \ude00 is half of a character`,
		in(`"\x41"`):                    `line 2: /a/1/k: \x is no escape of JSON`,
		in(`"\u00g0"`):                  `line 2: /a/1/k: \u00g0 is no escape of JSON`,
		in(`"\u00`):                     `line 2: /a/1/k: \u00}] is no escape of JSON`,
		in(`"` + long + `"`):            "line 2: /a/1/k: a text has more than 4194304 bytes",
		`{"` + strings.Repeat("y", 200): "line 1: the document ends here, in the middle: it was cut off, or never finished",
	} {
		_, err := read(strings.NewReader(text))
		var refused *Error
		if !errors.As(err, &refused) || err.Error() != want {
			t.Errorf("%.60q\n got %v\nwant %s", text, err, want)
		}
	}
	broken := errors.New("the disk is on fire")
	if _, err := read(io.MultiReader(strings.NewReader(`{"a": [`), iotest.ErrReader(broken))); err != broken {
		t.Errorf("an error of the reader: %v", err)
	}
}

func TestQuote(t *testing.T) {
	for v, want := range map[any]string{
		nil: "null", int64(3): "3", "a\"b": `"a\"b"`,
		strings.Repeat("é", 60): `"` + strings.Repeat("é", 40) + `..." (120 bytes)`,
	} {
		if got := Quote(v); got != want {
			t.Errorf("%v is shown as %s, want %s", v, got, want)
		}
	}
}

// What is written is read back, by us and by others.
func TestWriter(t *testing.T) {
	var b bytes.Buffer
	d := NewWriter(&b)
	d.Member("version")
	_ = d.Write(AppendValue(nil, 1))
	d.Member("none")
	d.Begin()
	d.Finish()
	d.Member("rows")
	d.Begin()
	for _, v := range []any{nil, int64(-5), "a\x00\n\x1f\"\\\u2028é<>&"} {
		line := AppendValue(AppendKey([]byte{'{'}, "v"), v)
		_ = d.Row(append(AppendValue(AppendKey(line, "w"), v), '}'))
	}
	d.Finish()
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	const want = `{
"version": 1,
"none": [],
"rows": [
{"v": null, "w": null},
{"v": -5, "w": -5},
{"v": "a\u0000\u000a\u001f\"\\` + "\u2028" + `é<>&", "w": "a\u0000\u000a\u001f\"\\` + "\u2028" + `é<>&"}
]
}
`
	if b.String() != want {
		t.Errorf("got %s\nwant %s", b.String(), want)
	}
	if !json.Valid(b.Bytes()) {
		t.Error("package encoding/json does not read it")
	}
}

// FuzzReader compares what is read with what package encoding/json reads: whatever we accept it accepts, and reads as the same.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{`{"a": [{"k": "\ud83d\ude00"}, {"k": null, "o": -1}]}`, `{"a":[{"k":1e3}]}`, "{\"a\":[{\"k\":\"\xff\"}]}", `{"a":[{"k":1,"k":2}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		rows, err := read(bytes.NewReader(text))
		if err != nil {
			if !utf8.ValidString(err.Error()) && utf8.Valid(text) {
				t.Errorf("the error is not UTF-8: %q", err)
			}
			return
		}
		var theirs map[string][]map[string]any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&theirs); err != nil || len(theirs["a"]) != len(rows) {
			t.Fatalf("%q: %v, and %d rows", text, err, len(rows))
		}
		for i, row := range rows {
			for j, key := range []string{"k", "o"} {
				want := theirs["a"][i][key]
				if n, ok := want.(json.Number); ok {
					want, _ = n.Int64()
				}
				if row[j] != want {
					t.Errorf("%q: %v, want %v", text, row[j], want)
				}
			}
		}
	})
}
