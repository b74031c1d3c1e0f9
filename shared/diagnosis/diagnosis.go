// Package diagnosis says why a task or an instance failed: it reads what ECS
// says, confirms the cause with a few calls, hands it to the function that ends
// it, and tells people once.
package diagnosis

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/function"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
)

// Name is the function's.
const Name = function.DiagnoseFailure

// Diagnosis is the function. It is its own Runner, since what a schedule
// concerns has to be read first.
type Diagnosis struct {
	settings Settings
	clients  Clients
	memory   *Memory
	now      func() time.Time
}

// New makes the function from its parts.
func New(settings Settings, clients Clients, now func() time.Time) *Diagnosis {
	return &Diagnosis{settings: settings, clients: clients, memory: NewMemory(clients.Storage, settings.StateBucket, now), now: now}
}

// Handle takes one delivery through the pipeline.
func (d *Diagnosis) Handle(ctx context.Context, payload []byte) pipeline.Outcome {
	delivery := event.Decode(payload)
	return d.function(ctx, delivery).Handle(withAttempts(ctx, delivery), payload)
}

func (d *Diagnosis) function(ctx context.Context, delivery event.Delivery) *pipeline.Function[Failure, Observation, Question, Action] {
	subjects := Subjects
	if isScheduled(delivery) {
		open, err := d.memory.Open(ctx)
		var out []Failure
		if err == nil {
			out, err = d.unregistered(ctx)
		}
		subjects = func(trigger event.Trigger) []pipeline.Subject[Failure] {
			if _, ok := trigger.(event.Schedule); !ok {
				return Subjects(trigger)
			}
			return following(open, out, err)
		}
	}
	return &pipeline.Function[Failure, Observation, Question, Action]{
		Name: Name, Mode: d.settings.Mode, Subjects: subjects,
		Observe: d.observe, Ask: Ask, Answer: d.answer, Plan: d.plan, Describe: Action.Describe, Apply: d.apply,
		// A dry run plans no hand-over; the state of what was reported is this
		// function's own.
		Harmless: true,
	}
}

func isScheduled(delivery event.Delivery) bool {
	return slices.ContainsFunc(delivery.Messages, func(message event.Message) bool {
		return slices.ContainsFunc(message.Triggers, func(trigger event.Trigger) bool {
			_, ok := trigger.(event.Schedule)
			return ok
		})
	})
}

// following gives a subject for each failure that was reported and isn't over, and
// for each instance that is out.
func following(open []State, out []Failure, err error) []pipeline.Subject[Failure] {
	if err != nil {
		return []pipeline.Subject[Failure]{{Name: "open failures", Of: Failure{unread: err}}}
	}
	subjects := []pipeline.Subject[Failure]{}
	for _, state := range open {
		f := Failure{
			Cluster: state.Cluster, Account: state.Account, Region: state.Region, Partition: state.Partition,
			Service: state.Service, Definition: state.Definition, Instance: state.Instance, Open: &state,
		}
		subjects = append(subjects, pipeline.Subject[Failure]{Name: f.Name(), Key: state.Group, Of: f})
	}
	for _, f := range out {
		subjects = append(subjects, f.subject())
	}
	if len(subjects) == 0 {
		return []pipeline.Subject[Failure]{pipeline.Skip[Failure]("open failures", CodeNothingFound, "No failure is open.")}
	}
	return subjects
}

// attempt identifies one attempt at a start.
func (f Failure) attempt() string {
	if f.Task != "" {
		return lastPart(f.Task) + ":" + strconv.FormatInt(f.Version, 10)
	}
	return f.Service + f.Instance
}

// withAttempts counts what a delivery says about each group, once each.
func withAttempts(ctx context.Context, delivery event.Delivery) context.Context {
	counted := map[string]Attempts{}
	for _, message := range delivery.Messages {
		for _, trigger := range message.Triggers {
			for _, subject := range Subjects(trigger) {
				if subject.Settled != nil {
					continue
				}
				group, id := subject.Of.Group(), subject.Of.attempt()
				seen := counted[group]
				if !slices.Contains(seen.IDs, id) {
					seen.IDs = append(seen.IDs, id)
				}
				seen.Redelivered = seen.Redelivered || message.Received > 1
				counted[group] = seen
			}
		}
	}
	known := &sync.Map{}
	for group, seen := range counted {
		known.Store(group, seen)
	}
	return context.WithValue(ctx, attemptsKey{}, known)
}
