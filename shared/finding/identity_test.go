package finding_test

import (
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

func TestIdentify(t *testing.T) {
	id := func(subject string, findings ...finding.Finding) string {
		return finding.Identify("validate-config", finding.Result{Subject: subject, Findings: findings})
	}
	broken := finding.Finding{Code: "auth-data-shape", Severity: finding.Error}
	odd := finding.Finding{Code: "line-ignored", Severity: finding.Warning}
	cured := finding.Finding{Code: "auth-data-shape", Severity: finding.Info, Cured: true}
	note := finding.Finding{Code: "note", Severity: finding.Info}

	object := "s3://acme/prod/ecs.config?versionId="
	tests := map[string]struct {
		a, b string
		same bool
	}{
		"another version":               {id(object+"1", broken), id(object+"2", broken), true},
		"another revision":              {id("arn:aws:ecs:eu-west-1:1:task-definition/web:7", broken), id("arn:aws:ecs:eu-west-1:1:task-definition/web:8", broken), true},
		"another revision by name":      {id("web:7", broken), id("web:8", broken), true},
		"another family":                {id("web:7", broken), id("api:7", broken), false},
		"a secret's ARN is no revision": {id("arn:aws:secretsmanager:eu-west-1:1:secret:a:1", broken), id("arn:aws:secretsmanager:eu-west-1:1:secret:a:2", broken), false},
		"another object":                {id("s3://acme/a", broken), id("s3://acme/b", broken), false},
		"another problem":               {id("role", broken), id("role", odd), false},
		"a lesser problem beside it":    {id("role", broken), id("role", odd, note, broken), true},
		"cured since":                   {id("role", broken), id("role", note, cured), true},
		"another function":              {id("role", broken), finding.Identify("sweep", finding.Result{Subject: "role", Findings: []finding.Finding{broken}}), false},
		"nothing wrong begins alike":    {id("role"), strings.TrimSuffix(id("role", broken), ".auth-data-shape"), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if (test.a == test.b) != test.same {
				t.Errorf("%s and %s", test.a, test.b)
			}
		})
	}
}

func TestDecideWithoutMandate(t *testing.T) {
	lacks := finding.Finding{Code: "capability-missing", Severity: finding.Error}
	withheld := lacks
	withheld.Withheld = true
	refused := finding.NoMandate("attach the policy P to the role R", "its name does not match InstanceRolePattern.", "Tag it.")
	tests := map[string]struct {
		findings []finding.Finding
		want     finding.Status
	}{
		"all withheld":                      {[]finding.Finding{withheld, refused}, finding.Planned},
		"something else stands":             {[]finding.Finding{withheld, refused, {Code: "trust", Severity: finding.Error}}, finding.Noncompliant},
		"only something to know beside it":  {[]finding.Finding{withheld, refused, {Code: "note", Severity: finding.Info}}, finding.Planned},
		"the same finding without a remedy": {[]finding.Finding{lacks}, finding.Noncompliant},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, mode := range []finding.Mode{finding.Enforce, finding.DryRun} {
				if got := finding.Decide(mode, test.findings, nil); got != test.want {
					t.Errorf("%s: got %s, want %s", mode, got, test.want)
				}
			}
		})
	}
}

// TestGravest: each result with a finding has one that is named first, also where all
// of them are cured.
func TestGravest(t *testing.T) {
	made := func(code string, severity finding.Severity, isCured bool) finding.Finding {
		return finding.Finding{Code: code, Severity: severity, Cured: isCured}
	}
	for name, test := range map[string]struct {
		findings []finding.Finding
		want     string
	}{
		"none":                           {nil, ""},
		"a cured error alone":            {[]finding.Finding{made("a", finding.Error, true)}, "a"},
		"a cured error before an info":   {[]finding.Finding{made("a", finding.Error, true), made("b", finding.Info, false)}, "a"},
		"a cured error before a warning": {[]finding.Finding{made("a", finding.Error, true), made("b", finding.Warning, false)}, "a"},
		"a cured info before an info":    {[]finding.Finding{made("a", finding.Info, false), made("b", finding.Info, true)}, "b"},
		"an error after a warning":       {[]finding.Finding{made("a", finding.Warning, false), made("b", finding.Error, false)}, "b"},
		"the first of several":           {[]finding.Finding{made("a", finding.Warning, false), made("b", finding.Warning, false)}, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			gravest, found := finding.Result{Findings: test.findings}.Gravest()
			if gravest.Code != test.want || found != (test.want != "") {
				t.Errorf("got %q, %v", gravest.Code, found)
			}
		})
	}
}
