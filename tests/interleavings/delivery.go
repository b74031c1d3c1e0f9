package interleavings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

// start is when the deliveries take place. The clock of a test's bubble begins
// at another time and stands still where nothing waits.
var start = time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC)

func now() time.Time {
	return time.Now().Add(start.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))).UTC()
}

// handler is a function that was started for one delivery.
type handler interface {
	Handle(context.Context, []byte) pipeline.Outcome
}

// settingsOf reads a function's settings from its variables, with their defaults.
func settingsOf[T any](function string, variables ...string) T {
	read, err := settings.Load[T](function, append([]string{"MODE=enforce", "STACK_ID=arn:aws:cloudformation:us-east-1:123456789012:stack/guardrails/0a1b2c3d"}, variables...))
	if err != nil {
		panic(err)
	}
	return read
}

// handle gives a payload to a function. What a retry may cure is an error.
func handle(ctx context.Context, function handler, payload string) error {
	outcome := function.Handle(ctx, []byte(payload))
	var failures []error
	for _, result := range outcome.Report().Results {
		if result.Status == finding.Failed {
			failures = append(failures, fmt.Errorf("%s: %v", result.Subject, result.Findings))
		}
	}
	return errors.Join(failures...)
}

// queued has SQS deliver an event, for the nth time.
func queued(event string, received int) string {
	payload, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"messageId": "00000000-0000-4000-8000-000000000001", "eventSource": "aws:sqs", "body": event,
		"attributes": map[string]string{"ApproximateReceiveCount": fmt.Sprint(received)},
	}}})
	if err != nil {
		panic(err)
	}
	return string(payload)
}

// sample reads an event of the folder events/, with other texts in the place of
// some.
func sample(name string, replacements ...string) string {
	text, err := os.ReadFile("../../events/" + name)
	if err != nil {
		panic(err)
	}
	for at := 0; at < len(replacements); at += 2 {
		if !strings.Contains(string(text), replacements[at]) {
			panic("interleavings: the sample " + name + " has no " + replacements[at])
		}
	}
	return strings.NewReplacer(replacements...).Replace(string(text))
}
