package canary_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnosis"
	"github.com/ecs-guardrails/ecs-guardrails/shared/digest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/instancerole"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/drivers"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

// handler is a function that was started for one delivery.
type handler interface {
	Handle(context.Context, []byte) pipeline.Outcome
}

// scenario is a function in an account where it finds much to say.
type scenario struct {
	name   string
	events []string
	start  func(aws.Config) handler
	// answers are those of the account beside everybody's.
	answers map[string]any
}

var clock = time.Date(2026, 3, 2, 9, 20, 0, 0, time.UTC)

// now is the clock of a test's bubble, which stands still where nothing waits.
func now() time.Time {
	return time.Now().Add(clock.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))).UTC()
}

// settingsOf reads a function's settings from its variables, with their defaults.
func settingsOf[T any](function string, variables ...string) T {
	read, err := settings.Load[T](function, append([]string{"MODE=enforce", "STACK_ID=arn:aws:cloudformation:us-east-1:123456789012:stack/guardrails/0a1b2c3d"}, variables...))
	if err != nil {
		panic(err)
	}
	return read
}

// sample reads an event of the folder events/.
func sample(name string) string {
	text, err := os.ReadFile("../../events/" + name)
	if err != nil {
		panic(err)
	}
	return string(text)
}

const (
	roleName     = "ecsInstanceRole-web"
	roleARN      = "arn:aws:iam::123456789012:role/ecsInstanceRole-web"
	registryARN  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:registry-AbCdEf"
	secretName   = "registry"
	clusterARN   = "arn:aws:ecs:us-east-1:123456789012:cluster/main"
	ownersPolicy = `{"Version":"2012-10-17","Statement":[{"Sid":"Own","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::210987654321:role/reader"},"Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"shop"}}}]}`
)

func tagsOf[T any](tag func(key, value *string) T, pairs ...string) (tags []T) {
	for at := 0; at < len(pairs); at += 2 {
		tags = append(tags, tag(aws.String(pairs[at]), aws.String(pairs[at+1])))
	}
	return tags
}

func iamTag(key, value *string) iamtypes.Tag { return iamtypes.Tag{Key: key, Value: value} }
func ecsTag(key, value *string) ecstypes.Tag { return ecstypes.Tag{Key: key, Value: value} }
func s3Tag(key, value *string) s3types.Tag   { return s3types.Tag{Key: key, Value: value} }
func secretTag(key, value *string) secrettypes.Tag {
	return secrettypes.Tag{Key: key, Value: value}
}

// role is one with a tag of every kind that is read.
func role(trust string) *iamtypes.Role {
	return &iamtypes.Role{
		RoleName: aws.String(roleName), Arn: aws.String(roleARN), Path: aws.String("/"), AssumeRolePolicyDocument: aws.String(trust),
		Description:         aws.String("instances"),
		PermissionsBoundary: &iamtypes.AttachedPermissionsBoundary{PermissionsBoundaryArn: aws.String("arn:aws:iam::123456789012:policy/boundary")},
		Tags: tagsOf(iamTag, "ecs-guardrails:capabilities", "agent ssm", "ecs-guardrails:instance-role", "true", "ecs-guardrails:config-objects", "s3://acme-ecs-config/prod/ecs.config",
			"ecs-guardrails:ignore", "no", "ecs-guardrails:cluster", "main", "aws:cloudformation:stack-name", "acme-prod", "ManagedBy", "terraform", "team", "shop"),
	}
}

// decided answers the policy simulator: what is asked is not allowed.
func decided(decision iamtypes.PolicyEvaluationDecisionType) func(*iam.SimulatePrincipalPolicyInput) any {
	return func(input *iam.SimulatePrincipalPolicyInput) any {
		resources := input.ResourceArns
		if len(resources) == 0 {
			resources = []string{"*"}
		}
		output := &iam.SimulatePrincipalPolicyOutput{}
		for _, action := range input.ActionNames {
			evaluated := iamtypes.EvaluationResult{EvalActionName: &action, EvalResourceName: &resources[0], EvalDecision: decision, MissingContextValues: []string{"aws:SourceVpce"}}
			if len(resources) > 1 {
				for _, resource := range resources {
					evaluated.ResourceSpecificResults = append(evaluated.ResourceSpecificResults, iamtypes.ResourceSpecificResult{
						EvalResourceName: &resource, EvalResourceDecision: decision, MissingContextValues: []string{"aws:SourceVpce"},
					})
				}
			}
			output.EvaluationResults = append(output.EvaluationResults, evaluated)
		}
		return output
	}
}

// everybodys are the answers that all scenarios share.
func everybodys() map[string]any {
	trust := "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22ec2.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D"
	policy := `{"Version":"2012-10-17","Statement":[{"Sid":"Own","Effect":"Allow","Action":["ecs:Poll"],"Resource":"arn:aws:ecs:us-east-1:123456789012:container-instance/main/*","Condition":{"ArnEquals":{"ecs:cluster":"` + clusterARN + `"}}},{"Effect":"Deny","Action":"ecr:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-0123"}}}]}`
	userData := "IyEvYmluL2Jhc2gKZWNobyBFQ1NfQ0xVU1RFUj1tYWluID4+IC9ldGMvZWNzL2Vjcy5jb25maWcK"
	return map[string]any{
		"iam.GetRole":                        &iam.GetRoleOutput{Role: role(trust)},
		"iam.SimulatePrincipalPolicy":        decided(iamtypes.PolicyEvaluationDecisionTypeImplicitDeny),
		"iam.ListAttachedRolePolicies":       &iam.ListAttachedRolePoliciesOutput{AttachedPolicies: []iamtypes.AttachedPolicy{{PolicyArn: aws.String("arn:aws:iam::123456789012:policy/own"), PolicyName: aws.String("own")}}},
		"iam.ListRolePolicies":               &iam.ListRolePoliciesOutput{PolicyNames: []string{"inline"}},
		"iam.GetRolePolicy":                  &iam.GetRolePolicyOutput{PolicyName: aws.String("inline"), RoleName: aws.String(roleName), PolicyDocument: &policy},
		"iam.GetPolicy":                      &iam.GetPolicyOutput{Policy: &iamtypes.Policy{Arn: aws.String("arn:aws:iam::123456789012:policy/own"), DefaultVersionId: aws.String("v1")}},
		"iam.GetPolicyVersion":               &iam.GetPolicyVersionOutput{PolicyVersion: &iamtypes.PolicyVersion{Document: &policy}},
		"iam.GetAccountSummary":              &iam.GetAccountSummaryOutput{SummaryMap: map[string]int32{"AttachedPoliciesPerRoleQuota": 10}},
		"iam.GetInstanceProfile":             &iam.GetInstanceProfileOutput{InstanceProfile: &iamtypes.InstanceProfile{InstanceProfileName: aws.String("web-hosts"), Roles: []iamtypes.Role{*role(trust)}}},
		"iam.ListInstanceProfilesForRole":    &iam.ListInstanceProfilesForRoleOutput{InstanceProfiles: []iamtypes.InstanceProfile{{InstanceProfileName: aws.String("web-hosts")}}},
		"iam.TagRole":                        &iam.TagRoleOutput{},
		"iam.UntagRole":                      &iam.UntagRoleOutput{},
		"iam.AttachRolePolicy":               &iam.AttachRolePolicyOutput{},
		"iam.DetachRolePolicy":               &iam.DetachRolePolicyOutput{},
		"iam.GetAccountAuthorizationDetails": &iam.GetAccountAuthorizationDetailsOutput{RoleDetailList: []iamtypes.RoleDetail{{RoleName: aws.String(roleName), Arn: aws.String(roleARN), Path: aws.String("/"), AssumeRolePolicyDocument: &trust, Tags: role(trust).Tags}}},
		"ec2.DescribeInstances": &ec2.DescribeInstancesOutput{Reservations: []ec2types.Reservation{{Instances: []ec2types.Instance{{
			InstanceId: aws.String("i-0dbc91f429e48eeed"), ImageId: aws.String("ami-0f2b3c4d5e6f70819"), State: &ec2types.InstanceState{Name: ec2types.InstanceStateNameRunning},
			IamInstanceProfile: &ec2types.IamInstanceProfile{Arn: aws.String("arn:aws:iam::123456789012:instance-profile/web-hosts")},
			Tags:               []ec2types.Tag{{Key: aws.String("Name"), Value: aws.String("web")}, {Key: aws.String("aws:autoscaling:groupName"), Value: aws.String("web")}},
			PrivateDnsName:     aws.String("ip-10-0-1-10.ec2.internal"), LaunchTime: aws.Time(clock.Add(-time.Hour)),
		}}}}},
		"ec2.DescribeInstanceAttribute":      &ec2.DescribeInstanceAttributeOutput{UserData: &ec2types.AttributeValue{Value: &userData}},
		"ec2.DescribeImages":                 &ec2.DescribeImagesOutput{Images: []ec2types.Image{{ImageId: aws.String("ami-0f2b3c4d5e6f70819"), Name: aws.String("al2023-ami-ecs-hvm-2023.0.20251108-kernel-6.1-x86_64"), OwnerId: aws.String("591542846629"), ImageOwnerAlias: aws.String("amazon"), Description: aws.String("ECS")}}},
		"ec2.DescribeLaunchTemplateVersions": &ec2.DescribeLaunchTemplateVersionsOutput{LaunchTemplateVersions: []ec2types.LaunchTemplateVersion{{LaunchTemplateName: aws.String("web"), VersionDescription: aws.String("first"), LaunchTemplateData: &ec2types.ResponseLaunchTemplateData{UserData: &userData}}}},
		"ecs.DescribeCapacityProviders": &ecs.DescribeCapacityProvidersOutput{CapacityProviders: []ecstypes.CapacityProvider{{
			Name: aws.String("managed"), Tags: tagsOf(ecsTag, "team", "shop"),
			ManagedInstancesProvider: &ecstypes.ManagedInstancesProvider{InstanceLaunchTemplate: &ecstypes.InstanceLaunchTemplate{Ec2InstanceProfileArn: aws.String("arn:aws:iam::123456789012:instance-profile/web-hosts")}},
		}}},
		"ecs.DescribeClusters":  &ecs.DescribeClustersOutput{Clusters: []ecstypes.Cluster{{ClusterArn: aws.String(clusterARN), ClusterName: aws.String("main"), Status: aws.String("ACTIVE"), Tags: tagsOf(ecsTag, "team", "shop")}}},
		"sts.GetCallerIdentity": &sts.GetCallerIdentityOutput{Account: aws.String("123456789012"), Arn: aws.String("arn:aws:sts::123456789012:assumed-role/guardrails/x")},
	}
}

// noConnection is a network where no registry answers.
type noConnection struct{}

func (noConnection) RoundTrip(request *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("dial %s: no route to host", request.URL.Host)
}

// described is the task definition of the tests of files, as ECS gives it.
func described(t *testing.T) *ecstypes.TaskDefinition {
	t.Helper()
	revision := &ecstypes.TaskDefinition{}
	if err := json.Unmarshal([]byte(definition), revision); err != nil {
		t.Fatal(err)
	}
	revision.TaskDefinitionArn, revision.Revision, revision.Status = aws.String("arn:aws:ecs:us-east-1:123456789012:task-definition/web:7"), 7, ecstypes.TaskDefinitionStatusActive
	revision.RegisteredBy, revision.RegisteredAt = aws.String("arn:aws:sts::123456789012:assumed-role/deployer/deploy"), aws.Time(clock.Add(-10*time.Minute))
	return revision
}

func attachPolicies(variables ...string) func(aws.Config) handler {
	return func(configuration aws.Config) handler {
		return instancerole.New(settingsOf[instancerole.Settings]("attach-policies", variables...), instancerole.Clients{
			Roles: iam.NewFromConfig(configuration), Instances: ec2.NewFromConfig(configuration), Providers: ecs.NewFromConfig(configuration), Region: "us-east-1",
		}, now)
	}
}

func patchTaskDefinition(variables ...string) func(aws.Config) handler {
	return func(configuration aws.Config) handler {
		containers := ecs.NewFromConfig(configuration)
		return taskdef.New(settingsOf[taskdef.Settings]("patch-task-definition", variables...), taskdef.Clients{
			Containers: containers, Rules: eventbridge.NewFromConfig(configuration), Schedules: scheduler.NewFromConfig(configuration),
			Secrets: secretsmanager.NewFromConfig(configuration), Roles: iam.NewFromConfig(configuration), Storage: s3client.New(configuration),
			Images: registry.NewAsker(registry.WithTransport(noConnection{}), now, 0), Region: "us-east-1",
		}, now)
	}
}

func validateConfig(variables ...string) func(aws.Config) handler {
	return func(configuration aws.Config) handler {
		return configobject.New(settingsOf[configobject.Settings]("validate-config", variables...), configobject.Clients{
			Storage: s3client.New(configuration), Clusters: ecs.NewFromConfig(configuration), Roles: iam.NewFromConfig(configuration),
			Account: configbucket.NewAccountClient(configuration), Identity: sts.NewFromConfig(configuration),
			Registries: registry.WithTransport(noConnection{}), Region: "us-east-1",
		}, now)
	}
}

func rotateSecret(configuration aws.Config) handler {
	client := registry.WithTransport(noConnection{})
	containers := ecs.NewFromConfig(configuration)
	rotating := settingsOf[rotation.Settings]("rotate-secret", "REFRESH_INSTANCES=cluster", "CONFIG_BUCKET=acme-ecs-config", "HTPASSWD_OBJECTS=s3://acme/registry/*")
	return rotation.New(rotating, rotation.Clients{
		Secrets: secretsmanager.NewFromConfig(configuration), Configs: s3client.New(configuration), Registries: client, Images: registry.NewAsker(client, now, 0),
		Commands: ssm.NewFromConfig(configuration), Clusters: containers, Definitions: containers,
		Drivers: drivers.All(drivers.FromAWS(configuration, client, rotating.HtpasswdLimits(), nil, now)),
	}, now)
}

func diagnoseFailure(configuration aws.Config) handler {
	return diagnosis.New(settingsOf[diagnosis.Settings]("diagnose-failure", "STATE_BUCKET=reports", "ATTACH_POLICIES_QUEUE_URL=https://sqs/1/a",
		"PATCH_TASK_DEFINITION_QUEUE_URL=https://sqs/1/p", "ROTATE_SECRET_QUEUE_URL=https://sqs/1/r", "VALIDATE_CONFIG_QUEUE_URL=https://sqs/1/v"), diagnosis.Clients{
		Containers: ecs.NewFromConfig(configuration), Roles: iam.NewFromConfig(configuration), Secrets: secretsmanager.NewFromConfig(configuration),
		Instances: ec2.NewFromConfig(configuration), Storage: s3client.New(configuration), Queues: sqs.NewFromConfig(configuration),
		Registries: registry.NewAsker(registry.WithTransport(noConnection{}), now, time.Minute),
	}, now)
}

func sweepAll(configuration aws.Config) handler {
	containers, secrets := ecs.NewFromConfig(configuration), secretsmanager.NewFromConfig(configuration)
	return sweep.New(settingsOf[sweep.Settings]("sweep", "CONFIG_BUCKETS=acme-ecs-config", "REPORT_BUCKET=reports", "SWEEP_RESULTS_QUEUE_URL=https://sqs/1/results", "SWEEP_QUEUE_URL=https://sqs/1/sweep",
		"ATTACH_POLICIES_QUEUE_URL=https://sqs/1/a", "PATCH_TASK_DEFINITION_QUEUE_URL=https://sqs/1/p", "ROTATE_SECRET_QUEUE_URL=https://sqs/1/r", "VALIDATE_CONFIG_QUEUE_URL=https://sqs/1/v",
		"ANSWER_WAIT=1ms"), sweep.Clients{
		Roles: iam.NewFromConfig(configuration), Families: containers, Services: containers, Rules: eventbridge.NewFromConfig(configuration), Schedules: scheduler.NewFromConfig(configuration),
		Secrets: secrets, Trails: cloudtrail.NewFromConfig(configuration), Storage: s3client.New(configuration), Queues: sqs.NewFromConfig(configuration), Definitions: containers, Departure: secrets,
		Region: "us-east-1",
	}, now)
}

func notify(configuration aws.Config) handler {
	told := settingsOf[digest.Settings]("notify", "MAIL_TOPIC_ARN=arn:aws:sns:us-east-1:123456789012:mail", "CHAT_TOPIC_ARN=arn:aws:sns:us-east-1:123456789012:chat", "REPORT_BUCKET=reports")
	return &digest.Notifier{Settings: told, Topics: sns.NewFromConfig(configuration), Storage: s3client.New(configuration), Now: now}
}

// object gives each read of an object a body of its own.
func object(content string) func(*s3.GetObjectInput) any {
	return func(*s3.GetObjectInput) any {
		return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader(content)), ContentLength: aws.Int64(int64(len(content))), ETag: aws.String(`"0123"`), VersionId: aws.String("v2")}
	}
}
