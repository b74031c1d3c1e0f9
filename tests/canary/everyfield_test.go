package canary_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	cloudtrailtypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventbridgetypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
	"github.com/ecs-guardrails/ecs-guardrails/tests/canary"
)

// muted is a document with two entries, of which the second has ended.
const muted = `{"mutes":[{"subject":"role/web","code":"agent-rights","owner":"Terraform","reason":"accepted by the team","until":"2027-03-31"},{"subject":"s3://bucket/*","reason":"known","until":"2025-03-31"}]}`

// notFound is an error of S3's for what a bucket doesn't have.
func notFound(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "It has none.", Fault: smithy.FaultClient}
}

// services are ECS's answers about what runs a revision.
func services() map[string]any {
	const revision = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7"
	return map[string]any{
		"ecs.ListClusters": &ecs.ListClustersOutput{ClusterArns: []string{clusterARN}},
		"ecs.ListServices": &ecs.ListServicesOutput{ServiceArns: []string{"arn:aws:ecs:us-east-1:123456789012:service/main/web"}},
		"ecs.DescribeServices": &ecs.DescribeServicesOutput{Services: []ecstypes.Service{{
			ServiceName: aws.String("web"), ServiceArn: aws.String("arn:aws:ecs:us-east-1:123456789012:service/main/web"), ClusterArn: aws.String(clusterARN), TaskDefinition: aws.String(revision), Status: aws.String("ACTIVE"), DesiredCount: 1,
			Deployments: []ecstypes.Deployment{{Id: aws.String("ecs-svc/1"), Status: aws.String("PRIMARY"), TaskDefinition: aws.String(revision), RolloutState: ecstypes.DeploymentRolloutStateInProgress, RolloutStateReason: aws.String("in progress"), DesiredCount: 1}},
			Events:      []ecstypes.ServiceEvent{{Message: aws.String("(service web) was unable to place a task because no container instance met all of its requirements.")}},
			Tags:        tagsOf(ecsTag, "aws:cloudformation:stack-name", "acme", "team", "shop"), RoleArn: aws.String("arn:aws:iam::123456789012:role/service"), CreatedBy: aws.String("arn:aws:iam::123456789012:role/deployer"),
		}}},
		"ecs.ListTaskDefinitions":        &ecs.ListTaskDefinitionsOutput{TaskDefinitionArns: []string{revision}},
		"ecs.ListTaskDefinitionFamilies": &ecs.ListTaskDefinitionFamiliesOutput{Families: []string{"web"}},
		"ecs.ListTasks":                  &ecs.ListTasksOutput{TaskArns: []string{"arn:aws:ecs:us-east-1:123456789012:task/main/0123456789abcdef0123456789abcdef"}},
		"ecs.ListContainerInstances":     &ecs.ListContainerInstancesOutput{ContainerInstanceArns: []string{"arn:aws:ecs:us-east-1:123456789012:container-instance/main/fedcba9876543210fedcba9876543210"}},
		"ecs.DescribeContainerInstances": &ecs.DescribeContainerInstancesOutput{ContainerInstances: []ecstypes.ContainerInstance{{
			ContainerInstanceArn: aws.String("arn:aws:ecs:us-east-1:123456789012:container-instance/main/fedcba9876543210fedcba9876543210"), Ec2InstanceId: aws.String("i-0dbc91f429e48eeed"), Status: aws.String("ACTIVE"),
			StatusReason: aws.String("none"), AgentConnected: true, VersionInfo: &ecstypes.VersionInfo{AgentVersion: aws.String("1.50.0"), DockerVersion: aws.String("DockerVersion: 25.0.8"), AgentHash: aws.String("abcdef")},
			Attributes: []ecstypes.Attribute{{Name: aws.String("ecs.capability.docker-remote-api.1.18")}, {Name: aws.String("stage"), Value: aws.String("prod")}}, CapacityProviderName: aws.String("managed"),
			RegisteredAt: aws.Time(clock.AddDate(0, 0, -9)),
		}}},
		"eventbridge.ListRules":             &eventbridge.ListRulesOutput{Rules: []eventbridgetypes.Rule{{Name: aws.String("nightly"), Arn: aws.String("arn:aws:events:us-east-1:123456789012:rule/nightly"), ScheduleExpression: aws.String("rate(1 day)"), Description: aws.String("at night")}}},
		"eventbridge.ListRuleNamesByTarget": &eventbridge.ListRuleNamesByTargetOutput{RuleNames: []string{"nightly"}},
		"eventbridge.ListTargetsByRule":     &eventbridge.ListTargetsByRuleOutput{Targets: []eventbridgetypes.Target{{Id: aws.String("1"), Arn: aws.String(clusterARN), RoleArn: aws.String("arn:aws:iam::123456789012:role/events"), Input: aws.String("{\"a\":\"b\"}"), EcsParameters: &eventbridgetypes.EcsParameters{TaskDefinitionArn: aws.String(revision), Group: aws.String("night")}}}},
		"scheduler.ListSchedules":           &scheduler.ListSchedulesOutput{Schedules: []schedulertypes.ScheduleSummary{{Name: aws.String("hourly"), GroupName: aws.String("default"), Arn: aws.String("arn:aws:scheduler:us-east-1:123456789012:schedule/default/hourly"), Target: &schedulertypes.TargetSummary{Arn: aws.String(clusterARN)}}}},
		"scheduler.GetSchedule":             &scheduler.GetScheduleOutput{Name: aws.String("hourly"), GroupName: aws.String("default"), Description: aws.String("each hour"), Target: &schedulertypes.Target{Arn: aws.String(clusterARN), RoleArn: aws.String("arn:aws:iam::123456789012:role/scheduler"), EcsParameters: &schedulertypes.EcsParameters{TaskDefinitionArn: aws.String(revision)}}},
	}
}

// listed are the registry secrets as ListSecrets gives them: one that serves the
// image, one that has the same registry, and one with tags that say nothing.
func listed(pairs ...string) *secretsmanager.ListSecretsOutput {
	tags := append([]string{taskdef.TagRegistry, "registry.example.com", taskdef.TagFamilies, "web* storefront", "ecs-guardrails:pull-roles", "*", "team", "shop"}, pairs...)
	return &secretsmanager.ListSecretsOutput{SecretList: []secrettypes.SecretListEntry{
		{ARN: aws.String(registryARN), Name: aws.String(secretName), Tags: tagsOf(secretTag, tags...), Description: aws.String("pulls"), KmsKeyId: aws.String("alias/own"), RotationLambdaARN: aws.String("arn:aws:lambda:us-east-1:123456789012:function:rotate"), OwningService: aws.String("")},
		{ARN: aws.String("arn:aws:secretsmanager:us-east-1:123456789012:secret:second-AbCdEf"), Name: aws.String("second"), Tags: tagsOf(secretTag, taskdef.TagRegistry, "registry.example.com", rotation.DriverTag, "harbor")},
		{ARN: aws.String("arn:aws:secretsmanager:us-east-1:123456789012:secret:other-AbCdEf"), Name: aws.String("other"), Tags: tagsOf(secretTag, taskdef.TagRegistry, "other.example.com/acme", rotation.DriverTag, "quay", taskdef.TagFamilies, "api")},
	}}
}

func together(parts ...map[string]any) map[string]any {
	all := map[string]any{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}

// bucket are S3's answers about a bucket that is not as it should be.
func bucket(content string) map[string]any {
	return map[string]any{
		"s3.GetObject":             object(content),
		"s3.HeadObject":            &s3.HeadObjectOutput{ETag: aws.String(`"0123"`), VersionId: aws.String("v2"), Metadata: map[string]string{"team": "shop"}, SSEKMSKeyId: aws.String("arn:aws:kms:us-east-1:123456789012:key/1")},
		"s3.GetObjectTagging":      &s3.GetObjectTaggingOutput{TagSet: tagsOf(s3Tag, "team", "shop", "ecs-config-status", "valid", "ecs-config-restored-from", "v0", "ecs-guardrails:ignore", "no"), VersionId: aws.String("v2")},
		"s3.PutObjectTagging":      &s3.PutObjectTaggingOutput{},
		"s3.PutObject":             &s3.PutObjectOutput{VersionId: aws.String("v3")},
		"s3.GetObjectAcl":          &s3.GetObjectAclOutput{Owner: &s3types.Owner{ID: aws.String("0123"), DisplayName: aws.String("ops")}, Grants: []s3types.Grant{{Permission: s3types.PermissionRead, Grantee: &s3types.Grantee{Type: s3types.TypeCanonicalUser, ID: aws.String("4567"), DisplayName: aws.String("stranger")}}, {Permission: s3types.PermissionRead, Grantee: &s3types.Grantee{Type: s3types.TypeGroup, URI: aws.String("http://acs.amazonaws.com/groups/global/AllUsers")}}}},
		"s3.GetBucketAcl":          &s3.GetBucketAclOutput{Owner: &s3types.Owner{ID: aws.String("0123"), DisplayName: aws.String("ops")}, Grants: []s3types.Grant{{Permission: s3types.PermissionRead, Grantee: &s3types.Grantee{Type: s3types.TypeCanonicalUser, ID: aws.String("4567"), DisplayName: aws.String("stranger")}}, {Permission: s3types.PermissionRead, Grantee: &s3types.Grantee{Type: s3types.TypeAmazonCustomerByEmail, EmailAddress: aws.String("a@example.com")}}}},
		"s3.GetBucketPolicy":       &s3.GetBucketPolicyOutput{Policy: aws.String(`{"Version":"2012-10-17","Id":"p","Statement":[{"Sid":"Strangers","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::210987654321:root","210987654322"],"Service":"x.amazonaws.com","Federated":"accounts.google.com"},"Action":["s3:GetObject"],"Resource":"arn:aws:s3:::acme-ecs-config/*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-0123"}}},{"Sid":"All","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"},{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`)},
		"s3.GetBucketPolicyStatus": &s3.GetBucketPolicyStatusOutput{PolicyStatus: &s3types.PolicyStatus{IsPublic: aws.Bool(true)}},
		"s3.GetPublicAccessBlock":  notFound("NoSuchPublicAccessBlockConfiguration"),
		"s3control.GetPublicAccessBlock": func(*s3control.GetPublicAccessBlockInput) any {
			return notFound("NoSuchPublicAccessBlockConfiguration")
		},
		"s3.GetBucketOwnershipControls":         &s3.GetBucketOwnershipControlsOutput{OwnershipControls: &s3types.OwnershipControls{Rules: []s3types.OwnershipControlsRule{{ObjectOwnership: s3types.ObjectOwnershipObjectWriter}}}},
		"s3.GetBucketEncryption":                &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{Rules: []s3types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String("alias/own")}}}}},
		"s3.GetBucketVersioning":                &s3.GetBucketVersioningOutput{Status: s3types.BucketVersioningStatusSuspended},
		"s3.ListObjectVersions":                 &s3.ListObjectVersionsOutput{Versions: []s3types.ObjectVersion{{Key: aws.String("prod+blue/ecs.config"), VersionId: aws.String("v2"), IsLatest: aws.Bool(true), Size: aws.Int64(10), ETag: aws.String(`"0123"`)}, {Key: aws.String("prod+blue/ecs.config"), VersionId: aws.String("v1"), IsLatest: aws.Bool(false), Size: aws.Int64(10), ETag: aws.String(`"4567"`)}}},
		"s3.ListObjectsV2":                      &s3.ListObjectsV2Output{Contents: []s3types.Object{{Key: aws.String("prod/ecs.config"), Size: aws.Int64(10), ETag: aws.String(`"0123"`)}, {Key: aws.String("team/ecs.config"), Size: aws.Int64(10), ETag: aws.String(`"4567"`)}}},
		"s3.GetBucketNotificationConfiguration": &s3.GetBucketNotificationConfigurationOutput{LambdaFunctionConfigurations: []s3types.LambdaFunctionConfiguration{{Id: aws.String("own"), LambdaFunctionArn: aws.String("arn:aws:lambda:us-east-1:123456789012:function:x"), Events: []s3types.Event{s3types.EventS3ObjectCreated}, Filter: &s3types.NotificationConfigurationFilter{Key: &s3types.S3KeyFilter{FilterRules: []s3types.FilterRule{{Name: s3types.FilterRuleNameSuffix, Value: aws.String(".txt")}}}}}}},
	}
}

// rotated are the answers about a secret whose rotation goes wrong in every way.
func rotated(step string) map[string]any {
	stages := map[string][]string{"version-0": {"AWSCURRENT"}, "8f1b2f6e-4c1d-4f0a-9a57-3b6f3f3d2c11": {"AWSPENDING"}, "version-p": {"AWSPREVIOUS"}}
	tags := tagsOf(secretTag, rotation.RegistryTag, "registry.example.com", rotation.DriverTag, step, rotation.AdminTag, "admin", rotation.ImageTag, "registry.example.com/acme/web:1", rotation.GraceTag, "2h",
		rotation.ConfigTag, "s3://acme-ecs-config/prod/*=main s3://acme-ecs-config/one/ecs.config", rotation.FamiliesTag, "web*", rotation.ExpiresTag, "2026-03-05", "ecs-guardrails:htpasswd", "s3://acme/registry/htpasswd",
		"ecs-guardrails:ignore", "no", "ecs-guardrails:owner", "groups/acme", "aws:cloudformation:stack-name", "acme", "team", "shop")
	return map[string]any{
		"secretsmanager.DescribeSecret": func(input *secretsmanager.DescribeSecretInput) any {
			return &secretsmanager.DescribeSecretOutput{ARN: aws.String(registryARN), Name: aws.String(secretName), Tags: tags, VersionIdsToStages: stages, RotationEnabled: aws.Bool(true), Description: aws.String("pulls"),
				RotationLambdaARN: aws.String("arn:aws:lambda:us-east-1:123456789012:function:other"), RotationRules: &secrettypes.RotationRulesType{ScheduleExpression: aws.String("rate(30 days)"), Duration: aws.String("4h")},
				KmsKeyId: aws.String("alias/own"), PrimaryRegion: aws.String("us-east-1"), ReplicationStatus: []secrettypes.ReplicationStatusType{{Region: aws.String("eu-west-1"), Status: secrettypes.StatusTypeFailed, StatusMessage: aws.String("the key is disabled"), KmsKeyId: aws.String("alias/there")}},
				LastChangedDate: aws.Time(clock.AddDate(0, -2, 0)), LastRotatedDate: aws.Time(clock.AddDate(0, -2, 0)), CreatedDate: aws.Time(clock.AddDate(-1, 0, 0))}
		},
		"secretsmanager.GetSecretValue": func(input *secretsmanager.GetSecretValueInput) any {
			text := `{"username":"puller","password":"p"}`
			if strings.HasPrefix(aws.ToString(input.SecretId), "admin") {
				text = `{"secrets":["registry"],"url":"https://registry.example.com","username":"admin","password":"q","token":"r"}`
			}
			return &secretsmanager.GetSecretValueOutput{ARN: aws.String(registryARN), Name: aws.String(secretName), SecretString: &text, VersionId: aws.String("version-0"), VersionStages: []string{"AWSCURRENT"}}
		},
		"secretsmanager.ListSecrets":              listed(rotation.DriverTag, step),
		"secretsmanager.UpdateSecretVersionStage": &secretsmanager.UpdateSecretVersionStageOutput{},
		"secretsmanager.PutSecretValue":           &secretsmanager.PutSecretValueOutput{},
		"secretsmanager.ListSecretVersionIds":     &secretsmanager.ListSecretVersionIdsOutput{},
		"secretsmanager.GetRandomPassword":        &secretsmanager.GetRandomPasswordOutput{RandomPassword: aws.String("0123")},
		"ssm.SendCommand":                         &ssm.SendCommandOutput{Command: &ssmtypes.Command{CommandId: aws.String("1"), Comment: aws.String("x")}},
		"ssm.ListCommands":                        &ssm.ListCommandsOutput{Commands: []ssmtypes.Command{{CommandId: aws.String("1"), Comment: aws.String("ecs-guardrails"), Status: ssmtypes.CommandStatusFailed, StatusDetails: aws.String("Failed"), RequestedDateTime: aws.Time(clock)}}},
		"ssm.DescribeInstanceInformation":         &ssm.DescribeInstanceInformationOutput{InstanceInformationList: []ssmtypes.InstanceInformation{{InstanceId: aws.String("i-0dbc91f429e48eeed"), PingStatus: ssmtypes.PingStatusConnectionLost, ComputerName: aws.String("web"), Name: aws.String("web")}}},
	}
}

func scenarios(t *testing.T) []scenario {
	t.Helper()
	described := &ecs.DescribeTaskDefinitionOutput{TaskDefinition: described(t), Tags: tagsOf(ecsTag, "team", "shop", "ecs-guardrails:ignore", "no", "ecs-guardrails:source", "web:6", "ManagedBy", "terraform")}
	trusting := func(principals string) *iam.GetRoleOutput {
		return &iam.GetRoleOutput{Role: role(url.PathEscape(`{"Version":"2012-10-17","Statement":[{"Sid":"Own","Effect":"Allow","Principal":` + principals + `,"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}]}`))}
	}
	loaned := func(pairs ...string) map[string]any {
		of := role(*everybodys()["iam.GetRole"].(*iam.GetRoleOutput).Role.AssumeRolePolicyDocument)
		of.Tags = append(of.Tags, tagsOf(iamTag, pairs...)...)
		return map[string]any{"iam.GetRole": &iam.GetRoleOutput{Role: of}}
	}
	secrets := together(rotated("htpasswd"), map[string]any{
		"secretsmanager.GetResourcePolicy": &secretsmanager.GetResourcePolicyOutput{ARN: aws.String(registryARN), Name: aws.String(secretName), ResourcePolicy: aws.String(ownersPolicy)},
		"secretsmanager.PutResourcePolicy": &secretsmanager.PutResourcePolicyOutput{},
	})
	patching := together(services(), secrets, map[string]any{
		"ecs.DescribeTaskDefinition": described,
		"iam.GetRole":                trusting(`{"Service":"ecs-tasks.amazonaws.com"}`),
		"ecs.RegisterTaskDefinition": &ecs.RegisterTaskDefinitionOutput{TaskDefinition: described.TaskDefinition},
		"ecs.UpdateService":          &ecs.UpdateServiceOutput{},
		"s3.HeadObject":              notFound("NotFound"),
	})
	diagnosing := together(services(), secrets, bucket("ECS_CLUSTER=main\n"), map[string]any{
		"ecs.DescribeTaskDefinition": described, "sqs.SendMessage": &sqs.SendMessageOutput{}, "sqs.SendMessageBatch": &sqs.SendMessageBatchOutput{}, "s3.GetObject": notFound("NoSuchKey"),
		"ecs.DescribeTasks": &ecs.DescribeTasksOutput{Tasks: []ecstypes.Task{{
			TaskArn: aws.String("arn:aws:ecs:us-east-1:123456789012:task/main/0123456789abcdef0123456789abcdef"), ClusterArn: aws.String(clusterARN), TaskDefinitionArn: described.TaskDefinition.TaskDefinitionArn, LastStatus: aws.String("STOPPED"),
			StopCode: ecstypes.TaskStopCodeTaskFailedToStart, StoppedReason: aws.String("CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref registry.example.com/acme/web:1: unauthorized"), Group: aws.String("service:web"), StartedBy: aws.String("ecs-svc/1"),
			Containers: []ecstypes.Container{{Name: aws.String("web"), Image: aws.String("registry.example.com/acme/web:1"), Reason: aws.String("CannotPullContainerError: unauthorized"), LastStatus: aws.String("STOPPED"), ExitCode: aws.Int32(1)}},
			StoppedAt:  aws.Time(clock.Add(-10 * time.Minute)), Attributes: []ecstypes.Attribute{{Name: aws.String("a"), Value: aws.String("b")}}, Tags: tagsOf(ecsTag, "team", "shop"), ContainerInstanceArn: aws.String("arn:aws:ecs:us-east-1:123456789012:container-instance/main/fedcba9876543210fedcba9876543210"),
		}}},
	})
	sweeping := together(services(), secrets, bucket(muted), map[string]any{
		"s3.PutObject":                 &s3.PutObjectOutput{ETag: aws.String(`"1"`)},
		"sqs.SendMessageBatch":         func(*sqs.SendMessageBatchInput) any { return &sqs.SendMessageBatchOutput{} },
		"sqs.ReceiveMessage":           &sqs.ReceiveMessageOutput{},
		"sqs.DeleteMessageBatch":       &sqs.DeleteMessageBatchOutput{},
		"cloudtrail.DescribeTrails":    &cloudtrail.DescribeTrailsOutput{TrailList: []cloudtrailtypes.Trail{{Name: aws.String("all"), TrailARN: aws.String("arn:aws:cloudtrail:us-east-1:123456789012:trail/all"), S3BucketName: aws.String("trails"), HomeRegion: aws.String("us-east-1"), IncludeGlobalServiceEvents: aws.Bool(false)}}},
		"cloudtrail.GetTrailStatus":    &cloudtrail.GetTrailStatusOutput{IsLogging: aws.Bool(true), LatestDeliveryError: aws.String("NoSuchBucket")},
		"cloudtrail.GetEventSelectors": &cloudtrail.GetEventSelectorsOutput{TrailARN: aws.String("arn:aws:cloudtrail:us-east-1:123456789012:trail/all"), AdvancedEventSelectors: []cloudtrailtypes.AdvancedEventSelector{{Name: aws.String("some"), FieldSelectors: []cloudtrailtypes.AdvancedFieldSelector{{Field: aws.String("eventCategory"), Equals: []string{"Data"}}}}}},
	})
	config := "ECS_CLUSTER=main\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"registry.example.com\":{\"username\":\"puller\",\"password\":\"p\"}}\n"
	roleEvents := []string{
		sample("create-role.json"), sample("run-instances.json"), sample("detach-role-policy.json"), sample("undo-role.json"), sample("delete-role-conflict.json"),
		sample("remove-role-from-instance-profile.json"),
	}
	return []scenario{
		{name: "attach-policies", events: roleEvents, start: attachPolicies("CAPABILITIES=agent,ssm", "CHANGE_OWNED_RESOURCES=all")},
		{name: "attach-policies, for actors with the right", events: roleEvents[:1], start: attachPolicies("REQUIRE_ACTOR_RIGHT=yes")},
		{name: "attach-policies, a role for others", events: roleEvents[:2], start: attachPolicies(),
			answers: map[string]any{"iam.GetRole": trusting(`{"Service":["ec2.amazonaws.com","x.amazonaws.com"],"AWS":"arn:aws:iam::210987654321:root","Federated":"accounts.google.com"}`)}},
		{name: "attach-policies, a loan", events: roleEvents[2:5], start: attachPolicies(),
			answers: loaned("ecs-guardrails:attached/0a1b2c3d/0123", "arn:aws:iam::aws:policy/X at=2026-03-01T00:10:00Z creator=0a1b2c3d", "ecs-guardrails:healed", "2026-03-01T00:10:00Z", "ecs-guardrails:declined", "2026-03-01T00:10:00Z DetachRolePolicy")},
		{name: "attach-policies, an old record", events: roleEvents[3:4], start: attachPolicies(), answers: loaned("ecs-guardrails:attached", "agent=2025-11-22T00:10:00Z by=ecs-guardrails")},
		{name: "patch-task-definition", events: []string{sample("register-task-definition.json"), `{"taskDefinition":"web"}`}, answers: patching,
			start: patchTaskDefinition("CURE_EXECUTION_ROLES=yes", "UPDATE_SERVICES=yes", "CHANGE_OWNED_RESOURCES=all", "DEREGISTER_SUPERSEDED=1", "REPLACE_CREDENTIALS=yes")},
		{name: "patch-task-definition, a role for others", events: []string{sample("register-task-definition.json")}, start: patchTaskDefinition("CURE_EXECUTION_ROLES=yes"),
			answers: together(patching, map[string]any{"iam.GetRole": trusting(`{"Service":["ecs-tasks.amazonaws.com","x.amazonaws.com"],"AWS":"arn:aws:iam::210987654321:root"}`)})},
		{name: "validate-config", events: []string{sample("ecs-config-uploaded.json"), sample("environment-file-uploaded.json"), sample("ecs-config-by-hand.json"), sample("ecs-config-uploaded-eventbridge.json")},
			start: validateConfig("ON_INVALID=restore", "VERIFY_REGISTRY_LOGIN=yes"), answers: bucket(config)},
		{name: "rotate-secret", events: rotationEvents(), start: rotateSecret, answers: together(services(), rotated("htpasswd"), bucket(config), map[string]any{"ecs.DescribeTaskDefinition": described})},
		{name: "rotate-secret, by an administrator", events: rotationEvents(), start: rotateSecret, answers: together(services(), rotated("harbor"), bucket(config), map[string]any{"ecs.DescribeTaskDefinition": described})},
		{name: "diagnose-failure", start: diagnoseFailure, answers: diagnosing, events: []string{
			sample("task-failed-to-start.json"), sample("service-task-placement-failure.json"), sample("service-deployment-failed.json"), sample("container-instance-agent-impaired.json"),
			`{"task":"0123456789abcdef0123456789abcdef","cluster":"main"}`, `{"service":"main/web"}`, `{"instance":"i-0dbc91f429e48eeed","cluster":"main"}`,
		}},
		{name: "sweep", start: sweepAll, answers: sweeping, events: []string{sample("sweep.json")}},
		{name: "notify", start: notify, answers: map[string]any{"sns.Publish": &sns.PublishOutput{}, "s3.GetObject": object(muted)}, events: []string{newsOf("role/web", "agent-rights"), newsOf("s3://bucket/x", "auth-data-shape")}},
	}
}

// rotationEvents are a look and each step of a rotation.
func rotationEvents() []string {
	events := []string{`{"secret":"` + registryARN + `"}`}
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		events = append(events, `{"Step":"`+step+`","SecretId":"`+registryARN+`","ClientRequestToken":"8f1b2f6e-4c1d-4f0a-9a57-3b6f3f3d2c11"}`)
	}
	return events
}

// newsOf is a finding as the bus delivers it.
func newsOf(subject, code string) string {
	return `{"source":"ecs-guardrails","detail-type":"ECS Guardrails Finding","account":"123456789012","region":"us-east-1","time":"2026-03-02T09:20:00Z","detail":{"version":"1.4.0","function":"attach-policies","mode":"enforce",` +
		`"id":"0123","subject":"` + subject + `","status":"noncompliant","owner":{"tool":"terraform"},"findings":[{"code":"` + code + `","severity":"error","message":"It lacks a right.","fix":"Attach the policy."}],"actions":[]}}`
}

// names are the ends of the places where a report has to say what stands there: the
// names of the things that it is about, as AWS has them, and what only AWS's services
// write.
var names = []string{
	".RoleName", ".Arn", ".InstanceProfileName", ".Name", ".ARN", ".ETag", ".VersionId", ".ID", ".TaskArn", ".ClusterArn", ".TaskDefinitionArn", ".ServiceArn", ".Family",
	".Tags[aws:cloudformation:stack-name].Value", ".Tasks[0].StartedBy",
	"event[undo]", "event[role]", "event[taskDefinition]", "event[bucket]", "event[key]", "event[secret]", "event[SecretId]", "event[detail taskDefinitionArn]", "event[detail taskArn]",
	"event[detail clusterArn]", "event[detail ec2InstanceId]", "event[detail object key]", "event[detail object version-id]", "event[detail bucket name]",
	"event[Records 0 s3 object key]", "event[Records 0 s3 object versionId]", "event[Records 0 s3 bucket name]", "event[detail requestParameters roleName]",
	"event[service]", " iamInstanceProfile arn]", " taskDefinitionArn]", "event[instance]", "event[cluster]",
}

var (
	only       = flag.String("only", "", "`text` that a scenario's name has to contain")
	shapesEach = flag.Int("shapes", 1, "how many shapes of secrets go into each place")
	eventsEach = flag.Int("events", 1, "for how many events of a scenario a place is tried")
)

// run lets a function handle an event, and gives all that it tells people.
func (s scenario) run(t *testing.T, event, place, text string) (*account, string) {
	t.Helper()
	all := &account{answers: together(everybodys(), s.answers), place: place, text: text}
	var told string
	synctest.Test(t, func(t *testing.T) {
		report, err := json.Marshal(s.start(all.configuration()).Handle(t.Context(), []byte(event)).Report())
		if err != nil {
			t.Fatal(err)
		}
		told = string(report) + all.sent.String()
	})
	return all, told
}

// TestNoAnswerShowsASecret puts secrets into every text that AWS answers, and into
// every text of the events, for each function.
func TestNoAnswerShowsASecret(t *testing.T) {
	from := rand.New(rand.NewPCG(2026, 12))
	inputs := 0
	for _, scenario := range scenarios(t) {
		if !strings.Contains(scenario.name, *only) {
			continue
		}
		tried := map[string]int{}
		for number, event := range scenario.events {
			all, report := scenario.run(t, event, "", "")
			if *only != "" {
				t.Logf("%s, event %d: missing %v\n%s", scenario.name, number, all.missing, report)
			}
			for _, place := range placesOf(t, scenario, all, event) {
				// Most events lead over the same answers.
				if tried[place]++; tried[place] > *eventsEach {
					continue
				}
				made := secrets(from)
				shapes := slices.Sorted(maps.Keys(made))
				for i := range *shapesEach {
					shape := shapes[(inputs+i)%len(shapes)]
					if seen := scenario.shows(t, event, place, shape, made[shape]); seen != "" {
						t.Errorf("%s, event %d: %s", scenario.name, number, seen)
					}
				}
				inputs += *shapesEach
			}
		}
	}
	t.Logf("%d inputs", inputs)
	if *only == "" && inputs < 1000 {
		t.Errorf("only %d inputs", inputs)
	}
}

// eventField begins the places in an event.
const eventField = "event"

// placesOf are all texts of an event and of the answers that it leads to, but names.
func placesOf(t *testing.T, s scenario, all *account, event string) []string {
	t.Helper()
	places := all.places
	// What the functions find is theirs to write, so notify shows it.
	if s.name != "notify" {
		for _, field := range fieldsOf(t, event) {
			places = append(places, eventField+fmt.Sprint(field))
		}
	}
	places = slices.Compact(slices.Sorted(slices.Values(places)))
	return slices.DeleteFunc(places, func(place string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(place, name) })
	})
}

func fieldsOf(t *testing.T, document string) [][]any {
	t.Helper()
	var parsed any
	if err := json.Unmarshal([]byte(document), &parsed); err != nil {
		t.Fatal(err)
	}
	return fields(parsed)
}

// shows puts a secret into one place, and says where it is shown.
func (s scenario) shows(t *testing.T, event, place, shape string, secret [2]string) string {
	t.Helper()
	for _, field := range fieldsOf(t, event) {
		if place == eventField+fmt.Sprint(field) {
			event = string(with(t, []byte(event), field, secret[0]))
			break
		}
	}
	_, output := s.run(t, event, place, secret[0])
	var planted canary.Set
	planted.PlantWhole(shape, cmp.Or(secret[1], secret[0]))
	for _, seen := range planted.Search(place, output) {
		return seen.String()
	}
	return ""
}
