package sweep_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The second sweep tells what is new, what is resolved, and what somebody has
// accepted; and a mistake in the list of mutes mutes nothing.
func TestNewResolvedAndMuted(t *testing.T) {
	a := awake()
	a.families, a.objects["own"] = []string{"bad-one", "bad-two"}, []string{"bad/ecs.config"}
	if first := summaryOf(t, run(t, t.Context(), enforcing(), a, `{"sweep":"all"}`)); first.Headline != "3 of 4 subjects are not as they should be" {
		t.Errorf("the first: %s", first.Headline)
	}
	a.families = []string{"bad-two", "bad-three"}
	day := func(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }
	a.stored["mute.json"] = fmt.Sprintf(`{"mutes":[
		{"subject":"s3://own/bad/*","code":"broken","reason":"replaced next week","until":%q},
		{"subject":"bad-two","reason":"was to be fixed","until":%q}]}`, day(7), day(-3))
	second := summaryOf(t, run(t, t.Context(), enforcing(), a, `{"sweep":"all"}`))
	if second.Headline != "2 of 4 subjects are not as they should be; 1 new; 1 resolved since the last sweep; 1 muted" {
		t.Errorf("the second: %s", second.Headline)
	}
	if second.New != 1 || len(second.Resolved) != 1 || second.Resolved[0].Subject != "bad-one" || len(second.EndedMutes) != 1 || !strings.Contains(second.EndedMutes[0], "was to be fixed") {
		t.Errorf("got %+v", second)
	}
	for _, result := range second.Results {
		isNew, accepted := result.Subject == "bad-three", strings.HasPrefix(result.Subject, "s3://")
		if result.New != isNew || result.Accepted != accepted || accepted && (len(result.Muted) != 1 || len(result.Findings) != 0) {
			t.Errorf("got %+v", result)
		}
	}

	// A sweep of one kind leaves the other ones as they were known.
	summaryOf(t, run(t, t.Context(), enforcing(), a, `{"only":["config-objects"]}`))
	a.stored["mute.json"] = `{"mutes":[{"subject":"s3://own/bad/*"}]}`
	last := summaryOf(t, run(t, t.Context(), enforcing(), a, `{"sweep":"all"}`))
	if last.New != 0 || len(last.Resolved) != 0 || last.Muted != 0 || !strings.Contains(last.MuteProblem, "entry 1 of mute.json") {
		t.Errorf("got %s, %+v", last.Headline, last)
	}
}
