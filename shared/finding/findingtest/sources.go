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

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
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
	severities, err := severitiesIn(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range codes {
		for _, severity := range severities[code.Code] {
			if unknown := severity.Rank() > finding.Info.Rank(); unknown || severity.Rank() < code.Severity.Rank() {
				t.Errorf("%s is defined as %s, but is found as %s", code.Code, code.Severity, severity)
			}
		}
	}
}

// severitiesIn lists the severities that findings are written out with, by code:
// composite literals with the keys Code and Severity, both constant.
func severitiesIn(sources fs.FS) (map[string][]finding.Severity, error) {
	files, constants, err := parsed(sources)
	if err != nil {
		return nil, err
	}
	found := map[string][]finding.Severity{}
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			literal, ok := node.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if code, severity := writtenOut(literal, constants); code != "" && severity != "" {
				found[code] = append(found[code], severity)
			}
			return true
		})
	}
	return found, nil
}

// writtenOut gives the code and the severity of a composite literal, "" for what it
// doesn't have.
func writtenOut(literal *ast.CompositeLit, constants map[string]ast.Expr) (code string, severity finding.Severity) {
	names := map[string]finding.Severity{"Error": finding.Error, "Warning": finding.Warning, "Info": finding.Info}
	for _, element := range literal.Elts {
		pair, _ := element.(*ast.KeyValueExpr)
		if pair == nil {
			continue
		}
		key, _ := pair.Key.(*ast.Ident)
		selector, isSelector := pair.Value.(*ast.SelectorExpr)
		switch {
		case key == nil:
		case key.Name == "Severity" && isSelector:
			severity = names[selector.Sel.Name]
		case key.Name == "Code" && !isSelector:
			code = textOf(pair.Value, constants)
		}
	}
	return code, severity
}

var codeForm = regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)*$`)

// codesIn lists the codes, written out or as a constant, that stand at one of
// the places or after the key Code or code, but for those of the table in
// codes.go and of tests.
func codesIn(sources fs.FS, places map[string]int) (map[string]bool, error) {
	files, constants, err := parsed(sources)
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			if text := textOf(codeOf(node, places), constants); text != "" {
				used[text] = true
			}
			return true
		})
	}
	return used, nil
}

// textOf gives the code that an expression writes out or names as a constant.
func textOf(expression ast.Expr, constants map[string]ast.Expr) string {
	if name, ok := expression.(*ast.Ident); ok {
		expression = constants[name.Name]
	}
	literal, ok := expression.(*ast.BasicLit)
	if !ok {
		return ""
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil || !codeForm.MatchString(text) {
		return ""
	}
	return text
}

// parsed reads the Go files but for codes.go and tests, and the constants of all
// but the tests.
func parsed(sources fs.FS) ([]*ast.File, map[string]ast.Expr, error) {
	names, err := fs.Glob(sources, "*.go")
	if err != nil {
		return nil, nil, err
	}
	var files []*ast.File
	constants := map[string]ast.Expr{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(sources, name)
		if err != nil {
			return nil, nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			return nil, nil, err
		}
		addConstants(constants, file)
		if name != "codes.go" {
			files = append(files, file)
		}
	}
	return files, constants, nil
}

// addConstants adds the constants that a file declares outside functions.
func addConstants(constants map[string]ast.Expr, file *ast.File) {
	for _, declared := range file.Decls {
		group, ok := declared.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			declared := spec.(*ast.ValueSpec)
			for i, value := range declared.Values {
				constants[declared.Names[i].Name] = value
			}
		}
	}
}

// codeOf gives the expression in the place of a code, or nil.
func codeOf(node ast.Node, places map[string]int) ast.Expr {
	switch typed := node.(type) {
	case *ast.CallExpr:
		if index, ok := places[called(typed.Fun)]; ok && index < len(typed.Args) {
			return typed.Args[index]
		}
	case *ast.KeyValueExpr:
		if key, ok := typed.Key.(*ast.Ident); ok && (key.Name == "Code" || key.Name == "code") {
			return typed.Value
		}
	}
	return nil
}

// called is the name of a function or method, generic or not.
func called(function ast.Expr) string {
	switch typed := function.(type) {
	case *ast.Ident:
		return typed.Name
	case *ast.SelectorExpr:
		return typed.Sel.Name
	case *ast.IndexExpr:
		return called(typed.X)
	}
	return ""
}
