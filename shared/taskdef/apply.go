package taskdef

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"ecsguardrails/shared/finding"
)

// Action is the registration of a new revision.
type Action struct {
	Registration *ecs.RegisterTaskDefinitionInput
	// Source is the revision it is made from.
	Source  string
	Number  int32
	Summary string
}

// register plans the new revision.
func register(observed Observation, edits []Edit) Action {
	registration := again(observed.Definition, observed.Tags)
	parts := make([]string, len(edits))
	for i, edit := range edits {
		edit.apply(registration)
		parts[i] = edit.summary(observed.Definition)
	}
	return Action{
		Registration: registration,
		Source:       aws.ToString(observed.Definition.TaskDefinitionArn),
		Number:       observed.Definition.Revision,
		Summary:      "new revision with " + strings.Join(parts, ", "),
	}
}

// Describe says what the action will do.
func (a Action) Describe() finding.Action {
	return finding.Action{Kind: "RegisterTaskDefinition", Target: a.Source, Summary: a.Summary}
}

// Registrar is the part of ECS's client that makes a new revision, and takes it
// back where another came in between.
type Registrar interface {
	RegisterTaskDefinition(context.Context, *ecs.RegisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error)
	ListTaskDefinitions(context.Context, *ecs.ListTaskDefinitionsInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error)
	DeregisterTaskDefinition(context.Context, *ecs.DeregisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DeregisterTaskDefinitionOutput, error)
}

// Applier registers new revisions.
type Applier struct{ Definitions Registrar }

// Apply registers the new revision. ECS knows no condition for it, so the race
// is decided afterwards, by the numbers that ECS gives: whoever finds an active
// revision between the source and its own was late, and takes its own back.
// That revision is another's newer definition, or the same patch by the same
// function, delivered twice; either way the event is looked at again, and finds
// its revision superseded.
func (a Applier) Apply(ctx context.Context, action Action) error {
	output, err := a.Definitions.RegisterTaskDefinition(ctx, action.Registration)
	if isConcurrentRegistration(err) {
		return fmt.Errorf("another revision of the family is being registered; look again: %s", err.Error())
	}
	if err != nil {
		return fmt.Errorf("register a new revision made from %s: %w", action.Source, err)
	}
	if output.TaskDefinition == nil {
		return fmt.Errorf("register a new revision made from %s: the answer has none", action.Source)
	}
	ours := output.TaskDefinition
	if ours.Revision <= action.Number+1 {
		return nil
	}
	between, err := a.between(ctx, aws.ToString(action.Registration.Family), action.Number, ours.Revision)
	if err != nil || between == "" {
		return err
	}
	if _, err := a.Definitions.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: ours.TaskDefinitionArn}); err != nil {
		return fmt.Errorf("deregister %s, which %s came before: %w", aws.ToString(ours.TaskDefinitionArn), between, err)
	}
	return fmt.Errorf("%s was registered at the same time, so %s was deregistered again; look again", between, aws.ToString(ours.TaskDefinitionArn))
}

// isConcurrentRegistration recognises what ECS answers with the code of every
// mistake of a client's, although trying again cures it: "Too many concurrent
// attempts to create a new revision of the specified family".
func isConcurrentRegistration(err error) bool {
	apiError, ok := errors.AsType[smithy.APIError](err)
	return ok && strings.Contains(apiError.ErrorMessage(), "Too many concurrent attempts")
}

// between gives the name of an active revision of the family with a number
// above one and below another, or "".
func (a Applier) between(ctx context.Context, family string, above, below int32) (string, error) {
	pages := ecs.NewListTaskDefinitionsPaginator(a.Definitions, &ecs.ListTaskDefinitionsInput{
		FamilyPrefix: aws.String(family),
		Status:       types.TaskDefinitionStatusActive,
		Sort:         types.SortOrderDesc,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("list the active revisions of %s: %w", family, err)
		}
		for _, arn := range page.TaskDefinitionArns {
			revision, err := ParseRevision(arn)
			if err != nil || revision.Family != family || revision.Number >= below {
				continue
			}
			if revision.Number <= above {
				return "", nil
			}
			return arn, nil
		}
	}
	return "", nil
}

// summary says what an edit does, for a report.
func (e Edit) summary(definition *types.TaskDefinition) string {
	if e.Field == executionRoleARN {
		return fmt.Sprintf("executionRoleArn %s", e.Value)
	}
	container := aws.ToString(definition.ContainerDefinitions[e.Container].Name)
	if e.Value == "" {
		return fmt.Sprintf("no repositoryCredentials for container %q", container)
	}
	return fmt.Sprintf("repositoryCredentials %s for container %q", e.Value, container)
}
