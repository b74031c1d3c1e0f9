// Package pipeline is the one way through every function:
//
//	event → observe ⇄ ask → plan → apply → report
//
// A function supplies the steps; decoding, coalescing, dry runs, errors and
// reporting are the same for all. Rules run in Ask and Plan only, which are
// pure; Observe, Answer and Apply call AWS and decide nothing.
package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/metric"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

const (
	// maxFindings bounds what one subject can add to a report.
	maxFindings = 200
	// maxWaves bounds how often a function asks about one subject. The deepest
	// chain of reads that depend on each other has four links; more waves than
	// this mean that Ask repeats a question that was answered.
	maxWaves = 6
	// sideBySide is how many subjects of a delivery are worked on at once.
	sideBySide = 4
)

// NoQuestion is the question type of a function whose first look shows all that
// its decision needs. Such a function leaves Ask and Answer nil.
type NoQuestion struct{}

// Function is what makes one function different from another.
//
// S is what a subject is known by before anything was read, O what observing
// reads, Q a question about what was observed so far, A an action.
type Function[S, O, Q, A any] struct {
	Name string
	Mode finding.Mode
	// Subjects turns a trigger into what it concerns. An empty list means that
	// the trigger, though understood, concerns no one.
	Subjects func(event.Trigger) []Subject[S]
	// Merge joins two subjects of one Key, for functions to which it matters what
	// each trigger says; nil where the first one says it all.
	Merge func(S, S) S
	// Expand gives the subjects that one stands for, as a policy for its roles, and
	// nil for one that stands for itself. Nil where all do.
	Expand func(context.Context, S) ([]Subject[S], error)
	// Observe reads what the decision needs in any case: the first wave.
	Observe func(context.Context, S) (O, error)
	// Ask gives the questions that the decision still needs an answer to, none if
	// the observation is complete. It is pure, and doesn't repeat a question whose
	// answer is in the observation, be it that there is no answer. Nil where
	// Observe reads everything.
	Ask func(O) []Q
	// Answer reads the answers to one wave of questions, side by side, and returns
	// the observation with them.
	Answer func(context.Context, O, []Q) (O, error)
	// Plan decides: no clock, no network, no client.
	Plan func(O) Plan[A]
	// Describe says what an action will do, and after it was applied what it did.
	Describe func(A) finding.Action
	// Apply carries an action out. It is idempotent.
	Apply func(context.Context, A) error
	// Measure gives numbers of the function's own, from what was observed and
	// from the result; nil where there are none.
	Measure func(O, finding.Result) []metric.Measurement
	// Harmless says that the actions change only what is the function's own, so that
	// a dry run carries them out, too.
	Harmless bool
	// MustSucceed makes every outcome but a good one an error of the invocation,
	// for callers that read nothing else, as Secrets Manager does.
	MustSucceed bool
}

// Subject is one thing that a trigger concerns.
type Subject[S any] struct {
	// Name stands in the report. Within one delivery, subjects of one Key (the
	// Name, where Key is empty) are one look.
	Name string
	Key  string
	Of   S
	// Settled is set where nothing needs to be looked at: the event itself
	// gives the outcome.
	Settled *finding.Result
	// DryRun has the plan not applied, whatever the function's mode.
	DryRun bool
	// fault is why what the subject stands for could not be read.
	fault error
}

// Skip is a subject that is not ours, and why.
func Skip[S any](name, code, why string) Subject[S] {
	return Subject[S]{Name: name, Settled: &finding.Result{Subject: name, Status: finding.Skipped,
		Findings: []finding.Finding{{Code: code, Severity: finding.Info, Message: why}}}}
}

// Reject is an event that no retry can make right.
func Reject[S any](name string, f finding.Finding) Subject[S] {
	return Subject[S]{Name: name, Settled: &finding.Result{Subject: name, Status: finding.Noncompliant, Findings: []finding.Finding{f}}}
}

// key is the same for subjects that are one look.
func (s Subject[S]) key() string {
	key := cmp.Or(s.Key, s.Name)
	if s.DryRun {
		key += " dry-run"
	}
	if s.Settled != nil {
		key = fmt.Sprintf("settled %s %v", key, s.Settled.Findings)
	}
	return key
}

// Handle takes one payload through all steps but the report's publication.
func (f *Function[S, O, Q, A]) Handle(ctx context.Context, payload []byte) Outcome {
	delivery := event.Decode(payload)
	requests := f.requests(ctx, delivery)
	entries := make([]Entry, len(requests))
	var group errgroup.Group
	group.SetLimit(sideBySide)
	for i, request := range requests {
		group.Go(func() error {
			entries[i] = f.look(ctx, request)
			return nil
		})
	}
	_ = group.Wait()
	return Outcome{Function: f.Name, Mode: f.Mode, Entries: entries, FromQueue: delivery.FromQueue, mustSucceed: f.MustSucceed}
}

// request is one subject of a delivery.
type request[S any] struct {
	subject Subject[S]
	// askedBy are the messages that named it, and occurred is the earliest time of
	// what they are about.
	askedBy  []event.Message
	occurred time.Time
}

// requests lists each subject of a delivery once.
func (f *Function[S, O, Q, A]) requests(ctx context.Context, delivery event.Delivery) []request[S] {
	var requests []request[S]
	places := map[string]int{}
	for _, message := range delivery.Messages {
		asked := map[string]bool{}
		for _, trigger := range message.Triggers {
			for _, subject := range f.expanded(ctx, f.subjectsOf(trigger)) {
				key := subject.key()
				place, seen := places[key]
				if !seen {
					place = len(requests)
					places[key] = place
					requests = append(requests, request[S]{subject: subject})
				}
				known := &requests[place]
				if seen && f.Merge != nil && subject.Settled == nil {
					known.subject.Of = f.Merge(known.subject.Of, subject.Of)
				}
				if happened := event.Occurred(trigger); known.occurred.IsZero() || (!happened.IsZero() && happened.Before(known.occurred)) {
					known.occurred = happened
				}
				if !asked[key] {
					asked[key] = true
					known.askedBy = append(known.askedBy, message)
				}
			}
		}
	}
	return requests
}

// expanded puts the subjects that one stands for into its place. One whose own
// can't be read, or that stands for none, stays.
func (f *Function[S, O, Q, A]) expanded(ctx context.Context, subjects []Subject[S]) []Subject[S] {
	if f.Expand == nil {
		return subjects
	}
	var expanded []Subject[S]
	for _, subject := range subjects {
		if subject.Settled != nil {
			expanded = append(expanded, subject)
			continue
		}
		inner, err := f.Expand(ctx, subject.Of)
		switch {
		case err != nil:
			subject.fault = err
			expanded = append(expanded, subject)
		case inner == nil:
			expanded = append(expanded, subject)
		case len(inner) == 0:
			expanded = append(expanded, Skip[S](subject.Name, subjectUnused.Code, subjectUnused.With(finding.Words("function", f.Name)).Message))
		default:
			for i := range inner {
				inner[i].DryRun = inner[i].DryRun || subject.DryRun
			}
			expanded = append(expanded, inner...)
		}
	}
	return expanded
}

func (f *Function[S, O, Q, A]) subjectsOf(trigger event.Trigger) []Subject[S] {
	if malformed, ok := trigger.(event.Malformed); ok {
		return []Subject[S]{{Name: "event", Settled: Malformed(malformed)}}
	}
	if hand, ok := trigger.(event.ByHand); ok {
		if field := credentialIn(hand.Fields); field != "" {
			return []Subject[S]{{Name: "event", Settled: Malformed(event.Malformed{Problem: "the field " + field + " holds a credential, not a name; it isn't shown"})}}
		}
	}
	subjects := f.Subjects(trigger)
	if len(subjects) == 0 {
		return []Subject[S]{{Name: "event", Settled: NotHandled(f.Name, trigger)}}
	}
	if hand, ok := trigger.(event.ByHand); ok && hand.DryRun {
		for i := range subjects {
			subjects[i].DryRun = true
		}
	}
	return subjects
}

// credentialIn gives the field of a request whose text is certainly a credential and
// no name: a person may paste the one for the other, and names are reported.
func credentialIn(fields map[string]json.RawMessage) string {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		var text string
		if json.Unmarshal(fields[field], &text) == nil && (secretshape.Find(text) != "" || strings.HasPrefix(text, "{") || strings.Contains(text, "://") && !strings.HasPrefix(text, "s3://")) {
			if !term.MatchString(field) || secretshape.IsCredential(field) {
				return "of a request"
			}
			return field
		}
	}
	return ""
}

// Malformed is the result of an event that no retry can make right.
func Malformed(malformed event.Malformed) *finding.Result {
	return &finding.Result{Status: finding.Noncompliant, Findings: []finding.Finding{MalformedEvent(malformed.Problem)}}
}

// NotHandled is the result of an event that a function understands, but that
// concerns nothing that it looks after.
func NotHandled(function string, trigger event.Trigger) *finding.Result {
	return &finding.Result{Status: finding.Skipped, Findings: []finding.Finding{eventNotHandled.With(finding.Words("function", function), finding.Clause("event", describe(trigger)))}}
}

// describe names a trigger without repeating what its sender may have put into it.
func describe(trigger event.Trigger) string {
	switch typed := trigger.(type) {
	case event.Call:
		return fmt.Sprintf("the API call %s of %s", shown(typed.Name), shown(typed.Service))
	case event.Object:
		return fmt.Sprintf("the change %s of an object", shown(typed.Change))
	case event.RotationStep:
		return "a secret's rotation"
	case event.Schedule:
		return "a schedule"
	case event.TestNotification:
		return "the test notification of S3"
	case event.Notification:
		return fmt.Sprintf("the detail-type %s of %s", shown(typed.DetailType), shown(typed.Source))
	default:
		return "a request of these fields"
	}
}

// term is what AWS's services, calls and kinds of events are called.
var term = lazyregexp.New(`^[A-Za-z][A-Za-z0-9 .:_*-]{0,127}$`)

// shown quotes a term of an event, which its sender may have filled with
// anything.
func shown(text string) string {
	if !term.MatchString(text) || secretshape.Find(text) != "" || secretshape.IsGenerated(text) {
		return "(not shown: no name of AWS's)"
	}
	return strconv.Quote(text)
}

// look takes one subject through observe, plan and apply.
func (f *Function[S, O, Q, A]) look(ctx context.Context, request request[S]) Entry {
	subject, waves := request.subject, 0
	var observed *O
	entry := Attempt(f.Name, subject.Name, func() (finding.Result, error) {
		if subject.Settled != nil {
			return *subject.Settled, nil
		}
		if subject.fault != nil {
			return finding.Result{}, subject.fault
		}
		observation, err := f.observe(ctx, subject.Of, &waves)
		if err != nil {
			return finding.Result{}, err
		}
		observed = &observation
		return f.settle(ctx, subject, observation)
	})
	if subject.DryRun && f.Mode != finding.DryRun {
		entry.Result.Mode = finding.DryRun
	}
	entry.occurred, entry.waves = request.occurred, waves
	if observed != nil && f.Measure != nil {
		entry.measured = f.Measure(*observed, entry.Result)
	}
	return entry.AskedBy(request.askedBy...)
}

// observe reads what the decision needs: the first wave, and the answers to what
// Ask asks, wave after wave. It counts the waves.
func (f *Function[S, O, Q, A]) observe(ctx context.Context, subject S, waves *int) (O, error) {
	*waves = 1
	observed, err := f.Observe(ctx, subject)
	if err != nil || f.Ask == nil {
		return observed, err
	}
	for range maxWaves {
		questions := f.Ask(observed)
		if len(questions) == 0 {
			return observed, nil
		}
		*waves++
		if observed, err = f.Answer(ctx, observed, questions); err != nil {
			return observed, err
		}
	}
	if open := f.Ask(observed); len(open) > 0 {
		// The questions may hold anything that was read, so only their number is shown.
		return observed, finding.Refuse(questionsUnanswered.With(finding.Words("function", f.Name),
			finding.Count("questions", len(open), "open question", "open questions"), finding.Count("rounds", maxWaves, "round", "rounds")))
	}
	return observed, nil
}

// settle takes what was observed of a subject through plan and apply. Beside an
// error, the result has the findings and actions of before.
func (f *Function[S, O, Q, A]) settle(ctx context.Context, subject Subject[S], observed O) (finding.Result, error) {
	plan := f.Plan(observed)
	if plan.Skip != nil {
		return finding.Result{Status: finding.Skipped, Findings: []finding.Finding{*plan.Skip}}, nil
	}
	mode := f.Mode
	switch {
	case f.Harmless:
		mode = finding.Enforce
	case subject.DryRun:
		mode = finding.DryRun
	}
	actions := make([]finding.Action, len(plan.Actions))
	for i, action := range plan.Actions {
		actions[i] = f.Describe(action)
	}
	if mode == finding.Enforce {
		for i, action := range plan.Actions {
			if err := f.Apply(ctx, action); err != nil && awserror.Classify(err) != awserror.Done {
				return finding.Result{Findings: plan.after(i), Actions: actions}, fmt.Errorf("%s: %w", actions[i].Kind, err)
			}
			// Describe it again: the result (for example the new ARN) is known only now.
			actions[i] = f.Describe(action)
			actions[i].Applied = true
		}
	}
	result := finding.Result{Status: finding.Decide(mode, plan.Findings, actions), Findings: plan.Findings, Actions: actions, Owner: plan.Owner}
	for _, action := range plan.Withheld {
		withheld := f.Describe(action)
		withheld.Withheld = true
		result.Actions = append(result.Actions, withheld)
	}
	if mode == finding.Enforce {
		result.Findings = cured(plan.Findings)
	}
	return result, nil
}
