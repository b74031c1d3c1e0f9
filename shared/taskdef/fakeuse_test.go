package taskdef

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

// A task's ARN tells the fake which revision it runs, an instance's which agent
// it has.
func (f *fakeECS) ListTasks(_ context.Context, input *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	if err := f.enter("ListTasks"); err != nil {
		return nil, err
	}
	defer f.mutex.Unlock()
	var all []string
	for i, revision := range f.tasks[*input.Cluster] {
		if strings.Contains(revision, "/"+*input.Family+":") {
			all = append(all, fmt.Sprintf("%d %s", i, revision))
		}
	}
	output := &ecs.ListTasksOutput{}
	output.TaskArns, output.NextToken = f.pageOf(all, input.NextToken)
	return output, nil
}

func (f *fakeECS) DescribeTasks(_ context.Context, input *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	if err := f.enter("DescribeTasks"); err != nil {
		return nil, err
	}
	defer f.mutex.Unlock()
	if len(input.Tasks) == 0 || len(input.Tasks) > 100 {
		return nil, &types.InvalidParameterException{Message: aws.String("Tasks must have 1 to 100 elements.")}
	}
	output := &ecs.DescribeTasksOutput{}
	for _, task := range input.Tasks {
		_, revision, _ := strings.Cut(task, " ")
		output.Tasks = append(output.Tasks, types.Task{TaskDefinitionArn: &revision})
	}
	return output, nil
}

func (f *fakeECS) ListContainerInstances(_ context.Context, input *ecs.ListContainerInstancesInput, _ ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error) {
	if err := f.enter("ListContainerInstances"); err != nil {
		return nil, err
	}
	defer f.mutex.Unlock()
	return &ecs.ListContainerInstancesOutput{ContainerInstanceArns: f.agents[*input.Cluster]}, nil
}

func (f *fakeECS) DescribeContainerInstances(_ context.Context, input *ecs.DescribeContainerInstancesInput, _ ...func(*ecs.Options)) (*ecs.DescribeContainerInstancesOutput, error) {
	if err := f.enter("DescribeContainerInstances"); err != nil {
		return nil, err
	}
	defer f.mutex.Unlock()
	output := &ecs.DescribeContainerInstancesOutput{}
	for _, version := range input.ContainerInstances {
		output.ContainerInstances = append(output.ContainerInstances, types.ContainerInstance{VersionInfo: &types.VersionInfo{AgentVersion: &version}})
		last := &output.ContainerInstances[len(output.ContainerInstances)-1]
		if provider := f.providers[version]; provider != "" {
			last.CapacityProviderName = &provider
		}
		for _, name := range f.attributes[version] {
			last.Attributes = append(last.Attributes, types.Attribute{Name: &name})
		}
	}
	return output, nil
}

// rule names a rule on its bus.
type rule struct{ bus, name string }

// fakeBus is EventBridge and its Scheduler, one entry to a page.
type fakeBus struct {
	mutex     sync.Mutex
	rules     map[rule][]eventtypes.Target
	schedules map[string]*schedulertypes.Target
	calls     []string
	// errs are the answers of operations.
	errs map[string]error
}

func (f *fakeBus) enter(operation string) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.calls = append(f.calls, operation)
	return f.errs[operation]
}

// next gives the entry after a token, and the token of the next one.
func next(all []string, token *string) ([]string, *string) {
	at := 0
	if token != nil {
		at = slices.Index(all, *token)
	}
	switch {
	case len(all) == 0:
		return nil, nil
	case at+1 < len(all):
		return all[at : at+1], &all[at+1]
	}
	return all[at:], nil
}

func (f *fakeBus) ListEventBuses(_ context.Context, input *eventbridge.ListEventBusesInput, _ ...func(*eventbridge.Options)) (*eventbridge.ListEventBusesOutput, error) {
	if err := f.enter("ListEventBuses"); err != nil {
		return nil, err
	}
	names := []string{"default"}
	for of := range f.rules {
		names = append(names, of.bus)
	}
	slices.Sort(names)
	page, token := next(slices.Compact(names), input.NextToken)
	return &eventbridge.ListEventBusesOutput{EventBuses: []eventtypes.EventBus{{Name: &page[0]}}, NextToken: token}, nil
}

func (f *fakeBus) ListRuleNamesByTarget(_ context.Context, input *eventbridge.ListRuleNamesByTargetInput, _ ...func(*eventbridge.Options)) (*eventbridge.ListRuleNamesByTargetOutput, error) {
	if err := f.enter("ListRuleNamesByTarget"); err != nil {
		return nil, err
	}
	var names []string
	for of, targets := range f.rules {
		if of.bus == *input.EventBusName && slices.ContainsFunc(targets, func(t eventtypes.Target) bool { return *t.Arn == *input.TargetArn }) {
			names = append(names, of.name)
		}
	}
	slices.Sort(names)
	page, token := next(names, input.NextToken)
	return &eventbridge.ListRuleNamesByTargetOutput{RuleNames: page, NextToken: token}, nil
}

func (f *fakeBus) ListTargetsByRule(_ context.Context, input *eventbridge.ListTargetsByRuleInput, _ ...func(*eventbridge.Options)) (*eventbridge.ListTargetsByRuleOutput, error) {
	if err := f.enter("ListTargetsByRule"); err != nil {
		return nil, err
	}
	return &eventbridge.ListTargetsByRuleOutput{Targets: f.rules[rule{*input.EventBusName, *input.Rule}]}, nil
}

func (f *fakeBus) ListSchedules(_ context.Context, input *scheduler.ListSchedulesInput, _ ...func(*scheduler.Options)) (*scheduler.ListSchedulesOutput, error) {
	if err := f.enter("ListSchedules"); err != nil {
		return nil, err
	}
	page, token := next(slices.Sorted(maps.Keys(f.schedules)), input.NextToken)
	output := &scheduler.ListSchedulesOutput{NextToken: token}
	for _, name := range page {
		output.Schedules = append(output.Schedules, schedulertypes.ScheduleSummary{
			Name: &name, GroupName: aws.String("nightly"), Target: &schedulertypes.TargetSummary{Arn: f.schedules[name].Arn},
		})
	}
	return output, nil
}

func (f *fakeBus) GetSchedule(_ context.Context, input *scheduler.GetScheduleInput, _ ...func(*scheduler.Options)) (*scheduler.GetScheduleOutput, error) {
	if err := f.enter("GetSchedule"); err != nil {
		return nil, err
	}
	return &scheduler.GetScheduleOutput{Target: f.schedules[*input.Name]}, nil
}

// onRule has a rule start tasks of a definition in a cluster.
func (f *fakeBus) onRule(bus, name, cluster, definition string) {
	of := rule{bus, name}
	f.rules[of] = append(f.rules[of], eventtypes.Target{
		Arn: aws.String(clusterARN(cluster)), EcsParameters: &eventtypes.EcsParameters{TaskDefinitionArn: &definition},
	})
}

// onSchedule has a schedule do the same.
func (f *fakeBus) onSchedule(name, cluster, definition string) {
	f.schedules[name] = &schedulertypes.Target{
		Arn: aws.String(clusterARN(cluster)), EcsParameters: &schedulertypes.EcsParameters{TaskDefinitionArn: &definition},
	}
}
