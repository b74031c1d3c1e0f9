package taskdef

import (
	"context"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// Verdict is what was found about a definition that is not registered yet, and
// what should be changed.
type Verdict struct {
	Findings []finding.Finding
	Edits    []Edit
}

// maxWaves bounds how often a definition in a file has more read for it.
const maxWaves = 6

// Judge runs the same plan as for a registered definition. Observer looks at the
// account; it is nil where no one can.
func (s Settings) Judge(ctx context.Context, observed Observation, observer *Observer) (Verdict, error) {
	unregistered := *observed.Unregistered
	unregistered.accountUnknown = observer != nil && observer.Account == ""
	unregistered.looksAtAccount = observer != nil && len(observed.Secrets) == 0
	observed.Unregistered = &unregistered
	if observer != nil {
		observed.registries, observed.now = observer.Images != nil, observer.Now()
		for range maxWaves {
			open := s.Ask(observed)
			if len(open) == 0 {
				break
			}
			var err error
			if observed, err = observer.Answer(ctx, observed, open); err != nil {
				return Verdict{}, err
			}
		}
	}
	j := s.run(observed)
	return Verdict{Findings: j.findings, Edits: j.edits}, nil
}
