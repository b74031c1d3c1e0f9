// Package findingtest holds a function's README and sources against the codes
// of its findings.
package findingtest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// README holds the tables of findings in a README against codes, and writes
// them there with update. Tables are known by the line that they follow, most
// often a heading.
func README(t *testing.T, path string, update bool, tables map[string][]finding.Code) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := string(content)
	for line, codes := range tables {
		if want, err = withTable(want, line, codes); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	diff := cmp.Diff(strings.Split(string(content), "\n"), strings.Split(want, "\n"))
	switch {
	case diff == "":
	case update:
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s reports other findings than the code (-README +code; make update writes it):\n%s", path, diff)
	}
}

const head = "| code | cause | cure |\n| --- | --- | --- |\n"

// withTable gives the README with codes in the table that follows the line.
func withTable(readme, line string, codes []finding.Code) (string, error) {
	before, after, found := strings.Cut(readme, "\n"+line+"\n")
	if !found {
		return "", fmt.Errorf("there is no line %q", line)
	}
	between, rows, found := strings.Cut(after, head)
	if !found || strings.Contains("\n"+between, "\n#") {
		return "", fmt.Errorf("no table of findings follows %q", line)
	}
	end := 0
	for row := range strings.Lines(rows) {
		if !strings.HasPrefix(row, "|") {
			break
		}
		end += len(row)
	}
	var table strings.Builder
	cell := strings.NewReplacer("|", `\|`)
	for _, code := range codes {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", code.Code, cell.Replace(code.Cause), cell.Replace(code.Cure))
	}
	return before + "\n" + line + "\n" + between + head + table.String() + rows[end:], nil
}
