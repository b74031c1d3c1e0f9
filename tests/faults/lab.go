package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/ecs-guardrails/ecs-guardrails/tests/canary"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// Lab is the stack that all runs share, and what was deployed in it.
type Lab struct {
	// Operator has clients that go past the endpoint: what it makes causes no event.
	*operator.Operator
	stack     *stack.Stack
	endpoint  *url.URL
	transport http.RoundTripper
	functions map[string]function
	logger    *slog.Logger
	// secretAccessKey is planted: the functions sign with it.
	secretAccessKey string
	worlds          atomic.Int64
}

// function is one as it was deployed.
type function struct {
	name, arn, binary string
	variables         map[string]string
	timeout           time.Duration
	// queueARN and maxReceiveCount are its queue's, if it has one.
	queueARN        string
	maxReceiveCount int
}

// functionQueues are the template's queues, by the functions behind them.
var functionQueues = map[string]string{
	"attach-policies": "AttachPoliciesQueue", "rotate-secret": "RotateSecretQueue", "patch-task-definition": "PatchTaskDefinitionQueue",
	"sweep": "SweepQueue",
}

// unversionedBucket is one that was there before the stack.
const unversionedBucket = "acme-faults-unversioned"

// Open starts a stack in which nothing wakes the functions, with every
// permission that an option of the template brings. Stop it with Close.
func Open(ctx context.Context, name string, progress io.Writer) (*Lab, error) {
	running, err := stack.Start(ctx, stack.Options{
		Name: name, Progress: progress,
		Parameters: map[string]string{
			"Mode": "off", "Allow": "cure-execution-roles,restore-config,update-services,refresh-tagged-instances", "ConfigBuckets": unversionedBucket,
		},
	})
	if err != nil {
		return nil, err
	}
	lab := &Lab{
		Operator: operator.With(running, running.Behind), stack: running, functions: map[string]function{},
		logger: slog.New(slog.DiscardHandler), secretAccessKey: canary.Text(),
		transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256, IdleConnTimeout: endpoint.IdleTime},
	}
	if err := lab.prepare(ctx); err != nil {
		return nil, errors.Join(err, running.Stop())
	}
	return lab, nil
}

// Close ends the stack.
func (l *Lab) Close() error { return l.stack.Stop() }

func (l *Lab) prepare(ctx context.Context) error {
	var err error
	if l.endpoint, err = url.Parse(l.stack.Endpoint); err != nil {
		return fmt.Errorf("reading the stack's endpoint: %w", err)
	}
	if _, err := l.S3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(unversionedBucket)}); err != nil {
		return fmt.Errorf("creating the bucket %s: %w", unversionedBucket, err)
	}
	for _, name := range []string{"attach-policies", "validate-config", "rotate-secret", "patch-task-definition", "sweep"} {
		if l.functions[name], err = l.deployed(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// deployed reads a function's settings from where it was deployed.
func (l *Lab) deployed(ctx context.Context, name string) (function, error) {
	arn := l.FunctionARN(name)
	configured, err := l.Lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &arn})
	if err != nil {
		return function{}, fmt.Errorf("reading the settings of %s: %w", name, err)
	}
	deployed := function{
		name: aws.ToString(configured.FunctionName), arn: arn, binary: l.stack.Binary(name),
		timeout: time.Duration(aws.ToInt32(configured.Timeout)) * time.Second,
	}
	if configured.Environment != nil {
		deployed.variables = configured.Environment.Variables
	}
	logicalID, ok := functionQueues[name]
	if !ok {
		return deployed, nil
	}
	queue, err := l.ResourceID(ctx, logicalID)
	if err != nil {
		return function{}, err
	}
	attributes, err := l.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &queue, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		return function{}, fmt.Errorf("reading the queue of %s: %w", name, err)
	}
	deployed.queueARN = attributes.Attributes["QueueArn"]
	var redrive struct{ MaxReceiveCount json.Number }
	if err := json.NewDecoder(strings.NewReader(attributes.Attributes["RedrivePolicy"])).Decode(&redrive); err != nil {
		return function{}, fmt.Errorf("reading how often the queue of %s delivers: %w", name, err)
	}
	count, err := redrive.MaxReceiveCount.Int64()
	if err != nil || count < 1 {
		return function{}, fmt.Errorf("the queue of %s delivers %q times: %w", name, redrive.MaxReceiveCount, err)
	}
	deployed.maxReceiveCount = int(count)
	return deployed, nil
}
