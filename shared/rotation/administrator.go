package rotation

import (
	"encoding/json"
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
	refuse := func(template finding.Template, values ...finding.Value) (registry.Administrator, []finding.Finding) {
		return registry.Administrator{}, []finding.Finding{template.With(values...)}
	}
	if !value.Present || value.Binary {
		return refuse(administratorMissing)
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
		return refuse(administratorUnreadable)
	}
	if len(document.Secrets) == 0 {
		return refuse(administratorUnlisted, finding.Name("secret", secretName))
	}
	if !slices.ContainsFunc(document.Secrets, func(pattern string) bool { return isFor(pattern, secretName) }) {
		return refuse(administratorForOthers, finding.Name("secret", secretName))
	}
	password := document.Password
	if password.IsZero() {
		password = document.Token
	}
	switch {
	case password.IsZero() && !document.Federated:
		return refuse(administratorIncomplete)
	case !password.IsZero() && document.Federated:
		return refuse(administratorFederated)
	}
	return registry.Administrator{URL: document.URL, Credential: registry.Credential{Username: document.Username, Password: password}, Federated: document.Federated}, nil
}

// isFor reports whether a secret's name is the given one, or begins with what
// stands before its *.
func isFor(pattern, name string) bool {
	begin, open := strings.CutSuffix(pattern, "*")
	return pattern == name || open && strings.HasPrefix(name, begin)
}
