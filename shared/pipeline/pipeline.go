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
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/event"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/metric"
	"ecsguardrails/shared/publish"
)

const (
	// maxFindings bounds what one subject can add to a report.
	maxFindings = 200
	// maxWaves bounds how often a function asks about one subject. The deepest
	// chain of reads that depend on each other has four links; more waves than
	// this mean that Ask repeats a question that was answered.
	maxWaves = 6
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
	// the trigger, though understood, concerns nobody.
	Subjects func(event.Trigger) []Subject[S]
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
	// Measure gives numbers of the function's own, from what was observed and what
	// became of it; nil where there are none.
	Measure func(O, finding.Result) []metric.Measurement
	// Harmless says that the actions change nothing of what is looked after, so
	// that a dry run carries them out, too.
	Harmless bool
	// Parallel is how many subjects are worked on side by side; 0 means 4.
	Parallel int
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

// Plan is what was decided about one subject.
type Plan[A any] struct {
	// Skip is set where the subject turns out not to be ours.
	Skip *finding.Finding
	// Findings that the actions end are marked Cured.
	Findings []finding.Finding
	// Actions in the order in which they are to be applied.
	Actions []A
	// Withheld are actions that nothing entitles the function to. They are
	// reported, and never applied.
	Withheld []A
	// endedBy gives, by a finding's place, that of the last action which ends it.
	// What is cured and not in it takes all actions.
	endedBy map[int]int
}

// Do adds an action, and marks as cured the findings, by their places, that it
// ends: they stay so where an action after it fails.
func (p *Plan[A]) Do(action A, ends ...int) {
	if p.endedBy == nil {
		p.endedBy = map[int]int{}
	}
	for _, finding := range ends {
		p.Findings[finding].Cured = true
		p.endedBy[finding] = len(p.Actions)
	}
	p.Actions = append(p.Actions, action)
}

// Withhold adds an action that nothing entitles the function to, and marks the
// findings, by their places, that it would end. The reason goes beside it as a
// finding.NoMandate.
func (p *Plan[A]) Withhold(action A, ends ...int) {
	for _, finding := range ends {
		p.Findings[finding].Withheld = true
	}
	p.Withheld = append(p.Withheld, action)
}

// after gives the findings as they are once the first actions were applied, and
// no more than these.
func (p *Plan[A]) after(applied int) []finding.Finding {
	findings := slices.Clone(p.Findings)
	for i := range findings {
		action, known := p.endedBy[i]
		findings[i].Cured = findings[i].Cured && known && action < applied
	}
	return cured(findings)
}

// Outcome is what became of one delivery.
type Outcome struct {
	Report finding.Report
	// Events are published beside the report's findings.
	Events []publish.Event
	// FromQueue and Failures answer SQS: the ids of the messages to deliver again.
	FromQueue bool
	Failures  []string
	// messages are those of the delivery, asked the ones that asked for each
	// result, by their place in it.
	messages []event.Message
	asked    [][]int
	// occurred is when the first of what asked for each result happened.
	occurred []time.Time
	measured []metric.Measurement
	// err joins what a retry may cure.
	err error
	// complaint is what a caller of a MustSucceed function is told instead of a
	// report that it would not read.
	complaint error
}

// Handle takes one payload through all steps but the report's publication.
func (f *Function[S, O, Q, A]) Handle(ctx context.Context, payload []byte) Outcome {
	delivery := event.Decode(payload)
	subjects, asked, occurred := f.subjects(delivery)

	results := make([]finding.Result, len(subjects))
	measured := make([][]metric.Measurement, len(subjects))
	errs := make([]error, len(subjects))
	var group errgroup.Group
	group.SetLimit(f.parallel())
	for i, subject := range subjects {
		group.Go(func() error {
			results[i], measured[i], errs[i] = f.look(ctx, subject)
			return nil
		})
	}
	_ = group.Wait()

	outcome := Outcome{
		Report:    finding.Report{Function: f.Name, Mode: f.Mode, Results: results},
		FromQueue: delivery.FromQueue,
		messages:  delivery.Messages,
		asked:     asked,
		occurred:  occurred,
		measured:  slices.Concat(measured...),
		err:       errors.Join(errs...),
	}
	for i := range results {
		results[i].Sweep = outcome.sweepOf(i)
	}
	for i, result := range results {
		if result.Status == finding.Failed {
			outcome.deliverAgain(i, maxSweepDeliveries)
		} else if f.MustSucceed && result.HasError() {
			outcome.complaint = errors.Join(outcome.complaint, fmt.Errorf("%s: %s", result.Subject, summary(result)))
		}
	}
	return outcome
}

// maxSweepDeliveries is how often a sweep's message comes at most: its other
// subjects are looked at each time, too, and the next sweep looks again.
const maxSweepDeliveries = 3

// deliverAgain marks the messages behind a result as failed; a sweep's, only up
// to so many deliveries (0 is no limit).
func (o *Outcome) deliverAgain(result, sweepDeliveries int) {
	for _, at := range o.asked[result] {
		message := o.messages[at]
		given := sweepDeliveries > 0 && message.Sweep() != "" && message.Received >= sweepDeliveries
		if message.ID != "" && !given && !slices.Contains(o.Failures, message.ID) {
			o.Failures = append(o.Failures, message.ID)
		}
	}
}

// again lists the results that a queue asked for before: the run that it woke
// then failed, or was cut off, maybe between a change and the news of it.
func (o *Outcome) again() []int {
	var again []int
	for result, asked := range o.asked {
		if slices.ContainsFunc(asked, func(at int) bool { return o.messages[at].Received > 1 }) {
			again = append(again, result)
		}
	}
	return again
}

// sweepOf gives the sweep that asked for a result, "" where anybody else did, too.
func (o *Outcome) sweepOf(result int) string {
	sweep := ""
	for _, at := range o.asked[result] {
		of := o.messages[at].Sweep()
		if of == "" {
			return ""
		}
		sweep = cmp.Or(sweep, of)
	}
	return sweep
}

// swept gives the results of each message of a sweep's, by its reference. What
// failed is told at once, too, and not after the queue's next delivery: the
// sweep waits for it.
func (o *Outcome) swept() map[string][]finding.Result {
	swept := map[string][]finding.Result{}
	for i, asked := range o.asked {
		for _, at := range asked {
			message := o.messages[at]
			if reference := message.Sweep(); reference != "" {
				swept[reference] = append(swept[reference], o.Report.Results[i])
			}
		}
	}
	return swept
}

// And adds what became of another part of the same delivery.
func (o Outcome) And(other Outcome) Outcome {
	o.Report.Results = slices.Concat(o.Report.Results, other.Report.Results)
	o.asked = slices.Concat(o.asked, other.asked)
	o.occurred = slices.Concat(o.occurred, other.occurred)
	o.measured = slices.Concat(o.measured, other.measured)
	for _, id := range other.Failures {
		if !slices.Contains(o.Failures, id) {
			o.Failures = append(o.Failures, id)
		}
	}
	o.Events = slices.Concat(o.Events, other.Events)
	o.err = errors.Join(o.err, other.err)
	o.complaint = errors.Join(o.complaint, other.complaint)
	return o
}

func (f *Function[S, O, Q, A]) parallel() int {
	if f.Parallel > 0 {
		return f.Parallel
	}
	return 4
}

// subjects lists each subject of a delivery once, with the places of the
// messages that named it and the earliest time of what they tell of.
func (f *Function[S, O, Q, A]) subjects(delivery event.Delivery) (subjects []Subject[S], asked [][]int, occurred []time.Time) {
	index := map[string]int{}
	for place, message := range delivery.Messages {
		for _, trigger := range message.Triggers {
			for _, subject := range f.subjectsOf(trigger) {
				key := subject.Key
				if key == "" {
					key = subject.Name
				}
				if subject.DryRun {
					key += " dry-run"
				}
				if subject.Settled != nil {
					key = fmt.Sprintf("settled %s %v", key, subject.Settled.Findings)
				}
				at, seen := index[key]
				if !seen {
					at = len(subjects)
					index[key] = at
					subjects = append(subjects, subject)
					asked = append(asked, nil)
					occurred = append(occurred, time.Time{})
				}
				if happened := event.Occurred(trigger); occurred[at].IsZero() || (!happened.IsZero() && happened.Before(occurred[at])) {
					occurred[at] = happened
				}
				if !slices.Contains(asked[at], place) {
					asked[at] = append(asked[at], place)
				}
			}
		}
	}
	return subjects, asked, occurred
}

func (f *Function[S, O, Q, A]) subjectsOf(trigger event.Trigger) []Subject[S] {
	if malformed, ok := trigger.(event.Malformed); ok {
		return []Subject[S]{Reject[S]("event", finding.Finding{
			Code: "malformed-event", Severity: finding.Error, Message: malformed.Problem,
			Fix: "send an event in the shape of one of the samples in events/",
		})}
	}
	subjects := f.Subjects(trigger)
	if len(subjects) == 0 {
		return []Subject[S]{Skip[S]("event", "event-not-handled", f.Name+" does not handle "+describe(trigger))}
	}
	if hand, ok := trigger.(event.ByHand); ok && hand.DryRun {
		for i := range subjects {
			subjects[i].DryRun = true
		}
	}
	return subjects
}

// describe names a trigger without repeating what its sender may have put into it.
func describe(trigger event.Trigger) string {
	switch of := trigger.(type) {
	case event.Call:
		return fmt.Sprintf("the API call %q of %q", of.Name, of.Service)
	case event.Object:
		return fmt.Sprintf("the change %q of an object", of.Change)
	case event.RotationStep:
		return "a secret's rotation"
	case event.Schedule:
		return "a schedule"
	case event.TestNotification:
		return "the test notification of S3"
	case event.Notification:
		return fmt.Sprintf("the detail-type %q of %q", of.DetailType, of.Source)
	default:
		return "a request of these fields"
	}
}

// look takes one subject through observe, plan and apply. The error is set
// where a retry may cure what went wrong.
func (f *Function[S, O, Q, A]) look(ctx context.Context, subject Subject[S]) (result finding.Result, measured []metric.Measurement, err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			// The value may hold anything that was being worked on, so only its type
			// is told; the stack has no values of strings.
			result, err = f.failed(subject.Name, nil, fmt.Errorf("internal fault of type %T at %s", recovered, origin(debug.Stack())))
		}
		result.Subject = subject.Name
		if subject.DryRun && f.Mode != finding.DryRun {
			result.Mode = finding.DryRun
		}
		result = result.Capped(maxFindings)
		if result.Actions == nil {
			result.Actions = []finding.Action{}
		}
	}()
	if subject.Settled != nil {
		return *subject.Settled, nil, nil
	}
	observed, err := f.observe(ctx, subject.Of)
	if err != nil {
		result, err = f.failed(subject.Name, nil, err)
		return result, nil, err
	}
	result, err = f.settle(ctx, subject, observed)
	if f.Measure != nil {
		measured = f.Measure(observed, result)
	}
	return result, measured, err
}

// observe reads what the decision needs: the first wave, and the answers to what
// Ask asks, wave after wave.
func (f *Function[S, O, Q, A]) observe(ctx context.Context, of S) (O, error) {
	observed, err := f.Observe(ctx, of)
	if err != nil || f.Ask == nil {
		return observed, err
	}
	for range maxWaves {
		questions := f.Ask(observed)
		if len(questions) == 0 {
			return observed, nil
		}
		if observed, err = f.Answer(ctx, observed, questions); err != nil {
			return observed, err
		}
	}
	if open := f.Ask(observed); len(open) > 0 {
		// The questions may hold anything that was read, so only their number is shown.
		return observed, finding.Refuse(finding.Finding{
			Code: "questions-unanswered", Severity: finding.Error,
			Message: fmt.Sprintf("%s still has %d open questions after %d rounds of reading, so it decided nothing: a fault in the function", f.Name, len(open), maxWaves),
			Fix:     "report it with this log line; other subjects are not affected",
		})
	}
	return observed, nil
}

// settle takes what was observed of a subject through plan and apply.
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
				result, err := f.failed(subject.Name, plan.after(i), fmt.Errorf("%s: %w", actions[i].Kind, err))
				result.Actions = actions
				return result, err
			}
			// Told anew: only now is known what came of it, as the id of what was made.
			actions[i] = f.Describe(action)
			actions[i].Applied = true
		}
	}
	result := finding.Result{Status: finding.Decide(mode, plan.Findings, actions), Findings: plan.Findings, Actions: actions}
	for _, action := range plan.Withheld {
		result.Actions = append(result.Actions, f.Describe(action))
	}
	if mode == finding.Enforce {
		result.Findings = cured(plan.Findings)
	}
	return result, nil
}

// cured tells what the applied actions have ended as what it is now: no more
// than something to know. So nobody has to guess which errors still stand.
func cured(findings []finding.Finding) []finding.Finding {
	findings = slices.Clone(findings)
	for i, f := range findings {
		if f.Cured && f.Severity != finding.Info {
			findings[i].Severity = finding.Info
			findings[i].Message = "cured: " + f.Message
		}
	}
	return findings
}

// failed turns an error into the result that the errors contract asks for,
// besides what was found before.
func (f *Function[S, O, Q, A]) failed(subject string, before []finding.Finding, err error) (finding.Result, error) {
	with := func(status finding.Status, added finding.Finding) finding.Result {
		return finding.Result{Status: status, Findings: append(slices.Clone(before), added)}
	}
	if refusal, ok := errors.AsType[*finding.Refusal](err); ok {
		return with(finding.Noncompliant, refusal.Finding), nil
	}
	switch awserror.Classify(err) {
	case awserror.Gone:
		return finding.Result{Status: finding.Skipped, Findings: []finding.Finding{{
			Code: "gone", Severity: finding.Info, Message: fmt.Sprintf("%s, or something that it names, does not exist any more: %s", subject, reason(err)),
		}}}, nil
	case awserror.Denied:
		return with(finding.Noncompliant, finding.Finding{
			Code: "access-denied", Severity: finding.Error,
			Message: fmt.Sprintf("%s may not do this: %s", f.Name, reason(err)),
			Fix:     fmt.Sprintf("allow it to the function's role, or find the policy, key policy or boundary that denies %s", operation(err)),
		}), nil
	case awserror.Refused:
		return with(finding.Noncompliant, finding.Finding{
			Code: "call-refused", Severity: finding.Error,
			Message: reason(err),
			Fix:     "look the code up under Errors in the operation's API reference; a retry gives the same answer",
		}), nil
	default:
		return with(finding.Failed, finding.Finding{
			Code: "will-retry", Severity: finding.Error, Message: reason(err),
			Fix: "nothing, if it ends: the event is delivered again, and goes to the dead-letter queue if it keeps failing; what was started by hand is to be started again",
		}), fmt.Errorf("%s: %s", subject, reason(err))
	}
}

// reason gives an error's text. What Secrets Manager answers is told by its code
// alone, since its messages may repeat the value that was sent.
func reason(err error) string {
	apiError, ok := errors.AsType[smithy.APIError](err)
	switch {
	case !ok:
		return err.Error()
	case strings.HasPrefix(operation(err), "secretsmanager:"):
		return fmt.Sprintf("%s answered %s", operation(err), apiError.ErrorCode())
	default:
		return fmt.Sprintf("%s answered %s: %s", operation(err), apiError.ErrorCode(), apiError.ErrorMessage())
	}
}

func operation(err error) string {
	if operation := awserror.Operation(err); operation != "" {
		return operation
	}
	return "an AWS call"
}

func summary(result finding.Result) string {
	var codes []string
	for _, f := range result.Findings {
		if f.Severity == finding.Error {
			codes = append(codes, f.Code+": "+f.Message)
		}
	}
	return fmt.Sprintf("%s: %s", result.Status, strings.Join(codes, "; "))
}

// origin gives the first line of a stack below the panic that lies in this module.
func origin(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	panicked := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "panic(") })
	for _, line := range lines[max(panicked, 0):] {
		if name, _, found := strings.Cut(line, "("); found && strings.HasPrefix(name, "ecsguardrails/") {
			return name
		}
	}
	return "an unknown place"
}
