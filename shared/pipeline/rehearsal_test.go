package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
)

// A rehearsal changes nothing; what it would change is counted for the sweep and
// not published, and what it wouldn't change is published as in any other look.
func TestARehearsalTellsTheSweepWhatWouldChange(t *testing.T) {
	for mode, want := range map[finding.Mode]struct {
		published []string
		counts    string
	}{
		finding.Enforce: {[]string{"broken "}, "1 1 map[compliant:1 noncompliant:1 planned:1]"},
		// A function that only plans has nothing to carry out.
		finding.DryRun: {[]string{"broken ", "off a "}, "0 0 map[compliant:1 noncompliant:1 planned:1]"},
	} {
		var to bus
		var l lamps
		r, _, _ := reporting(nil, &to)
		function := sweepable(&l)
		function.Mode = mode
		r.runner = function
		if _, err := r.Invoke(context.Background(), queue(`{"roles":["on","off a","broken"],"sweep":"s.1.0","rehearsal":true}`)); err != nil {
			t.Fatal(err)
		}
		var published []string
		counts := ""
		for _, entry := range to.entries {
			var of struct {
				publish.Swept
				Subject string
			}
			if err := json.Unmarshal([]byte(*entry.Detail), &of); err != nil {
				t.Fatal(err)
			}
			if *entry.DetailType == publish.SweepResultType {
				counts = fmt.Sprint(of.Pending, " ", of.Changes, " ", of.Statuses)
				continue
			}
			if *entry.DetailType == publish.ClearType {
				continue
			}
			text := of.Subject + " "
			if strings.Contains(*entry.Detail, `"mode":"dry-run"`) && mode == finding.Enforce {
				text += "dry-run"
			}
			published = append(published, text)
		}
		slices.Sort(published)
		if len(l.switched) > 0 || !slices.Equal(published, want.published) || counts != want.counts {
			t.Errorf("%s: switched %q, published %q, counted %s", mode, l.switched, published, counts)
		}
	}
}

// Withheld actions and notes are no changes.
func TestWhatWouldChange(t *testing.T) {
	for name, test := range map[string]struct {
		action           finding.Action
		pending, changes bool
	}{
		"planned":  {finding.Action{}, true, true},
		"applied":  {finding.Action{Applied: true}, false, false},
		"withheld": {finding.Action{Withheld: true}, false, false},
		"a note":   {finding.Action{Note: true}, true, false},
	} {
		result := finding.Result{Actions: []finding.Action{test.action}}
		if result.IsPending() != test.pending || result.WouldChange() != test.changes {
			t.Errorf("%s: pending %t, changes %t", name, result.IsPending(), result.WouldChange())
		}
	}
}
