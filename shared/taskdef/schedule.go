package taskdef

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/taskschedule"
)

// maxSchedules and its like bound one look, which waits for its calls.
const maxSchedules = 200

var scheduleBounds = taskschedule.Bounds{RuleCalls: 200, Rules: 200, SchedulePages: 20, Schedules: maxSchedules}

// pins reports whether a schedule names one of the revisions by its number.
func pins(s taskschedule.Schedule, revisions []string) bool {
	named, err := ParseRevision(s.TaskDefinition)
	return err == nil && slices.ContainsFunc(revisions, func(revision string) bool {
		return named.Number > 0 && strings.HasSuffix(revision, "/"+named.String())
	})
}

// follows reports whether a schedule names the family alone.
func follows(s taskschedule.Schedule) bool {
	named, err := ParseRevision(s.TaskDefinition)
	return err == nil && named.Number == 0
}

// reportSchedules names the schedules that matter to who leaves a revision.
// They are their owners': nothing here changes one.
func (u *Usage) reportSchedules(plan *pipeline.Plan[Action]) {
	for _, schedule := range u.Schedules {
		switch {
		case pins(schedule, u.Revisions):
			plan.Findings = append(plan.Findings, finding.Finding{
				Code: "schedule-pinned", Severity: finding.Warning,
				Message: fmt.Sprintf("%s starts tasks of %s, and not of the revision made from it", schedule.Name, schedule.TaskDefinition),
				Fix:     "name the latest revision there, or the family alone, which always means the latest",
			})
		case follows(schedule) && u.Successor == "":
			plan.Findings = append(plan.Findings, finding.Finding{
				Code: "schedule-follows", Severity: finding.Info,
				Message: fmt.Sprintf("%s names the family alone: from its next run on it starts tasks of the new revision", schedule.Name),
				Fix:     "nothing, if that is meant",
			})
		}
	}
	// One reason is told once.
	if u.SchedulesUnchecked != "" && u.SchedulesUnchecked != u.ServicesUnchecked {
		plan.Findings = append(plan.Findings, finding.Finding{
			Code: "schedules-unchecked", Severity: finding.Info,
			Message: "rules and schedules that start tasks of an older revision may have been left out: " + u.SchedulesUnchecked,
			Fix:     "allow the call to the function's role, or look at the remaining ones yourself",
		})
	}
}

// schedules finds the rules and schedules that start tasks of a family.
func (o Observer) schedules(ctx context.Context, clusters []string, family string, unchecked *string) ([]taskschedule.Schedule, error) {
	found, leftOut, err := taskschedule.Reader{Rules: o.Rules, Schedules: o.Schedules, Bounds: scheduleBounds}.Read(ctx, clusters)
	if err != nil {
		return nil, err
	}
	if leftOut != "" {
		*unchecked = leftOut
	}
	return slices.DeleteFunc(found, func(s taskschedule.Schedule) bool {
		named, err := ParseRevision(s.TaskDefinition)
		return err != nil || named.Family != family
	}), nil
}
