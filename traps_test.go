package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Each trap of docs/traps.md is shown by something that exists.
func TestTraps(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("docs", "traps.md"))
	if err != nil {
		t.Fatal(err)
	}
	inBackquotes := regexp.MustCompile("`([^`]+)`")
	next := 1
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		n, err := strconv.Atoi(strings.TrimSpace(cells[0]))
		if err != nil {
			continue
		}
		if n != next || len(cells) != 5 {
			t.Fatalf("after trap %d there is %q", next-1, line)
		}
		next++
		shown := inBackquotes.FindAllStringSubmatch(cells[4], -1)
		if len(shown) == 0 {
			t.Errorf("trap %d is shown by nothing", n)
		}
		for _, name := range shown {
			if strings.Contains(name[1], "/") {
				if _, err := os.Stat(filepath.FromSlash(name[1])); err != nil {
					t.Errorf("trap %d: %v", n, err)
				}
				continue
			}
			dir, test, _ := strings.Cut(name[1], ".")
			if !declares(t, dir, test) {
				t.Errorf("trap %d: there is no %s in %s", n, test, dir)
			}
		}
	}
	if next != 27 {
		t.Errorf("there are %d traps", next-1)
	}
}

// declares tells whether a test or fuzz target is in a folder's test files.
func declares(t *testing.T, dir, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if test != "" && strings.Contains(string(text), "\nfunc "+test+"(") {
			return true
		}
	}
	return false
}
