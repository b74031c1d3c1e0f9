package taskdef

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/revision"
)

// Action is a Registration, a Grant, an Attachment, a Withdrawal, a Move or a
// Retirement.
type Action interface {
	Describe() finding.Action
	apply(context.Context, Applier) error
}

// Registration makes a new revision.
type Registration struct {
	Input *ecs.RegisterTaskDefinitionInput
	// Source is the ARN of the revision it is made from, and Number that one's.
	Source  string
	Number  int32
	Summary string
	Mandate finding.Mandate
	// Made gets the new revision's ARN once it is known.
	Made *Successor
}

// Attachment gives a role one of AWS's own policies.
type Attachment struct {
	Role, Policy string
	Mandate      finding.Mandate
}

// Withdrawal deregisters a revision of ours that came after another's.
type Withdrawal struct {
	Late, First string
	// Again says that First is what was asked for, and is still to be judged.
	Again bool
}

// register plans the new revision.
func (j *judgement) register() Registration {
	input := registrationOf(j.Definition, j.Tags)
	parts := make([]string, len(j.edits))
	for i, edit := range j.edits {
		edit.apply(input)
		parts[i] = edit.summary(j.Definition)
	}
	return Registration{
		Input:   input,
		Source:  aws.ToString(j.Definition.TaskDefinitionArn),
		Number:  j.Definition.Revision,
		Summary: "new revision with " + strings.Join(parts, ", "),
		Mandate: j.mandate(),
		Made:    &Successor{},
	}
}

// mandate is what entitles us to a new revision: the owner of the secret that it
// names, or else the operator's parameter that asks for the change.
func (j *judgement) mandate() finding.Mandate {
	for _, edit := range j.edits {
		if secret := j.taggedSecret(edit.Value); secret != nil && edit.Field == RepositoryCredentials {
			return j.secretMandate(*secret)
		}
	}
	if slices.ContainsFunc(j.edits, func(e Edit) bool { return e.Field == RepositoryCredentials }) {
		return finding.Mandate{Kind: finding.ByParameter, Text: "Allow=replace-credentials"}
	}
	return finding.Mandate{Kind: finding.ByParameter, Text: "Mode=enforce, with the execution role " + j.ExecutionRoleARN}
}

// Describe says what the action will do.
func (r Registration) Describe() finding.Action {
	return finding.Action{Kind: "RegisterTaskDefinition", Target: r.Source, Summary: r.Summary, Mandate: r.Mandate}
}

// Describe says what the action will do.
func (a Attachment) Describe() finding.Action {
	return finding.Action{Kind: "AttachRolePolicy", Target: a.Role, Summary: "attach " + a.Policy, Mandate: a.Mandate}
}

// Describe says what the action will do.
func (w Withdrawal) Describe() finding.Action {
	return finding.Action{Kind: "DeregisterTaskDefinition", Target: w.Late, Summary: "make " + w.First + " the latest again",
		Mandate: finding.Mandate{Kind: finding.ByParameter, Text: "Mode=enforce: this function registered the revision"}}
}

// Registrar is the part of ECS's client that makes a new revision, and takes it
// back where another came in between.
type Registrar interface {
	RegisterTaskDefinition(context.Context, *ecs.RegisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error)
	ecs.ListTaskDefinitionsAPIClient
	DeregisterTaskDefinition(context.Context, *ecs.DeregisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DeregisterTaskDefinitionOutput, error)
}

// PolicyAttacher is the part of IAM's client that cures execution roles.
type PolicyAttacher interface {
	AttachRolePolicy(context.Context, *iam.AttachRolePolicyInput, ...func(*iam.Options)) (*iam.AttachRolePolicyOutput, error)
}

// Applier carries actions out.
type Applier struct {
	Definitions Registrar
	Roles       PolicyAttacher
	Grants      *Granter
	Services    *ServiceMover
}

// Apply carries one action out.
func (a Applier) Apply(ctx context.Context, action Action) error { return action.apply(ctx, a) }

// apply attaches the policy. IAM takes one that is attached already as done.
func (attachment Attachment) apply(ctx context.Context, a Applier) error {
	name := attachment.Role[strings.LastIndexByte(attachment.Role, '/')+1:]
	if _, err := a.Roles.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: &attachment.Policy}); err != nil {
		return fmt.Errorf("attach %s to the role %s: %w", attachment.Policy, name, err)
	}
	return nil
}

// apply registers the new revision. ECS knows no condition for it, so the race
// is decided afterwards, by the numbers that ECS gives: a run that finds an
// active revision between the source and its own was late, and deregisters its own.
// That revision is another's newer definition, or the same patch by the same
// function, delivered twice; either way the event is looked at again, and finds
// its revision superseded.
func (r Registration) apply(ctx context.Context, a Applier) error {
	output, err := a.Definitions.RegisterTaskDefinition(ctx, r.Input)
	if isConcurrentRegistration(err) {
		return fmt.Errorf("another revision of the family is being registered; look again: %s", err.Error())
	}
	if err != nil {
		return fmt.Errorf("register a new revision made from %s: %w", r.Source, err)
	}
	if output.TaskDefinition == nil {
		return fmt.Errorf("register a new revision made from %s: the answer has none", r.Source)
	}
	ours := output.TaskDefinition
	r.Made.ARN, r.Made.Attributes = aws.ToString(ours.TaskDefinitionArn), attributesOf(ours)
	if ours.Revision <= r.Number+1 {
		return nil
	}
	first, err := between(ctx, a.Definitions, aws.ToString(r.Input.Family), r.Number, ours.Revision)
	if err != nil || first == "" {
		return err
	}
	late := Withdrawal{Late: aws.ToString(ours.TaskDefinitionArn), First: first}
	if err := late.apply(ctx, a); err != nil {
		return err
	}
	return fmt.Errorf("%s was registered at the same time, so %s was deregistered again; look again", first, late.Late)
}

// apply deregisters the late revision. ECS takes one that is deregistered
// already as done.
func (w Withdrawal) apply(ctx context.Context, a Applier) error {
	if _, err := a.Definitions.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &w.Late}); err != nil {
		return fmt.Errorf("deregister %s, which %s came before: %w", w.Late, w.First, err)
	}
	if w.Again {
		return fmt.Errorf("%s was deregistered, so that %s is the latest again; look again", w.Late, w.First)
	}
	return nil
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
func between(ctx context.Context, client ecs.ListTaskDefinitionsAPIClient, family string, above, below int32) (string, error) {
	pages := ecs.NewListTaskDefinitionsPaginator(client, &ecs.ListTaskDefinitionsInput{
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
			revision, err := revision.Parse(arn)
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
	if e.Field == ExecutionRoleARN {
		return fmt.Sprintf("executionRoleArn %s", e.Value)
	}
	container := aws.ToString(definition.ContainerDefinitions[e.Container].Name)
	if e.Value == "" {
		return fmt.Sprintf("no repositoryCredentials for container %q", container)
	}
	return fmt.Sprintf("repositoryCredentials %s for container %q", e.Value, container)
}
