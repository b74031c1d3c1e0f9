package taskdef

import (
	"slices"
	"testing"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/finding/findingtest"
	"ecsguardrails/shared/pipeline"
)

func TestREADMEListsTheCodes(t *testing.T) {
	findingtest.README(t, "../../functions/patch-task-definition/README.md", *update, map[string][]finding.Code{
		"## Findings": slices.Concat(Codes, pipeline.Codes),
	})
}

func TestEveryCodeIsDocumented(t *testing.T) {
	findingtest.Sources(t, map[string]int{"report": 0, "block": 0, "cure": 1, "attach": 2, "skipped": 0, "stale": 0, "skip": 1, "note": 1}, Codes, pipeline.Codes)
}
