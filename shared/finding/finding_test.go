package finding_test

import (
	"encoding/json"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

func TestDecide(t *testing.T) {
	failure := finding.Finding{Code: "x", Severity: finding.Error}
	cured := finding.Finding{Code: "x", Severity: finding.Error, Cured: true}
	warning := finding.Finding{Code: "x", Severity: finding.Warning}
	note := finding.Finding{Code: "x", Severity: finding.Info}
	done := finding.Action{Kind: "AttachRolePolicy", Applied: true}
	undone := finding.Action{Kind: "AttachRolePolicy"}

	tests := map[string]struct {
		mode     finding.Mode
		findings []finding.Finding
		actions  []finding.Action
		want     finding.Status
	}{
		"nothing found": {finding.Enforce, nil, nil, finding.Compliant},
		"only a note":   {finding.Enforce, []finding.Finding{note}, nil, finding.Compliant},
		"bookkeeping does not make it remediated":  {finding.Enforce, nil, []finding.Action{done}, finding.Compliant},
		"bookkeeping does not make it planned":     {finding.DryRun, nil, []finding.Action{undone}, finding.Compliant},
		"error stands":                             {finding.Enforce, []finding.Finding{failure}, []finding.Action{done}, finding.Noncompliant},
		"warning stands":                           {finding.Enforce, []finding.Finding{warning}, nil, finding.Noncompliant},
		"error stands in a dry run":                {finding.DryRun, []finding.Finding{failure}, nil, finding.Noncompliant},
		"cured and applied":                        {finding.Enforce, []finding.Finding{cured}, []finding.Action{done}, finding.Remediated},
		"cured but one action missing":             {finding.Enforce, []finding.Finding{cured}, []finding.Action{done, undone}, finding.Noncompliant},
		"cured in a dry run":                       {finding.DryRun, []finding.Finding{cured}, []finding.Action{undone}, finding.Planned},
		"one cured, one standing":                  {finding.Enforce, []finding.Finding{cured, failure}, []finding.Action{done}, finding.Noncompliant},
		"one cured, one standing, in a dry run":    {finding.DryRun, []finding.Finding{cured, failure}, []finding.Action{undone}, finding.Noncompliant},
		"cured beside a note":                      {finding.Enforce, []finding.Finding{cured, note}, []finding.Action{done}, finding.Remediated},
		"a cured note alone is not news to anyone": {finding.Enforce, []finding.Finding{{Code: "x", Severity: finding.Info, Cured: true}}, []finding.Action{done}, finding.Compliant},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := finding.Decide(test.mode, test.findings, test.actions); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestHasError(t *testing.T) {
	cured := []finding.Finding{{Code: "x", Severity: finding.Error, Cured: true}}
	tests := map[string]struct {
		result finding.Result
		want   bool
	}{
		"failed without findings": {finding.Result{Status: finding.Failed}, true},
		"remediated":              {finding.Result{Status: finding.Remediated, Findings: cured}, false},
		"planned, not yet cured":  {finding.Result{Status: finding.Planned, Findings: cured}, true},
		"warning only":            {finding.Result{Status: finding.Noncompliant, Findings: []finding.Finding{{Severity: finding.Warning}}}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.result.HasError(); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if got := (finding.Report{Results: []finding.Result{test.result}}).HasError(); got != test.want {
				t.Errorf("the report says %v, want %v", got, test.want)
			}
		})
	}
}

func TestModeRefusesUnknownWords(t *testing.T) {
	for _, word := range []string{"", "off", "Enforce", "dryrun", "dry-run "} {
		var mode finding.Mode
		if err := json.Unmarshal([]byte(`"`+word+`"`), &mode); err == nil {
			t.Errorf("%q was taken as mode %q", word, mode)
		}
	}
}
