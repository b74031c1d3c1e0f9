package endtoend

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// bucketOnly is the least that the rig can run.
const bucketOnly = `AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Architecture: { Type: String }
  Mode: { Type: String }
Resources:
  ConfigBucket: { Type: AWS::S3::Bucket }
Outputs:
  ConfigBucket: { Value: !Ref ConfigBucket }
`

// TestTwoStacks runs a second stack beside the one of all tests, and looks what
// is left when it has stopped.
func TestTwoStacks(t *testing.T) {
	t.Parallel()
	template := filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(template, []byte(bucketOnly), 0o600); err != nil {
		t.Fatal(err)
	}
	name := "test-second-" + strconv.Itoa(os.Getpid())
	second, err := stack.Start(t.Context(), stack.Options{Name: name, Template: template})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Stop() })
	if second.Endpoint == shared.Stack.Endpoint {
		t.Errorf("both stacks answer at %s", second.Endpoint)
	}
	bucket := second.Outputs["ConfigBucket"]
	must(operator.New(second).Upload(t.Context(), bucket, "mine", "of the second"))(t)
	if _, err := shared.S3.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String(bucket)}); err == nil {
		t.Errorf("the first stack has the second one's bucket %s", bucket)
	}
	if owner := must(stack.Owner(shared.checkout, name))(t); owner != os.Getpid() {
		t.Errorf("process %d runs the second stack, not this one", owner)
	}
	if _, err := stack.Start(t.Context(), stack.Options{Name: name, Template: template}); err == nil {
		t.Error("a third stack took the second one's name")
	}

	if err := second.Stop(); err != nil {
		t.Fatal(err)
	}
	for what, address := range map[string]string{"endpoint": second.Endpoint, "registry": "http://" + second.Registry.Host} {
		parsed := must(url.Parse(address))(t)
		if connection, err := net.Dial("tcp", parsed.Host); err == nil {
			_ = connection.Close()
			t.Errorf("the %s of the second stack still answers", what)
		}
	}
	if owner := must(stack.Owner(shared.checkout, name))(t); owner != 0 {
		t.Errorf("process %d still runs the second stack", owner)
	}
	for _, entry := range must(os.ReadDir(filepath.Join(shared.checkout, ".local", "run", name)))(t) {
		if file := entry.Name(); file != "lock" && !strings.HasSuffix(file, ".log") && !strings.HasSuffix(file, ".jsonl") {
			t.Errorf("the second stack left %s", file)
		}
	}
}

// testBeside deploys the template a second time into the account and region of
// a stack, and looks whether one disturbs the other.
func testBeside(ctx context.Context, t *testing.T, first *operator.Operator) {
	beside, err := first.Stack.Beside(ctx, "ecs-guardrails-beside", map[string]string{"InstanceRolePattern": "besideRole*", "CentralFindings": ""})
	if err != nil {
		t.Fatal(err)
	}
	second := operator.New(beside)
	for name, output := range second.Stack.Outputs {
		if output == first.Stack.Outputs[name] && name != "Version" {
			t.Errorf("both stacks have the %s %s", name, output)
		}
	}
	stacks := map[string]*operator.Operator{"first": first, "second": second}
	mail := map[string]*operator.Inbox{}
	for name, o := range stacks {
		mail[name] = must(o.SubscribeTopic(ctx, "FindingsTopic", "beside-"+name))(t)
	}
	tells := func(stack, subject string) bool {
		return slices.ContainsFunc(must(mail[stack].Messages(ctx))(t), func(text string) bool { return strings.Contains(text, subject) })
	}
	// Each has roles and its own bucket, and reports what it did, alone.
	subjects := map[string][]string{}
	for name, o := range stacks {
		role := map[string]string{"first": "ecsInstanceRole-beside", "second": "besideRole"}[name]
		must(o.CreateInstanceRole(ctx, role))(t)
		must(o.Upload(ctx, o.Stack.Outputs["ConfigBucket"], name+"/ecs.config", "export ECS_CLUSTER=x\n"))(t)
		subjects[name] = []string{"role/" + role, name + "/ecs.config"}
	}
	must(first.ECS.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("beside"),
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("web"), Image: aws.String(first.Stack.Registry.Host + "/acme/app:1.0"), Memory: aws.Int32(64), Essential: aws.Bool(true),
		}},
	}))(t)
	for name, own := range subjects {
		for _, subject := range own {
			if err := stack.Wait(ctx, "the "+name+" stack telling of "+subject, func(context.Context) (bool, error) { return tells(name, subject), nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Both have seen everything: also the other's role, and the new revision.
	for name, o := range stacks {
		for function, subjects := range map[string][]string{
			"attach-policies": {"role/ecsInstanceRole-beside", "role/besideRole"}, "patch-task-definition": {"task-definition/beside:2"},
		} {
			for _, subject := range subjects {
				if err := stack.Wait(ctx, "the "+name+" stack having looked at "+subject, func(ctx context.Context) (bool, error) {
					results, err := o.Results(ctx, function)
					return slices.ContainsFunc(results, func(of operator.Result) bool { return strings.HasSuffix(of.Subject, subject) }), err
				}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, other := range map[string]string{"first": "second", "second": "first"} {
		for _, subject := range subjects[other] {
			if tells(name, subject) {
				t.Errorf("the %s stack reports %s, which is the other's", name, subject)
			}
		}
	}
	// Both look after the account's task definitions; there is one new revision.
	if revisions := must(first.Revisions(ctx, "beside"))(t); len(revisions) != 2 {
		t.Errorf("the family has the revisions %q", revisions)
	}
}
