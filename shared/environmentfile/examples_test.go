package environmentfile_test

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/environmentfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

func TestMain(m *testing.M) { findingtest.Main(m, environmentfile.Codes()) }
