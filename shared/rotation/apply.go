package rotation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
	"github.com/ecs-guardrails/ecs-guardrails/shared/storedfile"
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
	// Revoke ends a credential that nothing needs.
	Revoke ActionKind = "RevokeCredential"
	// Issue makes the new credential and keeps it as the pending version.
	Issue ActionKind = "PutSecretValue"
	// Install makes the registry take it.
	Install ActionKind = "InstallCredential"
	// Promote makes the pending version the current one.
	Promote ActionKind = "UpdateSecretVersionStage"
	// Render writes an ecs.config with the new credential in the old one's place.
	Render ActionKind = "PutObject"
	// Refresh has instances read such a file again.
	Refresh ActionKind = "SendCommand"
	// Abandon takes AWSPENDING off a version that can't become the current one, so
	// that the next rotation begins with a new one.
	Abandon ActionKind = "AbandonPendingVersion"
)

// Action is one change with all that it needs.
type Action struct {
	Kind   ActionKind
	Order  registry.Order
	Driver string
	// Current is the value that Issue makes the new one from.
	Current Document
	// RotationToken goes to Secrets Manager with the new value, and nowhere else.
	RotationToken secret.Text
	// Credential is what Install has the registry take.
	Credential registry.Credential
	// From and To are versions: AWSCURRENT moves between them.
	From, To string
	// Issued is what Revoke ends, Why tells people. Between rotations, Revoke
	// wants ReviewedCurrent to be the current version still, and no other pending;
	// before Issue, it wants the version Empty to have no value still.
	Issued          registry.Issued
	Why             string
	ReviewedCurrent string
	Empty           string
	// File and Content are what Render writes.
	File    storedfile.File
	Content []byte
	// Fleet are the instances that Refresh sends a command to, of a cluster these Instances; CommandID is where
	// it keeps the id of the command that it sent.
	Fleet     fleet
	Instances []string
	CommandID *string
}

// revoking gives the action that ends a credential.
func (a Action) revoking(issued registry.Issued, why string) Action {
	a.Kind, a.Issued, a.Why = Revoke, issued, why
	return a
}

// abandoning gives the action that takes AWSPENDING off a version.
func (a Action) abandoning(version string) Action {
	a.Kind, a.From = Abandon, version
	return a
}

// describe tells an action without what it carries, and of one that was applied
// its result.
func (*Rotation) describe(action Action) finding.Action {
	described := finding.Action{
		Kind: string(action.Kind), Target: action.Order.SecretARN,
		Mandate: finding.Mandate{Kind: finding.ByGiver, Text: "the secret's tag " + DriverTag + " and its rotation"},
	}
	switch action.Kind {
	case Revoke:
		described.Target = action.Order.Registry.Host
		described.Summary = fmt.Sprintf("revoke a credential %s, by the driver %s", action.Why, action.Driver)
	case Issue:
		described.Summary = fmt.Sprintf("keep a new credential for %s, issued by the driver %s, as %s", action.Order.Registry, action.Driver, pending)
	case Install:
		described.Target = action.Order.Registry.Host
		described.Summary = fmt.Sprintf("have the registry take the new credential, by the driver %s", action.Driver)
	case Abandon:
		described.Summary = fmt.Sprintf("take %s off version %s", pending, action.From)
	case Promote:
		described.Summary = fmt.Sprintf("move %s from version %s to version %s", current, action.From, action.To)
	case Render:
		described.Mandate.Text = "the secret's tag " + ConfigTag
		described.Target = action.File.String()
		described.Summary = fmt.Sprintf("replace the old credential for %s with the new one", action.Order.Registry)
	case Refresh:
		described.Mandate = finding.Mandate{Kind: finding.ByParameter, Text: "Allow=refresh-tagged-instances"}
		described.Target = action.Fleet.String()
		described.Summary = fmt.Sprintf("have the instances that are tagged %s with this file read it again and restart their agent", InstanceTag)
		if action.Fleet.cluster != "" {
			described.Mandate.Text = "Allow=refresh-cluster-instances"
			described.Summary = fmt.Sprintf("have %d instances of the cluster read their ecs.config again and restart their agent", len(action.Instances))
		}
		if *action.CommandID != "" {
			described.Summary += " (command " + *action.CommandID + ")"
		}
	}
	return described
}

// apply carries an action out. Each can be cut off between any two calls and
// repeated.
func (r *Rotation) apply(ctx context.Context, action Action) error {
	var err error
	switch action.Kind {
	case Revoke:
		if err = r.unchanged(ctx, action); err == nil {
			err = r.revoke(ctx, action, action.Issued.ID)
		}
	case Issue:
		err = r.issue(ctx, action)
	case Install:
		err = r.install(ctx, action)
	case Promote:
		err = r.promote(ctx, action)
	case Abandon:
		err = r.abandon(ctx, action)
	case Render:
		err = action.File.Write(ctx, r.objects, action.Content)
		if storedfile.Conflicted(err) {
			return fmt.Errorf("write %s: somebody else wrote it meanwhile, and their file is looked at next", action.File.Place)
		}
	case Refresh:
		err = r.refresh(ctx, action)
	}
	return vanished(err)
}

// unchanged makes sure that no rotation began since the look at the secret: it
// may just have given the account of the previous credential its new password.
// Nor may a run beside this one have kept the token that seemed to be lost.
func (r *Rotation) unchanged(ctx context.Context, action Action) error {
	if action.Empty != "" {
		kept, err := r.value(ctx, Question{SecretID: action.Order.SecretARN, Version: action.Empty, Label: pending})
		if err == nil && kept.Present {
			err = errors.New("another run has kept the new credential since the look at the secret, so nothing is revoked")
		}
		return err
	}
	if action.ReviewedCurrent == "" {
		return nil
	}
	described, err := r.reader.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &action.Order.SecretARN})
	if err != nil {
		return fmt.Errorf("describe the secret %s: %w", action.Order.SecretARN, err)
	}
	for version, stages := range described.VersionIdsToStages {
		if (has(stages, current) || has(stages, pending)) && version != action.ReviewedCurrent {
			return errors.New("a rotation began since the look at the secret, so nothing is revoked; it is looked at again")
		}
	}
	return nil
}

func (r *Rotation) revoke(ctx context.Context, action Action, id string) error {
	if driver := r.drivers[action.Driver]; driver.Accounts(action.Order.Tags) == registry.TwoAccounts && id == action.Order.Current.Username {
		return errors.New("revoke a credential: its account is the current one's")
	}
	return asFinding(r.drivers[action.Driver].Revoke(ctx, action.Order, id), "revoke a credential")
}

// issue makes a credential and keeps it. What Secrets Manager surely did not
// take is revoked again; where its answer was lost, the next run finds it.
func (r *Rotation) issue(ctx context.Context, action Action) error {
	driver := r.drivers[action.Driver]
	issued, err := driver.Issue(ctx, action.Order)
	if err != nil {
		return asFinding(err, "issue a credential")
	}
	// With any of these as the pending value, no later rotation would get on.
	switch credential := issued.Credential; {
	case credential.Equal(action.Order.Current):
		return finding.Refuse(apiFault(registry.Failure(registry.Unexpected, "the registry issued the credential that is in use already, so nothing would change")))
	case credential.Username == "" || credential.Password.IsZero() || strings.Contains(credential.Username, ":"):
		return finding.Refuse(apiFault(registry.Failure(registry.Unexpected, "the registry issued a credential without a user name or password, or with a colon in the user name, which basic authentication cannot carry")))
	}
	value, err := action.Current.With(issued.Credential)
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
	_, err = r.writer.PutSecretValue(ctx, input)
	if err == nil {
		return nil
	}
	kind := awserror.Classify(err)
	if _, minted := driver.(registry.Lister); minted && kind != awserror.Transient {
		if revoked := r.revoke(ctx, action, issued.ID); revoked != nil {
			return errors.Join(fmt.Errorf("keep the new credential as %s: %w", pending, err), revoked)
		}
	}
	if kind == awserror.Done {
		// The version has another value (ResourceExistsException), from a run beside
		// this one; what that run issued is what counts.
		return nil
	}
	return fmt.Errorf("keep the new credential as %s: %w", pending, err)
}

func (r *Rotation) install(ctx context.Context, action Action) error {
	installer, ok := r.drivers[action.Driver].(registry.Installer)
	if !ok {
		return fmt.Errorf("install a credential: the driver %s has no way to", action.Driver)
	}
	return asFinding(installer.Install(ctx, action.Order, action.Credential), "install the new credential")
}

func (r *Rotation) abandon(ctx context.Context, action Action) error {
	_, err := r.writer.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &action.Order.SecretARN, VersionStage: aws.String(pending), RemoveFromVersionId: &action.From,
	})
	if err != nil {
		return fmt.Errorf("take %s off version %s: %w", pending, action.From, err)
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
