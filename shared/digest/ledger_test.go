package digest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/mute"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
	"github.com/ecs-guardrails/ecs-guardrails/shared/racetest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
)

// clear is news that subjects of validate-config are right, some time after at.
func clear(after time.Duration, swept bool, subjects ...string) Event {
	event := Event{Account: "123456789012", Region: "eu-west-1", Time: at.Add(after), Clear: &publish.Cleared{Function: "validate-config", Swept: swept}}
	for _, subject := range subjects {
		event.Clear.Subjects = append(event.Clear.Subjects, publish.ClearedSubject{ID: finding.Identify("validate-config", finding.Result{Subject: subject}), Subject: subject})
	}
	return event
}

// later moves an event.
func later(of Event, by time.Duration) Event {
	of.Time = of.Time.Add(by)
	return of
}

// swept is a sweep's summary with the results of some events.
func swept(events ...Event) Event {
	event := Event{Account: "123456789012", Region: "eu-west-1", Time: at, Sweep: &sweepreport.Summary{Sweep: "s", Headline: "some are wrong", Mode: finding.Enforce, Wrong: len(events)}}
	for _, of := range events {
		event.Sweep.Results = append(event.Sweep.Results, sweepreport.Result{Kind: "config-objects", Result: of.Result})
	}
	return event
}

// told runs batches of events one after the other, and gives the subjects of the
// mails about each.
func told(t *testing.T, mutes mute.List, batches ...[]Event) (subjects [][]string, ledger Ledger) {
	t.Helper()
	for _, batch := range batches {
		messages, err := Compose(batch, mutes, ledger, Bucket{"reports", "eu-central-1"}, at)
		if err != nil {
			t.Fatal(err)
		}
		var of []string
		for _, message := range messages {
			of = append(of, message.Subject)
		}
		subjects = append(subjects, of)
		ledger, _ = ledger.follow(withoutPassing(latest(batch)), mutes, func(Event) bool { return true }, at)
	}
	return subjects, ledger
}

func TestResolvedIsToldOnce(t *testing.T) {
	const subject = "s3://acme/ecs.config?versionId=1"
	wrong := found(subject, finding.Noncompliant, "value-empty")
	other := later(found("s3://acme/ecs.config?versionId=2", finding.Noncompliant, "value-quoted"), time.Minute)
	fixed := later(found(subject, finding.Remediated, "value-empty"), time.Minute)
	// A later version that is right, too, is the same subject.
	right := clear(2*time.Minute, false, "s3://acme/ecs.config?versionId=3")
	known := swept(wrong)
	muted, err := mute.Parse([]byte(`{"mutes":[{"subject":"s3://acme/*","reason":"lab","until":"2027-01-31"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		mutes   mute.List
		batches [][]Event
		// last is what the last batch tells, by the beginnings of the mails' subjects.
		last []string
	}{
		"a clean look ends it":                 {batches: [][]Event{{wrong}, {right}}, last: []string{"resolved: "}},
		"it is told once":                      {batches: [][]Event{{wrong}, {right}, {right}}},
		"nothing was told before":              {batches: [][]Event{{right}}},
		"another subject":                      {batches: [][]Event{{wrong}, {clear(time.Minute, false, "s3://acme/other")}}},
		"a look of before":                     {batches: [][]Event{{wrong}, {clear(-time.Minute, false, subject)}}},
		"a fix tells itself":                   {batches: [][]Event{{wrong}, {fixed}}, last: []string{"fixed: "}},
		"and nothing after it":                 {batches: [][]Event{{wrong}, {fixed}, {right}}},
		"another problem takes its place":      {batches: [][]Event{{wrong}, {other}}, last: []string{"needs you: ", "resolved: "}},
		"it came and went within a minute":     {batches: [][]Event{{wrong, right}}},
		"what a sweep told, an event ends":     {batches: [][]Event{{known}, {right}}, last: []string{"resolved: "}},
		"what a sweep told, its next one ends": {batches: [][]Event{{known}, {clear(time.Hour, true, subject)}}},
		"what an event told, a sweep ends":     {batches: [][]Event{{wrong}, {clear(time.Hour, true, subject)}}, last: []string{"resolved: "}},
		"a muted problem is not told of":       {mutes: muted, batches: [][]Event{{wrong}, {right}}},
		"two at once are one message":          {batches: [][]Event{{wrong, found("s3://acme/b", finding.Failed, "call-retried")}, {clear(time.Minute, false, subject, "s3://acme/b")}}, last: []string{"2 resolved: "}},
	} {
		subjects, _ := told(t, test.mutes, test.batches...)
		last := subjects[len(subjects)-1]
		if !slices.EqualFunc(last, test.last, strings.HasPrefix) {
			t.Errorf("%s: told %q, want %q", name, last, test.last)
		}
	}
}

func TestResolvedNamesTheProblem(t *testing.T) {
	wrong := found("s3://acme/<!channel>/ecs.config", finding.Noncompliant, "value-empty")
	ledger, _ := Ledger{}.follow([]Event{wrong}, mute.List{}, func(Event) bool { return false }, at)
	messages, err := Compose([]Event{clear(time.Minute, false, wrong.Result.Subject)}, mute.List{}, ledger, Bucket{"reports", "eu-central-1"}, at)
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	var chat notification
	if err := json.Unmarshal(messages[0].Chat, &chat); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(messages[0].Mail, "ID: "+wrong.Result.ID) || !strings.Contains(chat.Content.Description, "ID: "+wrong.Result.ID) ||
		chat.Metadata.ThreadID != finding.SubjectID(wrong.Result.ID) || strings.Contains(string(messages[0].Chat), "<!channel>") || chat.Metadata.EventType != "resolved" {
		t.Errorf("mail %s\nchat %s", messages[0].Mail, messages[0].Chat)
	}
}

func TestLedgerIsBounded(t *testing.T) {
	racetest.Skip(t)
	var events []Event
	for i := range maxProblems + 500 {
		event := later(found(fmt.Sprintf("s3://acme/%d/%s", i, strings.Repeat("k", 1000)), finding.Noncompliant, "value-empty"), time.Duration(i)*time.Second)
		event.Result.Findings[0].Message, event.Result.Findings[0].Fix = strings.Repeat("é", 3000), strings.Repeat("<", 3000)
		for code := range 40 {
			event.Result.Findings = append(event.Result.Findings, finding.Finding{Code: fmt.Sprint("code-", code), Severity: finding.Warning, Message: "m"})
		}
		events = append(events, event)
	}
	ledger, _ := Ledger{}.follow(events, mute.List{}, func(Event) bool { return true }, at)
	body, err := json.Marshal(ledger)
	if err != nil || len(ledger.Problems) != maxProblems || len(body) > maxLedger {
		t.Errorf("%d problems of %d bytes, %v", len(ledger.Problems), len(body), err)
	}
	if !strings.Contains(ledger.Problems[maxProblems-1].Subject, fmt.Sprint("/", maxProblems+499, "/")) {
		t.Error("the newest problem is forgotten")
	}
}

// bucket keeps objects in memory. Its next writes meet those of another batch.
type bucket struct {
	mutex     sync.Mutex
	objects   map[string][]byte
	conflicts int
	getErr    error
	puts      int
}

func (b *bucket) GetObject(_ context.Context, input *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.getErr != nil {
		return nil, b.getErr
	}
	content, ok := b.objects[*input.Key]
	if !ok {
		return nil, &smithy.GenericAPIError{Code: "NoSuchKey"}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(content)), ETag: aws.String(fmt.Sprint(len(content)))}, nil
}

func (b *bucket) PutObject(_ context.Context, input *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	content, exists := b.objects[*input.Key]
	if b.conflicts > 0 || input.IfNoneMatch != nil && exists || input.IfMatch != nil && *input.IfMatch != fmt.Sprint(len(content)) || (input.IfMatch == nil && input.IfNoneMatch == nil) {
		b.conflicts--
		return nil, &smithy.GenericAPIError{Code: "PreconditionFailed"}
	}
	body, err := io.ReadAll(input.Body)
	if b.objects == nil {
		b.objects = map[string][]byte{}
	}
	b.puts++
	b.objects[*input.Key] = body
	return &s3.PutObjectOutput{}, err
}

// hub keeps findings, refuses some, or everything.
type hub struct {
	findings map[string]types.AwsSecurityFinding
	calls    []int
	refuse   string
	err      error
}

func (h *hub) BatchImportFindings(_ context.Context, input *securityhub.BatchImportFindingsInput, _ ...func(*securityhub.Options)) (*securityhub.BatchImportFindingsOutput, error) {
	h.calls = append(h.calls, len(input.Findings))
	if h.err != nil {
		return nil, h.err
	}
	output := &securityhub.BatchImportFindingsOutput{}
	for _, of := range input.Findings {
		if *of.Id == h.refuse {
			output.FailedFindings = append(output.FailedFindings, types.ImportFindingsError{Id: of.Id, ErrorCode: aws.String("InvalidInput"), ErrorMessage: aws.String("too long")})
			continue
		}
		if h.findings == nil {
			h.findings = map[string]types.AwsSecurityFinding{}
		}
		h.findings[*of.Id] = of
	}
	return output, nil
}

const defaultProduct = "arn:aws:securityhub:eu-west-1:123456789012:product/123456789012/default"

// notifying is a notifier with all that it needs in memory.
func notifying() (*Notifier, *topics, *bucket, *hub) {
	published, storage, imported := &topics{}, &bucket{}, &hub{}
	return &Notifier{
		Settings: Settings{MailTopic: "mail", ChatTopic: "chat", ReportBucket: "reports", SecurityHubProduct: defaultProduct},
		Topics:   published, Storage: storage, Hub: imported, Now: func() time.Time { return at.Add(time.Hour) },
	}, published, storage, imported
}

// payload writes events as the queue has them.
func payload(t *testing.T, events ...Event) []byte {
	t.Helper()
	var bodies []string
	for _, of := range events {
		kind, detail := publish.FindingType, any(struct {
			Function string       `json:"function"`
			Mode     finding.Mode `json:"mode"`
			finding.Result
		}{of.Function, of.Mode, of.Result})
		switch {
		case of.Clear != nil:
			kind, detail = publish.ClearType, of.Clear
		case of.Sweep != nil:
			kind, detail = publish.SweepSummaryType, of.Sweep
		}
		text := body(t, kind, detail)
		bodies = append(bodies, strings.Replace(text, at.Format(time.RFC3339), of.Time.Format(time.RFC3339), 1))
	}
	return batch(t, bodies...)
}

func TestMailChatAndSecurityHubHaveOneID(t *testing.T) {
	notifier, published, storage, imported := notifying()
	wrong := found("s3://acme/ecs.config", finding.Noncompliant, "value-empty")
	if outcome := notifier.Handle(t.Context(), payload(t, wrong)); len(outcome.Entries) != 0 {
		t.Fatalf("%+v", outcome.Entries)
	}
	of, ok := imported.findings[wrong.Result.ID]
	if !ok || of.RecordState != types.RecordStateActive || of.Compliance.Status != types.ComplianceStatusFailed || of.FindingProviderFields.Severity.Label != types.SeverityLabelHigh ||
		*of.AwsAccountId != "123456789012" || *of.Resources[0].Id != "arn:aws:s3:::acme/ecs.config" || *of.Resources[0].Type != "AwsS3Object" || of.Workflow != nil {
		t.Errorf("Security Hub has %+v", of)
	}
	for _, topic := range []string{"mail", "chat"} {
		if messages := published.to(topic); len(messages) != 1 || !strings.Contains(*messages[0].Message, wrong.Result.ID) {
			t.Errorf("%s has not the id %s", topic, wrong.Result.ID)
		}
	}

	if outcome := notifier.Handle(t.Context(), payload(t, clear(time.Minute, false, "s3://acme/ecs.config"))); len(outcome.Entries) != 0 {
		t.Fatalf("%+v", outcome.Entries)
	}
	of = imported.findings[wrong.Result.ID]
	if of.RecordState != types.RecordStateArchived || of.Compliance.Status != types.ComplianceStatusPassed || *of.UpdatedAt < *of.CreatedAt {
		t.Errorf("after the cure Security Hub has %+v", of)
	}
	for _, topic := range []string{"mail", "chat"} {
		if messages := published.to(topic); len(messages) != 2 || !strings.Contains(*messages[1].Message, wrong.Result.ID) || !strings.Contains(*messages[1].Message, "resolved") {
			t.Errorf("%s has no word that it is resolved", topic)
		}
	}
	if got := string(storage.objects[ledgerKey]); got != `{"problems":[]}` {
		t.Errorf("the ledger is %s", got)
	}
	// Nothing new is not written.
	puts := storage.puts
	notifier.Handle(t.Context(), payload(t, clear(time.Minute, false, "s3://acme/ecs.config")))
	if storage.puts != puts || len(imported.calls) != 2 {
		t.Errorf("%d writes, %v imports", storage.puts-puts, imported.calls)
	}
}

func TestFixedIsArchived(t *testing.T) {
	notifier, _, _, imported := notifying()
	wrong := found("role/web", finding.Planned, "capability-missing")
	fixed := later(found("role/web", finding.Remediated, "capability-missing"), time.Minute)
	notifier.Handle(t.Context(), payload(t, wrong))
	notifier.Handle(t.Context(), payload(t, fixed))
	if of := imported.findings[wrong.Result.ID]; of.RecordState != types.RecordStateArchived || *of.Resources[0].Id != "arn:aws:iam::123456789012:role/web" {
		t.Errorf("Security Hub has %+v", of)
	}
	// What was fixed at once was never a finding there.
	if notifier.Handle(t.Context(), payload(t, later(found("role/b", finding.Remediated, "capability-missing"), time.Minute))); len(imported.findings) != 1 {
		t.Errorf("%d findings", len(imported.findings))
	}
}

// A Security Hub that takes nothing keeps no one from being told, now and later.
func TestSecurityHubNeverStopsMail(t *testing.T) {
	notifier, published, _, imported := notifying()
	imported.err = &smithy.GenericAPIError{Code: "InvalidAccessException"}
	wrong := found("a", finding.Noncompliant, "value-empty")
	outcome := notifier.Handle(t.Context(), payload(t, wrong))
	if len(published.to("mail")) != 1 || len(published.to("chat")) != 1 || len(outcome.Failures()) != 0 || len(outcome.Entries) != 1 {
		t.Fatalf("%d mails, %+v", len(published.to("mail")), outcome)
	}
	// The next message says so, and the finding is sent once Security Hub takes it.
	imported.err = nil
	notifier.Handle(t.Context(), payload(t, found("b", finding.Noncompliant, "value-empty")))
	if text := *published.to("mail")[1].Message; !strings.Contains(text, "Security Hub is not enabled") {
		t.Errorf("mail %s", text)
	}
	if _, ok := imported.findings[wrong.Result.ID]; !ok || len(imported.findings) != 2 {
		t.Errorf("%d findings", len(imported.findings))
	}
	// One finding that it refuses keeps the others from nothing, and is given up.
	c := found("c", finding.Noncompliant, "value-empty")
	imported.refuse = c.Result.ID
	for i := range maxHubTries + 5 {
		notifier.Handle(t.Context(), payload(t, c, found(fmt.Sprint("d", i), finding.Noncompliant, "value-empty")))
		c.Time = c.Time.Add(-time.Hour)
	}
	if len(imported.findings) != 2+maxHubTries+5 {
		t.Errorf("%d findings", len(imported.findings))
	}
}

func TestLedgerSurvivesOthers(t *testing.T) {
	notifier, published, storage, _ := notifying()
	storage.conflicts = 2
	if outcome := notifier.Handle(t.Context(), payload(t, found("a", finding.Noncompliant, "value-empty"))); len(outcome.Entries) != 0 || len(published.to("mail")) != 1 || storage.puts != 1 {
		t.Errorf("%+v, %d mails, %d writes", outcome.Entries, len(published.to("mail")), storage.puts)
	}
	// What can't be read isn't written over, and people are told all the same.
	storage.getErr = errors.New("connection lost")
	before := string(storage.objects[ledgerKey])
	outcome := notifier.Handle(t.Context(), payload(t, found("b", finding.Noncompliant, "value-empty")))
	if len(outcome.Failures()) != 0 || len(outcome.Entries) != 1 || len(published.to("mail")) != 2 || string(storage.objects[ledgerKey]) != before {
		t.Errorf("%+v, %d mails", outcome.Entries, len(published.to("mail")))
	}
	// What somebody else wrote there is begun again.
	storage.getErr, storage.objects[ledgerKey] = nil, []byte("not JSON")
	notifier.Handle(t.Context(), payload(t, found("c", finding.Noncompliant, "value-empty")))
	if !json.Valid(storage.objects[ledgerKey]) {
		t.Errorf("the ledger is %s", storage.objects[ledgerKey])
	}
}

func TestImportsAHundredAtOnce(t *testing.T) {
	notifier, _, _, imported := notifying()
	var events []Event
	for i := range 250 {
		events = append(events, found(fmt.Sprint("s3://acme/", i, "/ecs.config"), finding.Noncompliant, "value-empty"))
	}
	foreign := found("s3://acme/foreign", finding.Noncompliant, "value-empty")
	foreign.Account = "999999999999"
	notifier.Handle(t.Context(), payload(t, append(events, swept(found("role/a", finding.Noncompliant, "trust-too-wide")))...))
	if !slices.Equal(imported.calls, []int{100, 100, 51}) {
		t.Errorf("calls %v", imported.calls)
	}
	// Findings of other accounts are theirs to import.
	if inHub(defaultProduct)(foreign) || !inHub(defaultProduct)(events[0]) || inHub("")(events[0]) {
		t.Error("the wrong account's findings are imported")
	}
}

// FuzzHubFinding holds any text to the limits of the AWS Security Finding Format.
func FuzzHubFinding(f *testing.F) {
	f.Add("role/web", "a message", "a fix", true)
	f.Add("s3://acme/"+strings.Repeat("k", 1024), strings.Repeat("é", 4000), strings.Repeat("\x1b", 3000), false)
	f.Add("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1", "", "", false)
	f.Fuzz(func(t *testing.T, subject, message, fix string, over bool) {
		p := Problem{ID: "0123456789abcdef.code", Account: "123456789012", Region: "eu-west-1", Function: "validate-config", Subject: subject, Code: "code", Severity: finding.Warning,
			Message: message, Fix: fix, Others: []string{"other-code"}, Status: finding.Noncompliant, Since: at, Seen: at}
		if over {
			p.Over = at
		}
		of := hubFinding(p, defaultProduct, at)
		for name, text := range map[string]struct {
			value string
			most  int
		}{
			"title": {*of.Title, 256}, "description": {*of.Description, 1024}, "resource": {*of.Resources[0].Id, 512},
			"subject": {of.ProductFields["ecs-guardrails/subject"], 2048},
		} {
			if len([]rune(text.value)) > text.most || strings.ContainsAny(text.value, "\x1b\n\u202e") {
				t.Errorf("%s is %q", name, text.value)
			}
		}
		if *of.Description == "" || *of.Resources[0].Id == "" || of.Remediation != nil && len([]rune(*of.Remediation.Recommendation.Text)) > 512 {
			t.Errorf("%+v", of)
		}
	})
}
