package commands

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"nova-manage/db"
)

// sources parses the code of package db and what is below it, without tests.
func sources(t *testing.T, visit func(path string, n ast.Node)) {
	t.Helper()
	err := filepath.WalkDir("../db", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err == nil {
			ast.Inspect(file, func(n ast.Node) bool { visit(path, n); return true })
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var verb = regexp.MustCompile(`%[a-z]`)

// Every way out that package db knows has its words here, with a place for each of the values that it comes with.
func TestHints(t *testing.T) {
	names := map[string]db.Way{}
	uses := map[string][]int{}
	said := map[string]bool{} // anywhere but where the ways are listed
	sources(t, func(path string, n ast.Node) {
		switch n := n.(type) {
		case *ast.Ident:
			said[n.Name] = said[n.Name] || filepath.Base(path) != "way.go"
		case *ast.ValueSpec:
			if of, ok := n.Type.(*ast.Ident); ok && of.Name == "Way" {
				value, err := strconv.Unquote(n.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				names[n.Names[0].Name] = db.Way(value)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Try" {
				if way, ok := n.Args[0].(*ast.Ident); ok && strings.HasPrefix(way.Name, "Way") {
					uses[way.Name] = append(uses[way.Name], len(n.Args)-1)
				}
			}
		}
	})
	if len(names) < 50 || len(uses) < 40 {
		t.Fatalf("%d ways and %d uses are found in package db", len(names), len(uses))
	}
	seen := map[db.Way]string{}
	for name, way := range names {
		if hints[way] == "" {
			t.Errorf("%s has no words", name)
		}
		if !said[name] {
			t.Errorf("no error says %s", name)
		}
		if seen[way] != "" {
			t.Errorf("%s and %s are one", name, seen[way])
		}
		seen[way] = name
		for _, values := range uses[name] {
			if verbs := len(verb.FindAllString(strings.ReplaceAll(hints[way], "%%", ""), -1)); verbs != values {
				t.Errorf("%s comes with %d values, and %q has a place for %d", name, values, hints[way], verbs)
			}
		}
	}
	if len(hints) != len(names) {
		t.Errorf("there are %d hints for %d ways", len(hints), len(names))
	}
}

// Package db serves other fronts than this one: it names neither a flag nor a command.
func TestDB_namesNoFlag(t *testing.T) {
	flag := regexp.MustCompile("(^|[\\s`'\"(])--[a-z]|`nova-manage|nova-manage [a-z]+ [a-z]+`")
	sources(t, func(path string, n ast.Node) {
		if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && flag.MatchString(text.Value) {
			t.Errorf("%s says %s", path, text.Value)
		}
	})
}

// Whatever command or flag a hint names is there, as help has it.
func TestHints_nameWhatThereIs(t *testing.T) {
	f := newFake(t)
	help := func(words ...string) (string, bool) {
		code := f.do(append([]string{"help"}, words...)...)
		return f.stdout.String(), code == 0
	}
	named := regexp.MustCompile("`nova-manage ([a-z]+)( [a-z]+)?|--[a-z_0-9]+")
	pages, _ := help("flags")
	for _, words := range typed(catalogue()) {
		page, _ := help(words...)
		pages += page
	}
	for way, text := range hints {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if m[1] == "" {
				if !strings.Contains(pages, m[0]+" ") && !strings.Contains(pages, m[0]+"\n") {
					t.Errorf("%s: %q names %s, which no command has", way, text, m[0])
				}
			} else if _, ok := help(strings.Fields(m[1] + m[2])...); !ok {
				t.Errorf("%s: %q names %s, which is not there: %s", way, text, m[0], f.stderr.String())
			}
		}
	}
}
