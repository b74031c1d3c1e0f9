package publish

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/function"
)

// Cleared is the detail of a ClearType event: subjects with which nothing is wrong
// now, or which are gone. The people who got a message about a problem then get one about its end.
type Cleared struct {
	Function string `json:"function"`
	// Stack tells stacks that share a bus apart.
	Stack string `json:"stack,omitempty"`
	// Swept says that only a sweep asked for the looks, or looked itself.
	Swept    bool             `json:"swept,omitempty"`
	Subjects []ClearedSubject `json:"subjects"`
}

// ClearedSubject is one of them.
type ClearedSubject struct {
	// ID is the part of the ids of all its problems before the dot.
	ID      string `json:"id"`
	Subject string `json:"subject"`
	// Gone says that it does not exist any more.
	Gone bool `json:"gone,omitempty"`
}

// isGone reports whether the subject of a result does not exist any more.
func isGone(result finding.Result) bool {
	return result.Status == finding.Skipped &&
		slices.ContainsFunc(result.Findings, func(f finding.Finding) bool { return f.Code == "subject-gone" })
}

// Clear gives the events about the results of a report that need no one, a few
// hundred in one. What is published as a finding for its redelivery is left out.
func Clear(stack string, report finding.Report) ([]Event, error) {
	var events []Event
	for _, swept := range []bool{false, true} {
		cleared, size := Cleared{Function: report.Function, Stack: stack, Swept: swept}, 0
		flush := func() error {
			if len(cleared.Subjects) == 0 {
				return nil
			}
			body, err := json.Marshal(cleared)
			if err != nil {
				return fmt.Errorf("describe what is clear: %w", err)
			}
			events = append(events, Event{ClearType, body})
			cleared.Subjects, size = nil, 0
			return nil
		}
		for _, result := range report.Results {
			if result.Redelivered || (result.Sweep != "" || report.Function == function.Sweep) != swept || result.Status != finding.Compliant && !isGone(result) {
				continue
			}
			subject := ClearedSubject{ID: finding.SubjectID(result.ID), Subject: result.Subject, Gone: isGone(result)}
			// JSON writes one byte as six at most.
			if size += 6*len(subject.Subject) + 64; size > maxDetail-1<<10 {
				if err := flush(); err != nil {
					return nil, err
				}
			}
			cleared.Subjects = append(cleared.Subjects, subject)
		}
		if err := flush(); err != nil {
			return nil, err
		}
	}
	return events, nil
}
