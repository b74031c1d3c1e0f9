package metric_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/metric"
)

func TestWrite(t *testing.T) {
	report := finding.Report{Function: "attach-policies", Mode: finding.Enforce, Results: []finding.Result{
		{Status: finding.Remediated, Findings: []finding.Finding{{Severity: finding.Error, Cured: true}, {Severity: finding.Info}}},
		{Status: finding.Compliant},
		{Status: finding.Compliant},
		{Status: finding.Failed, Findings: []finding.Finding{{Severity: finding.Error}}},
	}}
	var output bytes.Buffer
	if err := metric.Write(&output, report, time.UnixMilli(1_700_000_000_123), 1500*time.Microsecond); err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(output.Bytes(), []byte("\n")); lines != 1 {
		t.Errorf("wrote %d lines, want one", lines)
	}
	var line struct {
		AWS struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	var values map[string]any
	if err := json.Unmarshal(output.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(output.Bytes(), &values); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"Function": "attach-policies", "Mode": "enforce", "Duration": 1.5, "Findings": 2.0,
		"Compliant": 2.0, "Remediated": 1.0, "Planned": 0.0, "Noncompliant": 0.0, "Skipped": 0.0, "Failed": 1.0,
	}
	for name, value := range want {
		if values[name] != value {
			t.Errorf("%s is %v, want %v", name, values[name], value)
		}
	}
	if line.AWS.Timestamp != 1_700_000_000_123 || len(line.AWS.CloudWatchMetrics) != 1 {
		t.Fatalf("metadata %+v", line.AWS)
	}
	directive := line.AWS.CloudWatchMetrics[0]
	for _, dimension := range directive.Dimensions[0] {
		if _, ok := values[dimension].(string); !ok {
			t.Errorf("dimension %s has no value", dimension)
		}
	}
	if len(directive.Metrics) != 8 {
		t.Errorf("%d metrics are declared", len(directive.Metrics))
	}
	for _, declared := range directive.Metrics {
		if _, ok := values[declared.Name].(float64); !ok {
			t.Errorf("metric %s has no value", declared.Name)
		}
	}
}
