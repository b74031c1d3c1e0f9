package endtoend

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// testLeave asks what depends on the stack before it is deleted: the roles that
// got a policy keep it, and the rotations that the stack carries out are turned
// off.
func testLeave(ctx context.Context, t *testing.T, o *operator.Operator) {
	const role = "ecsInstanceRole-leaving"
	must(o.CreateInstanceRole(ctx, role))(t)
	var attached []string
	if err := stack.Wait(ctx, role+" having its policy", func(ctx context.Context) (bool, error) {
		var err error
		attached, err = o.AttachedPolicies(ctx, role)
		return len(attached) > 0, err
	}); err != nil {
		t.Fatal(err)
	}
	secret := must(o.CreateSecret(ctx, "leaving/registry", `{"username":"leaving","password":"x"}`,
		"ecs-guardrails:registry", o.Stack.Registry.Host+"/leaving", "ecs-guardrails:driver", "manual"))(t)
	function := o.FunctionARN("rotate-secret")
	must(o.Secrets.RotateSecret(ctx, &secretsmanager.RotateSecretInput{
		SecretId: &secret, RotationLambdaARN: &function, RotateImmediately: aws.Bool(false),
	}))(t)
	rotates := func() bool {
		return aws.ToBool(must(o.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &secret}))(t).RotationEnabled)
	}
	// The rotation's test goes first, and labels a version for as long as it takes.
	var answer operator.Invocation
	if err := stack.Wait(ctx, "the rotation being turned off", func(ctx context.Context) (bool, error) {
		var err error
		answer, err = o.Invoke(ctx, "sweep", []byte(`{"leave":true}`))
		return err == nil && !rotates(), err
	}); err != nil {
		t.Fatalf("%v: %s", err, answer.Payload)
	}
	told := func(subject, code string, status finding.Status) bool {
		return slices.ContainsFunc(answer.Report.Results, func(of finding.Result) bool {
			return of.Subject == subject && of.Status == status && slices.ContainsFunc(of.Findings, func(f finding.Finding) bool { return f.Code == code })
		})
	}
	if !told(secret, "rotation-stack-bound", finding.Remediated) || !told("role/"+role, "loan-kept", finding.Compliant) {
		t.Errorf("leaving answers %s", answer.Payload)
	}
	if after := must(o.AttachedPolicies(ctx, role))(t); !slices.Equal(after, attached) {
		t.Errorf("%s has the policies %q, before it had %q", role, after, attached)
	}
	again := must(o.Invoke(ctx, "sweep", []byte(`{"leave":true}`)))(t)
	if strings.Contains(string(again.Payload), secret+`","status":"remediated`) {
		t.Errorf("asked again, leaving answers %s", again.Payload)
	}
}

// testDelete deletes the stack, and looks whether what others use is still there.
func testDelete(ctx context.Context, t *testing.T, o *operator.Operator) {
	execution := must(o.ResourceID(ctx, "TaskExecutionRole"))(t)
	policies := []string{o.Stack.Outputs["EcrPullPolicy"], o.Stack.Outputs["ConfigReadPolicy"], o.Stack.Outputs["LogsWritePolicy"]}
	stacks := cloudformation.NewFromConfig(o.Stack.Config)
	name := &o.Stack.Name
	must(stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: name}))(t)
	if err := stack.Wait(ctx, "the stack being deleted", func(ctx context.Context) (bool, error) {
		described, err := stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: name})
		return err != nil || len(described.Stacks) == 0 || described.Stacks[0].StackStatus == "DELETE_COMPLETE", nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &execution}); err != nil {
		t.Errorf("the execution role of others' task definitions: %v", err)
	}
	for _, policy := range policies {
		if _, err := o.IAM.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &policy}); err != nil {
			t.Errorf("the policy of others' roles: %v", err)
		}
	}
	bucket := o.Stack.Outputs["ConfigBucket"]
	if _, err := o.S3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket}); err != nil {
		t.Errorf("the bucket that instances boot from: %v", err)
	}
	if attached := must(o.AttachedPolicies(ctx, "ecsInstanceRole-leaving"))(t); len(attached) == 0 {
		t.Error("the instance role has lost its policies")
	}
}
