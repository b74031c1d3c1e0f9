// Package sweepreport makes of what a sweep found one document for machines and
// one page for people. All of it is pure: a summary in, bytes out.
package sweepreport

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"ecsguardrails/shared/finding"
)

// Summary is what one sweep found.
type Summary struct {
	// Sweep is the sweep's id.
	Sweep string `json:"sweep"`
	// Headline says it in one line.
	Headline string `json:"headline"`
	// Stack tells stacks that share a bus apart.
	Stack   string       `json:"stack,omitempty"`
	Account string       `json:"account,omitempty"`
	Region  string       `json:"region"`
	Mode    finding.Mode `json:"mode"`
	Started time.Time    `json:"started"`
	// Ended is when the summary was made.
	Ended time.Time `json:"ended"`
	// Complete says that every look that was asked for is in it.
	Complete bool `json:"complete"`
	// Asks says what the sweep would do if a person allowed it, and how to; "" if
	// there is nothing to allow.
	Asks string `json:"asks,omitempty"`
	// Waiting is for how many subjects no answer has come yet.
	Waiting int `json:"waiting,omitempty"`
	// Wrong is how many subjects were not as they should be, be they so now or not.
	Wrong int `json:"wrong"`
	// Statuses counts the subjects of all kinds, Codes their findings.
	Statuses map[finding.Status]int `json:"statuses"`
	Codes    map[string]int         `json:"codes"`
	Kinds    []Kind                 `json:"kinds"`
	// Results are those of subjects that were not compliant, the worst first.
	Results []Result `json:"results"`
	// LeftOut is how many more of them there were.
	LeftOut int `json:"leftOut,omitempty"`
	// Page and Document are where the whole report is, as s3://bucket/key; "" for nowhere.
	Page     string `json:"page,omitempty"`
	Document string `json:"document,omitempty"`
}

// Kind is what was found of one kind of subject.
type Kind struct {
	Name string `json:"kind"`
	// Listed is how many the account has, whether they concern us or not.
	Listed   int                    `json:"listed"`
	Statuses map[finding.Status]int `json:"statuses"`
	Codes    map[string]int         `json:"codes"`
}

// Result is one subject that was not compliant.
type Result struct {
	Kind string `json:"kind"`
	finding.Result
}

// Completed fills in what follows from the rest: the totals, the order of the
// results and the headline.
func (s Summary) Completed() Summary {
	s.Statuses, s.Codes = map[finding.Status]int{}, map[string]int{}
	for _, kind := range s.Kinds {
		for status, count := range kind.Statuses {
			s.Statuses[status] += count
		}
		for code, count := range kind.Codes {
			s.Codes[code] += count
		}
	}
	s.Wrong = 0
	for status, count := range s.Statuses {
		if (finding.Result{Status: status}).Newsworthy() {
			s.Wrong += count
		}
	}
	s.Results = slices.Clone(s.Results)
	slices.SortStableFunc(s.Results, worstFirst)
	s.Headline = s.headline()
	return s
}

func (s Summary) headline() string {
	total := 0
	for _, count := range s.Statuses {
		total += count
	}
	text := fmt.Sprintf("All %s subjects are as they should be", grouped(total))
	if s.Wrong > 0 {
		text = fmt.Sprintf("%s of %s subjects are not as they should be", grouped(s.Wrong), grouped(total))
		if remediated := s.Statuses[finding.Remediated]; remediated > 0 {
			text = fmt.Sprintf("%s of %s subjects were not as they should be; %s of them are now", grouped(s.Wrong), grouped(total), grouped(remediated))
		}
	}
	if s.Asks != "" {
		text += "; too many changes to make without being asked"
	}
	if s.Waiting > 0 {
		text += fmt.Sprintf("; %s more are being looked at", grouped(s.Waiting))
	}
	return text
}

// rank orders statuses, the worst first.
var rank = []finding.Status{finding.Failed, finding.Noncompliant, finding.Planned, finding.Remediated, finding.Skipped, finding.Compliant}

func worstFirst(a, b Result) int {
	errors := func(r Result) (count int) {
		for _, f := range r.Findings {
			if f.Severity == finding.Error {
				count++
			}
		}
		return count
	}
	return cmp.Or(
		// What has a standing error is worse than what only has warnings.
		cmp.Compare(gravity(a), gravity(b)),
		cmp.Compare(errors(b), errors(a)),
		cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Subject, b.Subject),
	)
}

func gravity(r Result) int {
	order := 2 * slices.Index(rank, r.Status)
	if r.Status == finding.Noncompliant && !r.HasError() {
		// Below what a run in enforce would cure.
		order = 2*slices.Index(rank, finding.Planned) + 1
	}
	return order
}

// Fitting gives the summary with the worst results only, as many as fit into so
// many bytes of JSON.
func (s Summary) Fitting(most int) (Summary, error) {
	all := s.Results
	s.Results = nil
	bare, err := json.Marshal(s)
	if err != nil {
		return Summary{}, fmt.Errorf("describe the sweep: %w", err)
	}
	size := len(bare) + 64
	for i, result := range all {
		body, err := json.Marshal(result)
		if err != nil {
			return Summary{}, fmt.Errorf("describe %s: %w", result.Subject, err)
		}
		if size += len(body) + 1; size > most {
			s.LeftOut += len(all) - i
			s.Results = all[:i:i]
			break
		}
		s.Results = all[:i+1]
	}
	if s.Results == nil {
		s.Results = []Result{}
	}
	return s, nil
}

// counted is an entry of a chart.
type counted struct {
	name  string
	count int
}

// descending gives counts in falling order, equal ones by name.
func descending(counts map[string]int) []counted {
	entries := make([]counted, 0, len(counts))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		entries = append(entries, counted{name, counts[name]})
	}
	slices.SortStableFunc(entries, func(a, b counted) int { return cmp.Compare(b.count, a.count) })
	return entries
}
