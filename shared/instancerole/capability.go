package instancerole

import (
	"fmt"
	"slices"
	"strings"
)

// Capability is something that an instance role must enable its instances to do.
type Capability string

const (
	// Agent: join a cluster, take its tasks and report on them.
	Agent Capability = "agent"
	// ECR: pull images from Amazon ECR.
	ECR Capability = "ecr"
	// Config: read ecs.config from the config bucket.
	Config Capability = "config"
	// Logs: write to CloudWatch Logs, into groups that may have to be created.
	Logs Capability = "logs"
	// SSM: be managed by Systems Manager, which an external instance must be.
	SSM Capability = "ssm"
)

// capabilities in the order in which an instance needs them: where the quota
// leaves room for some policies only, the first ones get it.
var capabilities = []Capability{Agent, SSM, ECR, Config, Logs}

// Capabilities is a set of capabilities, in the order of their declaration.
type Capabilities []Capability

// UnmarshalText reads the setting, as in "agent,ecr", and refuses unknown words.
func (c *Capabilities) UnmarshalText(text []byte) error {
	known, unknown := parseCapabilities(string(text))
	if len(unknown) > 0 {
		return fmt.Errorf("capability %q is unknown: write a comma-separated list of %s", unknown[0], capabilityNames())
	}
	if len(known) == 0 {
		return fmt.Errorf("capabilities %q name none: write a comma-separated list of %s", text, capabilityNames())
	}
	*c = known
	return nil
}

// parseCapabilities reads the setting's list and the tag's. A tag value cannot
// hold a comma (IAM API Reference, Tag), so that spaces and the punctuation
// that it can hold separate, too.
func parseCapabilities(text string) (known Capabilities, unknown []string) {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" ,;+/:.\t", r) })
	for _, capability := range capabilities {
		if slices.Contains(words, string(capability)) {
			known = append(known, capability)
		}
	}
	for _, word := range words {
		if !slices.Contains(capabilities, Capability(word)) {
			unknown = append(unknown, word)
		}
	}
	return known, unknown
}

func capabilityNames() string {
	names := make([]string, len(capabilities))
	for i, capability := range capabilities {
		names[i] = string(capability)
	}
	return strings.Join(names, ", ")
}

// resource is the kind of thing that an action is done to, in the sense of the
// Service Authorization Reference's tables.
type resource int

const (
	anything resource = iota
	cluster
	containerInstance
	repository
	configBucket
	configObject
	configKey
	logGroup
	logStream
)

// need is one action of a capability.
type need struct {
	action string
	on     resource
	// optional: the instance works without it, and loses what the words say. ""
	// for what it cannot do without.
	optional string
	// evidence makes an optional one needed: what the instance's user data shows
	// that it uses. Nil where nothing shows it.
	evidence func(userData) bool
}

// neededAction gives the spelling and the capability of an action that a
// capability takes; "" for others.
func neededAction(action string) (string, Capability) {
	for _, capability := range capabilities {
		for _, n := range needs[capability] {
			if strings.EqualFold(n.action, action) {
				return n.action, capability
			}
		}
	}
	return "", ""
}

// isHard reports whether the role's instances can't do without an action: by what
// it is, by their user data, or because AWS refused it to one of them.
func (o Observation) isHard(n need) bool {
	return n.isHard(o.Evidence.userData) || slices.Contains(o.Target.Refused, n.action)
}

// isHard reports whether an instance of which this was seen cannot do without it.
func (n need) isHard(seen userData) bool {
	return n.optional == "" || n.evidence != nil && n.evidence(seen)
}

// sets is evidence that user data gives a variable of the agent a value other
// than those that turn it off.
func sets(variables ...string) func(userData) bool {
	return func(seen userData) bool {
		return slices.ContainsFunc(variables, func(variable string) bool {
			value := strings.ToLower(seen.variables[variable])
			return !slices.Contains([]string{"", "false", "none", "{}", "0"}, value)
		})
	}
}

// usageVariables are those of the agent that make an optional right needed.
var usageVariables = []string{
	"ECS_CONTAINER_INSTANCE_TAGS", "ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM", "ECS_ENABLE_SPOT_INSTANCE_DRAINING", "ECS_ENABLE_TASK_METADATA_TAGS",
}

var (
	tagsInstances  = sets("ECS_CONTAINER_INSTANCE_TAGS", "ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM")
	propagatesTags = sets("ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM")
	drainsSpot     = sets("ECS_ENABLE_SPOT_INSTANCE_DRAINING")
	servesTags     = sets("ECS_ENABLE_TASK_METADATA_TAGS")
)

// needs lists what each capability takes. Sources: the actions are those of the
// AWS managed policies AmazonEC2ContainerServiceforEC2Role (v10),
// AmazonECSInstanceRolePolicyForManagedInstances (v1),
// AmazonEC2ContainerRegistryPullOnly (v1) and AmazonSSMManagedInstanceCore (v2)
// and of "Amazon ECS container instance IAM role" in the ECS developer guide;
// what is optional, of the agent's source (1.105.1); the resources are those of
// the Service Authorization Reference.
var needs = map[Capability][]need{
	Agent: {
		{action: "ecs:DiscoverPollEndpoint", on: anything},
		{action: "ecs:RegisterContainerInstance", on: cluster},
		{action: "ecs:Poll", on: containerInstance},
		{action: "ecs:SubmitTaskStateChange", on: cluster},
		{action: "ecs:SubmitContainerStateChange", on: cluster},
		{action: "ecs:StartTelemetrySession", on: containerInstance, optional: "metrics and container health checks, if services use them"},
		{action: "ecs:SubmitAttachmentStateChanges", on: cluster, optional: "tasks that use the network mode awsvpc or EBS volumes"},
		// RegisterContainerInstance fails without it only where the agent sends tags
		// ("Grant permission to tag resources on creation" in the ECS developer guide).
		{action: "ecs:TagResource", on: containerInstance, optional: "tags of container instances, if ECS_CONTAINER_INSTANCE_TAGS or propagated tags are used", evidence: tagsInstances},
		{action: "ecs:CreateCluster", on: anything, optional: "the cluster named default, if the instance names none and there is none"},
		{action: "ecs:DeregisterContainerInstance", on: cluster, optional: "an instance can't deregister itself"},
		{action: "ecs:UpdateContainerInstancesState", on: containerInstance, optional: "Spot draining, if ECS_ENABLE_SPOT_INSTANCE_DRAINING is used", evidence: drainsSpot},
		{action: "ecs:ListTagsForResource", on: containerInstance, optional: "tags in the task metadata endpoint", evidence: servesTags},
		{action: "ec2:DescribeTags", on: anything, optional: "EC2 tags, if ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM is used", evidence: propagatesTags},
	},
	ECR: {
		{action: "ecr:GetAuthorizationToken", on: anything},
		{action: "ecr:GetDownloadUrlForLayer", on: repository},
		{action: "ecr:BatchGetImage", on: repository},
		{action: "ecr:BatchCheckLayerAvailability", on: repository, optional: "pushing images"},
	},
	Config: {
		{action: "s3:GetObject", on: configObject},
		{action: "kms:Decrypt", on: configKey},
		{action: "s3:ListBucket", on: configBucket, optional: "a missing ecs.config looks like a forbidden one"},
		{action: "s3:GetBucketLocation", on: configBucket, optional: "tools that look up the bucket's Region"},
	},
	Logs: {
		{action: "logs:CreateLogStream", on: logGroup},
		{action: "logs:PutLogEvents", on: logStream},
		{action: "logs:CreateLogGroup", on: logGroup},
		{action: "logs:DescribeLogStreams", on: logGroup, optional: "log drivers that list the streams of a group"},
	},
	SSM: {
		{action: "ssm:UpdateInstanceInformation", on: anything},
		{action: "ssmmessages:CreateControlChannel", on: anything},
		{action: "ssmmessages:CreateDataChannel", on: anything},
		{action: "ssmmessages:OpenControlChannel", on: anything},
		{action: "ssmmessages:OpenDataChannel", on: anything},
		{action: "ssm:ListInstanceAssociations", on: anything, optional: "State Manager's associations"},
		{action: "ssm:GetDocument", on: anything, optional: "documents that refer to others"},
		{action: "ec2messages:GetMessages", on: anything, optional: "commands for agents before 3.3.40.0"},
	},
}

// managedInstanceNeeds are the agent's on an instance of ECS Managed Instances.
// The execution role pulls and logs there, and no user data sets anything.
var managedInstanceNeeds = []need{
	{action: "ecs:DiscoverPollEndpoint", on: anything},
	{action: "ecs:RegisterContainerInstance", on: cluster},
	{action: "ecs:Poll", on: containerInstance},
	{action: "ecs:SubmitTaskStateChange", on: cluster},
	{action: "ecs:SubmitAttachmentStateChanges", on: cluster},
	{action: "ecs:StartTelemetrySession", on: containerInstance, optional: "metrics and container health checks, if services use them"},
	{action: "ecs:PutSystemLogEvents", on: containerInstance, optional: "the instance's system logs"},
}

// trunking is the right to turn on awsvpcTrunking, for which the AWS guide
// advises its own role.
var trunking = need{action: "ecs:PutAccountSetting", on: anything}

// policy is one of those that the function may attach.
type policy struct {
	// capability is the one that the policy is for.
	capability Capability
	arn        PolicyARN
	// clusters are the only ones that the policy is for; nil for all.
	clusters []string
}

// grants reports whether the policy allows an action of a capability on the
// resources of this account, going by the documents named at needs and by the
// template's.
func (p policy) grants(capability Capability, n need, place site) bool {
	switch {
	case p.capability == Agent && p.clusters != nil:
		return capability == Agent && n.action != "ecs:CreateCluster" && (place.cluster == "" || slices.Contains(p.clusters, place.cluster))
	case p.arn.name() == managedInstancesPolicy:
		return capability == Agent && slices.ContainsFunc(managedInstanceNeeds, func(m need) bool { return m.action == n.action })
	case p.capability == Config && p.arn.name() == "AmazonS3ReadOnlyAccess":
		return capability == Config && n.on != configKey
	case p.capability == capability:
		return true
	case p.capability == Agent:
		return capability == ECR || capability == Logs && slices.Contains([]string{"logs:CreateLogStream", "logs:PutLogEvents"}, n.action)
	default:
		return false
	}
}
