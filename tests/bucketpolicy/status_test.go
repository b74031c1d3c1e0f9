package bucketpolicy

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/tests/policysimulation"
)

func TestPublic(t *testing.T) {
	const allow = `"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::acme/*"`
	cases := []struct {
		name      string
		statement string
		want      bool
	}{
		{"everybody", `{` + allow + `,"Principal":"*"}`, true},
		{"every AWS principal", `{` + allow + `,"Principal":{"AWS":"*"}}`, true},
		{"everybody but one", `{` + allow + `,"NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"}}`, true},
		{"an account", `{` + allow + `,"Principal":{"AWS":"444455556666"}}`, false},
		{"a service", `{` + allow + `,"Principal":{"Service":"cloudfront.amazonaws.com"}}`, false},
		{"a denial", `{"Effect":"Deny","Action":"s3:*","Resource":"*","Principal":"*"}`, false},
		{"a condition that fixes no one", `{` + allow + `,"Principal":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`, true},
		{"an organization", `{` + allow + `,"Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}`, false},
		{"any organization", `{` + allow + `,"Principal":"*","Condition":{"StringLike":{"aws:PrincipalOrgID":"o-*"}}}`, true},
		{"not one organization", `{` + allow + `,"Principal":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}}`, true},
		{"perhaps an organization", `{` + allow + `,"Principal":"*","Condition":{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}}`, true},
		{"a network", `{` + allow + `,"Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}`, false},
		{"an address", `{` + allow + `,"Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.7"}}}`, false},
		{"all networks", `{` + allow + `,"Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","0.0.0.0/0"]}}}`, true},
		{"all but a network", `{` + allow + `,"Principal":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}`, true},
		{"an endpoint", `{` + allow + `,"Principal":"*","Condition":{"StringEquals":{"aws:SourceVpce":["vpce-1","vpce-2"]}}}`, false},
		{"an account's roles", `{` + allow + `,"Principal":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}}}`, false},
		{"all accounts' roles", `{` + allow + `,"Principal":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}}}`, true},
		{"a role's sessions", `{` + allow + `,"Principal":"*","Condition":{"StringLike":{"aws:userid":"AROAEXAMPLE:*"}}}`, false},
		{"a variable", `{` + allow + `,"Principal":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"${aws:username}"}}}`, true},
		{"one public statement of two", `[{` + allow + `,"Principal":{"AWS":"444455556666"}},{` + allow + `,"Principal":"*"}]`, true},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			document, err := policysimulation.ParseDocument(`{"Version":"2012-10-17","Statement":` + test.statement + `}`)
			if err != nil {
				t.Fatal(err)
			}
			if got := Public(document); got != test.want {
				t.Errorf("public: %v, want %v", got, test.want)
			}
		})
	}
}
