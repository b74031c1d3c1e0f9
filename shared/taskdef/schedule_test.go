package taskdef

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

func TestWhichSchedulesAreNamed(t *testing.T) {
	family := strings.TrimSuffix(arnOf("app", 1), ":1")
	universal := func(input string) func(*fakeBus) {
		return func(f *fakeBus) {
			f.schedules["nightly"] = &schedulertypes.Target{Arn: aws.String("arn:aws:scheduler:::aws-sdk:ecs:runTask"), Input: &input}
		}
	}
	tests := []struct {
		name    string
		arrange func(*fakeBus)
		code    string
		says    string
	}{
		{"none", func(*fakeBus) {}, "", ""},
		{"a rule with the revision", func(f *fakeBus) { f.onRule("default", "nightly", "prod", arnOf("app", 1)) }, "schedule-pinned", "The EventBridge rule default/nightly"},
		{"a rule on one's own bus", func(f *fakeBus) { f.onRule("orders", "placed", "prod", arnOf("app", 1)) }, "schedule-pinned", "The EventBridge rule orders/placed"},
		{"a rule with the family", func(f *fakeBus) { f.onRule("default", "nightly", "prod", family) }, "schedule-follows", "names the family alone"},
		{"a rule with another revision", func(f *fakeBus) { f.onRule("default", "nightly", "prod", arnOf("app", 7)) }, "", ""},
		{"a rule with a family that begins alike", func(f *fakeBus) { f.onRule("default", "nightly", "prod", arnOf("app-two", 1)) }, "", ""},
		{"a rule in a cluster that is not there", func(f *fakeBus) { f.onRule("default", "nightly", "gone", arnOf("app", 1)) }, "", ""},
		{"a rule that starts no tasks", func(f *fakeBus) {
			f.rules[rule{"default", "nightly"}] = []eventtypes.Target{{Arn: aws.String(clusterARN("prod"))}}
		}, "", ""},
		{"a rule with two targets", func(f *fakeBus) {
			f.onRule("default", "nightly", "prod", arnOf("other", 1))
			f.onRule("default", "nightly", "prod", arnOf("app", 1))
		}, "schedule-pinned", "default/nightly"},
		{"a schedule with the revision", func(f *fakeBus) { f.onSchedule("report", "prod", arnOf("app", 1)) }, "schedule-pinned", "The schedule nightly/report"},
		{"a schedule with the family", func(f *fakeBus) { f.onSchedule("report", "prod", family) }, "schedule-follows", "The schedule nightly/report"},
		{"a schedule of something else", func(f *fakeBus) {
			f.schedules["report"] = &schedulertypes.Target{Arn: aws.String("arn:aws:lambda:us-east-1:123456789012:function:report")}
		}, "", ""},
		{"a call of RunTask", universal(`{"Cluster": "prod", "TaskDefinition": "app:1"}`), "schedule-pinned", "app:1"},
		{"a call of RunTask with the family", universal(`{"TaskDefinition": "app"}`), "schedule-follows", ""},
		{"a call of RunTask with rubbish", universal(`{"TaskDefinition": 7`), "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newServiceStack(running("prod", "other", arnOf("other", 1)), running("stage", "other", arnOf("other", 1)))
			test.arrange(s.bus)
			result := s.look("app")
			want := []string{"credential-missing"}
			status := finding.Remediated
			if test.code != "" {
				want = append(want, test.code)
			}
			if test.code == "schedule-pinned" {
				status = finding.Noncompliant
			}
			wantResult(t, result, status, want...)
			if last := result.Findings[len(result.Findings)-1]; !strings.Contains(last.Message, test.says) {
				t.Errorf("%q does not say %q", last.Message, test.says)
			}
			// What pins the revision is reported until it no longer does; the rest was reported once.
			if test.code == "schedule-pinned" {
				wantResult(t, s.look("app"), finding.Noncompliant, "schedule-pinned")
				wantResult(t, s.look("app:1"), finding.Noncompliant, "schedule-pinned")
			} else {
				wantResult(t, s.look("app"), finding.Compliant)
			}
		})
	}
}

func TestSchedulesAreAskedForOnlyWhereServicesAreMoved(t *testing.T) {
	s := newServiceStack(running("prod", "web", arnOf("app", 1)))
	s.settings.UpdateServices = false
	wantResult(t, s.look("app"), finding.Remediated, "credential-missing")
	if len(s.bus.calls) > 0 {
		t.Errorf("calls %v", s.bus.calls)
	}
}

func TestSchedulesThatCannotBeSeenDoNotKeepTheCure(t *testing.T) {
	for _, operation := range []string{"ListEventBuses", "ListRuleNamesByTarget", "ListTargetsByRule", "ListSchedules", "GetSchedule"} {
		s := newServiceStack(running("prod", "web", arnOf("app", 1)))
		s.bus.onRule("default", "nightly", "prod", arnOf("app", 1))
		s.bus.onSchedule("report", "prod", arnOf("app", 1))
		s.bus.errs = map[string]error{operation: &smithy.GenericAPIError{Code: "AccessDeniedException"}}
		wantResult(t, s.look("app"), finding.Remediated, "credential-missing", "service-behind", "schedules-unchecked")
		s = newServiceStack(running("prod", "web", arnOf("app", 1)))
		s.bus.onRule("default", "nightly", "prod", arnOf("app", 1))
		s.bus.onSchedule("report", "prod", arnOf("app", 1))
		s.bus.errs = map[string]error{operation: &smithy.GenericAPIError{Code: "ThrottlingException"}}
		wantResult(t, s.look("app"), finding.Failed, "call-retried")
	}
}

func TestManySchedulesAreBounded(t *testing.T) {
	s := newServiceStack(running("prod", "web", arnOf("other", 1)))
	for i := range useBounds.Schedules + 5 {
		s.bus.onSchedule(fmt.Sprintf("report-%03d", i), "prod", arnOf("other", 1))
	}
	wantResult(t, s.look("app"), finding.Remediated, "credential-missing", "schedules-unchecked")
	if asked := len(slices.DeleteFunc(s.bus.calls, func(call string) bool { return call != "GetSchedule" })); asked > useBounds.Schedules {
		t.Errorf("%d schedules were read", asked)
	}
}
