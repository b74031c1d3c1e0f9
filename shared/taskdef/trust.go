package taskdef

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
	"github.com/ecs-guardrails/ecs-guardrails/shared/trustpolicy"
)

// trustsTasksAlone reports whether only ECS may assume a role, for tasks:
// what a role that others may assume is given, it gives to them. Conditions narrow
// when somebody may, not who. A trust policy that can't be read trusts others.
func trustsTasksAlone(document string) bool {
	text := strings.TrimSpace(document)
	if !strings.HasPrefix(text, "{") {
		decoded, err := url.PathUnescape(text)
		if err != nil {
			return false
		}
		text = decoded
	}
	var policy struct {
		Statement policydocument.OneOrMore[struct {
			Effect       string
			Principal    map[string]policydocument.OneOrMore[string]
			NotPrincipal json.RawMessage
		}]
	}
	// A principal of "*" is no object, and an error here.
	if json.Unmarshal([]byte(text), &policy) != nil || len(policy.Statement) == 0 {
		return false
	}
	for _, statement := range policy.Statement {
		if statement.Effect == "Deny" {
			continue
		}
		if len(statement.NotPrincipal) > 0 {
			return false
		}
		for kind, principals := range statement.Principal {
			for _, principal := range principals {
				if kind != "Service" || !isTasks(principal) {
					return false
				}
			}
		}
	}
	return trustsTasks(document)
}

// isTasks reports whether a principal is ECS's for tasks.
func isTasks(principal string) bool {
	policy, err := trustpolicy.Parse(`{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ` + quoted(principal) + `}}}`)
	return err == nil && policy.Trusts(trustpolicy.ECSTasks)
}

func quoted(text string) string {
	raw, _ := json.Marshal(text)
	return string(raw)
}
