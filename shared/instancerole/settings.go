// Package instancerole judges the IAM roles of ECS container instances, external
// instances (ECS Anywhere) and ECS Managed Instances by what they can do, and
// lends them the approved policies that they lack. It can attach those policies
// and nothing else, and takes back only what it attached.
package instancerole

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

// Settings are those of the function attach-policies.
type Settings struct {
	settings.Shared
	// InstanceRolePattern says by their names which roles are ours.
	InstanceRolePattern Pattern `env:"INSTANCE_ROLE_PATTERN" envDefault:"ecsInstanceRole*,ecsExternalInstanceRole*,ecsAnywhereRole*"`
	// Capabilities are the most that a role may get. A role's tag chooses among them.
	Capabilities Capabilities `env:"CAPABILITIES" envDefault:"agent"`
	// RequireActorRight allows an attachment only where the principal that caused
	// the event could make it.
	RequireActorRight settings.Choice `env:"REQUIRE_ACTOR_RIGHT" envDefault:"no"`
	// ChangeOwnedResources says what to do with roles that a tool renders from its
	// own source.
	ChangeOwnedResources OwnedChange `env:"CHANGE_OWNED_RESOURCES" envDefault:"roles"`

	// StackID tells this stack's loans from those of others.
	StackID string `env:"STACK_ID"`

	AgentPolicyARN            PolicyARN `env:"AGENT_POLICY_ARN" envDefault:"arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"`
	ManagedInstancesPolicyARN PolicyARN `env:"MANAGED_INSTANCES_POLICY_ARN" envDefault:"arn:aws:iam::aws:policy/AmazonECSInstanceRolePolicyForManagedInstances"`
	SSMPolicyARN              PolicyARN `env:"SSM_POLICY_ARN" envDefault:"arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"`
	ECRPolicyARN              PolicyARN `env:"ECR_POLICY_ARN"`
	ConfigPolicyARN           PolicyARN `env:"CONFIG_POLICY_ARN"`
	LogsPolicyARN             PolicyARN `env:"LOGS_POLICY_ARN"`
	// AgentPolicyClusters are the names of the only clusters that AgentPolicyARN is
	// for; empty for all.
	AgentPolicyClusters []string `env:"AGENT_POLICY_CLUSTERS"`

	// ConfigBucket holds the ecs.config files, below ConfigPrefix ("" or ending
	// in "/"), encrypted with ConfigKeyARN ("" where S3 keeps the key).
	ConfigBucket string `env:"CONFIG_BUCKET"`
	ConfigPrefix string `env:"CONFIG_PREFIX"`
	ConfigKeyARN string `env:"CONFIG_KEY_ARN"`
	// LogGroup is a group that an instance must be able to write to.
	LogGroup string `env:"LOG_GROUP" envDefault:"/ecs/ecs-guardrails"`
}

// OwnedChange says whether roles that a tool owns are changed.
type OwnedChange string

// UnmarshalText refuses every word but the three.
func (c *OwnedChange) UnmarshalText(text []byte) error {
	switch word := OwnedChange(text); word {
	case "roles", "all", "none":
		*c = word
		return nil
	default:
		return fmt.Errorf("CHANGE_OWNED_RESOURCES %q is unknown: write roles, all or none", text)
	}
}

// Pattern is a list of role names in which * and ? are wildcards, separated by
// commas.
type Pattern string

// UnmarshalText refuses what can match no role.
func (p *Pattern) UnmarshalText(text []byte) error {
	patterns := Pattern(text).list()
	if len(patterns) == 0 || strings.ContainsAny(string(text), `/[]\`) {
		return fmt.Errorf("role name pattern %q is not one: write role names without their paths, separated by commas, in which * and ? are wildcards", text)
	}
	*p = Pattern(text)
	return nil
}

func (p Pattern) list() []string {
	return strings.FieldsFunc(string(p), func(r rune) bool { return r == ',' || r == ' ' })
}

// Matches reports whether a role's name fits, whatever the case of its letters:
// IAM takes names that differ in case alone for the same.
func (p Pattern) Matches(name string) bool {
	return slices.ContainsFunc(p.list(), func(pattern string) bool { return policydocument.Matches(pattern, name) })
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

// ofAWS reports whether AWS manages the policy: only then its name tells what it
// grants.
func (p PolicyARN) ofAWS() bool {
	parsed, err := arn.Parse(string(p))
	return err == nil && parsed.AccountID == "aws"
}

// approved lists the policies that the function may attach to a role of a kind,
// in the order of capabilities.
func (s Settings) approved(role kind) []policy {
	agent := policy{capability: Agent, arn: s.AgentPolicyARN}
	if len(s.AgentPolicyClusters) > 0 {
		agent.clusters = s.AgentPolicyClusters
	}
	if role == managedInstance {
		agent = policy{capability: Agent, arn: s.ManagedInstancesPolicyARN}
	}
	all := []policy{
		agent,
		{capability: SSM, arn: s.SSMPolicyARN},
		{capability: ECR, arn: s.ECRPolicyARN},
		{capability: Config, arn: s.ConfigPolicyARN},
		{capability: Logs, arn: s.LogsPolicyARN},
	}
	return slices.DeleteFunc(all, func(p policy) bool { return p.arn == "" })
}
