package adversary

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	report "github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

const (
	// sweepChangeLimit is small, so that few roles are over it.
	sweepChangeLimit = 8
	rolePath         = "/guardrails/"
	boundary         = "arn:aws:iam::aws:policy/AdministratorAccess"
)

func init() {
	add(
		Case{Number: 15, Exploit: "a wrong pattern has a sweep change a whole account", Limit: "SweepChangeLimit", Play: playSweep, Control: controlSweep, Alone: true},
		Case{Number: 16, Exploit: "a role of the stack's is outside of the account's boundary or path", Limit: "PermissionsBoundaryArn, RolePath", Play: playBoundary, Control: controlPassRole},
		Case{Number: 2, Exploit: "of all roles cured in this run, one reads more than its secret", Limit: "a grant reaches one secret", Play: playGrants, Alone: true},
	)
}

// sweepRoles looks at all roles, and gives the results of those with a prefix.
func (w *world) sweepRoles(t *testing.T, request, prefix string) (map[string]report.Status, sweepreport.Summary) {
	t.Helper()
	invoked := must(w.Invoke(t.Context(), "sweep", []byte(request)))(t)
	var answer struct{ Summary sweepreport.Summary }
	if err := json.Unmarshal(invoked.Payload, &answer); err != nil || invoked.FunctionError != "" {
		t.Fatalf("%v: %s", err, invoked.Payload)
	}
	found := map[string]report.Status{}
	for _, result := range answer.Summary.Results {
		if strings.HasPrefix(result.Subject, "role/"+prefix) {
			found[result.Subject] = result.Status
		}
	}
	return found, answer.Summary
}

// before makes roles that no event reports.
func (w *world) before(t *testing.T, prefix string, count int) {
	t.Helper()
	behind := operator.With(w.Stack, w.Stack.Behind)
	for i := range count {
		must(behind.CreateInstanceRole(t.Context(), fmt.Sprintf("%s%02d", prefix, i)))(t)
	}
}

func playSweep(t *testing.T, w *world) {
	const prefix = "ecsInstanceRole-everything-"
	// What the other cases left is cured first, so that the count is this case's.
	w.sweepRoles(t, `{"only":["roles"],"max-changes":1000}`, prefix)
	w.before(t, prefix, sweepChangeLimit+1)
	found, summary := w.sweepRoles(t, `{"only":["roles"]}`, prefix)
	if len(found) != sweepChangeLimit+1 {
		t.Errorf("%d roles are informed about", len(found))
	}
	for role, status := range found {
		if status != report.Planned {
			t.Errorf("%s is %s", role, status)
		}
		w.nothingAttached(t, strings.TrimPrefix(role, "role/"))
	}
	if !strings.Contains(summary.Asks, "without approval") || !strings.Contains(summary.Asks, `max-changes`) {
		t.Errorf("the report doesn't say how to allow it: %q", summary.Asks)
	}
}

// controlSweep: with the number that the report asks for, they are changed, and
// fewer ones without being asked.
func controlSweep(t *testing.T, w *world) {
	const prefix = "ecsInstanceRole-everything-"
	found, _ := w.sweepRoles(t, fmt.Sprintf(`{"only":["roles"],"max-changes":%d}`, sweepChangeLimit+1), prefix)
	for role, status := range found {
		if status != report.Remediated {
			t.Errorf("%s is %s", role, status)
		}
	}
	const few = "ecsInstanceRole-few-"
	w.before(t, few, 2)
	if found, _ := w.sweepRoles(t, `{"only":["roles"]}`, few); len(found) != 2 || found["role/"+few+"00"] != report.Remediated {
		t.Errorf("two roles are %v", found)
	}
}

// stackRoles are the ARNs of the roles that the stack made.
func (w *world) stackRoles(t *testing.T) []string {
	t.Helper()
	var names []string
	pages := cloudformation.NewListStackResourcesPaginator(w.CloudFormation, &cloudformation.ListStackResourcesInput{StackName: &w.Stack.Name})
	for pages.HasMorePages() {
		for _, resource := range must(pages.NextPage(t.Context()))(t).StackResourceSummaries {
			if aws.ToString(resource.ResourceType) == "AWS::IAM::Role" {
				names = append(names, aws.ToString(resource.PhysicalResourceId))
			}
		}
	}
	return names
}

func playBoundary(t *testing.T, w *world) {
	names := w.stackRoles(t)
	if len(names) < 8 {
		t.Errorf("the stack has the roles %q", names)
	}
	for _, name := range names {
		role := must(w.IAM.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &name}))(t).Role
		if aws.ToString(role.Path) != rolePath || role.PermissionsBoundary == nil || aws.ToString(role.PermissionsBoundary.PermissionsBoundaryArn) != boundary {
			t.Errorf("%s has the path %s and the boundary %+v", name, aws.ToString(role.Path), role.PermissionsBoundary)
		}
	}
}

// controlPassRole: patch-task-definition hands roles on to ECS's tasks, and to
// nothing else.
func controlPassRole(t *testing.T, w *world) {
	function := aws.ToString(must(w.Lambda.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(w.FunctionARN("patch-task-definition"))}))(t).Role)
	for service, want := range map[string]bool{"ecs-tasks.amazonaws.com": true, "ec2.amazonaws.com": false, "lambda.amazonaws.com": false} {
		simulated := must(w.IAM.SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{
			PolicySourceArn: &function, ActionNames: []string{"iam:PassRole"}, ResourceArns: []string{"arn:aws:iam::123456789012:role/any"},
			ContextEntries: []types.ContextEntry{{ContextKeyName: aws.String("iam:PassedToService"), ContextKeyType: types.ContextKeyTypeEnumString, ContextKeyValues: []string{service}}},
		}))(t)
		if allowed := simulated.EvaluationResults[0].EvalDecision == "allowed"; allowed != want {
			t.Errorf("passing a role to %s: %v", service, allowed)
		}
	}
}

// playGrants lists every grant that this run made, and holds each role against
// every other secret and object.
func playGrants(t *testing.T, w *world) {
	grants := must(w.Grants(t.Context()))(t)
	if len(grants) == 0 {
		t.Fatal("no role was cured")
	}
	granted := map[string][]string{}
	for _, grant := range grants {
		granted[grant.Role] = append(granted[grant.Role], grant.Secret)
		fmt.Printf("granted: %s reads %s\n", grant.Role, grant.Secret)
	}
	for role, secrets := range granted {
		reached := must(w.Reaches(t.Context(), role, w.Stack.Outputs["ConfigBucket"]))(t)
		slices.Sort(secrets)
		slices.Sort(reached)
		if !slices.Equal(secrets, reached) {
			t.Errorf("%s was granted %q and reaches %q", role, secrets, reached)
		}
	}
}
