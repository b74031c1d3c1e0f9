package endtoend

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/load"
)

// burst is how many roles somebody's tool creates at once.
var burst = flag.Int("burst", 150, "how many `roles` are created at once, and a tenth as many files and task definitions; make load creates two thousand")

func testBurst(t *testing.T, w *world) {
	mark := w.Stack.Record.Mark()
	wanted := load.Burst{Name: "burst", Roles: *burst, Uploads: *burst / 10, TaskDefinitions: *burst / 10}
	result, err := wanted.Run(t.Context(), load.Account{Operator: w.Operator, ExecutionRole: w.executionRole})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v: made within %s and right after %s; %v looks", wanted, result.Made.Round(time.Second), result.Right.Round(time.Second), result.Looks)
	for _, subject := range result.Again {
		t.Log(subject)
	}
	for _, subject := range result.Lost {
		t.Errorf("lost: %s", subject)
	}
	for _, subject := range result.Doubled {
		t.Errorf("done twice: %s", subject)
	}
	counted := load.CallsAbout(w.Stack.Record, mark, "attach-policies")
	for number := range wanted.Roles {
		role := fmt.Sprintf("ecsInstanceRole-burst-%04d", number)
		// A queue delivers at least once: what comes twice is looked at twice.
		if calls := counted[role]; !costs(calls, max(calls["ListAttachedRolePolicies"], 1), 1) {
			t.Errorf("%s got its policy by the calls %v", role, calls)
		}
	}
	if looks := result.Looks["attach-policies"]; looks > wanted.Roles+wanted.Roles/20 {
		t.Errorf("%d roles were looked at %d times", wanted.Roles, looks)
	}
}
