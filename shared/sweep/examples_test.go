package sweep_test

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
)

func TestMain(m *testing.M) { findingtest.Main(m, sweep.Codes) }
