package rotation

import (
	"slices"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/metric"
)

// codeOverdue is the code of a rotation that is more than a day late.
const codeOverdue = "rotation-overdue"

// Names of what is measured.
const (
	// Rotations counts secrets whose new credential became the current one.
	Rotations = "Rotations"
	// SecretAge is how many days ago a secret got its current credential; sweep
	// has it measured, secret by secret, so that its maximum is the oldest one's.
	SecretAge = "SecretAge"
	// RotationOverdue counts looks at secrets whose rotation is more than a day late;
	// zero included, so that an alarm sees recovery.
	RotationOverdue = "RotationOverdue"
)

// measure gives what operators look at besides findings.
func measure(o Observation, result finding.Result) []metric.Measurement {
	switch {
	case slices.ContainsFunc(result.Actions, func(a finding.Action) bool { return a.Kind == string(Promote) && a.Applied }):
		return []metric.Measurement{{Name: Rotations, Unit: "Count", Value: 1}}
	case o.Step == Review && o.Tags[DriverTag] != "":
		overdue := metric.Measurement{Name: RotationOverdue, Unit: "Count", Metric: true}
		if slices.ContainsFunc(result.Findings, func(f finding.Finding) bool { return f.Code == codeOverdue }) {
			overdue.Value = 1
		}
		if o.lastRotation().IsZero() {
			return []metric.Measurement{overdue}
		}
		return []metric.Measurement{overdue, {Name: SecretAge, Unit: "None", Value: o.Now.Sub(o.lastRotation()).Hours() / 24}}
	}
	return nil
}
