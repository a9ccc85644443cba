package commands

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/commands.md anew")

// docs/commands.md has what help says of every command, and nothing else: it is written by this test.
func TestReference(t *testing.T) {
	const path = "../docs/commands.md"
	want := reference(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what help says now: `go test ./commands -run TestReference -update`, and read the difference", path)
	}
}

func reference(t *testing.T) string {
	f := newFake(t)
	help := func(words ...string) string {
		t.Helper()
		if code := f.do(append([]string{"help"}, words...)...); code != exitOK {
			t.Fatalf("help %s: %s", strings.Join(words, " "), f.stderr.String())
		}
		text, _, _ := strings.Cut(f.stdout.String(), "\nGlobal flags: ")
		return text
	}
	var contents, text strings.Builder
	entry := func(level string, words ...string) {
		path := strings.Join(words, " ")
		fmt.Fprintf(&text, "\n%s %s\n\n<!-- Not run by a test: it is written by one, TestReference. -->\n```text\n%s```\n", level, path, help(words...))
	}
	for _, c := range catalogue() {
		var links []string
		for _, words := range typed(c.actions) {
			links = append(links, fmt.Sprintf("[%s](#%s-%s)", strings.Join(words, " "), c.name, strings.Join(words, "-")))
		}
		fmt.Fprintf(&contents, "| [%s](#%s) | %s | %s |\n", c.name, c.name, c.short, strings.Join(links, ", "))
		entry("##", c.name)
		for _, words := range typed(c.actions, c.name) {
			entry("###", words...)
		}
	}
	return "# Commands\n\nWhat `nova-manage help` says of each, and `man nova-manage-NOUN` as well.\n\n| | | |\n|---|---|---|\n" + contents.String() +
		"| [global flags](#global-flags) | those that every command takes | |\n" + text.String() +
		"\n## Global flags\n\n<!-- Not run by a test: it is written by one, TestReference. -->\n```text\n" + help("flags") + "```\n"
}
