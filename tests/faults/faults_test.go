package faults

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
)

// brief are the faults after which no one waits for long.
var brief = []Fault{Denied, Silent, ResetBefore, ResetAfter, KilledBefore, KilledAfter}

// each is how many cut points of a scenario the short form tries; make faults tries
// all of them.
const each = 5

// TestFaults is the short form of make faults, on one stack, with the checks of
// the check itself.
func TestFaults(t *testing.T) {
	lab, err := Open(t.Context(), fmt.Sprintf("test-faults-%d", os.Getpid()), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("every function comes to the same end", func(t *testing.T) {
		t.Parallel()
		report, err := lab.Run(t.Context(), Suite{Scenarios: AllScenarios(), Faults: brief, Sample: each, Progress: t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		if err := report.WriteTable(t.Output(), brief); err != nil {
			t.Error(err)
		}
		for _, complaint := range report.Complaints(true) {
			t.Error(complaint)
		}
		if totals := report.Totals(); !totals.Good() {
			t.Errorf("%+v", totals)
		}
	})
	t.Run("an orphaned credential is noticed", func(t *testing.T) {
		t.Parallel()
		outcome := changed(t, lab, "rotate-secret, GitLab, a third rotation", func(world *World) {
			tokens := world.rotated.users.(*gitlabTokens)
			tokens.server.Add(registrytest.Token{ID: "2000", Name: "left behind", Username: "ci", Secret: "x"})
		})
		if len(outcome.Orphans) != 1 || !strings.Contains(outcome.Orphans[0], "left behind") {
			t.Errorf("orphans %q", outcome.Orphans)
		}
	})
	t.Run("a secret in the log is noticed", func(t *testing.T) {
		t.Parallel()
		outcome := changed(t, lab, "attach-policies, a bare role", func(world *World) {
			world.Secrets.PlantWhole("the role's name", world.Name("ecsInstanceRole"))
		})
		where := map[string]bool{}
		for _, sighting := range outcome.Sightings {
			where[sighting.Where] = true
		}
		for _, want := range []string{"the log", "the call events:PutEvents", "the call iam:TagRole", "the state"} {
			if !where[want] {
				t.Errorf("the name was seen in %v, not in %s", where, want)
			}
		}
	})
}

// changed plays a scenario without faults, with something else in its world.
func changed(t *testing.T, lab *Lab, title string, change func(*World)) *Outcome {
	t.Helper()
	all := AllScenarios()
	at := slices.IndexFunc(all, func(s *Scenario) bool { return s.Title() == title })
	if at < 0 {
		t.Fatalf("there is no scenario %q", title)
	}
	scenario := *all[at]
	arrange := scenario.Arrange
	scenario.Arrange = func(ctx context.Context, world *World) (Trigger, Trigger, error) {
		event, again, err := arrange(ctx, world)
		if err == nil {
			change(world)
		}
		return event, again, err
	}
	outcome, err := lab.play(t.Context(), &scenario, Cut{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func TestDifferencesAreFound(t *testing.T) {
	want := []string{"a", "b", "b"}
	for name, test := range map[string]struct{ got, differences []string }{
		"the same":       {[]string{"b", "a", "b"}, nil},
		"one is missing": {[]string{"b", "b"}, []string{"missing: a"}},
		"one too many":   {[]string{"a", "b", "b", "c"}, []string{"unexpected: c"}},
		"one of two":     {[]string{"a", "b"}, []string{"2 lines instead of 3"}},
	} {
		if got := differences(want, test.got); !slices.Equal(got, test.differences) {
			t.Errorf("%s: %q, want %q", name, got, test.differences)
		}
	}
}

func TestNewsOfTheFamilyAreNewsOfItsRevision(t *testing.T) {
	reference := &Outcome{results: []told{{"<active revision 1 of storefront-WORLD>", finding.Remediated}}}
	for name, test := range map[string]struct {
		fault Fault
		told  string
		lost  bool
	}{
		"the second look names the family":     {Denied, "storefront-WORLD", false},
		"the second look names another family": {Denied, "front-WORLD", true},
		"the first look names the family":      {KilledAfter, "storefront-WORLD", true},
		"the first look names the revision":    {KilledAfter, "<active revision 1 of storefront-WORLD>", false},
	} {
		outcome := &Outcome{Scenario: &Scenario{}, Cut: Cut{Fault: test.fault}, results: []told{{test.told, finding.Remediated}}}
		outcome.compareNews(reference)
		if lost := len(outcome.Differences) > 0; lost != test.lost {
			t.Errorf("%s: %q", name, outcome.Differences)
		}
	}
}

func TestListsShowTheirOwnWorldOnly(t *testing.T) {
	world := &World{Mark: "zw000001z"}
	for answer, want := range map[string]string{
		`{"clusterArns":["shop-zw000001z","shop-zw000002z","default"],"nextToken":"x"}`:                                      `{"clusterArns":["shop-zw000001z","default"],"nextToken":"x"}`,
		`{"SecretList":[{"Name":"a-zw000002z"}]}`:                                                                            `{"SecretList":[]}`,
		`{"clusterArns":["default"]}`:                                                                                        `{"clusterArns":["default"]}`,
		`<R><Contents><Key>zw000002z/a</Key></Contents><Contents><Key>b</Key></Contents></R>`:                                `<R><Contents><Key>b</Key></Contents></R>`,
		`<R><member><RoleName>r-zw000001z</RoleName></member><member>r-zw000009z</member></R>`:                               `<R><member><RoleName>r-zw000001z</RoleName></member></R>`,
		`<R><member><A><member>x</member><member>y-zw000002z</member></A></member><member>z</member></R>`:                    `<R><member>z</member></R>`,
		`<R><member><A><member>x-zw000001z</member><member>y</member></A></member><member>r-zw000009z</member><member/></R>`: `<R><member><A><member>x-zw000001z</member><member>y</member></A></member><member/></R>`,
	} {
		if got := string(world.own([]byte(answer))); got != want {
			t.Errorf("%s shows %s, want %s", answer, got, want)
		}
	}
}

func TestAReportWithoutMutesIsOneWithAnExcuse(t *testing.T) {
	outcome := &Outcome{Scenario: Sweep()[0]}
	const whole = "{\n \"headline\": \"2 of 7 are wrong\",\n \"page\": \"x\"\n}"
	without := strings.Replace(whole, " \"page\"", " \"muteProblem\": \"s3://reports/mute.json can't be read, so nothing is muted: SlowDown\",\n \"page\"", 1)
	if left := outcome.comparable([]string{without}); left[0] != whole {
		t.Errorf("left is %s", left[0])
	}
	if wrong := strings.Replace(without, "2 of 7", "1 of 7", 1); outcome.comparable([]string{wrong})[0] == whole {
		t.Error("another difference is excused, too")
	}
}

func TestARecordOfAMessageThatCameAgainIsOneWithAnExcuse(t *testing.T) {
	const line = "role web-WORLD has the tag ecs-guardrails:attached/a=arn:aws:iam::aws:policy/b at=TIME creator=e22968e6"
	for _, scenario := range AttachPolicies() {
		outcome := &Outcome{Scenario: scenario}
		if left := outcome.comparable([]string{line + " missed=TIME"}); left[0] != line {
			t.Errorf("%s: left is %s", scenario.Name, left[0])
		}
		if left := outcome.comparable([]string{line + " refused", strings.Replace(line, "=arn", "/missed=arn", 1)}); slices.Contains(left, line) {
			t.Errorf("%s: another difference is excused, too", scenario.Name)
		}
	}
}

func TestASecondSweepIsHeldAgainstTheFirst(t *testing.T) {
	const first = "{\n \"headline\": \"2 of 7 are wrong\",\n \"results\": [\n  {\n   \"id\": \"ID\"\n  }\n ]\n}"
	const second = "{\n \"headline\": \"2 of 7 are wrong; 2 new, 1 resolved since the last sweep\",\n \"since\": \"TIME\",\n \"new\": 2,\n \"resolved\": [\n  {\n   \"id\": \"ID\"\n  }\n ],\n \"results\": [\n  {\n   \"new\": true,\n   \"id\": \"ID\"\n  }\n ]\n}"
	if got := sinceTheLast.ReplaceAllString(second, ""); got != first {
		t.Errorf("left is %s", got)
	}
	if got := sinceTheLast.ReplaceAllString(first, ""); got != first {
		t.Errorf("of the first is left %s", got)
	}
}
