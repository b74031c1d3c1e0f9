package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/secret"
)

// Staging labels of Secrets Manager.
const (
	current = "AWSCURRENT"
	pending = "AWSPENDING"
)

// SecretReader is the part of Secrets Manager's client that observing needs.
type SecretReader interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// LoginProver is the registry client's proof of a credential.
type LoginProver interface {
	Login(context.Context, registry.Registry, registry.Credential, *registry.Image) (registry.Login, error)
}

// Observation is all that a step's plan needs.
type Observation struct {
	Request
	// ARN and Name are the secret's own, whichever of them it was asked for by.
	ARN, Name string
	// Rotates says that rotation is enabled for the secret.
	Rotates bool
	// Stages gives each version's staging labels.
	Stages map[string][]string
	Tags   map[string]string
	// Current and Pending are read where the version waits for the step.
	Current, Pending Value
	// Login is how the registry took the credential, in setSecret and testSecret.
	Login *Attempt
}

// Value is what a version of the secret holds.
type Value struct {
	// Present is false for a version that was made, but never given a value.
	Present bool
	Text    secret.Text
}

// Attempt is a login to the registry.
type Attempt struct {
	registry.Login
	// Err is nil where the registry took the credential.
	Err *registry.Error
}

// observe reads what a step needs. Where the secret's description alone shows
// that there is nothing to do, or that nothing can be done, it ends there.
func (r *Rotation) observe(ctx context.Context, request Request) (Observation, error) {
	described, err := r.reader.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &request.SecretID})
	if err != nil {
		return Observation{}, fmt.Errorf("describe the secret %s: %w", request.SecretID, err)
	}
	o := Observation{
		Request: request,
		ARN:     aws.ToString(described.ARN),
		Name:    aws.ToString(described.Name),
		Rotates: aws.ToBool(described.RotationEnabled),
		Stages:  described.VersionIdsToStages,
		Tags:    make(map[string]string, len(described.Tags)),
	}
	for _, tag := range described.Tags {
		o.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	if o.finished() || len(r.inadmissible(o)) > 0 {
		return o, nil
	}
	var group errgroup.Group
	group.Go(func() (err error) { o.Current, err = r.value(ctx, o.ARN, o.version(current), current); return })
	group.Go(func() (err error) { o.Pending, err = r.value(ctx, o.ARN, request.Version, pending); return })
	if err := group.Wait(); err != nil {
		return Observation{}, err
	}
	credential, wanted := r.toProve(o)
	if !wanted {
		return o, nil
	}
	o.Login, err = r.prove(ctx, o, credential)
	return o, err
}

// value reads one version of a secret. Secrets Manager answers
// ResourceNotFoundException for a version that has no value yet.
func (r *Rotation) value(ctx context.Context, arn, version, label string) (Value, error) {
	got, err := r.reader.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn, VersionId: &version, VersionStage: &label})
	switch {
	case awserror.HasCode(err, "ResourceNotFoundException"):
		return Value{}, nil
	case err != nil:
		return Value{}, fmt.Errorf("read the %s version of the secret: %w", label, err)
	case len(got.SecretBinary) > 0 && aws.ToString(got.SecretString) == "":
		return Value{}, finding.Refuse(finding.Finding{
			Code: "secret-shape", Severity: finding.Error,
			Message: fmt.Sprintf("the %s version of the secret is binary, which ECS does not read", label),
			Fix:     secretShapeFix,
		})
	default:
		return Value{Present: aws.ToString(got.SecretString) != "", Text: secret.New(aws.ToString(got.SecretString))}, nil
	}
}

// prove logs in. testSecret waits until the registry knows the credential;
// setSecret asks once, to see whether there is anything to set.
func (r *Rotation) prove(ctx context.Context, o Observation, credential registry.Credential) (*Attempt, error) {
	target, _ := target(o.Tags, r.drivers)
	image := target.Image
	deadline := time.Now().Add(r.loginWait)
	if o.Step == SetSecret {
		image, deadline = nil, time.Now()
	}
	for pause := time.Second; ; pause = min(2*pause, 8*time.Second) {
		login, err := r.registries.Login(ctx, target.Registry, credential, image)
		if err == nil {
			return &Attempt{Login: login}, nil
		}
		failure, ok := errors.AsType[*registry.Error](err)
		if !ok {
			return nil, fmt.Errorf("log in to %s: %w", target.Registry.Host, err)
		}
		again := failure.Kind == registry.Refused || failure.Retryable()
		if !again || time.Now().Add(pause).After(deadline) {
			if failure.Retryable() {
				return nil, fmt.Errorf("log in to %s: %w", target.Registry.Host, err)
			}
			return &Attempt{Login: login, Err: failure}, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("log in to %s: %w", target.Registry.Host, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}
