// Package rotationtest keeps a secret as AWS Secrets Manager does, for tests of
// its rotation.
package rotationtest

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
)

// SecretsManager keeps one secret as the service does: versions, staging labels
// and its refusals (API reference, "PutSecretValue", "UpdateSecretVersionStage").
type SecretsManager struct {
	// Interruption may cut calls off.
	Interruption *registrytest.Interruption
	// Denies gives an error code to operations.
	Denies map[string]string
	// Canary stands in the messages of errors.
	Canary string
	// Others are the values of other secrets, by name.
	Others map[string]string

	ARN, Name string
	Tags      map[string]string
	// Rotates says that rotation is enabled.
	Rotates bool
	// Created is when the secret was made.
	Created, Rotated, Due time.Time
	// Changed is when anything of the secret was changed last.
	Changed time.Time
	// RotatedBy is the ARN of the function that Secrets Manager calls.
	RotatedBy string
	// Replicas are the states of the replicas by their region.
	Replicas map[string]types.StatusType
	// Listed are what ListSecrets answers beside this secret; their values are Others'.
	Listed []types.SecretListEntry
	// Schedule is a rate or a cron expression, "" where there is none.
	Schedule string
	// Values and Stages are those of the versions.
	Values map[string]string
	Stages map[string][]string
	// Binary are the versions whose value is none of text.
	Binary map[string]bool
	// Locked are the versions whose key is gone.
	Locked map[string]bool
	// Denied are the versions that no permission allows to read.
	Denied map[string]bool
	// Made is when versions were made, where that is known.
	Made map[string]time.Time
	// Tokens are the rotation tokens that came with new values, Calls the
	// operations that were called.
	Tokens, Calls []string

	mutex sync.Mutex
}

// New makes a secret with a current version, "version-0". Its rotation is enabled.
func New(arn, name, value string, tags map[string]string) *SecretsManager {
	return &SecretsManager{
		ARN: arn, Name: name, Tags: tags, Rotates: true,
		Values: map[string]string{"version-0": value},
		Stages: map[string][]string{"version-0": {"AWSCURRENT"}},
	}
}

// Begin makes the empty pending version of a rotation, as RotateSecret does.
func (s *SecretsManager) Begin(version string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for v := range s.Stages {
		s.Unstage(v, "AWSPENDING")
	}
	s.Stages[version] = append(s.Stages[version], "AWSPENDING")
}

// Replicate gives a region's replica a state.
func (s *SecretsManager) Replicate(region string, status types.StatusType) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.Replicas[region] = status
}

// Unstage takes a label away from a version. Its caller has the secret to itself.
func (s *SecretsManager) Unstage(version, label string) {
	s.Stages[version] = slices.DeleteFunc(s.Stages[version], func(l string) bool { return l == label })
	if len(s.Stages[version]) == 0 {
		delete(s.Stages, version)
	}
}

// Staged gives the version that carries a label, and its value.
func (s *SecretsManager) Staged(label string) (version, value string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for v, stages := range s.Stages {
		if slices.Contains(stages, label) {
			return v, s.Values[v]
		}
	}
	return "", ""
}

func (s *SecretsManager) call(operation string, body func() error) (err error) {
	cut := s.Interruption.Around(func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.Calls = append(s.Calls, operation)
		if code := s.Denies[operation]; code != "" {
			err = &smithy.GenericAPIError{Code: code, Message: "with a " + s.Canary, Fault: smithy.FaultClient}
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

// DescribeSecret implements the operation.
func (s *SecretsManager) DescribeSecret(_ context.Context, _ *secretsmanager.DescribeSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	var output secretsmanager.DescribeSecretOutput
	return &output, s.call("DescribeSecret", func() error {
		output = secretsmanager.DescribeSecretOutput{ARN: &s.ARN, Name: &s.Name, RotationEnabled: &s.Rotates, VersionIdsToStages: map[string][]string{}, CreatedDate: &s.Created, LastRotatedDate: &s.Rotated, LastChangedDate: &s.Changed, NextRotationDate: &s.Due}
		if s.RotatedBy != "" {
			output.RotationLambdaARN = &s.RotatedBy
		}
		for region, status := range s.Replicas {
			output.ReplicationStatus = append(output.ReplicationStatus, types.ReplicationStatusType{Region: aws.String(region), Status: status})
		}
		if s.Schedule != "" {
			output.RotationRules = &types.RotationRulesType{ScheduleExpression: &s.Schedule}
		}
		for version, stages := range s.Stages {
			output.VersionIdsToStages[version] = slices.Clone(stages)
		}
		for key, value := range s.Tags {
			output.Tags = append(output.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
		}
		return nil
	})
}

// ListSecrets implements the operation, two secrets to a page.
func (s *SecretsManager) ListSecrets(_ context.Context, input *secretsmanager.ListSecretsInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error) {
	var output secretsmanager.ListSecretsOutput
	return &output, s.call("ListSecrets", func() error {
		start, _ := strconv.Atoi(aws.ToString(input.NextToken))
		output.SecretList = s.Listed[min(start, len(s.Listed)):min(start+2, len(s.Listed))]
		if start+2 < len(s.Listed) {
			output.NextToken = aws.String(strconv.Itoa(start + 2))
		}
		return nil
	})
}

// GetSecretValue implements the operation.
func (s *SecretsManager) GetSecretValue(_ context.Context, input *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	var output secretsmanager.GetSecretValueOutput
	return &output, s.call("GetSecretValue", func() error {
		if *input.SecretId != s.ARN {
			value, ok := s.Others[*input.SecretId]
			if !ok {
				return &types.ResourceNotFoundException{}
			}
			output.SecretString = &value
			return nil
		}
		value, ok := s.Values[*input.VersionId]
		if !ok || input.VersionStage != nil && !slices.Contains(s.Stages[*input.VersionId], *input.VersionStage) {
			return &types.ResourceNotFoundException{}
		}
		output = secretsmanager.GetSecretValueOutput{ARN: &s.ARN, SecretString: &value, VersionId: input.VersionId}
		if s.Denied[*input.VersionId] {
			return &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "is not authorized to perform: secretsmanager:GetSecretValue on resource: KMS-registry", Fault: smithy.FaultClient}
		}
		if s.Locked[*input.VersionId] {
			return &types.DecryptionFailure{}
		}
		if s.Binary[*input.VersionId] {
			output.SecretString, output.SecretBinary = nil, []byte(value)
		}
		if made, known := s.Made[*input.VersionId]; known {
			output.CreatedDate = &made
		}
		return nil
	})
}

// PutSecretValue implements the operation.
func (s *SecretsManager) PutSecretValue(_ context.Context, input *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	return &secretsmanager.PutSecretValueOutput{}, s.call("PutSecretValue", func() error {
		version := *input.ClientRequestToken
		if value, ok := s.Values[version]; ok && value != *input.SecretString {
			return &types.ResourceExistsException{}
		}
		s.Values[version] = *input.SecretString
		s.Tokens = append(s.Tokens, aws.ToString(input.RotationToken))
		for _, label := range input.VersionStages {
			for v := range s.Stages {
				s.Unstage(v, label)
			}
			s.Stages[version] = append(s.Stages[version], label)
		}
		return nil
	})
}

// UpdateSecretVersionStage implements the operation.
func (s *SecretsManager) UpdateSecretVersionStage(_ context.Context, input *secretsmanager.UpdateSecretVersionStageInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	return &secretsmanager.UpdateSecretVersionStageOutput{}, s.call("UpdateSecretVersionStage", func() error {
		label, from, to := *input.VersionStage, aws.ToString(input.RemoveFromVersionId), aws.ToString(input.MoveToVersionId)
		if !slices.Contains(s.Stages[from], label) {
			return &types.InvalidParameterException{}
		}
		s.Unstage(from, label)
		if to == "" {
			return nil
		}
		s.Stages[to] = append(s.Stages[to], label)
		if label == "AWSCURRENT" {
			for v := range s.Stages {
				s.Unstage(v, "AWSPREVIOUS")
			}
			s.Stages[from] = append(s.Stages[from], "AWSPREVIOUS")
		}
		return nil
	})
}
