package policydocument_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
)

func TestRead(t *testing.T) {
	known := policydocument.Context{}.
		With("aws:RequestedRegion", "us-east-1").
		With("aws:PrincipalTag/team", "web").
		With("aws:CurrentTime", "2026-11-30T00:00:00Z").
		With("ecs:cluster", "arn:aws:ecs:us-east-1:123456789012:cluster/prod").
		With("aws:TagKeys", "a", "b").
		Whole("aws:PrincipalTag/")
	const f, u, y = policydocument.False, policydocument.Unknown, policydocument.True
	tests := map[string]struct {
		statements      string
		allowed, denied policydocument.Truth
		keys            string
	}{
		"nothing about it":            {`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, f, f, ""},
		"allowed":                     {`{"Effect":"Allow","Action":"ecs:po*","Resource":"*"}`, y, f, ""},
		"resources know case":         {`{"Effect":"Allow","Action":"ecs:Poll","Resource":"ARN:aws:ecs:*"}`, f, f, ""},
		"not the action":              {`{"Effect":"Allow","NotAction":"ecs:Poll","Resource":"*"}`, f, f, ""},
		"all but another resource":    {`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::*"}`, y, f, ""},
		"all but this resource":       {`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:ecs:*"}`, f, f, ""},
		"a key that holds":            {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"AWS:requestedregion":["eu-west-1","us-east-1"]}}}`, y, f, ""},
		"a key that does not hold":    {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`, f, f, ""},
		"a key that is not known":     {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}}`, u, f, "aws:SourceVpc"},
		"an unknown key elsewhere":    {`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}},{"Effect":"Allow","Action":"ecs:*","Resource":"*"}`, y, f, ""},
		"a plain allow beside it":     {`{"Effect":"Allow","Action":"ecs:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}},{"Effect":"Allow","Action":"ecs:*","Resource":"*"}`, y, f, ""},
		"a plain deny beside it":      {`{"Effect":"Deny","Action":"ecs:*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}},{"Effect":"Deny","Action":"ecs:Poll","Resource":"*"}`, f, y, ""},
		"a deny under an unknown key": {`{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEqualsIfExists":{"aws:SourceVpc":"vpc-1"}}}`, y, u, "aws:SourceVpc"},
		"a tag that is not there":     {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/stage":"prod"}}}`, f, f, ""},
		"a tag that must not be":      {`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Null":{"aws:PrincipalTag/stage":true}}}`, f, y, ""},
		"a tag, if it exists":         {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEqualsIfExists":{"aws:PrincipalTag/stage":"prod"}}}`, y, f, ""},
		"a variable":                  {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:ecs:*:*:container-instance/${aws:PrincipalTag/team}/*"}`, y, f, ""},
		"a variable of another value": {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:ecs:*:*:container-instance/x${aws:PrincipalTag/team}/*"}`, f, f, ""},
		"a variable without a value":  {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:ecs:*:*:container-instance/${aws:PrincipalTag/none}/*"}`, f, f, ""},
		"a variable with a default":   {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:ecs:*:*:container-instance/${aws:PrincipalTag/none, 'web'}/*"}`, y, f, ""},
		"an unknown variable":         {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:ecs:*:*:container-instance/${aws:userid}/*"}`, u, f, "aws:userid"},
		"an ARN's parts":              {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ArnLike":{"ecs:cluster":"arn:aws:ecs:*:*:cluster/p*"}}}`, y, f, ""},
		"a date to come":              {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}}}`, y, f, ""},
		"a date gone by":              {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}}}`, f, f, ""},
		"all of several values":       {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b","c"]}}}`, y, f, ""},
		"not all of several values":   {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}}}`, f, f, ""},
		"any of several values":       {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAnyValue:StringLike":{"aws:TagKeys":["b*"]}}}`, y, f, ""},
		"an operator of the future":   {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"GeoWithin":{"aws:RequestedRegion":"europe"}}}`, u, f, "aws:RequestedRegion"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			document, err := policydocument.Parse(`{"Statement":[` + test.statements + `]}`)
			if err != nil {
				t.Fatal(err)
			}
			reading := policydocument.Read([]policydocument.Document{document}, policydocument.Request{
				Action: "ecs:Poll", Resource: "arn:aws:ecs:us-east-1:123456789012:container-instance/web/1", Context: known,
			})
			keys := strings.Join(slices.Concat(reading.AllowKeys, reading.DenyKeys), " ")
			if reading.Allowed != test.allowed || reading.Denied != test.denied || keys != test.keys {
				t.Errorf("got allowed %v, denied %v, keys %q, want %v, %v, %q", reading.Allowed, reading.Denied, keys, test.allowed, test.denied, test.keys)
			}
		})
	}
}

func TestOverlap(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"*", "", true}, {"", "", true}, {"", "a", false}, {"a*", "*b", true}, {"a*c", "ab?", true}, {"a?", "a", false}, {"**", "*", true},
		{"arn:aws:s3:::other/*", "arn:aws:s3:::config/*", false}, {"arn:aws:s3:::config/prod/*", "arn:aws:s3:::config/*", true},
		{"arn:aws:ecs:*:123456789012:*/prod*", "arn:aws:ecs:*:123456789012:cluster/*", true},
		{"arn:aws:ecs:*:999999999999:*", "arn:aws:ecs:*:123456789012:cluster/*", false},
	} {
		if got, back := policydocument.Overlap(test.a, test.b), policydocument.Overlap(test.b, test.a); got != test.want || back != got {
			t.Errorf("%q and %q: got %v and %v, want %v", test.a, test.b, got, back, test.want)
		}
	}
}

// FuzzOverlap: patterns that match one text overlap.
func FuzzOverlap(f *testing.F) {
	f.Add("a*b?", "*", "aXbc")
	f.Fuzz(func(t *testing.T, a, b, text string) {
		if len(a)+len(b)+len(text) > 60 {
			return
		}
		matches := func(pattern string) bool {
			document, err := policydocument.Parse(`{"Statement":{"Effect":"Allow","Action":"a:b","Resource":[]}}`)
			if err != nil {
				t.Fatal(err)
			}
			document.Statement[0].Resource = []string{pattern}
			truth, _ := document.Statement[0].AppliesTo(policydocument.Request{Action: "a:b", Resource: text})
			return truth == policydocument.True
		}
		if strings.Contains(a+b, "${") || strings.Count(a, ":")+strings.Count(b, ":")+strings.Count(text, ":") > 0 {
			return
		}
		if matches(a) && matches(b) && !policydocument.Overlap(a, b) {
			t.Errorf("%q and %q both match %q", a, b, text)
		}
	})
}
