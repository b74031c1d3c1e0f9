package adversary

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	report "github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

func init() {
	actor := &requiredRight{}
	add(Case{Number: 3, Exploit: "who may make a role, and attach nothing, gets a policy by way of the function", Limit: "RequireActorRight, AgentPolicyClusters", Play: actor.play, Control: actor.control, Alone: true})
}

// requiredRight is a second stack, which asks for the right of the principal that caused a
// look, and attaches its own policy for two clusters.
type requiredRight struct {
	stack *operator.Operator
	// weak is the role of somebody who may not attach policies to it.
	weak string
}

func (r *requiredRight) hasPolicies(t *testing.T, role string, want ...string) {
	t.Helper()
	eventually(t, role+" has the policies "+strings.Join(want, ", "), func(ctx context.Context) (bool, error) {
		attached, err := r.stack.AttachedPolicies(ctx, role)
		return slices.Equal(attached, want), err
	})
}

func (r *requiredRight) play(t *testing.T, w *world) {
	beside := must(w.Stack.Beside(t.Context(), "ecs-guardrails-actors", map[string]string{
		"InstanceRolePattern": "actorsRole*", "RequireActorRight": "yes", "AgentPolicyClusters": "storefront,shop",
	}))(t)
	r.stack, r.weak = operator.New(beside), "actorsRole-of-a-developer"
	developer := w.user(t, "developer", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:CreateRole","iam:AttachRolePolicy"],"Resource":"arn:aws:iam::123456789012:role/dev-*"}]}`)
	must(developer.CreateInstanceRole(t.Context(), r.weak))(t)
	eventually(t, "the developer's role was looked at", func(ctx context.Context) (bool, error) {
		results, err := r.stack.Results(ctx, "attach-policies")
		return slices.ContainsFunc(results, func(result operator.Result) bool {
			return strings.HasSuffix(result.Subject, "/"+r.weak) && result.Status == report.Planned && slices.Contains(result.Codes(), "no-mandate")
		}), err
	})
	r.hasPolicies(t, r.weak)
}

// control: an administrator's role gets the policy for the named clusters, and loses
// it when it leaves its profile; the developer's gets it when a person names it.
func (r *requiredRight) control(t *testing.T, w *world) {
	if r.stack == nil {
		t.Fatal("there is no second stack")
	}
	const role = "actorsRole-of-an-administrator"
	policy := must(r.stack.ResourceID(t.Context(), "AgentClustersPolicy"))(t)
	administrator := w.user(t, "administrator", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}`)
	must(administrator.CreateInstanceRole(t.Context(), role))(t)
	must(0, administrator.CreateInstanceProfile(t.Context(), role))(t)
	r.hasPolicies(t, role, policy)
	for cluster, want := range map[string]bool{"storefront": true, "shop": true, "payroll": false} {
		simulated := must(w.IAM.SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{
			PolicySourceArn: aws.String("arn:aws:iam::123456789012:role/" + role), ActionNames: []string{"ecs:RegisterContainerInstance"},
			ResourceArns: []string{"arn:aws:ecs:us-east-1:123456789012:cluster/" + cluster},
		}))(t)
		if allowed := simulated.EvaluationResults[0].EvalDecision == types.PolicyEvaluationDecisionTypeAllowed; allowed != want {
			t.Errorf("registering with %s: %v", cluster, allowed)
		}
	}
	must(r.stack.Invoke(t.Context(), "attach-policies", []byte(`{"role":"`+r.weak+`"}`)))(t)
	r.hasPolicies(t, r.weak, policy)
	must(administrator.IAM.RemoveRoleFromInstanceProfile(t.Context(), &iam.RemoveRoleFromInstanceProfileInput{RoleName: aws.String(role), InstanceProfileName: aws.String(role)}))(t)
	r.hasPolicies(t, role)
}
