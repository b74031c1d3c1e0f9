package operator

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
	"github.com/ecs-guardrails/ecs-guardrails/tests/registryserver"
)

// Credential is the value of a registry's secret, in the form that ECS reads.
type Credential struct {
	Username string
	Password secret.Text
}

// CreateRegistrySecret keeps the registry's first credential in a secret that
// is tagged for patch-task-definition and rotate-secret, and returns its ARN.
// The secret serves the images below the path, "" for all of the registry's, and
// its credential goes into the config files, as s3://bucket/key.
func (o *Operator) CreateRegistrySecret(ctx context.Context, name string, registry *registryserver.Server, path string, configs ...string) (string, error) {
	value, err := json.Marshal(map[string]string{"username": registry.Username, "password": registry.Password})
	if err != nil {
		return "", fmt.Errorf("writing the credential: %w", err)
	}
	tags := []string{
		"ecs-guardrails:registry", registry.Host + path, "ecs-guardrails:driver", "htpasswd",
		"ecs-guardrails:htpasswd", registry.HtpasswdObject(),
	}
	// A test image has to lie where the secret serves.
	if path == "" {
		tags = append(tags, "ecs-guardrails:test-image", registry.Image())
	}
	if len(configs) > 0 {
		tags = append(tags, "ecs-guardrails:config-objects", strings.Join(configs, " "))
	}
	return o.CreateSecret(ctx, name, string(value), tags...)
}

// CreateSecret keeps a value, and returns the secret's ARN. Tags are key, value,
// key, value.
func (o *Operator) CreateSecret(ctx context.Context, name, value string, tags ...string) (string, error) {
	input := &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value}
	for pair := range slices.Chunk(tags, 2) {
		input.Tags = append(input.Tags, types.Tag{Key: &pair[0], Value: &pair[1]})
	}
	output, err := o.Secrets.CreateSecret(ctx, input)
	if err != nil {
		return "", fmt.Errorf("creating secret %s: %w", name, err)
	}
	return aws.ToString(output.ARN), nil
}

// SetGrace tags a secret with the time that its previous credential works on
// after a rotation.
func (o *Operator) SetGrace(ctx context.Context, arn string, grace time.Duration) error {
	_, err := o.Secrets.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: &arn, Tags: []types.Tag{
		{Key: aws.String("ecs-guardrails:grace"), Value: aws.String(grace.String())},
	}})
	if err != nil {
		return fmt.Errorf("tagging %s: %w", arn, err)
	}
	return nil
}

// GraceOver says whether so much time has passed since a secret's last rotation.
func (o *Operator) GraceOver(ctx context.Context, arn string, grace time.Duration) (bool, error) {
	output, err := o.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &arn})
	if err != nil {
		return false, fmt.Errorf("describing %s: %w", arn, err)
	}
	return output.LastRotatedDate != nil && time.Since(*output.LastRotatedDate) > grace, nil
}

// ConfigFile is an ecs.config as people write it, with a registry's credential
// in one of the two shapes that the agent takes.
func ConfigFile(shape, host string, credential Credential) (string, error) {
	document := map[string]any{"username": credential.Username, "password": credential.Password.Reveal(), "email": "ops@example.com"}
	if shape == "dockercfg" {
		auth := base64.StdEncoding.EncodeToString([]byte(credential.Username + ":" + credential.Password.Reveal()))
		document = map[string]any{"auth": auth, "email": "ops@example.com"}
	}
	data, err := json.Marshal(map[string]any{host: document})
	if err != nil {
		return "", fmt.Errorf("writing the credential: %w", err)
	}
	return "# of the platform team\nECS_CLUSTER=storefront\nECS_ENGINE_AUTH_TYPE=" + shape +
		"\nECS_ENGINE_AUTH_DATA=" + string(data) + "\nECS_RESERVED_MEMORY=64\n", nil
}

// CreateExecutionRole creates a role with which ECS can pull by a secret.
func (o *Operator) CreateExecutionRole(ctx context.Context, name, secret string) (string, error) {
	arn, err := o.CreateRole(ctx, name, "ecs-tasks.amazonaws.com")
	if err != nil {
		return "", err
	}
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"` + secret + `"}]}`
	if _, err := o.IAM.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("read-registry-secret"), PolicyDocument: &document}); err != nil {
		return "", fmt.Errorf("letting role %s read the secret: %w", name, err)
	}
	if _, err := o.IAM.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: aws.String(TaskExecutionPolicy)}); err != nil {
		return "", fmt.Errorf("letting role %s pull and log: %w", name, err)
	}
	return arn, nil
}

// Credential reads the version of a secret that carries a staging label.
func (o *Operator) Credential(ctx context.Context, arn, label string) (Credential, error) {
	output, err := o.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn, VersionStage: &label})
	if err != nil {
		return Credential{}, fmt.Errorf("reading the version %s of %s: %w", label, arn, err)
	}
	var credential Credential
	if err := json.Unmarshal([]byte(aws.ToString(output.SecretString)), &credential); err != nil {
		return Credential{}, errors.New("the secret's value has not the form that ECS reads")
	}
	return credential, nil
}

// Rotate asks Secrets Manager to rotate a secret with the stack's function, and
// returns the ID of the version that is to become the current one.
func (o *Operator) Rotate(ctx context.Context, arn string) (string, error) {
	output, err := o.Secrets.RotateSecret(ctx, &secretsmanager.RotateSecretInput{
		SecretId: &arn, RotationLambdaARN: aws.String(o.FunctionARN("rotate-secret")),
		RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
	})
	if err != nil {
		return "", fmt.Errorf("rotating %s: %w", arn, err)
	}
	return aws.ToString(output.VersionId), nil
}

// TurnRotationOn has Secrets Manager rotate a secret every thirty days, beginning
// with the next window. It tests the configuration at once.
func (o *Operator) TurnRotationOn(ctx context.Context, arn string) error {
	_, err := o.Secrets.RotateSecret(ctx, &secretsmanager.RotateSecretInput{
		SecretId: &arn, RotationLambdaARN: aws.String(o.FunctionARN("rotate-secret")), RotateImmediately: aws.Bool(false),
		RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
	})
	if err != nil {
		return fmt.Errorf("turning the rotation of %s on: %w", arn, err)
	}
	return nil
}

// Labelled returns the version of a secret that carries a staging label, or "".
func (o *Operator) Labelled(ctx context.Context, arn, label string) (string, error) {
	output, err := o.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &arn})
	if err != nil {
		return "", fmt.Errorf("describing %s: %w", arn, err)
	}
	for version, labels := range output.VersionIdsToStages {
		if slices.Contains(labels, label) {
			return version, nil
		}
	}
	return "", nil
}

// Pull reads the registry's image as an instance does, and says whether the
// registry let it. Wrong credentials are no error.
func Pull(ctx context.Context, registry *registryserver.Server, credential Credential) (bool, error) {
	address := "http://" + registry.Host + "/v2/" + registry.Repository + "/manifests/" + registry.Tag
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, fmt.Errorf("asking for %s: %w", registry.Image(), err)
	}
	request.SetBasicAuth(credential.Username, credential.Password.Reveal())
	request.Header.Set("Accept", "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, fmt.Errorf("asking for %s: %w", registry.Image(), err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return true, nil
	case http.StatusUnauthorized:
		return false, nil
	}
	return false, fmt.Errorf("asking for %s: status %d", registry.Image(), response.StatusCode)
}
