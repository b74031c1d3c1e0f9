package diagnosis

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

// account is an AWS account that counts the calls.
type account struct {
	mutex       sync.Mutex
	calls       []string
	objects     map[string][]byte
	definitions map[string]*types.TaskDefinition
	tasks       []types.Task
	services    []types.Service
	clusters    []types.Cluster
	instances   []types.ContainerInstance
	ec2         []ec2types.Instance
	userData    map[string]string
	profiles    map[string]string
	trust       map[string]string
	denied      map[string]bool // action + " " + role
	secrets     map[string]*secretsmanager.DescribeSecretOutput
	sent        []sqs.SendMessageInput
	fail        map[string]error
	now         time.Time
}

func newAccount() *account {
	return &account{
		objects: map[string][]byte{}, definitions: map[string]*types.TaskDefinition{}, profiles: map[string]string{}, trust: map[string]string{},
		denied: map[string]bool{}, secrets: map[string]*secretsmanager.DescribeSecretOutput{}, fail: map[string]error{},
		now: time.Date(2026, 8, 24, 16, 0, 0, 0, time.UTC),
	}
}

func (a *account) call(name string) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.calls = append(a.calls, name)
	return a.fail[name]
}

func (a *account) took() []string {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	calls := a.calls
	a.calls = nil
	return calls
}

func apiError(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: code, Fault: smithy.FaultClient}
}

func (a *account) DescribeTaskDefinition(_ context.Context, in *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	if err := a.call("DescribeTaskDefinition"); err != nil {
		return nil, err
	}
	definition := a.definitions[*in.TaskDefinition]
	if definition == nil {
		return nil, apiError("ClientException")
	}
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: definition}, nil
}

func (a *account) ListTasks(_ context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	if err := a.call("ListTasks"); err != nil {
		return nil, err
	}
	output := &ecs.ListTasksOutput{}
	for _, task := range a.tasks {
		stopped := aws.ToString(task.LastStatus) == "STOPPED"
		if stopped == (in.DesiredStatus == types.DesiredStatusStopped) && (in.Family == nil || strings.Contains(aws.ToString(task.TaskDefinitionArn), "/"+*in.Family+":")) {
			output.TaskArns = append(output.TaskArns, aws.ToString(task.TaskArn))
		}
	}
	return output, nil
}

func (a *account) DescribeTasks(_ context.Context, in *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	if err := a.call("DescribeTasks"); err != nil {
		return nil, err
	}
	output := &ecs.DescribeTasksOutput{}
	for _, task := range a.tasks {
		if slices.Contains(in.Tasks, aws.ToString(task.TaskArn)) {
			output.Tasks = append(output.Tasks, task)
		}
	}
	return output, nil
}

func (a *account) DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	return &ecs.DescribeServicesOutput{Services: a.services}, a.call("DescribeServices")
}

func (a *account) DescribeClusters(context.Context, *ecs.DescribeClustersInput, ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error) {
	return &ecs.DescribeClustersOutput{Clusters: a.clusters}, a.call("DescribeClusters")
}

func (a *account) ListContainerInstances(context.Context, *ecs.ListContainerInstancesInput, ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error) {
	output := &ecs.ListContainerInstancesOutput{}
	for _, instance := range a.instances {
		output.ContainerInstanceArns = append(output.ContainerInstanceArns, aws.ToString(instance.ContainerInstanceArn))
	}
	return output, a.call("ListContainerInstances")
}

func (a *account) DescribeContainerInstances(context.Context, *ecs.DescribeContainerInstancesInput, ...func(*ecs.Options)) (*ecs.DescribeContainerInstancesOutput, error) {
	return &ecs.DescribeContainerInstancesOutput{ContainerInstances: a.instances}, a.call("DescribeContainerInstances")
}

func (a *account) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	var found []ec2types.Instance
	for _, instance := range a.ec2 {
		if len(in.InstanceIds) == 0 || slices.Contains(in.InstanceIds, aws.ToString(instance.InstanceId)) {
			found = append(found, instance)
		}
	}
	return &ec2.DescribeInstancesOutput{Reservations: []ec2types.Reservation{{OwnerId: aws.String("123456789012"), Instances: found}}}, a.call("DescribeInstances")
}

func (a *account) DescribeInstanceAttribute(_ context.Context, in *ec2.DescribeInstanceAttributeInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstanceAttributeOutput, error) {
	text := base64.StdEncoding.EncodeToString([]byte(a.userData[*in.InstanceId]))
	return &ec2.DescribeInstanceAttributeOutput{UserData: &ec2types.AttributeValue{Value: &text}}, a.call("DescribeInstanceAttribute")
}

func (a *account) ListClusters(context.Context, *ecs.ListClustersInput, ...func(*ecs.Options)) (*ecs.ListClustersOutput, error) {
	return &ecs.ListClustersOutput{ClusterArns: []string{"arn:aws:ecs:us-east-1:123456789012:cluster/main"}}, a.call("ListClusters")
}

func (a *account) GetRole(_ context.Context, in *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	if err := a.call("GetRole"); err != nil {
		return nil, err
	}
	trust, ok := a.trust[*in.RoleName]
	if !ok {
		return nil, apiError("NoSuchEntity")
	}
	return &iam.GetRoleOutput{Role: &iamtypes.Role{Arn: aws.String("arn:aws:iam::123456789012:role/" + *in.RoleName), AssumeRolePolicyDocument: &trust}}, nil
}

func (a *account) GetInstanceProfile(_ context.Context, in *iam.GetInstanceProfileInput, _ ...func(*iam.Options)) (*iam.GetInstanceProfileOutput, error) {
	if err := a.call("GetInstanceProfile"); err != nil {
		return nil, err
	}
	profile := &iamtypes.InstanceProfile{}
	if role := a.profiles[*in.InstanceProfileName]; role != "" {
		profile.Roles = []iamtypes.Role{{Arn: aws.String("arn:aws:iam::123456789012:role/" + role)}}
	}
	return &iam.GetInstanceProfileOutput{InstanceProfile: profile}, nil
}

func (a *account) SimulatePrincipalPolicy(_ context.Context, in *iam.SimulatePrincipalPolicyInput, _ ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error) {
	if err := a.call("SimulatePrincipalPolicy"); err != nil {
		return nil, err
	}
	decision := iamtypes.PolicyEvaluationDecisionTypeAllowed
	if a.denied[in.ActionNames[0]+" "+lastPart(*in.PolicySourceArn)] {
		decision = iamtypes.PolicyEvaluationDecisionTypeImplicitDeny
	}
	return &iam.SimulatePrincipalPolicyOutput{EvaluationResults: []iamtypes.EvaluationResult{{EvalActionName: &in.ActionNames[0], EvalResourceName: &in.ResourceArns[0], EvalDecision: decision}}}, nil
}

func (a *account) DescribeSecret(_ context.Context, in *secretsmanager.DescribeSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	if err := a.call("DescribeSecret"); err != nil {
		return nil, err
	}
	secret := a.secrets[*in.SecretId]
	if secret == nil {
		return nil, apiError("ResourceNotFoundException")
	}
	return secret, nil
}

func (a *account) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	if err := a.call("SendMessage"); err != nil {
		return nil, err
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.sent = append(a.sent, *in)
	return &sqs.SendMessageOutput{}, nil
}

func (a *account) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	if err := a.call("GetObject"); err != nil {
		return nil, err
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	body, ok := a.objects[*in.Key]
	if !ok {
		return nil, apiError("NoSuchKey")
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(body)), ETag: tagOf(body)}, nil
}

func tagOf(body []byte) *string {
	sum := md5.Sum(body)
	return aws.String(hex.EncodeToString(sum[:]))
}

func (a *account) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if err := a.call("PutObject"); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	there, ok := a.objects[*in.Key]
	if (in.IfNoneMatch != nil && ok) || (in.IfMatch != nil && (!ok || *tagOf(there) != *in.IfMatch)) {
		return nil, apiError("PreconditionFailed")
	}
	a.objects[*in.Key] = body
	return &s3.PutObjectOutput{ETag: tagOf(body)}, nil
}

func (a *account) DeleteObject(_ context.Context, in *s3.DeleteObjectInput, _ ...func(*s3.Options)) (*s3.DeleteObjectOutput, error) {
	a.mutex.Lock()
	delete(a.objects, *in.Key)
	a.mutex.Unlock()
	return &s3.DeleteObjectOutput{}, a.call("DeleteObject")
}

func (a *account) HeadObject(_ context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	if err := a.call("HeadObject"); err != nil {
		return nil, err
	}
	if _, ok := a.objects["s3://"+*in.Bucket+"/"+*in.Key]; !ok {
		return nil, apiError("NotFound")
	}
	return &s3.HeadObjectOutput{}, nil
}

func (a *account) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	if err := a.call("ListObjectsV2"); err != nil {
		return nil, err
	}
	output := &s3.ListObjectsV2Output{}
	for key := range a.objects {
		if strings.HasPrefix(key, *in.Prefix) {
			output.Contents = append(output.Contents, s3types.Object{Key: aws.String(key)})
		}
	}
	return output, nil
}

// diagnosis makes the function; cold ones remember nothing of each other.
func (a *account) diagnosis(mode finding.Mode) *Diagnosis {
	settings := Settings{
		StateBucket: "reports", AttachPoliciesQueueURL: "https://sqs/attach", PatchTaskDefinitionQueueURL: "https://sqs/patch",
		RotateSecretQueueURL: "https://sqs/rotate", ValidateConfigQueueURL: "https://sqs/validate",
	}
	settings.Mode = mode
	now := func() time.Time { return a.now }
	return New(settings, Clients{
		Containers: a, Roles: a, Secrets: a, Instances: a, Storage: a, Queues: a,
		Registries: registry.NewAsker(registry.NewGuardedClient(registry.Authorities{}, false), now, time.Minute),
	}, now)
}

// sample reads an event of testdata, changed where the test wants it.
func sample(t testing.TB, name string, change ...func(detail map[string]any)) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/events/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var envelope map[string]any
	if err := json.Unmarshal(raw, &envelope); err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(envelope["detail"].(map[string]any))
	}
	raw, err = json.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// queued wraps events as SQS delivers them; received counts the deliveries.
func queued(received int, events ...[]byte) []byte {
	var records []map[string]any
	for i, event := range events {
		records = append(records, map[string]any{
			"messageId": fmt.Sprint("m", i), "eventSource": "aws:sqs", "body": string(event),
			"attributes": map[string]any{"ApproximateReceiveCount": fmt.Sprint(received)},
		})
	}
	raw, _ := json.Marshal(map[string]any{"Records": records})
	return raw
}

func only(t *testing.T, outcome pipeline.Outcome) finding.Result {
	t.Helper()
	if len(outcome.Report().Results) != 1 {
		t.Fatalf("%d results, want one: %+v", len(outcome.Report().Results), outcome.Report().Results)
	}
	result := outcome.Report().Results[0]
	if err := findingtest.Check(result); err != nil {
		t.Errorf("the result breaks the contract: %v", err)
	}
	return result
}

func secretOf(tags map[string]string, rotates bool) *secretsmanager.DescribeSecretOutput {
	output := &secretsmanager.DescribeSecretOutput{RotationEnabled: &rotates}
	for key, value := range tags {
		output.Tags = append(output.Tags, secrettypes.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	return output
}

func instanceWith(profile string) ec2types.Instance {
	instance := ec2types.Instance{InstanceId: aws.String("i-0123456789abcdef0"), State: &ec2types.InstanceState{Name: ec2types.InstanceStateNameRunning}}
	if profile != "" {
		instance.IamInstanceProfile = &ec2types.IamInstanceProfile{Arn: &profile}
	}
	return instance
}
