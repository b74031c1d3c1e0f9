package diagnosis

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

// Whatever an event holds, each subject gets a result that keeps the contract,
// and no message breaks the line that it stands on.
func FuzzEvents(f *testing.F) {
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"service":"main/web"}`))
	f.Fuzz(func(t *testing.T, event []byte) {
		a := newAccount()
		a.define("", "")
		for _, result := range a.diagnosis(finding.Enforce).Handle(t.Context(), event).Report().Results {
			if err := findingtest.Check(result); err != nil {
				t.Error(err)
			}
			for _, found := range result.Findings {
				if strings.ContainsFunc(found.Message, unicode.IsControl) {
					t.Errorf("%s: control characters in %q", found.Code, found.Message)
				}
			}
		}
	})
}
