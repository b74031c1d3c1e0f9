package agentfacts

import (
	_ "embed"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// What is added to the agent's source so that its readers can be asked.
var (
	//go:embed readers/main.go.txt
	readersMain string
	//go:embed readers/config.go.txt
	readersConfig string
	//go:embed readers/envfiles.go.txt
	readersEnvironmentFile string
)

// BuildReaders compiles a program that answers what the readers of this version
// make of a file or an environment, see readers/main.go.txt. The agent's are
// compiled with all that they import. Of ecs-init, which needs cgo, it is the
// method that reads ecs.config, word for word.
func (s Source) BuildReaders(into string) error {
	getEnvVars, err := method(filepath.Join(s.Init, "docker", "docker.go"), "getEnvVars")
	if err != nil {
		return err
	}
	fields, err := s.fields()
	if err != nil {
		return err
	}
	return s.compile("./guardrailsreaders", map[string]string{
		"guardrailsreaders/main.go":                   readersMain,
		"guardrailsreaders/fields.go":                 fmt.Sprintf("package main\n\nvar fieldOf = %#v\n", fields),
		"guardrailsreaders/ecsinit.go":                "package main\n\nimport \"strings\"\n\ntype client struct {\n\tfs interface {\n\t\tReadFile(filename string) ([]byte, error)\n\t}\n}\n\n" + getEnvVars + "\n",
		"config/guardrails_readers.go":                readersConfig,
		"taskresource/envFiles/guardrails_readers.go": readersEnvironmentFile,
	}, into)
}

// method gives the text of one method of a file.
func method(path, name string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read ecs-init's source: %w", err)
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, content, parser.SkipObjectResolution)
	if err != nil {
		return "", fmt.Errorf("parse ecs-init's source: %w", err)
	}
	for _, declaration := range file.Decls {
		if fn, ok := declaration.(*ast.FuncDecl); ok && fn.Recv != nil && fn.Name.Name == name {
			var text strings.Builder
			if err := format.Node(&text, files, fn); err != nil {
				return "", fmt.Errorf("write ecs-init's source: %w", err)
			}
			return text.String(), nil
		}
	}
	return "", fmt.Errorf("ecs-init's %s is not found", name)
}

// fields gives the field of the agent's Config that each variable is read into.
func (s Source) fields() (map[string]string, error) {
	agent, err := load(filepath.Join(s.Agent, "config"))
	if err != nil {
		return nil, err
	}
	read := agent.function("environmentConfig")
	if read == nil {
		return nil, errors.New("the agent's environmentConfig is not found")
	}
	found := map[string]string{}
	agent.fields(read, func(field, variable string, _ *ast.CallExpr) { found[variable] = field })
	return found, nil
}
