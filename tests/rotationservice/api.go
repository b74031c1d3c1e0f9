package rotationservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	"github.com/google/uuid"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
)

// refusal is an error of the API.
type refusal struct{ code, message string }

func (r *refusal) Error() string { return r.code + ": " + r.message }

// Supplements are the operations that the service answers itself.
func (s *Service) Supplements() map[string]endpoint.Supplement {
	return map[string]endpoint.Supplement{
		"secretsmanager:RotateSecret":       s.answer(s.rotateSecret),
		"secretsmanager:CancelRotateSecret": s.answer(s.cancelRotateSecret),
		"secretsmanager:GetSecretValue":     s.answer(s.getSecretValue),
		"secretsmanager:PutSecretValue":     s.answer(s.putSecretValue),
	}
}

// Amendments add what the emulator does not know of a secret's rotation.
func (s *Service) Amendments() map[string]endpoint.Amendment {
	return map[string]endpoint.Amendment{
		"secretsmanager:DescribeSecret": s.amendDescription,
		"secretsmanager:ListSecrets":    s.amendList,
	}
}

// answer writes what the operation returns; nil and no error leave the answer
// to the emulator.
func (s *Service) answer(operation func(context.Context, map[string]any) (any, error)) endpoint.Supplement {
	return func(writer http.ResponseWriter, request *http.Request, exchange awscall.Exchange) bool {
		document, err := operation(request.Context(), exchange.Parameters)
		refused := (*refusal)(nil)
		failure := smithy.APIError(nil)
		switch {
		case errors.As(err, &refused):
			endpoint.WriteJSONError(writer, http.StatusBadRequest, refused.code, refused.message)
		case errors.As(err, &failure):
			endpoint.WriteJSONError(writer, http.StatusBadRequest, failure.ErrorCode(), failure.ErrorMessage())
		case err != nil:
			endpoint.WriteJSONError(writer, http.StatusInternalServerError, "InternalServiceError", err.Error())
		case document == nil:
			return false
		default:
			endpoint.WriteJSON(writer, document)
		}
		return true
	}
}

func text(parameters map[string]any, name string) string {
	value, _ := parameters[name].(string)
	return value
}

// Rotate begins a rotation as RotateSecret does, and returns the ID of the
// version that is to become the current one.
func (s *Service) Rotate(ctx context.Context, secretARN, functionARN string) (string, error) {
	token := uuid.NewString()
	_, err := s.rotateSecret(ctx, map[string]any{"SecretId": secretARN, "RotationLambdaARN": functionARN, "ClientRequestToken": token})
	return token, err
}

// rotateSecret is RotateSecret of the API reference.
func (s *Service) rotateSecret(ctx context.Context, parameters map[string]any) (any, error) {
	secret, err := s.SecretsManager.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(text(parameters, "SecretId"))})
	if err != nil {
		return nil, err
	}
	if secret.DeletedDate != nil {
		return nil, &refusal{"InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion."}
	}
	arn := aws.ToString(secret.ARN)
	s.mutex.Lock()
	configured := s.configured[arn]
	s.mutex.Unlock()
	if function := text(parameters, "RotationLambdaARN"); function != "" {
		configured.FunctionARN = function
	}
	if rules, ok := parameters["RotationRules"]; ok {
		configured.Rules = rules
	}
	if configured.FunctionARN == "" {
		return nil, &refusal{"InvalidRequestException", "No Lambda rotation function ARN is associated with this secret."}
	}
	may, err := s.MayInvoke(ctx, configured.FunctionARN, arn)
	if err != nil {
		return nil, err
	}
	if !may {
		return nil, &refusal{"AccessDeniedException", "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com."}
	}
	configured.Enabled = true
	s.mutex.Lock()
	s.configured[arn] = configured
	s.mutex.Unlock()

	if staged := labelled(secret.VersionIdsToStages, pending); staged != "" && staged != labelled(secret.VersionIdsToStages, current) {
		s.begin(arn, staged, configured.FunctionARN, false, func(ctx context.Context, note func(StepCall)) error {
			return s.rotate(ctx, arn, staged, configured.FunctionARN, note)
		})
		return nil, &refusal{"InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted."}
	}
	token := text(parameters, "ClientRequestToken")
	if token == "" {
		token = uuid.NewString()
	}
	answer := map[string]string{"ARN": arn, "Name": aws.ToString(secret.Name), "VersionId": token}
	if _, exists := secret.VersionIdsToStages[token]; exists {
		// The same request again.
		return answer, nil
	}
	if err := s.unlabel(ctx, arn, token, pending); err != nil {
		return nil, err
	}
	// The new version has its label and no value yet.
	if _, err := s.SecretsManager.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &arn, ClientRequestToken: &token, VersionStages: []string{pending},
	}); err != nil {
		return nil, err
	}
	rotate, isTest := s.rotate, false
	if immediately, ok := parameters["RotateImmediately"].(bool); ok && !immediately {
		rotate, isTest = s.test, true
	}
	s.begin(arn, token, configured.FunctionARN, isTest, func(ctx context.Context, note func(StepCall)) error {
		return rotate(ctx, arn, token, configured.FunctionARN, note)
	})
	return answer, nil
}

func (s *Service) cancelRotateSecret(ctx context.Context, parameters map[string]any) (any, error) {
	secret, err := s.SecretsManager.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(text(parameters, "SecretId"))})
	if err != nil {
		return nil, err
	}
	arn := aws.ToString(secret.ARN)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	configured, ok := s.configured[arn]
	if !ok {
		return nil, &refusal{"InvalidRequestException", "You tried to cancel rotation on a secret that doesn't have rotation enabled."}
	}
	configured.Enabled = false
	s.configured[arn] = configured
	return map[string]string{"ARN": arn, "Name": aws.ToString(secret.Name)}, nil
}

// getSecretValue refuses a version that has a label and no value: the
// emulator answers without one.
func (s *Service) getSecretValue(ctx context.Context, parameters map[string]any) (any, error) {
	version, stage := text(parameters, "VersionId"), text(parameters, "VersionStage")
	if version == "" && stage == "" {
		return nil, nil
	}
	input := &secretsmanager.GetSecretValueInput{SecretId: aws.String(text(parameters, "SecretId"))}
	which := "VersionId: " + version
	if version != "" {
		input.VersionId = &version
	}
	if stage != "" {
		input.VersionStage = &stage
		which = "staging label: " + stage
	}
	value, err := s.SecretsManager.GetSecretValue(ctx, input)
	if err != nil {
		return nil, err
	}
	missing := &refusal{"ResourceNotFoundException", "Secrets Manager can't find the specified secret value for " + which}
	if value.SecretString == nil && value.SecretBinary == nil {
		return nil, missing
	}
	// The emulator does not look whether the version bears the label.
	for _, label := range value.VersionStages {
		if stage == "" || label == stage {
			return nil, nil
		}
	}
	if stage != "" {
		return nil, missing
	}
	return nil, nil
}

// putSecretValue keeps a version's value from being changed, and a label from
// being on two versions, neither of which the emulator minds.
func (s *Service) putSecretValue(ctx context.Context, parameters map[string]any) (any, error) {
	secretID, token := text(parameters, "SecretId"), text(parameters, "ClientRequestToken")
	if token != "" {
		before, err := s.SecretsManager.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &secretID, VersionId: &token})
		if failure := smithy.APIError(nil); errors.As(err, &failure) {
			before = nil
		} else if err != nil {
			return nil, fmt.Errorf("reading version %s: %w", token, err)
		}
		if before != nil && before.SecretString != nil {
			if aws.ToString(before.SecretString) != text(parameters, "SecretString") {
				return nil, &refusal{"ResourceExistsException", "You can't modify an existing version, you can only create a new version."}
			}
			return map[string]any{
				"ARN": aws.ToString(before.ARN), "Name": aws.ToString(before.Name),
				"VersionId": token, "VersionStages": before.VersionStages,
			}, nil
		}
	}
	labels, _ := parameters["VersionStages"].([]any)
	for _, label := range labels {
		if err := s.unlabel(ctx, secretID, token, fmt.Sprint(label)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// unlabel takes a label off every version but one. The emulator itself moves
// AWSCURRENT.
func (s *Service) unlabel(ctx context.Context, secretID, except, label string) error {
	if label == current {
		return nil
	}
	stages, err := s.stages(ctx, secretID)
	if err != nil {
		return err
	}
	version := labelled(stages, label)
	if version == "" || version == except {
		return nil
	}
	if _, err := s.SecretsManager.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &secretID, VersionStage: &label, RemoveFromVersionId: &version,
	}); err != nil {
		return fmt.Errorf("moving the label %s: %w", label, err)
	}
	return nil
}

func (s *Service) amendDescription(_ awscall.Exchange, body []byte) ([]byte, error) {
	var description map[string]any
	if err := json.Unmarshal(body, &description); err != nil {
		return nil, fmt.Errorf("reading the description: %w", err)
	}
	s.amend(description)
	return json.Marshal(description)
}

func (s *Service) amendList(_ awscall.Exchange, body []byte) ([]byte, error) {
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("reading the list: %w", err)
	}
	list, _ := answer["SecretList"].([]any)
	for _, item := range list {
		if secret, ok := item.(map[string]any); ok {
			s.amend(secret)
		}
	}
	return json.Marshal(answer)
}

func (s *Service) amend(secret map[string]any) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	configured, ok := s.configured[text(secret, "ARN")]
	if !ok {
		return
	}
	secret["RotationEnabled"] = configured.Enabled
	secret["RotationLambdaARN"] = configured.FunctionARN
	if configured.Rules != nil {
		secret["RotationRules"] = configured.Rules
	}
	if !configured.LastRotated.IsZero() {
		secret["LastRotatedDate"] = float64(configured.LastRotated.UnixMilli()) / float64(time.Second/time.Millisecond)
	}
}
