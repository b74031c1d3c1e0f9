package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/uuid"

	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
	"github.com/ecs-guardrails/ecs-guardrails/tests/lambdaruntime"
	"github.com/ecs-guardrails/ecs-guardrails/tests/rotationservice"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// silentTimeout is a function's time where no answer comes, on an idle machine:
// enough for the time that it keeps back to report what it found out until then (pipeline's margin
// of 3 s, twice), and half a second.
const silentTimeout = 6500 * time.Millisecond

// silentSweepTimeout is sweep's, which lists in the first half of its time, and
// keeps the last 15 s to write down what it knows.
const silentSweepTimeout = 24 * time.Second

// asyncAttempts is how often Lambda hands an asynchronous event to a function
// (MaximumRetryAttempts of 2, as the template has it).
const asyncAttempts = 3

// Trigger is an event and the way in which it comes again when the function
// fails. Deliver returns what ends in a dead-letter queue, or is given up.
type Trigger interface {
	deliver(context.Context, *World) ([]string, error)
}

// Queue is a batch of messages of SQS.
type Queue []string

// deliver hands the messages over until the function has none left that failed,
// or the queue gives up.
func (q Queue) deliver(ctx context.Context, world *World) ([]string, error) {
	type record struct {
		MessageID      string            `json:"messageId"`
		ReceiptHandle  string            `json:"receiptHandle"`
		Body           string            `json:"body"`
		Attributes     map[string]string `json:"attributes"`
		EventSource    string            `json:"eventSource"`
		EventSourceARN string            `json:"eventSourceARN"`
		AWSRegion      string            `json:"awsRegion"`
	}
	function := world.functions[world.scenario.Function]
	var pending []record
	for index, body := range q {
		pending = append(pending, record{
			MessageID: fmt.Sprintf("00000000-0000-4000-8000-%012d", index), ReceiptHandle: "handle", Body: body,
			EventSource: "aws:sqs", EventSourceARN: function.queueARN, AWSRegion: stack.Region,
		})
	}
	for receive := 1; receive <= function.maxReceiveCount; receive++ {
		for index := range pending {
			pending[index].Attributes = map[string]string{"ApproximateReceiveCount": fmt.Sprint(receive)}
		}
		payload, err := json.Marshal(map[string]any{"Records": pending})
		if err != nil {
			return nil, fmt.Errorf("writing the batch: %w", err)
		}
		answer, err := world.invoke(ctx, uuid.New(), payload)
		if err != nil {
			return nil, err
		}
		if !answer.Succeeded() {
			continue
		}
		var failures struct {
			BatchItemFailures []struct{ ItemIdentifier string }
		}
		if err := json.Unmarshal(answer.Payload, &failures); err != nil {
			return nil, fmt.Errorf("the answer to a queue is none: %w: %s", err, answer.Payload)
		}
		failed := map[string]bool{}
		for _, failure := range failures.BatchItemFailures {
			failed[failure.ItemIdentifier] = true
		}
		var again []record
		for _, message := range pending {
			if failed[message.MessageID] {
				again = append(again, message)
			}
		}
		if pending = again; len(pending) == 0 {
			return nil, nil
		}
	}
	var dead []string
	for _, message := range pending {
		dead = append(dead, message.Body)
	}
	return dead, nil
}

// Async is an event that S3, EventBridge or a schedule hands to Lambda.
type Async string

func (a Async) deliver(ctx context.Context, world *World) ([]string, error) {
	request := uuid.New()
	for range asyncAttempts {
		answer, err := world.invoke(ctx, request, []byte(a))
		if err != nil || answer.Succeeded() {
			return nil, err
		}
	}
	return []string{string(a)}, nil
}

// Rotation is that of a secret, by its ARN.
type Rotation string

func (r Rotation) deliver(ctx context.Context, world *World) ([]string, error) {
	version, err := world.rotations().Rotate(ctx, string(r), world.functions[world.scenario.Function].arn)
	if err != nil {
		return nil, err
	}
	var failed error
	err = stack.Wait(ctx, "the rotation has ended", func(context.Context) (bool, error) {
		for _, rotation := range world.rotations().Rotations() {
			if rotation.Token == version && rotation.Done {
				failed = rotation.Err
				return true, nil
			}
		}
		return false, nil
	})
	if failed != nil {
		return []string{failed.Error()}, err
	}
	return nil, err
}

// rotations is this world's Secrets Manager as far as it rotates.
func (w *World) rotations() *rotationservice.Service {
	if w.rotating == nil {
		w.rotating = rotationservice.New(&rotationservice.Service{
			SecretsManager: w.Operator.Secrets, Lambda: (*steps)(w),
			MayInvoke: func(context.Context, string, string) (bool, error) { return true, nil },
			Logger:    w.logger,
		})
		w.calls.amendments = map[string]endpoint.Amendment{}
		for name, amend := range w.rotating.Amendments() {
			w.calls.amendments[name] = amend
		}
		w.atEnd(func(context.Context) error { return w.rotating.Stop() })
	}
	return w.rotating
}

// steps hands the steps of a rotation to the function.
type steps World

// Invoke implements rotationservice.Functions.
func (s *steps) Invoke(ctx context.Context, input *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	world := (*World)(s)
	var event struct{ RotationToken string }
	if err := json.Unmarshal(input.Payload, &event); err != nil {
		return nil, fmt.Errorf("reading a step: %w", err)
	}
	world.Secrets.PlantWhole("a RotationToken", event.RotationToken)
	if world.beforeStep != nil {
		if err := world.beforeStep(ctx); err != nil {
			return nil, err
		}
	}
	answer, err := world.invoke(ctx, uuid.New(), input.Payload)
	if err == nil && world.calls.meets(Twice) {
		answer, err = world.invoke(ctx, uuid.New(), input.Payload)
	}
	if err != nil {
		return nil, err
	}
	output := &lambda.InvokeOutput{Payload: answer.Payload}
	if !answer.Succeeded() {
		output.FunctionError = aws.String("Unhandled")
		if len(output.Payload) == 0 {
			output.Payload = []byte(ending(answer))
		}
	}
	return output, nil
}

// ending is Lambda's own word where the function said nothing.
func ending(answer lambdaruntime.Answer) string {
	if answer.TimedOut {
		return `{"errorType":"Sandbox.Timedout"}`
	}
	return `{"errorType":"Runtime.ExitError"}`
}
