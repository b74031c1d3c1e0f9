package sweep_test

import (
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
)

func TestMessages(t *testing.T) {
	findingtest.Templates(t, slices.Concat(sweep.Codes, pipeline.Codes))
}
