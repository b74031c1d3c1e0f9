package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"ecsguardrails/shared/event"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/rotation"
	"ecsguardrails/shared/settings"
	"ecsguardrails/shared/sweep"
)

const (
	rolesQueue    = "https://sqs.us-east-1.amazonaws.com/123456789012/attach-policies"
	familiesQueue = "https://sqs.us-east-1.amazonaws.com/123456789012/patch-task-definition"
	secretsQueue  = "https://sqs.us-east-1.amazonaws.com/123456789012/rotate-secret"
	sweepQueue    = "https://sqs.us-east-1.amazonaws.com/123456789012/sweep"
)

func enforcing() sweep.Settings {
	return sweep.Settings{
		Shared:                 settings.Shared{Mode: finding.Enforce},
		AttachPoliciesQueueURL: rolesQueue, PatchTaskDefinitionQueueURL: familiesQueue, RotateSecretQueueURL: secretsQueue, SweepQueueURL: sweepQueue,
	}
}

func handle(t *testing.T, ctx context.Context, settings sweep.Settings, a *account, payload string) []finding.Result {
	t.Helper()
	outcome := sweep.New(settings, a, a, a, a, time.Now).Handle(ctx, []byte(payload))
	for _, result := range outcome.Report.Results {
		if err := result.Check(); err != nil {
			t.Errorf("%s: %v", result.Subject, err)
		}
	}
	return outcome.Report.Results
}

func codes(result finding.Result) (codes []string) {
	for _, f := range result.Findings {
		codes = append(codes, f.Code)
	}
	return codes
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

func role(name, path, trust string) iamtypes.Role {
	return iamtypes.Role{RoleName: aws.String(name), Path: aws.String(path), AssumeRolePolicyDocument: aws.String(trust)}
}

func TestWhatIsHandedOver(t *testing.T) {
	a := &account{
		roles: []iamtypes.Role{
			role("ecsInstanceRole", "/", trusts("ec2.amazonaws.com")),
			role("anywhere", "/teams/", trusts("ssm.amazonaws.com")),
			role("china", "/", trusts("ec2.amazonaws.com.cn")),
			role("unencoded", "/", `{"Statement":{"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com","EC2.amazonaws.com"]},"Action":"sts:AssumeRole"}}`),
			role("lambda", "/", trusts("lambda.amazonaws.com")),
			role("AWSServiceRoleForAmazonSSM", "/aws-service-role/ssm.amazonaws.com/", trusts("ssm.amazonaws.com")),
			role("AWSReservedSSO_ec2_1", "/aws-reserved/sso.amazonaws.com/", trusts("ec2.amazonaws.com")),
			{RoleName: aws.String("bare")},
		},
		families: []string{"web", "batch"},
		secrets: []secretstypes.SecretListEntry{
			registrySecret("one", "", rotation.DriverTag),
			registrySecret("two", "us-east-1", "team", rotation.DriverTag),
			registrySecret("replica", "eu-west-1", rotation.DriverTag),
			registrySecret("beginning", "", rotation.DriverTag+"s"),
			registrySecret("other", "", rotation.RegistryTag),
		},
	}
	results := handle(t, t.Context(), enforcing(), a, `{"detail-type":"Scheduled Event","source":"aws.events","detail":{}}`)
	want := []finding.Result{
		{
			Subject: "roles", Status: finding.Compliant,
			Findings: []finding.Finding{{Code: "swept", Severity: finding.Info, Message: "roles listed: 8; of these, 4 trust EC2 or Systems Manager"}},
			Actions:  []finding.Action{{Kind: "SendMessageBatch", Target: rolesQueue, Summary: "hand over roles (messages: 4)", Applied: true}},
		},
		{
			Subject: "task-definitions", Status: finding.Compliant,
			Findings: []finding.Finding{{Code: "swept", Severity: finding.Info, Message: "task definition families with an active revision: 2"}},
			Actions:  []finding.Action{{Kind: "SendMessageBatch", Target: familiesQueue, Summary: "hand over task-definitions (messages: 2)", Applied: true}},
		},
		{
			Subject: "secrets", Status: finding.Compliant,
			Findings: []finding.Finding{{Code: "swept", Severity: finding.Info, Message: "secrets with the tag ecs-guardrails:driver that are rotated in this region: 2"}},
			Actions:  []finding.Action{{Kind: "SendMessageBatch", Target: secretsQueue, Summary: "hand over secrets (messages: 2)", Applied: true}},
		},
	}
	if got := fmt.Sprintf("%+v", results); got != fmt.Sprintf("%+v", want) {
		t.Errorf("got\n%s, want\n%+v", got, want)
	}
	if got := a.queues[rolesQueue]; !slices.Equal(got, []string{`{"role":"ecsInstanceRole"}`, `{"role":"anywhere"}`, `{"role":"china"}`, `{"role":"unencoded"}`}) {
		t.Errorf("got roles %q", got)
	}
	if got := a.queues[familiesQueue]; !slices.Equal(got, []string{`{"taskDefinition":"web"}`, `{"taskDefinition":"batch"}`}) {
		t.Errorf("got families %q", got)
	}
	if got := a.queues[secretsQueue]; !slices.Equal(got, []string{`{"secret":"` + secretARN + `one"}`, `{"secret":"` + secretARN + `two"}`}) {
		t.Errorf("got secrets %q", got)
	}
	for _, message := range a.queues[secretsQueue] {
		for _, decoded := range event.Decode([]byte(message)).Messages {
			for _, trigger := range decoded.Triggers {
				subjects := rotation.Subjects(trigger)
				if len(subjects) != 1 || subjects[0].Settled != nil || subjects[0].Of.Step != rotation.Review {
					t.Errorf("rotate-secret takes %s for %+v", message, subjects)
				}
			}
		}
	}
}

// TestWhichRoles: the ones that attach-policies would look at, and no others.
func TestWhichRoles(t *testing.T) {
	statements := func(of string) string { return `{"Version":"2012-10-17","Statement":[` + of + `]}` }
	const ec2 = `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
	for trust, want := range map[string]bool{
		statements(ec2):                 true,
		url.PathEscape(statements(ec2)): true,
		`not a policy`:                  true,
		`{"Statement":`:                 true,
		statements(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/ec2.ssm."},"Action":"sts:AssumeRole"}`):              false,
		statements(`{"Effect":"Allow","Principal":{"Service":"notec2.amazonaws.com"},"Action":"sts:AssumeRole"}`):                             false,
		statements(`{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:TagSession"}`):                                false,
		statements(`{"Effect":"Deny","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}`):                                 false,
		statements(ec2 + `,{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}`):                                                      false,
		statements(ec2 + `,{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`): true,
	} {
		a := &account{roles: []iamtypes.Role{role("web", "/", trust)}}
		handle(t, t.Context(), enforcing(), a, `{"sweep":"roles"}`)
		if got := len(a.queues[rolesQueue]) == 1; got != want {
			t.Errorf("%s: handed over: %v, want %v", trust, got, want)
		}
	}
}

func TestSubjects(t *testing.T) {
	tests := map[string]struct {
		payload string
		want    []string // "subject status codes"
	}{
		"all":                   {`{"sweep":"all"}`, []string{"roles compliant [swept]", "task-definitions compliant [swept]", "secrets compliant [swept]"}},
		"secrets":               {`{"sweep":"secrets"}`, []string{"secrets compliant [swept]"}},
		"secrets from a marker": {`{"sweep":"secrets","marker":"0"}`, []string{"secrets compliant [swept]"}},
		"roles":                 {`{"sweep":"roles"}`, []string{"roles compliant [swept]"}},
		"task definitions":      {`{"sweep":"task-definitions"}`, []string{"task-definitions compliant [swept]"}},
		"from a marker on":      {`{"sweep":"roles","marker":"1"}`, []string{"roles compliant [swept]"}},
		"from a stale marker":   {`{"sweep":"roles","marker":"gone"}`, []string{"roles noncompliant [call-refused]"}},
		"from its own queue":    {`{"Records":[{"messageId":"m","eventSource":"aws:sqs","body":"{\"sweep\":\"roles\",\"marker\":\"1\"}"}]}`, []string{"roles compliant [swept]"}},
		"all from a marker on":  {`{"sweep":"all","marker":"1"}`, []string{"event noncompliant [malformed-event]"}},
		"marker of wrong type":  {`{"sweep":"roles","marker":7}`, []string{"event noncompliant [malformed-event]"}},
		"empty marker":          {`{"sweep":"roles","marker":""}`, []string{"event noncompliant [malformed-event]"}},
		"unknown kind":          {`{"sweep":"users"}`, []string{"event noncompliant [malformed-event]"}},
		"kind of wrong type":    {`{"sweep":["roles"]}`, []string{"event noncompliant [malformed-event]"}},
		"another request":       {`{"role":"x"}`, []string{"event skipped [event-not-handled]"}},
		"empty":                 {``, []string{"event noncompliant [malformed-event]"}},
		"null":                  {`null`, []string{"event noncompliant [malformed-event]"}},
		"truncated":             {`{"sweep":`, []string{"event noncompliant [malformed-event]"}},
		"six megabytes":         {strings.Repeat("{", 6<<20), []string{"event noncompliant [malformed-event]"}},
		"an event of a service": {`{"detail-type":"EC2 Instance State-change Notification","source":"aws.ec2","detail":{}}`, []string{"event skipped [event-not-handled]"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := &account{roles: []iamtypes.Role{role("a", "/", trusts("ec2.amazonaws.com")), role("b", "/", trusts("ec2.amazonaws.com"))}}
			var got []string
			for _, result := range handle(t, t.Context(), enforcing(), a, test.payload) {
				got = append(got, fmt.Sprintf("%s %s %v", result.Subject, result.Status, codes(result)))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestLargeAccount(t *testing.T) {
	a := large(10_000, 100_000)
	for i := range 250 {
		a.secrets = append(a.secrets, registrySecret(fmt.Sprint(i), "", rotation.DriverTag))
	}
	for _, result := range handle(t, t.Context(), enforcing(), a, `{"sweep":"all"}`) {
		if result.Status != finding.Compliant {
			t.Errorf("got %+v", result)
		}
	}
	if roles, families := len(a.queues[rolesQueue]), len(a.queues[familiesQueue]); roles != 10_000 || families != 100_000 {
		t.Errorf("handed over %d roles and %d families", roles, families)
	}
	if secrets := len(a.queues[secretsQueue]); secrets != 250 {
		t.Errorf("handed over %d secrets", secrets)
	}
	want := map[string]int{"ListRoles": 10, "ListTaskDefinitionFamilies": 1000, "ListSecrets": 3, "SendMessageBatch": 11_025}
	if fmt.Sprint(a.calls) != fmt.Sprint(want) {
		t.Errorf("got the calls %v, want %v", a.calls, want)
	}
}

func large(roles, families int) *account {
	a := &account{}
	for i := range roles {
		a.roles = append(a.roles, role(fmt.Sprintf("role-%05d", i), "/", trusts("ec2.amazonaws.com")))
	}
	for i := range families {
		a.families = append(a.families, fmt.Sprintf("family-%06d", i))
	}
	return a
}

// A slow account is swept in parts, each of which sends on the request for the
// next; together they lose nothing and send nothing twice.
func TestTheRestGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := large(0, 1_050)
		a.listed = func() { time.Sleep(time.Second) }
		payload, runs := `{"sweep":"task-definitions"}`, 0
		for payload != "" {
			runs++
			if runs > 10 {
				t.Fatal("the sweep does not end")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
			for _, result := range handle(t, ctx, enforcing(), a, payload) {
				if result.Status != finding.Compliant {
					t.Errorf("got %+v", result)
				}
			}
			cancel()
			payload = strings.Join(a.queues[sweepQueue], "")
			a.queues[sweepQueue] = nil
		}
		if runs != 4 {
			t.Errorf("took %d runs of three pages each, want 4", runs)
		}
		slices.Sort(a.queues[familiesQueue])
		if got := len(slices.Compact(a.queues[familiesQueue])); got != 1_050 {
			t.Errorf("handed over %d families", got)
		}
	})
}

func TestTheRestIsReportedWithoutAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := large(2_000, 0)
		a.listed = func() { time.Sleep(time.Minute) }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		settings := enforcing()
		settings.SweepQueueURL = ""
		result := handle(t, ctx, settings, a, `{"sweep":"roles"}`)[0]
		if result.Status != finding.Noncompliant || !slices.Equal(codes(result), []string{"swept", "sweep-incomplete"}) ||
			!strings.Contains(result.Findings[1].Fix, `{"marker":"1000","sweep":"roles"}`) {
			t.Errorf("got %+v", result)
		}
	})
}

func TestDryRunSendsNothing(t *testing.T) {
	a := large(3, 3)
	a.secrets = []secretstypes.SecretListEntry{registrySecret("one", "", rotation.DriverTag)}
	settings := enforcing()
	settings.Mode = finding.DryRun
	for _, result := range handle(t, t.Context(), settings, a, `{"sweep":"all"}`) {
		if result.Status != finding.Compliant || len(result.Actions) != 1 || result.Actions[0].Applied {
			t.Errorf("got %+v", result)
		}
	}
	if a.calls["SendMessageBatch"] != 0 {
		t.Error("a dry-run sent messages")
	}
}

func TestNoQueue(t *testing.T) {
	a := large(3, 0)
	results := handle(t, t.Context(), sweep.Settings{Shared: settings.Shared{Mode: finding.Enforce}}, a, `{"sweep":"all"}`)
	if got := codes(results[0]); results[0].Status != finding.Noncompliant || !slices.Equal(got, []string{"swept", "no-queue"}) {
		t.Errorf("got %+v", results[0])
	}
	for _, result := range results[1:] {
		if result.Status != finding.Compliant {
			t.Errorf("nothing to hand over needs no queue: %+v", result)
		}
	}
}

func TestMessagesThatAreNotTaken(t *testing.T) {
	busy := func(string, int) *sqstypes.BatchResultErrorEntry {
		return &sqstypes.BatchResultErrorEntry{Code: aws.String("ServiceUnavailable")}
	}
	tests := map[string]struct {
		refuse func(body string, nth int) *sqstypes.BatchResultErrorEntry
		status finding.Status
		code   string
		taken  int
	}{
		"two of a batch, twice": {
			func(body string, nth int) *sqstypes.BatchResultErrorEntry {
				if nth < 2 && strings.HasSuffix(body, `3"}`) {
					return busy(body, nth)
				}
				return nil
			}, finding.Compliant, "swept", 25,
		},
		"always": {busy, finding.Failed, "will-retry", 0},
		"for its own fault": {
			func(body string, _ int) *sqstypes.BatchResultErrorEntry {
				if strings.HasSuffix(body, `24"}`) {
					return &sqstypes.BatchResultErrorEntry{Code: aws.String("InvalidMessageContents"), SenderFault: true}
				}
				return nil
			}, finding.Noncompliant, "message-refused", 24,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := large(0, 25)
				a.refuse = test.refuse
				result := handle(t, t.Context(), enforcing(), a, `{"sweep":"task-definitions"}`)[0]
				if result.Status != test.status || !slices.Contains(codes(result), test.code) {
					t.Errorf("got %+v", result)
				}
				if got := len(a.queues[familiesQueue]); got != test.taken {
					t.Errorf("the queue took %d messages, want %d", got, test.taken)
				}
			})
		})
	}
}

func TestErrorsOfCalls(t *testing.T) {
	answer := func(code string) error {
		return &smithy.OperationError{ServiceID: "X", OperationName: "Y", Err: &smithy.GenericAPIError{Code: code, Fault: smithy.FaultClient}}
	}
	tests := map[string]struct {
		call   string
		err    error
		status finding.Status
		code   string
	}{
		"lists denied":    {"ListRoles", answer("AccessDenied"), finding.Noncompliant, "access-denied"},
		"lists throttled": {"ListRoles", answer("Throttling"), finding.Failed, "will-retry"},
		"connection":      {"ListRoles", errors.New("connection reset"), finding.Failed, "will-retry"},
		"sending denied":  {"SendMessageBatch", answer("AccessDenied"), finding.Noncompliant, "access-denied"},
		"no such queue":   {"SendMessageBatch", answer("AWS.SimpleQueueService.NonExistentQueue"), finding.Noncompliant, "call-refused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := large(1, 0)
			a.err = map[string]error{test.call: test.err}
			result := handle(t, t.Context(), enforcing(), a, `{"sweep":"roles"}`)[0]
			if result.Status != test.status || !slices.Contains(codes(result), test.code) {
				t.Errorf("got %+v", result)
			}
		})
	}
}

func TestSampleEvents(t *testing.T) {
	want := map[string][]string{
		"sweep-scheduled.json":         {"roles", "task-definitions", "secrets"},
		"sweep.json":                   {"roles", "task-definitions", "secrets"},
		"sweep-secrets.json":           {"secrets"},
		"sweep-task-definitions.json":  {"task-definitions"},
		"sweep-roles-from-marker.json": {"roles"},
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
		for _, result := range handle(t, t.Context(), enforcing(), &account{}, string(payload)) {
			got = append(got, result.Subject)
		}
		if !slices.Equal(got, want[filepath.Base(sample)]) {
			t.Errorf("%s: got %q", sample, got)
		}
	}
}

func FuzzSubjects(f *testing.F) {
	f.Add([]byte(`{"sweep":"all"}`))
	f.Add([]byte(`{"sweep":"roles","marker":"1"}`))
	f.Add([]byte(`{"sweep":"secrets","marker":"0"}`))
	f.Add([]byte(`{"sweep":7,"marker":{}}`))
	f.Add([]byte(`{"detail-type":"Scheduled Event"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		handle(t, t.Context(), enforcing(), large(2, 2), string(payload))
	})
}
