// Package finding is the report that every function returns, logs and
// publishes: what was looked at, what is wrong with it, how to cure it, and
// what was done.
package finding

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/owner"
)

// Severity is the consequence of a finding, not its oddity.
type Severity string

const (
	// Error: an instance cannot join or pull, a task cannot start, a secret is
	// exposed, or we could not find out.
	Error Severity = "error"
	// Warning: something that its author asked for is ignored or replaced.
	Warning Severity = "warning"
	// Info: it works, and there is something to know.
	Info Severity = "info"
)

// Finding is one thing that is wrong, or worth knowing, about a subject. No
// field may hold a secret: every report is public.
type Finding struct {
	// Code is a stable lower-case kebab string; each function's README lists its own.
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	// Message says what will happen, Fix what to do about it.
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
	// Line and Column are 1-based, Column in bytes; 0 where they mean nothing.
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Variable string `json:"variable,omitempty"`
	// Place is the part of a task definition that the finding is about, for what
	// shows it in a file.
	Place Place `json:"-"`
	// Headline says that the message alone tells people what happened, so that it
	// is the title of what they get.
	Headline bool `json:"headline,omitempty"`
	// Cured says that the plan's actions end this finding once they are applied;
	// what has been ended is reported as Info.
	Cured bool `json:"-"`
	// Withheld says that an action would end this finding, but has no mandate.
	Withheld bool `json:"-"`
}

// Place is a part of a task definition, by ECS's names of its fields. The zero Place
// is the definition.
type Place struct {
	// Container counts the containers from 1; 0 is none of them.
	Container int
	// Field is a path of fields, as "logConfiguration.secretOptions".
	Field string
	// Key and Item choose the item of a list whose field Key has the value Item, which
	// may be a secret.
	Key, Item string
}

// Standing reports whether the finding keeps a subject from being compliant
// even after every planned action was applied.
func (f Finding) Standing() bool { return f.Severity != Info && !f.Cured }

// Action is one change: planned in a dry-run, carried out otherwise.
type Action struct {
	// Kind is the API operation, as in "AttachRolePolicy".
	Kind    string `json:"kind"`
	Target  string `json:"target"`
	Summary string `json:"summary"`
	Applied bool   `json:"applied"`
	// Withheld says that nothing entitles the function to the action.
	Withheld bool `json:"-"`
	// Note says that the action only writes down what was found, as a verdict in a
	// tag: nothing works differently afterwards.
	Note bool `json:"-"`
	// Mandate is what entitles the function to the change.
	Mandate Mandate `json:"mandate,omitzero"`
}

// Status is the outcome for one subject.
type Status string

const (
	// Compliant: nothing is wrong.
	Compliant Status = "compliant"
	// Remediated: it was wrong, it is right now.
	Remediated Status = "remediated"
	// Planned: it is wrong and would be remediated, but a dry run applies nothing, or
	// nothing entitles the function to the change.
	Planned Status = "planned"
	// Noncompliant: wrong, and not ours to cure, or the cure does not suffice.
	Noncompliant Status = "noncompliant"
	// Skipped: not ours; an info finding says why.
	Skipped Status = "skipped"
	// Failed: we could not find out, or could not apply; the event will be delivered again.
	Failed Status = "failed"
)

// Statuses lists every status, in the order of their declaration.
func Statuses() []Status {
	return []Status{Compliant, Remediated, Planned, Noncompliant, Skipped, Failed}
}

// Result is the outcome for one subject.
type Result struct {
	// ID is the same for the same subject and problem, so that a mute, a thread or
	// "resolved" can refer to it; see Identify.
	ID       string    `json:"id"`
	Subject  string    `json:"subject"`
	Status   Status    `json:"status"`
	Findings []Finding `json:"findings"`
	Actions  []Action  `json:"actions"`
	// Owner is the tool that manages the subject; zero where none was recognized.
	Owner owner.Owner `json:"owner,omitzero"`
	// Mode is set where it is not the function's: somebody asked for a plan only.
	Mode Mode `json:"mode,omitempty"`
	// Sweep is the reference of the sweep that asked for the look, "" where
	// anything else did, too.
	Sweep string `json:"sweep,omitempty"`
	// Redelivered says that a queue delivered what asked for it before: an earlier
	// run may have been cut off between a change and the news of it.
	Redelivered bool `json:"-"`
	// Rehearsal says that only a sweep asked, to find out what it would change.
	Rehearsal bool `json:"-"`
}

// IsPending reports whether an action that the function is entitled to was not
// applied.
func (r Result) IsPending() bool {
	return slices.ContainsFunc(r.Actions, func(a Action) bool { return !a.Applied && !a.Withheld })
}

// WouldChange reports whether a pending action changes more than a note.
func (r Result) WouldChange() bool {
	return slices.ContainsFunc(r.Actions, func(a Action) bool { return !a.Applied && !a.Withheld && !a.Note })
}

// Newsworthy reports whether people and other systems are informed about the result
// by an event.
func (r Result) Newsworthy() bool {
	return r.Status != Compliant && r.Status != Skipped
}

// HasError reports whether a finding of severity error stands in the result:
// one that no applied action has ended.
func (r Result) HasError() bool {
	if r.Status == Failed {
		return true
	}
	return slices.ContainsFunc(r.Findings, func(f Finding) bool {
		return f.Severity == Error && (r.Status != Remediated || !f.Cured)
	})
}

// maxText bounds a finding's texts, in bytes: a report of many findings must
// stay below the 6 MB that Lambda lets an answer have.
const maxText = 2000

// Capped gives the result with at most limit findings, the gravest first kept,
// none with a text of more than 2,000 bytes, and a note in the place of those
// left out.
func (r Result) Capped(limit int) Result {
	findings := make([]Finding, len(r.Findings))
	for i, f := range r.Findings {
		f.Message, f.Fix = clip(f.Message), clip(f.Fix)
		findings[i] = f
	}
	if len(findings) > limit {
		left := len(findings) - limit
		slices.SortStableFunc(findings, func(a, b Finding) int { return gravity(a) - gravity(b) })
		findings = append(findings[:limit:limit], leftOut.With(Count("count", left, "more finding is", "more findings are")))
	}
	r.Findings = findings
	return r
}

// leftOut stands in the place of the findings that don't fit.
var leftOut = Template{Code: "findings-left-out", Severity: Info,
	Message: "{count} not shown here.", Fix: "Correct those shown first, then look again."}

func gravity(f Finding) int { return slices.Index([]Severity{Error, Warning, Info}, f.Severity) }

// Shortened bounds what a stranger's text adds to a message: to 120 bytes.
func Shortened(text string) string {
	const most = 120
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// clip cuts a text between two characters.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// Mode says whether a function acts or only plans.
type Mode string

const (
	// Enforce applies what was planned.
	Enforce Mode = "enforce"
	// DryRun plans and reports, and changes nothing.
	DryRun Mode = "dry-run"
)

// UnmarshalText refuses every word but the two modes.
func (m *Mode) UnmarshalText(text []byte) error {
	switch mode := Mode(text); mode {
	case Enforce, DryRun:
		*m = mode
		return nil
	default:
		return fmt.Errorf("mode %q is unknown: write %q or %q", text, Enforce, DryRun)
	}
}

// Report is the document that a function returns, logs and publishes.
type Report struct {
	// Version is that of the program that looked.
	Version  string   `json:"version"`
	Function string   `json:"function"`
	Mode     Mode     `json:"mode"`
	Results  []Result `json:"results"`
	// Summary is what a sweep found in all.
	Summary any `json:"summary,omitempty"`
}

// ModeOf gives the mode that a result stands under.
func (r Report) ModeOf(result Result) Mode { return cmp.Or(result.Mode, r.Mode) }

// HasError reports whether any result has an error standing.
func (r Report) HasError() bool { return slices.ContainsFunc(r.Results, Result.HasError) }

// Decide derives the status from what was found and what was done. Skipped and
// failed are not its to give: they are known before there is a plan. Cured
// findings need every action to have been applied; in a dry-run they need only
// have been planned. actions must not hold what was withheld for lack of a mandate.
func Decide(mode Mode, findings []Finding, actions []Action) Status {
	cured, withheld := false, false
	for _, f := range findings {
		switch {
		case f.Withheld || f.Code == noMandate:
			withheld = true
		case f.Standing():
			return Noncompliant
		}
		cured = cured || (f.Cured && f.Severity != Info)
	}
	switch {
	case withheld:
		return Planned
	case !cured:
		return Compliant
	case mode == DryRun:
		return Planned
	case slices.ContainsFunc(actions, func(a Action) bool { return !a.Applied }):
		return Noncompliant
	default:
		return Remediated
	}
}

// Check reports what makes a result break the report's contract; tests hold
// every function's results against it.
func (r Result) Check() error {
	var errs []error
	if r.Subject == "" {
		errs = append(errs, errors.New("subject is empty"))
	}
	if !slices.Contains(Statuses(), r.Status) {
		errs = append(errs, fmt.Errorf("status %q is unknown", r.Status))
	}
	if (r.Status == Compliant || r.Status == Remediated) && r.HasError() {
		errs = append(errs, fmt.Errorf("status is %s with an error standing", r.Status))
	}
	if r.Status == Skipped && !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == Info }) {
		errs = append(errs, errors.New("skipped without an info finding that says why"))
	}
	for _, f := range r.Findings {
		if f.Code == "" || f.Message == "" || (f.Fix == "" && f.Severity != Info) {
			errs = append(errs, fmt.Errorf("finding %q lacks a code, message or fix", f.Code))
		}
	}
	return errors.Join(errs...)
}
