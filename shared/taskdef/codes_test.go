package taskdef

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
)

func TestEveryCodeIsDocumented(t *testing.T) {
	findingtest.Sources(t, map[string]int{"report": 0, "block": 0, "cure": 1, "attach": 2, "skipped": 0, "stale": 0, "skip": 1}, Codes, pipeline.Codes)
}
