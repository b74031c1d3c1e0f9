package taskdef

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
	"github.com/ecs-guardrails/ecs-guardrails/shared/owner"
)

// owner is the tool that manages the definition: the one whose next run makes a
// revision that does not know of ours.
func (o Observation) owner() owner.Owner {
	return owner.Recognize(owner.Evidence{Actor: o.registrant(), Tags: tagMap(o.Tags)})
}

func tagMap(tags []types.Tag) map[string]string {
	named := make(map[string]string, len(tags))
	for _, tag := range tags {
		named[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return named
}

// isIgnored reports whether its owner or a setting excludes the definition.
func (s Settings) isIgnored(o Observation) bool { return s.whyIgnored(o) != nil }

// whyIgnored says why a definition is left alone: its family is on the operator's
// list, its owner has tagged it, or it belongs to a service that never uses a
// revision of ours.
func (s Settings) whyIgnored(o Observation) *finding.Finding {
	family := aws.ToString(o.Definition.Family)
	switch owner := o.owner(); {
	case s.IgnoredFamilies.Matches(family):
		return skipFor(familyIgnored, finding.Name("family", family))
	case optout.Asked(tagMap(o.Tags)):
		return skipFor(definitionIgnored, finding.Words("tag", optout.Tag))
	case o.Unregistered == nil && owner.IsAWSService():
		return skipFor(ownedByService, finding.Words("service", fmt.Sprint(owner.Tool)))
	}
	return nil
}

// sourcePatch says how a change is made in the owner's own source.
func sourcePatch(owned owner.Owner, edits []Edit, definition *types.TaskDefinition) string {
	var changes []string
	for _, edit := range edits {
		changes = append(changes, edit.inSource(owned.Tool, definition))
	}
	text := strings.Join(changes, "; ")
	stack := ""
	if owned.Stack != "" {
		stack = " of " + owned.Stack
	}
	switch owned.Tool {
	case owner.Terraform, owner.OpenTofu:
		return fmt.Sprintf("In the %s configuration%s: %s. Then apply it.", owned.Tool, stack, text)
	case owner.CDK:
		return fmt.Sprintf("In the CDK code%s: %s. Then deploy it.", stack, text)
	case owner.Pulumi:
		return fmt.Sprintf("In the Pulumi program%s: %s. Then run pulumi up.", stack, text)
	case owner.Copilot:
		return fmt.Sprintf("In the service's manifest%s, under taskdef_overrides: %s. Then deploy it.", stack, text)
	}
	return fmt.Sprintf("In the template%s, in the properties of the AWS::ECS::TaskDefinition: %s. Then deploy it.", stack, text)
}

// inSource writes an edit as a tool's source has it.
func (e Edit) inSource(tool owner.Tool, definition *types.TaskDefinition) string {
	value, _ := json.Marshal(e.Value)
	container := ""
	if e.Field == RepositoryCredentials {
		container = fmt.Sprintf(" of container number %d", e.Container+1)
		if name := aws.ToString(definition.ContainerDefinitions[e.Container].Name); nameForm.MatchString(name) {
			container = fmt.Sprintf(" of the container %q", name)
		}
	}
	if e.Value == "" {
		return "remove repositoryCredentials" + container
	}
	switch {
	case e.Field == ExecutionRoleARN && (tool == owner.Terraform || tool == owner.OpenTofu):
		return fmt.Sprintf("set execution_role_arn = %s", value)
	case e.Field == ExecutionRoleARN && tool == owner.CDK:
		return fmt.Sprintf("pass executionRole: iam.Role.fromRoleArn(this, \"ExecutionRole\", %s) to the task definition", value)
	case e.Field == ExecutionRoleARN && tool == owner.Pulumi:
		return fmt.Sprintf("set executionRoleArn: %s", value)
	case e.Field == ExecutionRoleARN && tool == owner.Copilot:
		return fmt.Sprintf("{path: \"ExecutionRoleArn\", value: %s}", value)
	case e.Field == ExecutionRoleARN:
		return fmt.Sprintf("ExecutionRoleArn: %s", value)
	case tool == owner.Terraform || tool == owner.OpenTofu:
		return fmt.Sprintf("in container_definitions, add repositoryCredentials = { credentialsParameter = %s } to the object%s", value, container)
	case tool == owner.CDK:
		return fmt.Sprintf("take the image%s from ecs.ContainerImage.fromRegistry(name, { credentials: secretsmanager.Secret.fromSecretCompleteArn(this, \"Registry\", %s) })", container, value)
	case tool == owner.Pulumi:
		return fmt.Sprintf("in containerDefinitions, add repositoryCredentials: { credentialsParameter: %s } to the object%s", value, container)
	case tool == owner.Copilot:
		return fmt.Sprintf("{path: \"ContainerDefinitions[%d].RepositoryCredentials.CredentialsParameter\", value: %s}", e.Container, value)
	}
	return fmt.Sprintf("RepositoryCredentials: { CredentialsParameter: %s }%s", value, container)
}
