package endtoend

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"ecsguardrails/shared/finding"
	"ecsguardrails/tests/operator"
	"ecsguardrails/tests/stack"
)

// testActorsRight has two people make roles: one may attach policies, and the other
// may not. What is attached reaches the named clusters alone, and is taken back when
// the role leaves its profile.
func testActorsRight(ctx context.Context, t *testing.T, o *operator.Operator) {
	policy := must(o.ResourceID(ctx, "AgentClustersPolicy"))(t)
	as := func(name, document string) *operator.Operator {
		t.Helper()
		_, config, err := o.User(ctx, name, document)
		if err != nil {
			t.Fatal(err)
		}
		return operator.With(o.Stack, config)
	}
	hasPolicies := func(role string, want ...string) {
		t.Helper()
		if err := stack.Wait(ctx, role+" having the policies "+strings.Join(want, ", "), func(ctx context.Context) (bool, error) {
			attached, err := o.AttachedPolicies(ctx, role)
			return slices.Equal(attached, want), err
		}); err != nil {
			t.Fatal(err)
		}
	}

	const weak, strong = "ecsInstanceRole-of-a-developer", "ecsInstanceRole-of-an-administrator"
	developer := as("developer", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:CreateRole","iam:AttachRolePolicy"],"Resource":"arn:aws:iam::`+stack.Account+`:role/dev-*"}]}`)
	must(developer.CreateInstanceRole(ctx, weak))(t)
	if err := stack.Wait(ctx, "the developer's role being looked at", func(ctx context.Context) (bool, error) {
		results, err := o.Results(ctx, "attach-policies")
		return slices.ContainsFunc(results, func(result operator.Result) bool {
			return strings.HasSuffix(result.Subject, "/"+weak) && result.Status == finding.Planned && slices.Contains(result.Codes(), "no-mandate")
		}), err
	}); err != nil {
		t.Fatal(err)
	}
	hasPolicies(weak)

	administrator := as("administrator", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}`)
	must(administrator.CreateInstanceRole(ctx, strong))(t)
	must(0, administrator.CreateInstanceProfile(ctx, strong))(t)
	hasPolicies(strong, policy)
	for cluster, want := range map[string]bool{"storefront": true, "shop": true, "payroll": false} {
		simulated := must(o.IAM.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
			PolicySourceArn: aws.String(global("role/" + strong)), ActionNames: []string{"ecs:RegisterContainerInstance"}, ResourceArns: []string{clusterARN(cluster)},
		}))(t)
		if allowed := simulated.EvaluationResults[0].EvalDecision == types.PolicyEvaluationDecisionTypeAllowed; allowed != want {
			t.Errorf("registering with %s: %v", cluster, allowed)
		}
	}

	// Named by hand, the right to invoke the function is the mandate.
	must(o.Invoke(ctx, "attach-policies", []byte(`{"role":"`+weak+`"}`)))(t)
	hasPolicies(weak, policy)

	must(administrator.IAM.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{RoleName: aws.String(strong), InstanceProfileName: aws.String(strong)}))(t)
	hasPolicies(strong)
}
