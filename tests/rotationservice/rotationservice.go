// Package rotationservice is the part of AWS Secrets Manager that rotates
// secrets: it stages the new version and calls the rotation function for each
// of the four steps (Secrets Manager User Guide, "Rotation by Lambda
// function"). The emulator's own RotateSecret calls nothing and makes the
// secret's old value its new one.
package rotationservice

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	current = "AWSCURRENT"
	pending = "AWSPENDING"

	// RotationTokenPrefix begins every RotationToken, so that a test can look
	// for one that leaked.
	RotationTokenPrefix = "rotation-token-canary-"

	// attempts is how often a rotation is tried in all, from its first step,
	// when the function fails.
	attempts = 3
	// retryDelay is the wait before the second attempt, twice as long before
	// the third. The service takes longer.
	retryDelay = time.Second
)

// steps are what the function is called for, in this order.
var steps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

// Secrets are what the emulator keeps; *secretsmanager.Client is one.
type Secrets interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	PutSecretValue(context.Context, *secretsmanager.PutSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
	UpdateSecretVersionStage(context.Context, *secretsmanager.UpdateSecretVersionStageInput, ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error)
}

// Functions run the rotation functions; *lambda.Client is one.
type Functions interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// Service rotates secrets. Its clients go to the emulator itself.
type Service struct {
	SecretsManager Secrets
	Lambda         Functions
	// MayInvoke says whether the function's resource policy lets Secrets
	// Manager call it for the secret.
	MayInvoke func(ctx context.Context, functionARN, secretARN string) (bool, error)
	Logger    *slog.Logger

	mutex sync.Mutex
	// configured has each secret's rotation by the secret's ARN.
	configured map[string]configuration
	rotations  []Rotation
	running    sync.WaitGroup
	stop       context.Context
	cancel     context.CancelFunc
}

// configuration is what DescribeSecret says of a secret's rotation.
type configuration struct {
	FunctionARN string
	Rules       any
	Enabled     bool
	LastRotated time.Time
}

// Rotation is one that was asked for.
type Rotation struct {
	SecretARN string
	// Token is the ID of the new version.
	Token string
	Calls []StepCall
	// Done says that the service stopped calling; Err why it gave up, nil where
	// the rotation succeeded.
	Done bool
	Err  error
}

// StepCall is one call of the function.
type StepCall struct {
	Step    string
	Attempt int
	Err     error
}

// New returns a service that runs until Stop.
func New(service *Service) *Service {
	service.configured = map[string]configuration{}
	service.stop, service.cancel = context.WithCancel(context.Background())
	return service
}

// Stop ends all rotations.
func (s *Service) Stop() error {
	s.cancel()
	s.running.Wait()
	return nil
}

// Rotations returns all that were asked for, oldest first.
func (s *Service) Rotations() []Rotation {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	copied := slices.Clone(s.rotations)
	for index := range copied {
		copied[index].Calls = slices.Clone(copied[index].Calls)
	}
	return copied
}

// begin notes a rotation, or the test of one, and runs it beside the caller. A
// test is no rotation: the secret's LastRotatedDate stays.
func (s *Service) begin(secretARN, token, functionARN string, isTest bool, rotate func(context.Context, func(StepCall)) error) {
	s.mutex.Lock()
	index := len(s.rotations)
	s.rotations = append(s.rotations, Rotation{SecretARN: secretARN, Token: token})
	s.mutex.Unlock()
	note := func(call StepCall) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.rotations[index].Calls = append(s.rotations[index].Calls, call)
	}
	s.running.Go(func() {
		err := rotate(s.stop, note)
		if err != nil && s.stop.Err() == nil {
			s.Logger.Warn("a rotation failed", "secret", secretARN, "function", functionARN, "error", err)
		}
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.rotations[index].Done, s.rotations[index].Err = true, err
		if configured, ok := s.configured[secretARN]; ok && err == nil && !isTest {
			configured.LastRotated = time.Now()
			s.configured[secretARN] = configured
		}
	})
}

// rotate makes the four calls, all of them again after a failure.
func (s *Service) rotate(ctx context.Context, secretARN, token, functionARN string, note func(StepCall)) error {
	var err error
	delay := retryDelay
	for attempt := 1; attempt <= attempts; attempt++ {
		if attempt > 1 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(delay):
			}
			delay *= 2
		}
		if err = s.callAll(ctx, secretARN, token, functionARN, attempt, note); err == nil {
			return s.finished(ctx, secretARN, token)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return err
}

func (s *Service) callAll(ctx context.Context, secretARN, token, functionARN string, attempt int, note func(StepCall)) error {
	for _, step := range steps {
		err := s.call(ctx, secretARN, token, functionARN, step)
		note(StepCall{Step: step, Attempt: attempt, Err: err})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) call(ctx context.Context, secretARN, token, functionARN, step string) error {
	event, err := json.Marshal(map[string]string{
		"Step":               step,
		"SecretId":           secretARN,
		"ClientRequestToken": token,
		"RotationToken":      RotationTokenPrefix + rand.Text(),
	})
	if err != nil {
		return fmt.Errorf("encoding the event for %s: %w", step, err)
	}
	output, err := s.Lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &functionARN, Payload: event})
	if err != nil {
		return fmt.Errorf("calling %s for %s: %w", functionARN, step, err)
	}
	if output.FunctionError != nil {
		return fmt.Errorf("%s: the function failed (%s): %s", step, aws.ToString(output.FunctionError), output.Payload)
	}
	return nil
}

// errUnfinished is what the service says of a function that reported success
// without moving the label.
var errUnfinished = errors.New("after finishSecret, AWSPENDING is neither on the current version nor gone")

func (s *Service) finished(ctx context.Context, secretARN, token string) error {
	stages, err := s.stages(ctx, secretARN)
	if err != nil {
		return err
	}
	if version := labelled(stages, pending); version != "" && version != labelled(stages, current) {
		return fmt.Errorf("version %s: %w", token, errUnfinished)
	}
	return nil
}

// stages returns the labels of each version.
func (s *Service) stages(ctx context.Context, secretARN string) (map[string][]string, error) {
	output, err := s.SecretsManager.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &secretARN})
	if err != nil {
		return nil, fmt.Errorf("describing secret %s: %w", secretARN, err)
	}
	return output.VersionIdsToStages, nil
}

func labelled(stages map[string][]string, label string) string {
	for _, version := range slices.Sorted(maps.Keys(stages)) {
		if slices.Contains(stages[version], label) {
			return version
		}
	}
	return ""
}

// test runs testSecret alone, on a version that is staged for it only.
func (s *Service) test(ctx context.Context, secretARN, token, functionARN string, note func(StepCall)) error {
	err := s.call(ctx, secretARN, token, functionARN, "testSecret")
	note(StepCall{Step: "testSecret", Attempt: 1, Err: err})
	_, unlabelErr := s.SecretsManager.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &secretARN, VersionStage: aws.String(pending), RemoveFromVersionId: &token,
	})
	return errors.Join(err, unlabelErr)
}
