// Package instancerole judges the IAM roles of ECS container instances and of
// external instances (ECS Anywhere) by what they can do, and gives them the
// approved policies that they lack. It can attach those policies and nothing
// else.
package instancerole

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"ecsguardrails/shared/settings"
)

// Settings are those of the function attach-policies.
type Settings struct {
	settings.Shared
	// InstanceRolePattern says by their names which roles are ours.
	InstanceRolePattern Pattern `env:"INSTANCE_ROLE_PATTERN" envDefault:"ecsInstanceRole*"`
	// Capabilities are asked of each role that has no tag of its own for them.
	Capabilities Capabilities `env:"CAPABILITIES" envDefault:"agent"`

	// InstanceRegion is where instances work whose role changed, "" for this region.
	InstanceRegion string `env:"INSTANCE_REGION"`

	AgentPolicyARN  PolicyARN `env:"AGENT_POLICY_ARN" envDefault:"arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"`
	SSMPolicyARN    PolicyARN `env:"SSM_POLICY_ARN" envDefault:"arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"`
	ECRPolicyARN    PolicyARN `env:"ECR_POLICY_ARN"`
	ConfigPolicyARN PolicyARN `env:"CONFIG_POLICY_ARN"`
	LogsPolicyARN   PolicyARN `env:"LOGS_POLICY_ARN"`

	// ConfigBucket holds the ecs.config files, below ConfigPrefix ("" or ending
	// in "/"), encrypted with ConfigKeyARN ("" where S3 keeps the key).
	ConfigBucket string `env:"CONFIG_BUCKET"`
	ConfigPrefix string `env:"CONFIG_PREFIX"`
	ConfigKeyARN string `env:"CONFIG_KEY_ARN"`
	// LogGroup is a group that an instance must be able to write to.
	LogGroup string `env:"LOG_GROUP" envDefault:"/ecs/ecs-guardrails"`
}

// Pattern is a role name in which * and ? are wildcards.
type Pattern string

// UnmarshalText refuses what can match no role.
func (p *Pattern) UnmarshalText(text []byte) error {
	if _, err := path.Match(string(text), ""); err != nil || strings.Contains(string(text), "/") {
		return fmt.Errorf("role name pattern %q is not one: write a role's name, without its path, in which * and ? are wildcards", text)
	}
	*p = Pattern(text)
	return nil
}

// Matches reports whether a role's name fits.
func (p Pattern) Matches(name string) bool {
	matched, err := path.Match(string(p), name)
	return err == nil && matched
}

// PolicyARN is the ARN of a managed policy.
type PolicyARN string

// UnmarshalText refuses what is no managed policy's ARN.
func (p *PolicyARN) UnmarshalText(text []byte) error {
	parsed, err := arn.Parse(string(text))
	if err != nil || parsed.Service != "iam" || !strings.HasPrefix(parsed.Resource, "policy/") {
		return fmt.Errorf("%q is not the ARN of a managed policy, as in arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore", text)
	}
	*p = PolicyARN(text)
	return nil
}

// name is the policy's name without its path.
func (p PolicyARN) name() string { return string(p[strings.LastIndexByte(string(p), '/')+1:]) }

// approved lists the policies that the function may attach, in the order of
// capabilities.
func (s Settings) approved() []policy {
	all := []policy{
		{Agent, s.AgentPolicyARN},
		{SSM, s.SSMPolicyARN},
		{ECR, s.ECRPolicyARN},
		{Config, s.ConfigPolicyARN},
		{Logs, s.LogsPolicyARN},
	}
	return slices.DeleteFunc(all, func(p policy) bool { return p.arn == "" })
}

// approvedFor gives the policy for a capability, "" where the settings name none.
func (s Settings) approvedFor(capability Capability) PolicyARN {
	for _, p := range s.approved() {
		if p.capability == capability {
			return p.arn
		}
	}
	return ""
}
