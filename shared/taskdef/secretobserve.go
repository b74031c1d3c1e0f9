package taskdef

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/memory"
	"ecsguardrails/shared/secret"
)

// SecretReader is the part of Secrets Manager's client that tells of a secret
// that a container names.
type SecretReader interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// NamedSecret is a secret that a container names, and that has no tag of ours.
type NamedSecret struct {
	RegistrySecret
	Gone bool
	// Unknown says that we may not look.
	Unknown bool
}

// soundTTL bounds how long a warm function believes that a secret is there and
// has the right keys. What is wrong is asked anew each time.
const soundTTL = 5 * time.Minute

// maxSound bounds what is remembered.
const maxSound = 5000

// SecretObserver finds out about secrets that containers name.
type SecretObserver struct {
	client    SecretReader
	described *memory.Memory[NamedSecret]
	keys      *memory.Memory[string]
}

// NewSecretObserver makes an observer that remembers nothing yet.
func NewSecretObserver(client SecretReader, now func() time.Time) *SecretObserver {
	return &SecretObserver{client: client, described: memory.New[NamedSecret](now, maxSound, soundTTL, 0), keys: memory.New[string](now, maxSound, soundTTL, 0)}
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

// keysProblem says what is wrong with the keys of a secret's value, or "". Of
// the value, only its keys and their types are looked at.
func (o *SecretObserver) keysProblem(ctx context.Context, arn string) (string, error) {
	return o.keys.Get(arn, func() (string, bool, error) { return o.readKeys(ctx, arn) })
}

// readKeys also says whether the keys were seen to be right.
func (o *SecretObserver) readKeys(ctx context.Context, arn string) (problem string, sound bool, err error) {
	output, err := o.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	switch {
	case err != nil && awserror.Classify(err) == awserror.Transient:
		return "", false, fmt.Errorf("read the keys of the secret %s: %w", finding.Shortened(arn), err)
	case isEmptySecret(err):
		return "it has no value", false, nil
	case err != nil:
		// We may not look, which is as its owner wants it.
		return "", false, nil
	case output.SecretString == nil:
		return "it is binary", false, nil
	}
	problem = keysProblem(secret.New(*output.SecretString))
	return problem, problem == "", nil
}

// isEmptySecret recognises the answer about a secret that is there without a
// value: ResourceNotFoundException, as for one that is not there.
func isEmptySecret(err error) bool {
	return awserror.HasCode(err, (&types.ResourceNotFoundException{}).ErrorCode())
}

// keysProblem says what keeps ECS from reading a value, without repeating any
// part of it. The value is read as the agent reads it (agent/asm/asm.go,
// extractASMValue): capitals in the keys don't matter, empty texts do.
func keysProblem(value secret.Text) string {
	var fields struct{ Username, Password secret.Text }
	err := json.Unmarshal([]byte(value.Reveal()), &fields)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); err != nil && (!ok || wrong.Field == "") {
		return "it is not a JSON object"
	}
	var missing []string
	for _, field := range []struct {
		key  string
		text secret.Text
	}{{"username", fields.Username}, {"password", fields.Password}} {
		if field.text.IsZero() {
			missing = append(missing, fmt.Sprintf("it has no text under %q", field.key))
		}
	}
	return strings.Join(missing, ", and ")
}
