package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestReportError(t *testing.T) {
	p := newFake(t).program()
	for want, err := range map[string]error{
		"nova-manage: error: it broke\n": errFake,
		"nova-manage: error: it broke; it broke\nnova-manage: hint: try; again\n": fmt.Errorf("%w",
			WithHint(errors.Join(errFake, errFake), "try\nagain")),
		"nova-manage: error: a\\rb\\x1b[2J\\u2028\\xff\n": errors.New("a\rb\x1b[2J\u2028\xff\n"),
		"nova-manage: error: é \ufffd\n":                  errors.New("é \ufffd"),
		"":                                                &answerError{&os.PathError{Err: syscall.EPIPE}},
		"nova-manage: error: cannot write to standard output: no space left on device\n": &answerError{syscall.ENOSPC},
		"nova-manage: error: server: broken pipe\n":                                      fmt.Errorf("server: %w", syscall.EPIPE),
	} {
		var b bytes.Buffer
		p.report(t.Context(), &b, err, Outcome{exitFailed, "failed"}, false, false)
		if b.String() != want {
			t.Errorf("got %q, want %q", b.String(), want)
		}
	}
}

// In JSON an error is one line that a parser reads, whoever asked for it and whatever it says.
func TestReportError_json(t *testing.T) {
	for _, c := range []struct {
		args        []string
		environment string
		flagfile    string
		want        string // "" is no JSON
	}{
		{[]string{"thing", "list", "-f", "json"}, "", "", `{"error": "it \"broke\"; é\\u2028", "hint": "try", "code": "failed", "exit": 1}`},
		{[]string{"--format=json", "thing", "list"}, "", "", `{"error": "it \"broke\"; é\\u2028", "hint": "try", "code": "failed", "exit": 1}`},
		{[]string{"thing", "list"}, "json", "", `{"error": "it \"broke\"; é\\u2028", "hint": "try", "code": "failed", "exit": 1}`},
		{[]string{"thing", "list", "-f", "table"}, "json", "", ""},
		{[]string{"thing", "list", "-f", "json", "-f", "csv"}, "", "", ""},
		{[]string{"thing", "list"}, "", "--format=json\n", `{"error": "it \"broke\"; é\\u2028", "hint": "try", "code": "failed", "exit": 1}`},
		{[]string{"nothing", "-fjson"}, "", "", `{"error": "unknown category \"nothing\"", "hint": "did you mean thing? choose from help, thing, poke, thorn", "code": "usage", "exit": 2}`},
		{[]string{"thing", "list", "--shade", "-f", "json"}, "", "", `{"error": "unknown flag --shade of thing list", "hint": "nova-manage help thing list lists its flags", "code": "usage", "exit": 2}`},
		{[]string{"thing", "list", "--format"}, "json", "", `{"error": "--format needs a value", "hint": null, "code": "usage", "exit": 2}`},
	} {
		f := newFake(t)
		if c.environment != "" {
			f.environment["NOVA_FORMAT"] = c.environment
		}
		f.sys.DefaultFlagfile = filepath.Join(t.TempDir(), "flags")
		if err := os.WriteFile(f.sys.DefaultFlagfile, []byte(c.flagfile), 0o600); err != nil {
			t.Fatal(err)
		}
		f.rows = sequence(nil, WithHint(errors.New("it \"broke\"\né\u2028"), "try"))
		f.do(c.args...)
		if got := f.stderr.String(); c.want == "" && strings.HasPrefix(got, "{") || c.want != "" && got != c.want+"\n" {
			t.Errorf("%v: %s", c.args, got)
		}
	}
}

func TestUsageErrorf(t *testing.T) {
	err := UsageErrorf("no %w", errFake)
	for _, err := range []error{err, WithHint(err, "look"), fmt.Errorf("thing: %w", err), BadValue("--x", "y", Origin{}, errFake)} {
		if !errors.Is(err, ErrUsage) || !errors.Is(err, errFake) {
			t.Errorf("%v is not what it was made of", err)
		}
	}
	if errors.Is(errFake, ErrUsage) || WithHint(errFake, "") != errFake {
		t.Error("an error is more than it was made of")
	}
}
