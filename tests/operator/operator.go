// Package operator plays a person who works with the deployed stack: by plain
// AWS API calls, knowing the stack's outputs and nothing else.
package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// The policies that make an instance a container instance, and one under its
// management.
const (
	AgentPolicy = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
	// TaskExecutionPolicy is AWS's own for execution roles.
	TaskExecutionPolicy = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
	SSMPolicy           = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
)

// Operator holds a person's clients.
type Operator struct {
	Stack *stack.Stack

	CloudFormation *cloudformation.Client
	IAM            *iam.Client
	S3             *s3.Client
	ECS            *ecs.Client
	Secrets        *secretsmanager.Client
	Lambda         *lambda.Client
	SQS            *sqs.Client
	SNS            *sns.Client
	EventBridge    *eventbridge.Client
	Logs           *cloudwatchlogs.Client
}

// New makes the clients.
func New(running *stack.Stack) *Operator { return With(running, running.Config) }

// With makes clients of another configuration than a person's.
func With(running *stack.Stack, config aws.Config) *Operator {
	return &Operator{
		Stack:          running,
		CloudFormation: cloudformation.NewFromConfig(config),
		IAM:            iam.NewFromConfig(config),
		S3:             s3.NewFromConfig(config, func(options *s3.Options) { options.UsePathStyle = true }),
		ECS:            ecs.NewFromConfig(config),
		Secrets:        secretsmanager.NewFromConfig(config),
		Lambda:         lambda.NewFromConfig(config),
		SQS:            sqs.NewFromConfig(config),
		SNS:            sns.NewFromConfig(config),
		EventBridge:    eventbridge.NewFromConfig(config),
		Logs:           cloudwatchlogs.NewFromConfig(config),
	}
}

// trust lets a service's instances act under a role.
func trust(service string) *string {
	return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`)
}

// CreateRole creates a role that a service can assume, without policies, and
// returns its ARN. Tags are key, value, key, value.
func (o *Operator) CreateRole(ctx context.Context, name, service string, tags ...string) (string, error) {
	input := &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: trust(service)}
	for pair := range slices.Chunk(tags, 2) {
		input.Tags = append(input.Tags, iamtypes.Tag{Key: &pair[0], Value: &pair[1]})
	}
	output, err := o.IAM.CreateRole(ctx, input)
	if err != nil {
		return "", fmt.Errorf("creating role %s: %w", name, err)
	}
	return aws.ToString(output.Role.Arn), nil
}

// CreateInstanceRole creates a role for EC2 instances, without policies.
func (o *Operator) CreateInstanceRole(ctx context.Context, name string, tags ...string) (string, error) {
	return o.CreateRole(ctx, name, "ec2.amazonaws.com", tags...)
}

// CreateInstanceProfile creates a profile of the role's name that holds it.
func (o *Operator) CreateInstanceProfile(ctx context.Context, role string) error {
	if _, err := o.IAM.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: &role}); err != nil {
		return fmt.Errorf("creating instance profile %s: %w", role, err)
	}
	if _, err := o.IAM.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &role, RoleName: &role}); err != nil {
		return fmt.Errorf("adding the role to instance profile %s: %w", role, err)
	}
	return nil
}

// User makes a user whose inline policy is the document, none where it is "". It
// gives the user's ARN, and a configuration that signs with its access key.
func (o *Operator) User(ctx context.Context, name, document string) (string, aws.Config, error) {
	created, err := o.IAM.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
	if err != nil {
		return "", aws.Config{}, fmt.Errorf("creating user %s: %w", name, err)
	}
	if document != "" {
		if _, err := o.IAM.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("own"), PolicyDocument: &document}); err != nil {
			return "", aws.Config{}, fmt.Errorf("giving user %s a policy: %w", name, err)
		}
	}
	key, err := o.IAM.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		return "", aws.Config{}, fmt.Errorf("giving user %s an access key: %w", name, err)
	}
	config := o.Stack.Config.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(key.AccessKey.AccessKeyId), aws.ToString(key.AccessKey.SecretAccessKey), "")
	return aws.ToString(created.User.Arn), config, nil
}

// AttachedPolicies returns the ARNs of the managed policies of a role, sorted.
func (o *Operator) AttachedPolicies(ctx context.Context, role string) ([]string, error) {
	attached := []string{}
	pages := iam.NewListAttachedRolePoliciesPaginator(o.IAM, &iam.ListAttachedRolePoliciesInput{RoleName: &role})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the policies of role %s: %w", role, err)
		}
		for _, policy := range page.AttachedPolicies {
			attached = append(attached, aws.ToString(policy.PolicyArn))
		}
	}
	slices.Sort(attached)
	return attached, nil
}

// RoleTags returns the tags of a role.
func (o *Operator) RoleTags(ctx context.Context, role string) (map[string]string, error) {
	output, err := o.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &role})
	if err != nil {
		return nil, fmt.Errorf("reading role %s: %w", role, err)
	}
	tags := map[string]string{}
	for _, tag := range output.Role.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

// Object is one version of an S3 object; Version is "" in a bucket without
// versions.
type Object struct{ Bucket, Key, Version string }

// String is how reports name the version.
func (o Object) String() string {
	if o.Version == "" {
		return "s3://" + o.Bucket + "/" + o.Key
	}
	return "s3://" + o.Bucket + "/" + o.Key + "?versionId=" + o.Version
}

// Upload writes an object and returns the new version. Tags are key, value,
// key, value.
func (o *Operator) Upload(ctx context.Context, bucket, key, content string, tags ...string) (Object, error) {
	input := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(content)}
	query := url.Values{}
	for pair := range slices.Chunk(tags, 2) {
		query.Set(pair[0], pair[1])
	}
	if len(query) > 0 {
		input.Tagging = aws.String(query.Encode())
	}
	output, err := o.S3.PutObject(ctx, input)
	if err != nil {
		return Object{}, fmt.Errorf("uploading s3://%s/%s: %w", bucket, key, err)
	}
	return Object{bucket, key, aws.ToString(output.VersionId)}, nil
}

// Content reads an object's latest version.
func (o *Operator) Content(ctx context.Context, bucket, key string) (string, error) {
	output, err := o.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return "", fmt.Errorf("reading s3://%s/%s: %w", bucket, key, err)
	}
	content, err := io.ReadAll(output.Body)
	if err := errors.Join(err, output.Body.Close()); err != nil {
		return "", fmt.Errorf("reading s3://%s/%s: %w", bucket, key, err)
	}
	return string(content), nil
}

// ObjectTags returns the tags of a version.
func (o *Operator) ObjectTags(ctx context.Context, object Object) (map[string]string, error) {
	input := &s3.GetObjectTaggingInput{Bucket: &object.Bucket, Key: &object.Key}
	if object.Version != "" {
		input.VersionId = &object.Version
	}
	output, err := o.S3.GetObjectTagging(ctx, input)
	if err != nil {
		return nil, fmt.Errorf("reading the tags of %s: %w", object, err)
	}
	tags := map[string]string{}
	for _, tag := range output.TagSet {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

// Revisions returns the ARNs of a family's active revisions, oldest first, or
// those of all families for "".
func (o *Operator) Revisions(ctx context.Context, family string) ([]string, error) {
	var revisions []string
	input := &ecs.ListTaskDefinitionsInput{Sort: ecstypes.SortOrderAsc}
	if family != "" {
		input.FamilyPrefix = &family
	}
	pages := ecs.NewListTaskDefinitionsPaginator(o.ECS, input)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the revisions of %s: %w", family, err)
		}
		revisions = append(revisions, page.TaskDefinitionArns...)
	}
	return revisions, nil
}

// Describe returns a task definition with its tags.
func (o *Operator) Describe(ctx context.Context, revision string) (*ecstypes.TaskDefinition, map[string]string, error) {
	output, err := o.ECS.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: &revision,
		Include:        []ecstypes.TaskDefinitionField{ecstypes.TaskDefinitionFieldTags},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("describing task definition %s: %w", revision, err)
	}
	tags := map[string]string{}
	for _, tag := range output.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return output.TaskDefinition, tags, nil
}

// Invocation is what came of invoking a function by hand.
type Invocation struct {
	// Report is what the function returned where it did not fail; the Payload
	// is all of it, whatever it is.
	Report  finding.Report
	Payload []byte
	// FunctionError is "" or Lambda's word for the failure, ErrorType and
	// ErrorMessage what the function said.
	FunctionError, ErrorType, ErrorMessage string
}

// Invoke sends an event to a function, as in "attach-policies", and waits for
// its answer.
func (o *Operator) Invoke(ctx context.Context, function string, event []byte) (Invocation, error) {
	output, err := o.Lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(o.FunctionARN(function)), Payload: event})
	if err != nil {
		return Invocation{}, fmt.Errorf("invoking %s: %w", function, err)
	}
	invocation := Invocation{Payload: output.Payload, FunctionError: aws.ToString(output.FunctionError)}
	if invocation.FunctionError != "" {
		var failure struct{ ErrorType, ErrorMessage string }
		if err := json.Unmarshal(output.Payload, &failure); err != nil {
			return invocation, fmt.Errorf("reading the error of %s: %w: %s", function, err, output.Payload)
		}
		invocation.ErrorType, invocation.ErrorMessage = failure.ErrorType, failure.ErrorMessage
		return invocation, nil
	}
	if err := json.Unmarshal(output.Payload, &invocation.Report); err != nil {
		return invocation, fmt.Errorf("reading the report of %s: %w: %s", function, err, output.Payload)
	}
	return invocation, nil
}

// FunctionARN finds a function in the stack's outputs.
func (o *Operator) FunctionARN(function string) string {
	return o.Stack.Outputs[stack.LogicalID(function)]
}

// LogLine is one line of a function's log.
type LogLine struct {
	Time    time.Time
	Message string
}

// Log returns all that a function logged so far.
func (o *Operator) Log(ctx context.Context, function string) ([]LogLine, error) {
	configuration, err := o.Lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(o.FunctionARN(function))})
	if err != nil {
		return nil, fmt.Errorf("finding the log of %s: %w", function, err)
	}
	if configuration.LoggingConfig == nil {
		return nil, errors.New(function + " has no log group of its own")
	}
	var lines []LogLine
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(o.Logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: configuration.LoggingConfig.LogGroup})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading the log of %s: %w", function, err)
		}
		for _, event := range page.Events {
			lines = append(lines, LogLine{time.UnixMilli(aws.ToInt64(event.Timestamp)), aws.ToString(event.Message)})
		}
	}
	return lines, nil
}

// Results returns the results that a function logged so far.
func (o *Operator) Results(ctx context.Context, function string) ([]Result, error) {
	lines, err := o.Log(ctx, function)
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, line := range lines {
		var logged struct {
			Result
			Message string `json:"message"`
		}
		if json.Unmarshal([]byte(line.Message), &logged) == nil && logged.Message == "result" {
			results = append(results, logged.Result)
		}
	}
	return results, nil
}

// ResourceID returns the physical ID of a resource of the stack.
func (o *Operator) ResourceID(ctx context.Context, logicalID string) (string, error) {
	output, err := o.CloudFormation.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{
		StackName: &o.Stack.Name, LogicalResourceId: &logicalID,
	})
	if err != nil {
		return "", fmt.Errorf("finding the stack's %s: %w", logicalID, err)
	}
	return aws.ToString(output.StackResourceDetail.PhysicalResourceId), nil
}
