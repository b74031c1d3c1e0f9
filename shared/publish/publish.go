// Package publish tells people and other systems of what a function found, by
// events on an EventBridge bus.
package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

const (
	// Source is what rules match our events by, and the others their kinds.
	Source = "ecs-guardrails"
	// FindingType is an event about one subject, for people and other systems.
	FindingType = "ECS Guardrails Finding"
	// SweepResultType is an event about the subjects of one of sweep's messages,
	// for sweep.
	SweepResultType = "ECS Guardrails Sweep Result"
	// SweepSummaryType is an event about a whole sweep.
	SweepSummaryType = "ECS Guardrails Sweep Summary"
	// ClearType is an event about subjects with which nothing is wrong, for notify.
	ClearType = "ECS Guardrails Clear"

	// batchSize is PutEvents' limit of entries in a call, and maxCall stays below
	// its 256 KiB for all of them, with room for the other fields of each.
	batchSize = 10
	maxCall   = 240 << 10
	// maxDetail lets ten entries go in one call; a larger result loses findings
	// from the event, never from the log.
	maxDetail = 24 << 10
)

// EventPutter is the part of EventBridge's client that publishing needs.
type EventPutter interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// Event is a document for the bus.
type Event struct {
	// Type is one of the detail types above.
	Type string
	// Detail is a JSON object of at most 240 KiB.
	Detail []byte
}

// detail is the published document: one result with its function and mode, and
// the message to people about it.
type detail struct {
	Version  string       `json:"version"`
	Function string       `json:"function"`
	Mode     finding.Mode `json:"mode"`
	finding.Result
	// Stack tells stacks that share a bus apart.
	Stack string `json:"stack,omitempty"`
	Text  Text   `json:"text"`
}

// Findings gives an event for each newsworthy result of a report of the stack,
// and for each that is Redelivered, whatever it is: an earlier run may have been
// cut off before it could tell what it did.
func Findings(stack string, report finding.Report) ([]Event, error) {
	var events []Event
	var errs []error
	for _, result := range report.Results {
		// What a rehearsal would change is reported once it is changed, or by the sweep.
		toCome := result.Rehearsal && report.Mode == finding.Enforce && result.IsPending()
		if toCome || !result.Newsworthy() && !result.Redelivered {
			continue
		}
		body, err := fitting(result, maxDetail, func(fewer finding.Result) any {
			return detail{report.Version, report.Function, report.ModeOf(result), fewer, stack, InWords(fewer)}
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("describe the finding on %s: %w", result.Subject, err))
			continue
		}
		events = append(events, Event{FindingType, body})
	}
	return events, errors.Join(errs...)
}

// Put publishes events to the bus (name or ARN), in as few calls as PutEvents
// allows. An entry that EventBridge refuses alone is an error with its code.
func Put(ctx context.Context, client EventPutter, bus string, events []Event) error {
	var errs []error
	for len(events) > 0 {
		var entries []types.PutEventsRequestEntry
		size := 0
		for _, event := range events {
			size += len(event.Detail)
			if len(entries) > 0 && (len(entries) == batchSize || size > maxCall) {
				break
			}
			entries = append(entries, types.PutEventsRequestEntry{
				EventBusName: aws.String(bus),
				Source:       aws.String(Source),
				DetailType:   aws.String(event.Type),
				Detail:       aws.String(string(event.Detail)),
			})
		}
		events = events[len(entries):]
		output, err := client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: entries})
		if err != nil {
			errs = append(errs, fmt.Errorf("publish %d events to bus %s: %w", len(entries), bus, err))
			continue
		}
		for _, entry := range output.Entries {
			if code := aws.ToString(entry.ErrorCode); code != "" {
				errs = append(errs, fmt.Errorf("publish an event to bus %s: %w", bus,
					&smithy.GenericAPIError{Code: code, Message: aws.ToString(entry.ErrorMessage)}))
			}
		}
	}
	return errors.Join(errs...)
}

// fitting marshals a result, with fewer findings and actions until it fits.
func fitting(result finding.Result, most int, document func(finding.Result) any) ([]byte, error) {
	for limit := max(len(result.Findings), len(result.Actions), 1); ; limit /= 2 {
		fewer := result.Capped(limit)
		fewer.Actions = result.Actions[:min(limit, len(result.Actions))]
		body, err := json.Marshal(document(fewer))
		if err != nil || len(body) <= most || limit == 1 {
			return body, err
		}
	}
}
