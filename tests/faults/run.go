package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/canary"
)

// Outcome is what one run came to.
type Outcome struct {
	Scenario *Scenario
	Cut      Cut
	// Fired says that the fault happened.
	Fired bool
	// Differences are between the state at the end and that of the run without
	// faults: 0 is what is wanted.
	Differences []string
	// Orphans are credentials that work at the registry and that no one keeps.
	Orphans []string
	// Untold are cures that no event reports, where none can.
	Untold    []string
	Sightings []canary.Sighting
	// Searched is how many bytes left the system.
	Searched int64
	// Output is what the function's process wrote.
	Output string

	// async says that the event comes without a queue.
	async   bool
	calls   []string
	state   []string
	results []told
}

// told is what was published about a subject.
type told struct {
	subject string
	status  finding.Status
}

// play runs a scenario in its own world. Without a reference it is the
// reference itself.
func (l *Lab) play(ctx context.Context, scenario *Scenario, cut Cut, reference *Outcome) (outcome *Outcome, err error) {
	world := l.newWorld(scenario)
	defer func() {
		if closing := world.close(context.WithoutCancel(ctx)); closing != nil && err == nil {
			err = fmt.Errorf("%s, %s: %w", scenario.Title(), cut, closing)
		}
	}()
	outcome = &Outcome{Scenario: scenario, Cut: cut}
	event, again, err := scenario.Arrange(ctx, world)
	if err != nil {
		return nil, fmt.Errorf("%s, %s: arranging: %w", scenario.Title(), cut, err)
	}
	_, outcome.async = event.(Async)
	// What arranging it left warm would hide calls.
	world.kill()
	world.calls.arm(cut)
	dead, err := event.deliver(ctx, world)
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w", scenario.Title(), cut, err)
	}
	outcome.Fired = world.calls.fired()
	if cut.Fault == Twice {
		outcome.Fired = true
	}
	if again != nil && outcome.Fired && (cut.Fault == Twice || cut.Fault == Denied) && scenario.looksAgain(cut) {
		// A denial is not tried again by design: the next event or sweep, after
		// somebody has allowed the call, has to bring the same end.
		left, err := again.deliver(ctx, world)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: looking again: %w", scenario.Title(), cut, err)
		}
		dead = append(dead, left...)
	}
	outcome.calls = world.calls.Calls()
	if err := world.judge(ctx, outcome, reference, dead); err != nil {
		return nil, fmt.Errorf("%s, %s: %w", scenario.Title(), cut, err)
	}
	return outcome, nil
}

// judge reads the state at the end and holds it against the reference's.
func (w *World) judge(ctx context.Context, outcome, reference *Outcome, dead []string) error {
	state, err := w.scenario.State(ctx, w)
	if err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	w.search("the state", strings.Join(state, "\n"))
	outcome.state = w.normalised(state)
	for _, message := range dead {
		outcome.state = append(outcome.state, "given up: "+strings.ReplaceAll(message, w.Mark, "WORLD"))
	}
	for _, result := range w.calls.published {
		outcome.results = append(outcome.results, told{w.normalised([]string{result.Subject})[0], result.Status})
	}
	if w.scenario.Live != nil {
		live, err := w.scenario.Live(ctx, w)
		if err != nil {
			return fmt.Errorf("asking for the live credentials: %w", err)
		}
		wanted, err := w.scenario.Wanted(ctx, w)
		if err != nil {
			return fmt.Errorf("asking for the wanted credentials: %w", err)
		}
		for _, credential := range live {
			if !slices.Contains(wanted, credential) {
				outcome.Orphans = append(outcome.Orphans, credential)
			}
		}
		for _, credential := range wanted {
			if !slices.Contains(live, credential) {
				outcome.state = append(outcome.state, "a credential that is kept does not work: "+credential)
			}
		}
	}
	w.kill()
	w.mutex.Lock()
	outcome.Output = w.output.String()
	w.mutex.Unlock()
	w.search("the log", outcome.Output)
	outcome.Sightings, outcome.Searched = w.sightings, w.searched.Load()
	if reference != nil {
		outcome.Differences = differences(outcome.comparable(reference.state), outcome.comparable(outcome.state))
		outcome.compareNews(reference)
	}
	return nil
}

// comparable is a state without what it says of the fault itself, and without what
// the second look, which comes of another event, cannot have alike.
func (o *Outcome) comparable(state []string) []string {
	left := slices.Clone(state)
	for index := range left {
		if o.Scenario.Excuse != nil {
			left[index] = o.Scenario.Excuse.ReplaceAllString(left[index], "")
		}
		if o.Scenario.Another != nil && o.lookedAgain() {
			left[index] = o.Scenario.Another.ReplaceAllString(left[index], "")
		}
	}
	return left
}

// lookedAgain says that another event brought the function to the end.
func (o *Outcome) lookedAgain() bool { return o.Cut.Fault == Denied || o.Cut.Fault == Twice }

// silenced says that a cure need not be told: the function was not allowed to,
// or nothing tells it that an event comes again, as a queue does.
func (o *Outcome) silenced() bool {
	return o.async || o.Cut.Fault == Denied && o.Cut.Call == "events:PutEvents"
}

// compareNews holds what was published against the reference's: each subject
// that it speaks of has to be spoken of.
func (o *Outcome) compareNews(reference *Outcome) {
	for _, due := range reference.results {
		// The subject of an object names a version, which differs between worlds.
		subject, _, _ := strings.Cut(due.subject, "?versionId=")
		if slices.ContainsFunc(o.results, func(t told) bool {
			other, _, _ := strings.Cut(t.subject, "?versionId=")
			// The second look, which a sweep asks for, is at a family and speaks of it.
			return other == subject || o.lookedAgain() && strings.HasSuffix(subject, " of "+other+">")
		}) {
			continue
		}
		line := fmt.Sprintf("no event about %s, which is %s", subject, due.status)
		if due.status == finding.Remediated && o.silenced() {
			o.Untold = append(o.Untold, line)
			continue
		}
		o.Differences = append(o.Differences, line)
	}
}

// cuts are all that a run's calls can be cut off at.
func (o *Outcome) cuts(faults []Fault) []Cut {
	number := map[string]int{}
	var cuts []Cut
	for _, call := range o.calls {
		number[call]++
		for _, fault := range faults {
			cuts = append(cuts, Cut{Fault: fault, Call: call, Number: number[call]})
		}
	}
	return cuts
}
