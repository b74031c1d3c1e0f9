package taskuse

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
)

// Rules is the part of EventBridge's client that finds tasks' rules.
type Rules interface {
	ListEventBuses(context.Context, *eventbridge.ListEventBusesInput, ...func(*eventbridge.Options)) (*eventbridge.ListEventBusesOutput, error)
	ListRuleNamesByTarget(context.Context, *eventbridge.ListRuleNamesByTargetInput, ...func(*eventbridge.Options)) (*eventbridge.ListRuleNamesByTargetOutput, error)
	ListTargetsByRule(context.Context, *eventbridge.ListTargetsByRuleInput, ...func(*eventbridge.Options)) (*eventbridge.ListTargetsByRuleOutput, error)
}

// Schedules is the part of EventBridge Scheduler's client that finds tasks'
// schedules.
type Schedules interface {
	scheduler.ListSchedulesAPIClient
	GetSchedule(context.Context, *scheduler.GetScheduleInput, ...func(*scheduler.Options)) (*scheduler.GetScheduleOutput, error)
}

// Schedule is a rule of EventBridge, or a schedule of EventBridge Scheduler, that
// starts tasks.
type Schedule struct {
	// Name is as in "the EventBridge rule default/nightly".
	Name string
	// TaskDefinition is what it starts: an ARN, "family:revision" or "family"; ""
	// where its target names none.
	TaskDefinition string
}

// schedules finds the rules and schedules that start tasks in the clusters, given
// by ARN, or anywhere by RunTask. What was left out because of the bounds is said
// in unchecked, which is "" otherwise. What is deleted meanwhile is no error.
func (r Reader) schedules(ctx context.Context, clusters []string) (found []Schedule, unchecked string, err error) {
	var byRule, bySchedule []Schedule
	var uncheckedRules, uncheckedSchedules string
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		byRule, uncheckedRules, err = r.byRule(ctx, clusters)
		return err
	})
	group.Go(func() (err error) {
		bySchedule, uncheckedSchedules, err = r.bySchedule(ctx, clusters)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, "", err
	}
	if unchecked = uncheckedSchedules; unchecked == "" {
		unchecked = uncheckedRules
	}
	return slices.Concat(byRule, bySchedule), unchecked, nil
}

// rule names a rule on its bus.
type rule struct{ bus, name string }

func (r Reader) byRule(ctx context.Context, clusters []string) (found []Schedule, unchecked string, err error) {
	rules, unchecked, err := r.rulesOf(ctx, clusters)
	if err != nil {
		return nil, "", err
	}
	targets := make([][]Schedule, len(rules))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for i, rule := range rules {
		group.Go(func() (err error) {
			targets[i], err = r.targetsOf(ctx, rule)
			return err
		})
	}
	err = group.Wait()
	return slices.Concat(targets...), unchecked, err
}

// rulesOf finds the rules with a cluster as a target, each once.
func (r Reader) rulesOf(ctx context.Context, clusters []string) (rules []rule, unchecked string, err error) {
	if len(clusters) == 0 {
		return nil, "", nil
	}
	buses, err := r.buses(ctx)
	if err != nil {
		return nil, "", err
	}
	type pair struct{ bus, cluster string }
	var pairs []pair
	for _, bus := range buses {
		for _, cluster := range clusters {
			pairs = append(pairs, pair{bus, cluster})
		}
	}
	if exceeds(len(pairs), r.Bounds.RuleCalls) {
		pairs = pairs[:r.Bounds.RuleCalls]
		unchecked = fmt.Sprintf("%d clusters on %d event buses are more than are looked through", len(clusters), len(buses))
	}
	named := make([][]rule, len(pairs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for i, both := range pairs {
		group.Go(func() (err error) {
			named[i], err = r.rulesFor(ctx, both.bus, both.cluster)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, "", err
	}
	// A rule with two clusters is informed about twice.
	rules = slices.Concat(named...)
	slices.SortFunc(rules, func(a, b rule) int { return strings.Compare(a.bus+"/"+a.name, b.bus+"/"+b.name) })
	if rules = slices.Compact(rules); exceeds(len(rules), r.Bounds.Rules) {
		rules = rules[:r.Bounds.Rules]
		unchecked = fmt.Sprintf("there are more than %d rules that start tasks", r.Bounds.Rules)
	}
	return rules, unchecked, nil
}

// buses gives the names of the account's event buses, the default one first.
func (r Reader) buses(ctx context.Context) ([]string, error) {
	names := []string{"default"}
	input := &eventbridge.ListEventBusesInput{Limit: aws.Int32(perPage)}
	for {
		page, err := r.Rules.ListEventBuses(ctx, input)
		if err != nil {
			return nil, fmt.Errorf("list the event buses: %w", err)
		}
		for _, bus := range page.EventBuses {
			if name := aws.ToString(bus.Name); name != "default" {
				names = append(names, name)
			}
		}
		if input.NextToken = page.NextToken; input.NextToken == nil || exceeds(len(names), r.Bounds.RuleCalls) {
			return names, nil
		}
	}
}

func (r Reader) rulesFor(ctx context.Context, bus, cluster string) (rules []rule, err error) {
	input := &eventbridge.ListRuleNamesByTargetInput{TargetArn: &cluster, EventBusName: &bus}
	for {
		page, err := r.Rules.ListRuleNamesByTarget(ctx, input)
		if IsGone(err) {
			return rules, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the rules of the bus %s with the target %s: %w", bus, cluster, err)
		}
		for _, name := range page.RuleNames {
			rules = append(rules, rule{bus, name})
		}
		if input.NextToken = page.NextToken; input.NextToken == nil || exceeds(len(rules), r.Bounds.Rules) {
			return rules, nil
		}
	}
}

func (r Reader) targetsOf(ctx context.Context, source rule) (found []Schedule, err error) {
	input := &eventbridge.ListTargetsByRuleInput{Rule: &source.name, EventBusName: &source.bus}
	for {
		page, err := r.Rules.ListTargetsByRule(ctx, input)
		if IsGone(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the targets of the rule %s: %w", source.name, err)
		}
		for _, target := range page.Targets {
			if target.EcsParameters != nil {
				found = append(found, Schedule{
					Name:           fmt.Sprintf("the EventBridge rule %s/%s", source.bus, source.name),
					TaskDefinition: aws.ToString(target.EcsParameters.TaskDefinitionArn),
				})
			}
		}
		if input.NextToken = page.NextToken; input.NextToken == nil {
			return found, nil
		}
	}
}

// runTask is the universal target of Scheduler that calls ECS's RunTask, in any
// partition ("Using universal targets with EventBridge Scheduler").
const runTask = ":scheduler:::aws-sdk:ecs:runTask"

func (r Reader) bySchedule(ctx context.Context, clusters []string) (found []Schedule, unchecked string, err error) {
	var candidates []schedulertypes.ScheduleSummary
	pages := scheduler.NewListSchedulesPaginator(r.Schedules, &scheduler.ListSchedulesInput{MaxResults: aws.Int32(perPage)})
	for number := 1; pages.HasMorePages(); number++ {
		if exceeds(number, r.Bounds.SchedulePages) {
			unchecked = fmt.Sprintf("there are more than %d schedules", r.Bounds.SchedulePages*perPage)
			break
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, "", fmt.Errorf("list the schedules: %w", err)
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
	if exceeds(len(candidates), r.Bounds.Schedules) {
		candidates = candidates[:r.Bounds.Schedules]
		unchecked = fmt.Sprintf("there are more than %d schedules that start tasks", r.Bounds.Schedules)
	}
	found = make([]Schedule, len(candidates))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for i, summary := range candidates {
		group.Go(func() error {
			output, err := r.Schedules.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: summary.Name, GroupName: summary.GroupName})
			if IsGone(err) {
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
	if err := group.Wait(); err != nil {
		return nil, "", err
	}
	return slices.DeleteFunc(found, func(s Schedule) bool { return s.Name == "" }), unchecked, nil
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
