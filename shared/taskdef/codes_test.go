package taskdef

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
)

func TestTheReadmeListsTheCodes(t *testing.T) {
	readme, err := os.ReadFile("../../functions/patch-task-definition/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Findings\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var got, want []string
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| `") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	for _, code := range slices.Concat(Codes, pipeline.Codes) {
		want = append(want, fmt.Sprintf("| `%s` | %s | %s |", code.Code, code.Cause, code.Cure))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the README has\n%s\nthe code has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestEveryCodeIsDocumented reads the package's sources: each code that a call
// makes a finding with is listed, and each that is listed is made.
func TestEveryCodeIsDocumented(t *testing.T) {
	// The place of the code among the arguments of each function that takes one.
	place := map[string]int{"report": 0, "block": 0, "cure": 1, "attach": 2, "skipped": 0, "stale": 0, "skip": 1, "note": 1}
	code := regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)*$`)
	used := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			var argument ast.Expr
			switch of := node.(type) {
			case *ast.CallExpr:
				name := ""
				switch called := of.Fun.(type) {
				case *ast.Ident:
					name = called.Name
				case *ast.SelectorExpr:
					name = called.Sel.Name
				}
				if at, ok := place[name]; ok && at < len(of.Args) {
					argument = of.Args[at]
				}
			case *ast.KeyValueExpr:
				if key, ok := of.Key.(*ast.Ident); ok && (key.Name == "Code" || key.Name == "code") && file != "codes.go" {
					argument = of.Value
				}
			}
			if literal, ok := argument.(*ast.BasicLit); ok {
				if text, err := strconv.Unquote(literal.Value); err == nil && code.MatchString(text) {
					used[text] = true
				}
			}
			return true
		})
	}
	documented := func(text string, in []finding.Code) bool {
		return slices.ContainsFunc(in, func(c finding.Code) bool { return c.Code == text })
	}
	for text := range used {
		if !documented(text, Codes) && !documented(text, pipeline.Codes) {
			t.Errorf("%s is found, but not documented", text)
		}
	}
	for _, code := range Codes {
		if !used[code.Code] {
			t.Errorf("%s is documented, but never found", code.Code)
		}
	}
}
