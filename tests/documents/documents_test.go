package documents

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecsguardrails/tests/samtemplate"
	"ecsguardrails/tests/stack"
)

var update = flag.Bool("update", false, "write what is generated into the documents")

// checkout gives the root of the repository and its template.
func checkout(t *testing.T) (string, *samtemplate.Template) {
	t.Helper()
	root, err := stack.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	template, err := samtemplate.Load(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return root, template
}

// holds compares a part of a document with what it should be, or writes it.
func holds(t *testing.T, root, document, name, want string) {
	t.Helper()
	path := filepath.Join(root, document)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	written, err := between(string(content), name, want)
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	if written == string(content) {
		return
	}
	if *update {
		if err := os.WriteFile(path, []byte(written), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s is not what it is made from says (go -C tests test ./documents -update writes it; -document +source):\n%s", document,
		cmp.Diff(strings.Split(string(content), "\n"), strings.Split(written, "\n")))
}

func TestSettings(t *testing.T) {
	root, template := checkout(t)
	for _, parameter := range template.Parameters() {
		if parameter.Group == "" || parameter.Description == "" || !parameter.HasDefault {
			t.Errorf("the parameter %s lacks a group, a description or a default", parameter.Name)
		}
	}
	holds(t, root, "docs/settings.md", "settings", settings(template))
}

func TestPermissions(t *testing.T) {
	root, template := checkout(t)
	var all strings.Builder
	for _, function := range functions {
		statements := template.Permissions(function.role)
		if len(statements) == 0 {
			t.Errorf("%s may do nothing", function.name)
		}
		for _, statement := range statements {
			for _, action := range statement.Actions {
				if action.Why == "" {
					t.Errorf("template.yaml does not say, in a comment before it, why %s may %s (%s)", function.name, action.Name, statement.SID)
				}
			}
		}
		table := permissions(statements)
		holds(t, root, "functions/"+function.name+"/README.md", "permissions", table)
		all.WriteString("\n## " + function.name + "\n\n" + table)
	}
	holds(t, root, "docs/permissions.md", "permissions", all.String()+"\n")
}

func TestFindings(t *testing.T) {
	root, _ := checkout(t)
	index, err := findings(root)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, root, "docs/findings.md", "findings", index)
}
