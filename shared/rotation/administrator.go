package rotation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/secret"
)

// administrator reads the credential for the registry's own API:
// {"url": "https://…", "username": "…", "password": "…"}, or "token" in the
// place of the last two. "secrets" may list the names of the secrets that it is
// for: whoever may tag a secret of their own could use it otherwise.
func (r *Rotation) administrator(ctx context.Context, id, secretName string) (registry.Administrator, error) {
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
		Secrets  []string
	}
	if json.Unmarshal([]byte(aws.ToString(got.SecretString)), &document) != nil {
		return refuse("administrator-shape", `is not a JSON object of texts, with a list of them under "secrets" at most`)
	}
	if document.Secrets != nil && !slices.ContainsFunc(document.Secrets, func(pattern string) bool { return isFor(pattern, secretName) }) {
		return registry.Administrator{}, finding.Refuse(finding.Finding{
			Code: "administrator-for-others", Severity: finding.Error,
			Message: fmt.Sprintf(`the administrator's secret, which the tag %s names, is not for the secret %s: it is not under "secrets" there`, AdminTag, secretName),
			Fix:     `correct the tag, or have the administrator's owner add the secret's name, or its beginning with a * behind`,
		})
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

// isFor reports whether a secret's name is the given one, or begins with what
// stands before its *.
func isFor(pattern, name string) bool {
	begin, open := strings.CutSuffix(pattern, "*")
	return pattern == name || open && strings.HasPrefix(name, begin)
}
