// Faults runs every function against the local stack and cuts it off at each of
// its calls in every way that AWS can fail (package faults). It prints a table,
// and ends with 1 where anything ended otherwise than without faults, a secret
// was seen, a credential was orphaned, or fewer cut points were tried than asked
// for.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/faults"
)

func main() {
	least := flag.Int("least", 1000, "how many cut `points` there have to be")
	only := flag.String("only", "", "`text` that a scenario's title has to contain")
	logs := flag.Bool("logs", false, "also print what a function logged that came to another end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	good, err := run(ctx, *least, *only, *logs)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
	}
	if !good || err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, least int, only string, logs bool) (good bool, err error) {
	start := time.Now()
	lab, err := faults.Open(ctx, fmt.Sprintf("test-faults-%d", os.Getpid()), os.Stderr)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	var scenarios []*faults.Scenario
	for _, scenario := range faults.AllScenarios() {
		if strings.Contains(scenario.Title(), only) {
			scenarios = append(scenarios, scenario)
		}
	}
	report, err := lab.Run(ctx, faults.Suite{Scenarios: scenarios, Faults: faults.All, Progress: os.Stderr})
	if err != nil {
		return false, err
	}
	if err := report.WriteTable(os.Stdout, faults.All); err != nil {
		return false, fmt.Errorf("writing the table: %w", err)
	}
	for _, complaint := range report.Complaints(logs) {
		fmt.Println("\n" + complaint)
	}
	totals := report.Totals()
	fmt.Printf("\n%d cut points in %s: %d differences, %d secrets seen in %d bytes, %d orphaned credentials; %d of %d lost calls went unnoticed; %d cures could not be told\n",
		totals.CutPoints, time.Since(start).Round(time.Second), totals.Differences, totals.Sightings, totals.Searched, totals.Orphans, totals.Unnoticed, totals.Dropped, totals.Untold)
	if totals.CutPoints < least {
		return false, fmt.Errorf("%d cut points are fewer than %d", totals.CutPoints, least)
	}
	return totals.Good(), nil
}
