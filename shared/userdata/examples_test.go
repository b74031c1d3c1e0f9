package userdata_test

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata"
)

func TestMain(m *testing.M) { findingtest.Main(m, userdata.Codes()) }
