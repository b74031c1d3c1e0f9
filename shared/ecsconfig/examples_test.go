package ecsconfig_test

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/readingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

func TestMain(m *testing.M) {
	readingtest.Main(readings)
	findingtest.Main(m, ecsconfig.Codes())
}

// readings are what tests/agentstart holds against the readers themselves.
func readings(reader string, content []byte) (map[string]secret.Text, error) {
	switch file := ecsconfig.Parse(content); reader {
	case "systemd":
		return file.Systemd()
	case "docker run":
		return file.DockerRun()
	default:
		return file.Environment(), nil
	}
}
