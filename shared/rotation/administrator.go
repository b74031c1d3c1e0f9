package rotation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// administratorOf reads the credential for the registry's own API:
// {"url": "https://…", "username": "…", "password": "…", "secrets": ["…"]}, or
// "token" instead of user name and password, or "federated": true instead of the
// password. "secrets" lists the names of the secrets that it is for: anyone
// who may tag their own secret could use it otherwise, a federated one as well.
func administratorOf(value Value, secretName string) (registry.Administrator, []finding.Finding) {
	refuse := func(code, problem, fix string) (registry.Administrator, []finding.Finding) {
		return registry.Administrator{}, []finding.Finding{{
			Code: code, Severity: finding.Error,
			Message: fmt.Sprintf("The administrator's secret, which the tag %s names, %s.", AdminTag, problem),
			Fix:     fix,
		}}
	}
	const shape = `Correct the tag, or write the secret as {"url": "https://…", "username": "…", "password": "…", "secrets": ["…"]}, or with "token" instead of "username" and "password".`
	if !value.Present || value.Binary {
		return refuse("administrator-missing", "does not exist or has no value", shape)
	}
	var document struct {
		URL      string
		Username string
		Password secret.Text
		Token    secret.Text
		// Federated has the function log in by a token that AWS signs for it.
		Federated bool
		Secrets   []string
	}
	if json.Unmarshal([]byte(value.Text.Reveal()), &document) != nil {
		return refuse("administrator-shape", `is not a JSON object with text values and a list of text under "secrets"`, shape)
	}
	allow := fmt.Sprintf(`Have the administrator's owner write "secrets": [%q] into it, or the beginning of the name followed by *. Or correct the tag.`, secretName)
	if len(document.Secrets) == 0 {
		return refuse("administrator-unlisted", `doesn't list under "secrets" which secrets it is for, so it is for none`, allow)
	}
	if !slices.ContainsFunc(document.Secrets, func(pattern string) bool { return isFor(pattern, secretName) }) {
		return refuse("administrator-for-others", fmt.Sprintf(`is not for the secret %s: it is not under "secrets" there`, secretName), allow)
	}
	password := document.Password
	if password.IsZero() {
		password = document.Token
	}
	switch {
	case password.IsZero() && !document.Federated:
		return refuse("administrator-shape", `has neither a "password" nor a "token"`, shape)
	case !password.IsZero() && document.Federated:
		return refuse("administrator-shape", `has a password or a token beside "federated": true, which needs none`, `Take the password out of it, and revoke it at the registry; or take "federated" out.`)
	}
	return registry.Administrator{URL: document.URL, Credential: registry.Credential{Username: document.Username, Password: password}, Federated: document.Federated}, nil
}

// isFor reports whether a secret's name is the given one, or begins with what
// stands before its *.
func isFor(pattern, name string) bool {
	begin, open := strings.CutSuffix(pattern, "*")
	return pattern == name || open && strings.HasPrefix(name, begin)
}
