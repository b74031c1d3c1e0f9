// Package publish tells people and other systems of what a function found, by
// events on an EventBridge bus.
package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"ecsguardrails/shared/finding"
)

const (
	// Source and DetailType are what rules match findings by.
	Source     = "ecs-guardrails"
	DetailType = "ECS Guardrails Finding"

	// batchSize is PutEvents' limit of entries in a call.
	batchSize = 10
	// maxDetail keeps ten entries below PutEvents' 256 KiB for a whole call,
	// with room for the other fields; a larger result loses findings from the
	// event, never from the log.
	maxDetail = 24 << 10
)

// EventPutter is the part of EventBridge's client that publishing needs.
type EventPutter interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// detail is the published document: one result with its function and mode.
type detail struct {
	Function string       `json:"function"`
	Mode     finding.Mode `json:"mode"`
	finding.Result
}

// Findings publishes each newsworthy result of a report to the bus (name or
// ARN), in as few calls as PutEvents allows. An entry that EventBridge refuses
// alone is an error with its code.
func Findings(ctx context.Context, client EventPutter, bus string, report finding.Report) error {
	var entries []types.PutEventsRequestEntry
	for _, result := range report.Results {
		if !result.Newsworthy() {
			continue
		}
		body, err := fitting(report, result)
		if err != nil {
			return fmt.Errorf("describe the finding on %s: %w", result.Subject, err)
		}
		entries = append(entries, types.PutEventsRequestEntry{
			EventBusName: aws.String(bus),
			Source:       aws.String(Source),
			DetailType:   aws.String(DetailType),
			Detail:       aws.String(string(body)),
		})
	}
	var errs []error
	for batch := range slices.Chunk(entries, batchSize) {
		output, err := client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: batch})
		if err != nil {
			errs = append(errs, fmt.Errorf("publish %d findings to bus %s: %w", len(batch), bus, err))
			continue
		}
		for _, entry := range output.Entries {
			if code := aws.ToString(entry.ErrorCode); code != "" {
				errs = append(errs, fmt.Errorf("publish a finding to bus %s: %w", bus,
					&smithy.GenericAPIError{Code: code, Message: aws.ToString(entry.ErrorMessage)}))
			}
		}
	}
	return errors.Join(errs...)
}

// fitting marshals a result, with fewer findings and actions until it fits.
func fitting(report finding.Report, result finding.Result) ([]byte, error) {
	for limit := max(len(result.Findings), len(result.Actions), 1); ; limit /= 2 {
		fewer := result.Capped(limit)
		fewer.Actions = result.Actions[:min(limit, len(result.Actions))]
		body, err := json.Marshal(detail{report.Function, report.Mode, fewer})
		if err != nil || len(body) <= maxDetail || limit == 1 {
			return body, err
		}
	}
}
