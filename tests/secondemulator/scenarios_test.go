package secondemulator

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// scenario is played on each emulator.
type scenario struct {
	name string
	// play gives what came of it, one line for each fact, without what is random.
	play func(*testing.T, *account) []string
	// want is what AWS would lead to.
	want []string
	// differs are the lines of an emulator that isn't as AWS is, and why.
	differs map[string]deviation
}

// deviation is how an emulator differs from AWS.
type deviation struct {
	lines  []string
	reason string
}

const (
	bucket     = "acme-ecs-config"
	goodConfig = "ECS_CLUSTER=storefront\nECS_ENABLE_TASK_IAM_ROLE=true\n"
	image      = "registry.invalid/shop/storefront:1.42.0"
)

func badConfig() string {
	auth := base64.StdEncoding.EncodeToString([]byte("puller:hunter2hunter2"))
	return "ECS_CLUSTER=storefront\nECS_ENGINE_AUTH_TYPE=docker\n" + `ECS_ENGINE_AUTH_DATA={"registry.example.com":{"auth":"` + auth + `"}}` + "\n"
}

var scenarios = []scenario{
	{name: "a bucket as it was created", play: func(t *testing.T, account *account) []string {
		account.bucket(t, "acme-plain-bucket")
		if _, err := account.ECS.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("storefront")}); err != nil {
			t.Fatal(err)
		}
		if _, err := account.Upload(t.Context(), "acme-plain-bucket", "ecs.config", goodConfig); err != nil {
			t.Fatal(err)
		}
		lines := account.invoke(t, "validate-config", `{"bucket":"acme-plain-bucket","key":"ecs.config"}`)
		account.protect(t, "acme-plain-bucket")
		return lines
	}, want: []string{
		`s3://acme-plain-bucket/ecs.config: compliant; info bucket-plain-http; PutObjectTagging (true)`,
	}, differs: map[string]deviation{
		"moto": {
			lines:  []string{`s3://acme-plain-bucket/ecs.config: noncompliant; info bucket-acls-enabled, info bucket-plain-http, warning bucket-not-encrypted, warning bucket-public-access-unblocked; PutObjectTagging (true)`},
			reason: "AWS encrypts new buckets (since January 2023), turns their ACLs off and Block Public Access on (since April 2023); moto has none of it (Amazon S3 User Guide)",
		},
		"MiniStack": {
			lines:  []string{`s3://acme-plain-bucket/ecs.config: noncompliant; info bucket-plain-http, warning bucket-public-access-unblocked; PutObjectTagging (true)`},
			reason: "AWS turns Block Public Access on for new buckets (since April 2023), MiniStack doesn't (Amazon S3 User Guide)",
		},
	}},
	{name: "a good ecs.config", play: func(t *testing.T, account *account) []string {
		return account.judge(t, "good/ecs.config", []string{goodConfig})
	}, want: []string{
		`s3://acme-ecs-config/good/ecs.config: compliant; info bucket-plain-http; PutObjectTagging (true)`,
		`s3://acme-ecs-config/good/ecs.config?versionId=VERSION-1 has the tags ecs-config-findings=none ecs-config-status=valid team=shop`,
		`on top is "ECS_CLUSTER=storefront\nECS_ENABLE_TASK_IAM_ROLE=true\n"`,
	}},
	{name: "a bad ecs.config, and the good one before it", play: func(t *testing.T, account *account) []string {
		return account.judge(t, "bad/ecs.config", []string{goodConfig, badConfig()}, "ON_INVALID=restore")
	}, want: []string{
		`s3://acme-ecs-config/bad/ecs.config: remediated; info auth-data-shape, info bucket-plain-http, info version-restored; PutObjectTagging (true), PutObject (true)`,
		`s3://acme-ecs-config/bad/ecs.config?versionId=VERSION-1 has the tags ecs-config-findings=none ecs-config-status=valid team=shop`,
		`s3://acme-ecs-config/bad/ecs.config?versionId=VERSION-2 has the tags ecs-config-findings=errors=1 warnings=0 infos=0: auth-data-shape ecs-config-status=invalid team=shop`,
		`on top is "ECS_CLUSTER=storefront\nECS_ENABLE_TASK_IAM_ROLE=true\n"`,
	}},
	{name: "a typo in an ecs.config whose key needs escapes", play: func(t *testing.T, account *account) []string {
		return account.judge(t, "prod+blue/a b/ecs.config", []string{"ECS_CLUSTR=storefront\n"})
	}, want: []string{
		`s3://acme-ecs-config/prod+blue/a b/ecs.config: noncompliant; error variable-misspelt, info bucket-plain-http; PutObjectTagging (true)`,
		`s3://acme-ecs-config/prod+blue/a b/ecs.config?versionId=VERSION-1 has the tags ecs-config-findings=errors=1 warnings=0 infos=0: variable-misspelt ecs-config-status=invalid team=shop`,
		`on top is "ECS_CLUSTR=storefront\n"`,
	}},
	{name: "an ecs.config that isn't there", play: func(t *testing.T, account *account) []string {
		return account.invoke(t, "validate-config", `{"bucket":"`+bucket+`","key":"none/ecs.config"}`)
	}, want: []string{
		`s3://acme-ecs-config/none/ecs.config: skipped; info subject-gone; `,
	}},
	{name: "a bucket that isn't there", play: func(t *testing.T, account *account) []string {
		return account.invoke(t, "validate-config", `{"bucket":"acme-no-such-bucket","key":"ecs.config"}`)
	}, want: []string{
		`s3://acme-no-such-bucket/ecs.config: skipped; info subject-gone; `,
	}},
	{name: "an instance role without policies", play: func(t *testing.T, account *account) []string {
		if _, err := account.CreateInstanceRole(t.Context(), "ecsInstanceRole-web", "team", "shop"); err != nil {
			t.Fatal(err)
		}
		lines := account.invoke(t, "attach-policies", `{"role":"ecsInstanceRole-web"}`)
		return append(append(lines, account.role(t, "ecsInstanceRole-web")...), account.invoke(t, "attach-policies", `{"role":"ecsInstanceRole-web"}`)...)
	}, want: []string{
		`role/ecsInstanceRole-web: remediated; info capability-missing; TagRole (true), AttachRolePolicy (true)`,
		`ecsInstanceRole-web has arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role`,
		`ecsInstanceRole-web has the tags ecs-guardrails:attached/0e8f2bb4-1d52-4a0f-9e2b-1f6d1f8f1c11/d6ecc2b2 team`,
		`role/ecsInstanceRole-web: compliant; ; `,
	}},
	{name: "a role whose own policy does", play: func(t *testing.T, account *account) []string {
		if _, err := account.CreateInstanceRole(t.Context(), "ecsInstanceRole-own"); err != nil {
			t.Fatal(err)
		}
		const document = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecs:*","ec2:DescribeTags","ecr:*","logs:*"],"Resource":"*"}]}`
		if _, err := account.IAM.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("ecsInstanceRole-own"), PolicyName: aws.String("own"), PolicyDocument: aws.String(document)}); err != nil {
			t.Fatal(err)
		}
		return append(account.invoke(t, "attach-policies", `{"role":"ecsInstanceRole-own"}`), account.role(t, "ecsInstanceRole-own")...)
	}, want: []string{
		`role/ecsInstanceRole-own: compliant; info role-for-trunking; `,
		`ecsInstanceRole-own has `,
		`ecsInstanceRole-own has the tags `,
	}},
	{name: "a role that isn't there", play: func(t *testing.T, account *account) []string {
		return account.invoke(t, "attach-policies", `{"role":"ecsInstanceRole-none"}`)
	}, want: []string{
		`role/ecsInstanceRole-none: skipped; info subject-gone; `,
	}},
	{name: "undo", play: func(t *testing.T, account *account) []string {
		return append(account.invoke(t, "attach-policies", `{"undo":"ecsInstanceRole-web"}`), account.role(t, "ecsInstanceRole-web")...)
	}, want: []string{
		`role/ecsInstanceRole-web: remediated; info undo-done; TagRole (true), DetachRolePolicy (true), UntagRole (true)`,
		`ecsInstanceRole-web has `,
		`ecsInstanceRole-web has the tags ecs-guardrails:ignore team`,
	}},
	{name: "a task definition without its registry's credential", play: func(t *testing.T, account *account) []string {
		arn := account.register(t, "storefront", account.executionRole(t, "storefront-execution"))
		account.secret(t, "registries/invalid", "registry.invalid")
		lines := account.invoke(t, "patch-task-definition", `{"taskDefinition":"storefront"}`, "CURE_EXECUTION_ROLES=yes")
		return append(lines, account.revisions(t, "storefront", arn)...)
	}, want: []string{
		`storefront: remediated; info credential-missing, info execution-role-secret; PutResourcePolicy (true), RegisterTaskDefinition (true)`,
		`task-definition/storefront:1 differs in [] and has the tags team=shop`,
		`task-definition/storefront:2 differs in [ContainerDefinitions[0].RepositoryCredentials] and has the tags ecs-guardrails:patched-from=arn:aws:ecs:us-east-1:123456789012:task-definition/storefront:1 team=shop`,
	}},
	{name: "a task definition that isn't there", play: func(t *testing.T, account *account) []string {
		return account.invoke(t, "patch-task-definition", `{"taskDefinition":"none:1"}`)
	}, want: []string{
		`none:1: skipped; info subject-gone; `,
	}},
	{name: "a scan", play: func(t *testing.T, account *account) []string {
		return account.scan(t)
	}, want: []string{
		`complete: true`,
		`0 account: map[noncompliant:1]`,
		`3 roles: map[compliant:1]`,
		`4 config-objects: map[compliant:3 noncompliant:1]`,
		`1 task-definitions: map[compliant:1]`,
		`0 secrets: map[]`,
		`0 stopped-tasks: map[]`,
		`account: noncompliant; error trail-missing; `,
		`s3://acme-ecs-config/prod+blue/a b/ecs.config: noncompliant; error variable-misspelt, info bucket-plain-http; `,
	}},
}

// bucket creates one that keeps versions.
func (a *account) bucket(t *testing.T, name string) {
	t.Helper()
	if _, err := a.S3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.S3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &name, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}}); err != nil {
		t.Fatal(err)
	}
}

// protect sets what AWS sets for every new bucket.
func (a *account) protect(t *testing.T, name string) {
	t.Helper()
	ctx := t.Context()
	_, encryption := a.S3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: &name, ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{
		Rules: []s3types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAes256}}},
	}})
	_, ownership := a.S3.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: &name, OwnershipControls: &s3types.OwnershipControls{
		Rules: []s3types.OwnershipControlsRule{{ObjectOwnership: s3types.ObjectOwnershipBucketOwnerEnforced}},
	}})
	_, block := a.S3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: &name, PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
	}})
	if err := errors.Join(encryption, ownership, block); err != nil {
		t.Fatal(err)
	}
}

// judge uploads versions of a file and has validate-config judge the last one.
func (a *account) judge(t *testing.T, key string, contents []string, variables ...string) []string {
	t.Helper()
	ctx := t.Context()
	if _, err := a.S3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String(bucket)}); err != nil {
		a.bucket(t, bucket)
		a.protect(t, bucket)
	}
	names := map[string]string{}
	var objects []operator.Object
	for index, content := range contents {
		object, err := a.Upload(ctx, bucket, key, content, "team", "shop")
		if err != nil {
			t.Fatal(err)
		}
		names[object.Version] = fmt.Sprintf("VERSION-%d", index+1)
		objects = append(objects, object)
		if index < len(contents)-1 {
			a.invoke(t, "validate-config", payload(key))
		}
	}
	lines := a.invoke(t, "validate-config", payload(key), variables...)
	for _, object := range objects {
		tags, err := a.ObjectTags(ctx, object)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s has the tags %s", object, sorted(tags)))
	}
	content, err := a.Content(ctx, bucket, key)
	if err != nil {
		t.Fatal(err)
	}
	lines = append(lines, fmt.Sprintf("on top is %q", content))
	for index := range lines {
		for version, name := range names {
			lines[index] = strings.ReplaceAll(lines[index], version, name)
		}
	}
	return lines
}

func payload(key string) string {
	text, err := json.Marshal(map[string]string{"bucket": bucket, "key": key})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func sorted(tags map[string]string) string {
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		texts = append(texts, key+"="+tags[key])
	}
	return strings.Join(texts, " ")
}

// role describes a role's policies and tags.
func (a *account) role(t *testing.T, name string) []string {
	t.Helper()
	attached, err := a.AttachedPolicies(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	tags, err := a.RoleTags(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return []string{name + " has " + strings.Join(attached, ", "), name + " has the tags " + strings.Join(slices.Sorted(maps.Keys(tags)), " ")}
}

func (a *account) executionRole(t *testing.T, name string) string {
	t.Helper()
	arn, err := a.CreateRole(t.Context(), name, "ecs-tasks.amazonaws.com")
	if err != nil {
		t.Fatal(err)
	}
	return arn
}

func (a *account) register(t *testing.T, family, role string) string {
	t.Helper()
	output, err := a.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: &family, ExecutionRoleArn: &role, RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityEc2}, NetworkMode: ecstypes.NetworkModeBridge,
		Tags:                 []ecstypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
		ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("web"), Image: aws.String(image), Memory: aws.Int32(128), Essential: aws.Bool(true)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(output.TaskDefinition.TaskDefinitionArn)
}

func (a *account) secret(t *testing.T, name, registry string) {
	t.Helper()
	if _, err := a.Secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: &name, SecretString: aws.String(`{"username":"puller","password":"hunter2hunter2"}`),
		Tags: []secrettypes.Tag{{Key: aws.String("ecs-guardrails:registry"), Value: &registry}},
	}); err != nil {
		t.Fatal(err)
	}
}

// revisions describes how the family's revisions differ from the first one.
func (a *account) revisions(t *testing.T, family, first string) []string {
	t.Helper()
	output, err := a.ECS.ListTaskDefinitions(t.Context(), &ecs.ListTaskDefinitionsInput{FamilyPrefix: &family})
	if err != nil {
		t.Fatal(err)
	}
	before, _, err := a.Describe(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, arn := range output.TaskDefinitionArns {
		after, tags, err := a.Describe(t.Context(), arn)
		if err != nil {
			t.Fatal(err)
		}
		differences, err := operator.Differences(before, after)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s differs in %s and has the tags %s", strings.TrimPrefix(arn, "arn:aws:ecs:us-east-1:"+stack.Account+":"), differences, sorted(tags)))
	}
	return lines
}
