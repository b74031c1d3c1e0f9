package taskdef

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

func TestMain(m *testing.M) { findingtest.Main(m, Codes) }
