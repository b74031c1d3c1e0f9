package taskdef

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

func codes(result finding.Result) []string {
	var texts []string
	for _, f := range result.Findings {
		texts = append(texts, f.Code)
	}
	return texts
}

func wantResult(t *testing.T, result finding.Result, status finding.Status, wantCodes ...string) {
	t.Helper()
	if err := findingtest.Check(result); err != nil {
		t.Error(err)
	}
	if result.Status != status || !slices.Equal(codes(result), wantCodes) {
		t.Fatalf("got %s %v, want %s %v\n%+v", result.Status, codes(result), status, wantCodes, result.Findings)
	}
}

func TestAPrivateImageGetsItsCredential(t *testing.T) {
	s := newStack(tagged("hub", "docker.io/acme"), tagged("shop", "registry.example.com"))
	s.ecs.add(registration("storefront", container("web", "registry.example.com/shop/storefront:1.42.0"), container("proxy", "nginx")))
	payload, err := os.ReadFile("../../events/register-task-definition.json")
	if err != nil {
		t.Fatal(err)
	}
	result := s.send(strings.ReplaceAll(string(payload), "storefront:17", "storefront:1")).Results[0]
	wantResult(t, result, finding.Remediated, "credential-missing")
	if result.Subject != arnOf("storefront", 1) {
		t.Errorf("subject %q", result.Subject)
	}

	before, after := s.ecs.revisions["storefront"][0], s.ecs.revisions["storefront"][1]
	if got := credentialOf(after.definition.ContainerDefinitions[0]); got != secretARN("shop") {
		t.Errorf("credential %q", got)
	}
	if got := after.definition.ContainerDefinitions[1].RepositoryCredentials; got != nil {
		t.Errorf("the public image has a credential: %v", got)
	}
	if before.definition.ContainerDefinitions[0].RepositoryCredentials != nil {
		t.Error("the old revision was changed")
	}
	if got, want := tagsOf(after.tags), "team=shop,ecs-guardrails:patched-from="+arnOf("storefront", 1); got != want {
		t.Errorf("tags %s", got)
	}

	second := s.look("storefront")
	wantResult(t, second, finding.Compliant)
	if len(s.ecs.revisions["storefront"]) != 2 {
		t.Error("the second look registered again")
	}
}

func tagsOf(tags []types.Tag) string {
	var texts []string
	for _, tag := range tags {
		texts = append(texts, aws.ToString(tag.Key)+"="+aws.ToString(tag.Value))
	}
	return strings.Join(texts, ",")
}

func TestADryRunRegistersNothing(t *testing.T) {
	s := newStack(tagged("shop", "registry.example.com"))
	s.settings.Mode = finding.DryRun
	s.ecs.add(registration("app", container("web", "registry.example.com/app")))
	result := s.look("app:1")
	wantResult(t, result, finding.Planned, "credential-missing")
	if len(result.Actions) != 1 || result.Actions[0].Kind != "RegisterTaskDefinition" || result.Actions[0].Applied {
		t.Errorf("actions %+v", result.Actions)
	}
	if len(s.ecs.revisions["app"]) != 1 {
		t.Error("a revision was registered")
	}
}

func TestCalls(t *testing.T) {
	s := newStack(tagged("shop", "registry.example.com"))
	calls := func(family string) string {
		s.ecs.calls, s.secrets.calls, s.iam.calls = nil, 0, nil
		s.secrets.reads = nil
		s.look(family)
		return fmt.Sprintf("%s + %d + %d", strings.Join(s.ecs.calls, " "), s.secrets.calls, len(s.iam.calls)+len(s.secrets.reads))
	}
	s.ecs.add(registration("ecr", container("web", "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1")))
	s.ecs.add(registration("public", container("web", "nginx")))
	s.ecs.add(registration("private", container("web", "registry.example.com/app")))
	steps := []struct {
		name   string
		family string
		later  time.Duration
		want   string
	}{
		// With an execution role, ECR is pulled from as that role, on instances, too.
		{"cold", "ecr", 0, "DescribeTaskDefinition + 1 + 2"},
		{"warm", "ecr", 0, "DescribeTaskDefinition + 0 + 0"},
		{"warm, nothing serves the image", "public", 0, "DescribeTaskDefinition + 0 + 0"},
		{"that is believed for a short time only", "public", absenceTTL, "DescribeTaskDefinition + 1 + 0"},
		{"a patch", "private", 0, "DescribeTaskDefinition RegisterTaskDefinition + 0 + 3"},
		{"what serves is believed for longer", "private", 10 * absenceTTL, "DescribeTaskDefinition + 0 + 0"},
		{"not for ever", "private", secretsTTL, "DescribeTaskDefinition + 1 + 0"},
	}
	for _, step := range steps {
		s.now = s.now.Add(step.later)
		if got := calls(step.family); got != step.want {
			t.Errorf("%s: got %s, want %s", step.name, got, step.want)
		}
	}
}

func TestASecretTaggedBeforeTheRegistrationServesIt(t *testing.T) {
	s := newStack()
	s.ecs.add(registration("first", container("web", "nginx")))
	s.look("first")
	s.secrets.entries = append(s.secrets.entries, tagged("shop", "registry.example.com"))
	s.ecs.now = s.now.Add(time.Second)
	s.now = s.now.Add(2 * time.Second)
	s.ecs.add(registration("app", container("web", "registry.example.com/app")))
	wantResult(t, s.look("app"), finding.Remediated, "credential-missing")

	// One that serves less, and so serves it better.
	s.secrets.entries = append(s.secrets.entries, tagged("team", "registry.example.com/team"))
	s.ecs.now = s.now.Add(time.Second)
	s.now = s.now.Add(2 * time.Second)
	s.ecs.add(registration("team", container("web", "registry.example.com/team/app")))
	wantResult(t, s.look("team"), finding.Remediated, "credential-missing")
	if got := credentialOf(s.ecs.find("team:2").definition.ContainerDefinitions[0]); !strings.Contains(got, ":secret:team") {
		t.Errorf("the image is pulled with %s", got)
	}
}

// The list of secrets is read once per look, also when the event comes within the
// second of the registration, which ends after the list was read.
func TestALookWithinTheSecondOfTheRegistrationListsOnce(t *testing.T) {
	s := newStack()
	s.ecs.now = s.now.Truncate(time.Second)
	s.now = s.ecs.now.Add(300 * time.Millisecond)
	s.ecs.add(registration("app", container("web", "registry.example.com/app")))
	s.secrets.entries = append(s.secrets.entries, tagged("shop", "registry.example.com"))
	wantResult(t, s.look("app"), finding.Remediated, "credential-missing")
	if s.secrets.calls != 1 {
		t.Errorf("the secrets were listed %d times in one look", s.secrets.calls)
	}
	// The next look within that second may be younger than the list.
	s.secrets.calls, s.now = 0, s.now.Add(300*time.Millisecond)
	s.ecs.add(registration("shop", container("web", "registry.example.com/shop")))
	s.look("shop")
	if s.secrets.calls != 1 {
		t.Errorf("the secrets were listed %d times for a registration in the same second as the list", s.secrets.calls)
	}
}

func TestWhichRevisionIsLookedAt(t *testing.T) {
	private := container("web", "registry.example.com/app")
	tests := map[string]struct {
		asked     string
		arrange   func(*fakeECS)
		status    finding.Status
		codes     []string
		revisions int
	}{
		"the latest by its number": {"app:2", func(f *fakeECS) { f.add(registration("app", private)) }, finding.Remediated, []string{"credential-missing"}, 3},
		"the latest by its family": {"app", func(*fakeECS) {}, finding.Remediated, []string{"credential-missing"}, 2},
		"the latest by its ARN":    {arnOf("app", 1), func(*fakeECS) {}, finding.Remediated, []string{"credential-missing"}, 2},
		"an older one":             {"app:1", func(f *fakeECS) { f.add(registration("app", private)) }, finding.Skipped, []string{"revision-not-latest"}, 2},
		"deregistered": {"app:2", func(f *fakeECS) {
			f.add(registration("app", private))
			f.find("app:2").definition.Status = types.TaskDefinitionStatusInactive
		}, finding.Skipped, []string{"subject-gone"}, 2},
		"on its way to deletion":   {"app:1", func(f *fakeECS) { f.find("app:1").definition.Status = types.TaskDefinitionStatusDeleteInProgress }, finding.Skipped, []string{"subject-gone"}, 1},
		"the family has none left": {"app", func(f *fakeECS) { f.find("app:1").definition.Status = types.TaskDefinitionStatusInactive }, finding.Skipped, []string{"subject-gone"}, 1},
		"latest once more": {"app:1", func(f *fakeECS) {
			f.add(registration("app", private))
			f.find("app:2").definition.Status = types.TaskDefinitionStatusInactive
		}, finding.Remediated, []string{"credential-missing"}, 3},
		"a number never given":    {"app:9", func(*fakeECS) {}, finding.Skipped, []string{"subject-gone"}, 1},
		"a family that never was": {"nothing:1", func(*fakeECS) {}, finding.Skipped, []string{"subject-gone"}, 1},
		"another region":          {strings.Replace(arnOf("app", 1), "us-east-1", "eu-west-1", 1), func(*fakeECS) {}, finding.Skipped, []string{"subject-in-other-region"}, 1},
		"another account":         {strings.Replace(arnOf("app", 1), account, "999999999999", 1), func(*fakeECS) {}, finding.Skipped, []string{"subject-in-other-account"}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStack(tagged("shop", "registry.example.com"))
			s.ecs.add(registration("app", private))
			test.arrange(s.ecs)
			wantResult(t, s.look(test.asked), test.status, test.codes...)
			if got := len(s.ecs.revisions["app"]); got != test.revisions {
				t.Errorf("%d revisions, want %d", got, test.revisions)
			}
		})
	}
}

func TestAnotherRegistrationInBetween(t *testing.T) {
	s := newStack(tagged("shop", "registry.example.com"))
	s.ecs.add(registration("app", container("web", "registry.example.com/app:1")))
	s.ecs.before = func(operation string) error {
		if operation == "RegisterTaskDefinition" {
			s.ecs.before = nil
			s.ecs.add(registration("app", container("web", "registry.example.com/app:2")))
		}
		return nil
	}
	result := s.look("app:1")
	wantResult(t, result, finding.Failed, "credential-missing", "call-retried")
	if got := s.ecs.find("app:3").definition.Status; got != types.TaskDefinitionStatusInactive {
		t.Errorf("the late revision is %s", got)
	}
	wantResult(t, s.look("app:1"), finding.Skipped, "revision-not-latest")
	wantResult(t, s.look("app:2"), finding.Remediated, "credential-missing")
	if got := aws.ToString(s.ecs.find("app").definition.ContainerDefinitions[0].Image); got != "registry.example.com/app:2" {
		t.Errorf("the latest revision runs %s", got)
	}
}

// cutOffBeforeWithdrawing leaves app:3, made of app:1 although app:2 had come in
// between.
func cutOffBeforeWithdrawing(t *testing.T) *stack {
	t.Helper()
	s := newStack(tagged("shop", "registry.example.com"))
	s.ecs.add(registration("app", container("web", "registry.example.com/app:1")))
	s.ecs.before = func(operation string) error {
		switch operation {
		case "RegisterTaskDefinition":
			s.ecs.add(registration("app", container("web", "registry.example.com/app:2")))
		case "DeregisterTaskDefinition":
			return errors.New("cut off")
		}
		return nil
	}
	wantResult(t, s.look("app:1"), finding.Failed, "credential-missing", "call-retried")
	s.ecs.before = nil
	return s
}

func TestARunThatWasCutOffIsTidiedUp(t *testing.T) {
	s := cutOffBeforeWithdrawing(t)
	wantResult(t, s.look("app:1"), finding.Remediated, "revision-late")
	wantResult(t, s.look("app:1"), finding.Skipped, "revision-not-latest")
	wantResult(t, s.look("app:2"), finding.Remediated, "credential-missing")
	if got := aws.ToString(s.ecs.find("app").definition.ContainerDefinitions[0].Image); got != "registry.example.com/app:2" {
		t.Errorf("the latest revision runs %s", got)
	}
}

// TestALateRevisionHidesNoOther: the one in between may be asked for before the
// run that was cut off is repeated.
func TestALateRevisionHidesNoOther(t *testing.T) {
	s := cutOffBeforeWithdrawing(t)
	wantResult(t, s.look("app:2"), finding.Failed, "revision-late", "call-retried")
	wantResult(t, s.look("app:2"), finding.Remediated, "credential-missing")
	wantResult(t, s.look("app:1"), finding.Skipped, "revision-not-latest")
	latest := s.ecs.find("app").definition
	if got := aws.ToString(latest.ContainerDefinitions[0].Image); latest.Revision != 4 || got != "registry.example.com/app:2" {
		t.Errorf("the latest revision is %d, and runs %s", latest.Revision, got)
	}
}

func TestACopiedTagIsNobodysWithdrawal(t *testing.T) {
	s := newStack(tagged("shop", "registry.example.com"))
	s.ecs.add(registration("app", container("web", "registry.example.com/app:1")))
	wantResult(t, s.look("app:1"), finding.Remediated, "credential-missing")
	copied := registration("app", withCredential(container("web", "registry.example.com/app:2"), secretARN("shop")))
	copied.Tags = s.ecs.find("app").tags
	s.ecs.add(copied)
	wantResult(t, s.look("app:1"), finding.Skipped, "revision-not-latest")
	if got := s.ecs.find("app:3").definition.Status; got != types.TaskDefinitionStatusActive {
		t.Errorf("somebody's revision is %s", got)
	}
}

func TestManyAtOnceRegisterOnce(t *testing.T) {
	s := newStack(tagged("shop", "registry.example.com"))
	s.ecs.add(registration("app", container("web", "registry.example.com/app:1")))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 5 {
				if result := s.look("app:1"); result.Status != finding.Failed {
					return
				}
			}
			t.Error("it never settled")
		})
	}
	group.Wait()
	active := 0
	for _, of := range s.ecs.revisions["app"][1:] {
		if of.definition.Status == types.TaskDefinitionStatusActive {
			active++
		}
	}
	if active != 1 {
		t.Errorf("%d patched revisions are active", active)
	}
	wantResult(t, s.look("app"), finding.Compliant)
}

func TestErrorsOfECS(t *testing.T) {
	tests := map[string]struct {
		at     string
		err    error
		status finding.Status
		code   string
	}{
		"throttled while describing": {"DescribeTaskDefinition", &smithy.GenericAPIError{Code: "ThrottlingException"}, finding.Failed, "call-retried"},
		"denied while describing":    {"DescribeTaskDefinition", &smithy.GenericAPIError{Code: "AccessDeniedException"}, finding.Noncompliant, "access-denied"},
		"families that race":         {"RegisterTaskDefinition", &smithy.GenericAPIError{Code: "ClientException", Message: "Too many concurrent attempts to create a new revision of the specified family.", Fault: smithy.FaultClient}, finding.Failed, "call-retried"},
		"a registration refused":     {"RegisterTaskDefinition", &smithy.GenericAPIError{Code: "ClientException", Message: "Role is not valid", Fault: smithy.FaultClient}, finding.Noncompliant, "call-refused"},
		"no right to pass the role":  {"RegisterTaskDefinition", &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "iam:PassRole"}, finding.Noncompliant, "access-denied"},
		"a broken connection":        {"RegisterTaskDefinition", errors.New("connection reset"), finding.Failed, "call-retried"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStack(tagged("shop", "registry.example.com"))
			s.ecs.add(registration("app", container("web", "registry.example.com/app:1")))
			s.ecs.before = func(operation string) error {
				if operation == test.at {
					return test.err
				}
				return nil
			}
			result := s.look("app:1")
			if result.Status != test.status || !slices.Contains(codes(result), test.code) {
				t.Errorf("got %s %v", result.Status, codes(result))
			}
		})
	}
}

func TestListingSecretsMattersOnlyWhereOneIsNeeded(t *testing.T) {
	s := newStack()
	s.secrets.err = &smithy.GenericAPIError{Code: "AccessDeniedException"}
	s.ecs.add(registration("ecr", container("web", "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1")))
	s.ecs.add(registration("other", container("web", "nginx")))
	wantResult(t, s.look("ecr"), finding.Compliant)
	wantResult(t, s.look("other"), finding.Noncompliant, "access-denied")
}

// samples are the events that wake this function.
var samples = []string{
	"../../events/register-task-definition.json",
	"../../events/register-task-definition-from-queue.json",
	"../../events/task-definition-by-hand.json",
}

func TestEveryEventIsTaken(t *testing.T) {
	for _, file := range samples {
		t.Run(filepath.Base(file), func(t *testing.T) {
			payload, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := newStack(tagged("shop", "registry.example.com"))
			for range 17 {
				s.ecs.add(registration("storefront", container("web", "registry.example.com/shop/storefront:1.42.0")))
			}
			results := s.send(string(payload)).Results
			if len(results) != 1 {
				t.Fatalf("%d results", len(results))
			}
			wantResult(t, results[0], finding.Remediated, "credential-missing")
		})
	}
}

func TestEventsThatNeedNoLook(t *testing.T) {
	call := func(change func(detail map[string]any)) string {
		payload, err := os.ReadFile("../../events/register-task-definition.json")
		if err != nil {
			t.Fatal(err)
		}
		var event map[string]any
		if err := json.Unmarshal(payload, &event); err != nil {
			t.Fatal(err)
		}
		change(event["detail"].(map[string]any))
		changed, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		return string(changed)
	}
	request := func(detail map[string]any) map[string]any { return detail["requestParameters"].(map[string]any) }
	from := func(number int32) string {
		return call(func(d map[string]any) {
			request(d)["tags"] = []any{map[string]any{"key": TagPatchedFrom, "value": arnOf("storefront", number)}}
		})
	}
	tests := map[string]struct {
		payload string
		status  finding.Status
		code    string
	}{
		"our own registration": {call(func(d map[string]any) {
			d["userIdentity"] = map[string]any{"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/guardrails-PatchTaskDefinitionRole-1ABC/patch"}
		}), finding.Skipped, "registration-own"},
		"another stack's":                {from(16), finding.Skipped, "registration-own"},
		"the tag copied along":           {from(15), finding.Skipped, "subject-gone"},
		"the tag of no revision":         {call(func(d map[string]any) { request(d)["tags"] = []any{map[string]any{"key": TagPatchedFrom, "value": 7}} }), finding.Skipped, "subject-gone"},
		"a failed registration":          {call(func(d map[string]any) { d["errorCode"] = "ClientException"; d["responseElements"] = nil }), finding.Skipped, "call-failed"},
		"another call of ECS":            {call(func(d map[string]any) { d["eventName"] = "DeregisterTaskDefinition" }), finding.Skipped, "event-not-handled"},
		"another service":                {call(func(d map[string]any) { d["eventSource"] = "iam.amazonaws.com" }), finding.Skipped, "event-not-handled"},
		"no response, family known":      {call(func(d map[string]any) { d["responseElements"] = nil }), finding.Skipped, "subject-gone"},
		"no response, no family":         {call(func(d map[string]any) { d["responseElements"] = nil; d["requestParameters"] = nil }), finding.Noncompliant, "event-malformed"},
		"a response of another type":     {call(func(d map[string]any) { d["responseElements"] = "truncated"; d["requestParameters"] = []any{1} }), finding.Noncompliant, "event-malformed"},
		"a family of another type":       {call(func(d map[string]any) { d["responseElements"] = nil; request(d)["family"] = 12 }), finding.Noncompliant, "event-malformed"},
		"a family that cannot be one":    {call(func(d map[string]any) { d["responseElements"] = nil; request(d)["family"] = "[random string]" }), finding.Noncompliant, "event-malformed"},
		"by hand, a number":              {`{"taskDefinition": 7}`, finding.Noncompliant, "event-malformed"},
		"by hand, null":                  {`{"taskDefinition": null}`, finding.Noncompliant, "event-malformed"},
		"by hand, a whole definition":    {`{"taskDefinition": {"family": "app"}}`, finding.Noncompliant, "event-malformed"},
		"by hand, an empty name":         {`{"taskDefinition": ""}`, finding.Noncompliant, "event-malformed"},
		"by hand, revision nought":       {`{"taskDefinition": "app:0"}`, finding.Noncompliant, "event-malformed"},
		"by hand, revision out of range": {`{"taskDefinition": "app:99999999999999"}`, finding.Noncompliant, "event-malformed"},
		"by hand, another ARN":           {`{"taskDefinition": "arn:aws:ecs:us-east-1:123456789012:service/app"}`, finding.Noncompliant, "event-malformed"},
		"by hand, something else":        {`{"role": "app"}`, finding.Skipped, "event-not-handled"},
		"a schedule":                     {`{"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}`, finding.Skipped, "event-not-handled"},
		"empty":                          {``, finding.Noncompliant, "event-malformed"},
		"null":                           {`null`, finding.Noncompliant, "event-malformed"},
		"a list":                         {`[]`, finding.Noncompliant, "event-malformed"},
		"cut off":                        {`{"taskDefinition": "ap`, finding.Noncompliant, "event-malformed"},
		"six megabytes of rubbish":       {strings.Repeat("x", 6<<20), finding.Noncompliant, "event-malformed"},
		"six megabytes of a name":        {`{"taskDefinition": "` + strings.Repeat("x", 6<<20) + `"}`, finding.Noncompliant, "event-malformed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStack()
			results := s.send(test.payload).Results
			if len(results) != 1 {
				t.Fatalf("%d results", len(results))
			}
			wantResult(t, results[0], test.status, test.code)
			if len(s.ecs.revisions) != 0 {
				t.Error("something was registered")
			}
		})
	}
}

func FuzzSubjects(f *testing.F) {
	for _, file := range samples {
		payload, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(payload))
	}
	f.Fuzz(func(t *testing.T, payload string) {
		s := newStack()
		s.settings.Mode = finding.DryRun
		for _, result := range s.send(payload).Results {
			if err := findingtest.Check(result); err != nil {
				t.Errorf("%v: %+v", err, result)
			}
		}
	})
}
