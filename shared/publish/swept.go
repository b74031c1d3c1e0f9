package publish

import (
	"encoding/json"
	"fmt"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// Swept is the detail of a SweepResultType event: the outcomes for the subjects of
// one of sweep's messages.
type Swept struct {
	Function string       `json:"function"`
	Mode     finding.Mode `json:"mode"`
	// Stack tells stacks that share a bus apart.
	Stack string `json:"stack,omitempty"`
	// Reference is the message's, as it came.
	Reference string `json:"sweep"`
	// Statuses counts the subjects, Codes their findings.
	Statuses map[finding.Status]int `json:"statuses"`
	Codes    map[string]int         `json:"codes"`
	// Pending counts the subjects that the function would do something about if it
	// were not for the rehearsal, and Changes those of them that it would change.
	Pending int `json:"pending,omitempty"`
	Changes int `json:"changes,omitempty"`
	// Results are the newsworthy ones; of the others the counts say enough.
	Results []finding.Result `json:"results"`
}

// SweptResults gives the event about the results of one message. Of large
// results some findings and actions are left out, of very many some results;
// the counts are always whole.
func SweptResults(stack string, report finding.Report, reference string, results []finding.Result) (Event, error) {
	swept := Swept{
		Function: report.Function, Mode: report.Mode, Stack: stack, Reference: reference,
		Statuses: map[finding.Status]int{}, Codes: map[string]int{}, Results: []finding.Result{},
	}
	var news []finding.Result
	for _, result := range results {
		swept.Statuses[result.Status]++
		if result.Rehearsal && report.Mode == finding.Enforce {
			if result.IsPending() {
				swept.Pending++
			}
			if result.WouldChange() {
				swept.Changes++
			}
		}
		for _, f := range result.Findings {
			swept.Codes[f.Code]++
		}
		if result.Newsworthy() {
			result.Mode, result.Sweep = report.ModeOf(result), ""
			news = append(news, result)
		}
	}
	room := maxDetail - 4<<10
	for i, result := range news {
		body, err := fitting(result, room/(len(news)-i), func(fewer finding.Result) any { return fewer })
		if err != nil {
			return Event{}, fmt.Errorf("describe the finding on %s: %w", result.Subject, err)
		}
		if len(body) > room {
			continue
		}
		room -= len(body)
		var fewer finding.Result
		if err := json.Unmarshal(body, &fewer); err != nil {
			return Event{}, fmt.Errorf("describe the finding on %s: %w", result.Subject, err)
		}
		swept.Results = append(swept.Results, fewer)
	}
	body, err := json.Marshal(swept)
	if err != nil {
		return Event{}, fmt.Errorf("describe what was swept: %w", err)
	}
	return Event{SweepResultType, body}, nil
}
