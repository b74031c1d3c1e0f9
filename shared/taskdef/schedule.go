package taskdef

import (
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

// bare is a schedule's name without its article, as in "EventBridge rule default/nightly".
func bare(schedule taskuse.Schedule) finding.Value {
	return finding.Clause("schedule", strings.TrimPrefix(schedule.Name, "the "))
}

// reportSchedules names the schedules that matter to who leaves a revision.
// They are their owners': nothing here changes one.
func (u *Usage) reportSchedules(plan *pipeline.Plan[Action]) {
	for _, schedule := range u.Schedules {
		switch {
		case pins(schedule, u.Revisions):
			plan.Findings = append(plan.Findings, schedulePinned.With(bare(schedule), finding.Name("definition", schedule.TaskDefinition)))
		case follows(schedule) && u.Successor == "":
			plan.Findings = append(plan.Findings, scheduleFollows.With(bare(schedule)))
		}
	}
	// Each reason is reported once.
	if u.SchedulesUnchecked != "" && u.SchedulesUnchecked != u.ServicesUnchecked {
		plan.Findings = append(plan.Findings, schedulesUnchecked.With(finding.Clause("why", u.SchedulesUnchecked)))
	}
}
