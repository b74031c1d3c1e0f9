package faults

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Totals are what a report comes to.
type Totals struct {
	// CutPoints are the faults that happened, Missed those that did not.
	CutPoints, Missed int
	// Differences, Orphans and Sightings have to be 0.
	Differences, Orphans, Sightings int
	// Untold are cures that no event reports, where none can.
	Untold int
	// Searched is how many bytes left the system.
	Searched int64
	// Unnoticed are dropped calls that the check did not see, of Dropped in all.
	Unnoticed, Dropped int
}

// Good reports whether all is as it has to be.
func (t Totals) Good() bool {
	return t.CutPoints > 0 && t.Searched > 0 && t.Dropped > 0 &&
		t.Missed+t.Differences+t.Orphans+t.Sightings+t.Unnoticed == 0
}

// Totals adds everything up.
func (r *Report) Totals() Totals {
	var totals Totals
	for _, outcome := range r.Outcomes {
		totals.add(outcome)
	}
	for _, reference := range r.References {
		totals.Searched += reference.Searched
		totals.Sightings += len(reference.Sightings)
		totals.Orphans += len(reference.Orphans)
	}
	totals.Dropped = len(r.Dropped)
	for _, dropped := range r.Dropped {
		if !dropped.Fired || len(dropped.Differences) == 0 {
			totals.Unnoticed++
		}
	}
	return totals
}

func (t *Totals) add(outcome *Outcome) {
	if outcome.Fired {
		t.CutPoints++
	} else {
		t.Missed++
	}
	t.Differences += min(1, len(outcome.Differences))
	t.Orphans += len(outcome.Orphans)
	t.Sightings += len(outcome.Sightings)
	t.Untold += len(outcome.Untold)
	t.Searched += outcome.Searched
}

// WriteTable reports every scenario and fault how many cut points were tried,
// and behind a + how many of them ended otherwise than the run without faults.
func (r *Report) WriteTable(writer io.Writer, faults []Fault) error {
	table := tabwriter.NewWriter(writer, 0, 0, 2, ' ', 0)
	columns := append(append([]Fault{}, faults...), Twice)
	fmt.Fprint(table, "function, scenario\tcalls")
	for _, fault := range columns {
		fmt.Fprint(table, "\t", fault)
	}
	fmt.Fprintln(table, "\tdifferences\tsecrets seen\torphans")
	row := func(title string, calls int, of func(*Outcome) bool) {
		fmt.Fprintf(table, "%s\t%d", title, calls)
		var all Totals
		for _, fault := range columns {
			var totals Totals
			for _, outcome := range r.Outcomes {
				if outcome.Cut.Fault == fault && of(outcome) {
					totals.add(outcome)
					all.add(outcome)
				}
			}
			cell := fmt.Sprint(totals.CutPoints)
			if totals.Differences > 0 {
				cell += fmt.Sprintf("+%d", totals.Differences)
			}
			fmt.Fprint(table, "\t", cell)
		}
		fmt.Fprintf(table, "\t%d\t%d\t%d\n", all.Differences, all.Sightings, all.Orphans)
	}
	calls := 0
	for _, reference := range r.References {
		row(reference.Scenario.Title(), len(reference.calls), func(o *Outcome) bool { return o.Scenario == reference.Scenario })
		calls += len(reference.calls)
	}
	row("all", calls, func(*Outcome) bool { return true })
	return table.Flush()
}

// Complaints tell in full of all that is not as it has to be, and on demand what
// the function logged.
func (r *Report) Complaints(logs bool) []string {
	var complaints []string
	for _, outcome := range append(append([]*Outcome{}, r.References...), r.Outcomes...) {
		var lines []string
		if outcome.Cut.Fault != None && !outcome.Fired {
			lines = append(lines, "the function never came to this call")
		}
		lines = append(lines, outcome.Differences...)
		for _, orphan := range outcome.Orphans {
			lines = append(lines, "works and is kept nowhere: "+orphan)
		}
		for _, sighting := range outcome.Sightings {
			lines = append(lines, sighting.String())
		}
		if len(lines) > 0 && logs {
			lines = append(lines, "its log:", outcome.Output)
		}
		if len(lines) > 0 {
			complaints = append(complaints, fmt.Sprintf("%s, %s:\n  %s", outcome.Scenario.Title(), outcome.Cut, strings.Join(lines, "\n  ")))
		}
	}
	for _, dropped := range r.Dropped {
		if !dropped.Fired || len(dropped.Differences) == 0 {
			complaints = append(complaints, fmt.Sprintf("%s, %s: the check did not notice it", dropped.Scenario.Title(), dropped.Cut))
		}
	}
	return complaints
}
