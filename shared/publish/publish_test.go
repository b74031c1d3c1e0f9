package publish_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
)

// bus records what was put and answers as told.
type bus struct {
	calls   int
	entries []types.PutEventsRequestEntry
	refuse  string
	err     error
}

func (b *bus) PutEvents(_ context.Context, input *eventbridge.PutEventsInput, _ ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error) {
	b.calls++
	if b.err != nil {
		return nil, b.err
	}
	output := &eventbridge.PutEventsOutput{}
	for _, entry := range input.Entries {
		b.entries = append(b.entries, entry)
		answer := types.PutEventsResultEntry{}
		if b.refuse != "" {
			answer.ErrorCode = aws.String(b.refuse)
		}
		output.Entries = append(output.Entries, answer)
	}
	return output, nil
}

func put(to *bus, name string, report finding.Report) error {
	events, err := publish.Findings("acme", report)
	return errors.Join(err, publish.Put(context.Background(), to, name, events))
}

func TestFindingsPublishesOnlyNews(t *testing.T) {
	report := finding.Report{Function: "validate-config", Mode: finding.Enforce}
	for _, status := range finding.Statuses() {
		report.Results = append(report.Results, finding.Result{Subject: string(status), Status: status,
			Findings: []finding.Finding{{Code: "c", Severity: finding.Error, Message: "m", Fix: "f"}}, Actions: []finding.Action{}})
	}
	var to bus
	if err := put(&to, "findings", report); err != nil {
		t.Fatal(err)
	}
	var subjects []string
	for _, entry := range to.entries {
		var published struct {
			Function, Mode, Subject, Status, Stack string
			Findings                               []finding.Finding
		}
		if err := json.Unmarshal([]byte(*entry.Detail), &published); err != nil {
			t.Fatal(err)
		}
		if *entry.Source != "ecs-guardrails" || *entry.DetailType != "ECS Guardrails Finding" || *entry.EventBusName != "findings" ||
			published.Function != "validate-config" || published.Mode != "enforce" || published.Status != published.Subject || published.Stack != "acme" || len(published.Findings) != 1 {
			t.Errorf("published %s", *entry.Detail)
		}
		subjects = append(subjects, published.Subject)
	}
	if got := strings.Join(subjects, " "); got != "remediated planned noncompliant failed" {
		t.Errorf("published %s", got)
	}
}

func TestFindingsBatchesAndFits(t *testing.T) {
	var report finding.Report
	for range 23 {
		result := finding.Result{Subject: "s", Status: finding.Noncompliant}
		for range 500 {
			result.Findings = append(result.Findings, finding.Finding{Code: "c", Severity: finding.Warning, Message: strings.Repeat("m", 200), Fix: "f"})
		}
		result.Findings = append(result.Findings, finding.Finding{Code: "gravest", Severity: finding.Error, Message: strings.Repeat("é", 5000), Fix: strings.Repeat("<", 5000)})
		report.Results = append(report.Results, result)
	}
	var to bus
	if err := put(&to, "default", report); err != nil {
		t.Fatal(err)
	}
	if to.calls != 3 || len(to.entries) != 23 {
		t.Errorf("%d calls for %d entries, want 3 for 23", to.calls, len(to.entries))
	}
	for _, entry := range to.entries {
		if len(*entry.Detail) > 30_000 {
			t.Errorf("an entry has %d bytes", len(*entry.Detail))
		}
		if !strings.Contains(*entry.Detail, "gravest") || !strings.Contains(*entry.Detail, "findings-left-out") {
			t.Error("the gravest finding or the note on those left out is missing")
		}
	}
}

func TestFindingsReportsFailures(t *testing.T) {
	report := finding.Report{Results: []finding.Result{{Subject: "s", Status: finding.Failed}}}
	if err := put(&bus{refuse: "ThrottlingException"}, "default", report); awserror.Classify(err) != awserror.Transient || awserror.Code(err) != "ThrottlingException" {
		t.Errorf("a refused entry gave %v", err)
	}
	broken := errors.New("broken")
	if err := put(&bus{err: broken}, "default", report); !errors.Is(err, broken) {
		t.Errorf("a failed call gave %v", err)
	}
}

func TestSweptResultsFit(t *testing.T) {
	report := finding.Report{Function: "attach-policies", Mode: finding.Enforce}
	results := []finding.Result{{Subject: "fine", Status: finding.Compliant}, {Subject: "not ours", Status: finding.Skipped, Findings: []finding.Finding{{Code: "subject-gone"}}}}
	for range 40 {
		result := finding.Result{Subject: "wrong", Status: finding.Noncompliant, Mode: finding.DryRun}
		for range 20 {
			result.Findings = append(result.Findings, finding.Finding{Code: "c", Severity: finding.Error, Message: strings.Repeat("m", 3000), Fix: "f"})
		}
		results = append(results, result)
	}
	for _, many := range []int{3, 12, 42} {
		event, err := publish.SweptResults("s", report, "sweep.1.7", results[:many])
		if err != nil {
			t.Fatal(err)
		}
		var swept publish.Swept
		if err := json.Unmarshal(event.Detail, &swept); err != nil || len(event.Detail) > 24<<10 {
			t.Fatalf("%d bytes, %v", len(event.Detail), err)
		}
		wrong := many - 2
		if swept.Reference != "sweep.1.7" || swept.Statuses[finding.Compliant] != 1 || swept.Statuses[finding.Skipped] != 1 ||
			swept.Statuses[finding.Noncompliant] != wrong || swept.Codes["c"] != 20*wrong || swept.Codes["subject-gone"] != 1 {
			t.Errorf("of %d results: %s", many, event.Detail)
		}
		if len(swept.Results) < min(wrong, 5) || swept.Results[0].Mode != finding.DryRun {
			t.Errorf("of %d wrong ones, %d are told", wrong, len(swept.Results))
		}
	}
}

func TestPutStaysBelowTheLimitOfACall(t *testing.T) {
	var events []publish.Event
	for range 25 {
		events = append(events, publish.Event{Type: "t", Detail: []byte(`{"a":"` + strings.Repeat("x", 100<<10) + `"}`)})
	}
	var to bus
	if err := publish.Put(context.Background(), &to, "default", events); err != nil || len(to.entries) != 25 || to.calls != 13 {
		t.Errorf("%d entries in %d calls, %v", len(to.entries), to.calls, err)
	}
}
