package configobject_test

import (
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
)

func TestMessages(t *testing.T) {
	findingtest.Templates(t, slices.Concat(configobject.Codes, pipeline.Codes))
}
