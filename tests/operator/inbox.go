package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventbridgetypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// Result is one result with the function and mode that it stands under: a
// published event's detail, or a line of a log.
type Result struct {
	Function string       `json:"function"`
	Mode     finding.Mode `json:"mode"`
	finding.Result
}

// Codes are the codes of the result's findings.
func (r Result) Codes() []string {
	var codes []string
	for _, found := range r.Findings {
		codes = append(codes, found.Code)
	}
	return codes
}

// Applied are the kinds of the actions that were carried out.
func (r Result) Applied() []string {
	var kinds []string
	for _, action := range r.Actions {
		if action.Applied {
			kinds = append(kinds, action.Kind)
		}
	}
	return kinds
}

// Inbox collects what is published, by way of a queue.
type Inbox struct {
	operator *Operator
	queueURL string
	queueARN string

	mutex    sync.Mutex
	messages []string
	// asked is when the queue was last asked; what had arrived by then is here.
	asked time.Time
	// results are those of the first messages, read once.
	results []Result
}

// newInbox creates the queue.
func (o *Operator) newInbox(ctx context.Context, name string) (*Inbox, error) {
	created, err := o.SQS.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		return nil, fmt.Errorf("creating queue %s: %w", name, err)
	}
	attributes, err := o.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: created.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return nil, fmt.Errorf("reading queue %s: %w", name, err)
	}
	return &Inbox{
		operator: o,
		queueURL: aws.ToString(created.QueueUrl),
		queueARN: attributes.Attributes[string(types.QueueAttributeNameQueueArn)],
	}, nil
}

// SubscribeTopic collects the messages of a topic among the stack's outputs, as a
// person's mailbox does.
func (o *Operator) SubscribeTopic(ctx context.Context, topic, name string) (*Inbox, error) {
	inbox, err := o.newInbox(ctx, name)
	if err != nil {
		return nil, err
	}
	_, err = o.SNS.Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: aws.String(o.Stack.Outputs[topic]), Protocol: aws.String("sqs"), Endpoint: &inbox.queueARN,
		Attributes: map[string]string{"RawMessageDelivery": "true"},
	})
	if err != nil {
		return nil, fmt.Errorf("subscribing to %s: %w", topic, err)
	}
	return inbox, nil
}

// CreateBus makes an event bus, as a central account's.
func (o *Operator) CreateBus(ctx context.Context, bus string) error {
	if _, err := o.EventBridge.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: &bus}); err != nil {
		return fmt.Errorf("making the bus %s: %w", bus, err)
	}
	return nil
}

// SubscribeBus collects the events of one type on a bus, as another system does:
// by its own rule.
func (o *Operator) SubscribeBus(ctx context.Context, bus, name, detailType string) (*Inbox, error) {
	inbox, err := o.newInbox(ctx, name)
	if err != nil {
		return nil, err
	}
	_, err = o.EventBridge.PutRule(ctx, &eventbridge.PutRuleInput{
		Name: &name, EventBusName: &bus, EventPattern: aws.String(`{"source":["ecs-guardrails"],"detail-type":["` + detailType + `"]}`),
	})
	if err != nil {
		return nil, fmt.Errorf("making the rule %s: %w", name, err)
	}
	put, err := o.EventBridge.PutTargets(ctx, &eventbridge.PutTargetsInput{
		Rule: &name, EventBusName: &bus, Targets: []eventbridgetypes.Target{{Id: aws.String("inbox"), Arn: &inbox.queueARN}},
	})
	if err != nil {
		return nil, fmt.Errorf("giving the rule %s its target: %w", name, err)
	}
	if len(put.FailedEntries) > 0 {
		return nil, fmt.Errorf("giving the rule %s its target: %s", name, aws.ToString(put.FailedEntries[0].ErrorMessage))
	}
	return inbox, nil
}

// Messages takes what has arrived and returns all that ever did, oldest first.
func (i *Inbox) Messages(ctx context.Context) ([]string, error) {
	wanted := time.Now()
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if err := i.receive(ctx, wanted); err != nil {
		return nil, err
	}
	return slices.Clone(i.messages), nil
}

// receive empties the queue, unless another test has begun to do that since
// wanted: of many that wait for the same inbox, one asks for all.
func (i *Inbox) receive(ctx context.Context, wanted time.Time) error {
	if i.asked.After(wanted) {
		return nil
	}
	begun := time.Now()
	for {
		output, err := i.operator.SQS.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &i.queueURL, MaxNumberOfMessages: 10})
		if err != nil {
			return fmt.Errorf("reading the inbox: %w", err)
		}
		if len(output.Messages) == 0 {
			i.asked = begun
			return nil
		}
		var deletions []types.DeleteMessageBatchRequestEntry
		for index, message := range output.Messages {
			i.messages = append(i.messages, aws.ToString(message.Body))
			deletions = append(deletions, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(index)), ReceiptHandle: message.ReceiptHandle})
		}
		if _, err := i.operator.SQS.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &i.queueURL, Entries: deletions}); err != nil {
			return fmt.Errorf("emptying the inbox: %w", err)
		}
	}
}

// Results returns the results among the events of a bus.
func (i *Inbox) Results(ctx context.Context) ([]Result, error) {
	wanted := time.Now()
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if err := i.receive(ctx, wanted); err != nil {
		return nil, err
	}
	for _, message := range i.messages[len(i.results):] {
		var event struct {
			Detail *Result `json:"detail"`
		}
		if err := json.Unmarshal([]byte(message), &event); err != nil || event.Detail == nil {
			return nil, errors.Join(fmt.Errorf("a published event is none: %s", message), err)
		}
		i.results = append(i.results, *event.Detail)
	}
	return slices.Clone(i.results), nil
}

// QueueDepth counts the messages of a queue: those that wait, that are being
// worked on, and that are delayed.
func (o *Operator) QueueDepth(ctx context.Context, url string) (int, error) {
	names := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	output, err := o.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
	if err != nil {
		return 0, fmt.Errorf("counting the messages of %s: %w", url, err)
	}
	total := 0
	for _, name := range names {
		count, err := strconv.Atoi(output.Attributes[string(name)])
		if err != nil {
			return 0, fmt.Errorf("counting the messages of %s: %w", url, err)
		}
		total += count
	}
	return total, nil
}
