package rotation

import (
	"slices"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/metric"
)

// Names of the metrics.
const (
	// Rotations counts secrets whose new credential became the current one.
	Rotations = "Rotations"
	// SecretAge is how many days ago a secret got its current credential; sweep
	// has it measured, secret by secret, so that its maximum is the oldest one's.
	SecretAge = "SecretAge"
)

// measure gives what operators look at besides findings.
func measure(o Observation, result finding.Result) []metric.Measurement {
	switch {
	case slices.ContainsFunc(result.Actions, func(a finding.Action) bool { return a.Kind == string(Promote) && a.Applied }):
		return []metric.Measurement{{Name: Rotations, Unit: "Count", Value: 1}}
	case o.Step == Review && o.Tags[DriverTag] != "" && !o.lastRotation().IsZero():
		return []metric.Measurement{{Name: SecretAge, Unit: "None", Value: o.Now.Sub(o.lastRotation()).Hours() / 24}}
	}
	return nil
}
