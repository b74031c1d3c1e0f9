package instancerole

import (
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/trustpolicy"
)

// kind of instance that a role is for. Each has its own needs.
type kind string

const (
	// ec2Instance runs the agent on EC2, also for AWS Batch and for Elastic
	// Beanstalk's ECS platform.
	ec2Instance kind = "ECS container instance"
	// externalInstance is one of ECS Anywhere, which Systems Manager gives its role.
	externalInstance kind = "external instance"
	// managedInstance is one of ECS Managed Instances.
	managedInstance kind = "ECS Managed Instances"
)

// managedInstancesPolicy is the name of the AWS managed policy for instances of
// ECS Managed Instances.
const managedInstancesPolicy = "AmazonECSInstanceRolePolicyForManagedInstances"

// kindOf tells what a role's instances are. A role of both EC2's and ECS Managed
// Instances is judged as EC2's, which needs more; then something must show that
// an instance of EC2's uses it.
func kindOf(o Observation) kind {
	switch {
	case o.Role.trust.Trusts(trustpolicy.SSM) && !o.Role.trust.Trusts(trustpolicy.EC2):
		return externalInstance
	case o.Evidence.userData.ecs && !o.Target.Instance.Managed, has(o.Attached, "AmazonEC2ContainerServiceforEC2Role"):
		return ec2Instance
	case has(o.Attached, managedInstancesPolicy), o.Target.Instance.Managed, o.isOfManagedProvider(), o.grantsSystemLogs():
		return managedInstance
	default:
		return ec2Instance
	}
}

// has reports whether an AWS managed policy is attached.
func has(attached []PolicyARN, name string) bool {
	return slices.ContainsFunc(attached, func(policy PolicyARN) bool { return policy.ofAWS() && policy.name() == name })
}

// isOfManagedProvider reports whether one of the Region's capacity providers
// launches instances with the role.
func (o Observation) isOfManagedProvider() bool {
	return slices.ContainsFunc(o.providers.names, func(profile string) bool {
		return profile == o.Role.Name || profile == o.Target.Profile || slices.Contains(o.profiles.names, profile)
	})
}

// grantsSystemLogs reports whether a policy of the role names
// ecs:PutSystemLogEvents, which only ECS Managed Instances call: their policies
// are often written into the role, narrowed to a cluster.
func (o Observation) grantsSystemLogs() bool {
	if o.policies == nil {
		return false
	}
	for _, policy := range o.policies.Identity {
		for _, statement := range policy.Document.Statement {
			if statement.Effect == "Allow" && slices.ContainsFunc(statement.Action, func(action string) bool { return strings.EqualFold(action, "ecs:PutSystemLogEvents") }) {
				return true
			}
		}
	}
	return false
}

// otherPurposes are AWS managed policies that tell what else than ECS a role is
// for.
var otherPurposes = []struct {
	policies []string
	purpose  string
}{
	{[]string{"AmazonEKSWorkerNodePolicy", "AmazonEKSWorkerNodeMinimalPolicy", "AmazonEKSLocalOutpostClusterPolicy"}, "a node of Amazon EKS"},
	{[]string{"EC2InstanceProfileForImageBuilder", "EC2InstanceProfileForImageBuilderECRContainerBuilds"}, "EC2 Image Builder"},
	{[]string{"AmazonElasticMapReduceforEC2Role"}, "Amazon EMR"},
	{[]string{"AWSCodeDeployRole"}, "AWS CodeDeploy"},
}

// otherNames are those of instances that often run an ECS-optimized image and
// are no container instances. Nothing but such an image speaks for them.
var otherNames = lazyregexp.New(`(?i)bastion|jump[-_]?(box|host|server)|packer|(image|ami)[-_]?(builder|bake)|[-_]builder|^builder|[-_]bakery|nat[-_]?(instance|gateway|host)`)

// otherPurpose says what else than ECS a role is for, "" where nothing tells.
func otherPurpose(o Observation) string {
	for _, other := range otherPurposes {
		if slices.ContainsFunc(other.policies, func(name string) bool { return has(o.Attached, name) }) {
			return other.purpose
		}
	}
	beanstalk := has(o.Attached, "AWSElasticBeanstalkWebTier") || has(o.Attached, "AWSElasticBeanstalkWorkerTier")
	if beanstalk && !has(o.Attached, "AWSElasticBeanstalkMulticontainerDocker") {
		return "an environment of Elastic Beanstalk that doesn't run on ECS"
	}
	return ""
}
