package sweep_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	cloudtrailtypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventbridgetypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
)

// account is small versions of the services that sweep uses. Pages are as long
// as was asked for, and markers are the number of the next entry.
type account struct {
	roles     []iamtypes.RoleDetail
	policies  []iamtypes.ManagedPolicyDetail
	families  []string
	latest    map[string]string             // revision by family
	services  map[string][]ecstypes.Service // by cluster
	rules     map[string][]eventbridgetypes.Target
	schedules map[string]*schedulertypes.Target
	secrets   []secretstypes.SecretListEntry
	trails    []cloudtrailtypes.Trail
	selectors map[string]*cloudtrail.GetEventSelectorsOutput
	silent    map[string]bool // trails that do not log
	objects   map[string][]string
	notifies  map[string]*s3.GetBucketNotificationConfigurationOutput
	forwards  []string
	listed    func() // called with each page

	mutex sync.Mutex
	// stored is what is in the report bucket.
	stored map[string]string
	tags   int
	queues map[string][]string
	delays map[int32]int
	calls  map[string]int
	// worker answers the messages of the functions' queues, nil for no one.
	worker  func(queue string, message map[string]any) []finding.Result
	answers []string // in the results queue
	hidden  map[string]string
	// doubled delivers each answer twice.
	doubled bool
	refuse  func(body string, nth int) *sqstypes.BatchResultErrorEntry
	sent    map[string]int
	err     map[string]error
	// failOnce fails a call the first time.
	failOnce map[string]error
}

func (a *account) enter(call string) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.calls == nil {
		a.calls, a.queues, a.sent, a.delays = map[string]int{}, map[string][]string{}, map[string]int{}, map[int32]int{}
		a.hidden = map[string]string{}
		if a.stored == nil {
			a.stored = map[string]string{}
		}
	}
	a.calls[call]++
	if err := a.failOnce[call]; err != nil {
		delete(a.failOnce, call)
		return err
	}
	return a.err[call]
}

func (a *account) page() {
	if a.listed != nil {
		a.listed()
	}
}

func refusal(code string) error {
	return &smithy.OperationError{ServiceID: "X", OperationName: "Y", Err: &smithy.GenericAPIError{Code: code, Fault: smithy.FaultClient}}
}

func slice[T any](all []T, marker *string, most *int32) ([]T, *string, error) {
	from := 0
	if marker != nil {
		var err error
		if from, err = strconv.Atoi(*marker); err != nil || from > len(all) {
			return nil, nil, refusal("ValidationError")
		}
	}
	to := min(from+int(*most), len(all))
	if to == len(all) {
		return all[from:to], nil, nil
	}
	return all[from:to], aws.String(strconv.Itoa(to)), nil
}

func (a *account) GetAccountAuthorizationDetails(_ context.Context, in *iam.GetAccountAuthorizationDetailsInput, _ ...func(*iam.Options)) (*iam.GetAccountAuthorizationDetailsOutput, error) {
	if err := a.enter("GetAccountAuthorizationDetails"); err != nil {
		return nil, err
	}
	// A sweep reads the policies that customers made, too; leaving reads roles alone.
	if !slices.Equal(in.Filter, []iamtypes.EntityType{"Role", "LocalManagedPolicy"}) && !slices.Equal(in.Filter, []iamtypes.EntityType{"Role"}) {
		return nil, fmt.Errorf("asked for %q", in.Filter)
	}
	both := make([]any, 0, len(a.roles)+len(a.policies))
	for _, role := range a.roles {
		both = append(both, role)
	}
	for _, policy := range a.policies {
		both = append(both, policy)
	}
	some, next, err := slice(both, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	output := &iam.GetAccountAuthorizationDetailsOutput{IsTruncated: next != nil, Marker: next}
	for _, of := range some {
		switch of := of.(type) {
		case iamtypes.RoleDetail:
			output.RoleDetailList = append(output.RoleDetailList, of)
		case iamtypes.ManagedPolicyDetail:
			output.Policies = append(output.Policies, of)
		}
	}
	a.page()
	return output, nil
}

func (a *account) ListTaskDefinitionFamilies(_ context.Context, in *ecs.ListTaskDefinitionFamiliesInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	if err := a.enter("ListTaskDefinitionFamilies"); err != nil {
		return nil, err
	}
	if in.Status != "ACTIVE" {
		return nil, fmt.Errorf("asked for families of status %q", in.Status)
	}
	families, next, err := slice(a.families, in.NextToken, in.MaxResults)
	a.page()
	return &ecs.ListTaskDefinitionFamiliesOutput{Families: families, NextToken: next}, err
}

func (a *account) ListTaskDefinitions(_ context.Context, in *ecs.ListTaskDefinitionsInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error) {
	if err := a.enter("ListTaskDefinitions"); err != nil {
		return nil, err
	}
	if in.Status != "ACTIVE" || in.Sort != "DESC" || *in.MaxResults != 1 {
		return nil, fmt.Errorf("asked for %+v", in)
	}
	output := &ecs.ListTaskDefinitionsOutput{}
	if revision := a.latest[*in.FamilyPrefix]; revision != "" {
		output.TaskDefinitionArns = []string{definitionARN + *in.FamilyPrefix + ":" + revision}
	}
	return output, nil
}

const definitionARN = "arn:aws:ecs:us-east-1:123456789012:task-definition/"

func clusterARN(name string) string { return "arn:aws:ecs:us-east-1:123456789012:cluster/" + name }

func (a *account) ListClusters(_ context.Context, in *ecs.ListClustersInput, _ ...func(*ecs.Options)) (*ecs.ListClustersOutput, error) {
	if err := a.enter("ListClusters"); err != nil {
		return nil, err
	}
	var clusters []string
	for name := range a.services {
		clusters = append(clusters, clusterARN(name))
	}
	slices.Sort(clusters)
	some, next, err := slice(clusters, in.NextToken, in.MaxResults)
	return &ecs.ListClustersOutput{ClusterArns: some, NextToken: next}, err
}

func (a *account) ListServices(_ context.Context, in *ecs.ListServicesInput, _ ...func(*ecs.Options)) (*ecs.ListServicesOutput, error) {
	if err := a.enter("ListServices"); err != nil {
		return nil, err
	}
	var arns []string
	for i := range a.services[strings.TrimPrefix(*in.Cluster, clusterARN(""))] {
		arns = append(arns, strconv.Itoa(i))
	}
	some, next, err := slice(arns, in.NextToken, in.MaxResults)
	return &ecs.ListServicesOutput{ServiceArns: some, NextToken: next}, err
}

func (a *account) DescribeServices(_ context.Context, in *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	if err := a.enter("DescribeServices"); err != nil {
		return nil, err
	}
	if len(in.Services) > 10 {
		return nil, refusal("InvalidParameterException")
	}
	output := &ecs.DescribeServicesOutput{}
	for _, name := range in.Services {
		i, err := strconv.Atoi(name)
		if err != nil {
			return nil, err
		}
		output.Services = append(output.Services, a.services[strings.TrimPrefix(*in.Cluster, clusterARN(""))][i])
	}
	return output, nil
}

func (a *account) ListEventBuses(_ context.Context, in *eventbridge.ListEventBusesInput, _ ...func(*eventbridge.Options)) (*eventbridge.ListEventBusesOutput, error) {
	if err := a.enter("ListEventBuses"); err != nil {
		return nil, err
	}
	if in.NextToken == nil {
		return &eventbridge.ListEventBusesOutput{EventBuses: []eventbridgetypes.EventBus{{Name: aws.String("default")}}, NextToken: aws.String("more")}, nil
	}
	return &eventbridge.ListEventBusesOutput{EventBuses: []eventbridgetypes.EventBus{{Name: aws.String("orders")}}}, nil
}

// Rules are named "BUS/RULE".
func (a *account) ListRuleNamesByTarget(_ context.Context, in *eventbridge.ListRuleNamesByTargetInput, change ...func(*eventbridge.Options)) (*eventbridge.ListRuleNamesByTargetOutput, error) {
	if err := a.enter("ListRuleNamesByTarget"); err != nil {
		return nil, err
	}
	var options eventbridge.Options
	for _, of := range change {
		of(&options)
	}
	output := &eventbridge.ListRuleNamesByTargetOutput{}
	if options.Region != "" {
		if options.Region == "us-east-1" && *in.TargetArn == "arn:aws:events:eu-west-1:123456789012:event-bus/default" {
			output.RuleNames = a.forwards
		}
		return output, nil
	}
	for name, targets := range a.rules {
		if bus, rule, _ := strings.Cut(name, "/"); bus == *in.EventBusName && slices.ContainsFunc(targets, func(of eventbridgetypes.Target) bool { return *of.Arn == *in.TargetArn }) {
			output.RuleNames = append(output.RuleNames, rule)
		}
	}
	return output, nil
}

func (a *account) ListTargetsByRule(_ context.Context, in *eventbridge.ListTargetsByRuleInput, _ ...func(*eventbridge.Options)) (*eventbridge.ListTargetsByRuleOutput, error) {
	if err := a.enter("ListTargetsByRule"); err != nil {
		return nil, err
	}
	return &eventbridge.ListTargetsByRuleOutput{Targets: a.rules[*in.EventBusName+"/"+*in.Rule]}, nil
}

func (a *account) ListSchedules(_ context.Context, in *scheduler.ListSchedulesInput, _ ...func(*scheduler.Options)) (*scheduler.ListSchedulesOutput, error) {
	if err := a.enter("ListSchedules"); err != nil {
		return nil, err
	}
	output := &scheduler.ListSchedulesOutput{}
	for name, target := range a.schedules {
		output.Schedules = append(output.Schedules, schedulertypes.ScheduleSummary{
			Name: &name, GroupName: aws.String("nightly"), Target: &schedulertypes.TargetSummary{Arn: target.Arn},
		})
	}
	return output, nil
}

func (a *account) GetSchedule(_ context.Context, in *scheduler.GetScheduleInput, _ ...func(*scheduler.Options)) (*scheduler.GetScheduleOutput, error) {
	if err := a.enter("GetSchedule"); err != nil {
		return nil, err
	}
	if *in.GroupName != "nightly" {
		return nil, refusal("ResourceNotFoundException")
	}
	return &scheduler.GetScheduleOutput{Target: a.schedules[*in.Name]}, nil
}

func (a *account) ListSecrets(_ context.Context, in *secretsmanager.ListSecretsInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error) {
	if err := a.enter("ListSecrets"); err != nil {
		return nil, err
	}
	if len(in.Filters) != 1 || in.Filters[0].Key != "tag-key" || len(in.Filters[0].Values) != 1 || aws.ToBool(in.IncludePlannedDeletion) {
		return nil, fmt.Errorf("asked for %+v", in)
	}
	var found []secretstypes.SecretListEntry
	for _, secret := range a.secrets {
		if slices.ContainsFunc(secret.Tags, func(tag secretstypes.Tag) bool {
			return strings.HasPrefix(*tag.Key, in.Filters[0].Values[0])
		}) {
			found = append(found, secret)
		}
	}
	secrets, next, err := slice(found, in.NextToken, in.MaxResults)
	a.page()
	return &secretsmanager.ListSecretsOutput{SecretList: secrets, NextToken: next}, err
}

func (a *account) DescribeTrails(context.Context, *cloudtrail.DescribeTrailsInput, ...func(*cloudtrail.Options)) (*cloudtrail.DescribeTrailsOutput, error) {
	if err := a.enter("DescribeTrails"); err != nil {
		return nil, err
	}
	return &cloudtrail.DescribeTrailsOutput{TrailList: slices.Clone(a.trails)}, nil
}

func (a *account) GetTrailStatus(_ context.Context, in *cloudtrail.GetTrailStatusInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.GetTrailStatusOutput, error) {
	if err := a.enter("GetTrailStatus"); err != nil {
		return nil, err
	}
	return &cloudtrail.GetTrailStatusOutput{IsLogging: aws.Bool(!a.silent[*in.Name])}, nil
}

func (a *account) GetEventSelectors(_ context.Context, in *cloudtrail.GetEventSelectorsInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.GetEventSelectorsOutput, error) {
	if err := a.enter("GetEventSelectors"); err != nil {
		return nil, err
	}
	if of := a.selectors[*in.TrailName]; of != nil {
		return of, nil
	}
	return &cloudtrail.GetEventSelectorsOutput{}, nil
}

func (a *account) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	if err := a.enter("ListObjectsV2"); err != nil {
		return nil, err
	}
	keys, ok := a.objects[*in.Bucket]
	if !ok {
		return nil, refusal("NoSuchBucket")
	}
	output := &s3.ListObjectsV2Output{}
	for _, key := range keys {
		if in.StartAfter != nil && key <= *in.StartAfter {
			continue
		}
		if len(output.Contents) == int(*in.MaxKeys) {
			output.IsTruncated = aws.Bool(true)
			break
		}
		output.Contents = append(output.Contents, s3types.Object{Key: &key})
	}
	a.page()
	return output, nil
}

func (a *account) GetBucketNotificationConfiguration(_ context.Context, in *s3.GetBucketNotificationConfigurationInput, _ ...func(*s3.Options)) (*s3.GetBucketNotificationConfigurationOutput, error) {
	if err := a.enter("GetBucketNotificationConfiguration"); err != nil {
		return nil, err
	}
	if of := a.notifies[*in.Bucket]; of != nil {
		return of, nil
	}
	return &s3.GetBucketNotificationConfigurationOutput{}, nil
}

func (a *account) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	if err := a.enter("GetObject"); err != nil {
		return nil, err
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	body, ok := a.stored[*in.Key]
	if !ok {
		return nil, refusal("NoSuchKey")
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader(body)), ETag: aws.String(fmt.Sprintf("%q", a.stored["tag of "+*in.Key]))}, nil
}

func (a *account) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if err := a.enter("PutObject"); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	_, exists := a.stored[*in.Key]
	tag := fmt.Sprintf("%q", a.stored["tag of "+*in.Key])
	if in.IfNoneMatch != nil && exists || in.IfMatch != nil && (!exists || *in.IfMatch != tag) {
		return nil, refusal("PreconditionFailed")
	}
	a.tags++
	a.stored[*in.Key], a.stored["tag of "+*in.Key] = string(body), strconv.Itoa(a.tags)
	return &s3.PutObjectOutput{ETag: aws.String(fmt.Sprintf("%q", strconv.Itoa(a.tags)))}, nil
}

func (a *account) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	if err := a.enter("SendMessageBatch"); err != nil {
		return nil, err
	}
	if len(in.Entries) == 0 || len(in.Entries) > 10 {
		return nil, fmt.Errorf("a batch of %d", len(in.Entries))
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	output := &sqs.SendMessageBatchOutput{}
	ids := map[string]bool{}
	for _, entry := range in.Entries {
		if ids[*entry.Id] {
			return nil, fmt.Errorf("two entries with the id %s", *entry.Id)
		}
		ids[*entry.Id] = true
		body := *entry.MessageBody
		nth := a.sent[body]
		a.sent[body]++
		if a.refuse != nil {
			if refused := a.refuse(body, nth); refused != nil {
				refused.Id = entry.Id
				output.Failed = append(output.Failed, *refused)
				continue
			}
		}
		a.delays[entry.DelaySeconds]++
		a.queues[*in.QueueUrl] = append(a.queues[*in.QueueUrl], body)
		output.Successful = append(output.Successful, sqstypes.SendMessageBatchResultEntry{Id: entry.Id})
		if err := a.answer(*in.QueueUrl, body); err != nil {
			return nil, err
		}
	}
	return output, nil
}

// answer plays the function behind a queue.
func (a *account) answer(queue, body string) error {
	var message map[string]any
	if err := json.Unmarshal([]byte(body), &message); err != nil {
		return err
	}
	reference, ok := message["sweep"].(string)
	if a.worker == nil || !ok {
		return nil
	}
	results := a.worker(queue, message)
	if results == nil {
		return nil
	}
	event, err := publish.SweptResults("s", finding.Report{Function: "worker", Mode: finding.Enforce}, reference, results)
	if err != nil {
		return err
	}
	envelope := fmt.Sprintf(`{"version":"0","source":"ecs-guardrails","detail-type":%q,"detail":%s}`, event.Type, bytes.TrimSpace(event.Detail))
	a.answers = append(a.answers, envelope)
	if a.doubled {
		a.answers = append(a.answers, envelope)
	}
	return nil
}

func (a *account) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	if err := a.enter("ReceiveMessage"); err != nil {
		return nil, err
	}
	a.mutex.Lock()
	some := a.answers[:min(10, len(a.answers))]
	a.answers = a.answers[len(some):]
	output := &sqs.ReceiveMessageOutput{}
	for _, body := range some {
		handle := strconv.Itoa(len(a.hidden))
		a.hidden[handle] = body
		output.Messages = append(output.Messages, sqstypes.Message{Body: &body, ReceiptHandle: &handle})
	}
	a.mutex.Unlock()
	if len(some) == 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Duration(in.WaitTimeSeconds) * time.Second):
		}
	}
	return output, nil
}

func (a *account) DeleteMessageBatch(_ context.Context, in *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	if err := a.enter("DeleteMessageBatch"); err != nil {
		return nil, err
	}
	if len(in.Entries) > 10 {
		return nil, errors.New("too many")
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for _, entry := range in.Entries {
		a.hidden[*entry.ReceiptHandle] = ""
	}
	return &sqs.DeleteMessageBatchOutput{}, nil
}

func trusts(service string) string {
	return url.PathEscape(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`)
}
