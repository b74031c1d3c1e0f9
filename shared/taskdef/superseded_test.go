package taskdef

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

// newSupersededStack has app:1 and app:3 of somebody's, and app:2 and app:4 that
// were made from them.
func newSupersededStack(t *testing.T, services ...types.Service) *stack {
	s := newServiceStack(services...)
	s.settings.UpdateServices = false
	s.settings.DeregisterSuperseded = Retention{Ends: true, Days: 7}
	wantResult(t, s.look("app"), finding.Remediated, "credential-missing")
	s.ecs.add(registration("app", container("web", "registry.example.com/app:2")))
	wantResult(t, s.look("app"), finding.Remediated, "credential-missing")
	s.now = s.now.Add(8 * 24 * time.Hour)
	s.ecs.calls, s.bus.calls = nil, nil
	return s
}

// active gives the numbers of a family's active revisions.
func (f *fakeECS) active(family string) string {
	var numbers []string
	for _, of := range f.revisions[family] {
		if of.definition.Status == types.TaskDefinitionStatusActive {
			numbers = append(numbers, fmt.Sprint(of.definition.Revision))
		}
	}
	return strings.Join(numbers, " ")
}

func TestWhichSupersededRevisionsAreDeregistered(t *testing.T) {
	uses := func(change func(*types.Service)) []types.Service {
		service := running("prod", "web", arnOf("app", 4))
		change(&service)
		return []types.Service{service}
	}
	denied := &smithy.GenericAPIError{Code: "AccessDeniedException"}
	tests := []struct {
		name     string
		services []types.Service
		arrange  func(*stack)
		asked    string
		active   string
		says     string
	}{
		{"nothing uses it", uses(func(*types.Service) {}), nil, "app", "1 3 4", "and nothing uses it"},
		{"there are no clusters", nil, nil, "app", "1 3 4", "and nothing uses it"},
		{"by the number of the latest", nil, nil, "app:4", "1 3 4", "and nothing uses it"},
		{"a service runs it", uses(func(s *types.Service) { s.TaskDefinition = aws.String(arnOf("app", 2)) }), nil, "app", "1 2 3 4", "the service prod/web uses it"},
		{"a deployment may be rolled back to it", uses(func(s *types.Service) {
			s.Deployments = append(s.Deployments, types.Deployment{TaskDefinition: aws.String(arnOf("app", 2))})
		}), nil, "app", "1 2 3 4", "the service prod/web uses it"},
		{"a task set has it", uses(func(s *types.Service) { s.TaskSets = []types.TaskSet{{TaskDefinition: aws.String(arnOf("app", 2))}} }), nil, "app", "1 2 3 4", "the service prod/web uses it"},
		{"a service that is being deleted has it", uses(func(s *types.Service) {
			s.Status, s.TaskDefinition = aws.String("DRAINING"), aws.String(arnOf("app", 2))
		}), nil, "app", "1 2 3 4", "the service prod/web uses it"},
		{"a task runs it", uses(func(*types.Service) {}), func(s *stack) {
			s.ecs.tasks = map[string][]string{clusterARN("prod"): {arnOf("app", 4), arnOf("app", 2)}}
		}, "app", "1 2 3 4", "a task in the cluster prod uses it"},
		{"tasks run others", uses(func(*types.Service) {}), func(s *stack) {
			s.ecs.tasks = map[string][]string{clusterARN("prod"): {arnOf("app", 4), arnOf("app", 1), arnOf("app-two", 2)}}
		}, "app", "1 3 4", "and nothing uses it"},
		{"a rule has it", uses(func(*types.Service) {}), func(s *stack) { s.bus.onRule("default", "nightly", "prod", arnOf("app", 2)) }, "app", "1 2 3 4", "rule default/nightly uses it"},
		{"a schedule has it", uses(func(*types.Service) {}), func(s *stack) { s.bus.onSchedule("report", "prod", arnOf("app", 2)) }, "app", "1 2 3 4", "nightly/report uses it"},
		{"a rule has the family", uses(func(*types.Service) {}), func(s *stack) { s.bus.onRule("default", "nightly", "prod", "app") }, "app", "1 3 4", "and nothing uses it"},
		{"services cannot be seen", uses(func(*types.Service) {}), func(s *stack) { s.failing("DescribeServices", 1, denied) }, "app", "1 2 3 4", "AccessDenied"},
		{"clusters cannot be seen", uses(func(*types.Service) {}), func(s *stack) { s.failing("ListClusters", 1, denied) }, "app", "1 2 3 4", "AccessDenied"},
		{"tasks cannot be seen", uses(func(*types.Service) {}), func(s *stack) { s.failing("ListTasks", 1, denied) }, "app", "1 2 3 4", "AccessDenied"},
		{"schedules cannot be seen", uses(func(*types.Service) {}), func(s *stack) { s.bus.errs = map[string]error{"ListSchedules": denied} }, "app", "1 2 3 4", "AccessDenied"},
		{"rules cannot be seen", uses(func(*types.Service) {}), func(s *stack) { s.bus.errs = map[string]error{"ListEventBuses": denied} }, "app", "1 2 3 4", "AccessDenied"},
		{"too many tasks to be seen", uses(func(*types.Service) {}), func(s *stack) {
			s.ecs.tasks = map[string][]string{clusterARN("prod"): slices.Repeat([]string{arnOf("app", 4)}, useBounds.Tasks+100)}
		}, "app", "1 2 3 4", "more than 1000 tasks"},
		{"the setting is not made", nil, func(s *stack) { s.settings.DeregisterSuperseded = Retention{} }, "app", "1 2 3 4", ""},
		{"the latest is too young", nil, func(s *stack) { s.now = s.now.Add(-2 * 24 * time.Hour) }, "app", "1 2 3 4", ""},
		{"an older one is asked for", nil, nil, "app:3", "1 2 3 4", ""},
		{"the latest is somebody's", nil, func(s *stack) {
			s.ecs.add(registration("app", withCredential(container("web", "registry.example.com/app:3"), secretARN("shop"))))
		}, "app", "1 3 5", "superseded by " + arnOf("app", 5)},
		{"the latest is about to be patched", nil, func(s *stack) {
			s.ecs.add(registration("app", container("web", "registry.example.com/app:3")))
		}, "app", "1 2 3 4 5 6", ""},
		{"somebody took the latest back", nil, func(s *stack) {
			s.ecs.find("app:4").definition.Status = types.TaskDefinitionStatusInactive
			s.ecs.find("app:3").definition.Status = types.TaskDefinitionStatusInactive
		}, "app", "1 2", ""},
		{"somebody takes the latest back meanwhile", nil, func(s *stack) {
			s.ecs.before = func(operation string) error {
				if operation == "ListClusters" {
					s.ecs.find("app:4").definition.Status = types.TaskDefinitionStatusInactive
				}
				return nil
			}
		}, "app", "1 2 3", ""},
		{"the tag alone makes it no one's", nil, func(s *stack) {
			s.ecs.find("app:2").definition.RegisteredBy = aws.String("arn:aws:iam::123456789012:user/somebody")
		}, "app", "1 2 3 4", ""},
		{"without the tag it is no one's", nil, func(s *stack) { s.ecs.revisions["app"][1].tags = nil }, "app", "1 2 3 4", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSupersededStack(t, test.services...)
			if test.arrange != nil {
				test.arrange(s)
			}
			result := s.look(test.asked)
			if err := findingtest.Check(result); err != nil {
				t.Error(err)
			}
			if got := s.ecs.active("app"); got != test.active {
				t.Errorf("active are %s, want %s\n%+v", got, test.active, result)
			}
			told := ""
			for _, f := range result.Findings {
				if f.Code == "revision-superseded" {
					told = f.Message
				}
			}
			if !strings.Contains(told, test.says) {
				t.Errorf("%q does not say %q", told, test.says)
			}
		})
	}
}

func TestADryRunDeregistersNothing(t *testing.T) {
	s := newSupersededStack(t)
	s.settings.Mode = finding.DryRun
	result := s.look("app")
	wantResult(t, result, finding.Compliant, "revision-superseded")
	if len(result.Actions) != 1 || result.Actions[0].Kind != "DeregisterTaskDefinition" || result.Actions[0].Applied || s.ecs.active("app") != "1 2 3 4" {
		t.Errorf("actions %+v, active %s", result.Actions, s.ecs.active("app"))
	}
}

func TestMovedServicesLeaveTheSupersededRevisionFree(t *testing.T) {
	s := newSupersededStack(t, running("prod", "web", arnOf("app", 3)))
	s.settings.UpdateServices = true
	result := s.look("app")
	wantResult(t, result, finding.Remediated, "service-behind", "revision-superseded")
	if got := s.ecs.runs() + ", " + s.ecs.active("app"); got != "web=app:4, 1 3 4" {
		t.Errorf("got %s", got)
	}
	if count := s.ecs.count("ListClusters"); count != 1 {
		t.Errorf("the clusters were listed %d times", count)
	}
}

func TestRetention(t *testing.T) {
	for text, want := range map[string]Retention{"no": {}, "0": {Ends: true}, "30": {Ends: true, Days: 30}} {
		var got Retention
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "yes", "-1", "1.5", "70000", "30 days"} {
		if err := new(Retention).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
