package rotation

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/secret"
)

// administrator reads the credential for the registry's own API:
// {"url": "https://…", "username": "…", "password": "…"}, or "token" in the
// place of the last two.
func (r *Rotation) administrator(ctx context.Context, id string) (registry.Administrator, error) {
	refuse := func(code, problem string) (registry.Administrator, error) {
		return registry.Administrator{}, finding.Refuse(finding.Finding{
			Code: code, Severity: finding.Error,
			Message: fmt.Sprintf("the administrator's secret, which the tag %s names, %s", AdminTag, problem),
			Fix:     `correct the tag, or write the secret as {"url": "https://…", "username": "…", "password": "…"}, or with "token" in the place of the last two`,
		})
	}
	got, err := r.reader.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	if awserror.HasCode(err, "ResourceNotFoundException") {
		return refuse("administrator-missing", "does not exist or has no value")
	}
	if err != nil {
		return registry.Administrator{}, fmt.Errorf("read the administrator's secret, which the tag %s names: %w", AdminTag, err)
	}
	var document struct {
		URL      string
		Username string
		Password secret.Text
		Token    secret.Text
	}
	if json.Unmarshal([]byte(aws.ToString(got.SecretString)), &document) != nil {
		return refuse("administrator-shape", "is not a JSON object of texts")
	}
	password := document.Password
	if password.IsZero() {
		password = document.Token
	}
	if password.IsZero() {
		return refuse("administrator-shape", `has neither a "password" nor a "token"`)
	}
	return registry.Administrator{URL: document.URL, Credential: registry.Credential{Username: document.Username, Password: password}}, nil
}
