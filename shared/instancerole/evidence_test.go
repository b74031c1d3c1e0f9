package instancerole

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
)

func sampleEvent(t *testing.T, name string) string {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join("..", "..", "events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

// TestEvidence: a badly named role is ours when an instance says so.
func TestEvidence(t *testing.T) {
	ecsImage := ec2types.Image{ImageId: aws.String("ami-0f2b3c4d5e6f70819"), OwnerId: aws.String("591542846629"), ImageOwnerAlias: aws.String("amazon"), Name: aws.String("al2023-ami-ecs-hvm-2023.0.20251108-kernel-6.1-arm64")}
	plainImage := ec2types.Image{ImageId: aws.String("ami-0f2b3c4d5e6f70819"), OwnerId: aws.String("137112412989"), ImageOwnerAlias: aws.String("amazon"), Name: aws.String("al2023-ami-2023.9.20251110.1-kernel-6.1-arm64")}
	const image, first, second = "ami-0f2b3c4d5e6f70819", "i-0dbc91f429e48eeed", "i-0aa1bb2cc3dd4ee5f"
	tests := map[string]struct {
		event   string
		arrange func(*account)
		status  finding.Status
		codes   []string
		calls   int
	}{
		"ECS-optimized image": {
			event:   "run-instances",
			arrange: func(a *account) { a.images[image] = ecsImage; a.instances[first] = storedInstance{image: image} },
			status:  finding.Planned, codes: []string{"capability-missing", "no-mandate"}, calls: 8,
		},
		"ECS-optimized image, through Auto Scaling": {
			event: "run-instances-auto-scaling",
			arrange: func(a *account) {
				a.images[image] = ecsImage
				a.instances[second] = storedInstance{image: image, userData: encoded("#!/bin/bash")}
			},
			status: finding.Planned, codes: []string{"capability-missing", "no-mandate"}, calls: 8,
		},
		"user data": {
			event: "run-instances",
			arrange: func(a *account) {
				a.images[image] = plainImage
				a.instances[first] = storedInstance{image: image, userData: encoded(joinScript)}
			},
			status: finding.Planned, codes: []string{"capability-missing", "no-mandate"}, calls: 8,
		},
		"user data of a launch template, the instance gone": {
			event: "run-instances-auto-scaling",
			arrange: func(a *account) {
				a.images[image] = plainImage
				a.templates["lt-0a20c965061f64abc 3"] = encoded(joinScript)
			},
			status: finding.Planned, codes: []string{"capability-missing", "no-mandate"}, calls: 9,
		},
		"profile given to a running instance": {
			event:   "associate-iam-instance-profile",
			arrange: func(a *account) { a.images[image] = ecsImage; a.instances[first] = storedInstance{image: image} },
			status:  finding.Planned, codes: []string{"capability-missing", "no-mandate"}, calls: 9,
		},
		"profile of a running instance replaced": {
			event: "replace-iam-instance-profile-association",
			arrange: func(a *account) {
				a.instances[first] = storedInstance{image: image, userData: encoded(joinScript)}
			},
			status: finding.Planned, codes: []string{"capability-missing", "no-mandate"}, calls: 9,
		},
		"nothing of ECS": {
			event: "run-instances",
			arrange: func(a *account) {
				a.images[image] = plainImage
				a.instances[first] = storedInstance{image: image, userData: encoded("#!/bin/bash\nreboot")}
			},
			status: finding.Skipped, codes: []string{"role-not-for-instances"}, calls: 4,
		},
		"instance, image and template gone": {
			event: "run-instances-auto-scaling", arrange: func(*account) {},
			status: finding.Skipped, codes: []string{"role-not-for-instances"}, calls: 5,
		},
		"a secret in the user data": {
			event: "run-instances",
			arrange: func(a *account) {
				a.images[image] = ecsImage
				a.instances[first] = storedInstance{image: image, userData: encoded(joinScript + "ECS_ENGINE_AUTH_DATA={\"r\":{\"auth\":\"" + canaryAuth + "\"}}\nAWS_ACCESS_KEY_ID=" + canaryKey + "\nAWS_SECRET_ACCESS_KEY=" + canarySecret)}
			},
			status: finding.Noncompliant, codes: []string{"capability-missing", "secret-in-user-data", "secret-in-user-data", "secret-in-user-data", "no-mandate"}, calls: 8,
		},
		"a policy for the cluster that the user data names": {
			event: "run-instances",
			arrange: func(a *account) {
				a.images[image] = ecsImage
				a.instances[first] = storedInstance{image: image, userData: encoded(joinScript)}
				a.roles["web-servers"].inline = []string{
					allow("ecs:DiscoverPollEndpoint", "ecs:CreateCluster", "ec2:DescribeTags"),
					allowOn("arn:aws:ecs:us-east-1:123456789012:*/prod-blue*", agentActions...),
				}
			},
			status: finding.Compliant, calls: 6,
		},
		"the profile holds no role": {
			event: "run-instances", arrange: func(a *account) { a.profiles["web-hosts"] = nil },
			status: finding.Skipped, codes: []string{"instance-profile-empty"}, calls: 1,
		},
		"the profile is gone": {
			event: "run-instances", arrange: func(a *account) { delete(a.profiles, "web-hosts") },
			status: finding.Skipped, codes: []string{"subject-gone"}, calls: 1,
		},
		"the role is ignored": {
			event: "run-instances",
			arrange: func(a *account) {
				a.images[image] = ecsImage
				a.instances[first] = storedInstance{image: image}
				a.roles["web-servers"].tags = map[string]string{optout.Tag: "true"}
			},
			status: finding.Skipped, codes: []string{"role-ignored"}, calls: 4,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := newAccount(&storedRole{name: "web-servers", trust: ec2Trust})
			a.profiles["web-hosts"] = []string{"web-servers"}
			test.arrange(a)
			result := handle(t, testSettings(), a, sampleEvent(t, test.event))
			var codes []string
			for _, f := range result.Findings {
				codes = append(codes, f.Code)
			}
			if result.Status != test.status || !slices.Equal(codes, test.codes) {
				t.Errorf("got %s %q, want %s %q: %+v", result.Status, codes, test.status, test.codes, result.Findings)
			}
			if len(a.calls) != test.calls {
				t.Errorf("%d calls, want %d: %v", len(a.calls), test.calls, a.calls)
			}
			if len(a.roles["web-servers"].attached) > 0 {
				t.Errorf("what an instance runs had %v attached", a.roles["web-servers"].attached)
			}
			checkNoCanary(t, result)
		})
	}
}

// checkNoCanary: no report carries a secret, whole or in part.
func checkNoCanary(t *testing.T, result finding.Result) {
	t.Helper()
	told, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	for _, canary := range []string{canaryAuth, canaryKey, canarySecret} {
		if text := string(told) + fmt.Sprintf("%+v", result); strings.Contains(text, canary) || strings.Contains(text, canary[:12]) {
			t.Errorf("the result tells a secret: %s", told)
		}
	}
}

// TestImageByParameter: a launch by AWS's public parameter needs no look at the image.
func TestImageByParameter(t *testing.T) {
	a := newAccount(&storedRole{name: "web-servers", trust: ec2Trust, attached: []PolicyARN{agentARN}})
	a.profiles["web-hosts"] = []string{"web-servers"}
	a.instances["i-0dbc91f429e48eeed"] = storedInstance{}
	payload := strings.Replace(sampleEvent(t, "run-instances"), `"imageId": "ami-0f2b3c4d5e6f70819"`, `"imageId": "resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"`, 1)
	result := handle(t, testSettings(), a, payload)
	if result.Status != finding.Compliant || slices.Contains(a.calls, "DescribeImages") {
		t.Errorf("got %s %+v with calls %v", result.Status, result.Findings, a.calls)
	}
}

// TestFaults: what a retry can cure is delivered again, what it cannot is reported.
func TestFaults(t *testing.T) {
	tests := map[string]struct {
		call   string
		err    error
		status finding.Status
		code   string
	}{
		"throttled":                 {"GetRole", apiError("Throttling", "Rate exceeded"), finding.Failed, "call-retried"},
		"simulation throttled":      {"SimulatePrincipalPolicy", apiError("Throttling", "Rate exceeded"), finding.Failed, "call-retried"},
		"connection broken":         {"ListAttachedRolePolicies", errors.New("read: connection reset by peer"), finding.Failed, "call-retried"},
		"may not read":              {"GetRole", apiError("AccessDenied", "not authorized"), finding.Noncompliant, "access-denied"},
		"may not attach":            {"AttachRolePolicy", apiError("AccessDenied", "not authorized"), finding.Noncompliant, "access-denied"},
		"may not tag":               {"TagRole", apiError("AccessDenied", "not authorized"), finding.Noncompliant, "access-denied"},
		"changed at the same time":  {"AttachRolePolicy", apiError("ConcurrentModification", "try again"), finding.Failed, "call-retried"},
		"quota filled in between":   {"AttachRolePolicy", apiError("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10"), finding.Noncompliant, "policy-quota-reached"},
		"role deleted in between":   {"AttachRolePolicy", apiError("NoSuchEntity", "The role with name ecsInstanceRole cannot be found."), finding.Skipped, "subject-gone"},
		"role deleted before a tag": {"TagRole", apiError("NoSuchEntity", "The role with name ecsInstanceRole cannot be found."), finding.Skipped, "subject-gone"},
		"role deleted meanwhile":    {"SimulatePrincipalPolicy", apiError("NoSuchEntity", "cannot be found"), finding.Skipped, "subject-gone"},
		"an input that is refused":  {"SimulatePrincipalPolicy", apiErrorOfClient("InvalidInput", "Invalid Entity Arn"), finding.Noncompliant, "call-refused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			role := &storedRole{name: "ecsInstanceRole", trust: ec2Trust}
			a := newAccount(role)
			a.fail[test.call] = test.err
			queued, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"messageId": "m1", "eventSource": "aws:sqs", "body": `{"role":"ecsInstanceRole"}`}}})
			if err != nil {
				t.Fatal(err)
			}
			outcome := testFunction(testSettings(), a).Handle(t.Context(), queued)
			result := outcome.Report().Results[0]
			last := result.Findings[len(result.Findings)-1]
			if result.Status != test.status || last.Code != test.code {
				t.Errorf("got %s %+v, want %s %s", result.Status, result.Findings, test.status, test.code)
			}
			if again := slices.Contains(outcome.Failures(), "m1"); again != (test.status == finding.Failed) {
				t.Errorf("delivered again: %v", again)
			}

			// Whatever went wrong, the next delivery ends well.
			a.fail = nil
			if result := handle(t, testSettings(), a, `{"role":"ecsInstanceRole"}`); result.Status != finding.Remediated || !slices.Equal(role.attached, []PolicyARN{agentARN}) {
				t.Errorf("the next delivery ended as %s with %v", result.Status, role.attached)
			}
		})
	}
}

// TestCutOffAnywhere: a run that stops after any write, and is delivered again,
// ends in the same state.
func TestCutOffAnywhere(t *testing.T) {
	s := testSettings()
	s.Capabilities = Capabilities{Agent, SSM, Logs}
	want := []PolicyARN{agentARN, ssmARN, logsARN}
	for _, cut := range []string{tagRole, attachRolePolicy} {
		for after := range 4 {
			role := &storedRole{name: "ecsInstanceRole", trust: ec2Trust}
			a := newAccount(role)
			function := testFunction(s, a)
			apply, left := function.Apply, after
			function.Apply = func(ctx context.Context, action Action) error {
				if action.Kind == cut {
					if left == 0 {
						return apiError("Throttling", "Rate exceeded")
					}
					left--
				}
				return apply(ctx, action)
			}
			_ = function.Handle(t.Context(), []byte(`{"role":"ecsInstanceRole"}`))
			for attached := range slices.Values(role.attached) {
				if _, recorded := s.readRecord(role.tags).loanOf(attached); !recorded {
					t.Errorf("cut at %s %d: %s is attached without a record", cut, after, attached)
				}
			}
			handle(t, s, a, `{"role":"ecsInstanceRole"}`)
			if slices.Sort(role.attached); !slices.Equal(role.attached, slices.Sorted(slices.Values(want))) {
				t.Errorf("cut at %s %d: attached are %v", cut, after, role.attached)
			}
			if got := s.readRecord(role.tags).loans; len(got) != 3 {
				t.Errorf("cut at %s %d: recorded are %v", cut, after, got)
			}
			undone := handle(t, s, a, `{"undo":"ecsInstanceRole"}`)
			if undone.Status != finding.Remediated || len(role.attached) != 0 {
				t.Errorf("cut at %s %d: the undo ended as %s and left %v", cut, after, undone.Status, role.attached)
			}
		}
	}
}

// TestUndo takes back what the function attached, and nothing else.
func TestUndo(t *testing.T) {
	s := testSettings()
	s.Capabilities = Capabilities{Agent, Logs}
	role := &storedRole{name: "ecsInstanceRole", trust: ec2Trust, attached: []PolicyARN{ssmARN}}
	a := newAccount(role)
	if result := handle(t, s, a, `{"role":"ecsInstanceRole"}`); result.Status != finding.Remediated || len(role.attached) != 3 {
		t.Fatalf("got %s with %v", result.Status, role.attached)
	}
	if got, want := role.tags[s.loanKey(agentARN)], agentARN+" at=2025-11-22T10:30:15Z"; got != want || len(s.readRecord(role.tags).loans) != 2 {
		t.Errorf("the record is %q", role.tags)
	}

	planned := s
	planned.Mode = finding.DryRun
	if result := handle(t, planned, a, `{"undo":"ecsInstanceRole"}`); result.Status != finding.Planned || len(role.attached) != 3 || len(result.Actions) != 4 {
		t.Errorf("the dry run ended as %s with %v and %v", result.Status, role.attached, result.Actions)
	}

	a.calls = nil
	result := handle(t, s, a, `{"undo":"arn:aws:iam::123456789012:role/platform/ecsInstanceRole"}`)
	if result.Status != finding.Remediated || !slices.Equal(role.attached, []PolicyARN{ssmARN}) {
		t.Errorf("got %s with %v", result.Status, role.attached)
	}
	if want := []string{"GetRole", "ListAttachedRolePolicies", "TagRole", "DetachRolePolicy", "DetachRolePolicy", "UntagRole", "GetRole"}; !slices.Equal(a.calls, want) {
		t.Errorf("called %v, want %v", a.calls, want)
	}
	if len(role.tags) != 1 || role.tags[optout.Tag] != "true" {
		t.Errorf("the tags are %v", role.tags)
	}
	for payload, code := range map[string]string{`{"undo":"ecsInstanceRole"}`: "undo-absent", `{"role":"ecsInstanceRole"}`: "role-ignored"} {
		if result := handle(t, s, a, payload); len(result.Actions) != 0 || result.Findings[0].Code != code {
			t.Errorf("%s: got %s %+v", payload, result.Status, result.Findings)
		}
	}
}

// TestUndoWithoutRoomForATag: a role that has as many tags as it can have, the
// record among them, is undone all the same, and left alone from then on.
func TestUndoWithoutRoomForATag(t *testing.T) {
	s := testSettings()
	for name, own := range map[string]map[string]string{
		"the record":           {attachedTag: "agent=2025-11-22T10:30:15Z by=ecs-guardrails"},
		"the record and heals": {attachedTag: "agent=2025-11-22T10:30:15Z by=ecs-guardrails", healedTag: "2025-11-22T10:30:15Z"},
		"a no to the opt-out":  {attachedTag: "agent=2025-11-22T10:30:15Z by=ecs-guardrails", optout.Tag: "false"},
	} {
		t.Run(name, func(t *testing.T) {
			role := &storedRole{name: "ecsInstanceRole", trust: ec2Trust, attached: []PolicyARN{agentARN}, tags: maps.Clone(own)}
			for i := len(role.tags); i < maxTags; i++ {
				role.tags[fmt.Sprintf("owner:%d", i)] = "x"
			}
			a := newAccount(role)
			if result := handle(t, s, a, `{"undo":"ecsInstanceRole"}`); result.Status != finding.Remediated || len(role.attached) != 0 {
				t.Fatalf("got %s %+v with %v", result.Status, result.Findings, role.attached)
			}
			if _, recorded := role.tags[attachedTag]; recorded || role.tags[optout.Tag] != "true" || len(role.tags) != maxTags-len(own)+1 {
				t.Errorf("the tags are %v", role.tags)
			}
		})
	}
}

// TestFight: what somebody keeps detaching comes back three times within 30 days,
// and then no more.
func TestFight(t *testing.T) {
	role := &storedRole{name: "ecsInstanceRole", trust: ec2Trust}
	a := newAccount(role)
	s := testSettings()
	now := testTime
	function := testFunction(s, a)
	observer := &Observer{Settings: s, Region: "us-east-1", Roles: a, Account: a, Instances: a, Providers: a, Now: func() time.Time { return now }}
	function.Observe = observer.Observe
	var got []finding.Status
	for range 6 {
		result := function.Handle(t.Context(), detached(now)).Report().Results[0]
		got = append(got, result.Status)
		role.attached = nil
		now = now.Add(24 * time.Hour)
	}
	want := append(slices.Repeat([]finding.Status{finding.Remediated}, 4), finding.Noncompliant, finding.Noncompliant)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	now = now.Add(31 * 24 * time.Hour)
	if result := function.Handle(t.Context(), detached(now)).Report().Results[0]; result.Status != finding.Remediated {
		t.Errorf("a month later it ended as %s: %+v", result.Status, result.Findings)
	}
	for key, value := range role.tags {
		if !tagValue.MatchString(value) {
			t.Errorf("IAM would refuse the tag %s=%q", key, value)
		}
	}
}

// detached is the event of a call of DetachRolePolicy.
func detached(at time.Time) []byte {
	return fmt.Appendf(nil, `{"eventSource":"iam.amazonaws.com","eventName":"DetachRolePolicy","eventTime":%q,"requestParameters":{"roleName":"ecsInstanceRole"}}`, at.Format(time.RFC3339))
}

// TestARetryIsNoFight: an event that comes again and again, because IAM throttles
// what attaches the policy, does not mention what detaches it.
func TestARetryIsNoFight(t *testing.T) {
	role := &storedRole{name: "ecsInstanceRole", trust: ec2Trust}
	function := testFunction(testSettings(), newAccount(role))
	apply, throttled := function.Apply, true
	function.Apply = func(ctx context.Context, action Action) error {
		if throttled && action.Kind == attachRolePolicy {
			return apiError("Throttling", "Rate exceeded")
		}
		return apply(ctx, action)
	}
	event := detached(testTime.Add(-time.Minute))
	for attempt := range 5 {
		if attempt == 1 {
			event = again(t, event)
		}
		if result := function.Handle(t.Context(), event).Report().Results[0]; result.Status != finding.Failed {
			t.Fatalf("throttled, it ended as %s", result.Status)
		}
	}
	throttled = false
	if result := function.Handle(t.Context(), event).Report().Results[0]; result.Status != finding.Remediated || role.tags[healedTag] != "" {
		t.Errorf("it ended as %s, with the heals %q", result.Status, role.tags[healedTag])
	}
}

// TestRegionOfTheInstance: a role is judged in the region where its instances
// work, whatever the region of the function.
func TestRegionOfTheInstance(t *testing.T) {
	inIreland := []string{
		`{"Statement":[{"Effect":"Allow","Action":["ecs:*","ec2:DescribeTags"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}},{"Effect":"Deny","Action":"ecs:PutAccountSetting","Resource":"*"}]}`,
	}
	launch := sampleEvent(t, "run-instances")
	tests := map[string]struct {
		payload string
		status  finding.Status
	}{
		"a role, in this region":       {`{"role":"ecsInstanceRole"}`, finding.Remediated},
		"a launch in this region":      {launch, finding.Remediated},
		"a launch in another":          {strings.ReplaceAll(launch, "us-east-1", "eu-west-1"), finding.Compliant},
		"a launch in no region of AWS": {strings.ReplaceAll(launch, "us-east-1", "evil.example/"), finding.Remediated},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := newAccount(&storedRole{name: "ecsInstanceRole", trust: ec2Trust, inline: inIreland})
			a.profiles["web-hosts"] = []string{"ecsInstanceRole"}
			if result := handle(t, testSettings(), a, test.payload); result.Status != test.status {
				t.Errorf("got %s %+v, want %s", result.Status, result.Findings, test.status)
			}
		})
	}
}
