package taskfile

import (
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

// TestMain keeps the examples of the rules of taskdef that apply to files only, too.
func TestMain(m *testing.M) {
	others, _ := findingtest.ReadExamples("../taskdef/testdata/examples.json")
	findingtest.Main(m, slices.Concat(Codes, slices.DeleteFunc(slices.Clone(taskdef.Codes), func(code finding.Code) bool {
		_, has := others[code.Code]
		return has
	})))
}
