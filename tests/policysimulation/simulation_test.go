package policysimulation

import (
	"slices"
	"testing"
)

func policy(t *testing.T, text string) Policy {
	t.Helper()
	document, err := ParseDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	return Policy{ID: "p", Type: "none", Document: document}
}

func TestSimulate(t *testing.T) {
	const (
		object = "arn:aws:s3:::acme/prod/ecs.config"
		role   = "arn:aws:iam::111122223333:role/ecsInstanceRole"
	)
	cases := []struct {
		name     string
		identity []string
		boundary []string
		action   string
		resource string
		context  map[string][]string
		want     Decision
	}{
		{name: "nothing allows", action: "s3:GetObject", resource: object, want: ImplicitDeny},
		{name: "allowed by name", action: "s3:GetObject", resource: object, want: Allowed,
			identity: []string{`{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`}},
		{name: "action names ignore case", action: "S3:getobject", resource: object, want: Allowed,
			identity: []string{`{"Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}`}},
		{name: "one character", action: "ecs:Poll", resource: "*", want: Allowed,
			identity: []string{`{"Statement":{"Effect":"Allow","Action":"ecs:P??l","Resource":"*"}}`}},
		{name: "resources keep case", action: "s3:GetObject", resource: object, want: ImplicitDeny,
			identity: []string{`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::Acme/*"}}`}},
		{name: "a wildcard reaches over slashes", action: "s3:GetObject", resource: object, want: Allowed,
			identity: []string{`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme/*.config"}}`}},
		{name: "a dot is a dot", action: "s3:GetObject", resource: "arn:aws:s3:::acme/ecsXconfig", want: ImplicitDeny,
			identity: []string{`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme/ecs.config"}}`}},
		{name: "all resources are not one", action: "s3:GetObject", resource: "*", want: ImplicitDeny,
			identity: []string{`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme/*"}}`}},
		{name: "a denial wins", action: "s3:GetObject", resource: object, want: ExplicitDeny,
			identity: []string{
				`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
				`{"Statement":[{"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::acme/*"}]}`,
			}},
		{name: "NotAction allows the others", action: "ec2:RunInstances", resource: "*", want: Allowed,
			identity: []string{`{"Statement":{"Effect":"Allow","NotAction":["iam:*","organizations:*"],"Resource":"*"}}`}},
		{name: "NotAction leaves out", action: "iam:CreateUser", resource: "*", want: ImplicitDeny,
			identity: []string{`{"Statement":{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}}`}},
		{name: "NotResource denies the others", action: "s3:GetObject", resource: object, want: ExplicitDeny,
			identity: []string{`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","NotResource":"arn:aws:s3:::other/*"}]}`}},
		{name: "the boundary does not allow", action: "iam:AttachRolePolicy", resource: role, want: ImplicitDeny,
			identity: []string{`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`},
			boundary: []string{`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`}},
		{name: "the boundary alone does not suffice", action: "s3:GetObject", resource: object, want: ImplicitDeny,
			boundary: []string{`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`}},
		{name: "both allow", action: "s3:GetObject", resource: object, want: Allowed,
			identity: []string{`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`},
			boundary: []string{`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`}},
		{name: "the boundary denies", action: "s3:GetObject", resource: object, want: ExplicitDeny,
			identity: []string{`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`},
			boundary: []string{`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}`}},
		{name: "a condition holds", action: "iam:AttachRolePolicy", resource: role, want: Allowed,
			context:  map[string][]string{"iam:policyarn": {"arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"}},
			identity: []string{`{"Statement":{"Effect":"Allow","Action":"iam:AttachRolePolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":["arn:aws:iam::aws:policy/AmazonSSM*"]}}}}`}},
		{name: "a condition fails", action: "iam:AttachRolePolicy", resource: role, want: ImplicitDeny,
			context:  map[string][]string{"iam:PolicyARN": {"arn:aws:iam::aws:policy/AdministratorAccess"}},
			identity: []string{`{"Statement":{"Effect":"Allow","Action":"iam:AttachRolePolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":["arn:aws:iam::aws:policy/AmazonSSM*"]}}}}`}},
		{name: "a condition without its key", action: "iam:AttachRolePolicy", resource: role, want: ImplicitDeny,
			identity: []string{`{"Statement":{"Effect":"Allow","Action":"iam:AttachRolePolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":["*"]}}}}`}},
		{name: "a variable in the resource", action: "s3:GetObject", resource: object, want: Allowed,
			context:  map[string][]string{"aws:PrincipalTag/env": {"prod"}},
			identity: []string{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme/${aws:PrincipalTag/env}/*"}}`}},
		{name: "a variable's value has no wildcards", action: "s3:GetObject", resource: object, want: ImplicitDeny,
			context:  map[string][]string{"aws:PrincipalTag/env": {"*"}},
			identity: []string{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme/${aws:PrincipalTag/env}/*"}}`}},
		{name: "a variable without value", action: "s3:GetObject", resource: object, want: ImplicitDeny,
			identity: []string{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme/${aws:username}*"}}`}},
		{name: "a variable with a default", action: "s3:GetObject", resource: object, want: Allowed,
			identity: []string{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme/${aws:PrincipalTag/env, 'prod'}/*"}}`}},
		{name: "the old version has no variables", action: "s3:GetObject", resource: "arn:aws:s3:::acme/${aws:username}", want: Allowed,
			identity: []string{`{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme/${aws:username}"}}`}},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			var policies Policies
			for _, text := range test.identity {
				policies.Identity = append(policies.Identity, policy(t, text))
			}
			for _, text := range test.boundary {
				policies.Boundary = append(policies.Boundary, policy(t, text))
			}
			result := Simulate(policies, Request{Action: test.action, Resource: test.resource, Context: NewContext(test.context)})
			if result.Decision != test.want {
				t.Errorf("decision %s, want %s", result.Decision, test.want)
			}
			if (result.AllowedByBoundary != nil) != (test.boundary != nil) {
				t.Errorf("boundary detail %v with boundary %v", result.AllowedByBoundary, test.boundary)
			}
			if (result.Decision == ImplicitDeny) != (len(result.Matched) == 0) {
				t.Errorf("decision %s by %d statements", result.Decision, len(result.Matched))
			}
		})
	}
}

func TestResourcePolicyNamesItsCallers(t *testing.T) {
	queue := "arn:aws:sqs:us-east-1:111122223333:queue"
	document := policy(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"`+queue+`",
		 "Condition":{"ArnEquals":{"aws:SourceArn":["arn:aws:events:us-east-1:111122223333:rule/ours"]}}},
		{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sqs:ReceiveMessage","Resource":"`+queue+`"},
		{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"`+queue+`","Condition":{"Bool":{"aws:SecureTransport":false}}}]}`)
	ours := map[string][]string{"aws:SourceArn": {"arn:aws:events:us-east-1:111122223333:rule/ours"}, "aws:SecureTransport": {"true"}}
	events := map[string]string{"Service": "events.amazonaws.com"}
	cases := []struct {
		name      string
		principal map[string]string
		action    string
		context   map[string][]string
		want      Decision
	}{
		{"its rule", events, "sqs:SendMessage", ours, Allowed},
		{"another rule", events, "sqs:SendMessage", map[string][]string{"aws:SourceArn": {"arn:aws:events:us-east-1:111122223333:rule/other"}}, ImplicitDeny},
		{"another service", map[string]string{"Service": "sns.amazonaws.com"}, "sqs:SendMessage", ours, ImplicitDeny},
		{"the account's role", map[string]string{"AWS": "arn:aws:iam::111122223333:role/r"}, "sqs:ReceiveMessage", ours, Allowed},
		{"a stranger", map[string]string{"AWS": "arn:aws:iam::444455556666:role/r"}, "sqs:ReceiveMessage", ours, ImplicitDeny},
		{"without TLS", events, "sqs:SendMessage", map[string][]string{"aws:SourceArn": ours["aws:SourceArn"], "aws:SecureTransport": {"false"}}, ExplicitDeny},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			result := Simulate(Policies{Resource: []Policy{document}}, Request{
				Action: test.action, Resource: queue, Principal: test.principal, Context: NewContext(test.context),
			})
			if result.Decision != test.want {
				t.Errorf("decision %s, want %s", result.Decision, test.want)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	cases := []struct {
		operator string
		want     []string
		// have is nil where the key is missing.
		have  []string
		holds bool
	}{
		{"StringEquals", []string{"a", "b"}, []string{"b"}, true},
		{"StringEquals", []string{"a*"}, []string{"ab"}, false},
		{"StringEquals", []string{"a*"}, []string{"a*"}, true},
		{"StringEquals", []string{"a"}, []string{"A"}, false},
		{"StringEquals", []string{"a"}, nil, false},
		{"StringEqualsIfExists", []string{"a"}, nil, true},
		{"StringEqualsIfExists", []string{"a"}, []string{"b"}, false},
		{"StringEqualsIgnoreCase", []string{"a"}, []string{"A"}, true},
		{"StringNotEquals", []string{"a", "b"}, []string{"c"}, true},
		{"StringNotEquals", []string{"a", "b"}, []string{"b"}, false},
		{"StringNotEquals", []string{"a"}, nil, true},
		{"StringLike", []string{"s3.*.amazonaws.com"}, []string{"s3.us-east-1.amazonaws.com"}, true},
		{"StringNotLike", []string{"s3.*"}, []string{"kms.x"}, true},
		{"ForAllValues:StringEquals", []string{"a", "b"}, []string{"a", "b"}, true},
		{"ForAllValues:StringEquals", []string{"a", "b"}, []string{"a", "c"}, false},
		{"ForAllValues:StringEquals", []string{"a"}, nil, true},
		{"ForAnyValue:StringEquals", []string{"a"}, []string{"x", "a"}, true},
		{"ForAnyValue:StringEquals", []string{"a"}, nil, false},
		{"ForAnyValue:StringNotEquals", []string{"a"}, []string{"a", "b"}, true},
		{"ForAllValues:StringNotEquals", []string{"a"}, []string{"a", "b"}, false},
		{"Bool", []string{"true"}, []string{"true"}, true},
		{"Bool", []string{"false"}, []string{"true"}, false},
		{"Null", []string{"true"}, nil, true},
		{"Null", []string{"false"}, nil, false},
		{"Null", []string{"false"}, []string{"x"}, true},
		{"NumericLessThanEquals", []string{"10"}, []string{"10"}, true},
		{"NumericLessThan", []string{"10"}, []string{"10.5"}, false},
		{"NumericNotEquals", []string{"1"}, []string{"2"}, true},
		{"DateGreaterThan", []string{"2026-01-01T00:00:00Z"}, []string{"2026-11-22"}, true},
		{"DateLessThan", []string{"2026-01-01T00:00:00Z"}, []string{"1795307300"}, false},
		{"IpAddress", []string{"10.0.0.0/8"}, []string{"10.1.2.3"}, true},
		{"IpAddress", []string{"10.0.0.0/8"}, []string{"11.1.2.3"}, false},
		{"NotIpAddress", []string{"10.0.0.0/8"}, []string{"11.1.2.3"}, true},
		{"IpAddress", []string{"2001:db8::/32"}, []string{"2001:db8::1"}, true},
		{"ArnLike", []string{"arn:aws:iam::*:role/a*"}, []string{"arn:aws:iam::111122223333:role/ab"}, true},
		{"ArnLike", []string{"arn:aws:iam:*:role/a"}, []string{"arn:aws:iam::111122223333:role/a"}, false},
		{"ArnNotEquals", []string{"arn:aws:iam::1:role/a"}, []string{"arn:aws:iam::1:role/b"}, true},
		{"BinaryEquals", []string{"QmluYXJ5"}, []string{"QmluYXJ5"}, true},
	}
	for _, test := range cases {
		entries := map[string][]string{}
		if test.have != nil {
			entries["key"] = test.have
		}
		condition := Condition{Operator: test.operator, Key: "Key", Values: test.want}
		if got := condition.holds(NewContext(entries), true); got != test.holds {
			t.Errorf("%s %v with %v: %v, want %v", test.operator, test.want, test.have, got, test.holds)
		}
	}
}

func TestMissingContextIsOfAllPolicies(t *testing.T) {
	policies := Policies{Identity: []Policy{
		policy(t, `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"ecs:Poll","Resource":"*"},
			{"Effect":"Allow","Action":"ecs:TagResource","Resource":"*","Condition":{"StringEquals":{"ecs:CreateAction":"CreateCluster"}}},
			{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme/${aws:username}/*","Condition":{"StringLike":{"aws:ViaService":"${aws:PrincipalTag/x, 'y'}"}}}]}`),
	}}
	result := Simulate(policies, Request{Action: "ecs:Poll", Resource: "*", Context: NewContext(map[string][]string{"AWS:ViaService": {"x"}})})
	if want := []string{"aws:username", "ecs:CreateAction"}; !slices.Equal(result.MissingContext, want) {
		t.Errorf("missing %q, want %q", result.MissingContext, want)
	}
}

func TestStatementsKnowTheirPlace(t *testing.T) {
	document := policy(t, "{\n \"Statement\": [\n  {\"Effect\":\"Allow\",\"Action\":\"a:b\",\"Resource\":\"*\"},\n  {\"Effect\":\"Deny\",\n   \"Action\":\"c:d\",\"Resource\":\"*\"}\n ]\n}").Document
	want := [][2]Position{{{3, 3}, {3, 51}}, {{4, 3}, {5, 34}}}
	for index, statement := range document.Statements {
		if got := [2]Position{statement.Start, statement.End}; got != want[index] {
			t.Errorf("statement %d is at %v, want %v", index+1, got, want[index])
		}
	}
}

func TestParseDocumentRefuses(t *testing.T) {
	for _, text := range []string{
		``, `null`, `[]`, `{}`, `{"Statement":[]`, `{"Statement":"x"}`,
		`{"Statement":{"Effect":"allow","Action":"*"}}`,
		`{"Statement":{"Effect":"Allow"}}`,
		`{"Statement":{"Effect":"Allow","Action":"a:b","NotAction":"a:c"}}`,
		`{"Statement":{"Effect":"Allow","Action":{"a":"b"}}}`,
		`{"Statement":{"Effect":"Allow","Action":"*","Principal":"me"}}`,
		`{"Statement":{"Effect":"Allow","Action":"*","Condition":{"StringEqual":{"a":"b"}}}}`,
		`{"Statement":{"Effect":"Allow","Action":"*","Condition":{"ForSomeValues:StringEquals":{"a":"b"}}}}`,
	} {
		if _, err := ParseDocument(text); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":"arn:aws:s3:::${aws:username}/*","Condition":{"Bool":{"aws:SecureTransport":true}}}]}`)
	f.Add(`{"Statement":{"Effect":"Deny","NotAction":"a","NotResource":"b","NotPrincipal":{"AWS":["*"]}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		document, err := ParseDocument(text)
		if err != nil {
			return
		}
		policies := Policies{Identity: []Policy{{Document: document}}}
		result := Simulate(policies, Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::a/b"})
		for _, matched := range result.Matched {
			if matched.Statement.Start.Line < 1 || matched.Statement.Start.Column < 1 {
				t.Errorf("a statement at %v", matched.Statement.Start)
			}
		}
	})
}
