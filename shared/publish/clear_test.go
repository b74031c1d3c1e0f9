package publish_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
)

func TestClear(t *testing.T) {
	info := func(code string) []finding.Finding { return []finding.Finding{{Code: code, Severity: finding.Info}} }
	report := finding.Report{Function: "validate-config", Mode: finding.Enforce}
	for _, result := range []finding.Result{
		{Subject: "right", Status: finding.Compliant},
		{Subject: "right, with something to know", Status: finding.Compliant, Findings: info("image-pinned")},
		{Subject: "gone", Status: finding.Skipped, Findings: info("subject-gone")},
		{Subject: "not ours", Status: finding.Skipped, Findings: info("subject-unused")},
		{Subject: "wrong", Status: finding.Noncompliant, Findings: info("value-empty")},
		{Subject: "fixed", Status: finding.Remediated},
		{Subject: "told as a finding", Status: finding.Compliant, Redelivered: true},
		{Subject: "swept", Status: finding.Compliant, Sweep: "s.1.0"},
	} {
		result.ID = finding.Identify(report.Function, result)
		report.Results = append(report.Results, result)
	}
	events, err := publish.Clear("acme", report)
	if err != nil || len(events) != 2 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	var told []string
	for _, event := range events {
		var cleared publish.Cleared
		if err := json.Unmarshal(event.Detail, &cleared); err != nil || event.Type != publish.ClearType || cleared.Stack != "acme" || cleared.Function != "validate-config" {
			t.Errorf("%v: %s", err, event.Detail)
		}
		for _, subject := range cleared.Subjects {
			if len(subject.ID) != 16 {
				t.Errorf("the id of %s is %q", subject.Subject, subject.ID)
			}
			told = append(told, fmt.Sprint(subject.Subject, " ", subject.Gone, " ", cleared.Swept))
		}
	}
	const want = "right false false; right, with something to know false false; gone true false; swept false true"
	if got := strings.Join(told, "; "); got != want {
		t.Errorf("got %s", got)
	}
	if events, err := publish.Clear("acme", finding.Report{}); err != nil || len(events) != 0 {
		t.Errorf("an empty report gives %d events, %v", len(events), err)
	}
}

func TestClearFits(t *testing.T) {
	report := finding.Report{Function: "validate-config"}
	for i := range 500 {
		report.Results = append(report.Results, finding.Result{ID: "0123456789abcdef", Subject: fmt.Sprint(i, strings.Repeat("<", 1000)), Status: finding.Compliant})
	}
	events, err := publish.Clear("acme", report)
	if err != nil {
		t.Fatal(err)
	}
	subjects := 0
	for _, event := range events {
		var cleared publish.Cleared
		if err := json.Unmarshal(event.Detail, &cleared); err != nil || len(event.Detail) > 24<<10 {
			t.Errorf("%d bytes, %v", len(event.Detail), err)
		}
		subjects += len(cleared.Subjects)
	}
	if subjects != 500 {
		t.Errorf("%d subjects", subjects)
	}
}
