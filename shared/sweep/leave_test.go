package sweep_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
)

const (
	rotateARN    = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
	executionARN = "arn:aws:iam::123456789012:role/stack-TaskExecutionRole"
	agentARN     = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
)

// departing is an account with what only leaving reads and changes.
type departing struct {
	*account
	policies  map[string]string
	roles     map[string]string
	refused   error
	mutex     sync.Mutex
	cancelled []string
}

func (d *departing) GetResourcePolicy(_ context.Context, input *secretsmanager.GetResourcePolicyInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetResourcePolicyOutput, error) {
	return &secretsmanager.GetResourcePolicyOutput{ResourcePolicy: aws.String(d.policies[*input.SecretId])}, d.refused
}

func (d *departing) CancelRotateSecret(_ context.Context, input *secretsmanager.CancelRotateSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.CancelRotateSecretOutput, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.cancelled = append(d.cancelled, *input.SecretId)
	return &secretsmanager.CancelRotateSecretOutput{}, nil
}

func (d *departing) DescribeTaskDefinition(_ context.Context, input *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &ecstypes.TaskDefinition{
		TaskDefinitionArn: aws.String("arn:aws:ecs:us-east-1:123456789012:task-definition/" + *input.TaskDefinition + ":3"), ExecutionRoleArn: aws.String(d.roles[*input.TaskDefinition]),
	}}, nil
}

func rotating(entry secretstypes.SecretListEntry, function string) secretstypes.SecretListEntry {
	entry.RotationEnabled, entry.RotationLambdaARN = aws.Bool(true), &function
	return entry
}

func leave(t *testing.T, d *departing, settings sweep.Settings, payload string) pipeline.Outcome {
	t.Helper()
	settings.RotateSecretARN, settings.ExecutionRoleARN = rotateARN, executionARN
	settings.StackID = "arn:aws:cloudformation:us-east-1:123456789012:stack/guards/11111111-2222"
	function := sweep.New(settings, sweep.Clients{
		Roles: d, Families: d, Services: d, Rules: d, Schedules: d, Secrets: d, Trails: d, Storage: d, Queues: d, Definitions: d, Departure: d, Region: "us-east-1",
	}, time.Now)
	outcome := function.Handle(t.Context(), []byte(payload))
	for _, result := range outcome.Report().Results {
		if err := findingtest.Check(result); err != nil {
			t.Errorf("%s: %v", result.Subject, err)
		}
	}
	return outcome
}

func dependent() *departing {
	a := awake()
	lent := role("ecsInstanceRole-lent", agentARN)
	lent.Tags = []iamtypes.Tag{{Key: aws.String("ecs-guardrails:attached/11111111-2222/" + agentHash), Value: aws.String(agentARN + " at=2026-11-22T00:10:00Z")}}
	others := role("ecsInstanceRole-others", agentARN)
	others.Tags = []iamtypes.Tag{{Key: aws.String("ecs-guardrails:attached/99999999-8888/" + agentHash), Value: aws.String(agentARN + " at=2026-11-22T00:10:00Z")}}
	takenBack := role("ecsInstanceRole-taken-back")
	takenBack.Tags = lent.Tags
	a.roles = []iamtypes.RoleDetail{lent, others, takenBack, role("unrelated", agentARN)}
	a.secrets = []secretstypes.SecretListEntry{
		rotating(registrySecret("prod/hub", "", "ecs-guardrails:driver", "ecs-guardrails:registry"), rotateARN),
		rotating(registrySecret("prod/other", "", "ecs-guardrails:driver"), "arn:aws:lambda:us-east-1:123456789012:function:their-own"),
		registrySecret("prod/off", "", "ecs-guardrails:driver", "ecs-guardrails:registry"),
	}
	a.families, a.objects["own"] = []string{"web", "batch"}, []string{"prod/ecs.config"}
	return &departing{
		account: a, roles: map[string]string{"web": executionARN, "batch": "arn:aws:iam::123456789012:role/theirs"},
		policies: map[string]string{
			secretARN + "prod/hub": `{"Version":"2012-10-17","Statement":[{"Sid":"EcsGuardrailsExecutionRoles","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:role/webExecution"]},"Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`,
			secretARN + "prod/off": `{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:role/x"]},"Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`,
		},
	}
}

// agentHash is that of the agent's policy in the record's tags.
const agentHash = "d6ecc2b2"

func TestLeave(t *testing.T) {
	d := dependent()
	outcome := leave(t, d, enforcing(), `{"leave":true}`)
	want := []string{
		"role/ecsInstanceRole-lent compliant [loan-kept]",
		secretARN + "prod/hub remediated [rotation-stack-bound]",
		secretARN + "prod/hub#policy compliant [grant-kept]",
		"arn:aws:ecs:us-east-1:123456789012:task-definition/web:3 compliant [execution-role-kept]",
		"s3://own compliant [bucket-kept]",
		"leave compliant [leave-ready]",
	}
	if got := lines(outcome); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !slices.Equal(d.cancelled, []string{secretARN + "prod/hub"}) {
		t.Errorf("turned off are the rotations of %q", d.cancelled)
	}
	for _, result := range outcome.Report().Results {
		if result.Findings[0].Fix == "" || strings.Contains(result.Findings[0].Message, "%!") {
			t.Errorf("got %+v", result.Findings[0])
		}
	}
}

func TestLeaveChangesNothingInADryRun(t *testing.T) {
	dry := enforcing()
	dry.Mode = finding.DryRun
	for payload, settings := range map[string]sweep.Settings{`{"leave":true}`: dry, `{"leave":true,"dry-run":true}`: enforcing()} {
		d := dependent()
		outcome := leave(t, d, settings, payload)
		if got := lines(outcome); len(d.cancelled) > 0 || !slices.Contains(got, secretARN+"prod/hub planned [rotation-stack-bound]") {
			t.Errorf("%s turned off %q: %q", payload, d.cancelled, got)
		}
	}
}

func TestLeaveWithNothingThatDepends(t *testing.T) {
	d := &departing{account: awake()}
	if got := lines(leave(t, d, enforcing(), `{"leave":true}`)); !slices.Equal(got, []string{"leave compliant [leave-ready]"}) {
		t.Errorf("got %q", got)
	}
}

// TestLeaveKeepsWhatOthersWrote: what a reader pastes disturbs no statement of a
// secret's owner, and takes all of the stack's policies off a role.
func TestLeaveKeepsWhatOthersWrote(t *testing.T) {
	d := dependent()
	hub := secretARN + "prod/hub"
	fixes := func() map[string]string {
		of := map[string]string{}
		for _, result := range leave(t, d, enforcing(), `{"leave":true}`).Report().Results {
			of[result.Subject] = result.Findings[0].Fix
		}
		return of
	}
	if fix := fixes()[hub+"#policy"]; !strings.Contains(fix, "delete-resource-policy") {
		t.Errorf("of a policy with nothing else: %s", fix)
	}
	d.policies[hub] = strings.Replace(d.policies[hub], `"Statement":[`, `"Statement":[{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"secretsmanager:DeleteSecret","Resource":"*"},`, 1)
	const second = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
	lent := role("ecsInstanceRole-lent", agentARN, second)
	lent.Tags = []iamtypes.Tag{
		{Key: aws.String("ecs-guardrails:attached/11111111-2222/" + agentHash), Value: aws.String(agentARN + " at=2026-11-22T00:10:00Z")},
		{Key: aws.String("ecs-guardrails:attached/11111111-2222/317d63dd"), Value: aws.String(second + " at=2026-11-22T00:10:00Z")},
	}
	d.account.roles[0] = lent
	got := fixes()
	if fix := got[hub+"#policy"]; strings.Contains(fix, "delete-resource-policy") || !strings.Contains(fix, "put-resource-policy") {
		t.Errorf("of a policy with its owner's statements: %s", fix)
	}
	if fix := got["role/ecsInstanceRole-lent"]; !strings.Contains(fix, "for policy in "+agentARN+" "+second+"; do") && !strings.Contains(fix, "for policy in "+second+" "+agentARN+"; do") {
		t.Errorf("of two policies: %s", fix)
	}
}

// TestLeaveWaitsForARotation: one that is under way is not cut off.
func TestLeaveWaitsForARotation(t *testing.T) {
	d := dependent()
	d.secrets[0].RotationLambdaARN = aws.String(rotateARN + ":live")
	d.secrets[0].SecretVersionsToStages = map[string][]string{"v1": {"AWSCURRENT"}, "v2": {"AWSPENDING"}}
	got := lines(leave(t, d, enforcing(), `{"leave":true}`))
	if len(d.cancelled) > 0 || !slices.Contains(got, secretARN+"prod/hub noncompliant [rotation-stack-bound]") || got[len(got)-1] != "leave noncompliant [leave-incomplete]" {
		t.Errorf("turned off %q: %q", d.cancelled, got)
	}
	d.secrets[0].SecretVersionsToStages = map[string][]string{"v1": {"AWSPREVIOUS"}, "v2": {"AWSCURRENT", "AWSPENDING"}}
	if leave(t, d, enforcing(), `{"leave":true}`); len(d.cancelled) != 1 {
		t.Errorf("after its end, turned off are %q", d.cancelled)
	}
}

func TestLeaveSaysWhatItCannotSee(t *testing.T) {
	d := dependent()
	d.refused = &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no"}
	got := lines(leave(t, d, enforcing(), `{"leave":true}`))
	if last := got[len(got)-1]; last != "leave noncompliant [leave-incomplete]" {
		t.Errorf("got %q", got)
	}
}

// TestLeaveIsAskedByHandOnly: no queue and no other word has the stack let go.
func TestLeaveIsAskedByHandOnly(t *testing.T) {
	for _, payload := range []string{
		`{"leave":false}`, `{"leave":"true"}`, `{"leave":null}`,
		`{"Records":[{"messageId":"1","receiptHandle":"r","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:sweep","body":"{\"leave\":true}"}]}`,
	} {
		d := dependent()
		outcome := leave(t, d, enforcing(), payload)
		if len(d.cancelled) > 0 || len(outcome.Report().Results) != 1 || outcome.Report().Results[0].Status == finding.Compliant {
			t.Errorf("%s: %q turned off; %q", payload, d.cancelled, lines(outcome))
		}
	}
}
