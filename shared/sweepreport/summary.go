// Package sweepreport makes of what a sweep found one document for machines and
// one page for people. All of it is pure: a summary in, bytes out.
package sweepreport

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/mute"
)

// Summary is what one sweep found.
type Summary struct {
	// Sweep is the sweep's id.
	Sweep string `json:"sweep"`
	// Version is that of the program that swept.
	Version string `json:"version"`
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
	// Since is when the sweep before this one began, zero where there was none; New
	// counts what it didn't know, and Resolved is what it knew and is right now.
	Since    time.Time `json:"since,omitzero"`
	New      int       `json:"new,omitempty"`
	Resolved []Known   `json:"resolved,omitempty"`
	// Muted counts the subjects of which every finding that stands is muted. They
	// are among Results, not in Wrong.
	Muted int `json:"muted,omitempty"`
	// EndedMutes are the mutes whose last day is over, MuteProblem says why nothing
	// is muted although somebody wrote mutes.
	EndedMutes  []string `json:"endedMutes,omitempty"`
	MuteProblem string   `json:"muteProblem,omitempty"`
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
	// New says that the sweep before this one didn't know it.
	New bool `json:"new,omitempty"`
	// Muted are the findings that somebody has accepted; they are no longer among
	// Findings. Accepted says that nothing else stands.
	Muted    []mute.Muted `json:"muted,omitempty"`
	Accepted bool         `json:"accepted,omitempty"`
	finding.Result
}

// Known is a problem of a subject, as one sweep leaves it to the next.
type Known struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	Subject string `json:"subject"`
}

// isOpen reports whether somebody has to act on the result.
func (r Result) isOpen() bool {
	return !r.Accepted && (r.Status == finding.Failed || r.Status == finding.Noncompliant || r.Status == finding.Planned)
}

// Open lists the problems that stand, for the next sweep.
func Open(results []Result) []Known {
	var open []Known
	for _, r := range results {
		if r.isOpen() && r.ID != "" {
			open = append(open, Known{ID: r.ID, Kind: r.Kind, Subject: r.Subject})
		}
	}
	return open
}

// WithoutMuted takes the findings out of the results that are muted at a time.
func (s Summary) WithoutMuted(mutes mute.List, now time.Time) Summary {
	s.MuteProblem = mutes.Problem
	for _, ended := range mutes.Ended(now) {
		s.EndedMutes = append(s.EndedMutes, ended.String())
	}
	results := make([]Result, len(s.Results))
	for i, r := range s.Results {
		split := mutes.Apply(r.Result, now)
		r.Result, r.Muted, r.Accepted = split.Result, split.Muted, split.Hidden
		results[i] = r
	}
	s.Results = results
	return s
}

// Compared marks what an earlier sweep, which began at since, didn't know, and lists
// what it knew and is no longer wrong. A subject that wasn't looked at this time
// is not resolved.
func (s Summary) Compared(earlier []Known, since time.Time) Summary {
	if since.IsZero() {
		return s
	}
	s.Since = since
	known := map[string]bool{}
	for _, e := range earlier {
		known[e.ID] = true
	}
	wrong := map[string]bool{}
	s.Results = slices.Clone(s.Results)
	for i, r := range s.Results {
		subject, _, _ := strings.Cut(r.ID, ".")
		wrong[subject] = wrong[subject] || r.Status != finding.Skipped
		if r.isOpen() && !known[r.ID] {
			s.Results[i].New = true
			s.New++
		}
	}
	if !s.Complete || s.LeftOut > 0 {
		return s
	}
	for _, e := range earlier {
		subject, _, _ := strings.Cut(e.ID, ".")
		listed := slices.ContainsFunc(s.Kinds, func(kind Kind) bool { return kind.Name == e.Kind })
		if listed && !wrong[subject] {
			s.Resolved = append(s.Resolved, e)
		}
	}
	return s
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
	s.Muted = 0
	for _, r := range s.Results {
		if r.Accepted {
			s.Muted++
		}
	}
	s.Wrong = max(0, s.Wrong-s.Muted)
	s.Results = slices.Clone(s.Results)
	slices.SortStableFunc(s.Results, worstFirst)
	s.Headline = s.headline()
	return s
}

// state says how many of the subjects are not as they should be, or were not and are now.
func state(wrong, total, remediated int) string {
	subject := grouped(wrong) + " of " + grouped(total) + " subjects"
	if total == 1 {
		subject = "The only subject"
	}
	switch {
	case total == 0:
		return "There was nothing to check"
	case wrong == 0 && total == 1:
		return subject + " is as it should be"
	case wrong == 0:
		return "All " + grouped(total) + " subjects are as they should be"
	case wrong == 1 && remediated > 0:
		return subject + " wasn't as it should be, and is now"
	case wrong == 1:
		return subject + " isn't as it should be"
	case remediated == 1:
		return subject + " were not as they should be; 1 of them is now"
	case remediated > 0:
		return subject + " were not as they should be; " + grouped(remediated) + " of them are now"
	default:
		return subject + " are not as they should be"
	}
}

func (s Summary) headline() string {
	total := 0
	for _, count := range s.Statuses {
		total += count
	}
	text := state(s.Wrong, total, s.Statuses[finding.Remediated])
	if s.New > 0 {
		text += fmt.Sprintf("; %s new", grouped(s.New))
	}
	if len(s.Resolved) > 0 {
		text += fmt.Sprintf("; %s resolved since the last sweep", grouped(len(s.Resolved)))
	}
	if s.Muted > 0 {
		text += fmt.Sprintf("; %s muted", grouped(s.Muted))
	}
	if s.Asks != "" {
		text += "; too many changes to make without being asked"
	}
	if s.Waiting > 0 {
		are := "are"
		if s.Waiting == 1 {
			are = "is"
		}
		text += fmt.Sprintf("; %s more %s being checked", grouped(s.Waiting), are)
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
