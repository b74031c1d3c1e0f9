package mute_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/mute"
	"github.com/ecs-guardrails/ecs-guardrails/shared/owner"
)

var now = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)

func list(t testing.TB, text string) mute.List {
	t.Helper()
	parsed, err := mute.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func result(subject string, status finding.Status, codes ...string) finding.Result {
	r := finding.Result{Subject: subject, Status: status, Owner: owner.Owner{Tool: owner.Terraform}}
	for _, code := range codes {
		severity := finding.Warning
		if code == "role-for-trunking" {
			severity = finding.Info
		}
		r.Findings = append(r.Findings, finding.Finding{Code: code, Severity: severity, Message: "m", Fix: "f"})
	}
	return r
}

func TestApply(t *testing.T) {
	const family = "arn:aws:ecs:us-east-1:123456789012:task-definition/web"
	for title, test := range map[string]struct {
		mutes  string
		result finding.Result
		kept   string
		hidden bool
		ended  int
	}{
		"subject and code":        {`{"subject":"role/web","code":"policy-retired","reason":"r","until":"2026-12-31"}`, result("role/web", finding.Noncompliant, "policy-retired"), "", true, 0},
		"another subject":         {`{"subject":"role/web","code":"policy-retired","reason":"r","until":"2026-12-31"}`, result("role/web2", finding.Noncompliant, "policy-retired"), "policy-retired", false, 0},
		"another code":            {`{"subject":"role/web","code":"policy-retired","reason":"r","until":"2026-12-31"}`, result("role/web", finding.Noncompliant, "trust-too-wide"), "trust-too-wide", false, 0},
		"patterns":                {`{"subject":"role/legacy-*","code":"policy-*","reason":"r","until":"2026-12-31"}`, result("role/legacy-a", finding.Noncompliant, "policy-retired", "trust-too-wide"), "trust-too-wide", false, 0},
		"a code anywhere":         {`{"code":"policy-retired","reason":"r","until":"2026-12-31"}`, result("role/web", finding.Noncompliant, "policy-retired", "role-for-trunking"), "role-for-trunking", true, 0},
		"an owner":                {`{"owner":"Terraform*","reason":"r","until":"2026-12-31"}`, result("role/web", finding.Noncompliant, "policy-retired"), "", true, 0},
		"another owner":           {`{"owner":"Pulumi*","reason":"r","until":"2026-12-31"}`, result("role/web", finding.Noncompliant, "policy-retired"), "policy-retired", false, 0},
		"a version of an object":  {`{"subject":"s3://acme/ecs.config","reason":"r","until":"2026-12-31"}`, result("s3://acme/ecs.config?versionId=v1", finding.Noncompliant, "value-quoted"), "", true, 0},
		"a revision":              {`{"subject":"` + family + `","reason":"r","until":"2026-12-31"}`, result(family+":7", finding.Noncompliant, "image-absent"), "", true, 0},
		"planned":                 {`{"subject":"role/web","reason":"r","until":"2026-12-31"}`, result("role/web", finding.Planned, "no-mandate"), "", true, 0},
		"the last day":            {`{"subject":"role/web","reason":"r","until":"2026-11-30"}`, result("role/web", finding.Noncompliant, "policy-retired"), "", true, 0},
		"ended":                   {`{"subject":"role/web","reason":"r","until":"2026-11-29"}`, result("role/web", finding.Noncompliant, "policy-retired"), "policy-retired", false, 1},
		"ended and renewed":       {`{"subject":"role/web","reason":"r","until":"2026-11-29"},{"subject":"role/*","reason":"r","until":"2027-11-29"}`, result("role/web", finding.Noncompliant, "policy-retired"), "", true, 0},
		"what was changed":        {`{"subject":"role/web","reason":"r","until":"2026-12-31"}`, result("role/web", finding.Remediated, "policy-retired"), "policy-retired", false, 0},
		"what could not be found": {`{"subject":"role/web","reason":"r","until":"2026-12-31"}`, result("role/web", finding.Failed, "access-denied"), "access-denied", false, 0},
	} {
		t.Run(title, func(t *testing.T) {
			split := list(t, `{"mutes":[`+test.mutes+`]}`).Apply(test.result, now)
			var kept []string
			for _, f := range split.Findings {
				kept = append(kept, f.Code)
			}
			if got := strings.Join(kept, " "); got != test.kept || split.Hidden != test.hidden || len(split.Ended) != test.ended {
				t.Errorf("kept %q, hidden %t, ended %v", got, split.Hidden, split.Ended)
			}
			if len(split.Muted)+len(split.Findings) != len(test.result.Findings) {
				t.Errorf("of %d findings %d are muted and %d are left", len(test.result.Findings), len(split.Muted), len(split.Findings))
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                           "mute.json is not",
		`[]`:                         "mute.json is not",
		`{"mutes":[{"subjct":"a"}]}`: `unknown field "subjct"`,
		`{"mutes":[]} x`:             "goes on after",
		`{"mutes":[{"subject":"a","reason":"r","until":"2027-01-01"},{"reason":"r","until":"2027-01-01"}]}`:                                               "entry 2 of mute.json: it would mute everything",
		`{"mutes":[{"subject":"*","code":"*","reason":"r","until":"2027-01-01"}]}`:                                                                        "mute everything",
		`{"mutes":[{"subject":"a","until":"2027-01-01"}]}`:                                                                                                "no reason",
		`{"mutes":[{"subject":"a","reason":" ","until":"2027-01-01"}]}`:                                                                                   "no reason",
		`{"mutes":[{"subject":"a","reason":"r"}]}`:                                                                                                        "until is not a day",
		`{"mutes":[{"subject":"a","reason":"r","until":"2027-13-01"}]}`:                                                                                   "until is not a day",
		`{"mutes":[{"subject":"` + strings.Repeat("a", 1300) + `","reason":"r","until":"2027-01-01"}]}`:                                                   "longer than",
		strings.Repeat(" ", 300<<10):                                                                                                                      "larger than",
		`{"mutes":[` + strings.Repeat(`{"subject":"a","reason":"r","until":"2027-01-01"},`, 1000) + `{"subject":"a","reason":"r","until":"2027-01-01"}]}`: "more than 1000",
	} {
		if _, err := mute.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", text, err, want)
		}
	}
}

func TestEnded(t *testing.T) {
	mutes := list(t, `{"mutes":[{"subject":"a","reason":"moved","until":"2026-11-29"},{"subject":"b","reason":"r","until":"2026-11-30"}]}`)
	ended := mutes.Ended(now)
	if len(ended) != 1 || ended[0].String() != "subject a (moved; until 2026-11-29)" {
		t.Errorf("%v", ended)
	}
}

type bucket struct {
	body string
	err  error
}

func (b bucket) GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader(b.body))}, b.err
}

func TestRead(t *testing.T) {
	for title, test := range map[string]struct {
		from    bucket
		mutes   int
		problem string
	}{
		"a list":      {bucket{body: `{"mutes":[{"subject":"a","reason":"r","until":"2027-01-01"}]}`}, 1, ""},
		"none":        {bucket{err: &smithy.GenericAPIError{Code: "NoSuchKey"}}, 0, ""},
		"denied":      {bucket{err: &smithy.GenericAPIError{Code: "AccessDenied"}}, 0, "s3://reports/mute.json can't be read, so nothing is muted"},
		"cut off":     {bucket{err: errors.New("reset")}, 0, "can't be read"},
		"a wrong one": {bucket{body: `{"mutes":[{"subject":"a"}]}`}, 0, "nothing is muted, because of a mistake in s3://reports: entry 1 of mute.json"},
	} {
		got := mute.Read(t.Context(), test.from, "reports")
		if len(got.Mutes) != test.mutes || !strings.Contains(got.Problem, test.problem) || (test.problem == "") != (got.Problem == "") {
			t.Errorf("%s: %+v", title, got)
		}
	}
	if got := mute.Read(t.Context(), bucket{err: errors.New("called")}, ""); got.Problem != "" {
		t.Errorf("without a bucket: %+v", got)
	}
}

// FuzzParse holds what is read to its form: it can be written and read again, and
// nothing in it mutes everything.
func FuzzParse(f *testing.F) {
	f.Add(`{"mutes":[{"subject":"role/*","code":"policy-retired","owner":"Terraform*","reason":"r","until":"2027-01-01"}]}`)
	f.Add(`{"mutes":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := mute.Parse([]byte(text))
		if err != nil {
			return
		}
		written, err := json.Marshal(parsed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := mute.Parse(written); err != nil {
			t.Errorf("%s: %v", written, err)
		}
		split := parsed.Apply(finding.Result{Status: finding.Noncompliant, Findings: []finding.Finding{{Code: "", Severity: finding.Error}}}, now)
		for _, m := range parsed.Mutes {
			if split.Hidden && strings.Trim(m.Subject+m.Code+m.Owner, "* ") == "" {
				t.Errorf("%s mutes everything", written)
			}
		}
	})
}
