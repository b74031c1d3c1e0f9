package endtoend

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventbridgetypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

// sweep sends a request and gives the results by their subject, and the summary.
func (w *world) sweep(t *testing.T, request string) (map[string]finding.Result, sweepreport.Summary) {
	t.Helper()
	invocation := must(w.Invoke(t.Context(), "sweep", []byte(request)))(t)
	if invocation.FunctionError != "" {
		t.Fatalf("sweep failed: %s", invocation.ErrorMessage)
	}
	var answer struct{ Summary sweepreport.Summary }
	if err := json.Unmarshal(invocation.Payload, &answer); err != nil {
		t.Fatal(err)
	}
	results := map[string]finding.Result{}
	for _, result := range invocation.Report.Results {
		if err := check(result); err != nil {
			t.Errorf("%s: %v", result.Subject, err)
		}
		results[result.Subject] = result
	}
	return results, answer.Summary
}

// statuses tells what a summary says of the subjects that are not compliant.
func statuses(summary sweepreport.Summary) map[string]finding.Status {
	found := map[string]finding.Status{}
	for _, result := range summary.Results {
		found[result.Subject] = result.Status
	}
	return found
}

// reported reads a summary's document and page from the bucket, and waits for
// its event.
func (w *world) reported(t *testing.T, summary sweepreport.Summary) {
	t.Helper()
	var kept sweepreport.Summary
	if err := json.Unmarshal(w.read(t, summary.Document), &kept); err != nil {
		t.Fatal(err)
	}
	if kept.Headline != summary.Headline || len(kept.Results) != len(summary.Results) || !kept.Complete {
		t.Errorf("the document says %q and has %d results; the answer says %q and has %d", kept.Headline, len(kept.Results), summary.Headline, len(summary.Results))
	}
	page := string(w.read(t, summary.Page))
	for _, result := range summary.Results {
		if !strings.Contains(page, result.Subject) {
			t.Errorf("the page does not show %s", result.Subject)
		}
	}
	eventually(t, "the summary is published", func(ctx context.Context) (bool, error) {
		messages, err := w.summaries.Messages(ctx)
		return slices.ContainsFunc(messages, func(message string) bool {
			var event struct{ Detail sweepreport.Summary }
			return json.Unmarshal([]byte(message), &event) == nil && event.Detail.Sweep == summary.Sweep && event.Detail.Headline == summary.Headline
		}), err
	})
}

// read gives the content of s3://bucket/key.
func (w *world) read(t *testing.T, address string) []byte {
	t.Helper()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(address, "s3://"), "/")
	object := must(w.S3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key}))(t)
	defer func() { _ = object.Body.Close() }()
	return must(io.ReadAll(object.Body))(t)
}

// testSweep makes things while the rules are off, as if before the stack was
// deployed: one wrong thing of each kind, and some that are fine.
func testSweep(t *testing.T, w *world) {
	const role, fine, family, used = "ecsInstanceRole-older", "ecsInstanceRole-fine", "older", "in-use"
	var rules []string
	for _, logicalID := range []string{"RoleChangedRule", "TaskDefinitionRegisteredRule"} {
		rule := must(w.ResourceID(t.Context(), logicalID))(t)
		must(w.EventBridge.DisableRule(t.Context(), &eventbridge.DisableRuleInput{Name: &rule}))(t)
		rules = append(rules, rule)
	}
	// What was made before, such as the execution role, may have been told meanwhile.
	eventually(t, "the events of before are delivered", func(context.Context) (bool, error) { return w.Stack.AllDelivered(), nil })
	before := len(w.Stack.Deliveries())
	must(w.CreateInstanceRole(t.Context(), role))(t)
	must(w.CreateInstanceRole(t.Context(), fine))(t)
	must(w.IAM.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: aws.String(fine), PolicyArn: aws.String(operator.AgentPolicy)}))(t)
	first := must(w.register(t.Context(), family, w.executionRole, w.Stack.Registry.Image()))(t)
	inUse := must(w.register(t.Context(), used, w.executionRole, "public.ecr.aws/nginx/nginx:1.27"))(t)
	must(w.ECS.CreateService(t.Context(), &ecs.CreateServiceInput{
		Cluster: aws.String("storefront"), ServiceName: aws.String("older"), TaskDefinition: &inUse, DesiredCount: aws.Int32(0), LaunchType: ecstypes.LaunchTypeEc2,
	}))(t)
	w.startByRule(t, must(w.register(t.Context(), used, w.executionRole, "public.ecr.aws/nginx/nginx:1.28"))(t))
	w.startBySchedule(t, must(w.register(t.Context(), used, w.executionRole, "public.ecr.aws/nginx/nginx:1.29"))(t))
	must(w.register(t.Context(), used, w.executionRole, "public.ecr.aws/nginx/nginx:1.30"))(t)
	w.openExistingBucket(t)
	password := rand.Text()
	w.canaries.Plant("the password in the ecs.config of before", password)
	object := must(w.Upload(t.Context(), existingBucket, "older/ecs.config", "ECS_CLUSTR=storefront\nECS_ENGINE_AUTH_TYPE=dockercfg\n"+
		`ECS_ENGINE_AUTH_DATA={"registry.example.com":{"username":"u","password":"`+password+`","email":"e@example.com"}}`+"\n"))(t)

	mark := w.Stack.Record.Mark()
	results, summary := w.sweep(t, `{"dry-run": true}`)
	if results["account"].Status != finding.Noncompliant || !slices.Contains(codesOf(results["account"]), "bucket-events-missing") || len(results["account"].Findings) != 1 {
		t.Errorf("account: %+v", results["account"])
	}
	want := map[string]finding.Status{
		"account": finding.Noncompliant, "role/" + role: finding.Planned, family: finding.Planned, object.String(): finding.Noncompliant,
	}
	if got := statuses(summary); fmt.Sprint(got) != fmt.Sprint(want) || !summary.Complete || summary.Mode != finding.DryRun {
		t.Errorf("planned %v, want %v; %s", got, want, summary.Headline)
	}
	for _, call := range w.writes(mark) {
		t.Errorf("in a dry run, %s called %s", call.Caller, call.Name())
	}
	w.reported(t, summary)

	scheduled := must(os.ReadFile(filepath.Join(w.checkout, "events", "sweep-scheduled.json")))(t)
	_, summary = w.sweep(t, string(scheduled))
	want["role/"+role], want[family] = finding.Remediated, finding.Remediated
	if got := statuses(summary); fmt.Sprint(got) != fmt.Sprint(want) || !summary.Complete || summary.Mode != finding.Enforce {
		t.Errorf("found %v, want %v; %s", got, want, summary.Headline)
	}
	w.hasPolicies(t, role, operator.AgentPolicy)
	w.patched(t, family, first)
	w.reported(t, summary)

	// What is wrong with the existing bucket itself stays; its file goes elsewhere.
	must(w.S3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(existingBucket), Key: aws.String("older/ecs.config")}))(t)
	must(w.Upload(t.Context(), w.Stack.Outputs["ConfigBucket"], "older/ecs.config", "ECS_CLUSTER=storefront\n"))(t)
	w.notifyEventBridge(t, existingBucket)
	_, summary = w.sweep(t, `{}`)
	if got := statuses(summary); len(got) > 0 || summary.Statuses[finding.Compliant] < 5 {
		t.Errorf("after all was cured: %v, %v", got, summary.Statuses)
	}
	for _, kind := range summary.Kinds {
		// The older revisions that are used are informed about, and left alone.
		want := map[string]int{"task-definitions": 3}[kind.Name]
		if left := kind.Statuses[finding.Skipped]; left != want {
			t.Errorf("%s: %v, want %d skipped", kind.Name, kind.Statuses, want)
		}
	}
	w.reported(t, summary)
	t.Run("two at once", func(t *testing.T) { testTwoSweeps(t, w) })
	t.Run("roles that are fine", func(t *testing.T) { testSweepOfFineRoles(t, w) })

	// The events of both come as late as their calls were recorded, so the rules
	// stay off until then.
	eventually(t, "the events of all calls are delivered", func(context.Context) (bool, error) { return w.Stack.AllDelivered(), nil })
	for _, rule := range rules {
		must(w.EventBridge.EnableRule(t.Context(), &eventbridge.EnableRuleInput{Name: &rule}))(t)
	}
	for _, delivery := range w.Stack.Deliveries()[before:] {
		if name := delivery.Event.Detail["eventName"]; name == "CreateRole" || name == "RegisterTaskDefinition" {
			t.Errorf("a rule that was off delivered %s", name)
		}
	}
}

// startByRule has a rule start a task of a revision in the cluster.
func (w *world) startByRule(t *testing.T, revision string) {
	t.Helper()
	rule := aws.String("starts-older")
	must(w.EventBridge.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: rule, EventPattern: aws.String(`{"source":["nobody.in.particular"]}`)}))(t)
	must(w.EventBridge.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: rule, Targets: []eventbridgetypes.Target{{
		Id: aws.String("task"), Arn: aws.String(arn("ecs", "cluster/storefront")), RoleArn: &w.executionRole,
		EcsParameters: &eventbridgetypes.EcsParameters{TaskDefinitionArn: &revision},
	}}}))(t)
}

// startBySchedule has a schedule, which is off, do so.
func (w *world) startBySchedule(t *testing.T, revision string) {
	t.Helper()
	must(scheduler.NewFromConfig(w.Stack.Config).CreateSchedule(t.Context(), &scheduler.CreateScheduleInput{
		Name: aws.String("starts-older"), ScheduleExpression: aws.String("rate(365 days)"), State: schedulertypes.ScheduleStateDisabled,
		FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
		Target: &schedulertypes.Target{
			Arn: aws.String(arn("ecs", "cluster/storefront")), RoleArn: &w.executionRole,
			EcsParameters: &schedulertypes.EcsParameters{TaskDefinitionArn: &revision},
		},
	}))(t)
}

func codesOf(result finding.Result) (codes []string) {
	for _, f := range result.Findings {
		codes = append(codes, f.Code)
	}
	return codes
}

func testTwoSweeps(t *testing.T, w *world) {
	var group sync.WaitGroup
	found := make([]map[string]finding.Result, 2)
	for i := range found {
		group.Go(func() { found[i], _ = w.sweep(t, `{"only": ["config-objects", "task-definitions"]}`) })
	}
	group.Wait()
	aside := 0
	for _, results := range found {
		if slices.Contains(codesOf(results["sweep"]), "sweep-underway") {
			aside++
		} else if results["report"].Status != finding.Compliant {
			t.Errorf("got %+v", results)
		}
	}
	if aside != 1 {
		t.Errorf("%d of two sweeps at once stepped aside: %+v", aside, found)
	}
}

// testSweepOfFineRoles counts calls: roles that are fine are settled from the
// list.
func testSweepOfFineRoles(t *testing.T, w *world) {
	mark := w.Stack.Record.Mark()
	_, summary := w.sweep(t, `{"only": ["roles"]}`)
	calls := 0
	for _, call := range w.Stack.Record.Since(mark) {
		if call.Caller == "sweep" {
			calls++
		}
	}
	roles := summary.Kinds[slices.IndexFunc(summary.Kinds, func(kind sweepreport.Kind) bool { return kind.Name == "roles" })]
	if calls > 10 || roles.Statuses[finding.Compliant] < 2 || len(summary.Results) > 0 {
		t.Errorf("%d calls for %+v", calls, roles)
	}
}
