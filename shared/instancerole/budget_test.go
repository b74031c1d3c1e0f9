package instancerole

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// slow is an account in which each of the calls that a role costs takes a
// second, so that the time of a look says how many calls waited for one another.
type slow struct{ *account }

func (s slow) GetRole(ctx context.Context, input *iam.GetRoleInput, change ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	time.Sleep(time.Second)
	return s.account.GetRole(ctx, input, change...)
}

func (s slow) ListAttachedRolePolicies(ctx context.Context, input *iam.ListAttachedRolePoliciesInput, change ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error) {
	time.Sleep(time.Second)
	return s.account.ListAttachedRolePolicies(ctx, input, change...)
}

func (s slow) SimulatePrincipalPolicy(ctx context.Context, input *iam.SimulatePrincipalPolicyInput, change ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error) {
	time.Sleep(time.Second)
	return s.account.SimulatePrincipalPolicy(ctx, input, change...)
}

// A compliant role costs three calls, two deep, whatever it must be able to do;
// a bare one those, one per policy, one tag, and a last look at the role: an undo
// may have come in between.
func TestCallsOfARole(t *testing.T) {
	justAgent := map[string]string{capabilitiesTag: "agent"}
	const three = "GetRole ListAttachedRolePolicies SimulatePrincipalPolicy"
	tests := map[string]struct {
		role   storedRole
		status finding.Status
		writes string
	}{
		"compliant":        {storedRole{attached: []PolicyARN{agentARN}, tags: justAgent}, finding.Compliant, ""},
		"by its own means": {storedRole{inline: []string{allow("ecs:*", "ec2:*")}, tags: justAgent}, finding.Compliant, ""},
		"compliant in all": {
			storedRole{
				attached: []PolicyARN{agentARN, ssmARN}, inline: []string{allow("s3:Get*", "s3:List*", "logs:*")},
				tags: map[string]string{capabilitiesTag: "agent ecr config logs ssm"},
			},
			finding.Compliant, "",
		},
		// What it lacks is worth a look at its own policies, and at the capacity
		// providers that may launch instances with it.
		"bare": {storedRole{tags: justAgent}, finding.Remediated, " DescribeCapacityProviders ListRolePolicies TagRole AttachRolePolicy GetRole"},
		"bare, all": {
			storedRole{tags: map[string]string{capabilitiesTag: "agent ecr config logs ssm"}}, finding.Remediated,
			" DescribeCapacityProviders ListRolePolicies TagRole AttachRolePolicy AttachRolePolicy AttachRolePolicy AttachRolePolicy GetRole",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				role := test.role
				role.name, role.trust = "ecsInstanceRole", ec2Trust
				a := newAccount(&role)
				settings := testSettings()
				settings.Capabilities = capabilities
				observer := &Observer{Settings: settings, Region: "us-east-1", Roles: slow{a}, Account: a, Instances: a, Providers: a, Now: time.Now}
				began := time.Now()
				outcome := assemble(settings, observer, Applier{Roles: a}).Handle(t.Context(), []byte(`{"role":"ecsInstanceRole"}`))
				depth := time.Since(began)
				if results := outcome.Report().Results; len(results) != 1 || results[0].Status != test.status {
					t.Fatalf("got %+v, want %s", results, test.status)
				}
				if depth != 2*time.Second {
					t.Errorf("the look took %s where each call takes a second", depth)
				}
				// The two that go side by side are recorded in either order.
				slices.Sort(a.calls[min(3, len(a.calls)):min(5, len(a.calls))])
				calls := strings.Replace(fmt.Sprint(a.calls), "SimulatePrincipalPolicy ListAttachedRolePolicies", "ListAttachedRolePolicies SimulatePrincipalPolicy", 1)
				if want := "[" + three + test.writes + "]"; calls != want {
					t.Errorf("it cost the calls %s, want %s", calls, want)
				}
			})
		})
	}
}
