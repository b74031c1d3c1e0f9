package interleavings

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation/rotationtest"
)

// secrets are Secrets Manager: the one that rotates, which rotationtest keeps,
// and those of registries.
type secrets struct {
	*rotationtest.SecretsManager
	// others are in the order of their making.
	others []*secret
}

type secret struct {
	name, value, policy string
	tags                map[string]string
}

func secretARN(name string) string {
	return fmt.Sprintf("arn:aws:secretsmanager:%s:%s:secret:%s-AbCdEf", region, accountNumber, name)
}

// find gives one of the others, nil where the id is not one's.
func (s *secrets) find(id *string) *secret {
	at := slices.IndexFunc(s.others, func(of *secret) bool { return aws.ToString(id) == of.name || aws.ToString(id) == secretARN(of.name) })
	if at < 0 {
		return nil
	}
	return s.others[at]
}

func (s *secret) tagList() []types.Tag {
	var tags []types.Tag
	for key, value := range s.tags {
		tags = append(tags, types.Tag{Key: &key, Value: &value})
	}
	slices.SortFunc(tags, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return tags
}

func missing() error {
	return &types.ResourceNotFoundException{Message: aws.String("Secrets Manager can't find the specified secret.")}
}

func (s *secrets) DescribeSecret(ctx context.Context, input *secretsmanager.DescribeSecretInput) (*secretsmanager.DescribeSecretOutput, error) {
	if found := s.find(input.SecretId); found != nil {
		return &secretsmanager.DescribeSecretOutput{ARN: aws.String(secretARN(found.name)), Name: &found.name, Tags: found.tagList()}, nil
	}
	if s.SecretsManager == nil {
		return nil, missing()
	}
	return s.SecretsManager.DescribeSecret(ctx, input)
}

func (s *secrets) GetSecretValue(ctx context.Context, input *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
	if found := s.find(input.SecretId); found != nil {
		return &secretsmanager.GetSecretValueOutput{ARN: aws.String(secretARN(found.name)), Name: &found.name, SecretString: &found.value}, nil
	}
	if s.SecretsManager == nil {
		return nil, missing()
	}
	if input.VersionId == nil && *input.SecretId == s.ARN {
		// The service takes the current version where none is named.
		version, _ := s.Staged("AWSCURRENT")
		input.VersionId = &version
	}
	return s.SecretsManager.GetSecretValue(ctx, input)
}

func (s *secrets) ListSecrets(context.Context, *secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error) {
	output := &secretsmanager.ListSecretsOutput{}
	for _, of := range s.others {
		output.SecretList = append(output.SecretList, types.SecretListEntry{ARN: aws.String(secretARN(of.name)), Name: &of.name, Tags: of.tagList()})
	}
	return output, nil
}

func (s *secrets) GetResourcePolicy(_ context.Context, input *secretsmanager.GetResourcePolicyInput) (*secretsmanager.GetResourcePolicyOutput, error) {
	found := s.find(input.SecretId)
	if found == nil {
		return nil, missing()
	}
	output := &secretsmanager.GetResourcePolicyOutput{}
	if found.policy != "" {
		output.ResourcePolicy = aws.String(found.policy)
	}
	return output, nil
}

func (s *secrets) PutResourcePolicy(_ context.Context, input *secretsmanager.PutResourcePolicyInput) (*secretsmanager.PutResourcePolicyOutput, error) {
	found := s.find(input.SecretId)
	if found == nil {
		return nil, missing()
	}
	found.policy = aws.ToString(input.ResourcePolicy)
	return &secretsmanager.PutResourcePolicyOutput{}, nil
}

func (s *secrets) PutSecretValue(ctx context.Context, input *secretsmanager.PutSecretValueInput) (*secretsmanager.PutSecretValueOutput, error) {
	return s.SecretsManager.PutSecretValue(ctx, input)
}

func (s *secrets) UpdateSecretVersionStage(ctx context.Context, input *secretsmanager.UpdateSecretVersionStageInput) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	return s.SecretsManager.UpdateSecretVersionStage(ctx, input)
}
