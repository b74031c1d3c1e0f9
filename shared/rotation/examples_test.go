package rotation_test

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
)

func TestMain(m *testing.M) { findingtest.Main(m, rotation.Codes) }
