package taskdef

import (
	"context"

	"ecsguardrails/shared/finding"
)

// Verdict is what was found about a definition that is not registered yet, and
// what is to be changed.
type Verdict struct {
	Findings []finding.Finding
	Edits    []Edit
}

// Judge runs the same plan as for a registered definition. Observer looks at the
// account; it is nil where nobody can.
func (s Settings) Judge(ctx context.Context, observed Observation, observer *Observer) (Verdict, error) {
	unregistered := *observed.Unregistered
	unregistered.secretsUnknown = observer == nil && len(observed.Secrets) == 0
	unregistered.accountUnknown = observer != nil && observer.Account == ""
	observed.Unregistered = &unregistered
	if observer != nil {
		observer.Settings = s
		if err := observer.complete(ctx, &observed); err != nil {
			return Verdict{}, err
		}
	}
	j := s.run(observed)
	return Verdict{Findings: j.findings, Edits: j.edits}, nil
}
