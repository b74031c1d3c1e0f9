package trustpolicy_test

import (
	"net/url"
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/trustpolicy"
)

func TestTrusts(t *testing.T) {
	statements := func(of string) string { return `{"Version":"2012-10-17","Statement":` + of + `}` }
	const (
		ec2  = `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
		both = `{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","ssm.amazonaws.com"]},"Action":"sts:AssumeRole"}`
	)
	tests := map[string]struct {
		document string
		want     []trustpolicy.Service
	}{
		"one service":                    {statements(`[` + ec2 + `]`), []trustpolicy.Service{trustpolicy.EC2}},
		"one statement":                  {statements(ec2), []trustpolicy.Service{trustpolicy.EC2}},
		"white space":                    {" \n" + statements(" "+ec2), []trustpolicy.Service{trustpolicy.EC2}},
		"a list of services":             {statements(both), []trustpolicy.Service{trustpolicy.EC2, trustpolicy.SSM}},
		"a list of actions":              {statements(`[{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","ecs-tasks.amazonaws.com"]},"Action":["sts:TagSession","sts:Assume*"]}]`), []trustpolicy.Service{trustpolicy.EC2, trustpolicy.ECSTasks}},
		"no statement":                   {statements(`[]`), nil},
		"null for statements":            {statements(`null`), nil},
		"China":                          {statements(`[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com.cn"},"Action":"sts:AssumeRole"}]`), []trustpolicy.Service{trustpolicy.ECSTasks}},
		"an isolated partition":          {statements(`[{"Effect":"Allow","Principal":{"Service":"ssm.c2s.ic.gov"},"Action":"sts:AssumeRole"}]`), []trustpolicy.Service{trustpolicy.SSM}},
		"a service of one region":        {statements(`[{"Effect":"Allow","Principal":{"Service":"ssm.eu-central-2.amazonaws.com"},"Action":"sts:AssumeRole"}]`), []trustpolicy.Service{trustpolicy.SSM}},
		"upper case":                     {statements(`[{"Effect":"Allow","Principal":{"Service":"EC2.amazonaws.com"},"Action":"STS:AssumeRole"}]`), []trustpolicy.Service{trustpolicy.EC2}},
		"a name that ends like one":      {statements(`[{"Effect":"Allow","Principal":{"Service":"notec2.amazonaws.com"},"Action":"sts:AssumeRole"}]`), nil},
		"a name that starts like one":    {statements(`[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com.example.com"},"Action":"sts:AssumeRole"}]`), nil},
		"a name with more parts":         {statements(`[{"Effect":"Allow","Principal":{"Service":"ecs.application-autoscaling.amazonaws.com"},"Action":"sts:AssumeRole"}]`), nil},
		"another action":                 {statements(`[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:TagSession"}]`), nil},
		"all actions but another":        {statements(`[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"NotAction":"sts:TagSession"}]`), []trustpolicy.Service{trustpolicy.EC2}},
		"all actions but this":           {statements(`[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"NotAction":"sts:*"}]`), nil},
		"no effect":                      {statements(`[{"Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]`), nil},
		"everybody":                      {statements(`[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]`), nil},
		"all but somebody":               {statements(`[{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]`), nil},
		"an account":                     {statements(`[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]`), nil},
		"a service beside accounts":      {statements(`[{"Effect":"Allow","Principal":{"AWS":["123456789012","*"],"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]`), []trustpolicy.Service{trustpolicy.EC2}},
		"principals of another type":     {statements(`[{"Effect":"Allow","Principal":7,"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":{"Service":[7]},"Action":"sts:AssumeRole"},` + ec2 + `]`), []trustpolicy.Service{trustpolicy.EC2}},
		"a condition":                    {statements(`[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}]`), []trustpolicy.Service{trustpolicy.EC2}},
		"a deny alone":                   {statements(`[{"Effect":"Deny","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]`), nil},
		"one of two denied":              {statements(`[{"Effect":"Deny","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:*"},` + both + `]`), []trustpolicy.Service{trustpolicy.SSM}},
		"denied with an empty condition": {statements(`[` + ec2 + `,{"Effect":"Deny","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{}}]`), nil},
		"denied under a condition":       {statements(`[` + ec2 + `,{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringNotEquals":{"aws:SourceAccount":"123456789012"}}}]`), []trustpolicy.Service{trustpolicy.EC2}},
		"everybody denied":               {statements(`[` + ec2 + `,{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}]`), nil},
		"everybody denied, the long way": {statements(`[` + ec2 + `,{"Effect":"Deny","Principal":{"AWS":["*"]},"Action":"sts:AssumeRole"}]`), nil},
		"somebody denied":                {statements(`[` + ec2 + `,{"Effect":"Deny","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]`), []trustpolicy.Service{trustpolicy.EC2}},
		"all but somebody denied":        {statements(`[` + ec2 + `,{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]`), nil},
		"all but one service denied":     {statements(`[` + both + `,{"Effect":"Deny","NotPrincipal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}]`), []trustpolicy.Service{trustpolicy.SSM}},
		"all but everybody denied":       {statements(`[` + ec2 + `,{"Effect":"Deny","NotPrincipal":"*","Action":"sts:AssumeRole"}]`), []trustpolicy.Service{trustpolicy.EC2}},
		"null for principals denied":     {statements(`[` + ec2 + `,{"Effect":"Deny","Principal":null,"NotPrincipal":null,"Action":"sts:AssumeRole"}]`), []trustpolicy.Service{trustpolicy.EC2}},
		"another action denied":          {statements(`[` + ec2 + `,{"Effect":"Deny","Principal":"*","Action":"sts:TagSession"}]`), []trustpolicy.Service{trustpolicy.EC2}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, document := range []string{test.document, url.PathEscape(test.document)} {
				policy, err := trustpolicy.Parse(document)
				if err != nil {
					t.Fatal(err)
				}
				if got := trusted(policy); !slices.Equal(got, test.want) {
					t.Errorf("%s trusts %v, want %v", document, got, test.want)
				}
				instances := slices.Contains(test.want, trustpolicy.EC2) || slices.Contains(test.want, trustpolicy.SSM)
				if got := policy.TrustsInstances(); got != instances {
					t.Errorf("%s: instances %v, want %v", document, got, instances)
				}
			}
		})
	}
}

func trusted(policy trustpolicy.Policy) []trustpolicy.Service {
	return slices.DeleteFunc([]trustpolicy.Service{trustpolicy.EC2, trustpolicy.SSM, trustpolicy.ECSTasks}, func(s trustpolicy.Service) bool { return !policy.Trusts(s) })
}

func TestParseRefuses(t *testing.T) {
	for name, document := range map[string]string{
		"nothing": "", "null": "null", "text": `"ec2.amazonaws.com"`, "a list": `[]`, "no statement": `{"Version":"2012-10-17"}`,
		"a statement that is text": `{"Statement":"x"}`, "statements of another type": `{"Statement":[7]}`,
		"an action of another type": `{"Statement":[{"Effect":"Allow","Action":7}]}`, "broken encoding": "%7", "cut off": `{"Statement":[`,
		"not a policy": `not a policy`,
	} {
		if got, err := trustpolicy.Parse(document); err == nil {
			t.Errorf("%s: taken as %+v", name, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	const ec2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	for _, document := range []string{
		ec2, url.PathEscape(ec2), `{"Statement":{"Effect":"Allow","Principal":"*","NotAction":["sts:*"]}}`,
		`{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"*","Service":["ssm.amazonaws.com"]},"Action":"*","Condition":{}}]}`,
	} {
		f.Add(document)
	}
	f.Fuzz(func(t *testing.T, document string) {
		plain, err := trustpolicy.Parse(document)
		if err != nil {
			return
		}
		encoded, err := trustpolicy.Parse(url.PathEscape(document))
		if document[0] == '{' && (err != nil || !slices.Equal(trusted(encoded), trusted(plain))) {
			t.Errorf("encoded it trusts %v (%v), and plain %v", trusted(encoded), err, trusted(plain))
		}
	})
}
