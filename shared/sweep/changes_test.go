package sweep_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
)

// curing is a worker to which every name that holds "cure" is a subject that it
// changes, and every one that holds "note" one that it only makes a note on. In a
// dry run it plans.
func curing(changed map[string]int) func(string, map[string]any) []finding.Result {
	return func(_ string, message map[string]any) []finding.Result {
		var results []finding.Result
		_, rehearsal := message["rehearsal"]
		_, dryRun := message["dry-run"]
		for _, name := range names(message) {
			result := finding.Result{Subject: name, Status: finding.Compliant, Findings: []finding.Finding{}, Actions: []finding.Action{}, Rehearsal: rehearsal}
			planned := rehearsal || dryRun
			switch {
			case strings.Contains(name, "cure"):
				result.Actions = []finding.Action{{Kind: "Cure", Target: name, Applied: !planned}}
				result.Findings = []finding.Finding{{Code: "ill", Severity: finding.Error, Message: name + " is ill", Fix: "cure it"}}
				result.Status = finding.Planned
				if !planned {
					result.Status = finding.Remediated
					changed[name]++
				}
			case strings.Contains(name, "withheld"):
				result.Actions = []finding.Action{{Kind: "Cure", Target: name, Withheld: true}}
				result.Status = finding.Planned
			case strings.Contains(name, "note"):
				result.Actions = []finding.Action{{Kind: "Note", Target: name, Applied: !planned, Note: true}}
				if !planned {
					changed[name]++
				}
			}
			results = append(results, result)
		}
		return results
	}
}

// ward has some families to be cured, some with a note, and many that are fine.
func ward(cures, notes, fine int) (*account, map[string]int) {
	a, changed := awake(), map[string]int{}
	a.worker = curing(changed)
	for i := range max(cures, notes, fine) {
		// Mixed, so that messages have some of each.
		for kind, count := range map[string]int{"cure": cures, "note": notes, "fine": fine} {
			if i < count {
				a.families = append(a.families, fmt.Sprintf("%s-%04d", kind, i))
			}
		}
	}
	slices.Sort(a.families)
	return a, changed
}

func TestChangeLimit(t *testing.T) {
	tests := map[string]struct {
		cures, notes, fine int
		limit              int
		request            string
		// changed is how many subjects are changed or noted, rehearsed whether plans
		// were asked for first, asks whether a person is.
		changed   int
		rehearsed bool
		asks      bool
	}{
		"few things, all changed without a rehearsal":   {cures: 10, limit: 10, request: `{}`, changed: 10},
		"as many changes as allowed":                    {cures: 10, fine: 90, limit: 10, request: `{}`, changed: 10, rehearsed: true},
		"one change too many":                           {cures: 11, fine: 90, limit: 10, request: `{}`, rehearsed: true, asks: true},
		"all would be changed":                          {cures: 300, limit: 100, request: `{}`, rehearsed: true, asks: true},
		"allowed by hand":                               {cures: 300, limit: 100, request: `{"sweep":"all","max-changes":300}`, changed: 300},
		"allowed by hand, with fine ones beside":        {cures: 30, fine: 300, limit: 10, request: `{"sweep":"all","max-changes":30}`, changed: 30, rehearsed: true},
		"forbidden by hand":                             {cures: 3, limit: 100, request: `{"sweep":"all","max-changes":0}`, rehearsed: true, asks: true},
		"nothing to change":                             {fine: 300, limit: 0, request: `{}`, rehearsed: true},
		"notes are no changes":                          {cures: 1, notes: 200, limit: 10, request: `{}`, changed: 201, rehearsed: true},
		"a dry run asks no one":                         {cures: 300, limit: 10, request: `{"dry-run":true}`},
		"one kind":                                      {cures: 300, limit: 10, request: `{"only":["task-definitions"]}`, rehearsed: true, asks: true},
		"the command in the finding allows the changes": {cures: 12, fine: 5, limit: 10, request: `{"only":["task-definitions"],"max-changes":12}`, changed: 12, rehearsed: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, changed := ward(test.cures, test.notes, test.fine)
				settings := enforcing()
				settings.ChangeLimit = test.limit
				outcome := run(t, t.Context(), settings, a, test.request)
				summary := summaryOf(t, outcome)
				if !summary.Complete || summary.Mode == finding.DryRun != strings.Contains(test.request, "dry-run") {
					t.Errorf("got %+v", summary)
				}
				if len(changed) != test.changed {
					t.Errorf("%d were changed, want %d", len(changed), test.changed)
				}
				for name, times := range changed {
					if times != 1 {
						t.Errorf("%s was changed %d times", name, times)
					}
				}
				if total := summary.Statuses[finding.Compliant] + summary.Statuses[finding.Remediated] + summary.Statuses[finding.Planned]; total != test.cures+test.notes+test.fine+1 {
					t.Errorf("of %d subjects the report has %d: %v", test.cures+test.notes+test.fine, total, summary.Statuses)
				}
				rehearsals := slices.ContainsFunc(a.queues[familiesQueue], func(body string) bool { return strings.Contains(body, `"rehearsal":true`) })
				if rehearsals != test.rehearsed {
					t.Errorf("rehearsed: %t", rehearsals)
				}
				last := outcome.Report().Results[len(outcome.Report().Results)-1]
				if asks := slices.Contains(codes(last), sweep.CodeOverLimit); asks != test.asks || (summary.Asks != "") != test.asks || (last.Status == finding.Noncompliant) != test.asks {
					t.Errorf("asks: %t, status %s, summary %q", asks, last.Status, summary.Asks)
				}
				if planned := summary.Statuses[finding.Planned]; test.asks && planned != test.cures {
					t.Errorf("%d are planned", planned)
				}
			})
		})
	}
}

// The command that the finding gives is a request that allows exactly what was
// found.
func TestTheCommandOfTheFindingAllowsTheChanges(t *testing.T) {
	for _, request := range []string{`{}`, `{"only":["roles","task-definitions"]}`} {
		a, changed := ward(25, 3, 100)
		settings := enforcing()
		settings.ChangeLimit, settings.FunctionName = 10, "acme-sweep"
		outcome := run(t, t.Context(), settings, a, request)
		last := outcome.Report().Results[len(outcome.Report().Results)-1]
		place := slices.Index(codes(last), sweep.CodeOverLimit)
		if place < 0 || len(changed) > 0 {
			t.Fatalf("got %+v, changed %v", last, changed)
		}
		fix := last.Findings[place].Fix
		_, payload, _ := strings.Cut(fix, "echo '")
		payload, _, _ = strings.Cut(payload, "'")
		if !strings.Contains(fix, "--function-name acme-sweep ") || !strings.Contains(fix, " --payload fileb:///dev/stdin ") || !json.Valid([]byte(payload)) {
			t.Fatalf("the fix is %q", fix)
		}
		again := run(t, t.Context(), settings, a, payload)
		if summary := summaryOf(t, again); !summary.Complete || summary.Statuses[finding.Remediated] != 25 || summary.Asks != "" {
			t.Errorf("%s changed %d: %s", payload, len(changed), summary.Headline)
		}
	}
}

// What nothing entitles a function to isn't counted, and isn't asked for again.
func TestWithheldActionsAreNoChanges(t *testing.T) {
	a, changed := ward(0, 0, 0)
	for i := range 50 {
		a.families = append(a.families, fmt.Sprintf("withheld-%d", i))
	}
	settings := enforcing()
	settings.ChangeLimit = 10
	summary := summaryOf(t, run(t, t.Context(), settings, a, `{}`))
	if len(changed) > 0 || summary.Asks != "" || len(a.queues[familiesQueue]) != 10 || summary.Statuses[finding.Planned] != 50 {
		t.Errorf("%d messages: %+v", len(a.queues[familiesQueue]), summary)
	}
}

// A sweep that needs several invocations changes nothing before all that it lists
// is rehearsed, wherever it is cut off.
func TestARehearsalOverSeveralInvocations(t *testing.T) {
	for _, test := range []struct{ cures, limit, changed int }{{60, 100, 60}, {60, 59, 0}} {
		for _, failing := range []string{"", "SendMessageBatch", "ReceiveMessage", "PutObject"} {
			t.Run(fmt.Sprintf("%d of %d, %s fails", test.cures, test.limit, failing), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, changed := ward(test.cures, 0, 900)
					a.listed = func() { time.Sleep(10 * time.Second) }
					settings := enforcing()
					settings.ChangeLimit = test.limit
					payload, invocations := `{}`, 0
					for payload != "" && invocations < 30 {
						invocations++
						if failing != "" && invocations%2 == 0 {
							a.failOnce = map[string]error{failing: refusal("Throttling")}
						}
						ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
						outcome := deliver(t, ctx, settings, a, payload, "one "+payload)
						cancel()
						if slices.ContainsFunc(outcome.Report().Results, func(result finding.Result) bool { return result.Status == finding.Failed }) {
							// The queue delivers it again after the lock has run out.
							time.Sleep(21 * time.Minute)
							continue
						}
						payload = strings.Join(a.queues[sweepQueue], "")
						a.queues[sweepQueue] = nil
						if payload != "" {
							continue
						}
						summary := summaryOf(t, outcome)
						if !summary.Complete || len(changed) != test.changed || (summary.Asks != "") != (test.changed == 0) {
							t.Errorf("changed %d: %s; %q", len(changed), summary.Headline, summary.Asks)
						}
						if wrong := summary.Statuses[finding.Planned] + summary.Statuses[finding.Remediated]; wrong != test.cures {
							t.Errorf("%d of the sick are reported: %v", wrong, summary.Statuses)
						}
					}
					if payload != "" {
						t.Error("the sweep doesn't end")
					}
				})
			})
		}
	}
}

// Without a queue for answers, no one can count the changes, so more subjects than
// the limit are only asked for plans.
func TestChangeLimitWithoutAnswers(t *testing.T) {
	for count, asks := range map[int]bool{10: false, 11: true} {
		a, _ := ward(count, 0, 0)
		settings := enforcing()
		settings.ReportBucket, settings.ChangeLimit = "", 10
		outcome := run(t, t.Context(), settings, a, `{}`)
		last := outcome.Report().Results[len(outcome.Report().Results)-1]
		dry := slices.ContainsFunc(a.queues[familiesQueue], func(body string) bool { return strings.Contains(body, `"rehearsal":true`) })
		if dry != asks || slices.Contains(codes(last), sweep.CodeOverLimit) != asks {
			t.Errorf("%d: sent %q, got %+v", count, a.queues[familiesQueue], last)
		}
	}
}

func TestMaxChangesIsANumber(t *testing.T) {
	for _, value := range []string{`"many"`, `-1`, `null`, `1.5`, `[]`} {
		if got := lines(run(t, t.Context(), enforcing(), awake(), `{"sweep":"all","max-changes":`+value+`}`)); !slices.Equal(got, []string{"event noncompliant [event-malformed]"}) {
			t.Errorf("%s: got %q", value, got)
		}
	}
}
