package configbucket_test

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

func TestMessages(t *testing.T) {
	findingtest.Templates(t, configbucket.Codes)
}
