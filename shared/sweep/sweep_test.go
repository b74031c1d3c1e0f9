package sweep_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	cloudtrailtypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	eventbridgetypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/instancerole"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/racetest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
)

const (
	rolesQueue    = "https://sqs.us-east-1.amazonaws.com/123456789012/attach-policies"
	objectsQueue  = "https://sqs.us-east-1.amazonaws.com/123456789012/validate-config"
	familiesQueue = "https://sqs.us-east-1.amazonaws.com/123456789012/patch-task-definition"
	secretsQueue  = "https://sqs.us-east-1.amazonaws.com/123456789012/rotate-secret"
	sweepQueue    = "https://sqs.us-east-1.amazonaws.com/123456789012/sweep"
	resultsQueue  = "https://sqs.us-east-1.amazonaws.com/123456789012/results"
	agentPolicy   = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
	stateKey      = "sweep/state.json"
)

func enforcing() sweep.Settings {
	return sweep.Settings{
		Settings: instancerole.Settings{
			Shared:              settings.Shared{Mode: finding.Enforce, OwnRoles: []string{"arn:aws:iam::123456789012:role/ecs-guardrails-SweepRole"}},
			InstanceRolePattern: "ecsInstanceRole*", Capabilities: instancerole.Capabilities{instancerole.Agent},
			AgentPolicyARN: agentPolicy, SSMPolicyARN: "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore", ConfigBucket: "own",
		},
		Suffixes: configobject.Suffixes{ConfigSuffixes: []configobject.Suffix{"ecs.config"}, EnvironmentFileSuffixes: []configobject.Suffix{".env"}},

		ConfigBuckets:          []string{"acme"},
		AttachPoliciesQueueURL: rolesQueue, ValidateConfigQueueURL: objectsQueue, PatchTaskDefinitionQueueURL: familiesQueue,
		RotateSecretQueueURL: secretsQueue, SweepQueueURL: sweepQueue, ResultsQueueURL: resultsQueue, ReportBucket: "reports",
		ChangeLimit: 100, AnswerWait: 15 * time.Minute,
	}
}

// awake is an account whose events come.
func awake() *account {
	return &account{
		trails:  []cloudtrailtypes.Trail{{Name: aws.String("all"), TrailARN: aws.String("arn:all"), IsMultiRegionTrail: aws.Bool(true)}},
		objects: map[string][]string{"own": nil, "acme": nil},
		notifies: map[string]*s3.GetBucketNotificationConfigurationOutput{
			"own": {LambdaFunctionConfigurations: []s3types.LambdaFunctionConfiguration{
				{Events: []s3types.Event{"s3:ObjectCreated:*"}, Filter: suffixed("ecs.config")}, {Events: []s3types.Event{"s3:ObjectCreated:*"}, Filter: suffixed(".env")},
			}},
			"acme": {EventBridgeConfiguration: &s3types.EventBridgeConfiguration{}},
		},
		worker: compliant,
	}
}

func suffixed(suffix string) *s3types.NotificationConfigurationFilter {
	return &s3types.NotificationConfigurationFilter{Key: &s3types.S3KeyFilter{FilterRules: []s3types.FilterRule{{Name: "Suffix", Value: &suffix}}}}
}

// names lists what a message names.
func names(message map[string]any) (names []string) {
	for _, field := range []string{"roles", "objects", "taskDefinitions", "secrets"} {
		list, _ := message[field].([]any)
		for _, name := range list {
			names = append(names, name.(string))
		}
	}
	return names
}

// compliant is a worker that finds nothing wrong; in a name that begins with
// "bad", an error, and "mute" has it say nothing of the whole message.
func compliant(_ string, message map[string]any) []finding.Result {
	var results []finding.Result
	for _, name := range names(message) {
		result := finding.Result{Subject: name, Status: finding.Compliant, Findings: []finding.Finding{}, Actions: []finding.Action{}}
		switch {
		case strings.Contains(name, "mute"):
			return nil
		case strings.Contains(name, "bad"):
			result.Status = finding.Noncompliant
			result.Findings = []finding.Finding{{Code: "broken", Severity: finding.Error, Message: name + " is broken", Fix: "mend it"}}
		}
		results = append(results, result)
	}
	return results
}

var requests int

// run handles one payload, as the delivery of its own event.
func run(t *testing.T, ctx context.Context, settings sweep.Settings, a *account, payload string) pipeline.Outcome {
	t.Helper()
	requests++
	return deliver(t, ctx, settings, a, payload, fmt.Sprint("request-", requests))
}

func deliver(t *testing.T, ctx context.Context, settings sweep.Settings, a *account, payload, request string) pipeline.Outcome {
	t.Helper()
	return deliverAt(t, ctx, settings, a, payload, request, time.Now)
}

func deliverAt(t *testing.T, ctx context.Context, settings sweep.Settings, a *account, payload, request string, now func() time.Time) pipeline.Outcome {
	t.Helper()
	function := sweep.New(settings, sweep.Clients{
		Roles: a, Families: a, Services: a, Rules: a, Schedules: a, Secrets: a, Trails: a, Storage: a, Queues: a, Region: "us-east-1",
	}, now)
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: request})
	outcome := function.Handle(ctx, []byte(payload))
	for _, result := range outcome.Report().Results {
		if err := findingtest.Check(result); err != nil {
			t.Errorf("%s: %v", result.Subject, err)
		}
	}
	return outcome
}

func summaryOf(t *testing.T, outcome pipeline.Outcome) sweepreport.Summary {
	t.Helper()
	summary, ok := outcome.Report().Summary.(sweepreport.Summary)
	if !ok {
		t.Fatalf("no summary: %+v", outcome.Report())
	}
	return summary
}

func codes(result finding.Result) (codes []string) {
	for _, f := range result.Findings {
		codes = append(codes, f.Code)
	}
	return codes
}

// lines tells results as "subject status codes".
func lines(outcome pipeline.Outcome) (lines []string) {
	for _, result := range outcome.Report().Results {
		lines = append(lines, fmt.Sprintf("%s %s %v", result.Subject, result.Status, codes(result)))
	}
	return lines
}

// secretARN is what the ARNs of secrets begin with.
const secretARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"

func registrySecret(name, primary string, tags ...string) secretstypes.SecretListEntry {
	entry := secretstypes.SecretListEntry{ARN: aws.String(secretARN + name), Name: &name}
	if primary != "" {
		entry.PrimaryRegion = &primary
	}
	for _, key := range tags {
		entry.Tags = append(entry.Tags, secretstypes.Tag{Key: &key, Value: aws.String("htpasswd")})
	}
	return entry
}

func role(name string, attached ...string) iamtypes.RoleDetail {
	detail := iamtypes.RoleDetail{
		RoleName: &name, Path: aws.String("/"), Arn: aws.String("arn:aws:iam::123456789012:role/" + name), AssumeRolePolicyDocument: aws.String(trusts("ec2.amazonaws.com")),
	}
	for _, policy := range attached {
		detail.AttachedManagedPolicies = append(detail.AttachedManagedPolicies, iamtypes.AttachedPolicy{PolicyArn: &policy})
	}
	return detail
}

func customerPolicy(arn, document string) iamtypes.ManagedPolicyDetail {
	return iamtypes.ManagedPolicyDetail{Arn: &arn, PolicyVersionList: []iamtypes.PolicyVersion{
		{IsDefaultVersion: false, Document: aws.String(`{"Statement":{"Effect":"Deny"}}`)}, {IsDefaultVersion: true, Document: &document},
	}}
}

func TestWholeSweep(t *testing.T) {
	a := awake()
	const own, denying = "arn:aws:iam::123456789012:policy/own", "arn:aws:iam::123456789012:policy/denying"
	a.roles = []iamtypes.RoleDetail{
		role("ecsInstanceRole-fine", agentPolicy), role("ecsInstanceRole-own", agentPolicy, own), role("ecsInstanceRole-denied", agentPolicy, denying),
		role("ecsInstanceRole-bad"), role("web"), role("ecsInstanceRole-unknown", agentPolicy, "arn:aws:iam::123456789012:policy/nobody-knows"),
	}
	a.policies = []iamtypes.ManagedPolicyDetail{
		customerPolicy(own, `{"Statement":[{"Effect":"Allow"}]}`), customerPolicy(denying, `%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Deny%22%7D%5D%7D`),
	}
	a.families = []string{"bad-web", "api"}
	a.objects = map[string][]string{"own": {"a/ecs.config", "b.txt"}, "acme": {"bad.env", "z/ecs.config"}}
	a.secrets = []secretstypes.SecretListEntry{
		registrySecret("one", "", rotation.DriverTag), registrySecret("two", "us-east-1", rotation.DriverTag),
		registrySecret("replica", "eu-west-1", rotation.DriverTag), registrySecret("similar", "", rotation.DriverTag+"s"),
	}
	a.doubled = true
	outcome := run(t, t.Context(), enforcing(), a, `{"sweep":"all"}`)
	want := []string{
		"account compliant []", "roles compliant [kind-swept]", "config-objects compliant [kind-swept]", "task-definitions compliant [kind-swept]",
		"secrets compliant [kind-swept]", "report compliant [sweep-reported]",
	}
	if got := lines(outcome); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	handed := map[string][]string{}
	for queue, bodies := range a.queues {
		for _, body := range bodies {
			var message map[string]any
			if err := json.Unmarshal([]byte(body), &message); err != nil {
				t.Fatal(err)
			}
			if _, dry := message["dry-run"]; dry || message["sweep"] == nil {
				t.Errorf("sent %s", body)
			}
			handed[queue] = append(handed[queue], names(message)...)
		}
	}
	wantHanded := map[string][]string{
		rolesQueue:   {"ecsInstanceRole-bad", "ecsInstanceRole-denied", "ecsInstanceRole-unknown"},
		objectsQueue: {"s3://own/a/ecs.config", "s3://acme/bad.env", "s3://acme/z/ecs.config"}, familiesQueue: {"bad-web", "api"},
		secretsQueue: {secretARN + "one", secretARN + "two"},
	}
	if fmt.Sprint(handed) != fmt.Sprint(wantHanded) || len(a.delays) != 1 || a.delays[1] == 0 {
		t.Errorf("handed over %v with the delays %v", handed, a.delays)
	}
	summary := summaryOf(t, outcome)
	if summary.Headline != "3 of 13 subjects are not as they should be" || !summary.Complete || summary.Account != "123456789012" || summary.Region != "us-east-1" {
		t.Errorf("got %+v", summary)
	}
	var kinds []string
	for _, kind := range summary.Kinds {
		kinds = append(kinds, fmt.Sprintf("%s %d %d/%d %v", kind.Name, kind.Listed, kind.Statuses["compliant"], kind.Statuses["noncompliant"], kind.Codes))
	}
	if want := []string{
		"account 0 1/0 map[]", "roles 6 4/1 map[broken:1]", "config-objects 4 2/1 map[broken:1]", "task-definitions 2 1/1 map[broken:1]", "secrets 2 2/0 map[]",
	}; !slices.Equal(kinds, want) {
		t.Errorf("got %q", kinds)
	}
	if len(summary.Results) != 3 || summary.Results[0].Kind != "config-objects" || summary.Results[0].Findings[0].Fix != "mend it" {
		t.Errorf("got %+v", summary.Results)
	}
	var kept sweepreport.Summary
	if err := json.Unmarshal([]byte(a.stored[strings.TrimPrefix(summary.Document, "s3://reports/")]), &kept); err != nil || kept.Headline != summary.Headline {
		t.Errorf("kept %v, %v", kept, err)
	}
	if page := a.stored[strings.TrimPrefix(summary.Page, "s3://reports/")]; !strings.Contains(page, summary.Headline) {
		t.Errorf("the page is %.200q", page)
	}
	if len(outcome.Events) != 1 || outcome.Events[0].Type != "ECS Guardrails Sweep Summary" || !strings.Contains(string(outcome.Events[0].Detail), summary.Headline) {
		t.Errorf("published %+v", outcome.Events)
	}
	for handle, body := range a.hidden {
		if body != "" {
			t.Errorf("the answer %s was not deleted", handle)
		}
	}
}

func TestDryRunAsksForPlans(t *testing.T) {
	dry := enforcing()
	dry.Mode = finding.DryRun
	for payload, settings := range map[string]sweep.Settings{`{}`: dry, `{"dry-run":true}`: enforcing(), `{"dry-run":false,"sweep":"all"}`: dry} {
		a := awake()
		a.families = []string{"web"}
		outcome := run(t, t.Context(), settings, a, payload)
		if got := a.queues[familiesQueue]; len(got) != 1 || !strings.Contains(got[0], `"dry-run":true`) {
			t.Errorf("%s: sent %q", payload, got)
		}
		if summary := summaryOf(t, outcome); summary.Mode != finding.DryRun || outcome.Report().Mode != finding.DryRun || !summary.Complete {
			t.Errorf("%s: %+v", payload, summary)
		}
	}
}

func TestRequests(t *testing.T) {
	all := []string{"account", "roles", "config-objects", "task-definitions", "secrets", "report"}
	tests := map[string]struct {
		payload string
		want    []string
	}{
		"all":                     {`{"sweep":"all"}`, all},
		"nothing said":            {`{}`, all},
		"schedule":                {`{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}`, all},
		"from its queue":          {`{"Records":[{"messageId":"m","eventSource":"aws:sqs","body":"{}"}]}`, all},
		"one kind":                {`{"sweep":"secrets"}`, []string{"account", "secrets", "report"}},
		"some kinds":              {`{"only":["secrets","roles"]}`, []string{"account", "roles", "secrets", "report"}},
		"going on with what ends": {`{"continue":"x","attempt":1}`, []string{"sweep skipped [sweep-ended]"}},
		"going on with nothing":   {`{"continue":"","attempt":1}`, []string{"event noncompliant [event-malformed]"}},
		"no attempt":              {`{"continue":"x"}`, []string{"event noncompliant [event-malformed]"}},
		"unknown kind":            {`{"only":["users"]}`, []string{"event noncompliant [event-malformed]"}},
		"account is no kind":      {`{"only":["account"]}`, []string{"event noncompliant [event-malformed]"}},
		"no kinds":                {`{"only":[]}`, []string{"event noncompliant [event-malformed]"}},
		"kinds of wrong type":     {`{"only":"roles"}`, []string{"event noncompliant [event-malformed]"}},
		"kind of wrong type":      {`{"sweep":["roles"]}`, []string{"event noncompliant [event-malformed]"}},
		"dry-run of wrong type":   {`{"dry-run":"yes"}`, []string{"event noncompliant [event-malformed]"}},
		"two at once":             {`{"Records":[{"messageId":"m","body":"{}"},{"messageId":"n","body":"{}"}]}`, []string{"event noncompliant [event-malformed]"}},
		"another request":         {`{"role":"x"}`, []string{"event skipped [event-not-handled]"}},
		"empty":                   {``, []string{"event noncompliant [event-malformed]"}},
		"null":                    {`null`, []string{"event noncompliant [event-malformed]"}},
		"six megabytes":           {strings.Repeat("{", 6<<20), []string{"event noncompliant [event-malformed]"}},
		"an event of a service":   {`{"detail-type":"EC2 Instance State-change Notification","source":"aws.ec2","detail":{}}`, []string{"event skipped [event-not-handled]"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for i, line := range lines(run(t, t.Context(), enforcing(), awake(), test.payload)) {
				if i < len(test.want) && !strings.Contains(test.want[i], " ") {
					line, _, _ = strings.Cut(line, " ")
				}
				got = append(got, line)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestUsedRevisions: those that are not their family's latest, from wherever
// they are used.
func TestUsedRevisions(t *testing.T) {
	a := awake()
	revision := func(name string) *string { return aws.String(definitionARN + name) }
	a.families = []string{"web", "api", "job"}
	a.latest = map[string]string{"web": "7", "api": "3", "job": "9"}
	var services []ecstypes.Service
	for i := range 23 {
		services = append(services, ecstypes.Service{TaskDefinition: revision(fmt.Sprint("web:", 1+i%7))})
	}
	services = append(services, ecstypes.Service{TaskSets: []ecstypes.TaskSet{{TaskDefinition: revision("api:2")}}}, ecstypes.Service{TaskDefinition: revision("gone:1")})
	a.services = map[string][]ecstypes.Service{"one": services, "two": nil}
	ecsTarget := func(name string) []eventbridgetypes.Target {
		return []eventbridgetypes.Target{{Arn: aws.String(clusterARN("two")), EcsParameters: &eventbridgetypes.EcsParameters{TaskDefinitionArn: revision(name)}}}
	}
	a.rules = map[string][]eventbridgetypes.Target{"default/nightly": ecsTarget("job:8"), "orders/placed": ecsTarget("job")}
	a.schedules = map[string]*schedulertypes.Target{
		"direct":    {Arn: aws.String(clusterARN("one")), EcsParameters: &schedulertypes.EcsParameters{TaskDefinitionArn: revision("job:5")}},
		"universal": {Arn: aws.String("arn:aws:scheduler:::aws-sdk:ecs:runTask"), Input: aws.String(`{"Cluster":"one","TaskDefinition":"job:4"}`)},
		"strange":   {Arn: aws.String("arn:aws:scheduler:::aws-sdk:ecs:runTask"), Input: aws.String(`{"TaskDefinition":[`)},
		"other":     {Arn: aws.String("arn:aws:lambda:us-east-1:123456789012:function:f")},
	}
	outcome := run(t, t.Context(), enforcing(), a, `{"only":["task-definitions"]}`)
	var got []string
	for _, body := range a.queues[familiesQueue] {
		var message map[string]any
		if err := json.Unmarshal([]byte(body), &message); err != nil {
			t.Fatal(err)
		}
		got = append(got, names(message)...)
	}
	want := []string{"web", "api", "job", "api:2", "gone:1", "job:4", "job:5", "job:8", "web:1", "web:2", "web:3", "web:4", "web:5", "web:6"}
	if !slices.Equal(got, want) || !summaryOf(t, outcome).Complete {
		t.Errorf("got %q", got)
	}
	if a.calls["DescribeServices"] != 3 || a.calls["GetSchedule"] != 3 || a.calls["ListTaskDefinitions"] != 4 {
		t.Errorf("made the calls %v", a.calls)
	}
}

// TestFineRoles: at most one call for 50 roles plus ten in all.
func TestFineRoles(t *testing.T) {
	racetest.Skip(t)
	for _, count := range []int{0, 1, 1000, 5000, 10_000} {
		a := awake()
		for i := range count {
			a.roles = append(a.roles, role(fmt.Sprintf("ecsInstanceRole-%05d", i), agentPolicy))
		}
		summary := summaryOf(t, run(t, t.Context(), enforcing(), a, `{"only":["roles"]}`))
		calls := 1 // PutEvents, which the pipeline makes
		for _, times := range a.calls {
			calls += times
		}
		if calls > 10+count/50 || summary.Kinds[1].Statuses[finding.Compliant] != count || !summary.Complete {
			t.Errorf("%d roles took %d calls (%v): %+v", count, calls, a.calls, summary.Kinds[1])
		}
	}
}

func TestLargeAccount(t *testing.T) {
	racetest.Skip(t)
	a := large(10_000, 100_000)
	for i := range 250 {
		a.secrets = append(a.secrets, registrySecret(fmt.Sprint(i), "", rotation.DriverTag))
	}
	summary := summaryOf(t, run(t, t.Context(), enforcing(), a, `{"sweep":"all"}`))
	if !summary.Complete || summary.Statuses[finding.Compliant] != 110_251 {
		t.Errorf("got %s, %v", summary.Headline, summary.Statuses)
	}
	want := map[string]int{
		"GetAccountAuthorizationDetails": 10, "ListTaskDefinitionFamilies": 1000, "ListSecrets": 3, "SendMessageBatch": 200 + 2000 + 7, "ReceiveMessage": 2207, "DeleteMessageBatch": 2207,
		"ListClusters": 1, "ListSchedules": 1, "ListObjectsV2": 2, "GetBucketNotificationConfiguration": 2,
		"DescribeTrails": 1, "GetTrailStatus": 1, "GetEventSelectors": 1, "GetObject": 1, "PutObject": 4,
	}
	if !maps.Equal(a.calls, want) {
		t.Errorf("got the calls %v, want %v", a.calls, want)
	}
}

// large is an account whose roles are all doubtful.
func large(roles, families int) *account {
	a := awake()
	for i := range roles {
		a.roles = append(a.roles, role(fmt.Sprintf("ecsInstanceRole-%05d", i)))
	}
	for i := range families {
		a.families = append(a.families, fmt.Sprintf("family-%06d", i))
	}
	return a
}

// A slow account is swept in parts, each of which asks for the next; together
// they lose nothing and send nothing twice.
func TestTheRestGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := large(2_500, 1_050)
		a.listed = func() { time.Sleep(10 * time.Second) }
		payload, runs := `{"sweep":"all"}`, 0
		var summary sweepreport.Summary
		for payload != "" {
			runs++
			if runs > 12 {
				t.Fatal("the sweep does not end")
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			outcome := run(t, ctx, enforcing(), a, payload)
			cancel()
			summary = summaryOf(t, outcome)
			for _, result := range outcome.Report().Results {
				if result.Status != finding.Compliant {
					t.Errorf("got %+v", result)
				}
			}
			payload = strings.Join(a.queues[sweepQueue], "")
			a.queues[sweepQueue] = nil
			if payload != "" && (summary.Complete || len(outcome.Events) > 0) {
				t.Error("a sweep that is not complete says that it is")
			}
		}
		if runs != 4 || !summary.Complete || summary.Statuses[finding.Compliant] != 3551 {
			t.Errorf("took %d runs; %s", runs, summary.Headline)
		}
		seen := map[string]int{}
		for _, queue := range []string{rolesQueue, familiesQueue} {
			for _, body := range a.queues[queue] {
				var message map[string]any
				if err := json.Unmarshal([]byte(body), &message); err != nil {
					t.Fatal(err)
				}
				for _, name := range names(message) {
					seen[name]++
				}
			}
		}
		if len(seen) != 3_550 || slices.Max(slices.Collect(maps.Values(seen))) != 1 {
			t.Errorf("handed over %d names", len(seen))
		}
	})
}

// TestASweepEndsWhateverHappens: one that never gets through goes on a bounded
// number of times, reports what it has, and leaves the lock.
func TestASweepEndsWhateverHappens(t *testing.T) {
	racetest.Skip(t)
	synctest.Test(t, func(t *testing.T) {
		a := large(0, 50_000)
		a.listed = func() { time.Sleep(10 * time.Second) }
		payload, runs := `{"only":["task-definitions"]}`, 0
		var outcome pipeline.Outcome
		for payload != "" {
			if runs++; runs > 100 {
				t.Fatal("the sweep goes on for ever")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			outcome = run(t, ctx, enforcing(), a, payload)
			cancel()
			payload = strings.Join(a.queues[sweepQueue], "")
			clear(a.queues)
		}
		last := outcome.Report().Results[len(outcome.Report().Results)-1]
		if runs != 100 || !slices.Contains(codes(last), sweep.CodeIncomplete) || last.Status != finding.Noncompliant {
			t.Errorf("after %d runs: %+v", runs, last)
		}
		a.listed, a.families = nil, a.families[:1]
		if after := run(t, t.Context(), enforcing(), a, `{"only":["task-definitions"]}`); !summaryOf(t, after).Complete {
			t.Errorf("the next sweep: %+v", after.Report().Results)
		}
	})
}

func TestTheRestIsReportedWithoutAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := large(0, 1_000)
		a.listed = func() { time.Sleep(10 * time.Second) }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		settings := enforcing()
		settings.SweepQueueURL = ""
		outcome := run(t, ctx, settings, a, `{"only":["task-definitions"]}`)
		last := outcome.Report().Results[len(outcome.Report().Results)-1]
		if last.Status != finding.Noncompliant || !slices.Contains(codes(last), sweep.CodeIncomplete) || summaryOf(t, outcome).Complete {
			t.Errorf("got %+v", last)
		}
	})
}

// What no one answers is in the report, once the sweep has waited long enough.
func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := large(0, 7)
		a.families[6] = "mute"
		payload, runs := `{"only":["task-definitions"]}`, 0
		started := time.Now()
		var outcome pipeline.Outcome
		for payload != "" {
			runs++
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			outcome = run(t, ctx, enforcing(), a, payload)
			cancel()
			payload = strings.Join(a.queues[sweepQueue], "")
			a.queues[sweepQueue] = nil
			time.Sleep(5 * time.Second)
		}
		summary := summaryOf(t, outcome)
		if waited := time.Since(started); waited < 15*time.Minute || waited > 17*time.Minute || runs != 4 {
			t.Errorf("waited %s in %d runs", waited, runs)
		}
		if !summary.Complete || summary.Statuses[finding.Failed] != 2 || summary.Statuses[finding.Compliant] != 6 || summary.Results[0].Findings[0].Code != sweep.CodeNoAnswer {
			t.Errorf("got %+v", summary)
		}
		if last := outcome.Report().Results[len(outcome.Report().Results)-1]; last.Status != finding.Noncompliant || !slices.Contains(codes(last), sweep.CodeNoAnswer) {
			t.Errorf("got %+v", last)
		}
	})
}

func TestTwoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := large(0, 100)
		a.listed = func() { time.Sleep(time.Second) }
		var group sync.WaitGroup
		var outcomes [5]pipeline.Outcome
		for i := range outcomes {
			group.Go(func() {
				outcomes[i] = deliver(t, t.Context(), enforcing(), a, `{}`, fmt.Sprint("at once ", i))
			})
		}
		group.Wait()
		begun := 0
		for _, outcome := range outcomes {
			if outcome.Report().Summary != nil {
				begun++
			} else if got := lines(outcome); !slices.Equal(got, []string{"sweep skipped [sweep-underway]"}) {
				t.Errorf("got %q", got)
			}
		}
		if begun != 1 || len(a.queues[familiesQueue]) != 20 {
			t.Errorf("%d sweeps at once sent %d messages", begun, len(a.queues[familiesQueue]))
		}
		// Once it is over, the next one begins.
		if outcome := run(t, t.Context(), enforcing(), a, `{}`); outcome.Report().Summary == nil {
			t.Errorf("got %q", lines(outcome))
		}
	})
}

// A sweep that was cut off keeps others away for twenty minutes, but not the
// next delivery of its own event.
func TestCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := large(0, 10)
		cut := func(request string) string {
			a.failOnce = map[string]error{"ReceiveMessage": refusal("AccessDenied")}
			return lines(deliver(t, t.Context(), enforcing(), a, `{}`, request))[5]
		}
		if got := cut("first"); got != "report noncompliant [access-denied]" {
			t.Fatalf("got %q", got)
		}
		if got := lines(deliver(t, t.Context(), enforcing(), a, `{}`, "second")); !slices.Equal(got, []string{"sweep skipped [sweep-underway]"}) {
			t.Errorf("got %q", got)
		}
		again := deliver(t, t.Context(), enforcing(), a, `{}`, "first")
		if summary := summaryOf(t, again); !summary.Complete || summary.Statuses[finding.Compliant] != 11 {
			t.Errorf("got %s", summary.Headline)
		}
		cut("another")
		time.Sleep(21 * time.Minute)
		if outcome := deliver(t, t.Context(), enforcing(), a, `{}`, "third"); !summaryOf(t, outcome).Complete {
			t.Errorf("got %q", lines(outcome))
		}
	})
}

// A run that is continued after the wait for answers is over takes those that
// came meanwhile.
func TestTakenUpLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := large(0, 10)
		a.failOnce = map[string]error{"DescribeTrails": refusal("Throttling")}
		if got := lines(deliver(t, t.Context(), enforcing(), a, `{}`, "first"))[0]; got != "account failed [call-retried]" {
			t.Fatalf("got %q", got)
		}
		time.Sleep(16 * time.Minute)
		if summary := summaryOf(t, deliver(t, t.Context(), enforcing(), a, `{}`, "first")); !summary.Complete || summary.Statuses[finding.Compliant] != 11 || summary.Statuses[finding.Failed] != 0 {
			t.Errorf("got %s, %v", summary.Headline, summary.Statuses)
		}
	})
}

// The same event once more, when the sweep is over: it reports once more, and
// sends no message.
func TestDeliveredAgain(t *testing.T) {
	a := large(3, 3)
	first := deliver(t, t.Context(), enforcing(), a, `{}`, "one")
	sent := a.calls["SendMessageBatch"]
	again := deliver(t, t.Context(), enforcing(), a, `{}`, "one")
	if summaryOf(t, first).Sweep != summaryOf(t, again).Sweep || summaryOf(t, first).Headline != summaryOf(t, again).Headline || a.calls["SendMessageBatch"] != sent || len(again.Events) != 1 {
		t.Errorf("got %+v", summaryOf(t, again))
	}
}

// A message by which a sweep goes on, delivered twice, goes on once.
func TestGoingOnTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := large(0, 1_000)
		a.listed = func() { time.Sleep(10 * time.Second) }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		run(t, ctx, enforcing(), a, `{"only":["task-definitions"]}`)
		cancel()
		rest := a.queues[sweepQueue][0]
		if first := run(t, t.Context(), enforcing(), a, rest); !summaryOf(t, first).Complete {
			t.Errorf("got %q", lines(first))
		}
		if got := lines(run(t, t.Context(), enforcing(), a, rest)); !slices.Equal(got, []string{"sweep skipped [sweep-ended]"}) {
			t.Errorf("got %q", got)
		}
	})
}

// A kind that fails for now has the event delivered again, and what was sent
// before counts once.
func TestFailedForNow(t *testing.T) {
	a := large(12, 12)
	a.failOnce = map[string]error{"ListTaskDefinitionFamilies": refusal("Throttling")}
	first := deliver(t, t.Context(), enforcing(), a, `{}`, "one")
	if got := lines(first)[3]; got != "task-definitions failed [call-retried]" || first.Report().Summary != nil {
		t.Errorf("got %q", lines(first))
	}
	again := deliver(t, t.Context(), enforcing(), a, `{}`, "one")
	if summary := summaryOf(t, again); summary.Statuses[finding.Compliant] != 25 || len(a.queues[rolesQueue]) != 3 {
		t.Errorf("got %s, and %d messages", summary.Headline, len(a.queues[rolesQueue]))
	}
}

// A sweep whose lock ran out, and which another one replaced, does not write over it.
func TestTakenOver(t *testing.T) {
	a := large(0, 3)
	a.worker = func(queue string, message map[string]any) []finding.Result {
		a.stored["tag of "+stateKey] = "another"
		return compliant(queue, message)
	}
	clock := time.Date(2026, 8, 1, 6, 0, 0, 0, time.UTC)
	outcome := deliverAt(t, t.Context(), enforcing(), a, `{}`, "taken over", func() time.Time { clock = clock.Add(time.Second); return clock })
	if got := lines(outcome)[5]; got != "report noncompliant [sweep-reported sweep-taken-over]" {
		t.Errorf("got %q", got)
	}
}

func TestWithoutAReport(t *testing.T) {
	a := large(3, 3)
	settings := enforcing()
	settings.ReportBucket, settings.AttachPoliciesQueueURL = "", ""
	outcome := run(t, t.Context(), settings, a, `{"only":["roles","task-definitions"]}`)
	want := []string{"account compliant []", "roles compliant [kind-swept queue-missing]", "task-definitions compliant [kind-swept]", "report compliant [report-not-configured]"}
	if got := lines(outcome); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := a.queues[familiesQueue]; len(got) != 1 || got[0] != `{"taskDefinitions":["family-000000","family-000001","family-000002"]}` || a.calls["PutObject"]+a.calls["ReceiveMessage"] > 0 {
		t.Errorf("sent %q and made %v", got, a.calls)
	}
}

func TestMessagesThatAreNotTaken(t *testing.T) {
	busy := func(string, int) *sqstypes.BatchResultErrorEntry {
		return &sqstypes.BatchResultErrorEntry{Code: aws.String("ServiceUnavailable")}
	}
	tests := map[string]struct {
		refuse func(body string, nth int) *sqstypes.BatchResultErrorEntry
		want   string
		taken  int
	}{
		"one of a batch, twice": {
			func(body string, nth int) *sqstypes.BatchResultErrorEntry {
				if nth < 2 && strings.Contains(body, `000003"`) {
					return busy(body, nth)
				}
				return nil
			}, "task-definitions compliant [kind-swept]", 5,
		},
		"always": {busy, "task-definitions failed [kind-swept call-retried]", 0},
		"for its own fault": {
			func(body string, _ int) *sqstypes.BatchResultErrorEntry {
				if strings.Contains(body, `000024"`) {
					return &sqstypes.BatchResultErrorEntry{Code: aws.String("InvalidMessageContents"), Message: aws.String("The message contains characters outside the allowed set"), SenderFault: true}
				}
				return nil
			}, "task-definitions noncompliant [kind-swept message-refused]", 4,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := large(0, 25)
				a.refuse = test.refuse
				if got := lines(run(t, t.Context(), enforcing(), a, `{"sweep":"task-definitions"}`))[1]; got != test.want {
					t.Errorf("got %q", got)
				}
				if got := len(a.queues[familiesQueue]); got != test.taken {
					t.Errorf("the queue took %d messages, want %d", got, test.taken)
				}
			})
		})
	}
}

func TestErrorsOfCalls(t *testing.T) {
	tests := map[string]struct {
		call, code, want string
	}{
		"lists denied":     {"GetAccountAuthorizationDetails", "AccessDenied", "roles noncompliant [access-denied]"},
		"lists throttled":  {"GetAccountAuthorizationDetails", "Throttling", "roles failed [call-retried]"},
		"sending denied":   {"SendMessageBatch", "AccessDenied", "roles noncompliant [kind-swept access-denied]"},
		"no such queue":    {"SendMessageBatch", "AWS.SimpleQueueService.NonExistentQueue", "roles noncompliant [kind-swept call-refused]"},
		"trails denied":    {"DescribeTrails", "AccessDenied", "account noncompliant [access-denied]"},
		"trail kept":       {"GetEventSelectors", "TrailNotFoundException", "account compliant [trail-unchecked]"},
		"no report bucket": {"GetObject", "NoSuchBucket", "sweep noncompliant [report-not-configured]"},
		"state denied":     {"PutObject", "AccessDenied", "sweep noncompliant [access-denied]"},
		"bucket":           {"ListObjectsV2", "PermanentRedirect", "config-objects noncompliant [kind-swept bucket-unlistable bucket-unlistable]"},
		"schedules denied": {"ListSchedules", "AccessDeniedException", "task-definitions noncompliant [kind-swept uses-unchecked]"},
		"rules throttled":  {"ListClusters", "ThrottlingException", "task-definitions failed [call-retried]"},
		"bucket throttled": {"ListObjectsV2", "SlowDown", "config-objects failed [call-retried]"},
		"bucket's events":  {"GetBucketNotificationConfiguration", "AccessDenied", "account noncompliant [bucket-events-unchecked bucket-events-unchecked]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := large(1, 0)
			a.err = map[string]error{test.call: refusal(test.code)}
			if got := lines(run(t, t.Context(), enforcing(), a, `{"only":["roles","config-objects","task-definitions"]}`)); !slices.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSampleEvents(t *testing.T) {
	all := []string{"account", "roles", "config-objects", "task-definitions", "secrets", "report"}
	want := map[string][]string{
		"sweep-scheduled.json": all, "sweep.json": all, "sweep-roles.json": {"account", "roles", "report"}, "sweep-queue.json": {"sweep"},
	}
	samples, err := filepath.Glob("../../events/sweep*.json")
	if err != nil || len(samples) != len(want) {
		t.Fatalf("got the samples %q, %v", samples, err)
	}
	for _, sample := range samples {
		payload, err := os.ReadFile(sample)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, result := range run(t, t.Context(), enforcing(), awake(), string(payload)).Report().Results {
			got = append(got, result.Subject)
		}
		if !slices.Equal(got, want[filepath.Base(sample)]) {
			t.Errorf("%s: got %q", sample, got)
		}
	}
}

func FuzzRequests(f *testing.F) {
	for _, seed := range []string{`{"sweep":"all"}`, `{"only":["roles"],"dry-run":true}`, `{"continue":"x","attempt":1}`, `{"sweep":7,"only":{}}`, `{"detail-type":"Scheduled Event"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		run(t, t.Context(), enforcing(), large(2, 2), string(payload))
	})
}

// FuzzAnswers: whatever stands in the results queue, the sweep ends.
func FuzzAnswers(f *testing.F) {
	f.Add(`{"detail":{"sweep":"x.1.0","statuses":{"compliant":1}}}`)
	f.Add(`{"detail":[]}`)
	f.Fuzz(func(t *testing.T, answer string) {
		a := large(2, 2)
		a.answers = []string{answer}
		if summary := summaryOf(t, run(t, t.Context(), enforcing(), a, `{}`)); !summary.Complete || summary.Statuses[finding.Compliant] != 5 {
			t.Errorf("got %v", summary.Statuses)
		}
	})
}
