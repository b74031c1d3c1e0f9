package sweep

import (
	"context"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// List lists one kind to the end, without handing anything over: for a scan,
// which judges in its own process. The findings are about the list, or about the
// account.
func List(ctx context.Context, settings Settings, clients Clients, now func() time.Time, kind Kind) (Observation, []finding.Finding, error) {
	part := Part{Kind: kind}
	if kind == Account {
		// Config files are found by their keys, not by what their bucket tells a stack.
		part.Of = []Kind{Roles, TaskDefinitions}
	}
	observed, err := observer{settings, clients, clients.Region, now}.observe(ctx, part)
	if err != nil {
		return Observation{}, nil, err
	}
	if observed.Surroundings != nil {
		return observed, settings.judge(*observed.Surroundings), nil
	}
	return observed, observed.Faults, nil
}
