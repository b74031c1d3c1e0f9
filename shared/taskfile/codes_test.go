package taskfile

import (
	"slices"
	"testing"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/finding/findingtest"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/taskdef"
)

func TestREADMEListsTheCodes(t *testing.T) {
	findingtest.README(t, "../../functions/patch-task-definition/README.md", *update, map[string][]finding.Code{
		"## Findings": slices.Concat(taskdef.Codes, Codes, pipeline.Codes),
	})
}

func TestEveryCodeIsDocumented(t *testing.T) {
	findingtest.Sources(t, map[string]int{"note": 1}, Codes, taskdef.Codes)
}
