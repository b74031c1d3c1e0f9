package taskdef

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/memory"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// SecretReader is the part of Secrets Manager's client that reports a secret
// that a container names.
type SecretReader interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	GetResourcePolicy(context.Context, *secretsmanager.GetResourcePolicyInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetResourcePolicyOutput, error)
}

// NamedSecret is a secret that a container names, and that has no tag of ours.
type NamedSecret struct {
	RegistrySecret
	Gone bool
	// Unknown says that we may not look.
	Unknown bool
}

// soundTTL bounds how long a warm function believes that a secret is there and
// has the right keys. What is wrong is asked again each time.
const soundTTL = 5 * time.Minute

// maxSound bounds what is remembered.
const maxSound = 5000

// SecretObserver finds out about secrets that containers name.
type SecretObserver struct {
	client    SecretReader
	described *memory.Memory[NamedSecret]
	keys      *memory.Memory[SecretKeys]
}

// NewSecretObserver makes an observer that remembers nothing yet.
func NewSecretObserver(client SecretReader, now func() time.Time) *SecretObserver {
	return &SecretObserver{client: client, described: memory.New[NamedSecret](now, maxSound, soundTTL, 0), keys: memory.New[SecretKeys](now, maxSound, soundTTL, 0)}
}

// describe finds out about a secret by its name or ARN.
func (o *SecretObserver) describe(ctx context.Context, name string) (NamedSecret, error) {
	return o.described.Get(name, func() (NamedSecret, bool, error) {
		found, err := o.lookAt(ctx, name)
		return found, !found.Gone && !found.Unknown && !found.Deleted, err
	})
}

func (o *SecretObserver) lookAt(ctx context.Context, name string) (NamedSecret, error) {
	output, err := o.client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &name})
	if err != nil {
		switch awserror.Classify(err) {
		case awserror.Gone:
			return NamedSecret{Gone: true}, nil
		case awserror.Transient:
			return NamedSecret{}, fmt.Errorf("describe the secret %s: %w", finding.Shortened(name), err)
		default:
			return NamedSecret{Unknown: true}, nil
		}
	}
	found := NamedSecret{RegistrySecret: RegistrySecret{
		ARN: aws.ToString(output.ARN), Name: aws.ToString(output.Name), KMSKey: aws.ToString(output.KmsKeyId),
		Tags: map[string]string{}, Deleted: output.DeletedDate != nil,
	}}
	for _, tag := range output.Tags {
		found.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return found, nil
}

// SecretKeys is what is known of a secret's value: of its content, only the keys
// and their types.
type SecretKeys struct {
	// Problem says what keeps ECS from logging in with it, "" where nothing does.
	Problem string
	// Names are those of the value's fields; nil where it is no JSON object.
	Names []string
	// Unread says that we may not look.
	Unread bool
}

// keysOf looks at the keys of a tagged secret's value. A secret without our tag is
// nothing that its owner lets us look into.
func (o *SecretObserver) keysOf(ctx context.Context, arn string) (SecretKeys, error) {
	return o.keys.Get(arn, func() (SecretKeys, bool, error) {
		_, keys, err := o.credential(ctx, arn)
		return keys, keys.Problem == "" && !keys.Unread, err
	})
}

// credential reads a tagged secret's value, where its keys are right.
func (o *SecretObserver) credential(ctx context.Context, arn string) (registry.Credential, SecretKeys, error) {
	output, err := o.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	switch {
	case err != nil && awserror.Classify(err) == awserror.Transient:
		return registry.Credential{}, SecretKeys{}, fmt.Errorf("read the keys of the secret %s: %w", finding.Shortened(arn), err)
	case isEmptySecret(err):
		return registry.Credential{}, SecretKeys{Problem: "it has no value"}, nil
	case err != nil:
		// We may not look, which is as its owner wants it.
		return registry.Credential{}, SecretKeys{Unread: true}, nil
	case output.SecretString == nil:
		return registry.Credential{}, SecretKeys{Problem: "it is binary"}, nil
	}
	credential, keys := readKeys(secret.New(*output.SecretString))
	return credential, keys, nil
}

// isEmptySecret recognises the answer about a secret that is there without a
// value: ResourceNotFoundException, as for one that is not there.
func isEmptySecret(err error) bool {
	return awserror.HasCode(err, (&types.ResourceNotFoundException{}).ErrorCode())
}

// readKeys reads a value as the agent does (agent/asm/asm.go, extractASMValue):
// capitals in the keys don't matter, empty texts do. What is wrong is said
// without repeating any part of the value.
func readKeys(value secret.Text) (registry.Credential, SecretKeys) {
	var fields struct{ Username, Password secret.Text }
	err := json.Unmarshal([]byte(value.Reveal()), &fields)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); err != nil && (!ok || wrong.Field == "") {
		return registry.Credential{}, SecretKeys{Problem: "it is not a JSON object"}
	}
	var all map[string]json.RawMessage
	_ = json.Unmarshal([]byte(value.Reveal()), &all)
	keys := SecretKeys{Names: slices.Sorted(maps.Keys(all))}
	var missing []string
	for _, field := range []struct {
		key  string
		text secret.Text
	}{{"username", fields.Username}, {"password", fields.Password}} {
		if field.text.IsZero() {
			missing = append(missing, fmt.Sprintf("it has no text under %q", field.key))
		}
	}
	keys.Problem = strings.Join(missing, ", and ")
	return registry.Credential{Username: fields.Username.Reveal(), Password: fields.Password}, keys
}

// SecretPolicy is a secret's resource policy.
type SecretPolicy struct {
	// Text is "" where it has none.
	Text string
	// Unread says that we may not look.
	Unread bool
}

// policy reads a secret's resource policy.
func (o *SecretObserver) policy(ctx context.Context, arn string) (SecretPolicy, error) {
	output, err := o.client.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &arn})
	switch {
	case err == nil:
		return SecretPolicy{Text: aws.ToString(output.ResourcePolicy)}, nil
	case awserror.Classify(err) == awserror.Transient:
		return SecretPolicy{}, fmt.Errorf("read the resource policy of the secret %s: %w", finding.Shortened(arn), err)
	}
	return SecretPolicy{Unread: true}, nil
}
