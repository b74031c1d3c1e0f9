package diagnosis

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
)

// Queues is the part of SQS's client that hands causes over.
type Queues interface {
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// request is what the other functions take from their queues. The failure's
// group tells them that no person named the subject.
func request(field, target, group, refused string) string {
	body := map[string]any{field: []string{target}, "failure": group}
	if field == "roles" && refused != "" {
		body[event.RefusedField] = refused
	}
	if field == "secret" {
		body = map[string]any{field: target, "failure": group, "renew": true}
	}
	text, err := json.Marshal(body)
	if err != nil {
		// Strings and lists of strings always marshal.
		return "{}"
	}
	return string(text)
}

// delay of a hand-over in seconds: the failure has settled. The SDK doesn't send
// a zero, and the queue has its own delay.
const delay = 1

func (d *Diagnosis) apply(ctx context.Context, action Action) error {
	if action.Close != nil {
		return d.memory.Close(ctx, *action.Close)
	}
	_, err := d.clients.Queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &action.QueueURL, MessageBody: &action.Body, DelaySeconds: delay})
	if err != nil {
		return fmt.Errorf("ask %s: %w", action.Function, err)
	}
	return nil
}
