// Package metric writes a report's numbers in CloudWatch's embedded metric
// format: one JSON line on standard output, no API call.
package metric

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"ecsguardrails/shared/finding"
)

// namespace is where CloudWatch files the metrics, by function and mode.
const namespace = "ECSGuardrails"

// Names of the metrics beside those that count statuses.
const (
	findings = "Findings"
	duration = "Duration"
)

// statusMetric names the metric that counts each status.
var statusMetric = map[finding.Status]string{
	finding.Compliant:    "Compliant",
	finding.Remediated:   "Remediated",
	finding.Planned:      "Planned",
	finding.Noncompliant: "Noncompliant",
	finding.Skipped:      "Skipped",
	finding.Failed:       "Failed",
}

type definition struct {
	Name string `json:"Name"`
	Unit string `json:"Unit"`
}

type directive struct {
	Namespace  string       `json:"Namespace"`
	Dimensions [][]string   `json:"Dimensions"`
	Metrics    []definition `json:"Metrics"`
}

// Write writes one line for a report that took elapsed, as of now
// (CloudWatch user guide, "Embedded metric format specification"): how many
// subjects ended in each status, zeros included so that alarms see recovery;
// how many findings stand; and the duration in milliseconds.
func Write(output io.Writer, report finding.Report, now time.Time, elapsed time.Duration) error {
	values := map[string]int{findings: 0}
	metrics := []definition{{findings, "Count"}, {duration, "Milliseconds"}}
	for _, status := range finding.Statuses() {
		name := statusMetric[status]
		values[name] = 0
		metrics = append(metrics, definition{name, "Count"})
	}
	for _, result := range report.Results {
		values[statusMetric[result.Status]]++
		for _, f := range result.Findings {
			if f.Severity != finding.Info {
				values[findings]++
			}
		}
	}
	line := map[string]any{
		"_aws": map[string]any{
			"Timestamp":         now.UnixMilli(),
			"CloudWatchMetrics": []directive{{namespace, [][]string{{"Function", "Mode"}}, metrics}},
		},
		"Function": report.Function,
		"Mode":     report.Mode,
		duration:   float64(elapsed.Microseconds()) / 1000,
	}
	for name, value := range values {
		line[name] = value
	}
	marshalled, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("marshal metrics: %w", err)
	}
	if _, err := output.Write(append(marshalled, '\n')); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}
