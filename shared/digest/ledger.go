package digest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/console"
	"github.com/ecs-guardrails/ecs-guardrails/shared/escape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/function"
	"github.com/ecs-guardrails/ecs-guardrails/shared/mute"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
)

const (
	// maxProblems bounds the ledger: of more, the oldest are forgotten, and lose no
	// more than the message that they are resolved.
	maxProblems = 2000
	// maxText bounds what is kept of a message or a fix, in characters.
	maxText = 500
	// maxOthers bounds the codes that are kept of a subject beside the gravest.
	maxOthers = 10
	// maxResolved is how many problems one message names as resolved.
	maxResolved = 25
)

// Ledger is what people were told about and what stands, as far as is known. It
// is the state that "resolved" and Security Hub need. Its zero value is empty.
type Ledger struct {
	Problems []Problem `json:"problems"`
	// HubProblem says why Security Hub did not take something, "" if it took all.
	HubProblem string `json:"hubProblem,omitempty"`
}

// Problem is one problem of one subject that people were told about.
type Problem struct {
	// ID is the result's (finding.Identify), which is one problem of an account and
	// region.
	ID       string           `json:"id"`
	Account  string           `json:"account"`
	Region   string           `json:"region"`
	Function string           `json:"function"`
	Subject  string           `json:"subject"`
	Code     string           `json:"code"`
	Severity finding.Severity `json:"severity"`
	// Message and Fix are those of the gravest finding, Others the codes beside it.
	Message string         `json:"message"`
	Fix     string         `json:"fix,omitempty"`
	Others  []string       `json:"others,omitempty"`
	Status  finding.Status `json:"status"`
	// Since is when people were first told, Seen the time of the latest event.
	Since time.Time `json:"since"`
	Seen  time.Time `json:"seen"`
	// BySweep says that a sweep knows the problem, and tells when it is gone.
	BySweep bool `json:"bySweep,omitempty"`
	// Over is when it ended. It is kept until Security Hub knows.
	Over time.Time `json:"over,omitzero"`
	// Hub says that the problem is one for Security Hub, Unsent that its present
	// state was not imported yet, and Tries how often the import was refused.
	Hub    bool `json:"hub,omitempty"`
	Unsent bool `json:"unsent,omitempty"`
	Tries  int  `json:"tries,omitempty"`
}

// isOf reports whether the problem is one of a subject, by the id that all of the
// subject's problems begin with.
func (p Problem) isOf(account, region, subject string) bool {
	return p.Account == account && p.Region == region && finding.SubjectID(p.ID) == subject
}

// Compose gives the messages about some events, by what stood before them. Muted
// findings are left out (see mute.List); bucket is where more can be muted.
func Compose(events []Event, mutes mute.List, ledger Ledger, bucket Bucket, now time.Time) ([]Message, error) {
	events = withoutPassing(latest(events))
	var notes []string
	if ledger.HubProblem != "" {
		notes = append(notes, publish.Sentence("Security Hub did not take every finding: "+ledger.HubProblem))
	}
	messages, err := messagesOf(events, mutes, notes, bucket, now)
	if err != nil {
		return nil, err
	}
	_, over := ledger.follow(events, mutes, func(Event) bool { return false }, now)
	resolved, err := ofResolved(over)
	return append(messages, resolved...), err
}

// withoutPassing leaves out problems that came and went within the events, and of
// which nothing was changed.
func withoutPassing(events []Event) []Event {
	return slices.DeleteFunc(slices.Clone(events), func(event Event) bool {
		if event.Clear != nil || event.Sweep != nil || !isOpen(event.Result) ||
			slices.ContainsFunc(event.Result.Actions, func(a finding.Action) bool { return a.Applied && a.Mandate.IsGiven() }) {
			return false
		}
		return slices.ContainsFunc(events, func(later Event) bool {
			return later.Clear != nil && later.Account == event.Account && later.Region == event.Region && later.Time.After(event.Time) &&
				slices.ContainsFunc(later.Clear.Subjects, func(s publish.ClearedSubject) bool { return s.ID == finding.SubjectID(event.Result.ID) })
		})
	})
}

// isOpen reports whether somebody has to act on the result, or it is tried again.
func isOpen(result finding.Result) bool {
	return result.Status == finding.Failed || result.Status == finding.Noncompliant || result.Status == finding.Planned
}

// follow gives what stands after some events, and the problems that they ended and
// of which no other message says so.
func (l Ledger) follow(events []Event, mutes mute.List, inHub func(Event) bool, now time.Time) (next Ledger, over []Problem) {
	book := &book{problems: slices.Clone(l.Problems), now: now}
	for _, event := range events {
		if event.Sweep == nil && event.Clear == nil {
			book.result(event, mutes, inHub(event), false)
		}
	}
	for _, told := range events {
		switch {
		case told.Sweep != nil:
			book.sweep(told, mutes, inHub(told))
		case told.Clear != nil:
			book.clear(told)
		}
	}
	if extra := len(book.problems) - maxProblems; extra > 0 {
		slices.SortStableFunc(book.problems, func(a, b Problem) int { return a.Seen.Compare(b.Seen) })
		book.problems = book.problems[extra:]
	}
	return Ledger{Problems: book.problems, HubProblem: l.HubProblem}, book.over
}

// book is a ledger that is being written.
type book struct {
	problems []Problem
	over     []Problem
	now      time.Time
}

// result enters one result. In a sweep, the sweep's message says what is over.
func (b *book) result(event Event, mutes mute.List, inHub, swept bool) {
	split := mutes.Apply(event.Result, b.now)
	subject := finding.SubjectID(event.Result.ID)
	worst, found := split.Gravest()
	if !isOpen(event.Result) || split.Hidden || !found {
		// A message says what was changed, and of what is muted there is none.
		b.end(event, subject, func(Problem) (bool, bool) { return true, false })
		return
	}
	id := subject + "." + worst.Code
	var others []string
	for _, f := range split.Findings {
		if f.Code != worst.Code && !slices.Contains(others, f.Code) {
			others = append(others, f.Code)
		}
	}
	b.end(event, subject, func(p Problem) (bool, bool) { return p.ID != id, !swept && !slices.Contains(others, p.Code) })
	b.enter(Problem{
		ID: id, Account: event.Account, Region: event.Region, Function: event.Function, Subject: event.Result.Subject, Code: worst.Code, Severity: worst.Severity,
		Message: clip(escape.Line(worst.Message), maxText), Fix: clip(escape.Line(worst.Fix), maxText), Others: others[:min(len(others), maxOthers)],
		Status: event.Result.Status, Since: b.now, Seen: event.Time, BySweep: swept, Hub: inHub, Unsent: inHub,
	})
}

// sweep enters what a whole sweep found, and what it knew and is over.
func (b *book) sweep(event Event, mutes mute.List, inHub bool) {
	for _, r := range event.Sweep.Results {
		one := event
		one.Sweep, one.Function, one.Result = nil, functionOf(r.Kind), r.Result
		if r.Accepted {
			one.Result.Findings = nil
		}
		b.result(one, mutes, inHub, true)
	}
	for _, known := range event.Sweep.Resolved {
		b.end(event, finding.SubjectID(known.ID), func(p Problem) (bool, bool) { return true, false })
	}
}

// functionOf names the function that looks after a kind of subjects of a sweep.
func functionOf(kind string) string {
	return cmp.Or(map[string]string{
		"roles": function.AttachPolicies, "config-objects": function.ValidateConfig, "task-definitions": function.PatchTaskDefinition, "secrets": function.RotateSecret,
	}[kind], function.Sweep)
}

// clear closes the problems of subjects that are right now. A sweep reports the end
// of its own problems.
func (b *book) clear(event Event) {
	for _, subject := range event.Clear.Subjects {
		b.end(event, subject.ID, func(p Problem) (bool, bool) { return true, !event.Clear.Swept || !p.BySweep })
	}
}

// enter writes a problem down, or what is new about one that is known.
func (b *book) enter(problem Problem) {
	for i, known := range b.problems {
		if known.ID != problem.ID || known.Account != problem.Account || known.Region != problem.Region {
			continue
		}
		if known.Over.IsZero() {
			problem.Since = known.Since
		}
		problem.BySweep = problem.BySweep || known.BySweep
		if known.Seen.After(problem.Seen) {
			problem.Seen = known.Seen
		}
		b.problems[i] = problem
		return
	}
	b.problems = append(b.problems, problem)
}

// end closes problems of a subject that stood before the event: those that which
// says, and it also says whether people are told.
func (b *book) end(event Event, subject string, which func(Problem) (ends, told bool)) {
	kept := b.problems[:0]
	for _, p := range b.problems {
		if p.Over.IsZero() && p.isOf(event.Account, event.Region, subject) && !event.Time.Before(p.Seen) {
			if ends, told := which(p); ends {
				p.Over = event.Time
				if told {
					b.over = append(b.over, p)
				}
				// What Security Hub was never told needs no end there.
				// What Security Hub never knew needs no end there.
				if !p.Hub {
					continue
				}
				p.Unsent, p.Tries = true, 0
			}
		}
		kept = append(kept, p)
	}
	b.problems = kept
}

// ofResolved gives the messages about problems that are over, one for each account
// and region.
func ofResolved(over []Problem) ([]Message, error) {
	var messages []Message
	for len(over) > 0 {
		first := over[0]
		var here []Problem
		over = slices.DeleteFunc(slices.Clone(over), func(p Problem) bool {
			same := p.Account == first.Account && p.Region == first.Region
			if same {
				here = append(here, p)
			}
			return same
		})
		message, err := resolved(here).message()
		if err != nil {
			return nil, err
		}
		messages = append(messages, message)
	}
	return messages, nil
}

func resolved(here []Problem) draft {
	first := here[0]
	worded := finding.Result{Subject: first.Subject, Findings: []finding.Finding{{Severity: first.Severity, Message: first.Message}}}
	where := Event{Account: first.Account, Region: first.Region, Time: first.Over}.where()
	if len(here) == 1 {
		message := draft{
			title:   "resolved: " + first.Subject + ": " + strings.TrimSuffix(publish.Sentence(first.Message), "."),
			subject: subjectLine("resolved", worded),
			lines: []string{
				"Nothing is left to do. The first message about it was sent at " + first.Since.UTC().Format(time.RFC3339) + ".",
				idLine(first.ID),
				"resolved: " + first.Subject + ", by " + first.Function + " " + where,
			},
			thread: finding.SubjectID(first.ID), kind: "resolved", resources: []string{first.Subject},
		}
		message.link("Open it", console.Of(first.Region, first.Subject))
		return message
	}
	drafted := draft{
		title: fmt.Sprintf("%d problems are resolved", len(here)), subject: fmt.Sprintf("%d resolved: %s", len(here), strings.TrimPrefix(subjectLine("", worded), ": ")),
		thread: "digest-resolved", kind: "resolved",
	}
	for i, p := range here {
		if i == maxResolved {
			drafted.lines = append(drafted.lines, fmt.Sprintf("and %d more; the functions' logs have all of them.", len(here)-maxResolved))
			break
		}
		drafted.lines = append(drafted.lines, fmt.Sprintf("(%d) %s: %s %s", i+1, p.Subject, publish.Sentence(p.Message), idLine(p.ID)))
		if i < maxSubjects {
			drafted.resources = append(drafted.resources, p.Subject)
		}
	}
	drafted.lines = append(drafted.lines, fmt.Sprintf("%d subjects %s", len(here), where))
	return drafted
}

// idLine tells the id by which mail, chat, Security Hub and the report know a
// problem.
func idLine(id string) string { return "ID: " + id }
