package taskdef

import (
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// registrable finds what keeps a new revision from being registered. None of it
// matters to a definition that needs none.
func (j *judgement) registrable() {
	if len(j.edits) == 0 {
		return
	}
	if fields := j.withdrawn(); len(fields) > 0 {
		j.block(fieldWithdrawn.With(finding.Words("fields", strings.Join(fields, " and "))))
	}
	if len(j.UnknownFields) > 0 {
		j.block(fieldUnknown.With(finding.Clause("fields", finding.Shortened(strings.Join(j.UnknownFields, ", "))),
			finding.Words("operations", strings.TrimSuffix(strings.TrimPrefix(patchText(j.edits), "["), "]"))))
	}
	// A file is the source itself.
	if owner := j.owner(); j.Unregistered == nil && owner.RendersSource() && j.ChangeOwnedResources != All {
		f := definitionOwned.With(finding.Clause("owner", owner.String()))
		// In the source it stays, so that is what to do first.
		f.Fix = sourcePatch(owner, j.edits, j.Definition) + " Or have such task definitions patched all the same, with ChangeOwnedResources=all."
		j.block(f)
	}
}

// withdrawn lists the fields of Amazon Elastic Inference, which ended in 2024.
func (j *judgement) withdrawn() []string {
	return listed(map[string]bool{
		//lint:ignore SA1019 old definitions still have it
		"inferenceAccelerators": len(j.Definition.InferenceAccelerators) > 0,
		"resourceRequirements of type InferenceAccelerator": slices.ContainsFunc(j.Definition.ContainerDefinitions, func(c types.ContainerDefinition) bool {
			return slices.ContainsFunc(c.ResourceRequirements, func(r types.ResourceRequirement) bool {
				return r.Type == types.ResourceTypeInferenceAccelerator
			})
		}),
	})
}

func tagOf(tags []types.Tag, key string) string {
	for _, tag := range tags {
		if aws.ToString(tag.Key) == key {
			return aws.ToString(tag.Value)
		}
	}
	return ""
}
