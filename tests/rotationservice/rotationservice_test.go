package rotationservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

const (
	secretARN   = "arn:aws:secretsmanager:us-east-1:111122223333:secret:s-AbCdEf"
	functionARN = "arn:aws:lambda:us-east-1:111122223333:function:rotate"
)

// memory is one secret, kept as the emulator keeps it, with its flaws.
type memory struct {
	values map[string]*string
	stages map[string][]string
}

func newMemory() *memory {
	return &memory{
		values: map[string]*string{"old": aws.String("old value")},
		stages: map[string][]string{"old": {current}},
	}
}

func (m *memory) DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	stages := map[string][]string{}
	for version, labels := range m.stages {
		stages[version] = slices.Clone(labels)
	}
	return &secretsmanager.DescribeSecretOutput{ARN: aws.String(secretARN), Name: aws.String("s"), VersionIdsToStages: stages}, nil
}

func (m *memory) GetSecretValue(_ context.Context, input *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	version := aws.ToString(input.VersionId)
	if version == "" {
		version = labelled(m.stages, aws.ToString(input.VersionStage))
	}
	value, ok := m.values[version]
	if !ok {
		return nil, &types.ResourceNotFoundException{Message: aws.String("no such version")}
	}
	return &secretsmanager.GetSecretValueOutput{ARN: aws.String(secretARN), VersionId: &version, SecretString: value, VersionStages: m.stages[version]}, nil
}

func (m *memory) PutSecretValue(_ context.Context, input *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	version := aws.ToString(input.ClientRequestToken)
	m.values[version], m.stages[version] = input.SecretString, input.VersionStages
	return &secretsmanager.PutSecretValueOutput{}, nil
}

func (m *memory) UpdateSecretVersionStage(_ context.Context, input *secretsmanager.UpdateSecretVersionStageInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	from, to, label := aws.ToString(input.RemoveFromVersionId), aws.ToString(input.MoveToVersionId), aws.ToString(input.VersionStage)
	m.stages[from] = slices.DeleteFunc(m.stages[from], func(one string) bool { return one == label })
	if to != "" {
		m.stages[to] = append(m.stages[to], label)
	}
	return &secretsmanager.UpdateSecretVersionStageOutput{}, nil
}

// rotator is a rotation function that keeps its events, and fails at a step as
// often as it is asked to.
type rotator struct {
	secrets *memory
	events  []map[string]string
	failAt  string
	fail    int
	// lazy says that finishSecret moves no label.
	lazy bool
}

func (r *rotator) Invoke(ctx context.Context, input *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	var event map[string]string
	if err := json.Unmarshal(input.Payload, &event); err != nil {
		return nil, err
	}
	r.events = append(r.events, event)
	if event["Step"] == r.failAt && r.fail > 0 {
		r.fail--
		return &lambda.InvokeOutput{FunctionError: aws.String("Unhandled"), Payload: []byte(`{"errorMessage":"no"}`)}, nil
	}
	if event["Step"] == "finishSecret" && !r.lazy {
		_, err := r.secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
			VersionStage: aws.String(current), RemoveFromVersionId: aws.String("old"), MoveToVersionId: aws.String(event["ClientRequestToken"]),
		})
		return &lambda.InvokeOutput{}, err
	}
	return &lambda.InvokeOutput{}, nil
}

func (r *rotator) steps() string {
	var names []string
	for _, event := range r.events {
		names = append(names, event["Step"])
	}
	return strings.Join(names, " ")
}

func newService(secrets *memory, function *rotator, admitted bool) *Service {
	function.secrets = secrets
	return New(&Service{
		SecretsManager: secrets,
		Lambda:         function,
		MayInvoke:      func(context.Context, string, string) (bool, error) { return admitted, nil },
		Logger:         slog.New(slog.DiscardHandler),
	})
}

const once = "createSecret setSecret testSecret finishSecret"

func TestRotation(t *testing.T) {
	cases := []struct {
		name     string
		function rotator
		steps    string
		current  string
		succeeds bool
	}{
		{"works", rotator{}, once, "token", true},
		{"fails once, and is called from the first step again", rotator{failAt: "testSecret", fail: 1}, "createSecret setSecret testSecret " + once, "token", true},
		{"fails always, and is given up", rotator{failAt: "setSecret", fail: 9}, strings.TrimSpace(strings.Repeat("createSecret setSecret ", attempts)), "old", false},
		{"says that it finished and did not", rotator{lazy: true}, once, "old", false},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				secrets, function := newMemory(), test.function
				service := newService(secrets, &function, true)
				answer, err := service.rotateSecret(t.Context(), map[string]any{"SecretId": "s", "ClientRequestToken": "token", "RotationLambdaARN": functionARN})
				if err != nil {
					t.Fatal(err)
				}
				if version := answer.(map[string]string)["VersionId"]; version != "token" {
					t.Errorf("the answer names version %s", version)
				}
				service.running.Wait()
				if function.steps() != test.steps {
					t.Errorf("steps %s, want %s", function.steps(), test.steps)
				}
				if got := labelled(secrets.stages, current); got != test.current {
					t.Errorf("%s is current, want %s", got, test.current)
				}
				for _, event := range function.events {
					if event["SecretId"] != secretARN || event["ClientRequestToken"] != "token" || !strings.HasPrefix(event["RotationToken"], RotationTokenPrefix) {
						t.Errorf("event %v", event)
					}
				}
				rotations := service.Rotations()
				if len(rotations) != 1 || !rotations[0].Done || (rotations[0].Err == nil) != test.succeeds || len(rotations[0].Calls) != len(function.events) {
					t.Errorf("rotations %+v", rotations)
				}
			})
		})
	}
}

func TestTheStagedVersionHasNoValue(t *testing.T) {
	secrets := newMemory()
	secrets.values["token"], secrets.stages["token"] = nil, []string{pending}
	service := newService(secrets, &rotator{}, true)
	for _, parameters := range []map[string]any{
		{"SecretId": "s", "VersionStage": pending},
		{"SecretId": "s", "VersionId": "token"},
		{"SecretId": "s", "VersionId": "old", "VersionStage": pending},
	} {
		_, err := service.getSecretValue(t.Context(), parameters)
		if refused := (*refusal)(nil); !errors.As(err, &refused) || refused.code != "ResourceNotFoundException" {
			t.Errorf("%v: %v", parameters, err)
		}
	}
	if answer, err := service.getSecretValue(t.Context(), map[string]any{"SecretId": "s", "VersionStage": current}); answer != nil || err != nil {
		t.Errorf("the current version: %v, %v", answer, err)
	}
}

func TestAValueIsWrittenOnce(t *testing.T) {
	secrets := newMemory()
	service := newService(secrets, &rotator{}, true)
	put := func(value string) error {
		answer, err := service.putSecretValue(t.Context(), map[string]any{
			"SecretId": "s", "ClientRequestToken": "old", "SecretString": value,
		})
		if err == nil && answer == nil {
			return errors.New("the emulator would have written it again")
		}
		return err
	}
	if err := put("old value"); err != nil {
		t.Errorf("the same value again: %v", err)
	}
	if err := put("another"); err == nil || !strings.HasPrefix(err.Error(), "ResourceExistsException") {
		t.Errorf("another value: %v", err)
	}
}

func TestALabelMoves(t *testing.T) {
	secrets := newMemory()
	secrets.values["lost"], secrets.stages["lost"] = aws.String("v"), []string{pending}
	service := newService(secrets, &rotator{}, true)
	if _, err := service.putSecretValue(t.Context(), map[string]any{
		"SecretId": "s", "ClientRequestToken": "token", "SecretString": "new", "VersionStages": []any{pending},
	}); err != nil {
		t.Fatal(err)
	}
	if len(secrets.stages["lost"]) != 0 {
		t.Errorf("the label stays on %v", secrets.stages)
	}
}

func TestRotationIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secrets, function := newMemory(), &rotator{}
		service := newService(secrets, function, false)
		for _, test := range []struct {
			parameters map[string]any
			want       string
		}{
			{map[string]any{"SecretId": "s"}, "InvalidRequestException"},
			{map[string]any{"SecretId": "s", "RotationLambdaARN": functionARN}, "AccessDeniedException"},
		} {
			if _, err := service.rotateSecret(t.Context(), test.parameters); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("%v: %v, want %s", test.parameters, err, test.want)
			}
		}
		if len(function.events) != 0 {
			t.Errorf("the function was called for %s", function.steps())
		}
	})
}

func TestAnUnfinishedRotationIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secrets, function := newMemory(), &rotator{}
		secrets.values["lost"], secrets.stages["lost"] = nil, []string{pending}
		service := newService(secrets, function, true)
		_, err := service.rotateSecret(t.Context(), map[string]any{"SecretId": "s", "ClientRequestToken": "token", "RotationLambdaARN": functionARN})
		if err == nil || !strings.Contains(err.Error(), "A previous rotation isn't complete") {
			t.Errorf("got %v", err)
		}
		service.running.Wait()
		if function.steps() != once || function.events[0]["ClientRequestToken"] != "lost" {
			t.Errorf("events %v", function.events)
		}
	})
}

func TestRotationOnScheduleIsTestedOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secrets, function := newMemory(), &rotator{}
		service := newService(secrets, function, true)
		if _, err := service.rotateSecret(t.Context(), map[string]any{
			"SecretId": "s", "ClientRequestToken": "token", "RotationLambdaARN": functionARN, "RotateImmediately": false,
			"RotationRules": map[string]any{"AutomaticallyAfterDays": 30},
		}); err != nil {
			t.Fatal(err)
		}
		service.running.Wait()
		if function.steps() != "testSecret" || labelled(secrets.stages, pending) != "" || labelled(secrets.stages, current) != "old" {
			t.Errorf("steps %s, labels %v", function.steps(), secrets.stages)
		}
		description, err := service.amendDescription(awscall.Exchange{}, []byte(`{"ARN":"`+secretARN+`","RotationEnabled":false}`))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"RotationEnabled":true`, `"RotationLambdaARN":"` + functionARN + `"`, `"AutomaticallyAfterDays":30`} {
			if !strings.Contains(string(description), want) {
				t.Errorf("%s lacks %s", description, want)
			}
		}
		list, err := service.amendList(awscall.Exchange{}, fmt.Appendf(nil, `{"SecretList":[{"ARN":%q},{"ARN":"other"}]}`, secretARN))
		if err != nil || strings.Count(string(list), "RotationEnabled") != 1 {
			t.Errorf("list %s, %v", list, err)
		}
	})
}
