package environmentfile_test

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/environmentfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/readingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

func TestMain(m *testing.M) {
	readingtest.Main(readings)
	findingtest.Main(m, environmentfile.Codes())
}

// readings are what tests/agentstart holds against the agent's reader, in which the
// last one of a name counts.
func readings(_ string, content []byte) (map[string]secret.Text, error) {
	assignments, err := environmentfile.Parse(content)
	variables := map[string]secret.Text{}
	for _, a := range assignments {
		variables[a.Name] = a.Value
	}
	return variables, err
}
