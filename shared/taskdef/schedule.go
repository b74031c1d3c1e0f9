package taskdef

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
)

// Bounds of one look for schedules. EventBridge tells the rules of a target, and
// a task's target is its cluster: one call for each bus and cluster. Scheduler
// tells of no schedule which task it starts, until it is asked for that one.
const (
	maxRuleCalls     = 200
	maxRules         = 200
	maxSchedulePages = 20
	maxSchedules     = 200
)

// RuleReader is the part of EventBridge's client that finds tasks' rules.
type RuleReader interface {
	ListEventBuses(context.Context, *eventbridge.ListEventBusesInput, ...func(*eventbridge.Options)) (*eventbridge.ListEventBusesOutput, error)
	ListRuleNamesByTarget(context.Context, *eventbridge.ListRuleNamesByTargetInput, ...func(*eventbridge.Options)) (*eventbridge.ListRuleNamesByTargetOutput, error)
	ListTargetsByRule(context.Context, *eventbridge.ListTargetsByRuleInput, ...func(*eventbridge.Options)) (*eventbridge.ListTargetsByRuleOutput, error)
}

// ScheduleReader is the part of EventBridge Scheduler's client that finds tasks'
// schedules.
type ScheduleReader interface {
	scheduler.ListSchedulesAPIClient
	GetSchedule(context.Context, *scheduler.GetScheduleInput, ...func(*scheduler.Options)) (*scheduler.GetScheduleOutput, error)
}

// Schedule is a rule of EventBridge, or a schedule of EventBridge Scheduler, that
// starts tasks of a family.
type Schedule struct {
	// Name is as in "the EventBridge rule default/nightly".
	Name string
	// TaskDefinition is what it starts: an ARN, "family:revision" or "family".
	TaskDefinition string
}

// pins reports whether a schedule names one of the revisions by its number.
func (s Schedule) pins(revisions []string) bool {
	named, err := ParseRevision(s.TaskDefinition)
	return err == nil && slices.ContainsFunc(revisions, func(revision string) bool {
		return named.Number > 0 && strings.HasSuffix(revision, "/"+named.String())
	})
}

// follows reports whether a schedule names the family alone.
func (s Schedule) follows() bool {
	named, err := ParseRevision(s.TaskDefinition)
	return err == nil && named.Number == 0
}

// reportSchedules names the schedules that matter to who leaves a revision.
// They are their owners': nothing here changes one.
func (u *Usage) reportSchedules(plan *pipeline.Plan[Action]) {
	for _, schedule := range u.Schedules {
		switch {
		case schedule.pins(u.Revisions):
			plan.Findings = append(plan.Findings, finding.Finding{
				Code: "schedule-pinned", Severity: finding.Warning,
				Message: fmt.Sprintf("%s starts tasks of %s, and not of the revision made from it", schedule.Name, schedule.TaskDefinition),
				Fix:     "name the latest revision there, or the family alone, which always means the latest",
			})
		case schedule.follows() && u.Successor == "":
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
func (o Observer) schedules(ctx context.Context, clusters []string, family string, unchecked *string) ([]Schedule, error) {
	var byRule, bySchedule []Schedule
	var uncheckedRules, uncheckedSchedules string
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		byRule, err = o.ruleTargets(ctx, clusters, &uncheckedRules)
		return err
	})
	group.Go(func() (err error) {
		bySchedule, err = o.schedulerTargets(ctx, clusters, &uncheckedSchedules)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, why := range []string{uncheckedRules, uncheckedSchedules} {
		if why != "" {
			*unchecked = why
		}
	}
	return slices.DeleteFunc(slices.Concat(byRule, bySchedule), func(s Schedule) bool {
		named, err := ParseRevision(s.TaskDefinition)
		return err != nil || named.Family != family
	}), nil
}

// rule names a rule on its bus.
type rule struct{ bus, name string }

func (o Observer) ruleTargets(ctx context.Context, clusters []string, unchecked *string) ([]Schedule, error) {
	rules, err := o.rulesOf(ctx, clusters, unchecked)
	if err != nil {
		return nil, err
	}
	found := make([][]Schedule, len(rules))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelListCalls)
	for i, of := range rules {
		group.Go(func() (err error) {
			found[i], err = o.targetsOf(ctx, of)
			return err
		})
	}
	err = group.Wait()
	return slices.Concat(found...), err
}

// rulesOf finds the rules with a cluster as a target, each once.
func (o Observer) rulesOf(ctx context.Context, clusters []string, unchecked *string) ([]rule, error) {
	buses, err := o.buses(ctx)
	if err != nil {
		return nil, err
	}
	type pair struct{ bus, cluster string }
	var pairs []pair
	for _, bus := range buses {
		for _, cluster := range clusters {
			pairs = append(pairs, pair{bus, cluster})
		}
	}
	if len(pairs) > maxRuleCalls {
		pairs = pairs[:maxRuleCalls]
		*unchecked = fmt.Sprintf("%d clusters on %d event buses are more than are looked through", len(clusters), len(buses))
	}
	named := make([][]rule, len(pairs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelListCalls)
	for i, of := range pairs {
		group.Go(func() error {
			input := &eventbridge.ListRuleNamesByTargetInput{TargetArn: &of.cluster, EventBusName: &of.bus}
			for {
				page, err := o.Rules.ListRuleNamesByTarget(ctx, input)
				if isGone(err) {
					return nil
				}
				if err != nil {
					return fmt.Errorf("list the rules with the target %s: %w", of.cluster, err)
				}
				for _, name := range page.RuleNames {
					named[i] = append(named[i], rule{of.bus, name})
				}
				if input.NextToken = page.NextToken; input.NextToken == nil || len(named[i]) > maxRules {
					return nil
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	// A rule with two clusters is told of twice.
	rules := slices.Concat(named...)
	slices.SortFunc(rules, func(a, b rule) int { return strings.Compare(a.bus+"/"+a.name, b.bus+"/"+b.name) })
	if rules = slices.Compact(rules); len(rules) > maxRules {
		rules = rules[:maxRules]
		*unchecked = fmt.Sprintf("there are more than %d rules that start tasks", maxRules)
	}
	return rules, nil
}

// buses gives the names of the account's event buses, the default one first.
func (o Observer) buses(ctx context.Context) ([]string, error) {
	names := []string{"default"}
	input := &eventbridge.ListEventBusesInput{Limit: aws.Int32(perPage)}
	for {
		page, err := o.Rules.ListEventBuses(ctx, input)
		if err != nil {
			return nil, fmt.Errorf("list the event buses: %w", err)
		}
		for _, bus := range page.EventBuses {
			if name := aws.ToString(bus.Name); name != "default" {
				names = append(names, name)
			}
		}
		if input.NextToken = page.NextToken; input.NextToken == nil || len(names) > maxRuleCalls {
			return names, nil
		}
	}
}

func (o Observer) targetsOf(ctx context.Context, of rule) (found []Schedule, err error) {
	// A rule has five targets at most, which are one page.
	page, err := o.Rules.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: &of.name, EventBusName: &of.bus})
	if isGone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the targets of the rule %s: %w", of.name, err)
	}
	for _, target := range page.Targets {
		if target.EcsParameters != nil {
			found = append(found, Schedule{
				Name:           fmt.Sprintf("the EventBridge rule %s/%s", of.bus, of.name),
				TaskDefinition: aws.ToString(target.EcsParameters.TaskDefinitionArn),
			})
		}
	}
	return found, nil
}

// runTask is the universal target of Scheduler that calls ECS's RunTask, in any
// partition ("Using universal targets with EventBridge Scheduler").
const runTask = ":scheduler:::aws-sdk:ecs:runTask"

func (o Observer) schedulerTargets(ctx context.Context, clusters []string, unchecked *string) ([]Schedule, error) {
	var candidates []schedulertypes.ScheduleSummary
	pages := scheduler.NewListSchedulesPaginator(o.Schedules, &scheduler.ListSchedulesInput{MaxResults: aws.Int32(perPage)})
	for number := 0; pages.HasMorePages(); number++ {
		if number == maxSchedulePages {
			*unchecked = fmt.Sprintf("there are more than %d schedules", maxSchedulePages*perPage)
			break
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the schedules: %w", err)
		}
		for _, summary := range page.Schedules {
			if summary.Target == nil {
				continue
			}
			target := aws.ToString(summary.Target.Arn)
			if slices.Contains(clusters, target) || strings.HasSuffix(target, runTask) {
				candidates = append(candidates, summary)
			}
		}
	}
	if len(candidates) > maxSchedules {
		candidates = candidates[:maxSchedules]
		*unchecked = fmt.Sprintf("there are more than %d schedules that start tasks", maxSchedules)
	}
	found := make([]Schedule, len(candidates))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelListCalls)
	for i, summary := range candidates {
		group.Go(func() error {
			output, err := o.Schedules.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: summary.Name, GroupName: summary.GroupName})
			if isGone(err) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read the schedule %s: %w", aws.ToString(summary.Name), err)
			}
			found[i] = Schedule{
				Name:           fmt.Sprintf("the schedule %s/%s", aws.ToString(summary.GroupName), aws.ToString(summary.Name)),
				TaskDefinition: startedBy(output.Target),
			}
			return nil
		})
	}
	return found, group.Wait()
}

// startedBy gives the task definition that a schedule's target names.
func startedBy(target *schedulertypes.Target) string {
	switch {
	case target == nil:
		return ""
	case target.EcsParameters != nil:
		return aws.ToString(target.EcsParameters.TaskDefinitionArn)
	}
	// The input of RunTask, in the API's own fields; anything else starts nothing.
	var input struct{ TaskDefinition string }
	_ = json.Unmarshal([]byte(aws.ToString(target.Input)), &input)
	return input.TaskDefinition
}
