package taskdef

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// maxTags is the number of tags that a task definition can have, those of AWS
// itself not counted ("Tagging Amazon ECS resources").
const maxTags = 50

// outputOnly are the fields of a described definition that a registration does
// not take: ECS makes them.
var outputOnly = []string{
	"Compatibilities", "DeleteRequestedAt", "DeregisteredAt", "RegisteredAt", "RegisteredBy",
	"RequiresAttributes", "Revision", "Status", "TaskDefinitionArn",
}

// IsOutputOnly reports whether a field of a described definition is ECS's own.
func IsOutputOnly(field string) bool {
	return slices.ContainsFunc(outputOnly, func(name string) bool { return strings.EqualFold(name, field) })
}

// registrationOf gives the registration that has everything of a described definition.
// Its containers may be changed without changing the definition's, field by
// field.
func registrationOf(definition *types.TaskDefinition, tags []types.Tag) *ecs.RegisterTaskDefinitionInput {
	return &ecs.RegisterTaskDefinitionInput{
		ContainerDefinitions: slices.Clone(definition.ContainerDefinitions),
		Cpu:                  definition.Cpu,
		EnableFaultInjection: definition.EnableFaultInjection,
		EphemeralStorage:     definition.EphemeralStorage,
		ExecutionRoleArn:     definition.ExecutionRoleArn,
		Family:               definition.Family,
		//lint:ignore SA1019 old definitions still have it
		InferenceAccelerators:   definition.InferenceAccelerators,
		IpcMode:                 definition.IpcMode,
		Memory:                  definition.Memory,
		NetworkMode:             definition.NetworkMode,
		PidMode:                 definition.PidMode,
		PlacementConstraints:    definition.PlacementConstraints,
		ProxyConfiguration:      definition.ProxyConfiguration,
		RequiresCompatibilities: definition.RequiresCompatibilities,
		RuntimePlatform:         definition.RuntimePlatform,
		Tags:                    carried(tags, aws.ToString(definition.TaskDefinitionArn)),
		TaskRoleArn:             definition.TaskRoleArn,
		Volumes:                 definition.Volumes,
	}
}

// carried gives a new revision's tags: the old one's in their order, and where
// it was made from. Only AWS can set its own tags; ours is
// left out where it would be one too many.
func carried(tags []types.Tag, source string) []types.Tag {
	from := types.Tag{Key: aws.String(TagPatchedFrom), Value: aws.String(tagValue(source))}
	var kept []types.Tag
	placed := false
	for _, tag := range tags {
		switch key := aws.ToString(tag.Key); {
		case isReserved(key):
		case key == TagPatchedFrom:
			kept = append(kept, from)
			placed = true
		default:
			kept = append(kept, tag)
		}
	}
	if !placed && len(kept) < maxTags {
		kept = append(kept, from)
	}
	return kept
}

// isReserved reports whether only AWS itself may set a tag, whatever its case.
func isReserved(key string) bool { return strings.HasPrefix(strings.ToLower(key), "aws:") }

// maxTagValue is the longest value of a tag, in characters.
const maxTagValue = 256

// tagValue fits a revision's ARN into a tag: families may be 255 characters
// long, and then the shorter names have to do.
func tagValue(arn string) string {
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	for _, value := range []string{arn, name} {
		if len(value) <= maxTagValue {
			return value
		}
	}
	return name[strings.LastIndexByte(name, ':')+1:]
}
