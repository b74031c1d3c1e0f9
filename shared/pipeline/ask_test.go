package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

// maze is a function whose subject is a room, and whose observation holds the
// rooms seen so far, each with the doors it has.
type maze struct {
	doors map[string][]string
	// waves are the questions of each wave, in their order.
	waves []string
	err   error
}

type rooms map[string][]string

func (m *maze) function() *Function[string, rooms, string, string] {
	return &Function[string, rooms, string, string]{
		Name: "maze", Mode: finding.Enforce,
		Subjects: func(event.Trigger) []Subject[string] { return []Subject[string]{{Name: "entrance", Of: "entrance"}} },
		Observe: func(_ context.Context, room string) (rooms, error) {
			return rooms{room: m.doors[room]}, nil
		},
		Ask: func(seen rooms) []string {
			open := map[string]bool{}
			for _, doors := range seen {
				for _, door := range doors {
					if _, known := seen[door]; !known {
						open[door] = true
					}
				}
			}
			return slices.Sorted(maps.Keys(open))
		},
		Answer: func(_ context.Context, seen rooms, questions []string) (rooms, error) {
			m.waves = append(m.waves, strings.Join(questions, " "))
			answered := maps.Clone(seen)
			for _, room := range questions {
				if doors, known := m.doors[room]; known {
					answered[room] = doors
				}
			}
			return answered, m.err
		},
		Plan: func(seen rooms) Plan[string] {
			return Plan[string]{Findings: []finding.Finding{{Code: "rooms", Severity: finding.Info, Message: strings.Join(slices.Sorted(maps.Keys(seen)), " ")}}}
		},
		Describe: func(string) finding.Action { return finding.Action{} },
		Apply:    func(context.Context, string) error { return nil },
	}
}

func TestAskIsAnsweredInWavesUntilNoQuestionIsLeft(t *testing.T) {
	m := maze{doors: map[string][]string{"entrance": {"hall", "stairs"}, "hall": {"kitchen", "entrance"}, "stairs": {"attic", "kitchen"}, "kitchen": nil, "attic": nil}}
	result := m.function().Handle(t.Context(), []byte(`{"go":"in"}`)).Report().Results[0]
	if got, want := m.waves, []string{"hall stairs", "attic kitchen"}; !slices.Equal(got, want) {
		t.Errorf("waves %q, want %q", got, want)
	}
	if result.Status != finding.Compliant || result.Findings[0].Message != "attic entrance hall kitchen stairs" {
		t.Errorf("got %+v", result)
	}
}

func TestNoQuestionNoWave(t *testing.T) {
	m := maze{doors: map[string][]string{"entrance": nil}}
	if result := m.function().Handle(t.Context(), []byte(`{"go":"in"}`)).Report().Results[0]; len(m.waves) != 0 || result.Findings[0].Message != "entrance" {
		t.Errorf("waves %q, result %+v", m.waves, result)
	}
}

// The deepest maze that is allowed is seen to its end; one more room, or a
// question without an answer that is asked again, ends in a finding.
func TestWavesAreBounded(t *testing.T) {
	corridor := func(length int) map[string][]string {
		doors := map[string][]string{"entrance": {"room 1"}}
		for i := 1; i < length; i++ {
			doors[fmt.Sprint("room ", i)] = []string{fmt.Sprint("room ", i+1)}
		}
		doors[fmt.Sprint("room ", length)] = nil
		return doors
	}
	for name, test := range map[string]struct {
		doors  map[string][]string
		status finding.Status
	}{
		"as deep as allowed": {corridor(maxWaves), finding.Compliant},
		"one deeper":         {corridor(maxWaves + 1), finding.Noncompliant},
		"asks for ever":      {map[string][]string{"entrance": {"no such room"}}, finding.Noncompliant},
	} {
		m := maze{doors: test.doors}
		outcome := m.function().Handle(t.Context(), []byte(`{"go":"in"}`))
		result := outcome.Report().Results[0]
		findingtest.Saw(result.Findings...)
		if result.Status != test.status || len(m.waves) != maxWaves || outcome.err() != nil {
			t.Errorf("%s: %d waves, error %v, result %+v", name, len(m.waves), outcome.err(), result)
		}
		if test.status == finding.Noncompliant && result.Findings[0].Code != "questions-unanswered" {
			t.Errorf("%s: got %+v", name, result.Findings)
		}
	}
}

func TestAnAnswerThatFailsIsTheSubjectsError(t *testing.T) {
	m := maze{doors: map[string][]string{"entrance": {"hall"}}, err: errors.New("connection lost")}
	outcome := m.function().Handle(t.Context(), []byte(`{"go":"in"}`))
	if result := outcome.Report().Results[0]; result.Status != finding.Failed || outcome.err() == nil {
		t.Errorf("error %v, result %+v", outcome.err(), result)
	}
}
