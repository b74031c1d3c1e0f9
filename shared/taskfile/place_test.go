package taskfile

import (
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

// TestTheContainerIsFoundByItsNumber: two containers with one name are told apart, and
// an item whose name isn't shown is found.
func TestTheContainerIsFoundByItsNumber(t *testing.T) {
	text := `{
  "family": "app",
  "containerDefinitions": [
    {"name": "app", "image": "nginx", "memory": 64},
    {"name": "app", "image": "nginx",
      "secrets": [
        {"name": "FIRST", "valueFrom": "/prod/first"},
        {"name": "ghp_0123456789abcdefghijABCDEFGHIJ012345", "valueFrom": ""}
      ]}
  ]
}`
	lines := map[string]int{"name-used-twice": 5, "memory-missing": 5, "secret-reference-invalid": 8}
	for _, draft := range ReadDrafts([]byte(text)) {
		judged, err := judge(t.Context(), taskdef.Settings{}, draft, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range judged.findings {
			if line, expected := lines[f.Code]; expected {
				if f.Line != line {
					t.Errorf("%s is at line %d, not %d: %s", f.Code, f.Line, line, f.Message)
				}
				delete(lines, f.Code)
			}
			if strings.Contains(f.Message+f.Fix, "0123456789abcdefghij") {
				t.Errorf("%s shows a secret: %s", f.Code, f.Message)
			}
		}
	}
	if len(lines) > 0 {
		t.Errorf("not found: %v", lines)
	}
}
