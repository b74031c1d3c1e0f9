package taskdef

import (
	"fmt"
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
		j.block("field-withdrawn",
			fmt.Sprintf("the definition has %s, which ECS described and does not take any more: Amazon Elastic Inference has ended", strings.Join(fields, ", ")),
			"register a revision without these fields")
	}
	if len(j.UnknownFields) > 0 {
		j.block("field-unknown",
			fmt.Sprintf("ECS described %s, which this version of the function does not know, and would lose in a new revision", finding.Shortened(strings.Join(j.UnknownFields, ", "))),
			"update ECS Guardrails; until then, make the change in the definition's source: "+patchText(j.edits))
	}
	// A file is the source itself.
	if of := j.owner(); j.Unregistered == nil && of.RendersSource() && j.ChangeOwnedResources != All {
		j.block("definition-owned",
			fmt.Sprintf("%s renders the definition from its own source, and its next run would make a revision without this change", of),
			sourcePatch(of, j.edits, j.Definition)+" Or have such definitions patched all the same (ChangeOwnedResources=all).")
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
