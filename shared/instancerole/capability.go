package instancerole

import (
	"fmt"
	"slices"
	"strings"
)

// Capability is something that an instance role must enable its instances to do.
type Capability string

const (
	// Agent: join a cluster, take its tasks, report on them, tag itself.
	Agent Capability = "agent"
	// ECR: pull images from Amazon ECR.
	ECR Capability = "ecr"
	// Config: read ecs.config from the config bucket.
	Config Capability = "config"
	// Logs: write to CloudWatch Logs, into groups that may have to be made.
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
	// optional: without it something is lost, but not the capability. The words
	// say what.
	optional string
}

// needs lists what each capability takes. Sources: the actions are those of the
// AWS managed policies AmazonEC2ContainerServiceforEC2Role (v10) and
// AmazonSSMManagedInstanceCore (v2) and of "Amazon ECS container instance IAM
// role" in the ECS developer guide; the resources are those of the Service
// Authorization Reference.
var needs = map[Capability][]need{
	Agent: {
		{action: "ecs:DiscoverPollEndpoint", on: anything},
		{action: "ecs:RegisterContainerInstance", on: cluster},
		{action: "ecs:Poll", on: containerInstance},
		{action: "ecs:StartTelemetrySession", on: containerInstance},
		{action: "ecs:SubmitAttachmentStateChanges", on: cluster},
		{action: "ecs:SubmitContainerStateChange", on: cluster},
		{action: "ecs:SubmitTaskStateChange", on: cluster},
		// Tag on create: RegisterContainerInstance fails without it where
		// ECS_CONTAINER_INSTANCE_TAGS is set ("Grant permission to tag resources
		// on creation" in the ECS developer guide).
		{action: "ecs:TagResource", on: containerInstance},
		{action: "ecs:CreateCluster", on: anything, optional: "the cluster must exist before the instance boots"},
		{action: "ecs:DeregisterContainerInstance", on: cluster, optional: "the instance cannot take itself out of its cluster"},
		{action: "ecs:UpdateContainerInstancesState", on: containerInstance, optional: "a Spot instance is not drained (ECS_ENABLE_SPOT_INSTANCE_DRAINING)"},
		{action: "ecs:ListTagsForResource", on: containerInstance, optional: "the metadata endpoint with tags stays empty"},
		{action: "ec2:DescribeTags", on: anything, optional: "EC2 tags are not propagated (ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM)"},
	},
	ECR: {
		{action: "ecr:GetAuthorizationToken", on: anything},
		{action: "ecr:BatchCheckLayerAvailability", on: repository},
		{action: "ecr:GetDownloadUrlForLayer", on: repository},
		{action: "ecr:BatchGetImage", on: repository},
	},
	Config: {
		{action: "s3:GetObject", on: configObject},
		{action: "kms:Decrypt", on: configKey},
		{action: "s3:ListBucket", on: configBucket, optional: "a missing ecs.config looks like a forbidden one"},
		{action: "s3:GetBucketLocation", on: configBucket, optional: "tools that look up the bucket's region fail"},
	},
	Logs: {
		{action: "logs:CreateLogGroup", on: logGroup},
		{action: "logs:CreateLogStream", on: logGroup},
		{action: "logs:DescribeLogStreams", on: logGroup},
		{action: "logs:PutLogEvents", on: logStream},
	},
	SSM: {
		{action: "ssm:UpdateInstanceInformation", on: anything},
		{action: "ssmmessages:CreateControlChannel", on: anything},
		{action: "ssmmessages:CreateDataChannel", on: anything},
		{action: "ssmmessages:OpenControlChannel", on: anything},
		{action: "ssmmessages:OpenDataChannel", on: anything},
		{action: "ssm:ListInstanceAssociations", on: anything, optional: "State Manager's associations do not run"},
		{action: "ssm:GetDocument", on: anything, optional: "documents that refer to others do not run"},
		{action: "ec2messages:GetMessages", on: anything, optional: "agents before 3.3.40.0 get no commands"},
	},
}

// trunking is the right to turn on awsvpcTrunking, for which the AWS guide
// advises a role of its own.
var trunking = need{action: "ecs:PutAccountSetting", on: anything}

// policy is one of those that the function may attach.
type policy struct {
	// capability names the policy in tags and settings.
	capability Capability
	arn        PolicyARN
}

// grants reports whether the policy allows an action of a capability on the
// resources of this account, going by the documents named at needs and by the
// template's.
func (p policy) grants(of Capability, n need) bool {
	switch {
	case p.capability == Config && p.arn.name() == "AmazonS3ReadOnlyAccess":
		return of == Config && n.on != configKey
	case p.capability == of:
		return true
	case p.capability == Agent:
		return of == ECR || of == Logs && slices.Contains([]string{"logs:CreateLogStream", "logs:PutLogEvents"}, n.action)
	default:
		return false
	}
}
