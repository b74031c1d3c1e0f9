package taskfile

import (
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

func TestREADMEListsTheCodes(t *testing.T) {
	findingtest.README(t, "../../functions/patch-task-definition/README.md", *update, map[string][]finding.Code{
		"## Findings": slices.Concat(taskdef.Codes, Codes, pipeline.Codes),
	})
}

func TestEveryCodeIsDocumented(t *testing.T) { findingtest.Sources(t, nil, Codes, taskdef.Codes) }

func TestMessages(t *testing.T) {
	findingtest.Templates(t, slices.Concat(Codes, taskdef.Codes))
}
