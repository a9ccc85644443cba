package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Nobody takes the sentence of an error apart: what a caller needs of it is a field, found by errors.As. This reads the code
// for functions of package strings that search or cut the text of an error, in place or by way of a variable.
func TestErrorTexts(t *testing.T) {
	files := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		for _, cut := range errorTextsCut(file) {
			t.Errorf("%s: the text of an error is taken apart", files.Position(cut.Pos()))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// errorTextsCut returns the calls in file that take the text of an error apart.
func errorTextsCut(file *ast.File) (cuts []ast.Node) {
	for _, decl := range file.Decls {
		texts := map[string]bool{} // the function's variables that hold the text of an error
		ast.Inspect(decl, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for i, value := range n.Rhs {
					if name, ok := n.Lhs[i].(*ast.Ident); ok && isErrorText(value, texts) {
						texts[name.Name] = true
					}
				}
			case *ast.CallExpr:
				if takesApart(n.Fun) && len(n.Args) > 0 && isErrorText(n.Args[0], texts) {
					cuts = append(cuts, n)
				}
			}
			return true
		})
	}
	return cuts
}

// isErrorText tells whether e is a call of a method Error, or a variable that was set by one.
func isErrorText(e ast.Expr, texts map[string]bool) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return texts[e.Name]
	case *ast.CallExpr:
		method, ok := e.Fun.(*ast.SelectorExpr)
		return ok && method.Sel.Name == "Error" && len(e.Args) == 0
	}
	return false
}

// takesApart tells whether f is a function of package strings that depends on the words of its text. White space around
// them, of which drivers leave some, is none.
func takesApart(f ast.Expr) bool {
	called, ok := f.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	room, ok := called.X.(*ast.Ident)
	return ok && room.Name == "strings" && called.Sel.Name != "TrimSpace"
}

// What the rule finds and what it lets pass.
func TestErrorTexts_rule(t *testing.T) {
	for code, found := range map[string]int{
		`strings.TrimPrefix(err.Error(), "gateway ")`:                                       1,
		`strings.Contains(errors.Unwrap(err).Error(), "locked")`:                            1,
		`text := err.Error(); reason, ok := strings.CutPrefix(text, "x "); use(reason, ok)`: 1,
		`strings.TrimSpace(err.Error())`:                                                    0,
		`strings.TrimPrefix(name, "no")`:                                                    0,
		`fmt.Errorf("reading: %s", err.Error())`:                                            0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc f() { "+code+" }", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(errorTextsCut(file)); got != found {
			t.Errorf("%s: found %d times, want %d", code, got, found)
		}
	}
}
