// Package resourcepolicy asks the policies of functions and queues whether an
// AWS service may reach them. The emulator lets every service in; on AWS a
// missing permission is an event that never arrives.
package resourcepolicy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/ecs-guardrails/ecs-guardrails/tests/policysimulation"
)

// Checker reads the policies from the emulator.
type Checker struct {
	Lambda *lambda.Client
	SQS    *sqs.Client
}

// Admits says whether the policy of the function or queue lets the service
// ("events.amazonaws.com") reach it on behalf of the source, by ARN.
func (c *Checker) Admits(ctx context.Context, target, service, source string) (bool, error) {
	parts := strings.SplitN(target, ":", 6)
	if len(parts) != 6 {
		return false, fmt.Errorf("%q is not an ARN", target)
	}
	var policy, action string
	var err error
	switch parts[2] {
	case "lambda":
		action = "lambda:InvokeFunction"
		policy, err = c.functionPolicy(ctx, target)
	case "sqs":
		action = "sqs:SendMessage"
		policy, err = c.queuePolicy(ctx, parts[4], parts[5])
	default:
		return false, fmt.Errorf("the local stack knows no policies of %s", parts[2])
	}
	if err != nil || policy == "" {
		return false, err
	}
	document, err := policysimulation.ParseDocument(policy)
	if err != nil {
		return false, fmt.Errorf("the policy of %s: %w", target, err)
	}
	sourceParts := strings.SplitN(source, ":", 6)
	account := parts[4]
	if len(sourceParts) == 6 && sourceParts[4] != "" {
		account = sourceParts[4]
	}
	result := policysimulation.Simulate(
		policysimulation.Policies{Resource: []policysimulation.Policy{{Type: "resource", Document: document}}},
		policysimulation.Request{
			Action:    action,
			Resource:  target,
			Principal: map[string]string{"Service": service},
			Context: policysimulation.NewContext(map[string][]string{
				"aws:SourceArn":       {source},
				"aws:SourceAccount":   {account},
				"aws:SecureTransport": {"true"},
			}),
		})
	return result.Decision == policysimulation.Allowed, nil
}

func (c *Checker) functionPolicy(ctx context.Context, arn string) (string, error) {
	output, err := c.Lambda.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: &arn})
	if missing := (*lambdatypes.ResourceNotFoundException)(nil); errors.As(err, &missing) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the policy of %s: %w", arn, err)
	}
	return aws.ToString(output.Policy), nil
}

func (c *Checker) queuePolicy(ctx context.Context, account, name string) (string, error) {
	url, err := c.SQS.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name, QueueOwnerAWSAccountId: &account})
	if err != nil {
		return "", fmt.Errorf("finding the queue %s: %w", name, err)
	}
	output, err := c.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: url.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNamePolicy},
	})
	if err != nil {
		return "", fmt.Errorf("reading the policy of the queue %s: %w", name, err)
	}
	return output.Attributes[string(sqstypes.QueueAttributeNamePolicy)], nil
}
