package rotation_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"ecsguardrails/shared/registry/registrytest"
)

// secretsManager keeps one secret as the service does: versions, staging labels
// and its refusals (API reference, "PutSecretValue", "UpdateSecretVersionStage").
type secretsManager struct {
	interruption *registrytest.Interruption
	// administrator is the value of the secret that the tag :admin-secret names.
	administrator string
	rotated, due  time.Time
	// denies gives an error code to operations.
	denies map[string]string

	mutex   sync.Mutex
	arn     string
	name    string
	tags    map[string]string
	rotates bool
	values  map[string]string
	stages  map[string][]string
	tokens  []string
	calls   []string
}

func newSecretsManager(value string, tags map[string]string) *secretsManager {
	return &secretsManager{
		arn: secretARN, name: "prod/registry.example.com", tags: tags, rotates: true,
		values: map[string]string{"version-0": value},
		stages: map[string][]string{"version-0": {"AWSCURRENT"}},
	}
}

// begin makes the empty pending version of a rotation, as RotateSecret does.
func (s *secretsManager) begin(version string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for v := range s.stages {
		s.unstage(v, "AWSPENDING")
	}
	s.stages[version] = append(s.stages[version], "AWSPENDING")
}

func (s *secretsManager) unstage(version, label string) {
	s.stages[version] = slices.DeleteFunc(s.stages[version], func(l string) bool { return l == label })
	if len(s.stages[version]) == 0 {
		delete(s.stages, version)
	}
}

func (s *secretsManager) staged(label string) (version, value string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for v, stages := range s.stages {
		if slices.Contains(stages, label) {
			return v, s.values[v]
		}
	}
	return "", ""
}

func (s *secretsManager) call(operation string, body func() error) (err error) {
	cut := s.interruption.Around(func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.calls = append(s.calls, operation)
		if code := s.denies[operation]; code != "" {
			err = &smithy.GenericAPIError{Code: code, Message: "with a " + canary, Fault: smithy.FaultClient}
		} else {
			err = body()
		}
	})
	if cut != nil {
		return cut
	}
	if err != nil {
		return &smithy.OperationError{ServiceID: "Secrets Manager", OperationName: operation, Err: err}
	}
	return nil
}

func (s *secretsManager) DescribeSecret(_ context.Context, _ *secretsmanager.DescribeSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	var output secretsmanager.DescribeSecretOutput
	return &output, s.call("DescribeSecret", func() error {
		output = secretsmanager.DescribeSecretOutput{ARN: &s.arn, Name: &s.name, RotationEnabled: &s.rotates, VersionIdsToStages: map[string][]string{}, LastRotatedDate: &s.rotated, NextRotationDate: &s.due}
		for version, stages := range s.stages {
			output.VersionIdsToStages[version] = slices.Clone(stages)
		}
		for key, value := range s.tags {
			output.Tags = append(output.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
		}
		return nil
	})
}

func (s *secretsManager) GetSecretValue(_ context.Context, input *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	var output secretsmanager.GetSecretValueOutput
	return &output, s.call("GetSecretValue", func() error {
		if *input.SecretId == adminSecret {
			if s.administrator == "" {
				return &types.ResourceNotFoundException{}
			}
			output.SecretString = &s.administrator
			return nil
		}
		value, ok := s.values[*input.VersionId]
		if !ok || !slices.Contains(s.stages[*input.VersionId], *input.VersionStage) {
			return &types.ResourceNotFoundException{}
		}
		output = secretsmanager.GetSecretValueOutput{ARN: &s.arn, SecretString: &value, VersionId: input.VersionId}
		return nil
	})
}

func (s *secretsManager) PutSecretValue(_ context.Context, input *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	return &secretsmanager.PutSecretValueOutput{}, s.call("PutSecretValue", func() error {
		version := *input.ClientRequestToken
		if value, ok := s.values[version]; ok && value != *input.SecretString {
			return &types.ResourceExistsException{}
		}
		s.values[version] = *input.SecretString
		s.tokens = append(s.tokens, aws.ToString(input.RotationToken))
		for _, label := range input.VersionStages {
			for v := range s.stages {
				s.unstage(v, label)
			}
			s.stages[version] = append(s.stages[version], label)
		}
		return nil
	})
}

func (s *secretsManager) UpdateSecretVersionStage(_ context.Context, input *secretsmanager.UpdateSecretVersionStageInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	return &secretsmanager.UpdateSecretVersionStageOutput{}, s.call("UpdateSecretVersionStage", func() error {
		label, from, to := *input.VersionStage, aws.ToString(input.RemoveFromVersionId), aws.ToString(input.MoveToVersionId)
		if !slices.Contains(s.stages[from], label) {
			return &types.InvalidParameterException{}
		}
		s.unstage(from, label)
		s.stages[to] = append(s.stages[to], label)
		if label == "AWSCURRENT" {
			for v := range s.stages {
				s.unstage(v, "AWSPREVIOUS")
			}
			s.stages[from] = append(s.stages[from], "AWSPREVIOUS")
		}
		return nil
	})
}
