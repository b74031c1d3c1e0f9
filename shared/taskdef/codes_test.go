package taskdef

import (
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
)

func TestEveryCodeIsDocumented(t *testing.T) { findingtest.Sources(t, nil, Codes, pipeline.Codes) }

func TestMessages(t *testing.T) {
	findingtest.Templates(t, slices.Concat(Codes, pipeline.Codes))
}
