package findingtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ecsguardrails/shared/finding"
)

// Sources reads the Go files of the test's package: each code that they make a
// finding with must be among codes or shared, and each of codes must be made.
// Places says at which of a function's arguments a code stands, from 0 on, for
// the functions that take one.
func Sources(t *testing.T, places map[string]int, codes, shared []finding.Code) {
	t.Helper()
	used, err := codesIn(os.DirFS("."), places)
	if err != nil {
		t.Fatal(err)
	}
	if len(used) == 0 {
		t.Fatal("the sources make no findings: is the test run in its package's folder?")
	}
	has := func(codes []finding.Code, text string) bool {
		return slices.ContainsFunc(codes, func(c finding.Code) bool { return c.Code == text })
	}
	for text := range used {
		if !has(codes, text) && !has(shared, text) {
			t.Errorf("%s is found, but not documented", text)
		}
	}
	for _, code := range codes {
		if !used[code.Code] {
			t.Errorf("%s is documented, but never found", code.Code)
		}
	}
}

var codeForm = regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)*$`)

// codesIn lists the codes, written out or as a constant, that stand at one of
// the places or after the key Code or code, but for those of the table in
// codes.go and of tests.
func codesIn(sources fs.FS, places map[string]int) (map[string]bool, error) {
	names, err := fs.Glob(sources, "*.go")
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	constants := map[string]ast.Expr{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(sources, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			return nil, err
		}
		addConstants(constants, file)
		if name != "codes.go" {
			files = append(files, file)
		}
	}
	used := map[string]bool{}
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			argument := codeOf(node, places)
			if name, ok := argument.(*ast.Ident); ok {
				argument = constants[name.Name]
			}
			if literal, ok := argument.(*ast.BasicLit); ok {
				if text, err := strconv.Unquote(literal.Value); err == nil && codeForm.MatchString(text) {
					used[text] = true
				}
			}
			return true
		})
	}
	return used, nil
}

// addConstants adds the constants that a file declares outside functions.
func addConstants(constants map[string]ast.Expr, file *ast.File) {
	for _, declared := range file.Decls {
		group, ok := declared.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			of := spec.(*ast.ValueSpec)
			for i, value := range of.Values {
				constants[of.Names[i].Name] = value
			}
		}
	}
}

// codeOf gives the expression in the place of a code, or nil.
func codeOf(node ast.Node, places map[string]int) ast.Expr {
	switch of := node.(type) {
	case *ast.CallExpr:
		if at, ok := places[called(of.Fun)]; ok && at < len(of.Args) {
			return of.Args[at]
		}
	case *ast.KeyValueExpr:
		if key, ok := of.Key.(*ast.Ident); ok && (key.Name == "Code" || key.Name == "code") {
			return of.Value
		}
	}
	return nil
}

// called is the name of a function or method, generic or not.
func called(function ast.Expr) string {
	switch of := function.(type) {
	case *ast.Ident:
		return of.Name
	case *ast.SelectorExpr:
		return of.Sel.Name
	case *ast.IndexExpr:
		return called(of.X)
	}
	return ""
}
