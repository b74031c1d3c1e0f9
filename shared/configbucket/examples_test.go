package configbucket_test

import (
	"flag"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

var _ = flag.Bool("update", false, "replace the examples that no longer hold")

func TestMain(m *testing.M) { findingtest.Main(m, configbucket.Codes) }
