package digest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/mute"
	"github.com/ecs-guardrails/ecs-guardrails/shared/owner"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
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

// composed are the messages about some events of which nothing was told before.
func composed(events []Event, mutes mute.List, now time.Time) ([]Message, error) {
	return Compose(events, mutes, Ledger{}, Bucket{"reports", "eu-central-1"}, now)
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
	messages, err := composed(events, mute.List{}, at)
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
	sweep := Event{Account: "123456789012", Region: "eu-west-1", Time: at, Sweep: &sweepreport.Summary{Sweep: "s", Headline: "3 of 9 are wrong", Wrong: 3, Mode: finding.DryRun}}
	messages, err := composed([]Event{here, there, sweep}, mute.List{}, at)
	if err != nil || len(messages) != 3 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
}

func TestOnlyTheLatestOfASubjectIsTold(t *testing.T) {
	before, after := found("a", finding.Noncompliant, "x"), found("a", finding.Remediated, "x")
	after.Time = at.Add(time.Minute)
	for _, events := range [][]Event{{before, after}, {after, before}} {
		messages, err := composed(events, mute.List{}, at)
		if err != nil || len(messages) != 1 || !strings.HasPrefix(messages[0].Subject, "fixed: ") {
			t.Errorf("%+v, %v", messages, err)
		}
	}
}

func TestOneFinding(t *testing.T) {
	event := found("ecsInstanceRole", finding.Noncompliant, "capability-missing")
	event.Result.Owner = owner.Owner{Tool: owner.CloudFormation, Stack: "acme-prod"}
	messages, err := composed([]Event{event}, mute.List{}, at)
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	const want = `ECS Guardrails: needs you: ecsInstanceRole: Something is wrong with ecsInstanceRole
Found: (1) error capability-missing: Something is wrong with ecsInstanceRole. To do: Do something about it.
Changes: none.
Managed by CloudFormation (acme-prod).
ID: 92b4a2c3dda7a5e8.capability-missing
What it means and what to do: docs/findings/capability-missing.md
Accept it: go run ./functions/sweep mute --bucket reports --region eu-central-1 --id 92b4a2c3dda7a5e8.capability-missing --until 2027-02-28 --reason 'WRITE WHY'
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
		messages, err := composed(events, mute.List{}, at)
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
		// Our own link, in which the name is escaped for a URL.
		own := regexp.MustCompile(`\[Open (it|the first)\]\(https://eu-west-1\.console\.aws\.amazon\.com/s3/object/acme\?region=eu-west-1&prefix=[A-Za-z0-9%._+-]+\)`)
		if !own.MatchString(text.String()) {
			t.Errorf("no link to the console in\n%s", text.String())
		}
		shown := own.ReplaceAllString(text.String(), "")
		for _, bad := range []string{"<!channel>", "](", "https://", "@here", "\x1b", "\u202e"} {
			if strings.Contains(shown, bad) {
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
	notifier := &Notifier{Settings: Settings{MailTopic: "mail", ChatTopic: "chat"}, Topics: published, Now: func() time.Time { return at }}
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

func TestSubjectHasNameAndCause(t *testing.T) {
	const longest = "s3://acme-ecs-config-123456789012-eu-west-1/teams/storefront/production/blue/ecs.config?versionId=3sL4kqtJlcpXroDTDmJrmSpXd3dIbrHY"
	for _, event := range []Event{
		found("role/ecsInstanceRole", finding.Noncompliant, "capability-missing"),
		found(longest, finding.Noncompliant, "value-quoted"),
		found("arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/registry-AbCdEf", finding.Failed, "call-retried"),
	} {
		name := map[int]string{0: "ecsInstanceRole", 1: "blue/ecs.config", 2: "prod/registry"}
		event.Result.Findings[0].Message = "The thing is broken in a way that takes many words to describe in full"
		for _, events := range [][]Event{{event}, {event, found("role/b", finding.Remediated, "capability-missing")}} {
			messages, err := composed(events, mute.List{}, at)
			if err != nil {
				t.Fatal(err)
			}
			subject := messages[0].Subject
			has := false
			for _, of := range name {
				has = has || strings.Contains(subject, of)
			}
			if len(subject) > 80 || !has || !strings.Contains(subject, "The thing") {
				t.Errorf("%d characters: %s", len(subject), subject)
			}
		}
	}
}

func TestWorstFirst(t *testing.T) {
	warning := found("role/b", finding.Noncompliant, "policy-retired")
	warning.Result.Findings[0].Severity = finding.Warning
	messages, err := composed([]Event{warning, found("role/c", finding.Remediated, "capability-missing"), found("role/a", finding.Noncompliant, "trust-too-wide")}, mute.List{}, at)
	if err != nil || !strings.Contains(messages[0].Mail, "(1) needs you, error trust-too-wide") {
		t.Errorf("%v, %+v", err, messages)
	}
	// Within a result, too: the cause stands before what follows from it.
	event := found("role/a", finding.Noncompliant, "trust-too-wide")
	event.Result.Findings = append([]finding.Finding{{Code: "role-for-trunking", Severity: finding.Info, Message: "Something to know"}}, event.Result.Findings...)
	messages, err = composed([]Event{event}, mute.List{}, at)
	if err != nil || !strings.Contains(messages[0].Mail, "Found: (1) error trust-too-wide") || strings.Contains(messages[0].Subject, "Something to know") {
		t.Errorf("%v, %+v", err, messages)
	}
}

func TestFixCanBePasted(t *testing.T) {
	event := found("role/a", finding.Noncompliant, "trust-wrong-service")
	event.Result.Findings[0].Fix = `Run: aws iam update-assume-role-policy --policy-document '{"Version": "2012-10-17"}'`
	messages, err := composed([]Event{event}, mute.List{}, at)
	if err != nil || !strings.Contains(messages[0].Mail, event.Result.Findings[0].Fix) {
		t.Errorf("%v, %s", err, messages[0].Mail)
	}
	var chat struct{ Content struct{ Description string } }
	if err := json.Unmarshal(messages[0].Chat, &chat); err != nil || !strings.Contains(chat.Content.Description, event.Result.Findings[0].Fix) {
		t.Errorf("%v, %s", err, messages[0].Chat)
	}
}

func TestUndoIsNotFixed(t *testing.T) {
	event := found("role/a", finding.Remediated, "undo-done")
	event.Result.Findings[0].Severity = finding.Info
	messages, err := composed([]Event{event}, mute.List{}, at)
	if err != nil || !strings.HasPrefix(messages[0].Subject, "undone: ") {
		t.Errorf("%v, %+v", err, messages)
	}
}

func TestOneThreadPerSubject(t *testing.T) {
	threads := map[string]bool{}
	for _, event := range []Event{
		found("s3://acme/ecs.config?versionId=1", finding.Noncompliant, "value-quoted"), found("s3://acme/ecs.config?versionId=2", finding.Noncompliant, "value-empty"),
	} {
		messages, err := composed([]Event{event}, mute.List{}, at)
		if err != nil {
			t.Fatal(err)
		}
		var chat struct{ Metadata metadata }
		if err := json.Unmarshal(messages[0].Chat, &chat); err != nil || chat.Metadata.ThreadID == "" {
			t.Fatalf("%v, %s", err, messages[0].Chat)
		}
		threads[chat.Metadata.ThreadID] = true
	}
	if len(threads) != 1 {
		t.Errorf("threads %v", threads)
	}
}

func TestMutedFindingsAreCountedOnly(t *testing.T) {
	mutes, err := mute.Parse([]byte(`{"mutes":[{"subject":"role/legacy","code":"policy-retired","reason":"replaced in January","until":"2027-01-31"},{"subject":"role/old","reason":"moved","until":"2026-11-01"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	muted, open, ended := found("role/legacy", finding.Noncompliant, "policy-retired"), found("role/web", finding.Noncompliant, "policy-retired"), found("role/old", finding.Noncompliant, "policy-retired")
	messages, err := composed([]Event{muted}, mutes, at)
	if err != nil || len(messages) != 0 {
		t.Errorf("%v, %+v", err, messages)
	}
	messages, err = composed([]Event{muted, open, ended}, mutes, at)
	if err != nil || len(messages) != 1 {
		t.Fatalf("%v, %+v", err, messages)
	}
	for _, want := range []string{"2 findings: 2 need you", "Muted, so not listed here: 1 policy-retired.", "A mute has ended: subject role/old (moved; until 2026-11-01). Renew it in mute.json, or delete it there.", "role/web"} {
		if !strings.Contains(messages[0].Mail, want) {
			t.Errorf("%q is not in\n%s", want, messages[0].Mail)
		}
	}
	if strings.Contains(messages[0].Mail, "role/legacy") {
		t.Errorf("told: %s", messages[0].Mail)
	}
	messages, err = composed([]Event{open}, mute.List{Problem: "nothing is muted, because of a mistake"}, at)
	if err != nil || !strings.Contains(messages[0].Mail, "Mutes: nothing is muted") {
		t.Errorf("%v, %+v", err, messages)
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
		notifier := &Notifier{Settings: Settings{MailTopic: "mail", ChatTopic: "chat"}, Topics: published, Now: func() time.Time { return at }}
		notifier.Handle(t.Context(), batch(t, body(t, kind, json.RawMessage(detail)), body(t, kind, json.RawMessage(detail))))
		for _, input := range published.to("chat") {
			var document notification
			if err := json.Unmarshal([]byte(aws.ToString(input.Message)), &document); err != nil || len([]rune(document.Content.Description)) > 8000 || len([]rune(document.Content.Title)) > 250 {
				t.Errorf("%v: %s", err, aws.ToString(input.Message))
			}
		}
	})
}
