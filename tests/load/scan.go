package load

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/scancommand"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// Scanned is what a scan of the account cost.
type Scanned struct {
	Took time.Duration
	// Calls are those that AWS let through, Throttled those that it did not.
	Calls, Throttled, Subjects int
}

// Scan scans what the account holds from a shell, at the rates at which AWS lets
// an account call, and fails where the scan overlooks anything.
func (h Holding) Scan(ctx context.Context, account Account) (Scanned, error) {
	checkout, err := stack.Checkout()
	if err != nil {
		return Scanned{}, err
	}
	folder, err := os.MkdirTemp("", "scan-")
	if err != nil {
		return Scanned{}, fmt.Errorf("making a folder for the scan: %w", err)
	}
	defer os.RemoveAll(folder)
	program, err := scancommand.Build(ctx, checkout, folder)
	if err != nil {
		return Scanned{}, err
	}
	aws, err := limit(account.Stack.Endpoint)
	if err != nil {
		return Scanned{}, err
	}
	defer aws.Close()
	mark := account.Stack.Record.Mark()
	summary, took, err := scancommand.Run(ctx, program, account.Stack, aws.URL)
	if err != nil {
		return Scanned{}, err
	}
	result := Scanned{Took: took, Throttled: int(aws.throttled.Load())}
	for _, call := range account.Stack.Record.Since(mark) {
		if call.Caller == awscall.Person {
			result.Calls++
		}
	}
	for _, kind := range summary.Kinds {
		result.Subjects += kind.Listed
		if want := map[string]int{"roles": h.Roles, "task-definitions": h.Families, "config-objects": h.Objects}[kind.Name]; kind.Listed < want {
			return result, fmt.Errorf("of %d %s the scan found %d", want, kind.Name, kind.Listed)
		}
	}
	invalid := 0
	for _, one := range summary.Results {
		if one.Kind == "config-objects" && one.HasError() {
			invalid++
		}
		if one.Status == finding.Failed {
			return result, fmt.Errorf("the scan could not look at %s: %v", one.Subject, one.Findings)
		}
	}
	if want := every(objectCycle, 0, h.Objects); invalid != want {
		return result, fmt.Errorf("of %d invalid files the scan found %d", want, invalid)
	}
	return result, nil
}
