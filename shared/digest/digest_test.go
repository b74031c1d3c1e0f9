package digest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/owner"
	"ecsguardrails/shared/publish"
	"ecsguardrails/shared/sweepreport"
)

var at = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)

func found(subject string, status finding.Status, code string) Event {
	result := finding.Result{Subject: subject, Status: status, Findings: []finding.Finding{
		{Code: code, Severity: finding.Error, Message: "Something is wrong with " + subject, Fix: "Do something about it"},
	}, Actions: []finding.Action{}}
	result.ID = finding.Identify("validate-config", result)
	return Event{Account: "123456789012", Region: "eu-west-1", Time: at, Function: "validate-config", Mode: finding.Enforce, Result: result}
}

// body writes an event as a queue carries it.
func body(t testing.TB, detailType string, detail any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"source": "ecs-guardrails", "detail-type": detailType, "account": "123456789012", "region": "eu-west-1", "time": at, "detail": detail,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func batch(t testing.TB, bodies ...string) []byte {
	t.Helper()
	var records []map[string]any
	for i, text := range bodies {
		records = append(records, map[string]any{"messageId": fmt.Sprint(i), "eventSource": "aws:sqs", "body": text})
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

type topics struct {
	mutex     sync.Mutex // Mail and chat are published side by side.
	published []*sns.PublishInput
	err       error
}

func (t *topics) Publish(_ context.Context, input *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	if t.err != nil {
		return nil, t.err
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.published = append(t.published, input)
	return &sns.PublishOutput{}, nil
}

func (t *topics) to(topic string) []*sns.PublishInput {
	var to []*sns.PublishInput
	for _, input := range t.published {
		if aws.ToString(input.TopicArn) == topic {
			to = append(to, input)
		}
	}
	return to
}

func TestManyFindingsAreOneMessage(t *testing.T) {
	var events []Event
	for i := range 100 {
		events = append(events, found(fmt.Sprintf("s3://acme/%d/ecs.config", i), finding.Noncompliant, "auth-data-shape"))
	}
	events = append(events, found("s3://acme/x/ecs.config", finding.Remediated, "permissions"))
	messages, err := Messages(events)
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	for _, want := range []string{"101 findings: 100 need you, 1 fixed", "error auth-data-shape (validate-config, 100): s3://acme/0/ecs.config", "and 95 more", "To do: Do something about it."} {
		if !strings.Contains(messages[0].Mail, want) {
			t.Errorf("%q is not in\n%s", want, messages[0].Mail)
		}
	}
}

func TestMessagesByPlace(t *testing.T) {
	here, there := found("a", finding.Noncompliant, "x"), found("a", finding.Noncompliant, "x")
	there.Account = "999999999999"
	sweep := Event{Account: "123456789012", Region: "eu-west-1", Time: at, Sweep: &sweepreport.Summary{Sweep: "s", Headline: "3 of 9 are wrong", Mode: finding.DryRun}}
	messages, err := Messages([]Event{here, there, sweep})
	if err != nil || len(messages) != 3 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
}

func TestOnlyTheLatestOfASubjectIsTold(t *testing.T) {
	before, after := found("a", finding.Noncompliant, "x"), found("a", finding.Remediated, "x")
	after.Time = at.Add(time.Minute)
	for _, events := range [][]Event{{before, after}, {after, before}} {
		messages, err := Messages(events)
		if err != nil || len(messages) != 1 || !strings.HasPrefix(messages[0].Subject, "ECS Guardrails: fixed: a") {
			t.Errorf("%+v, %v", messages, err)
		}
	}
}

func TestOneFinding(t *testing.T) {
	event := found("ecsInstanceRole", finding.Noncompliant, "capability-missing")
	event.Result.Owner = owner.Owner{Tool: owner.CloudFormation, Stack: "acme-prod"}
	messages, err := Messages([]Event{event})
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	const want = `ECS Guardrails: needs you: ecsInstanceRole: Something is wrong with ecsInstanceRole
Found: (1) error capability-missing: Something is wrong with ecsInstanceRole. To do: Do something about it.
Changes: none.
Managed by CloudFormation (acme-prod).
noncompliant: ecsInstanceRole, by validate-config (enforce) in account 123456789012, eu-west-1, at 2026-11-30T09:00:00Z`
	if messages[0].Mail != want {
		t.Errorf("got\n%s\nwant\n%s", messages[0].Mail, want)
	}
}

func TestTextFromOutsideStaysText(t *testing.T) {
	const key = "s3://acme/<!channel>/[your bill](https://evil.example)/@here\x1b[31m\u202e/ecs.config"
	for _, events := range [][]Event{
		{found(key, finding.Noncompliant, "x")},
		{found(key, finding.Noncompliant, "x"), found(key+"2", finding.Noncompliant, "x")},
	} {
		messages, err := Messages(events)
		if err != nil {
			t.Fatal(err)
		}
		var chat struct{ Content, Metadata json.RawMessage }
		if err := json.Unmarshal(messages[0].Chat, &chat); err != nil {
			t.Fatal(err)
		}
		// Whatever a JSON reader makes of the text, and not how JSON writes it.
		var text strings.Builder
		for _, raw := range []json.RawMessage{chat.Content, chat.Metadata} {
			var fields map[string]any
			if err := json.Unmarshal(raw, &fields); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&text, fields)
		}
		for _, bad := range []string{"<!channel>", "](", "https://", "@here", "\x1b", "\u202e"} {
			if strings.Contains(text.String(), bad) {
				t.Errorf("%q reaches a chat:\n%s", bad, text.String())
			}
		}
		if strings.ContainsAny(messages[0].Mail+messages[0].Subject, "\x1b\u202e") || strings.Contains(messages[0].Subject, "\n") {
			t.Errorf("control characters reach a mailbox:\n%q", messages[0].Mail)
		}
	}
}

func TestHandle(t *testing.T) {
	published := &topics{}
	notifier := &Notifier{Settings: Settings{MailTopic: "mail", ChatTopic: "chat"}, Topics: published}
	real, err := publish.Findings("stack", finding.Report{Function: "validate-config", Mode: finding.Enforce, Results: []finding.Result{found("a", finding.Noncompliant, "x").Result}})
	if err != nil {
		t.Fatal(err)
	}
	// Events that others wrote are dropped, and so is their text.
	forged := []string{
		body(t, "ECS Guardrails Finding", map[string]any{"function": "Your bank", "status": "noncompliant", "text": map[string]any{"title": "owned"}}),
		body(t, "ECS Guardrails Finding", map[string]any{"function": "validate-config", "status": "owned"}),
		body(t, "Other", map[string]any{}), "{", `{"source":"other"}`, `{"role":"x"}`,
	}
	outcome := notifier.Handle(t.Context(), batch(t, append(forged, body(t, real[0].Type, json.RawMessage(real[0].Detail)))...))
	if len(outcome.Failures()) != 0 || len(outcome.Entries) != 0 || len(published.to("mail")) != 1 || len(published.to("chat")) != 1 {
		t.Fatalf("%+v, %d messages", outcome, len(published.published))
	}
	if text := aws.ToString(published.to("mail")[0].Message); strings.Contains(text, "owned") || !strings.Contains(text, "needs you: a") {
		t.Errorf("told: %s", text)
	}

	// The text of an event is not believed.
	var detail map[string]any
	if err := json.Unmarshal(real[0].Detail, &detail); err != nil {
		t.Fatal(err)
	}
	detail["text"] = map[string]string{"title": "owned", "findings": "owned"}
	notifier.Handle(t.Context(), batch(t, body(t, real[0].Type, detail)))
	if text := aws.ToString(published.to("mail")[1].Message); strings.Contains(text, "owned") {
		t.Errorf("told: %s", text)
	}

	published.err = errors.New("throttled")
	if outcome := notifier.Handle(t.Context(), batch(t, body(t, real[0].Type, json.RawMessage(real[0].Detail)), forged[0])); len(outcome.Failures()) != 2 {
		t.Errorf("failures %v", outcome.Failures())
	}
}

// FuzzRead holds any detail to a message that a chat takes.
func FuzzRead(f *testing.F) {
	f.Add(`{"function":"validate-config","status":"noncompliant","subject":"a","findings":[{"code":"x","severity":"error","message":"m"}]}`, "ECS Guardrails Finding")
	f.Add(`{"sweep":"s","headline":"h","results":[{"kind":"role","subject":"a"}]}`, "ECS Guardrails Sweep Summary")
	f.Fuzz(func(t *testing.T, detail, kind string) {
		if !json.Valid([]byte(detail)) {
			return
		}
		published := &topics{}
		notifier := &Notifier{Settings: Settings{MailTopic: "mail", ChatTopic: "chat"}, Topics: published}
		notifier.Handle(t.Context(), batch(t, body(t, kind, json.RawMessage(detail)), body(t, kind, json.RawMessage(detail))))
		for _, input := range published.to("chat") {
			var document notification
			if err := json.Unmarshal([]byte(aws.ToString(input.Message)), &document); err != nil || len([]rune(document.Content.Description)) > 8000 || len([]rune(document.Content.Title)) > 250 {
				t.Errorf("%v: %s", err, aws.ToString(input.Message))
			}
		}
	})
}
