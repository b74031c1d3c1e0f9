package instancerole

import (
	"maps"
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// checkCallBudget: a role that is not ours costs one call, a compliant one
// three, and one that lacks policies those, one per policy and one tag. Pages
// of the list and the account's quota come on top for roles with many policies,
// and the second look for those whose policy is for single clusters.
func checkCallBudget(t *testing.T, a *account, result finding.Result, before, after []PolicyARN) {
	t.Helper()
	budget := 3
	if result.Status == finding.Skipped {
		budget = 1
	}
	if len(before) > 3 {
		budget += (len(before)-1)/3 + 1
	}
	if slices.Contains(a.calls, "ListRolePolicies") {
		// What it lacks is worth a look at its own policies and at capacity providers.
		budget += 3 + 2*len(before) + 4
	}
	if attached := len(after) - len(before); attached > 0 {
		budget += attached + 1
	}
	if slices.Contains(a.calls, "AttachRolePolicy") && len(after) == len(before) {
		budget += 2
	}
	if len(a.calls) > budget {
		t.Errorf("%d calls, want at most %d: %v", len(a.calls), budget, a.calls)
	}
}

// checkDryRun repeats the look at the role as it was: the findings are the
// same, and nothing is written.
func checkDryRun(t *testing.T, s Settings, a *account, enforced finding.Result, role *storedRole, before []PolicyARN, tags map[string]string) {
	t.Helper()
	changed := *role
	role.attached, role.tags = slices.Clone(before), maps.Clone(tags)
	defer func() { *role = changed }()
	s.Mode = finding.DryRun
	a.calls = nil
	planned := handle(t, s, a, `{"role":"`+role.name+`"}`)
	for _, call := range a.calls {
		if slices.Contains([]string{attachRolePolicy, detachRolePolicy, tagRole, untagRole}, call) {
			t.Errorf("the dry run called %s", call)
		}
	}
	want := enforced.Status
	if want == finding.Remediated || slices.ContainsFunc(enforced.Findings, func(f finding.Finding) bool { return f.Code == "policy-gone" }) {
		want = finding.Planned
	}
	if planned.Status != want {
		t.Errorf("the dry run ended as %s, want %s", planned.Status, want)
	}
	if len(planned.Actions) != len(enforced.Actions) {
		t.Errorf("the dry run planned %d actions, %d were carried out", len(planned.Actions), len(enforced.Actions))
	}
}

// checkConverges: the second look finds nothing more to do.
func checkConverges(t *testing.T, s Settings, a *account, role *storedRole, first finding.Result) {
	t.Helper()
	if slices.ContainsFunc(first.Findings, func(f finding.Finding) bool { return f.Code == "policy-gone" }) {
		return
	}
	attached, tags := slices.Clone(role.attached), maps.Clone(role.tags)
	second := handle(t, s, a, `{"role":"`+role.name+`"}`)
	if first.Status == finding.Remediated && second.Status != finding.Compliant {
		t.Errorf("the second look ended as %s: %+v", second.Status, second.Findings)
	}
	second.Actions = slices.DeleteFunc(second.Actions, func(action finding.Action) bool { return !action.Mandate.IsGiven() })
	if len(second.Actions) != 0 || !slices.Equal(role.attached, attached) || !maps.Equal(role.tags, tags) {
		t.Errorf("the second look still acted: %+v", second.Actions)
	}
}
