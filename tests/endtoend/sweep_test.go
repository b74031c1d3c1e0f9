package endtoend

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"ecsguardrails/shared/finding"
	"ecsguardrails/tests/operator"
)

// testSweep makes things while the rules are off, as if before the stack was
// deployed.
func testSweep(t *testing.T, w *world) {
	const role, family = "ecsInstanceRole-older", "older"
	var rules []string
	for _, logicalID := range []string{"RoleChangedRule", "TaskDefinitionRegisteredRule"} {
		rule := must(w.ResourceID(t.Context(), logicalID))(t)
		must(w.EventBridge.DisableRule(t.Context(), &eventbridge.DisableRuleInput{Name: &rule}))(t)
		rules = append(rules, rule)
	}
	must(w.CreateInstanceRole(t.Context(), role))(t)
	first := must(w.register(t.Context(), family, w.executionRole, w.Stack.Registry.Image()))(t)

	invocation := must(w.Invoke(t.Context(), "sweep", []byte(`{"sweep":"all"}`)))(t)
	if invocation.FunctionError != "" {
		t.Fatalf("sweep failed: %s", invocation.ErrorMessage)
	}
	for _, result := range invocation.Report.Results {
		if err := check(result); err != nil || result.Status != finding.Compliant {
			t.Errorf("%s: %s, %v", result.Subject, result.Status, err)
		}
	}
	w.hasPolicies(t, role, operator.AgentPolicy)
	w.patched(t, family, first)
	w.logged(t, "rotate-secret", "a look at the secret", func(result operator.Result) bool {
		return result.Subject == w.registrySecret && result.Status == finding.Compliant
	})

	// The events of both come as late as their calls were recorded, so the rules
	// stay off until then.
	for _, rule := range rules {
		must(w.EventBridge.EnableRule(t.Context(), &eventbridge.EnableRuleInput{Name: &rule}))(t)
	}
	for _, delivery := range w.Stack.Deliveries() {
		if name := delivery.Event.Detail["eventName"]; name == "CreateRole" || name == "RegisterTaskDefinition" {
			t.Errorf("a rule that was off delivered %s", name)
		}
	}
}
