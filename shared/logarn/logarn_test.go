package logarn_test

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/logarn"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
)

func TestPoliciesForAGroup(t *testing.T) {
	group := logarn.Group("aws", "eu-west-1", "123456789012", "/ecs/web")
	stream := logarn.Stream("aws", "eu-west-1", "123456789012", "/ecs/web", "web/1")
	for pattern, want := range map[string]bool{
		"*": true, "arn:aws:logs:*:*:*": true, "arn:aws:logs:*:123456789012:log-group:*": true,
		"arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/web:*": true, "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/web": false,
		"arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/other:*": false,
	} {
		if ofGroup, ofStream := policydocument.Matches(pattern, group), policydocument.Matches(pattern, stream); ofGroup != want || ofStream != want {
			t.Errorf("%s: allows the group %v, a stream %v, want %v", pattern, ofGroup, ofStream, want)
		}
	}
}
