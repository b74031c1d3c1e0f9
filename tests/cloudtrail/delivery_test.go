package cloudtrail

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

const (
	queueARN    = "arn:aws:sqs:us-east-1:111122223333:q"
	functionARN = "arn:aws:lambda:us-east-1:111122223333:function:f"
	topicARN    = "arn:aws:sns:us-east-1:111122223333:t"
)

// bus has one rule on each page; a pattern matches an event whose text has it.
type bus struct {
	rules   []types.Rule
	targets map[string][]string
}

func (b *bus) ListRules(_ context.Context, input *eventbridge.ListRulesInput, _ ...func(*eventbridge.Options)) (*eventbridge.ListRulesOutput, error) {
	index := len(aws.ToString(input.NextToken))
	output := &eventbridge.ListRulesOutput{Rules: b.rules[index : index+1]}
	if index+1 < len(b.rules) {
		output.NextToken = aws.String(strings.Repeat("x", index+1))
	}
	return output, nil
}

func (b *bus) TestEventPattern(_ context.Context, input *eventbridge.TestEventPatternInput, _ ...func(*eventbridge.Options)) (*eventbridge.TestEventPatternOutput, error) {
	return &eventbridge.TestEventPatternOutput{Result: strings.Contains(*input.Event, *input.EventPattern)}, nil
}

func (b *bus) ListTargetsByRule(_ context.Context, input *eventbridge.ListTargetsByRuleInput, _ ...func(*eventbridge.Options)) (*eventbridge.ListTargetsByRuleOutput, error) {
	output := &eventbridge.ListTargetsByRuleOutput{}
	for _, arn := range b.targets[*input.Rule] {
		output.Targets = append(output.Targets, types.Target{Arn: aws.String(arn)})
	}
	return output, nil
}

// targets keep what they got.
type targets struct{ got []string }

func (t *targets) Invoke(_ context.Context, input *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	if input.InvocationType != lambdatypes.InvocationTypeEvent {
		return nil, errors.New("EventBridge does not wait for functions")
	}
	t.got = append(t.got, "function "+string(input.Payload))
	return &lambda.InvokeOutput{}, nil
}

func (t *targets) GetQueueUrl(_ context.Context, input *sqs.GetQueueUrlInput, _ ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error) {
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String("http://queue/" + *input.QueueName)}, nil
}

func (t *targets) SendMessage(_ context.Context, input *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	t.got = append(t.got, "queue "+*input.MessageBody)
	return &sqs.SendMessageOutput{}, nil
}

func rule(name string, state types.RuleState, pattern string) types.Rule {
	return types.Rule{Name: &name, Arn: aws.String("arn:aws:events:us-east-1:111122223333:rule/" + name), State: state, EventPattern: &pattern}
}

func TestEventsReachTheTargetsOfMatchingRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deployed := &bus{
			rules: []types.Rule{
				rule("roles", types.RuleStateEnabled, `"source":"aws.iam"`),
				rule("off", types.RuleStateDisabled, `"source":"aws.iam"`),
				rule("instances", types.RuleStateEnabled, `"source":"aws.ec2"`),
				{Name: aws.String("schedule"), State: types.RuleStateEnabled, ScheduleExpression: aws.String("rate(1 day)")},
				rule("closed", types.RuleStateEnabled, `"eventName":"TagRole"`),
				rule("topic", types.RuleStateEnabled, `"eventName":"UntagRole"`),
			},
			targets: map[string][]string{
				"roles": {queueARN}, "off": {queueARN}, "instances": {functionARN}, "schedule": {functionARN}, "closed": {functionARN}, "topic": {topicARN},
			},
		}
		reached := &targets{}
		deliverer := &Deliverer{
			EventBridge: deployed, Lambda: reached, SQS: reached,
			Admits: func(_ context.Context, _, service, source string) (bool, error) {
				return service == "events.amazonaws.com" && !strings.HasSuffix(source, "/closed"), nil
			},
			Identify: func(context.Context, awscall.Exchange) (Identity, error) { return operator, nil },
			Logger:   slog.New(slog.DiscardHandler),
		}
		ctx, stop := context.WithCancel(t.Context())
		go deliverer.Run(ctx)
		synctest.Wait()
		for _, name := range []string{"iam/CreateRole", "iam/GetRole", "ec2/RunInstances", "iam/TagRole", "iam/UntagRole"} {
			service, operation, _ := strings.Cut(name, "/")
			deliverer.Observe(exchange(service, operation, nil, 200, ""))
		}
		synctest.Wait()
		stop()
		synctest.Wait()

		var got []string
		for _, text := range reached.got {
			kind, event, _ := strings.Cut(text, " ")
			for _, name := range []string{"CreateRole", "RunInstances", "TagRole", "UntagRole", "GetRole"} {
				if strings.Contains(event, `"eventName":"`+name+`"`) {
					got = append(got, kind+" "+name)
				}
			}
		}
		if want := []string{"queue CreateRole", "function RunInstances", "queue TagRole", "queue UntagRole"}; !slices.Equal(got, want) {
			t.Errorf("the targets got %q, want %q", got, want)
		}
		failures := map[string]error{}
		for _, delivery := range deliverer.Deliveries() {
			if delivery.Err != nil {
				failures[delivery.Rule] = delivery.Err
			}
		}
		if len(failures) != 2 || !errors.Is(failures["closed"], errNotAdmitted) || failures["topic"] == nil {
			t.Errorf("failures %v", failures)
		}
	})
}

// A rule is left out without asking only where it cannot match.
func TestRuledOut(t *testing.T) {
	const event = `{"source":"aws.iam","detail-type":"AWS API Call via CloudTrail","detail":{"eventSource":"iam.amazonaws.com","eventName":"CreateRole"}}`
	for pattern, want := range map[string]bool{
		`{"source":["aws.iam"]}`: false,
		`{"source":["aws.ecs"]}`: true,
		`{"source":["aws.ecs","aws.iam"],"detail":{"eventName":["CreateRole"]}}`:      false,
		`{"source":["aws.iam"],"detail":{"eventName":["DeleteRole","TagRole"]}}`:      true,
		`{"detail":{"eventSource":["s3.amazonaws.com"]}}`:                             true,
		`{"detail-type":["ECS Task State Change"]}`:                                   true,
		`{"source":["aws.ecs",{"prefix":"aws."}]}`:                                    false,
		`{"detail":{"eventName":[{"anything-but":"CreateRole"}]}}`:                    false,
		`{"detail":{"errorCode":["AccessDenied"]}}`:                                   false,
		`{"$or":[{"source":["aws.ecs"]},{"source":["aws.iam"]}]}`:                     false,
		`{"detail":{"$or":[{"eventName":["TagRole"]},{"eventName":["CreateRole"]}]}}`: false,
		`no pattern`: false,
	} {
		if got := ruledOut(pattern, event); got != want {
			t.Errorf("%s: %v", pattern, got)
		}
	}
	if ruledOut(`{"detail":{"eventName":["TagRole"]}}`, `{"source":"aws.s3","detail":{}}`) {
		t.Error("what the event does not tell rules nothing out")
	}
}
