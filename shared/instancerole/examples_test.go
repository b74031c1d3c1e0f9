package instancerole

import (
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
)

func TestMain(m *testing.M) { findingtest.Main(m, slices.Concat(Codes, pipeline.Codes)) }
