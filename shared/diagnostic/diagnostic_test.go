package diagnostic_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnostic"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
)

var update = flag.Bool("update", false, "write the golden files again")

const canary = "hunter-canary"

var rules = []finding.Code{{Code: "known", Cause: "a cause", Cure: "a cure"}}

// sources have every kind of place: none, the first and the last column, behind
// tabs and characters of several bytes, in a long line, beyond the file.
func sources() []diagnostic.Source {
	content := "A=1\n\tB=\u00fc\u20ac" + canary + "\r\n" + strings.Repeat("x", 200) + "!" + strings.Repeat("y", 200) + "\n\x01\xff=\x7f\n"
	long := 201
	return []diagnostic.Source{
		{
			Name: "prod/ecs config.txt", Content: []byte(content),
			Masked: []byte(strings.ReplaceAll(content, canary, strings.Repeat("*", len(canary)))),
			Findings: []finding.Finding{
				{Code: "known", Severity: finding.Info, Message: "about the file"},
				{Code: "known", Severity: finding.Error, Message: "first column", Fix: "write something else", Line: 1, Column: 1, Variable: "A"},
				{Code: "unknown", Severity: finding.Warning, Message: "end of the line", Line: 1, Column: 4},
				{Code: "known", Severity: finding.Warning, Message: "behind a tab and wide characters", Line: 2, Column: 9},
				{Code: "known", Severity: finding.Warning, Message: "in a long line", Line: 3, Column: long},
				{Code: "known", Severity: finding.Warning, Message: "after bytes that cannot be printed", Line: 4, Column: 3},
				{Code: "known", Severity: finding.Error, Message: "beyond the file", Line: 99, Column: 99},
			},
		},
		{Name: "/etc/fine.env"},
		{
			Name: "a\x1b[31m\nb.config:1:1: error: c\x9bd\xff", Content: []byte("A=1\n"), Masked: []byte("A=1\n"),
			Findings: []finding.Finding{{Code: "known", Severity: finding.Warning, Message: "in a file whose name is an attack", Line: 1, Column: 1}},
		},
	}
}

func TestGoldens(t *testing.T) {
	for path, write := range map[string]func(*bytes.Buffer) error{
		"testdata/findings.txt":   func(b *bytes.Buffer) error { return diagnostic.Text(b, sources()) },
		"testdata/findings.json":  func(b *bytes.Buffer) error { return diagnostic.JSON(b, "validate-config", sources()) },
		"testdata/findings.sarif": func(b *bytes.Buffer) error { return diagnostic.SARIF(b, "validate-config", rules, sources()) },
	} {
		t.Run(path, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(&got); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(got.String(), canary) {
				t.Error("the secret is shown")
			}
			// A release changes nothing here.
			shown := bytes.ReplaceAll(got.Bytes(), []byte(`"`+version.Number+`"`), []byte(`"VERSION"`))
			if *update {
				if err := os.WriteFile(path, shown, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(shown, want) {
				t.Errorf("run make update if this is meant:\n%s", shown)
			}
		})
	}
}

// TestJSONIsTheReport reads what programs read.
func TestJSONIsTheReport(t *testing.T) {
	var out bytes.Buffer
	if err := diagnostic.JSON(&out, "validate-config", sources()); err != nil {
		t.Fatal(err)
	}
	var report finding.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Results) != 3 || report.Results[0].Status != finding.Noncompliant || report.Results[1].Status != finding.Compliant {
		t.Errorf("results %+v", report.Results)
	}
	if !report.HasError() || strings.Contains(out.String(), "null") {
		t.Error("an error or a list is missing")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestABrokenWriterIsAnError(t *testing.T) {
	for name, err := range map[string]error{
		"text":  diagnostic.Text(brokenWriter{}, sources()),
		"JSON":  diagnostic.JSON(brokenWriter{}, "x", sources()),
		"SARIF": diagnostic.SARIF(brokenWriter{}, "x", nil, sources()),
	} {
		if err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
