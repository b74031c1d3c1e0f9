package secretpolicy

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

func statement(principal, more string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":%s,"Action":"secretsmanager:GetSecretValue","Resource":"*"%s}]}`, principal, more)
}

func TestWhatIsRefused(t *testing.T) {
	role := `{"AWS":"arn:aws:iam::111122223333:role/r"}`
	tests := map[string]struct {
		policy string
		block  any
		want   string
	}{
		"one role":                     {statement(role, ""), nil, ""},
		"everybody":                    {statement(`"*"`, ""), nil, "PublicPolicyException"},
		"everybody of AWS":             {statement(`{"AWS":"*"}`, ""), true, "PublicPolicyException"},
		"everybody, and it is wanted":  {statement(`"*"`, ""), false, ""},
		"everybody of an organization": {statement(`"*"`, `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`), nil, ""},
		"everybody of every account":   {statement(`"*"`, `,"Condition":{"StringLike":{"aws:PrincipalAccount":"*"}}`), nil, "PublicPolicyException"},
		"everybody is denied":          {strings.Replace(statement(`"*"`, ""), "Allow", "Deny", 1), nil, ""},
		"no principal":                 {`{"Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]}`, nil, "MalformedPolicyDocumentException"},
		"no resource":                  {`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:*"}]}`, nil, "MalformedPolicyDocumentException"},
		"another service":              {strings.Replace(statement(role, ""), "secretsmanager:", "s3:", 1), nil, "MalformedPolicyDocumentException"},
		"not JSON":                     {`{`, nil, "MalformedPolicyDocumentException"},
		"empty":                        {"", nil, "ValidationException"},
		"too long":                     {statement(role, "") + strings.Repeat(" ", maxPolicy), nil, "ValidationException"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			writer := httptest.NewRecorder()
			parameters := map[string]any{"SecretId": "s", "ResourcePolicy": test.policy}
			if test.block != nil {
				parameters["BlockPublicPolicy"] = test.block
			}
			answered := Answer(writer, nil, awscall.Exchange{Parameters: parameters})
			if answered != (test.want != "") || !strings.Contains(writer.Body.String(), test.want) {
				t.Errorf("answered %v: %s", answered, writer.Body)
			}
		})
	}
}
