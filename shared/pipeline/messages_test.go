package pipeline

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

func TestMessages(t *testing.T) { findingtest.Templates(t, Codes) }
