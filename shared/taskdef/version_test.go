package taskdef

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

func TestWhatIsTooOld(t *testing.T) {
	fargate := func(version, family string) types.Service {
		service := running("prod", "web", arnOf("app", 1))
		service.LaunchType, service.PlatformVersion, service.PlatformFamily = types.LaunchTypeFargate, &version, &family
		return service
	}
	byProvider := running("prod", "web", arnOf("app", 1))
	byProvider.CapacityProviderStrategy = []types.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE_SPOT")}}
	byProvider.PlatformVersion = aws.String("1.1.0")
	onInstances := running("prod", "web", arnOf("app", 1))
	secrets := func(input *ecs.RegisterTaskDefinitionInput) {
		input.ContainerDefinitions[0].Secrets = []types.Secret{{Name: aws.String("A"), ValueFrom: aws.String(secretARN("a"))}}
	}
	files := func(input *ecs.RegisterTaskDefinitionInput) {
		secrets(input)
		input.ContainerDefinitions[0].EnvironmentFiles = []types.EnvironmentFile{{Type: types.EnvironmentFileTypeS3, Value: aws.String("arn:aws:s3:::acme-env/a.env")}}
	}
	tests := []struct {
		name    string
		service types.Service
		agents  []string
		change  func(*ecs.RegisterTaskDefinitionInput)
		codes   string
		says    string
	}{
		{"agents of today", onInstances, []string{"1.19.0", "1.95.2", "2.0.0"}, nil, "service-behind", ""},
		{"no instances yet", onInstances, nil, nil, "service-behind", ""},
		{"one agent is too old", onInstances, []string{"1.18.0", "1.19.0"}, nil, "agent-too-old service-behind", "In the cluster " + clusterARN("prod") + ", 1 of 2 instances has an agent older than 1.19.0"},
		{"all agents are too old", onInstances, []string{"1.18.0", "1.9.1", "1.18.0"}, nil, "agent-too-old service-not-moved", "(1.18.0, 1.9.1)"},
		{"new enough for credentials, not for secrets", onInstances, []string{"1.21.0"}, secrets, "agent-too-old service-not-moved", "older than 1.22.0, which the field secrets needs"},
		{"new enough for secrets, not for environment files", onInstances, []string{"1.38.0"}, files, "agent-too-old service-not-moved", "older than 1.39.0, which the field environmentFiles needs"},
		{"a version that is none", onInstances, []string{"dev", "", "1"}, nil, "service-behind", ""},
		{"the latest platform", fargate("LATEST", "Linux"), nil, nil, "service-behind", ""},
		{"no platform version", fargate("", ""), nil, nil, "service-behind", ""},
		{"platform 1.4.0", fargate("1.4.0", "Linux"), nil, files, "service-behind", ""},
		{"platform 1.1.0", fargate("1.1.0", "Linux"), nil, nil, "platform-too-old service-not-moved", "repositoryCredentials needs 1.2.0"},
		{"platform 1.2.0, and secrets", fargate("1.2.0", "Linux"), nil, secrets, "platform-too-old service-not-moved", "secrets needs 1.3.0"},
		{"platform 1.0.0 of Windows", fargate("1.0.0", "Windows_Server_2022_Core"), nil, nil, "service-behind", ""},
		{"Fargate by its capacity provider", byProvider, []string{"1.0.0"}, nil, "platform-too-old service-not-moved", "1.1.0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newServiceStack(test.service)
			s.ecs.agents = map[string][]string{clusterARN("prod"): test.agents}
			if test.change != nil {
				input := registration("app", container("web", "registry.example.com/app:2"))
				test.change(input)
				s.ecs.revisions = map[string][]kept{}
				s.ecs.add(input)
			}
			result := s.look("app")
			if got := strings.Join(codes(result), " "); got != "credential-missing "+test.codes {
				t.Fatalf("found %s\n%+v", got, result.Findings)
			}
			if message := result.Findings[1].Message; !strings.Contains(message, test.says) {
				t.Errorf("%q does not say %q", message, test.says)
			}
			if err := findingtest.Check(result); err != nil {
				t.Error(err)
			}
			moved := s.ecs.count("UpdateService") > 0
			if moved != strings.Contains(test.codes, "service-behind") {
				t.Errorf("the service was moved: %v", moved)
			}
		})
	}
}

func TestOldAgentsInOneClusterDoNotHoldAnother(t *testing.T) {
	s := newServiceStack(running("old", "web", arnOf("app", 1)), running("old", "api", arnOf("app", 1)), running("new", "web", arnOf("app", 1)))
	s.ecs.agents = map[string][]string{clusterARN("old"): {"1.18.0"}, clusterARN("new"): {"1.90.0"}}
	wantResult(t, s.look("app"), finding.Noncompliant, "credential-missing", "agent-too-old", "service-not-moved", "service-not-moved", "service-behind")
	if got := s.ecs.runs(); got != "web=app:1 api=app:1 web=app:2" {
		t.Errorf("services %s", got)
	}
}

func TestAgentsThatCannotBeSeenHoldNobody(t *testing.T) {
	s := newServiceStack(running("prod", "web", arnOf("app", 1)))
	s.failing("ListContainerInstances", 1, &smithy.GenericAPIError{Code: "AccessDeniedException"})
	wantResult(t, s.look("app"), finding.Remediated, "credential-missing", "service-behind")
	s = newServiceStack(running("prod", "web", arnOf("app", 1)))
	s.failing("ListContainerInstances", 1, &smithy.GenericAPIError{Code: "ThrottlingException"})
	wantResult(t, s.look("app"), finding.Failed, "call-retried")
}
