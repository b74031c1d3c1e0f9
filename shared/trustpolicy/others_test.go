package trustpolicy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/trustpolicy"
)

// TestOthers: who may assume a role besides instances, in the ways that policies
// have to say so. What is passed over here would be given the agent's policy.
func TestOthers(t *testing.T) {
	const (
		ec2     = `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
		oidc    = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
		account = "arn:aws:iam::999999999999:root"
	)
	allow := func(principal, action string) string {
		return `{"Effect":"Allow","Principal":` + principal + `,"Action":` + action + `}`
	}
	deny := func(principal, action string) string {
		return `{"Effect":"Deny","Principal":` + principal + `,"Action":` + action + `}`
	}
	const assume = `"sts:AssumeRole"`
	tests := map[string]struct {
		statements []string
		want       []string
	}{
		"instances alone":                     {nil, nil},
		"instances of China":                  {[]string{allow(`{"Service":"ec2.amazonaws.com.cn"}`, assume)}, nil},
		"instances of the European partition": {[]string{allow(`{"Service":"ec2.amazonaws.eu"}`, assume)}, nil},
		"external instances of a Region":      {[]string{allow(`{"Service":"ssm.ap-southeast-7.amazonaws.com"}`, assume)}, nil},
		"tags of sessions alone":              {[]string{allow(`{"AWS":"`+account+`"}`, `"sts:TagSession"`)}, nil},
		"an account in a list":                {[]string{allow(`{"AWS":["`+account+`"]}`, `["sts:TagSession","sts:AssumeRole"]`)}, []string{account}},
		"an account's number":                 {[]string{allow(`{"AWS":"999999999999"}`, assume)}, []string{"999999999999"}},
		"everybody":                           {[]string{allow(`"*"`, assume)}, []string{"*"}},
		"everybody in a list":                 {[]string{allow(`{"AWS":["*"]}`, assume)}, []string{"*"}},
		"everybody under a condition":         {[]string{strings.TrimSuffix(allow(`"*"`, assume), "}") + `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}`}, []string{"*"}},
		"all but one":                         {[]string{`{"Effect":"Allow","NotPrincipal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`}, []string{"*"}},
		"all actions but others":              {[]string{`{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"NotAction":"iam:*"}`}, []string{account}},
		"actions by a pattern":                {[]string{allow(`{"AWS":"`+account+`"}`, `"STS:assume*"`)}, []string{account}},
		"all actions":                         {[]string{allow(`{"AWS":"`+account+`"}`, `"*"`)}, []string{account}},
		"a federation":                        {[]string{allow(`{"Federated":"`+oidc+`"}`, `"sts:AssumeRoleWithWebIdentity"`)}, []string{oidc}},
		"a federation, by SAML":               {[]string{allow(`{"Federated":"arn:aws:iam::1:saml-provider/x"}`, `"sts:AssumeRoleWithSAML"`)}, []string{"arn:aws:iam::1:saml-provider/x"}},
		"a federation, the other way denied":  {[]string{allow(`{"Federated":"`+oidc+`"}`, `"sts:AssumeRoleWithWebIdentity"`), deny(`{"Federated":"`+oidc+`"}`, assume)}, []string{oidc}},
		"a federation, all ways denied":       {[]string{allow(`{"Federated":"`+oidc+`"}`, `"sts:*"`), deny(`{"Federated":"`+oidc+`"}`, `"sts:*"`)}, nil},
		"everybody, one way denied":           {[]string{allow(`"*"`, `"sts:*"`), deny(`"*"`, assume)}, []string{"*"}},
		"an account, denied":                  {[]string{allow(`{"AWS":"`+account+`"}`, assume), deny(`{"AWS":"`+account+`"}`, assume)}, nil},
		"an account, denied at times":         {[]string{allow(`{"AWS":"`+account+`"}`, assume), strings.TrimSuffix(deny(`{"AWS":"`+account+`"}`, assume), "}") + `,"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}}`}, []string{account}},
		"an account, one of its roles denied": {[]string{allow(`{"AWS":"`+account+`"}`, assume), deny(`{"AWS":"arn:aws:iam::999999999999:role/x"}`, assume)}, []string{account}},
		"an account, another denied":          {[]string{allow(`{"AWS":"`+account+`"}`, assume), `{"Effect":"Deny","NotPrincipal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}`}, []string{account}},
		"another service":                     {[]string{allow(`{"Service":["ec2.amazonaws.com","lambda.amazonaws.com"]}`, assume)}, []string{"lambda.amazonaws.com"}},
		"a service with a like name":          {[]string{allow(`{"Service":"ec2.application-autoscaling.amazonaws.com"}`, assume)}, []string{"ec2.application-autoscaling.amazonaws.com"}},
		"a service with a longer name":        {[]string{allow(`{"Service":"ssm.quicksetup.amazonaws.com"}`, assume)}, []string{"ssm.quicksetup.amazonaws.com"}},
		"a service, in look-alike letters":    {[]string{allow(`{"Service":"еc2.amazonaws.com"}`, assume)}, []string{"еc2.amazonaws.com"}},
		"a canonical user":                    {[]string{allow(`{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}`, assume)}, []string{"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			document := `{"Version":"2012-10-17","Statement":[` + strings.Join(append([]string{ec2}, test.statements...), ",") + `]}`
			policy, err := trustpolicy.Parse(document)
			if err != nil {
				t.Fatal(err)
			}
			if got := policy.Others(trustpolicy.EC2, trustpolicy.SSM); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
