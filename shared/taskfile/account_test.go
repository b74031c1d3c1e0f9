package taskfile

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/exitcode"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policysimulation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

const (
	account = "123456789012"
	roleARN = "arn:aws:iam::123456789012:role/ecsTaskExecutionRole"
)

// fakeAccount has one tagged secret at most, and one role at most.
type fakeAccount struct {
	// No condition decides about the role, so that its policies are not read.
	policysimulation.RolePolicyReader
	// registry is what the secret "shop" is tagged for.
	registry string
	// allowed are the resources that the role "r" may use; nil where there is no
	// such role.
	allowed []string
}

func (f fakeAccount) observer(account string) *taskdef.Observer {
	return &taskdef.Observer{
		Secrets: taskdef.NewSecretList(f, time.Now), Named: taskdef.NewSecretObserver(f, time.Now),
		Roles: taskdef.NewRoleObserver(f, time.Now), Files: taskdef.NewFileObserver(f, time.Now),
		Region: "us-east-1", Account: account, Now: time.Now,
	}
}

func (f fakeAccount) ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error) {
	output := &secretsmanager.ListSecretsOutput{}
	if f.registry != "" {
		output.SecretList = []secrettypes.SecretListEntry{{
			ARN: aws.String(secretARN("shop")), Name: aws.String("shop"),
			Tags: []secrettypes.Tag{{Key: aws.String(taskdef.TagRegistry), Value: &f.registry}},
		}}
	}
	return output, nil
}

func (fakeAccount) DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	return nil, &secrettypes.ResourceNotFoundException{Message: aws.String("Secrets Manager can't find the specified secret.")}
}

func (fakeAccount) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return &secretsmanager.GetSecretValueOutput{SecretString: aws.String(`{"username": "u", "password": "p"}`)}, nil
}

func (fakeAccount) GetResourcePolicy(context.Context, *secretsmanager.GetResourcePolicyInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetResourcePolicyOutput, error) {
	return &secretsmanager.GetResourcePolicyOutput{}, nil
}

func (f fakeAccount) GetRole(_ context.Context, input *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	if f.allowed == nil {
		return nil, &iamtypes.NoSuchEntityException{Message: input.RoleName}
	}
	trust := url.PathEscape(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	return &iam.GetRoleOutput{Role: &iamtypes.Role{RoleName: input.RoleName, AssumeRolePolicyDocument: &trust}}, nil
}

func (f fakeAccount) SimulatePrincipalPolicy(_ context.Context, input *iam.SimulatePrincipalPolicyInput, _ ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error) {
	if f.allowed == nil {
		return nil, &iamtypes.NoSuchEntityException{Message: input.PolicySourceArn}
	}
	output := &iam.SimulatePrincipalPolicyOutput{}
	for _, action := range input.ActionNames {
		for _, resource := range input.ResourceArns {
			decision := iamtypes.PolicyEvaluationDecisionTypeImplicitDeny
			if slices.Contains(f.allowed, resource) {
				decision = iamtypes.PolicyEvaluationDecisionTypeAllowed
			}
			output.EvaluationResults = append(output.EvaluationResults, iamtypes.EvaluationResult{EvalActionName: &action, EvalResourceName: &resource, EvalDecision: decision})
		}
	}
	return output, nil
}

func (fakeAccount) ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	return &s3.ListObjectsV2Output{}, nil
}

func TestFilesLookAtTheAccount(t *testing.T) {
	s := fakeAccount{registry: "registry.example.com"}
	var output bytes.Buffer
	code := command([]string{"--file", "-"}, nil, func(context.Context) *taskdef.Observer {
		return s.observer("")
	}, strings.NewReader(`{"family":"a","executionRoleArn":"r","taskRoleArn":"`+roleARN+`","containerDefinitions":[{"name":"a","image":"registry.example.com/a","memory":64}]}`), &output, &output)
	if code != exitcode.Findings || !strings.Contains(output.String(), `+`) || !strings.Contains(output.String(), secretARN("shop")) {
		t.Errorf("exit code %d\n%s", code, &output)
	}
	if !strings.Contains(output.String(), "role arn:aws:iam::123456789012:role/r doesn't exist") {
		t.Errorf("the role, which is named without its ARN, was not looked at:\n%s", &output)
	}
}

// TestFilesForAnotherAccount: what is not in the account of the credentials may
// be in the definition's.
func TestFilesForAnotherAccount(t *testing.T) {
	const file = `{"family": "a", "executionRoleArn": "arn:aws:iam::%s:role/r", "containerDefinitions": [{"name": "a", "memory": 64, "image": "registry.example.com/a", "repositoryCredentials": {"credentialsParameter": "shop"}}]}`
	for name, test := range map[string]struct {
		roles, ours string
		code        int
		says, not   string
	}{
		"theirs":                 {"999999999999", account, exitcode.OK, "the AWS credentials are of the account 123456789012", "doesn't exist"},
		"ours":                   {account, account, exitcode.Findings, "error: The execution role arn:aws:iam::123456789012:role/r doesn't exist", "AWS credentials are of"},
		"of an unknown account":  {"999999999999", "", exitcode.Findings, "warning: The execution role arn:aws:iam::999999999999:role/r doesn't exist", "AWS credentials are of"},
		"whose is left open":     {"account-id", account, exitcode.Findings, "the secret shop, which doesn't exist", "execution role"},
		"whose is left open too": {"${ACCOUNT}", account, exitcode.Findings, "the secret shop, which doesn't exist", "execution role"},
	} {
		t.Run(name, func(t *testing.T) {
			s := fakeAccount{}
			var output bytes.Buffer
			code := command([]string{"--file", "-"}, nil, func(context.Context) *taskdef.Observer {
				return s.observer(test.ours)
			}, strings.NewReader(fmt.Sprintf(file, test.roles)), &output, &output)
			if code != test.code || !strings.Contains(output.String(), test.says) || strings.Contains(output.String(), test.not) {
				t.Errorf("exit code %d\n%s", code, &output)
			}
		})
	}
}

// TestWhatIsFilledInLaterIsNotAskedFor: a role cannot be allowed what has no name
// yet.
func TestWhatIsFilledInLaterIsNotAskedFor(t *testing.T) {
	s := fakeAccount{allowed: []string{"arn:aws:ssm:us-east-1:123456789012:parameter/prod/d", "arn:aws:s3:::acme-env"}}
	var output bytes.Buffer
	code := command([]string{"--file", "-"}, nil, func(context.Context) *taskdef.Observer {
		return s.observer("")
	}, strings.NewReader(`{"family": "a", "executionRoleArn": "arn:aws:iam::123456789012:role/r", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512", "containerDefinitions": [{
		"name": "a", "image": "nginx",
		"secrets": [
			{"name": "A", "valueFrom": "/${STAGE}/a"}, {"name": "B", "valueFrom": "arn:aws:secretsmanager:us-east-1:ACCOUNT_ID:secret:b"},
			{"name": "C", "valueFrom": "<SECRET>"}, {"name": "D", "valueFrom": "/prod/d"}],
		"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::acme-env/${STAGE}.env"}],
		"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/{{ app }}", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "a"}}}]}`), &output, &output)
	if code != exitcode.OK || strings.Contains(output.String(), "execution-role") {
		t.Errorf("exit code %d\n%s", code, &output)
	}
}
