package instancerole

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

func TestScreen(t *testing.T) {
	const (
		agent = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
		ssm   = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
		s3    = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
		pull  = "arn:aws:iam::123456789012:policy/stack-EcrPullPolicy"
		read  = "arn:aws:iam::123456789012:policy/stack-ConfigReadPolicy"
		ec2   = `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
		other = `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
		outer = `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	)
	s := Settings{
		Shared:              settings.Shared{OwnRoles: []string{"arn:aws:iam::123456789012:role/ecsInstanceRole-own"}},
		InstanceRolePattern: "ecsInstanceRole*", Capabilities: Capabilities{Agent},
		AgentPolicyARN: agent, ManagedInstancesPolicyARN: "arn:aws:iam::aws:policy/" + managedInstancesPolicy, SSMPolicyARN: ssm, ECRPolicyARN: pull, ConfigPolicyARN: read, ConfigBucket: "acme",
	}
	type change = func(*types.RoleDetail, *Settings)
	tagged := func(key, value string) change {
		return func(role *types.RoleDetail, _ *Settings) {
			role.Tags = append(role.Tags, types.Tag{Key: &key, Value: &value})
		}
	}
	inline := func(document string) change {
		return func(role *types.RoleDetail, _ *Settings) {
			role.RolePolicyList = []types.PolicyDetail{{PolicyDocument: &document}}
		}
	}
	tests := map[string]struct {
		name, trust string
		attached    []string
		change      change
		want        Verdict
		own         []PolicyARN
	}{
		"has what it needs":     {"ecsInstanceRole", ec2, []string{agent}, nil, Settled, nil},
		"by its tag":            {"web", ec2, []string{agent}, tagged("ecs-guardrails:instance-role", "true"), Settled, nil},
		"lacks it":              {"ecsInstanceRole", ec2, nil, nil, Doubtful, nil},
		"another name":          {"web", ec2, nil, nil, NotOurs, nil},
		"another service's":     {"ecsInstanceRole", other, nil, nil, Doubtful, nil},
		"a function's":          {"ecsInstanceRole", strings.Replace(other, "ecs-tasks", "lambda", 1), nil, nil, NotOurs, nil},
		"others may assume it":  {"ecsInstanceRole", strings.Replace(ec2, `{"Service":"ec2.amazonaws.com"}`, `{"Service":"ec2.amazonaws.com","AWS":"*"}`, 1), []string{agent}, nil, Doubtful, nil},
		"ECS Managed Instances": {"ecsInstanceRole", ec2, []string{"arn:aws:iam::aws:policy/" + managedInstancesPolicy}, nil, Settled, nil},
		"a node of EKS":         {"ecsInstanceRole", ec2, []string{"arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"}, nil, NotOurs, nil},
		"no trust policy":       {"ecsInstanceRole", "", nil, nil, NotOurs, nil},
		"an unreadable one":     {"ecsInstanceRole", "{", []string{agent}, nil, Doubtful, nil},
		"opted out":             {"ecsInstanceRole", ec2, nil, tagged("ecs-guardrails:ignore", "true"), NotOurs, nil},
		"the stack's own":       {"ecsInstanceRole-own", ec2, nil, nil, NotOurs, nil},
		"service-linked":        {"AWSServiceRoleForX", ec2, nil, tagged("ecs-guardrails:instance-role", "true"), NotOurs, nil},
		"boundary": {"ecsInstanceRole", ec2, []string{agent}, func(role *types.RoleDetail, _ *Settings) {
			role.PermissionsBoundary = &types.AttachedPermissionsBoundary{}
		}, Doubtful, nil},
		"inline policy":             {"ecsInstanceRole", ec2, []string{agent}, inline(`{"Statement":{"Effect":"Allow"}}`), Settled, nil},
		"inline denial":             {"ecsInstanceRole", ec2, []string{agent}, inline(url.PathEscape(`{"Statement":[{"Effect":"Allow"},{"Effect":"Deny"}]}`)), Doubtful, nil},
		"the customer's policy":     {"ecsInstanceRole", ec2, []string{agent, pull}, nil, Settled, []PolicyARN{pull}},
		"AWS's policy that denies":  {"ecsInstanceRole", ec2, []string{agent, "arn:aws:iam::aws:policy/AWSDenyAll"}, nil, Doubtful, nil},
		"a retired one":             {"ecsInstanceRole", ec2, []string{agent, "arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM"}, nil, Doubtful, nil},
		"what is no ARN":            {"ecsInstanceRole", ec2, []string{agent, "x"}, nil, Doubtful, nil},
		"more by its tag":           {"ecsInstanceRole", ec2, []string{agent}, tagged("ecs-guardrails:capabilities", "agent ssm"), Doubtful, nil},
		"more by its tag, attached": {"ecsInstanceRole", ec2, []string{agent, ssm}, tagged("ecs-guardrails:capabilities", "agent ssm"), Settled, nil},
		"the agent's pulls, too":    {"ecsInstanceRole", ec2, []string{agent}, tagged("ecs-guardrails:capabilities", "agent ecr"), Settled, nil},
		"none by its tag":           {"ecsInstanceRole", ec2, nil, tagged("ecs-guardrails:capabilities", "none"), Settled, nil},
		"a word that is none":       {"ecsInstanceRole", ec2, []string{agent}, tagged("ecs-guardrails:capabilities", "agent x"), Doubtful, nil},
		"external":                  {"ecsInstanceRole", outer, []string{agent}, nil, Doubtful, nil},
		"external, managed":         {"ecsInstanceRole", outer, []string{agent, ssm}, nil, Settled, nil},
		"config":                    {"ecsInstanceRole", ec2, []string{agent, read}, tagged("ecs-guardrails:capabilities", "agent config"), Settled, []PolicyARN{read}},
		"config, and no bucket": {"ecsInstanceRole", ec2, []string{agent, read}, func(role *types.RoleDetail, s *Settings) {
			s.ConfigBucket, s.Capabilities = "", Capabilities{Agent, Config}
		}, Doubtful, nil},
		"config, and a key AWS's lacks": {"ecsInstanceRole", ec2, []string{agent, s3}, func(role *types.RoleDetail, s *Settings) {
			s.ConfigPolicyARN, s.ConfigKeyARN, s.Capabilities = s3, "arn:aws:kms:us-east-1:123456789012:key/k", Capabilities{Agent, Config}
		}, Doubtful, nil},
		"config, by AWS's": {"ecsInstanceRole", ec2, []string{agent, s3}, func(role *types.RoleDetail, s *Settings) {
			s.ConfigPolicyARN, s.Capabilities = s3, Capabilities{Agent, Config}
		}, Settled, nil},
		"attached, but not what is named": {"ecsInstanceRole", ec2, []string{agent}, func(role *types.RoleDetail, s *Settings) { s.AgentPolicyARN = "" }, Doubtful, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := s
			role := types.RoleDetail{RoleName: &test.name, Path: aws.String("/"), Arn: aws.String("arn:aws:iam::123456789012:role/" + test.name), AssumeRolePolicyDocument: &test.trust}
			for _, policy := range test.attached {
				role.AttachedManagedPolicies = append(role.AttachedManagedPolicies, types.AttachedPolicy{PolicyArn: &policy})
			}
			if test.change != nil {
				test.change(&role, &s)
			}
			if verdict, own := s.Screen(role); verdict != test.want || !slices.Equal(own, test.own) {
				t.Errorf("got %d %q, want %d %q", verdict, own, test.want, test.own)
			}
		})
	}
}

func TestDenies(t *testing.T) {
	for document, want := range map[string]bool{
		`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`: false,
		`{"Statement":[]}`: false,
		`{"Statement":[{"Effect":"Allow"},{"Effect":"Allow"}]}`:                false,
		`{"Statement":{"Effect":"Deny"}}`:                                      true,
		`{"Statement":[{"Effect":"Allow"},{"Effect":"Deny"}]}`:                 true,
		url.PathEscape(`{"Statement":[{"Effect":"Allow"},{"Effect":"Deny"}]}`): true,
		url.PathEscape(`{"Statement":{"Effect":"Allow"}}`):                     false,
		`{"Statement":[{"Effect":7}]}`:                                         true,
		`{"Statement":"Allow"}`:                                                true,
		`{}`:                                                                   true,
		``:                                                                     true,
		`%zz`:                                                                  true,
	} {
		if got := Denies(document); got != want {
			t.Errorf("%s: %v", document, got)
		}
	}
}

func FuzzDenies(f *testing.F) {
	f.Add("Allow", "s3:*")
	f.Add("Deny", "*")
	f.Fuzz(func(t *testing.T, effect, rest string) {
		Denies(rest)
		text, err := json.Marshal(map[string]any{"Statement": []any{map[string]string{"Effect": effect, "Sid": rest}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := Denies(string(text)); got == (effect == "Allow") {
			t.Errorf("%s: %v", text, got)
		}
	})
}
