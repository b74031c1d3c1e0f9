package rotation

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

// renewable is a secret and its registry, as a renewal sees them.
type renewableSecret struct {
	described secretsmanager.DescribeSecretOutput
	value     string
	login     error
	rotated   int
	read      int
}

func (s *renewableSecret) DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	return &s.described, nil
}

func (s *renewableSecret) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	s.read++
	return &secretsmanager.GetSecretValueOutput{SecretString: &s.value}, nil
}

func (s *renewableSecret) RotateSecret(context.Context, *secretsmanager.RotateSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.RotateSecretOutput, error) {
	s.rotated++
	return &secretsmanager.RotateSecretOutput{}, nil
}

func (s *renewableSecret) Login(context.Context, registry.Registry, registry.Credential, *registry.Image) (registry.Login, error) {
	return registry.Login{}, s.login
}

type otherRunner struct{ asked int }

func (o *otherRunner) Handle(context.Context, []byte) pipeline.Outcome {
	o.asked++
	return pipeline.Outcome{}
}

func TestRenewal(t *testing.T) {
	now := time.Date(2026, 8, 24, 16, 0, 0, 0, time.UTC)
	refused := &registry.Error{Kind: registry.Refused}
	for name, c := range map[string]struct {
		change  func(*renewableSecret)
		mode    finding.Mode
		status  finding.Status
		code    string
		rotated int
	}{
		"refused":              {func(s *renewableSecret) { s.login = refused }, finding.Enforce, finding.Remediated, "current-refused", 1},
		"refused in a dry run": {func(s *renewableSecret) { s.login = refused }, finding.DryRun, finding.Planned, "current-refused", 0},
		"taken":                {func(*renewableSecret) {}, finding.Enforce, finding.Compliant, "login-succeeded", 0},
		"unreachable":          {func(s *renewableSecret) { s.login = &registry.Error{Kind: registry.Unreachable} }, finding.Enforce, finding.Noncompliant, "registry-answer", 0},
		"not ours":             {func(s *renewableSecret) { s.described.Tags = nil; s.login = refused }, finding.Enforce, finding.Skipped, "secret-not-managed", 0},
		"rotation off":         {func(s *renewableSecret) { s.described.RotationEnabled = nil; s.login = refused }, finding.Enforce, finding.Noncompliant, "rotation-disabled", 0},
		"under way": {func(s *renewableSecret) {
			s.described.VersionIdsToStages = map[string][]string{"a": {"AWSCURRENT"}, "b": {"AWSPENDING"}}
			s.login = refused
		}, finding.Enforce, finding.Skipped, "rotation-underway", 0},
		"rotated just now": {func(s *renewableSecret) {
			s.described.LastRotatedDate = aws.Time(now.Add(-time.Minute))
			s.login = refused
		}, finding.Enforce, finding.Skipped, "rotation-too-soon", 0},
		"no credential": {func(s *renewableSecret) { s.value = "plain" }, finding.Enforce, finding.Noncompliant, "secret-shape", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := &renewableSecret{value: `{"username":"puller","password":"hunter2hunter2"}`}
			s.described.RotationEnabled = aws.Bool(true)
			s.described.Tags = []types.Tag{{Key: aws.String(DriverTag), Value: aws.String("htpasswd")}, {Key: aws.String(RegistryTag), Value: aws.String("registry.example.com")}}
			c.change(s)
			other := &otherRunner{}
			runner := NewRenewal(c.mode, s, s, func() time.Time { return now }).Before(other)
			outcome := runner.Handle(t.Context(), []byte(`{"secret":"prod/registry","renew":true,"failure":"x"}`))
			result := outcome.Report().Results[0]
			if err := findingtest.Check(result); err != nil {
				t.Error(err)
			}
			if result.Status != c.status || result.Findings[0].Code != c.code || s.rotated != c.rotated || other.asked != 0 {
				t.Errorf("%s %+v, %d rotations; want %s %s, %d", result.Status, result.Findings, s.rotated, c.status, c.code, c.rotated)
			}
			told, err := json.Marshal(outcome.Report())
			if err != nil || strings.Contains(string(told), "hunter2") {
				t.Errorf("told %s, %v", told, err)
			}
		})
	}
}

func TestOtherRequestsAreTheRotations(t *testing.T) {
	s, other := &renewableSecret{}, &otherRunner{}
	runner := NewRenewal(finding.Enforce, s, s, time.Now).Before(other)
	for _, payload := range []string{`{"secret":"prod/registry"}`, `{"secret":"prod/registry","renew":false}`, `{"secret":"prod/registry","renew":"true"}`, `{}`, `{"Step":"createSecret","SecretId":"a","ClientRequestToken":"b"}`} {
		runner.Handle(t.Context(), []byte(payload))
	}
	if other.asked != 5 || s.read != 0 {
		t.Errorf("%d were handed on, %d secrets read", other.asked, s.read)
	}
}
