package dockerhub_test

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
)

func TestMessages(t *testing.T) { findingtest.Templates(t, rotation.Codes) }
