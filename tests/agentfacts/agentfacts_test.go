package agentfacts_test

import (
	"encoding/json"
	"os"
	"testing"

	"ecsguardrails/tests/agentfacts"

	"github.com/google/go-cmp/cmp"
)

// TestFactsAreOfTheSource takes the facts again where a checkout of the agent is
// at hand. The catalogue is held against the committed facts in every run, by
// shared/ecsconfig.
func TestFactsAreOfTheSource(t *testing.T) {
	directory := os.Getenv("ECS_AGENT_SOURCE")
	if directory == "" {
		t.Skip("set ECS_AGENT_SOURCE to a checkout of aws/amazon-ecs-agent")
	}
	text, err := os.ReadFile("../../shared/ecsconfig/testdata/agent-facts.json")
	if err != nil {
		t.Fatal(err)
	}
	var committed agentfacts.Facts
	if err := json.Unmarshal(text, &committed); err != nil {
		t.Fatal(err)
	}
	source, err := agentfacts.FromPath(directory)
	if err != nil {
		t.Fatal(err)
	}
	if source.Version != committed.Agent {
		t.Skipf("the checkout is of %s, the facts are of %s", source.Version, committed.Agent)
	}
	facts, err := agentfacts.Extract(source)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(committed, facts); diff != "" {
		t.Errorf("run make agent-facts (-committed +source):\n%s", diff)
	}
}
