package instancerole

import (
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
)

func TestMessages(t *testing.T) {
	findingtest.Templates(t, slices.Concat(Codes, pipeline.Codes))
}
