package metric_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/metric"
)

var started = time.UnixMilli(1_700_000_000_123)

// line is one document of the embedded metric format, and all its fields.
type line struct {
	AWS struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
	fields map[string]any
}

// written gives the lines of a run, each held against the format's
// specification: every dimension is a text, every metric a number or up to 100.
func written(t *testing.T, run metric.Run) []line {
	t.Helper()
	var output bytes.Buffer
	if err := metric.Write(&output, run); err != nil {
		t.Fatal(err)
	}
	var lines []line
	for text := range bytes.Lines(output.Bytes()) {
		var of line
		if err := json.Unmarshal(text, &of); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &of.fields); err != nil {
			t.Fatal(err)
		}
		if _, metrics := of.fields["_aws"]; !metrics && len(lines) > 0 {
			lines = append(lines, of)
			continue
		}
		if of.AWS.Timestamp != run.Started.UnixMilli() || len(of.AWS.CloudWatchMetrics) != 1 || of.AWS.CloudWatchMetrics[0].Namespace != metric.Namespace {
			t.Fatalf("metadata %+v", of.AWS)
		}
		if dimensions := of.AWS.CloudWatchMetrics[0].Dimensions; !reflect.DeepEqual(dimensions, [][]string{{"Stack"}}) {
			t.Errorf("the metrics have the dimensions %v, and each set is paid for", dimensions)
		}
		for _, dimension := range of.AWS.CloudWatchMetrics[0].Dimensions[0] {
			if text, ok := of.fields[dimension].(string); !ok || text == "" {
				t.Errorf("dimension %s has no value", dimension)
			}
		}
		for _, declared := range of.AWS.CloudWatchMetrics[0].Metrics {
			switch value := of.fields[declared.Name].(type) {
			case float64:
			case []any:
				if len(value) == 0 || len(value) > 100 {
					t.Errorf("metric %s has %d values", declared.Name, len(value))
				}
			default:
				t.Errorf("metric %s has no value", declared.Name)
			}
		}
		lines = append(lines, of)
	}
	return lines
}

func TestWrite(t *testing.T) {
	lines := written(t, metric.Run{
		Stack: "s", Function: "attach-policies", Mode: finding.Enforce,
		Looks: []metric.Look{
			{
				Result: finding.Result{Status: finding.Remediated, Findings: []finding.Finding{
					{Code: "capability-missing", Severity: finding.Info, Cured: true}, {Code: "undo-done", Severity: finding.Info},
				}},
				Occurred: started.Add(-70 * time.Second),
				Measured: []metric.Measurement{{Name: "SecretAge", Unit: "None", Value: 3}, {Name: "RotationOverdue", Unit: "Count", Value: 1, Metric: true}},
			},
			{Result: finding.Result{Status: finding.Compliant}, Occurred: started, Measured: []metric.Measurement{{Name: "SecretAge", Unit: "None", Value: 40}}},
			{Result: finding.Result{Status: finding.Compliant}},
			{Result: finding.Result{Status: finding.Failed, Findings: []finding.Finding{{Code: "call-retried", Severity: finding.Error}}}, Occurred: started},
			{Result: finding.Result{Status: finding.Noncompliant, Findings: []finding.Finding{{Code: "capability-missing", Severity: finding.Error}}}, Occurred: started},
		},
		Started: started,
		Ended:   started.Add(1500 * time.Microsecond),
	})
	want := []map[string]any{
		{
			"Stack": "s", "Function": "attach-policies", "Mode": "enforce", "Duration": 1.5, "Findings": 2.0,
			"Compliant": 2.0, "Remediated": 1.0, "Planned": 0.0, "Noncompliant": 1.0, "Skipped": 0.0, "Failed": 1.0,
			"TimeToRemedy": []any{70.0015}, "SecretAge": []any{3.0, 40.0}, "RotationOverdue": []any{1.0},
		},
		{"Stack": "s", "Function": "attach-policies", "Mode": "enforce", "Code": "call-retried", "FindingsByCode": 1.0},
		{"Stack": "s", "Function": "attach-policies", "Mode": "enforce", "Code": "capability-missing", "FindingsByCode": 2.0},
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d", len(lines), len(want))
	}
	for i, of := range lines {
		delete(of.fields, "_aws")
		if !reflect.DeepEqual(of.fields, want[i]) {
			t.Errorf("line %d is %v, want %v", i, of.fields, want[i])
		}
	}
	if declared := lines[0].AWS.CloudWatchMetrics[0].Metrics; len(declared) != 2 || declared[0].Name != "Findings" || declared[1].Name != "RotationOverdue" {
		t.Errorf("the metrics %v are declared", declared)
	}
}

func TestTimeToRemedy(t *testing.T) {
	remediated := func(times ...time.Time) metric.Run {
		run := metric.Run{Function: "f", Started: started, Ended: started}
		for _, occurred := range times {
			run.Looks = append(run.Looks, metric.Look{Result: finding.Result{Status: finding.Remediated}, Occurred: occurred})
		}
		return run
	}
	tests := map[string]struct {
		run  metric.Run
		want any
	}{
		"nobody knows":  {remediated(time.Time{}), nil},
		"a sample's":    {remediated(started.AddDate(-1, 0, 0)), nil},
		"clocks differ": {remediated(started.Add(time.Second)), []any{0.0}},
		"two":           {remediated(started.Add(-time.Minute), time.Time{}, started.Add(-time.Hour)), []any{60.0, 3600.0}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := written(t, test.run)[0].fields["TimeToRemedy"]; !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	var many []time.Time
	for range 250 {
		many = append(many, started.Add(-time.Second))
	}
	if got := written(t, remediated(many...))[0].fields["TimeToRemedy"].([]any); len(got) != 100 {
		t.Errorf("%d values", len(got))
	}
}
