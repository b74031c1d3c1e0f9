package rotation_test

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
)

// definitions are the images of task definitions by family: "image" or
// "image secret".
type definitions map[string][]string

func (d definitions) ListTaskDefinitionFamilies(_ context.Context, in *ecs.ListTaskDefinitionFamiliesInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	if _, denied := d["denied"]; denied {
		return nil, &smithy.OperationError{ServiceID: "ECS", OperationName: "ListTaskDefinitionFamilies", Err: &smithy.GenericAPIError{Code: "AccessDeniedException", Fault: smithy.FaultClient}}
	}
	output := &ecs.ListTaskDefinitionFamiliesOutput{}
	for _, family := range slices.Sorted(maps.Keys(d)) {
		if strings.HasPrefix(family, aws.ToString(in.FamilyPrefix)) && len(output.Families) < int(*in.MaxResults) {
			output.Families = append(output.Families, family)
		}
	}
	if len(d) > int(*in.MaxResults) {
		output.NextToken = aws.String("more")
	}
	return output, nil
}

func (d definitions) DescribeTaskDefinition(_ context.Context, in *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	definition := &ecstypes.TaskDefinition{}
	for _, text := range d[*in.TaskDefinition] {
		image, secret, named := strings.Cut(text, " ")
		container := ecstypes.ContainerDefinition{Image: &image}
		if named {
			container.RepositoryCredentials = &ecstypes.RepositoryCredentials{CredentialsParameter: &secret}
		}
		definition.ContainerDefinitions = append(definition.ContainerDefinitions, container)
	}
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: definition}, nil
}
