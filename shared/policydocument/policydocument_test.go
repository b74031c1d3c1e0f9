package policydocument_test

import (
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
)

func TestMatches(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true},
		{"", "", true},
		{"", "a", false},
		{"s3:Get*", "s3:getobject", true},
		{"S3:GETOBJECT", "s3:GetObject", true},
		{"s3:GetObject", "s3:GetObjectVersion", false},
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b/a/b/ecs.config", true},
		{"arn:aws:s3:::b/*/ecs.config", "arn:aws:s3:::b/a/ecs.config/ecs.config", true},
		{"arn:aws:s3:::b/?/x", "arn:aws:s3:::b/a/x", true},
		{"arn:aws:s3:::b/?/x", "arn:aws:s3:::b//x", false},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{"a[b]", "ab", false},
		{"a\nb*", "A\nB\nC", true},
	}
	for _, test := range tests {
		if got := policydocument.Matches(test.pattern, test.text); got != test.want {
			t.Errorf("%q on %q: got %v", test.pattern, test.text, got)
		}
	}
}

// TestMatchesLikePath: without a slash, path.Match has the same two wildcards.
func TestMatchesLikePath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*?]{0,8}`).Draw(t, "pattern")
		text := rapid.StringMatching(`[ab]{0,10}`).Draw(t, "text")
		want, err := path.Match(pattern, text)
		if got := policydocument.Matches(pattern, text); err != nil || got != want {
			t.Fatalf("%q on %q: got %v, want %v", pattern, text, got, want)
		}
	})
}

func TestConditionOn(t *testing.T) {
	document, err := policydocument.Parse(`{"Statement":{"Condition":{"Bool":{"AWS:SecureTransport":false},"NumericLessThan":{"s3:max-keys":["1",2]}}}}`)
	if err != nil || len(document.Statement) != 1 {
		t.Fatal(document, err)
	}
	if got := document.Statement[0].ConditionOn("aws:securetransport"); len(got) != 1 || strings.Join(got["bool"], ",") != "false" {
		t.Errorf("got %v", got)
	}
	if got := document.Statement[0].ConditionOn("s3:max-keys"); strings.Join(got["numericlessthan"], ",") != "1,2" {
		t.Errorf("got %v", got)
	}
	if got := document.Statement[0].ConditionOn("aws:PrincipalOrgID"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:*","Resource":["a","b"],"Condition":{"Bool":{"k":[true]}}}]}`)
	f.Add(`{"Statement":{"Principal":7,"NotPrincipal":null,"Action":null}}`)
	f.Fuzz(func(t *testing.T, document string) {
		parsed, err := policydocument.Parse(document)
		if err != nil {
			return
		}
		for _, s := range parsed.Statement {
			_ = s.CoversAction("s3:GetObject") && s.CoversResource("arn:aws:s3:::b/k") && len(s.ConditionOn("k")) > 0
		}
	})
}
