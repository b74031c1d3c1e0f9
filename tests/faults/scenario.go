package faults

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Scenario is one thing that a function is there for.
type Scenario struct {
	Function, Name string
	// Settings take the place of the deployed function's.
	Settings map[string]string
	// Unguarded says that its calls are not held against the function's role, which
	// names queues and buckets of the stack, where the world has its own. The
	// end-to-end tests hold them.
	Unguarded bool
	// Arrange makes what is there before the event. Again is what brings the
	// function to look once more, as the next event or sweep does; nil where the
	// event itself comes again whatever went wrong.
	Arrange func(context.Context, *World) (event, again Trigger, err error)
	// Isolated are the only calls after whose denial the function has to look again,
	// where a denial elsewhere fails what comes again by itself; none for all calls.
	Isolated []Cut
	// State reads everything that the function may have changed, a line each.
	State func(context.Context, *World) ([]string, error)
	// Lost is a call whose loss would go unnoticed, had the
	// service answered with success; the check has to.
	Lost Cut
	// Another is what depends on which event brings the function to look: what only
	// the first event tells, or what a second look compares with the first.
	Another *regexp.Regexp
	// Excuse is how the result says that a call failed which it can do without, or that
	// a run was cut off.
	Excuse *regexp.Regexp
	// Live lists the credentials that work at the registry, and Wanted those that
	// have to: the current one, and the previous one where it works on.
	Live, Wanted func(context.Context, *World) ([]string, error)
}

// Title names the scenario in the table.
func (s *Scenario) Title() string { return s.Function + ", " + s.Name }

// looksAgain says that nothing but a second look can cure what the cut left.
func (s *Scenario) looksAgain(cut Cut) bool {
	return len(s.Isolated) == 0 || slices.ContainsFunc(s.Isolated, func(at Cut) bool { return at.Call == cut.Call && at.Number == cut.Number })
}

// moments are what differs between two runs by its nature: times.
var moments = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?`)

// ids are those of results, which are made of their subject's name.
var ids = regexp.MustCompile(`\b[0-9a-f]{16}\b`)

// normalised takes out of a state what differs between two runs by its nature.
func (w *World) normalised(state []string) []string {
	lines := make([]string, len(state))
	for index, line := range state {
		lines[index] = ids.ReplaceAllString(moments.ReplaceAllString(strings.ReplaceAll(w.disguised(line), w.Mark, "WORLD"), "TIME"), "ID")
	}
	return lines
}

// differences lists the lines that only one of two states has.
func differences(want, got []string) []string {
	var found []string
	for _, line := range want {
		if !slices.Contains(got, line) {
			found = append(found, "missing: "+line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			found = append(found, "unexpected: "+line)
		}
	}
	if len(found) == 0 && len(want) != len(got) {
		found = append(found, fmt.Sprintf("%d lines instead of %d", len(got), len(want)))
	}
	return found
}
