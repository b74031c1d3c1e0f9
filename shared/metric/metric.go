// Package metric writes an invocation's numbers in CloudWatch's embedded metric
// format: JSON lines on standard output, no API call.
package metric

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// Namespace is where CloudWatch files the metrics, by stack alone: each set of
// dimensions is a metric of its own, and each is paid for. Everything else is a
// field of the same log line, which Logs Insights finds.
const Namespace = "ECSGuardrails"

// Names of the numbers beside those that count statuses.
const (
	// Findings counts the errors and warnings that stand; it is a metric.
	Findings = "Findings"
	// Duration is what the invocation took, in milliseconds.
	Duration = "Duration"
	// TimeToRemedy is the time from what an event says about until it was cured, in
	// seconds: CloudTrail's or the queue's delay included.
	TimeToRemedy = "TimeToRemedy"
	// FindingsByCode counts the errors and warnings of one code, also those that
	// were cured at once.
	FindingsByCode = "FindingsByCode"
)

// statusField names the field that counts each status.
var statusField = map[finding.Status]string{
	finding.Compliant:    "Compliant",
	finding.Remediated:   "Remediated",
	finding.Planned:      "Planned",
	finding.Noncompliant: "Noncompliant",
	finding.Skipped:      "Skipped",
	finding.Failed:       "Failed",
}

const (
	// maxValues is how many values of a metric one line may have (CloudWatch user
	// guide, "Embedded metric format specification", metric values).
	maxValues = 100
	// maxAge is when an event is too old to have waited: a queue keeps messages
	// for four days, a dead-letter queue for fourteen. Older ones are samples.
	maxAge = 14 * 24 * time.Hour
)

// Measurement is a number of a function's own.
type Measurement struct {
	Name string
	// Unit is one of CloudWatch's, as in "Seconds"; "None" for days, which it
	// does not know.
	Unit  string
	Value float64
	// Metric makes it a metric of CloudWatch, for an alarm; otherwise it is a field.
	Metric bool
}

// Run is one invocation.
type Run struct {
	// Stack tells stacks of one account and region apart.
	Stack    string
	Function string
	Mode     finding.Mode
	Looks    []Look
	// Started and Ended bound the invocation.
	Started, Ended time.Time
}

// Look is the outcome for one subject.
type Look struct {
	Result finding.Result
	// Occurred is when what woke the function happened; zero if that is unknown.
	Occurred time.Time
	// Measured are the function's own numbers.
	Measured []Measurement
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

// Write writes one line for the run (CloudWatch user guide, "Embedded metric
// format specification"): how many findings stand, zero included so that alarms
// see recovery; how many subjects ended in each status; the duration; the times to
// remedy and the function's own numbers, where there are any. One more line for
// each code that was found.
func Write(output io.Writer, run Run) error {
	values := map[string]any{
		Duration: float64(run.Ended.Sub(run.Started).Microseconds()) / 1000,
	}
	statuses := map[finding.Status]int{}
	for _, look := range run.Looks {
		statuses[look.Result.Status]++
	}
	for _, status := range finding.Statuses() {
		values[statusField[status]] = statuses[status]
	}
	standing, byCode := run.findings()
	values[Findings] = standing
	if times := run.timesToRemedy(); len(times) > 0 {
		values[TimeToRemedy] = times
	}
	metrics := append([]definition{{Findings, "Count"}}, run.measured(values)...)
	if err := run.line(output, metrics, values); err != nil {
		return err
	}
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		if err := run.line(output, nil, map[string]any{"Code": code, FindingsByCode: byCode[code]}); err != nil {
			return err
		}
	}
	return nil
}

// findings counts the findings that stand, and those of each code.
func (r Run) findings() (standing int, byCode map[string]int) {
	byCode = map[string]int{}
	for _, look := range r.Looks {
		for _, f := range look.Result.Findings {
			if f.Severity != finding.Info {
				standing++
			}
			if f.Severity != finding.Info || f.Cured {
				byCode[f.Code]++
			}
		}
	}
	return standing, byCode
}

// measured adds the function's own numbers to the values, and defines those that
// are metrics.
func (r Run) measured(values map[string]any) []definition {
	var definitions []definition
	numbers := map[string][]float64{}
	for _, look := range r.Looks {
		for _, m := range look.Measured {
			if _, known := numbers[m.Name]; !known && m.Metric {
				definitions = append(definitions, definition{m.Name, m.Unit})
			}
			if len(numbers[m.Name]) < maxValues {
				numbers[m.Name] = append(numbers[m.Name], m.Value)
			}
		}
	}
	for name, all := range numbers {
		values[name] = all
	}
	return definitions
}

// timesToRemedy are in seconds, of the results that were remedied.
func (r Run) timesToRemedy() []float64 {
	var times []float64
	for _, look := range r.Looks {
		waited := r.Ended.Sub(look.Occurred)
		if look.Occurred.IsZero() || look.Result.Status != finding.Remediated || waited > maxAge || len(times) == maxValues {
			continue
		}
		// The clocks of two machines differ a little.
		times = append(times, max(0, waited.Seconds()))
	}
	return times
}

// line writes the values as one line, with those metrics that are among them.
// Function and mode stand beside the dimension, so that Logs Insights finds them,
// and cost nothing there.
func (r Run) line(output io.Writer, metrics []definition, values map[string]any) error {
	line := map[string]any{
		"Stack":    cmp.Or(r.Stack, "none"),
		"Function": r.Function,
		"Mode":     r.Mode,
	}
	if len(metrics) > 0 {
		line["_aws"] = map[string]any{
			"Timestamp":         r.Started.UnixMilli(),
			"CloudWatchMetrics": []directive{{Namespace, [][]string{{"Stack"}}, metrics}},
		}
	}
	maps.Copy(line, values)
	marshalled, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("marshal metrics: %w", err)
	}
	if _, err := output.Write(append(marshalled, '\n')); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}
