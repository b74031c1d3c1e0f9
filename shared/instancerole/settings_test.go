package instancerole

import (
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

func TestSettingsOfTheTemplate(t *testing.T) {
	s, err := settings.Load[Settings]("attach-policies", []string{
		"MODE=enforce", "INSTANCE_ROLE_PATTERN=ecs-*", "CAPABILITIES=ssm, agent,agent", "ECR_POLICY_ARN=" + ecrARN,
		"CONFIG_POLICY_ARN=" + configARN, "LOGS_POLICY_ARN=" + logsARN, "CONFIG_BUCKET=acme-ecs-config", "CONFIG_KEY_ARN=" + keyARN,
		"OWN_ROLES=arn:aws:iam::123456789012:role/a,arn:aws:iam::123456789012:role/b",
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Capabilities, Capabilities{Agent, SSM}) || s.AgentPolicyARN != agentARN || len(s.approved(ec2Instance)) != 5 || s.LogGroup == "" || len(s.OwnRoles) != 2 {
		t.Errorf("got %+v", s)
	}
	for name, want := range map[string]bool{"ecs-web": true, "ecs-": true, "ECS-Web": true, "web-ecs-": false, "": false} {
		if got := s.InstanceRolePattern.Matches(name); got != want {
			t.Errorf("%q matches: %v", name, got)
		}
	}
}

func TestSettingsRefuseWhatTheyDoNotKnow(t *testing.T) {
	_, err := settings.Load[Settings]("attach-policies", []string{
		"MODE=on", "INSTANCE_ROLE_PATTERN=[x", "CAPABILITIES=agent,docker", "AGENT_POLICY_ARN=AdministratorAccess",
		"SSM_POLICY_ARN=arn:aws:iam::123456789012:role/x",
	})
	if err == nil {
		t.Fatal("they were taken")
	}
	for _, told := range []string{`mode "on"`, "[x", "docker", "AdministratorAccess", "role/x"} {
		if !strings.Contains(err.Error(), told) {
			t.Errorf("the error does not report %q: %v", told, err)
		}
	}
}
