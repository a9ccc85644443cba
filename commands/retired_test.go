package commands

import (
	"slices"
	"strings"
	"testing"
	"unicode"
)

// Whoever types what is retired is told, and what is retired is nothing that there is.
func TestRetired(t *testing.T) {
	f := newFake(t)
	p := newProgram(f.sys, catalogue())
	commands := runnable(p.Commands, "")
	_, own := metadata(t, p)
	flags := map[string][]string{}
	for path, fs := range own {
		for _, fl := range fs {
			flags[path] = append(flags[path], fl.Names()...)
		}
	}
	seen := map[string]bool{}
	for _, r := range retired {
		what := strings.TrimSpace(r.Command + " --" + r.Flag)
		if seen[what] {
			t.Errorf("%s is there twice", what)
		}
		seen[what] = true
		if r.Instead == "" || strings.ContainsAny(r.Instead, "\n") || strings.HasSuffix(r.Instead, ".") || unicode.IsUpper([]rune(r.Instead)[0]) {
			t.Errorf("%s: %q is not said as hints are", what, r.Instead)
		}
		for path := range commands {
			switch {
			case r.Flag == "" && (path == r.Command || strings.HasPrefix(path, r.Command+" ")):
				t.Errorf("%s is retired, and there is %s", what, path)
			case r.Flag != "" && strings.HasPrefix(path+" ", r.Command+" ") && slices.Contains(flags[path], r.Flag):
				t.Errorf("%s is retired, and %s has it", what, path)
			}
		}
		want := "\nnova-manage: hint: " + r.Instead + "\n"
		for _, line := range linesFor(r.Command, r.Flag) {
			code := f.do(line...)
			if said := f.stderr.String(); code != exitUsage || f.stdout.Len() > 0 || !strings.HasPrefix(said, "nova-manage: error: unknown ") || !strings.HasSuffix(said, want) {
				t.Errorf("%q: exit %d, %s, want hint %s", line, code, said, r.Instead)
			}
		}
	}
	for _, word := range []string{"user", "role", "service", "shell", "vm", "flavor", "instance_type", "cell", "cell_v2", "api_db", "log", "logs",
		"agent", "account", "image", "config list", "project add", "project environment", "project zipfile", "project remove", "vpn run",
		"vpn spawn", "network create --multi_host", "network --uuid"} {
		if !seen[word+" --"] && !seen[word] {
			t.Errorf("%s is not said to be retired", word)
		}
	}
}

// linesFor are command lines with what is retired, as they used to be typed.
func linesFor(command, flag string) [][]string {
	words := strings.Fields(command)
	if flag == "" {
		return [][]string{
			words,
			append(slices.Clone(words), "list", "x"),
			append(slices.Clone(words), "--name", "m1.tiny", "--memory=512"), // what belonged to it is unknown, too
			append([]string{"help"}, words...),
		}
	}
	switch command {
	case "":
		words = []string{"network", "list"}
	case "network":
		words = []string{"network", "delete"}
	}
	dashed := strings.ReplaceAll(flag, "_", "-")
	return [][]string{
		append(slices.Clone(words), "--"+flag+"=T"),
		append(slices.Clone(words), "--"+dashed, "x"),
		append([]string{"--" + flag}, words...),
	}
}
