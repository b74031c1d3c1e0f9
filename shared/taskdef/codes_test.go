package taskdef

import (
	"testing"

	"ecsguardrails/shared/finding/findingtest"
	"ecsguardrails/shared/pipeline"
)

func TestEveryCodeIsDocumented(t *testing.T) {
	findingtest.Sources(t, map[string]int{"report": 0, "block": 0, "cure": 1, "attach": 2, "skipped": 0, "stale": 0, "skip": 1}, Codes, pipeline.Codes)
}
