package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// The pictures in docs are those that nova-manage draws now, well-formed and without what a page would not run.
func TestPictures(t *testing.T) {
	for name, draw := range pictures {
		want, err := atDesk(draw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("docs/%s is not what it would be now: `make pictures`, and look at it", name)
		}
		for d := xml.NewDecoder(bytes.NewReader(got)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("docs/%s: %v", name, err)
			}
		}
		if bytes.Contains(got, []byte("<script")) {
			t.Errorf("docs/%s has a script", name)
		}
	}
}

// Everything that is typed and printed is in the cast, in order, and none of it is wider than the terminal.
func TestCast(t *testing.T) {
	scenes := []scene{{"echo '<&>'", []string{"<&>", "", "nova-manage: error: no"}}, {"true", nil}}
	d, at := xml.NewDecoder(bytes.NewReader(cast(scenes))), false
	var texts []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			at = token.Name.Local == "text"
		case xml.CharData:
			if at {
				texts = append(texts, string(token))
			}
		case xml.EndElement:
			at = false
		}
	}
	if got, want := strings.Join(texts, "\n"), "$ echo '<&>'\n<&>\nnova-manage: error: no\n$ true"; got != want {
		t.Errorf("it says %q, not %q", got, want)
	}
	for _, line := range firstMinute {
		if n := utf8.RuneCountInString(strings.TrimPrefix(line, "!")) + len("$ "); n > columns {
			t.Errorf("%q has %d columns, and the terminal %d", line, n, columns)
		}
	}
}
