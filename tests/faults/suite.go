package faults

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// sideBySide is how many runs go on at the same time: most of them wait for a
// service that does not answer, or between the SDK's attempts.
const sideBySide = 96

// Suite is what is tried.
type Suite struct {
	Scenarios []*Scenario
	Faults    []Fault
	// Sample is how many of each scenario's cuts are tried, 0 for all. The same code
	// gets the same ones, so that what fails once fails again.
	Sample int
	// Progress gets a line for each step.
	Progress io.Writer
}

// Report is what came of a suite.
type Report struct {
	// Outcomes are all runs but the references, in the order of the scenarios.
	Outcomes []*Outcome
	// References are the runs without faults.
	References []*Outcome
	// Dropped are the runs in which a call was lost that no one would notice.
	Dropped []*Outcome
}

// Run tries every scenario with every fault at every call.
func (l *Lab) Run(ctx context.Context, suite Suite) (*Report, error) {
	report := &Report{References: make([]*Outcome, len(suite.Scenarios))}
	fmt.Fprintf(suite.Progress, "running %d scenarios without faults …\n", len(suite.Scenarios))
	group, running := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for index, scenario := range suite.Scenarios {
		group.Go(func() (err error) {
			report.References[index], err = l.play(running, scenario, Cut{}, nil)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	type job struct {
		reference *Outcome
		cut       Cut
	}
	var jobs []job
	for _, reference := range report.References {
		if lost := reference.Scenario.Lost; lost.Call != "" {
			lost.Fault = Dropped
			jobs = append(jobs, job{reference, lost})
		}
		cuts := append(reference.cuts(suite.Faults), Cut{Fault: Twice})
		if suite.Sample > 0 && len(cuts) > suite.Sample {
			// Calls that go out side by side come in any order.
			slices.SortFunc(cuts, func(a, b Cut) int {
				return cmp.Or(cmp.Compare(a.Call, b.Call), a.Number-b.Number, cmp.Compare(a.Fault, b.Fault))
			})
			rand.New(rand.NewPCG(1, uint64(len(cuts)))).Shuffle(len(cuts), func(i, j int) { cuts[i], cuts[j] = cuts[j], cuts[i] })
			cuts = cuts[:suite.Sample]
		}
		for _, cut := range cuts {
			jobs = append(jobs, job{reference, cut})
		}
	}
	// Those that wait and those that work are mixed.
	rand.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
	fmt.Fprintf(suite.Progress, "running them with %d faults …\n", len(jobs))
	var mutex sync.Mutex
	group, running = errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for _, job := range jobs {
		group.Go(func() error {
			outcome, err := l.play(running, job.reference.Scenario, job.cut, job.reference)
			if err != nil {
				return err
			}
			mutex.Lock()
			defer mutex.Unlock()
			if job.cut.Fault == Dropped {
				report.Dropped = append(report.Dropped, outcome)
				return nil
			}
			report.Outcomes = append(report.Outcomes, outcome)
			if done := len(report.Outcomes); done%100 == 0 {
				fmt.Fprintf(suite.Progress, "  %d of %d\n", done, len(jobs))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(report.Outcomes, func(a, b *Outcome) int {
		return slices.Index(suite.Scenarios, a.Scenario) - slices.Index(suite.Scenarios, b.Scenario)
	})
	return report, nil
}

// AllScenarios are those of all functions.
func AllScenarios() []*Scenario {
	return slices.Concat(AttachPolicies(), ValidateConfig(), RotateSecret(), PatchTaskDefinition(), Sweep())
}
