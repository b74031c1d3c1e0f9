package authorization

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

const account = "111122223333"

// known is what a test's calls may name.
type known struct{}

func (known) Role(_ context.Context, name string) (Tagged, error) {
	if name == "gone" {
		return Tagged{}, &missing{"role gone"}
	}
	return Tagged{ARN: "arn:aws:iam::" + account + ":role/path/" + name, Tags: map[string]string{"team": "a"}}, nil
}

func (known) Secret(_ context.Context, id string) (Tagged, error) {
	return Tagged{ARN: "arn:aws:secretsmanager:us-east-1:" + account + ":secret:" + id + "-AbCdEf", Tags: map[string]string{"ecs-guardrails:driver": "htpasswd"}}, nil
}

func (known) Policy(context.Context, string) (string, error) { return "", nil }

func TestDemands(t *testing.T) {
	const role = "arn:aws:iam::" + account + ":role/path/r"
	cases := []struct {
		name       string
		service    string
		operation  string
		parameters map[string]any
		want       []string
		// keys are condition keys of the first demand.
		keys map[string][]string
	}{
		{"an object", "s3", "GetObject", map[string]any{"Bucket": "b", "Key": "a b/k"}, []string{"s3:GetObject arn:aws:s3:::b/a b/k"}, nil},
		{"a version", "s3", "GetObject", map[string]any{"Bucket": "b", "Key": "k", "VersionId": "1"}, []string{"s3:GetObjectVersion arn:aws:s3:::b/k"}, nil},
		{"tags of a version", "s3", "PutObjectTagging", map[string]any{"Bucket": "b", "Key": "k", "VersionId": "1"}, []string{"s3:PutObjectVersionTagging arn:aws:s3:::b/k"}, nil},
		{"ACL of a version", "s3", "GetObjectAcl", map[string]any{"Bucket": "b", "Key": "k", "VersionId": "1"}, []string{"s3:GetObjectVersionAcl arn:aws:s3:::b/k"}, nil},
		{"head", "s3", "HeadObject", map[string]any{"Bucket": "b", "Key": "k"}, []string{"s3:GetObject arn:aws:s3:::b/k"}, nil},
		{"versions", "s3", "ListObjectVersions", map[string]any{"Bucket": "b", "Prefix": "p/"}, []string{"s3:ListBucketVersions arn:aws:s3:::b"}, map[string][]string{"s3:prefix": {"p/"}}},
		{"encryption", "s3", "GetBucketEncryption", map[string]any{"Bucket": "b"}, []string{"s3:GetEncryptionConfiguration arn:aws:s3:::b"}, nil},
		{"a conditional write with tags", "s3", "PutObject", map[string]any{"Bucket": "b", "Key": "k", "IfMatch": "1", "Tagging": "a=b"},
			[]string{"s3:PutObject arn:aws:s3:::b/k", "s3:GetObject arn:aws:s3:::b/k", "s3:PutObjectTagging arn:aws:s3:::b/k"}, nil},
		{"a copy of a version", "s3", "CopyObject", map[string]any{"Bucket": "b", "Key": "k", "CopySource": "/b/k%20x?versionId=1"},
			[]string{"s3:GetObjectVersion arn:aws:s3:::b/k x", "s3:PutObject arn:aws:s3:::b/k"}, nil},
		{"a policy on a role", "iam", "AttachRolePolicy", map[string]any{"RoleName": "r", "PolicyArn": "arn:aws:iam::aws:policy/P"},
			[]string{"iam:AttachRolePolicy " + role}, map[string][]string{"iam:PolicyARN": {"arn:aws:iam::aws:policy/P"}, "aws:ResourceTag/team": {"a"}, "iam:ResourceTag/team": {"a"}}},
		{"tags on a role", "iam", "TagRole", map[string]any{"RoleName": "r", "Tags": []any{map[string]any{"Key": "k", "Value": "v"}}},
			[]string{"iam:TagRole " + role}, map[string][]string{"aws:TagKeys": {"k"}, "aws:RequestTag/k": {"v"}, "aws:ResourceTag/team": {"a"}, "iam:ResourceTag/team": {"a"}}},
		{"tags off a role", "iam", "UntagRole", map[string]any{"RoleName": "r", "TagKeys": []any{"k"}},
			[]string{"iam:UntagRole " + role}, map[string][]string{"aws:TagKeys": {"k"}, "aws:ResourceTag/team": {"a"}, "iam:ResourceTag/team": {"a"}}},
		{"a simulation", "iam", "SimulatePrincipalPolicy", map[string]any{"PolicySourceArn": role}, []string{"iam:SimulatePrincipalPolicy " + role}, nil},
		{"a profile", "iam", "GetInstanceProfile", map[string]any{"InstanceProfileName": "p"}, []string{"iam:GetInstanceProfile arn:aws:iam::" + account + ":instance-profile/p"}, nil},
		{"all roles", "iam", "ListRoles", nil, []string{"iam:ListRoles *"}, nil},
		{"a secret by label", "secretsmanager", "GetSecretValue", map[string]any{"SecretId": "s", "VersionStage": "AWSCURRENT"},
			[]string{"secretsmanager:GetSecretValue arn:aws:secretsmanager:us-east-1:" + account + ":secret:s-AbCdEf"},
			map[string][]string{
				"secretsmanager:VersionStage": {"AWSCURRENT"}, "secretsmanager:SecretId": {"arn:aws:secretsmanager:us-east-1:" + account + ":secret:s-AbCdEf"},
				"aws:ResourceTag/ecs-guardrails:driver": {"htpasswd"}, "secretsmanager:ResourceTag/ecs-guardrails:driver": {"htpasswd"},
			}},
		{"a tagged revision with roles", "ecs", "RegisterTaskDefinition", map[string]any{
			"family": "web", "taskRoleArn": "task", "executionRoleArn": "arn:aws:iam::" + account + ":role/x/exec",
			"tags": []any{map[string]any{"key": "ecs-guardrails:patched-from", "value": "web:1"}},
		}, []string{
			"ecs:RegisterTaskDefinition arn:aws:ecs:us-east-1:" + account + ":task-definition/web:*",
			"ecs:TagResource arn:aws:ecs:us-east-1:" + account + ":task-definition/web:*",
			"iam:PassRole arn:aws:iam::" + account + ":role/task", "iam:PassRole arn:aws:iam::" + account + ":role/x/exec",
		}, map[string][]string{"aws:TagKeys": {"ecs-guardrails:patched-from"}, "aws:RequestTag/ecs-guardrails:patched-from": {"web:1"}}},
		{"clusters", "ecs", "DescribeClusters", map[string]any{"clusters": []any{"prod", "arn:aws:ecs:eu-west-1:" + account + ":cluster/x"}},
			[]string{"ecs:DescribeClusters arn:aws:ecs:us-east-1:" + account + ":cluster/prod", "ecs:DescribeClusters arn:aws:ecs:eu-west-1:" + account + ":cluster/x"}, nil},
		{"the default cluster", "ecs", "DescribeClusters", nil, []string{"ecs:DescribeClusters arn:aws:ecs:us-east-1:" + account + ":cluster/default"}, nil},
		{"tasks", "ecs", "ListTasks", map[string]any{"cluster": "prod", "family": "web"}, []string{"ecs:ListTasks arn:aws:ecs:us-east-1:" + account + ":container-instance/prod/*"},
			map[string][]string{"ecs:cluster": {"arn:aws:ecs:us-east-1:" + account + ":cluster/prod"}}},
		{"all capacity providers", "ecs", "DescribeCapacityProviders", nil, []string{"ecs:DescribeCapacityProviders arn:aws:ecs:us-east-1:" + account + ":capacity-provider/*"}, nil},
		{"a function", "lambda", "Invoke", map[string]any{"FunctionName": "arn:aws:lambda:us-east-1:" + account + ":function:f"}, []string{"lambda:InvokeFunction arn:aws:lambda:us-east-1:" + account + ":function:f"}, nil},
		{"user data", "ec2", "DescribeInstanceAttribute", map[string]any{"InstanceId": "i-1"}, []string{"ec2:DescribeInstanceAttribute arn:aws:ec2:us-east-1:" + account + ":instance/i-1"}, nil},
		{"messages", "sqs", "SendMessageBatch", map[string]any{"QueueUrl": "http://localhost:4566/" + account + "/q"}, []string{"sqs:SendMessage arn:aws:sqs:us-east-1:" + account + ":q"}, nil},
		{"events", "events", "PutEvents", map[string]any{"Entries": []any{map[string]any{"Source": "ecs-guardrails", "DetailType": "d", "Detail": "{}"}, map[string]any{"EventBusName": "own"}}},
			[]string{"events:PutEvents arn:aws:events:us-east-1:" + account + ":event-bus/default", "events:PutEvents arn:aws:events:us-east-1:" + account + ":event-bus/own"},
			map[string][]string{"events:source": {"ecs-guardrails"}, "events:detail-type": {"d"}}},
		{"who am I", "sts", "GetCallerIdentity", nil, nil, nil},
		{"a token about the role", "sts", "GetWebIdentityToken", map[string]any{"Audience": []any{"api://a"}, "DurationSeconds": "300"}, []string{"sts:GetWebIdentityToken *"},
			map[string][]string{"sts:IdentityTokenAudience": {"api://a"}, "sts:DurationSeconds": {"300"}}},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			exchange := awscall.Exchange{
				Call:       awscall.Call{Service: test.service, Operation: test.operation, Region: "us-east-1"},
				Parameters: test.parameters,
			}
			demands, known, err := Demands(t.Context(), exchange, account, known{})
			if err != nil || !known {
				t.Fatalf("known: %v, error: %v", known, err)
			}
			var got []string
			for _, demand := range demands {
				got = append(got, demand.Action+" "+demand.Resource)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if len(demands) > 0 && !maps.EqualFunc(demands[0].Context, test.keys, slices.Equal) && !(len(demands[0].Context) == 0 && test.keys == nil) {
				t.Errorf("keys %v, want %v", demands[0].Context, test.keys)
			}
		})
	}
}

func TestUnknownOperationsAreSaidToBe(t *testing.T) {
	for _, call := range []awscall.Call{
		{Service: "s3", Operation: "PutBucketPolicy"}, {Service: "ec2", Operation: "RunInstances"}, {Service: "iam", Operation: "CreateUser"},
	} {
		demands, known, err := Demands(t.Context(), awscall.Exchange{Call: call}, account, known{})
		if known || err != nil || !reflect.DeepEqual(demands, []Demand(nil)) {
			t.Errorf("%s: %v, %v, %v", call.Name(), demands, known, err)
		}
	}
}

func TestWhatIsGoneIsTheEmulatorsToSay(t *testing.T) {
	exchange := awscall.Exchange{Call: awscall.Call{Service: "iam", Operation: "GetRole"}, Parameters: map[string]any{"RoleName": "gone"}}
	_, _, err := Demands(t.Context(), exchange, account, known{})
	if gone := (*missing)(nil); !errors.As(err, &gone) {
		t.Errorf("got %v", err)
	}
}
