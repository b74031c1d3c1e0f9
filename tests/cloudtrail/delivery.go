package cloudtrail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

// Delivery is an event that a rule handed to a target.
type Delivery struct {
	Rule   string
	Target string
	Event  Event
	// Err says why the target did not take it; nil where it did.
	Err error
}

// Rules are the emulator's; *eventbridge.Client has them.
type Rules interface {
	ListRules(context.Context, *eventbridge.ListRulesInput, ...func(*eventbridge.Options)) (*eventbridge.ListRulesOutput, error)
	TestEventPattern(context.Context, *eventbridge.TestEventPatternInput, ...func(*eventbridge.Options)) (*eventbridge.TestEventPatternOutput, error)
	ListTargetsByRule(context.Context, *eventbridge.ListTargetsByRuleInput, ...func(*eventbridge.Options)) (*eventbridge.ListTargetsByRuleOutput, error)
}

// Functions are targets; *lambda.Client has them.
type Functions interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// Queues are targets; *sqs.Client has them.
type Queues interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// Deliverer hands events to the targets of the deployed rules of the default
// bus, one after the other in the order of the calls. Real CloudTrail takes
// some minutes; here it is at once.
type Deliverer struct {
	EventBridge Rules
	Lambda      Functions
	SQS         Queues
	// Admits says whether the target's own policy lets EventBridge in for the
	// rule, by ARN.
	Admits func(ctx context.Context, target, service, source string) (bool, error)
	// Identify says who made a call.
	Identify func(context.Context, awscall.Exchange) (Identity, error)
	Logger   *slog.Logger

	mutex      sync.Mutex
	pending    []awscall.Exchange
	wake       chan struct{}
	deliveries []Delivery
}

// Observe takes a call for delivery. It does not block.
func (d *Deliverer) Observe(exchange awscall.Exchange) {
	if !Recorded(exchange.Call) {
		return
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.pending = append(d.pending, exchange)
	if d.wake != nil {
		close(d.wake)
		d.wake = nil
	}
}

// Run delivers until the context ends.
func (d *Deliverer) Run(ctx context.Context) {
	for {
		exchange, wait := d.next()
		if wait != nil {
			select {
			case <-ctx.Done():
				return
			case <-wait:
			}
			continue
		}
		if err := d.deliver(ctx, exchange); err != nil && ctx.Err() == nil {
			d.Logger.Error("a CloudTrail event was not delivered", "call", exchange.Call.Name(), "error", err)
		}
	}
}

func (d *Deliverer) next() (awscall.Exchange, <-chan struct{}) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if len(d.pending) == 0 {
		d.wake = make(chan struct{})
		return awscall.Exchange{}, d.wake
	}
	exchange := d.pending[0]
	d.pending = d.pending[1:]
	return exchange, nil
}

// IsIdle reports whether every call that was observed has been delivered.
func (d *Deliverer) IsIdle() bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return len(d.pending) == 0 && d.wake != nil
}

// Deliveries returns all that was handed to targets so far.
func (d *Deliverer) Deliveries() []Delivery {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return append([]Delivery(nil), d.deliveries...)
}

func (d *Deliverer) deliver(ctx context.Context, exchange awscall.Exchange) error {
	identity, err := d.Identify(ctx, exchange)
	if err != nil {
		return fmt.Errorf("finding who %s is: %w", exchange.Call.Caller, err)
	}
	event := NewEvent(exchange, identity)
	return d.Hand(ctx, event)
}

// Hand delivers events that AWS's services send themselves: no one else may put
// them on a bus. They are alike, so that the rules that match the first one
// match all.
func (d *Deliverer) Hand(ctx context.Context, events ...Event) error {
	var rules []types.Rule
	var failures []error
	for i, event := range events {
		text, err := json.Marshal(event)
		if err != nil {
			return fmt.Errorf("encoding the event: %w", err)
		}
		if i == 0 {
			if rules, err = d.matchingRules(ctx, string(text)); err != nil {
				return err
			}
		}
		for _, rule := range rules {
			failures = append(failures, d.handToTargets(ctx, rule, event, text))
		}
	}
	return errors.Join(failures...)
}

func (d *Deliverer) matchingRules(ctx context.Context, event string) ([]types.Rule, error) {
	var matching []types.Rule
	input := &eventbridge.ListRulesInput{}
	for {
		output, err := d.EventBridge.ListRules(ctx, input)
		if err != nil {
			return nil, fmt.Errorf("listing the rules of the default bus: %w", err)
		}
		for _, rule := range output.Rules {
			if rule.State != types.RuleStateEnabled || aws.ToString(rule.EventPattern) == "" || ruledOut(*rule.EventPattern, event) {
				continue
			}
			tested, err := d.EventBridge.TestEventPattern(ctx, &eventbridge.TestEventPatternInput{Event: &event, EventPattern: rule.EventPattern})
			if err != nil {
				return nil, fmt.Errorf("testing the pattern of rule %s: %w", aws.ToString(rule.Name), err)
			}
			if tested.Result {
				matching = append(matching, rule)
			}
		}
		if aws.ToString(output.NextToken) == "" {
			return matching, nil
		}
		input.NextToken = output.NextToken
	}
}

// ruledOut reports whether a pattern lists plain values at one of the places that
// tell most events apart, and the event has another one there: every field of a
// pattern has to match (EventBridge User Guide, "Amazon EventBridge event
// patterns"). Most rules are, for most events, which saves a call for each.
func ruledOut(pattern, event string) bool {
	var wanted, had map[string]any
	if json.Unmarshal([]byte(pattern), &wanted) != nil || json.Unmarshal([]byte(event), &had) != nil {
		return false
	}
	for _, place := range [][]string{{"source"}, {"detail-type"}, {"detail", "eventSource"}, {"detail", "eventName"}} {
		value, told := valueAt(had, place).(string)
		listed, plain := valueAt(wanted, place).([]any)
		if told && plain && !slices.ContainsFunc(listed, func(one any) bool {
			text, isText := one.(string)
			return !isText || text == value
		}) {
			return true
		}
	}
	return false
}

func valueAt(document map[string]any, place []string) any {
	for _, name := range place[:len(place)-1] {
		document, _ = document[name].(map[string]any)
	}
	return document[place[len(place)-1]]
}

func (d *Deliverer) handToTargets(ctx context.Context, rule types.Rule, event Event, text []byte) error {
	var failures []error
	input := &eventbridge.ListTargetsByRuleInput{Rule: rule.Name}
	for {
		output, err := d.EventBridge.ListTargetsByRule(ctx, input)
		if err != nil {
			return fmt.Errorf("listing the targets of rule %s: %w", aws.ToString(rule.Name), err)
		}
		for _, target := range output.Targets {
			err := d.handTo(ctx, rule, target, event, text)
			if err != nil {
				err = fmt.Errorf("rule %s, target %s: %w", aws.ToString(rule.Name), aws.ToString(target.Arn), err)
			}
			d.mutex.Lock()
			d.deliveries = append(d.deliveries, Delivery{Rule: aws.ToString(rule.Name), Target: aws.ToString(target.Arn), Event: event, Err: err})
			d.mutex.Unlock()
			failures = append(failures, err)
		}
		if aws.ToString(output.NextToken) == "" {
			return errors.Join(failures...)
		}
		input.NextToken = output.NextToken
	}
}

// errNotAdmitted is what ends an event on AWS whose target has no policy for
// the rule.
var errNotAdmitted = errors.New("the target's policy does not let events.amazonaws.com in for this rule")

func (d *Deliverer) handTo(ctx context.Context, rule types.Rule, target types.Target, event Event, text []byte) error {
	payload, err := input(rule, target, text)
	if err != nil {
		return fmt.Errorf("making the target's input: %w", err)
	}
	arn := aws.ToString(target.Arn)
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return fmt.Errorf("%q is not an ARN", arn)
	}
	admitted, err := d.Admits(ctx, arn, "events.amazonaws.com", aws.ToString(rule.Arn))
	if err != nil {
		return err
	}
	if !admitted {
		return errNotAdmitted
	}
	switch parts[2] {
	case "lambda":
		_, err := d.Lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &arn, InvocationType: lambdatypes.InvocationTypeEvent, Payload: payload})
		return err
	case "sqs":
		url, err := d.SQS.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &parts[5], QueueOwnerAWSAccountId: &parts[4]})
		if err != nil {
			return err
		}
		message := &sqs.SendMessageInput{QueueUrl: url.QueueUrl, MessageBody: aws.String(string(payload))}
		if target.SqsParameters != nil {
			message.MessageGroupId = target.SqsParameters.MessageGroupId
			message.MessageDeduplicationId = &event.ID
		}
		_, err = d.SQS.SendMessage(ctx, message)
		return err
	}
	return fmt.Errorf("the local stack cannot deliver to %s", parts[2])
}
