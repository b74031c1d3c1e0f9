package publish

import (
	"encoding/json"
	"fmt"

	"github.com/ecs-guardrails/ecs-guardrails/shared/escape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
)

// maxSummary leaves room in a call for the message to people.
const maxSummary = 200 << 10

// summary is the published document: what a sweep found, as much as fits, and
// the message to people about it.
type summary struct {
	sweepreport.Summary
	Text Text `json:"text"`
}

// SweepSummary gives the event about a whole sweep.
func SweepSummary(report sweepreport.Summary) (Event, error) {
	fitting, err := report.Fitting(maxSummary)
	if err != nil {
		return Event{}, err
	}
	body, err := json.Marshal(summary{fitting, SweepInWords(report)})
	if err != nil {
		return Event{}, fmt.Errorf("describe the sweep: %w", err)
	}
	return Event{SweepSummaryType, body}, nil
}

// SweepInWords tells the worst of a sweep, as an event carries it.
func SweepInWords(summary sweepreport.Summary) Text { return sweepInWords(summary, plain) }

// SweepInFull tells the same with quotation marks and backslashes.
func SweepInFull(summary sweepreport.Summary) Text { return sweepInWords(summary, escape.Line) }

func sweepInWords(summary sweepreport.Summary, plain func(string) string) Text {
	title := "sweep: " + summary.Headline
	if summary.Mode == finding.DryRun {
		title += " (dry run)"
	}
	var lines []string
	for i, result := range summary.Results {
		if i == maxTold {
			lines = append(lines, fmt.Sprintf("and %d more.", len(summary.Results)+summary.LeftOut-maxTold))
			break
		}
		line := fmt.Sprintf("(%d) %s: %s", i+1, Opening(result.Result), result.Subject)
		if worst, ok := gravest(result.Findings); ok {
			line += ": " + Sentence(worst.Message)
		}
		lines = append(lines, line)
	}
	report := []string{"none."}
	if summary.Page != "" {
		report = []string{summary.Page}
	}
	return Text{
		Title: clip(plain(title), maxTitle), Subject: clip(plain("sweep "+summary.Sweep), maxParagraph),
		Findings: paragraph(plain, "The worst: ", lines, "nothing"), Actions: paragraph(plain, "Report: ", report, "none"),
	}
}
