package structure

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"

	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// The programs that judge files and accounts from a shell build for the systems
// that people have, and the rig and the demo for macOS as well. This looks at
// declarations and types, which takes seconds; make dist builds the programs.
func TestBuildsForOtherSystems(t *testing.T) {
	root, err := stack.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		system, directory string
		patterns          []string
	}{
		{"darwin", root, []string{"./functions/..."}},
		{"windows", root, []string{"./functions/..."}},
		{"darwin", filepath.Join(root, "tests"), []string{"./cmd/rig", "./cmd/demo"}},
	} {
		t.Run(test.system+" "+strings.Join(test.patterns, " "), func(t *testing.T) {
			found := problems(t, test.directory, "GOOS="+test.system, test.patterns...)
			for _, problem := range found {
				t.Error(problem)
			}
		})
	}
}

// What a system lacks is found: the check can fail.
func TestWhatASystemLacksIsFound(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":  "module lock\n\ngo 1.26\n",
		"lock.go": "package lock\n\nimport \"syscall\"\n\nfunc Take(file int) error { return syscall.Flock(file, syscall.LOCK_EX) }\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if found := problems(t, folder, "GOOS=darwin", "./..."); len(found) != 0 {
		t.Errorf("on macOS: %q", found)
	}
	if found := problems(t, folder, "GOOS=windows", "./..."); len(found) == 0 {
		t.Error("no one noticed that Windows has no flock")
	}
}

// problems lists the errors of packages and all that they import, as go build
// would for the system.
func problems(t *testing.T, directory, system string, patterns ...string) []string {
	t.Helper()
	module := ownFolder(t, directory)
	loaded, err := packages.Load(&packages.Config{
		Context: t.Context(), Dir: directory, Env: append(os.Environ(), system, "GOARCH=arm64", "CGO_ENABLED=0"),
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedTypes | packages.NeedTypesSizes | packages.NeedSyntax | packages.NeedModule,
		ParseFile: func(set *token.FileSet, name string, content []byte) (*ast.File, error) {
			file, err := parser.ParseFile(set, name, content, parser.SkipObjectResolution)
			if file != nil && !strings.HasPrefix(name, module) {
				// Others' code builds on these systems; its bodies cost most of the time.
				for _, declaration := range file.Decls {
					if function, ok := declaration.(*ast.FuncDecl); ok {
						function.Body = nil
					}
				}
			}
			return file, err
		},
	}, patterns...)
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded) == 0 {
		t.Fatalf("no packages for %v", patterns)
	}
	var found []string
	packages.Visit(loaded, nil, func(of *packages.Package) {
		for _, problem := range of.Errors {
			// A function without a body is one in assembly; an import that only a
			// body used is unused.
			if ours := len(of.GoFiles) > 0 && strings.HasPrefix(of.GoFiles[0], module); ours {
				found = append(found, of.PkgPath+": "+problem.Error())
			}
		}
	})
	return found
}

// ownFolder is where the code of the module in a directory, and of the one that
// it belongs to, lies.
func ownFolder(t *testing.T, directory string) string {
	t.Helper()
	resolved, err := filepath.EvalSymlinks(directory)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(resolved, string(filepath.Separator)+"tests") + string(filepath.Separator)
}
