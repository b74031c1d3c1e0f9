package endtoend

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// TestOptions deploys the template with every option that is off by default, in
// a stack of its own: the endpoint refuses a function's call that its role does
// not allow, so what happens here is also allowed.
func TestOptions(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	running, err := stack.Start(ctx, stack.Options{
		Name: "test-options-" + strconv.Itoa(os.Getpid()),
		Parameters: map[string]string{
			"Allow":           "cure-execution-roles,restore-config,update-services,refresh-cluster-instances,deregister-superseded",
			"RegistryNetwork": "subnet-0123456789abcdef0,subnet-0123456789abcdef1/sg-0123456789abcdef0",
			// Nothing answers there: what does not go past the proxy fails.
			"RegistryProxy":        "http://127.0.0.1:9,127.0.0.1",
			"CentralFindings":      "security-hub," + centralBus,
			"KeyArn":               "arn:aws:kms:" + stack.Region + ":" + stack.Account + ":key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
			"AccessLogBucket":      "acme-access-logs",
			"CodeSigningConfigArn": "arn:aws:lambda:" + stack.Region + ":" + stack.Account + ":code-signing-config:csc-0123456789abcdef0",
		},
		Waits: map[string]string{"PatchTaskDefinitionFunction.Properties.Environment.Variables.DEREGISTER_SUPERSEDED": "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	o := operator.New(running)
	must(0, o.CreateBus(ctx, "central"))(t)
	central := must(o.SubscribeBus(ctx, "central", "central", publish.FindingType))(t)
	mail, chat := must(o.SubscribeTopic(ctx, "FindingsTopic", "mailbox"))(t), must(o.SubscribeTopic(ctx, "ChatTopic", "channel"))(t)
	t.Run("mail, chat and Security Hub tell the same", func(t *testing.T) { testOneProblemEverywhere(ctx, t, o, mail, chat) })
	t.Run("an invalid config gives way to the last good one", func(t *testing.T) { testRestore(ctx, t, o) })
	t.Run("what runs a revision follows to the new one", func(t *testing.T) { testUpdateService(ctx, t, o) })
	t.Run("a cluster takes a credential over", func(t *testing.T) { testRefreshCluster(ctx, t, o) })
	t.Run("findings go to the central bus", func(t *testing.T) { testCentralBus(ctx, t, central) })
	t.Run("leaving lets go", func(t *testing.T) { testLeave(ctx, t, o) })
	t.Run("permissions", func(t *testing.T) { testPermissionsOfOptions(t, o) })
	t.Run("a second stack beside it", func(t *testing.T) { testBeside(ctx, t, o) })
	t.Run("deleting the stack breaks nothing", func(t *testing.T) { testDelete(ctx, t, o) })
}

// centralBus is the ARN of a bus to which findings are forwarded.
const centralBus = "arn:aws:events:" + stack.Region + ":" + stack.Account + ":event-bus/central"

// testCentralBus looks whether what the tests before it have found is there.
func testCentralBus(ctx context.Context, t *testing.T, central *operator.Inbox) {
	if err := stack.Wait(ctx, "the central bus having two functions' findings", func(ctx context.Context) (bool, error) {
		results, err := central.Results(ctx)
		from := map[string]bool{}
		for _, result := range results {
			from[result.Function] = true
		}
		return from["validate-config"] && from["patch-task-definition"], err
	}); err != nil {
		t.Fatal(err)
	}
}

func testRestore(ctx context.Context, t *testing.T, o *operator.Operator) {
	must(o.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("storefront")}))(t)
	const good, bad = "ECS_CLUSTER=storefront\n", "export ECS_CLUSTER=storefront\n"
	bucket := o.Stack.Outputs["ConfigBucket"]
	status := func(object operator.Object, want string) {
		t.Helper()
		if err := stack.Wait(ctx, object.Key+" being "+want, func(ctx context.Context) (bool, error) {
			tags, err := o.ObjectTags(ctx, object)
			return tags["ecs-config-status"] == want, err
		}); err != nil {
			t.Fatal(err)
		}
	}
	first := must(o.Upload(ctx, bucket, "prod/ecs.config", good))(t)
	status(first, "valid")
	second := must(o.Upload(ctx, bucket, "prod/ecs.config", bad, "team", "shop"))(t)
	status(second, "invalid")
	if err := stack.Wait(ctx, "the good version being on top again", func(ctx context.Context) (bool, error) {
		latest, err := o.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("prod/ecs.config")})
		if err != nil {
			return false, err
		}
		content, err := io.ReadAll(latest.Body)
		_ = latest.Body.Close()
		return string(content) == good, err
	}); err != nil {
		t.Fatal(err)
	}
	tags := must(o.ObjectTags(ctx, second))(t)
	if tags["ecs-config-status"] != "invalid" || tags["team"] != "shop" {
		t.Errorf("the bad version, which stays, has the tags %v", tags)
	}
	// Its own write is an event, too: it is judged, and ends there.
	restored := operator.Object{Bucket: bucket, Key: "prod/ecs.config"}
	status(restored, "valid")
	versions := must(o.S3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: aws.String("prod/ecs.config")}))(t)
	if len(versions.Versions) != 3 {
		t.Errorf("%d versions, want the good one, the bad one and the good one again", len(versions.Versions))
	}
}

func testUpdateService(ctx context.Context, t *testing.T, o *operator.Operator) {
	waitFor := func(what string, done func() (bool, error)) {
		t.Helper()
		if err := stack.Wait(ctx, what, func(context.Context) (bool, error) { return done() }); err != nil {
			t.Fatal(err)
		}
	}
	must(o.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("shop")}))(t)
	registered := must(o.ECS.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"),
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("web"), Image: aws.String(o.Stack.Registry.Host + "/acme/app:1.0"), Memory: aws.Int32(64), Essential: aws.Bool(true),
		}},
	}))(t)
	old := aws.ToString(registered.TaskDefinition.TaskDefinitionArn)
	must(o.ECS.CreateService(ctx, &ecs.CreateServiceInput{
		Cluster: aws.String("shop"), ServiceName: aws.String("web"), TaskDefinition: &old, DesiredCount: aws.Int32(0),
	}))(t)
	forget := pin(ctx, t, o, old)
	// Until there is a secret, the registration is of no consequence. Looked at by
	// hand at the same time, it would get two new revisions, and lose one again.
	waitFor("the registration being answered", func() (bool, error) {
		results, err := o.Results(ctx, "patch-task-definition")
		return slices.ContainsFunc(results, func(result operator.Result) bool { return result.Subject == old }), err
	})
	secret := must(o.CreateRegistrySecret(ctx, "shop/registry", o.Stack.Registry, ""))(t)
	// A warm function knows the tagged secrets of before for a while, so it is
	// asked until it knows the new one.
	event := must(json.Marshal(map[string]string{"taskDefinition": "web"}))(t)
	look := func(what string, done func(operator.Invocation, []string) bool) {
		t.Helper()
		waitFor(what, func() (bool, error) {
			invocation, err := o.Invoke(ctx, "patch-task-definition", event)
			if err != nil {
				return false, err
			}
			revisions, err := o.Revisions(ctx, "web")
			return done(invocation, numbers(revisions)), err
		})
	}
	runs := func() string {
		t.Helper()
		services := must(o.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String("shop"), Services: []string{"web"}}))(t)
		if len(services.Services) != 1 {
			t.Fatalf("%d services", len(services.Services))
		}
		return aws.ToString(services.Services[0].TaskDefinition)
	}
	look("the service being moved", func(operator.Invocation, []string) bool { return strings.HasSuffix(runs(), "web:2") })
	definition, _, err := o.Describe(ctx, "web:2")
	if err != nil {
		t.Fatal(err)
	}
	if credential := definition.ContainerDefinitions[0].RepositoryCredentials; credential == nil || aws.ToString(credential.CredentialsParameter) != secret {
		t.Errorf("the service runs a revision with the credential %v", credential)
	}
	// The function's own second look finds what still starts the old revision.
	var pinned []string
	look("the pinned schedules being named", func(invocation operator.Invocation, _ []string) bool {
		pinned = nil
		for _, result := range invocation.Report.Results {
			for _, f := range result.Findings {
				if f.Code == "schedule-pinned" {
					pinned = append(pinned, f.Message)
				}
			}
		}
		return len(pinned) > 0
	})
	if text := strings.Join(pinned, "\n"); len(pinned) != 2 || !strings.Contains(text, "The EventBridge rule default/nightly") || !strings.Contains(text, "The schedule default/report") {
		t.Errorf("named are %q", pinned)
	}
	forget()

	// The owner's next revision, and the function's first one afterwards.
	must(o.ECS.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"),
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("web"), Image: aws.String(o.Stack.Registry.Host + "/acme/app:2.0"), Memory: aws.Int32(64), Essential: aws.Bool(true),
		}},
	}))(t)
	must(o.ECS.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: aws.String("shop"), Service: aws.String("web"), TaskDefinition: aws.String("web:3")}))(t)
	waitFor("the next version being patched", func() (bool, error) {
		revisions, err := o.Revisions(ctx, "web")
		return slices.Contains(numbers(revisions), "4"), err
	})
	look("the superseded revision being deregistered", func(_ operator.Invocation, active []string) bool {
		return slices.Equal(active, []string{"1", "3", "4"})
	})
	if got := runs(); !strings.HasSuffix(got, "web:4") {
		t.Errorf("the service runs %s", got)
	}
}

// pin has a rule and a schedule start tasks of a revision, and returns what takes
// them away again. Both are disabled: nothing is to start here.
func pin(ctx context.Context, t *testing.T, o *operator.Operator, revision string) (forget func()) {
	t.Helper()
	const role = "arn:aws:iam::" + stack.Account + ":role/start-tasks"
	cluster := "arn:aws:ecs:" + stack.Region + ":" + stack.Account + ":cluster/shop"
	schedules := scheduler.NewFromConfig(o.Stack.Config)
	must(o.EventBridge.PutRule(ctx, &eventbridge.PutRuleInput{
		Name: aws.String("nightly"), ScheduleExpression: aws.String("rate(1 day)"), State: eventtypes.RuleStateDisabled,
	}))(t)
	must(o.EventBridge.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("nightly"), Targets: []eventtypes.Target{{
		Id: aws.String("task"), Arn: &cluster, RoleArn: aws.String(role), EcsParameters: &eventtypes.EcsParameters{TaskDefinitionArn: &revision},
	}}}))(t)
	must(schedules.CreateSchedule(ctx, &scheduler.CreateScheduleInput{
		Name: aws.String("report"), ScheduleExpression: aws.String("rate(1 day)"), State: schedulertypes.ScheduleStateDisabled,
		FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
		Target: &schedulertypes.Target{
			Arn: &cluster, RoleArn: aws.String(role), EcsParameters: &schedulertypes.EcsParameters{TaskDefinitionArn: &revision},
		},
	}))(t)
	return func() {
		t.Helper()
		must(o.EventBridge.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: aws.String("nightly"), Ids: []string{"task"}}))(t)
		must(o.EventBridge.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: aws.String("nightly")}))(t)
		must(schedules.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{Name: aws.String("report")}))(t)
	}
}

// numbers gives the revisions of ARNs.
func numbers(revisions []string) []string {
	var numbers []string
	for _, revision := range revisions {
		numbers = append(numbers, revision[strings.LastIndexByte(revision, ':')+1:])
	}
	return numbers
}
