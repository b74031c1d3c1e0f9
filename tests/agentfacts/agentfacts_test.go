package agentfacts_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/tests/agentfacts"

	"github.com/google/go-cmp/cmp"
)

// TestFactsAreOfTheSource takes the facts again, from the module proxy or from the
// checkout that ECS_AGENT_SOURCE names. The catalogue is held against the committed
// facts in every run, by shared/ecsconfig.
func TestFactsAreOfTheSource(t *testing.T) {
	text, err := os.ReadFile("../../shared/ecsconfig/testdata/agent-facts.json")
	if err != nil {
		t.Fatal(err)
	}
	var committed agentfacts.Facts
	if err := json.Unmarshal(text, &committed); err != nil {
		t.Fatal(err)
	}
	source := sourceOf(t, committed.Agent)
	if source.Version != committed.Agent {
		t.Fatalf("ECS_AGENT_SOURCE is a checkout of %s, and the facts are of %s: check out that one", source.Version, committed.Agent)
	}
	facts, err := agentfacts.Extract(source)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(committed, facts); diff != "" {
		t.Errorf("run make agent-facts (-committed +source):\n%s", diff)
	}
}

// sourceOf finds the agent's source.
func sourceOf(t *testing.T, version string) agentfacts.Source {
	t.Helper()
	if directory := os.Getenv("ECS_AGENT_SOURCE"); directory != "" {
		source, err := agentfacts.FromPath(directory)
		if err != nil {
			t.Fatal(err)
		}
		return source
	}
	source, err := agentfacts.FromProxy(version)
	if err != nil {
		t.Skipf("the agent's source is not in this repository, and the module proxy doesn't give it: %v", err)
	}
	return source
}
