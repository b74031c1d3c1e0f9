package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/metric"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
)

// lamps is a function over lamps that should be on. What a lamp does when it is
// looked at or switched is given by its name.
type lamps struct {
	sync.Mutex
	looks    []string
	switched []string
}

func (l *lamps) function(mode finding.Mode) *Function[string, string, NoQuestion, string] {
	return &Function[string, string, NoQuestion, string]{
		Name: "lamps", Mode: mode,
		Subjects: func(trigger event.Trigger) []Subject[string] {
			hand, ok := trigger.(event.ByHand)
			if !ok {
				return nil
			}
			name, ok := hand.Text("lamp")
			if !ok {
				return nil
			}
			if name == "candle" {
				return []Subject[string]{Skip[string](name, "not-a-lamp", "a candle is no lamp")}
			}
			return []Subject[string]{{Name: name, Of: name}}
		},
		Observe: func(ctx context.Context, name string) (string, error) {
			l.Lock()
			l.looks = append(l.looks, name)
			l.Unlock()
			return name, errorOf(name, "look")
		},
		Plan: func(name string) Plan[string] {
			switch {
			case name == "strange":
				return Plan[string]{Skip: &finding.Finding{Code: "strange", Severity: finding.Info, Message: "not ours"}}
			case name == "broken":
				return Plan[string]{Findings: []finding.Finding{{Code: "broken", Severity: finding.Error, Message: "broken", Fix: "replace it"}}}
			case name == "panics":
				panic("canary-secret")
			case name == "neighbour's":
				plan := Plan[string]{Findings: []finding.Finding{
					{Code: "off", Severity: finding.Error, Message: "off", Fix: "switch it on"},
					finding.NoMandate("switch the lamp on", "it is the neighbour's.", "Ask the neighbour."),
				}}
				plan.Withhold(name, 0)
				return plan
			case strings.HasPrefix(name, "off"):
				return Plan[string]{
					Findings: []finding.Finding{{Code: "off", Severity: finding.Error, Message: "off", Fix: "switch it on", Cured: true}},
					Actions:  []string{name},
				}
			}
			return Plan[string]{}
		},
		Describe: func(name string) finding.Action { return finding.Action{Kind: "SwitchOn", Target: name} },
		Apply: func(_ context.Context, name string) error {
			l.Lock()
			defer l.Unlock()
			if err := errorOf(name, "switch"); err != nil {
				return err
			}
			l.switched = append(l.switched, name)
			return nil
		},
	}
}

// errorOf answers with the error code that a name asks for, as in "off switch=NoSuchEntity".
func errorOf(name, step string) error {
	_, code, found := strings.Cut(name, step+"=")
	switch {
	case !found:
		return nil
	case code == "refusal":
		return finding.Refuse(finding.Finding{Code: "welded", Severity: finding.Error, Message: "the switch is welded", Fix: "cut it"})
	default:
		return fmt.Errorf("%s %s: %w", step, name, &smithy.OperationError{ServiceID: "Lamp", OperationName: "Touch",
			Err: &smithy.GenericAPIError{Code: code, Message: "m", Fault: smithy.FaultClient}})
	}
}

func byHand(name string) []byte { return fmt.Appendf(nil, `{"lamp":%q}`, name) }

func TestStatusOfEachOutcome(t *testing.T) {
	tests := map[string]struct {
		lamp    string
		enforce finding.Status
		dryRun  finding.Status
		code    string
	}{
		"on":                     {"on", finding.Compliant, finding.Compliant, ""},
		"off":                    {"off", finding.Remediated, finding.Planned, "off"},
		"without a mandate":      {"neighbour's", finding.Planned, finding.Planned, "off no-mandate"},
		"nothing can cure it":    {"broken", finding.Noncompliant, finding.Noncompliant, "broken"},
		"not ours by its name":   {"candle", finding.Skipped, finding.Skipped, "not-a-lamp"},
		"not ours at a look":     {"strange", finding.Skipped, finding.Skipped, "strange"},
		"gone before the look":   {"look=NoSuchEntity", finding.Skipped, finding.Skipped, "subject-gone"},
		"may not look":           {"look=AccessDenied", finding.Noncompliant, finding.Noncompliant, "access-denied"},
		"look refused":           {"look=ValidationError", finding.Noncompliant, finding.Noncompliant, "call-refused"},
		"look throttled":         {"look=Throttling", finding.Failed, finding.Failed, "call-retried"},
		"look refuses itself":    {"look=refusal", finding.Noncompliant, finding.Noncompliant, "welded"},
		"panic":                  {"panics", finding.Failed, finding.Failed, "call-retried"},
		"done already":           {"off switch=EntityAlreadyExists", finding.Remediated, finding.Planned, "off"},
		"gone before the switch": {"off switch=NoSuchEntity", finding.Skipped, finding.Planned, "off subject-gone"},
		"may not switch":         {"off switch=AccessDenied", finding.Noncompliant, finding.Planned, "off access-denied"},
		"quota":                  {"off switch=LimitExceeded", finding.Noncompliant, finding.Planned, "off call-refused"},
		"switch throttled":       {"off switch=Throttling", finding.Failed, finding.Planned, "off call-retried"},
		"switch refuses itself":  {"off switch=refusal", finding.Noncompliant, finding.Planned, "off welded"},
	}
	for name, test := range tests {
		for mode, want := range map[finding.Mode]finding.Status{finding.Enforce: test.enforce, finding.DryRun: test.dryRun} {
			t.Run(name+" in "+string(mode), func(t *testing.T) {
				var l lamps
				outcome := l.function(mode).Handle(context.Background(), byHand(test.lamp))
				if len(outcome.Report().Results) != 1 {
					t.Fatalf("%d results", len(outcome.Report().Results))
				}
				result := outcome.Report().Results[0]
				if err := findingtest.Check(result); err != nil {
					t.Error(err)
				}
				if result.Status != want || result.Subject != test.lamp {
					t.Errorf("got %s of %q, want %s", result.Status, result.Subject, want)
				}
				if (outcome.err() != nil) != (want == finding.Failed) {
					t.Errorf("status %s with error %v", want, outcome.err())
				}
				for _, f := range result.Findings {
					if f.Code == "off" && (f.Severity == finding.Info) != (result.Status == finding.Remediated) {
						t.Errorf("with status %s the finding is %+v", result.Status, f)
					}
				}
				if mode == finding.DryRun && len(l.switched) > 0 {
					t.Errorf("a dry run switched %v", l.switched)
				}
				for _, f := range result.Findings {
					if !strings.Contains(test.code, f.Code) {
						t.Errorf("unexpected finding %+v", f)
					}
				}
				printed := fmt.Sprint(outcome)
				if strings.Contains(printed, "canary-secret") {
					t.Errorf("the panic's value is shown: %s", printed)
				}
			})
		}
	}
}

// TestWhatWasCuredBeforeAFailureIsNotWrongAnyMore: each action that was applied
// has ended its own findings, even if the next one failed.
func TestWhatWasCuredBeforeAFailureIsNotWrongAnyMore(t *testing.T) {
	for failing, want := range map[string]string{
		"first":  "error first, error second, error both, error all, error access-denied",
		"second": "info first, error second, error both, error all, error access-denied",
		"third":  "info first, info second, info both, error all, error access-denied",
		"none":   "info first, info second, info both, info all",
	} {
		function := new(lamps).function(finding.Enforce)
		function.Plan = func(string) Plan[string] {
			var plan Plan[string]
			for _, code := range []string{"first", "second", "both", "all"} {
				plan.Findings = append(plan.Findings, finding.Finding{Code: code, Severity: finding.Error, Message: code, Fix: "f", Cured: code == "all"})
			}
			plan.Do("first", 0, 2)
			plan.Do("second", 1, 2)
			plan.Do("third")
			return plan
		}
		function.Apply = func(_ context.Context, action string) error {
			if action == failing {
				return errorOf("switch=AccessDenied", "switch")
			}
			return nil
		}
		result := function.Handle(context.Background(), byHand("off")).Report().Results[0]
		var got []string
		for _, f := range result.Findings {
			got = append(got, string(f.Severity)+" "+f.Code)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s fails: got %q, want %s", failing, got, want)
		}
	}
}

func TestUnhandledTriggersAreSkippedWithAReason(t *testing.T) {
	payloads := map[string]string{
		"unknown fields":       `{"lamb":"x"}`,
		"wrong type":           `{"lamp":7}`,
		"unknown detail-type":  `{"source":"aws.ecs","detail-type":"ECS Task State Change","detail":{}}`,
		"another function's":   `{"Step":"createSecret","SecretId":"s","ClientRequestToken":"t"}`,
		"schedule":             `{"source":"aws.events","detail-type":"Scheduled Event"}`,
		"S3 test notification": `{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}`,
		"API call":             `{"eventSource":"iam.amazonaws.com","eventName":"CreateRole"}`,
		"object":               `{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}]}`,
	}
	for name, payload := range payloads {
		t.Run(name, func(t *testing.T) {
			result := new(lamps).function(finding.Enforce).Handle(context.Background(), []byte(payload)).Report().Results[0]
			if err := findingtest.Check(result); err != nil {
				t.Error(err)
			}
			if result.Status != finding.Skipped || result.Findings[0].Code != "event-not-handled" {
				t.Errorf("got %+v", result)
			}
		})
	}
}

func TestRubbishIsAFinding(t *testing.T) {
	payloads := map[string]string{
		"empty": "", "null": "null", "array": "[1]", "text": `"x"`, "truncated": `{"lamp":`, "rubbish": strings.Repeat("\x00\xff{", 2<<20),
		"deep": strings.Repeat(`{"a":`, 100_000),
	}
	for name, payload := range payloads {
		t.Run(name, func(t *testing.T) {
			result := new(lamps).function(finding.Enforce).Handle(context.Background(), []byte(payload)).Report().Results[0]
			if err := findingtest.Check(result); err != nil {
				t.Error(err)
			}
			if result.Status != finding.Noncompliant || result.Findings[0].Code != "event-malformed" {
				t.Errorf("got %+v", result)
			}
		})
	}
}

func queue(bodies ...string) []byte {
	type record struct {
		MessageID string `json:"messageId"`
		Body      string `json:"body"`
	}
	var batch struct{ Records []record }
	for i, body := range bodies {
		batch.Records = append(batch.Records, record{fmt.Sprint("m", i), body})
	}
	marshalled, err := json.Marshal(batch)
	if err != nil {
		panic(err)
	}
	return marshalled
}

func TestOneLookForEachSubjectOfABatch(t *testing.T) {
	var l lamps
	l.function(finding.Enforce).Handle(context.Background(), queue(`{"lamp":"off"}`, `{"lamp":"on"}`, `{"lamp":"off"}`, `{"lamp":"off"}`))
	slices.Sort(l.looks)
	if got := strings.Join(l.looks, " "); got != "off on" {
		t.Errorf("looked at %s", got)
	}
	if got := strings.Join(l.switched, " "); got != "off" {
		t.Errorf("switched %s", got)
	}
}

func TestOnlyFailedMessagesGoBack(t *testing.T) {
	const throttled = `{"lamp":"look=Throttling"}`
	outcome := new(lamps).function(finding.Enforce).Handle(context.Background(),
		queue(`{"lamp":"on"}`, throttled, `{"lamp":"broken"}`, throttled, `{truncated`, `{"lamp":"panics"}`))
	if got := strings.Join(outcome.Failures(), " "); got != "m1 m3 m5" || !outcome.FromQueue {
		t.Errorf("%q go back", got)
	}
	if len(outcome.Report().Results) != 5 {
		t.Errorf("%d results", len(outcome.Report().Results))
	}
}

func TestDryRunOfARequest(t *testing.T) {
	for payload, want := range map[string]string{
		`{"lamp":"off","dry-run":true}`:  "planned dry-run 0",
		`{"lamp":"off","dry-run":false}`: "remediated  1",
	} {
		var l lamps
		result := l.function(finding.Enforce).Handle(context.Background(), []byte(payload)).Report().Results[0]
		if got := fmt.Sprint(result.Status, " ", result.Mode, " ", len(l.switched)); got != want {
			t.Errorf("%s: got %q, want %q", payload, got, want)
		}
	}
	// Never the reverse.
	result := new(lamps).function(finding.DryRun).Handle(context.Background(), []byte(`{"lamp":"off","dry-run":false}`)).Report().Results[0]
	if result.Status != finding.Planned {
		t.Errorf("a function that runs dry was made to act: %+v", result)
	}
	// One plan and one look that acts are two looks.
	var l lamps
	if results := l.function(finding.Enforce).Handle(context.Background(), queue(`{"lamp":"off"}`, `{"lamp":"off","dry-run":true}`)).Report().Results; len(results) != 2 {
		t.Errorf("got %+v", results)
	}
}

// sweepable is a lamp function that sweep's requests reach: their lists are of
// roles, which here are lamps.
func sweepable(l *lamps) *Function[string, string, NoQuestion, string] {
	function := l.function(finding.Enforce)
	inner := function.Subjects
	function.Subjects = func(trigger event.Trigger) []Subject[string] {
		if hand, ok := trigger.(event.ByHand); ok {
			if name, ok := hand.Text("role"); ok {
				return []Subject[string]{{Name: name, Of: name}}
			}
		}
		return inner(trigger)
	}
	return function
}

func TestSweepIsToldOfItsMessages(t *testing.T) {
	var to bus
	r, _, _ := reporting(nil, &to)
	r.runner = sweepable(new(lamps))
	payload := queue(`{"roles":["on","off a","broken"],"sweep":"s.1.0"}`, `{"roles":["on"],"sweep":"s.1.1"}`, `{"lamp":"off b"}`)
	if answer, err := r.Invoke(context.Background(), payload); err != nil || string(answer) != `{"batchItemFailures":[]}` {
		t.Fatalf("got %s, %v", answer, err)
	}
	var told []string
	for _, entry := range to.entries {
		var of struct {
			Subject, Sweep string
			Statuses       map[string]int
			Results        []finding.Result
		}
		if err := json.Unmarshal([]byte(*entry.Detail), &of); err != nil {
			t.Fatal(err)
		}
		told = append(told, fmt.Sprint(strings.TrimPrefix(*entry.DetailType, "ECS Guardrails "), " ", of.Subject, " ", of.Sweep, " ", of.Statuses, " ", len(of.Results)))
	}
	slices.Sort(told)
	want := []string{
		"Clear   map[] 0", "Finding broken s.1.0 map[] 0", "Finding off a s.1.0 map[] 0", "Finding off b  map[] 0",
		"Sweep Result  s.1.0 map[compliant:1 noncompliant:1 remediated:1] 2", "Sweep Result  s.1.1 map[compliant:1] 0",
	}
	if !slices.Equal(told, want) {
		t.Errorf("got  %q\nwant %q", told, want)
	}
}

// One subject that fails has the others of its message looked at again, but not
// forever; the sweep gets its answer at once.
func TestSweepGivesUpOnAMessage(t *testing.T) {
	for received, want := range map[int]string{1: "m0 1", 2: "m0 1", 3: " 1"} {
		payload := fmt.Sprintf(`{"Records":[{"messageId":"m0","attributes":{"ApproximateReceiveCount":"%d"},"body":"{\"roles\":[\"on\",\"look=Throttling\"],\"sweep\":\"s.1.0\"}"}]}`, received)
		outcome := sweepable(new(lamps)).Handle(context.Background(), []byte(payload))
		if got := fmt.Sprint(strings.Join(outcome.Failures(), " "), " ", len(outcome.swept())); got != want {
			t.Errorf("received %d times: got %q, want %q", received, got, want)
		}
	}
	// Other messages go back as long as their queue says.
	outcome := new(lamps).function(finding.Enforce).Handle(context.Background(), []byte(`{"Records":[{"messageId":"m0","attributes":{"ApproximateReceiveCount":"9"},"body":"{\"lamp\":\"look=Throttling\"}"}]}`))
	if len(outcome.Failures()) != 1 {
		t.Errorf("got %q", outcome.Failures())
	}
}

// bus takes events, or fails.
type bus struct {
	entries []types.PutEventsRequestEntry
	err     error
}

func (b *bus) PutEvents(_ context.Context, input *eventbridge.PutEventsInput, _ ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error) {
	b.entries = append(b.entries, input.Entries...)
	return &eventbridge.PutEventsOutput{}, b.err
}

func reporting(function *Function[string, string, NoQuestion, string], to *bus) (*reporter, *bytes.Buffer, *bytes.Buffer) {
	var log, metrics bytes.Buffer
	return &reporter{runner: function, events: to, bus: "default", log: slog.New(slog.NewJSONHandler(&log, nil)), metrics: &metrics, now: time.Now}, &log, &metrics
}

func TestInvokeReports(t *testing.T) {
	var to bus
	r, log, metrics := reporting(new(lamps).function(finding.Enforce), &to)
	answer, err := r.Invoke(context.Background(), byHand("off"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"version":"` + version.Number + `","function":"lamps","mode":"enforce","results":[{"id":"e4827dab6f564404.off","subject":"off","status":"remediated",` +
		`"findings":[{"code":"off","severity":"info","message":"cured: off","fix":"switch it on"}],` +
		`"actions":[{"kind":"SwitchOn","target":"off","summary":"","applied":true}]}]}`
	if string(answer) != want {
		t.Errorf("got  %s\nwant %s", answer, want)
	}
	if len(to.entries) != 1 || !strings.Contains(log.String(), `"status":"remediated"`) || !strings.Contains(log.String(), `"version":"`+version.Number+`"`) || !strings.Contains(metrics.String(), `"Remediated":1`) {
		t.Errorf("events %d, log %s, metrics %s", len(to.entries), log, metrics)
	}
}

func TestInvokeAnswersAQueue(t *testing.T) {
	r, _, _ := reporting(new(lamps).function(finding.Enforce), &bus{})
	for payload, want := range map[string]string{
		string(queue(`{"lamp":"on"}`)):                               `{"batchItemFailures":[]}`,
		string(queue(`{"lamp":"on"}`, `{"lamp":"look=Throttling"}`)): `{"batchItemFailures":[{"itemIdentifier":"m1"}]}`,
	} {
		if answer, err := r.Invoke(context.Background(), []byte(payload)); err != nil || string(answer) != want {
			t.Errorf("got %s, %v, want %s", answer, err, want)
		}
	}
}

func TestARedeliveryIsTold(t *testing.T) {
	const message = `{"Records":[{"messageId":"m0","eventSource":"aws:sqs","body":"{\"lamp\":\"on\"}","attributes":{"ApproximateReceiveCount":"%s"}}]}`
	for received, want := range map[string]int{"1": 0, "2": 1} {
		var to bus
		// The first time, it is clear, and no finding.
		kind := map[int]string{0: publish.ClearType, 1: publish.FindingType}[want]
		r, _, _ := reporting(new(lamps).function(finding.Enforce), &to)
		if answer, err := r.Invoke(context.Background(), fmt.Appendf(nil, message, received)); err != nil || string(answer) != `{"batchItemFailures":[]}` {
			t.Errorf("received %s times: %s, %v", received, answer, err)
		}
		if len(to.entries) != 1 || *to.entries[0].DetailType != kind || want > 0 && !strings.Contains(*to.entries[0].Detail, `"status":"compliant"`) {
			t.Errorf("received %s times: published %+v", received, to.entries)
		}
		to = bus{err: errors.New("connection lost")}
		if answer, _ := r.Invoke(context.Background(), fmt.Appendf(nil, message, received)); strings.Contains(string(answer), "m0") != (want > 0) {
			t.Errorf("received %s times, and not published: %s", received, answer)
		}
	}
}

func TestInvokeFailsWhereARetryHelps(t *testing.T) {
	transient, denied := errors.New("connection lost"), errorOf("switch=AccessDenied", "switch")
	tests := map[string]struct {
		lamp        string
		publishing  error
		mustSucceed bool
		fails       bool
	}{
		"all is well":                       {"on", nil, true, false},
		"throttled":                         {"look=Throttling", nil, false, true},
		"standing error":                    {"broken", nil, false, false},
		"standing error, only errors count": {"broken", nil, true, true},
		"news is lost":                      {"off", transient, false, true},
		"no news to lose":                   {"on", transient, false, false},
		"may not publish, retry is no use":  {"off", denied, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			function := new(lamps).function(finding.Enforce)
			function.MustSucceed = test.mustSucceed
			to := &bus{err: test.publishing}
			r, _, _ := reporting(function, to)
			if _, err := r.Invoke(context.Background(), byHand(test.lamp)); (err != nil) != test.fails {
				t.Errorf("got %v, want a failure: %v", err, test.fails)
			}
		})
	}
}

func TestADryRunIsNoSuccessWhereOnlyErrorsCount(t *testing.T) {
	function := new(lamps).function(finding.DryRun)
	function.MustSucceed = true
	r, _, _ := reporting(function, &bus{})
	if _, err := r.Invoke(context.Background(), byHand("off")); err == nil || !strings.Contains(err.Error(), "planned") {
		t.Errorf("got %v", err)
	}
}

func TestLookingEndsBeforeTheInvocation(t *testing.T) {
	function := new(lamps).function(finding.Enforce)
	var left time.Duration
	function.Observe = func(ctx context.Context, name string) (string, error) {
		deadline, _ := ctx.Deadline()
		left = time.Until(deadline)
		return name, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, _, _ := reporting(function, &bus{})
	if _, err := r.Invoke(ctx, byHand("on")); err != nil {
		t.Fatal(err)
	}
	if left > time.Minute-margin || left < time.Minute-2*margin {
		t.Errorf("observing has %s of a minute", left)
	}
}

func TestFindingsAreCapped(t *testing.T) {
	function := new(lamps).function(finding.Enforce)
	function.Plan = func(string) Plan[string] {
		return Plan[string]{Findings: slices.Repeat([]finding.Finding{{Code: "c", Severity: finding.Warning, Message: "m", Fix: "f"}}, 1000)}
	}
	result := function.Handle(context.Background(), byHand("on")).Report().Results[0]
	findingtest.Saw(result.Findings[maxFindings:]...)
	if len(result.Findings) != maxFindings+1 || result.Findings[maxFindings].Code != "findings-left-out" || !strings.HasPrefix(result.Findings[maxFindings].Message, "800 ") {
		t.Errorf("%d findings, the last %+v", len(result.Findings), result.Findings[len(result.Findings)-1])
	}
}

// TestInvokeMeasures asks for the time since the first of two events about one
// subject, and for the function's own numbers.
func TestInvokeMeasures(t *testing.T) {
	function := new(lamps).function(finding.Enforce)
	function.Subjects = func(trigger event.Trigger) []Subject[string] {
		return []Subject[string]{{Name: trigger.(event.Call).Name, Of: trigger.(event.Call).Name}}
	}
	function.Measure = func(name string, result finding.Result) []metric.Measurement {
		return []metric.Measurement{{Name: "Watts", Unit: "None", Value: float64(len(name) * len(result.Actions))}}
	}
	r, _, metrics := reporting(function, &bus{})
	r.now = func() time.Time { return time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC) }
	called := func(at string) string {
		return `{"eventSource":"x","eventName":"off","eventTime":"2026-03-02T09:` + at + `Z"}`
	}
	if _, err := r.Invoke(context.Background(), queue(called("14:30"), called("14:00"), called("14:45"))); err != nil {
		t.Fatal(err)
	}
	if got := metrics.String(); !strings.Contains(got, `"TimeToRemedy":[60]`) || !strings.Contains(got, `"Watts":[3]`) || !strings.Contains(got, `"Code":"off"`) {
		t.Errorf("got %s", got)
	}
}
