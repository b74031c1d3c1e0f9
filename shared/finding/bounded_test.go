package finding_test

import (
	"fmt"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

func TestSeveritiesHaveAnOrder(t *testing.T) {
	for want, severity := range []finding.Severity{finding.Error, finding.Warning, finding.Info, ""} {
		if got := severity.Rank(); got != want {
			t.Errorf("%q: %d, want %d", severity, got, want)
		}
	}
}

func TestBoundedKeepsTheGravest(t *testing.T) {
	for infos, want := range map[int]string{
		0:   "2 errors, 0 infos",
		3:   "2 errors, 3 infos",
		8:   "2 errors, 8 infos",
		9:   "2 errors, 7 infos, 2 left out",
		500: "2 errors, 7 infos, 493 left out",
	} {
		kept := finding.NewBounded(10)
		add := func(severity finding.Severity, line int) {
			if !kept.Enough(severity) {
				kept.Add(finding.Finding{Code: "c", Severity: severity, Line: line})
			}
		}
		for line := range infos {
			add(finding.Info, line+1)
		}
		add(finding.Error, 7)
		add(finding.Error, 3)
		add(finding.Error, 3)
		counts, last := map[finding.Severity]int{}, finding.Finding{}
		report := kept.Report("too-many")
		for _, f := range report {
			if f.Code == "c" {
				if counts[f.Severity]++; f.Severity.Rank() < last.Severity.Rank() && last.Code != "" || f.Severity == last.Severity && f.Line <= last.Line {
					t.Errorf("%d infos: %+v comes after %+v", infos, f, last)
				}
			}
			last = f
		}
		got := fmt.Sprintf("%d errors, %d infos", counts[finding.Error], counts[finding.Info])
		if last.Code == "too-many" {
			var left int
			if _, err := fmt.Sscanf(last.Message, "%d more findings", &left); err != nil {
				t.Errorf("%d infos: %q", infos, last.Message)
			}
			got += fmt.Sprintf(", %d left out", left)
		}
		if got != want {
			t.Errorf("%d infos: %s, want %s", infos, got, want)
		}
	}
}
