package instancerole

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/racetest"
)

// TestSampleEvents takes each sample in events/ through Subjects.
func TestSampleEvents(t *testing.T) {
	tests := map[string][]Target{
		"create-role":                      {{Role: "ecsInstanceRole-web", Account: accountNumber}},
		"update-assume-role-policy":        {{Role: "ecsInstanceRole-web", Account: accountNumber}},
		"tag-role":                         {{Role: "batch-workers", Account: accountNumber}},
		"untag-role":                       {{Role: "ecsInstanceRole-web", Account: accountNumber}},
		"attach-role-policy":               {{Role: "ecsInstanceRole-web", Account: accountNumber}},
		"detach-role-policy":               {{Role: "ecsInstanceRole-web", Account: accountNumber}},
		"put-role-policy":                  {{Role: "ecsInstanceRole-web", Account: accountNumber}},
		"delete-role-policy":               {{Role: "ecsInstanceRole-web", Account: accountNumber}},
		"put-role-permissions-boundary":    {{Role: "ecsInstanceRole-web", Account: accountNumber}},
		"delete-role-permissions-boundary": {{Role: "ecsInstanceRole-web", Account: accountNumber}},
		"add-role-to-instance-profile":     {{Role: "ecsInstanceRole-web", Account: accountNumber}},
		"run-instances":                    {{Profile: "web-hosts", Account: accountNumber, Region: "us-east-1", Instance: Instance{ID: "i-0dbc91f429e48eeed", Image: "ami-0f2b3c4d5e6f70819", Name: "web"}}},
		// Two instances of one template are one look.
		"run-instances-auto-scaling": {{Profile: "web-hosts", Account: accountNumber, Region: "us-east-1",
			Instance: Instance{ID: "i-0aa1bb2cc3dd4ee5f", Image: "ami-0f2b3c4d5e6f70819", Template: "lt-0a20c965061f64abc", TemplateVersion: "3", Name: "web"}}},
		"associate-iam-instance-profile":           {{Profile: "web-hosts", Account: accountNumber, Region: "us-east-1", Instance: Instance{ID: "i-0dbc91f429e48eeed"}}},
		"replace-iam-instance-profile-association": {{Profile: "web-hosts", Account: accountNumber, Region: "us-east-1", Instance: Instance{ID: "i-0dbc91f429e48eeed"}}},
		"remove-role-from-instance-profile":        {{Role: "ecsInstanceRole-web", Account: accountNumber, Teardown: true}},
		"delete-instance-profile":                  {{Role: "ecsInstanceRole-web", Account: accountNumber, Teardown: true}},
		"delete-role-conflict":                     {{Role: "ecsInstanceRole-web", Account: accountNumber, Teardown: true}},
		"create-policy-version":                    {{Policy: "arn:aws:iam::123456789012:policy/ecs-agent", Account: accountNumber}},
		"set-default-policy-version":               {{Policy: "arn:aws:iam::123456789012:policy/ecs-agent", Account: accountNumber}},
		"delete-policy-version":                    {{Policy: "arn:aws:iam::123456789012:policy/ecs-agent", Account: accountNumber}},
		"look-at-role":                             {{Role: "ecsInstanceRole-web", Account: accountNumber, ByHand: true}},
		"undo-role":                                {{Role: "ecsInstanceRole-web", Account: accountNumber, Undo: true, ByHand: true}},
		"attach-policies-queue": {
			{Role: "ecsInstanceRole-web", Account: accountNumber}, {Role: "ecsInstanceRole-web", Account: accountNumber},
			{Role: "batch-workers", Account: accountNumber}, {Role: "ecsInstanceRole-api", Account: accountNumber},
		},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			payload, err := os.ReadFile(filepath.Join("..", "..", "events", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var got []Target
			for _, message := range event.Decode(payload).Messages {
				for _, trigger := range message.Triggers {
					for _, subject := range testSettings().Subjects(trigger) {
						if subject.Settled != nil {
							t.Fatalf("settled without a look: %+v", subject.Settled)
						}
						if _, called := trigger.(event.Call); called == subject.Of.last().IsZero() {
							t.Errorf("the time of the call is %s", subject.Of.last())
						}
						subject.Of.Calls = nil
						got = append(got, subject.Of)
					}
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestOneLookForABatch: four messages, of which two are about one role.
func TestOneLookForABatch(t *testing.T) {
	payload, err := os.ReadFile(filepath.Join("..", "..", "events", "attach-policies-queue.json"))
	if err != nil {
		t.Fatal(err)
	}
	a := newAccount(
		&storedRole{name: "ecsInstanceRole-web", trust: ec2Trust},
		&storedRole{name: "ecsInstanceRole-api", trust: ec2Trust, attached: []PolicyARN{agentARN}},
	)
	outcome := testFunction(testSettings(), a).Handle(t.Context(), payload)
	var got []string
	for _, result := range outcome.Report().Results {
		got = append(got, result.Subject+" "+string(result.Status))
	}
	want := []string{"role/ecsInstanceRole-web remediated", "role/batch-workers skipped", "role/ecsInstanceRole-api compliant"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !outcome.FromQueue || len(outcome.Failures()) > 0 {
		t.Errorf("failures: %v", outcome.Failures())
	}
}

// TestBadInput: every handler answers rubbish with a report, never a panic.
func TestBadInput(t *testing.T) {
	racetest.Skip(t)
	call := func(service, name, request, response string) string {
		return `{"detail-type":"AWS API Call via CloudTrail","source":"aws.x","account":"123456789012","detail":{"eventSource":"` + service + `","eventName":"` + name + `","requestParameters":` + request + `,"responseElements":` + response + `}}`
	}
	tests := map[string]struct {
		payload string
		code    string
	}{
		"empty":                     {"", "event-malformed"},
		"null":                      {"null", "event-malformed"},
		"a number":                  {"7", "event-malformed"},
		"an empty object":           {"{}", "event-malformed"},
		"truncated":                 {`{"detail-type":"AWS API Call via Clou`, "event-malformed"},
		"rubbish of 6 MB":           {strings.Repeat("\x00{[", 2<<20), "event-malformed"},
		"a role of 6 MB":            {`{"role":"` + strings.Repeat("x", 6<<20) + `"}`, "event-malformed"},
		"deep":                      {call("ec2.amazonaws.com", "RunInstances", strings.Repeat("[", 5000)+strings.Repeat("]", 5000), "null"), "instance-profile-missing"},
		"unknown detail-type":       {`{"detail-type":"Weather","source":"sky","detail":{}}`, "event-not-handled"},
		"another call of IAM":       {call("iam.amazonaws.com", "ListRoles", `{"roleName":"x"}`, "null"), "event-not-handled"},
		"the same name elsewhere":   {call("sts.amazonaws.com", "CreateRole", `{"roleName":"x"}`, "null"), "event-not-handled"},
		"no request":                {call("iam.amazonaws.com", "CreateRole", "null", "null"), "event-malformed"},
		"a request of another type": {call("iam.amazonaws.com", "CreateRole", `"roleName"`, "null"), "event-malformed"},
		"a role of another type":    {call("iam.amazonaws.com", "CreateRole", `{"roleName":7}`, "null"), "event-malformed"},
		"a role with a path":        {call("iam.amazonaws.com", "CreateRole", `{"roleName":"../x"}`, "null"), "event-malformed"},
		"instances of another type": {call("ec2.amazonaws.com", "RunInstances", `{"iamInstanceProfile":[7]}`, `{"instancesSet":7}`), "instance-profile-missing"},
		"a profile that is text":    {call("ec2.amazonaws.com", "RunInstances", `{"iamInstanceProfile":"x"}`, `null`), "instance-profile-missing"},
		"a role that is none":       {`{"role":7}`, "event-malformed"},
		"role and undo":             {`{"role":"a","undo":"a"}`, "event-malformed"},
		"an ARN of something else":  {`{"role":"arn:aws:iam::123456789012:user/x"}`, "event-malformed"},
		"a role that is gone":       {`{"role":"ecsInstanceRole"}`, "subject-gone"},
		"a role of another account": {`{"role":"arn:aws:iam::999999999999:role/known"}`, "subject-in-other-account"},
		"undo of nothing":           {`{"undo":"known"}`, "undo-absent"},
		"an own role":               {`{"role":"guardrails-AttachPoliciesRole-XYZ"}`, "role-own"},
		"undo of an own role":       {`{"undo":"arn:aws:iam::123456789012:role/guardrails-AttachPoliciesRole-XYZ"}`, "role-own"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := newAccount(&storedRole{name: "known", trust: ec2Trust})
			result := handle(t, testSettings(), a, test.payload)
			if len(result.Findings) != 1 || result.Findings[0].Code != test.code {
				t.Errorf("got %s %+v, want %s", result.Status, result.Findings, test.code)
			}
		})
	}
}

// TestIgnoredCalls: failed calls and our own come to nothing, and cost nothing.
func TestIgnoredCalls(t *testing.T) {
	tests := map[string]struct{ file, field, value, code string }{
		"failed":          {"create-role", "errorCode", `"EntityAlreadyExistsException"`, "call-failed"},
		"dry run":         {"run-instances", "errorCode", `"Client.DryRunOperation"`, "call-failed"},
		"own":             {"tag-role", "userIdentity", `{"type":"AssumedRole","arn":"arn:aws:sts::123456789012:assumed-role/guardrails-AttachPoliciesRole-XYZ/fn","sessionContext":{}}`, "call-own"},
		"own, issuer too": {"detach-role-policy", "userIdentity", `{"type":"AssumedRole","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::123456789012:role/guardrails-AttachPoliciesRole-XYZ"}}}`, "call-own"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			payload, err := os.ReadFile(filepath.Join("..", "..", "events", test.file+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var envelope map[string]json.RawMessage
			var detail map[string]json.RawMessage
			if err := json.Unmarshal(payload, &envelope); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(envelope["detail"], &detail); err != nil {
				t.Fatal(err)
			}
			detail[test.field] = json.RawMessage(test.value)
			changed, err := json.Marshal(map[string]any{"detail-type": "AWS API Call via CloudTrail", "detail": detail})
			if err != nil {
				t.Fatal(err)
			}
			a := newAccount()
			result := handle(t, testSettings(), a, string(changed))
			if result.Status != finding.Skipped || result.Findings[0].Code != test.code || len(a.calls) != 0 {
				t.Errorf("got %s %+v with calls %v", result.Status, result.Findings, a.calls)
			}
		})
	}
}

func FuzzSubjects(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("..", "..", "events", "*.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		payload, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	s := testSettings()
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, message := range event.Decode(payload).Messages {
			for _, trigger := range message.Triggers {
				for _, subject := range s.Subjects(trigger) {
					switch {
					case subject.Settled != nil:
						if err := findingtest.Check(*subject.Settled); err != nil {
							t.Errorf("a settled result breaks the contract: %v", err)
						}
					case subject.Of.Role != "" && subject.Of.Profile != "":
						t.Errorf("a subject names both role and profile: %+v", subject.Of)
					case subject.Of.Role+subject.Of.Profile+string(subject.Of.Policy) == "" && !instanceID.MatchString(subject.Of.Instance.ID):
						t.Errorf("a subject names nothing: %+v", subject.Of)
					case subject.Of.Role != "" && !roleName.MatchString(subject.Of.Role), subject.Of.Profile != "" && !profileName.MatchString(subject.Of.Profile):
						t.Errorf("a subject has a name that IAM would refuse: %+v", subject.Of)
					}
				}
			}
		}
	})
}
