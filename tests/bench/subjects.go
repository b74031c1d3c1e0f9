package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// occasion is something that happens in an account, and wakes a function.
type occasion struct {
	function, what string
	event          []byte
	// waits says that the function waits for a registry besides AWS, so that its
	// time is not its own and only its calls are counted.
	waits bool
}

const publicImage = "public.ecr.aws/nginx/nginx:1.29"

// occasions makes the subjects in the account, whose functions do not listen,
// and returns the events about them. The order counts: a rotation's steps
// follow one another.
func occasions(ctx context.Context, account *operator.Operator) ([]occasion, error) {
	var all []occasion
	for _, part := range []func(context.Context, *operator.Operator) ([]occasion, error){roles, uploads, taskDefinitions, rotation} {
		more, err := part(ctx, account)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

func roles(ctx context.Context, account *operator.Operator) ([]occasion, error) {
	const bare, complete = "ecsInstanceRole-bare", "ecsInstanceRole-complete"
	for _, role := range []string{bare, complete} {
		if _, err := account.CreateInstanceRole(ctx, role); err != nil {
			return nil, err
		}
	}
	if _, err := account.IAM.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String(complete), PolicyArn: aws.String(operator.AgentPolicy)}); err != nil {
		return nil, fmt.Errorf("attach the policy of %s: %w", complete, err)
	}
	made := func(role string) []byte {
		return queued(recorded("iam", "CreateRole", map[string]any{"roleName": role}, map[string]any{
			"role": map[string]any{"roleName": role, "arn": "arn:aws:iam::" + stack.Account + ":role/" + role},
		}))
	}
	return []occasion{
		{function: "attach-policies", what: "a role without its policy", event: made(bare)},
		{function: "attach-policies", what: "a role that lacks nothing", event: made(complete)},
	}, nil
}

func uploads(ctx context.Context, account *operator.Operator) ([]occasion, error) {
	if _, err := account.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("storefront")}); err != nil {
		return nil, fmt.Errorf("create the cluster that config files name: %w", err)
	}
	var all []occasion
	for _, file := range []struct{ what, key, content string }{
		{"a good ecs.config", "good/ecs.config", "ECS_CLUSTER=storefront\nECS_ENABLE_TASK_IAM_ROLE=true\n"},
		{"a bad ecs.config", "bad/ecs.config", "ECS_CLUSTER=storefront\nECS_ENGINE_AUTH_TYPE=docker\nECS_CLUSTR=storefront\n"},
	} {
		object, err := account.Upload(ctx, account.Stack.Outputs["ConfigBucket"], file.key, file.content)
		if err != nil {
			return nil, err
		}
		all = append(all, occasion{function: "validate-config", what: file.what, event: document(map[string]any{"Records": []any{map[string]any{
			"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": stack.Region, "eventName": "ObjectCreated:Put",
			"s3": map[string]any{
				"bucket": map[string]any{"name": object.Bucket, "arn": "arn:aws:s3:::" + object.Bucket},
				"object": map[string]any{"key": object.Key, "size": len(file.content), "versionId": object.Version},
			},
		}}})})
	}
	return all, nil
}

func taskDefinitions(ctx context.Context, account *operator.Operator) ([]occasion, error) {
	registry := account.Stack.Registry
	// Another account than the one whose rotation is measured: of two secrets with one
	// account, none is rotated.
	secret, err := account.CreateSecret(ctx, "prod/registry", `{"username":"reader","password":"as good as any"}`,
		"ecs-guardrails:registry", registry.Host, "ecs-guardrails:driver", "manual")
	if err != nil {
		return nil, err
	}
	role, err := account.CreateExecutionRole(ctx, "ecsTaskExecutionRole", secret)
	if err != nil {
		return nil, err
	}
	var all []occasion
	for _, of := range []struct{ what, family, image string }{
		{"a private image without credentials", "private", registry.Image()},
		{"images that need none", "public", publicImage},
	} {
		output, err := account.ECS.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
			Family: aws.String(of.family), ExecutionRoleArn: &role, RequiresCompatibilities: []types.Compatibility{types.CompatibilityEc2},
			ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("web"), Image: aws.String(of.image), Memory: aws.Int32(128)}},
		})
		if err != nil {
			return nil, fmt.Errorf("register %s: %w", of.family, err)
		}
		all = append(all, occasion{function: "patch-task-definition", what: of.what, event: queued(recorded("ecs", "RegisterTaskDefinition",
			map[string]any{"family": of.family}, map[string]any{"taskDefinition": map[string]any{
				"taskDefinitionArn": aws.ToString(output.TaskDefinition.TaskDefinitionArn), "family": of.family, "revision": output.TaskDefinition.Revision,
			}}))})
	}
	return all, nil
}

// rotation begins one, in which the deployed function only plans and so fails
// for Secrets Manager, and gives the events of its steps.
func rotation(ctx context.Context, account *operator.Operator) ([]occasion, error) {
	secret, err := account.CreateRegistrySecret(ctx, "prod/rotated", account.Stack.Registry, "/shop", "s3://"+account.Stack.Outputs["ConfigBucket"]+"/rotated/ecs.config")
	if err != nil {
		return nil, err
	}
	token, err := account.Rotate(ctx, secret)
	if err != nil {
		return nil, err
	}
	if err := stack.Wait(ctx, "Secrets Manager has given the rotation up", func(context.Context) (bool, error) {
		rotations := account.Stack.Rotations()
		return len(rotations) == 1 && rotations[0].Done, nil
	}); err != nil {
		return nil, err
	}
	config := fmt.Sprintf("ECS_CLUSTER=storefront\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={%q:{\"username\":%q,\"password\":%q}}\n",
		account.Stack.Registry.Host+"/shop", account.Stack.Registry.Username, account.Stack.Registry.Password)
	if _, err := account.Upload(ctx, account.Stack.Outputs["ConfigBucket"], "rotated/ecs.config", config); err != nil {
		return nil, err
	}
	var all []occasion
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		all = append(all, occasion{
			function: "rotate-secret", what: step, waits: step == "setSecret" || step == "testSecret",
			event: document(map[string]any{"Step": step, "SecretId": secret, "ClientRequestToken": token, "RotationToken": "c9a5d5f4-2a0f-4c5e-8f7b-7a4f0f6b9e52"}),
		})
	}
	return append(all, occasion{function: "rotate-secret", what: "a look at a secret", event: document(map[string]any{"secret": secret})}), nil
}

// recorded is a call's event by way of CloudTrail.
func recorded(service, name string, request, response map[string]any) []byte {
	return document(map[string]any{
		"version": "0", "id": "6f3c1b52-a7d9-4e0f-b1c2-000000000001", "detail-type": "AWS API Call via CloudTrail", "source": "aws." + service,
		"account": stack.Account, "time": "2026-03-02T09:14:07Z", "region": stack.Region, "resources": []any{},
		"detail": map[string]any{
			"eventVersion": "1.11", "eventTime": "2026-03-02T09:14:07Z", "eventSource": service + ".amazonaws.com", "eventName": name, "awsRegion": stack.Region,
			"userIdentity":      map[string]any{"type": "IAMUser", "arn": "arn:aws:iam::" + stack.Account + ":user/operator", "accountId": stack.Account, "userName": "operator"},
			"requestParameters": request, "responseElements": response, "recipientAccountId": stack.Account,
		},
	})
}

// queued is an event in a batch of SQS.
func queued(event []byte) []byte {
	return document(map[string]any{"Records": []any{map[string]any{
		"messageId": "059f36b4-87a3-44ab-83d2-661975830a7d", "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a", "body": string(event),
		"attributes": map[string]any{"ApproximateReceiveCount": "1"}, "eventSource": "aws:sqs", "awsRegion": stack.Region,
	}}})
}

func document(of any) []byte {
	// Maps of texts and numbers can be written.
	text, _ := json.Marshal(of)
	return text
}
