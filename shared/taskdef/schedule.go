package taskdef

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/revision"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskuse"
)

// useBounds bound one look, which waits for its calls.
var useBounds = taskuse.Bounds{Clusters: 100, Services: 1000, Tasks: 1000, RuleCalls: 200, Rules: 200, SchedulePages: 20, Schedules: 200}

// pins reports whether a schedule names one of the revisions by its number.
func pins(s taskuse.Schedule, revisions []string) bool {
	named, err := revision.Parse(s.TaskDefinition)
	return err == nil && slices.ContainsFunc(revisions, func(arn string) bool {
		return named.Number > 0 && strings.HasSuffix(arn, "/"+named.String())
	})
}

// parseFamily gives the family that a schedule names.
func parseFamily(definition string) (string, error) {
	named, err := revision.Parse(definition)
	return named.Family, err
}

// follows reports whether a schedule names the family alone.
func follows(s taskuse.Schedule) bool {
	named, err := revision.Parse(s.TaskDefinition)
	return err == nil && named.Number == 0
}

// sentence begins one with a name such as "the EventBridge rule default/nightly".
func sentence(name string) string {
	if rest, found := strings.CutPrefix(name, "the "); found {
		return "The " + rest
	}
	return name
}

// reportSchedules names the schedules that matter to who leaves a revision.
// They are their owners': nothing here changes one.
func (u *Usage) reportSchedules(plan *pipeline.Plan[Action]) {
	for _, schedule := range u.Schedules {
		switch {
		case pins(schedule, u.Revisions):
			plan.Findings = append(plan.Findings, finding.Finding{
				Code: "schedule-pinned", Severity: finding.Warning,
				Message: fmt.Sprintf("%s starts tasks of %s, not of the revision made from it.", sentence(schedule.Name), schedule.TaskDefinition),
				Fix:     "Name the latest revision there, or the family alone, which always means the latest.",
			})
		case follows(schedule) && u.Successor == "":
			plan.Findings = append(plan.Findings, finding.Finding{
				Code: "schedule-follows", Severity: finding.Info,
				Message: fmt.Sprintf("%s names the family alone, so from its next run on it starts tasks of the new revision.", sentence(schedule.Name)),
				Fix:     "Nothing, if that is meant.",
			})
		}
	}
	// Each reason is reported once.
	if u.SchedulesUnchecked != "" && u.SchedulesUnchecked != u.ServicesUnchecked {
		plan.Findings = append(plan.Findings, finding.Finding{
			Code: "schedules-unchecked", Severity: finding.Info,
			Message: "Rules and schedules that start tasks of an older revision may have been left out: " + u.SchedulesUnchecked + ".",
			Fix:     "Allow the call to the function's role, or check the remaining rules and schedules yourself.",
		})
	}
}
