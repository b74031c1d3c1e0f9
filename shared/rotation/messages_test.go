package rotation_test

import (
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
)

func TestMessages(t *testing.T) {
	findingtest.Templates(t, slices.Concat(rotation.Codes, pipeline.Codes))
}
