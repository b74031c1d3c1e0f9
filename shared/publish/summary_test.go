package publish_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
)

func TestSweepSummary(t *testing.T) {
	for _, wrong := range []int{0, 1, 4000} {
		of := sweepreport.Summary{Sweep: "20260302T040000Z-1c2d3e4f", Mode: finding.DryRun, Page: "s3://reports/a.html", Stack: "stack",
			Kinds: []sweepreport.Kind{{Name: "roles", Statuses: map[finding.Status]int{finding.Compliant: 1, finding.Planned: wrong}}}}
		for i := range wrong {
			of.Results = append(of.Results, sweepreport.Result{Kind: "roles", Result: finding.Result{Subject: fmt.Sprint("role/", i), Status: finding.Planned,
				Findings: []finding.Finding{{Code: "c", Severity: finding.Error, Message: "lacks \"much\"\n" + strings.Repeat("m", 100), Fix: "f"}}}})
		}
		event, err := publish.SweepSummary(of.Completed())
		if err != nil || event.Type != "ECS Guardrails Sweep Summary" || len(event.Detail) > 240<<10 {
			t.Fatalf("%d bytes of %s, %v", len(event.Detail), event.Type, err)
		}
		var detail struct {
			Wrong, LeftOut           int
			Headline, Sweep, Stack   string
			Results                  []finding.Result
			Text                     struct{ Title, Subject, Findings, Actions string }
			Page, Document, Complete any
		}
		if err := json.Unmarshal(event.Detail, &detail); err != nil {
			t.Fatal(err)
		}
		if detail.Wrong != wrong || len(detail.Results)+detail.LeftOut != wrong || detail.Stack != "stack" || detail.Text.Title != "sweep: "+detail.Headline+" (dry run)" ||
			detail.Text.Actions != "Report: s3://reports/a.html" || strings.ContainsAny(detail.Text.Findings, "\"\n\\") {
			t.Errorf("of %d wrong ones: %+v", wrong, detail.Text)
		}
		want := map[int]string{0: "The worst: nothing.", 1: "The worst: (1) would be fixed (dry run): role/0: Lacks 'much' m", 4000: "and 3995 more."}[wrong]
		if !strings.Contains(detail.Text.Findings, want) {
			t.Errorf("of %d wrong ones: %s", wrong, detail.Text.Findings)
		}
	}
}
