package rotation

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/secret"
)

// SecretWriter is the part of Secrets Manager's client that applying needs.
type SecretWriter interface {
	PutSecretValue(context.Context, *secretsmanager.PutSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
	UpdateSecretVersionStage(context.Context, *secretsmanager.UpdateSecretVersionStageInput, ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error)
}

// ActionKind is one of the changes that a rotation makes.
type ActionKind string

// The changes, in the order in which a rotation makes them.
const (
	// Issue makes the new credential and keeps it as the pending version.
	Issue ActionKind = "PutSecretValue"
	// Install makes the registry take it.
	Install ActionKind = "InstallCredential"
	// Promote makes the pending version the current one.
	Promote ActionKind = "UpdateSecretVersionStage"
)

// Action is one change with all that it needs.
type Action struct {
	Kind     ActionKind
	Order    registry.Order
	Registry registry.Registry
	Driver   string
	// Current is the value that the new one is made from, Credential the pending
	// one where there is one.
	Current    Document
	Credential registry.Credential
	// RotationToken goes to Secrets Manager with the new value, and nowhere else.
	RotationToken secret.Text
	// From and To are versions: AWSCURRENT moves between them.
	From, To string
}

// describe tells an action without what it carries.
func (*Rotation) describe(action Action) finding.Action {
	described := finding.Action{Kind: string(action.Kind), Target: action.Order.SecretARN}
	switch action.Kind {
	case Issue:
		described.Summary = fmt.Sprintf("keep a new credential for %s, issued by the driver %s, as %s", action.Registry, action.Driver, pending)
	case Install:
		described.Target = action.Registry.Host
		described.Summary = fmt.Sprintf("have the registry take the new credential, by the driver %s", action.Driver)
	case Promote:
		described.Summary = fmt.Sprintf("move %s from version %s to version %s", current, action.From, action.To)
	}
	return described
}

// apply carries an action out. Each can be cut off between any two calls and
// repeated.
func (r *Rotation) apply(ctx context.Context, action Action) error {
	var err error
	switch action.Kind {
	case Issue:
		err = r.issue(ctx, action)
	case Install:
		err = r.drivers[action.Driver].Install(ctx, action.Order, action.Credential)
	case Promote:
		err = r.promote(ctx, action)
	}
	// What is gone here is a thing that the step needs, and Secrets Manager must
	// not take the step for done.
	if err != nil && awserror.Classify(err) == awserror.Gone {
		return finding.Refuse(finding.Finding{
			Code: "vanished", Severity: finding.Error,
			Message: fmt.Sprintf("something that the step needs was deleted while it ran (%s answered %s)", awserror.Operation(err), awserror.Code(err)),
			Fix:     "see whether the secret and what its tags name still exist, and rotate anew",
		})
	}
	return err
}

func (r *Rotation) issue(ctx context.Context, action Action) error {
	credential, err := r.drivers[action.Driver].Issue(ctx, action.Order)
	if err != nil {
		return fmt.Errorf("issue a credential for %s: %w", action.Registry, err)
	}
	value, err := action.Current.With(credential)
	if err != nil {
		return err
	}
	input := &secretsmanager.PutSecretValueInput{
		SecretId: &action.Order.SecretARN, ClientRequestToken: &action.To,
		SecretString: aws.String(value.Reveal()), VersionStages: []string{pending},
	}
	if !action.RotationToken.IsZero() {
		input.RotationToken = aws.String(action.RotationToken.Reveal())
	}
	// A version that has another value by now (ResourceExistsException) has it
	// from a run beside this one; what that run issued is what counts.
	if _, err := r.writer.PutSecretValue(ctx, input); err != nil && awserror.Classify(err) != awserror.Done {
		return fmt.Errorf("keep the new credential as %s: %w", pending, err)
	}
	return nil
}

func (r *Rotation) promote(ctx context.Context, action Action) error {
	_, err := r.writer.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &action.Order.SecretARN, VersionStage: aws.String(current),
		MoveToVersionId: &action.To, RemoveFromVersionId: &action.From,
	})
	if err != nil {
		return fmt.Errorf("make the new credential the current one: %w", err)
	}
	return nil
}
