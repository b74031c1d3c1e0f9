package taskuse

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/smithy-go"
)

const (
	cluster    = "arn:aws:ecs:eu-west-1:123456789012:cluster/prod"
	runTaskARN = "arn:aws:scheduler:::aws-sdk:ecs:runTask"
)

// account has rules on the default bus, each of which starts the task definition
// that it is named after, and schedules by their targets.
type account struct {
	rules     []string
	schedules map[string]*schedulertypes.Target
	order     []string
	gone      string
	calls     atomic.Int32
}

func (a *account) ListEventBuses(context.Context, *eventbridge.ListEventBusesInput, ...func(*eventbridge.Options)) (*eventbridge.ListEventBusesOutput, error) {
	a.calls.Add(1)
	return &eventbridge.ListEventBusesOutput{EventBuses: []eventtypes.EventBus{{Name: aws.String("default")}}}, nil
}

func (a *account) ListRuleNamesByTarget(_ context.Context, in *eventbridge.ListRuleNamesByTargetInput, _ ...func(*eventbridge.Options)) (*eventbridge.ListRuleNamesByTargetOutput, error) {
	a.calls.Add(1)
	return &eventbridge.ListRuleNamesByTargetOutput{RuleNames: a.rules}, nil
}

func (a *account) ListTargetsByRule(_ context.Context, in *eventbridge.ListTargetsByRuleInput, _ ...func(*eventbridge.Options)) (*eventbridge.ListTargetsByRuleOutput, error) {
	a.calls.Add(1)
	if *in.Rule == a.gone {
		return nil, &smithy.GenericAPIError{Code: "ResourceNotFoundException"}
	}
	return &eventbridge.ListTargetsByRuleOutput{Targets: []eventtypes.Target{
		{Arn: aws.String("arn:aws:sns:eu-west-1:123456789012:topic")},
		{Arn: aws.String(cluster), EcsParameters: &eventtypes.EcsParameters{TaskDefinitionArn: in.Rule}},
	}}, nil
}

func (a *account) ListSchedules(context.Context, *scheduler.ListSchedulesInput, ...func(*scheduler.Options)) (*scheduler.ListSchedulesOutput, error) {
	a.calls.Add(1)
	output := &scheduler.ListSchedulesOutput{Schedules: []schedulertypes.ScheduleSummary{{Name: aws.String("without a target")}}}
	for _, name := range a.order {
		output.Schedules = append(output.Schedules, schedulertypes.ScheduleSummary{
			Name: &name, GroupName: aws.String("g"), Target: &schedulertypes.TargetSummary{Arn: a.schedules[name].Arn},
		})
	}
	return output, nil
}

func (a *account) GetSchedule(_ context.Context, in *scheduler.GetScheduleInput, _ ...func(*scheduler.Options)) (*scheduler.GetScheduleOutput, error) {
	a.calls.Add(1)
	if *in.Name == a.gone {
		return nil, &smithy.GenericAPIError{Code: "ResourceNotFoundException"}
	}
	return &scheduler.GetScheduleOutput{Target: a.schedules[*in.Name]}, nil
}

func (a *account) add(name, target, input string, parameters *schedulertypes.EcsParameters) {
	if a.schedules == nil {
		a.schedules = map[string]*schedulertypes.Target{}
	}
	a.order = append(a.order, name)
	a.schedules[name] = &schedulertypes.Target{Arn: aws.String(target), Input: aws.String(input), EcsParameters: parameters}
}

func TestSchedules(t *testing.T) {
	of := &account{rules: []string{"web:3", "deleted"}, gone: "deleted"}
	of.add("in a cluster", cluster, "", &schedulertypes.EcsParameters{TaskDefinitionArn: aws.String("web")})
	of.add("elsewhere", "arn:aws:ecs:eu-west-1:123456789012:cluster/other", "", &schedulertypes.EcsParameters{TaskDefinitionArn: aws.String("web:1")})
	of.add("by the API", runTaskARN, `{"TaskDefinition":"web:2","Cluster":"prod"}`, nil)
	of.add("by the API without one", runTaskARN, `{"TaskDefinition":7,"Cluster":`, nil)
	of.add("a queue", "arn:aws:sqs:eu-west-1:123456789012:queue", `{"TaskDefinition":"web:4"}`, nil)
	of.add("deleted", runTaskARN, `{}`, nil)
	found, unchecked, err := Reader{Rules: of, Schedules: of}.schedules(t.Context(), []string{cluster})
	if err != nil || unchecked != "" {
		t.Fatalf("unchecked %q, error %v", unchecked, err)
	}
	want := []Schedule{
		{Name: "the EventBridge rule default/web:3", TaskDefinition: "web:3"},
		{Name: "the schedule g/in a cluster", TaskDefinition: "web"},
		{Name: "the schedule g/by the API", TaskDefinition: "web:2"},
		{Name: "the schedule g/by the API without one"},
	}
	if !reflect.DeepEqual(found, want) {
		t.Errorf("found\n%v, not\n%v", found, want)
	}
}

func TestWithoutClustersNoRuleIsAskedFor(t *testing.T) {
	of := &account{rules: []string{"web:3"}}
	found, _, err := Reader{Rules: of, Schedules: of}.schedules(t.Context(), nil)
	if err != nil || len(found) > 0 || of.calls.Load() != 1 {
		t.Errorf("found %v by %d calls, error %v", found, of.calls.Load(), err)
	}
}

func TestBoundsAreKeptAndTold(t *testing.T) {
	for name, tt := range map[string]struct {
		bounds Bounds
		told   string
		found  int
	}{
		"none":      {Bounds{}, "", 10},
		"wide":      {Bounds{RuleCalls: 1, Rules: 5, SchedulePages: 1, Schedules: 5}, "", 10},
		"rules":     {Bounds{Rules: 2}, "more than 2 rules", 7},
		"schedules": {Bounds{Schedules: 2}, "more than 2 schedules", 7},
	} {
		t.Run(name, func(t *testing.T) {
			of := &account{}
			for i := range 5 {
				of.rules = append(of.rules, fmt.Sprintf("web:%d", i+1))
				of.add(fmt.Sprint(i), cluster, "", &schedulertypes.EcsParameters{TaskDefinitionArn: aws.String("web")})
			}
			found, unchecked, err := Reader{Rules: of, Schedules: of, Bounds: tt.bounds}.schedules(t.Context(), []string{cluster})
			if err != nil || len(found) != tt.found || !strings.Contains(unchecked, tt.told) || (tt.told == "") != (unchecked == "") {
				t.Errorf("found %d, unchecked %q, error %v", len(found), unchecked, err)
			}
		})
	}
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	denied := &failing{account: &account{}}
	if _, _, err := (Reader{Rules: denied, Schedules: denied}).schedules(t.Context(), []string{cluster}); err == nil || !strings.Contains(err.Error(), "list the schedules") {
		t.Errorf("got %v", err)
	}
}

type failing struct{ *account }

func (f *failing) ListSchedules(context.Context, *scheduler.ListSchedulesInput, ...func(*scheduler.Options)) (*scheduler.ListSchedulesOutput, error) {
	return nil, &smithy.GenericAPIError{Code: "AccessDeniedException"}
}
