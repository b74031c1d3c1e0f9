// Bare is a function that makes recorded AWS calls, each as soon as those have
// ended that it waited for in the record, and does nothing else: the yardstick
// for what a function adds to its calls.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"golang.org/x/sync/errgroup"
)

// call is one of the script in the environment's CALLS (replay.Call).
type call struct {
	Service, Operation string
	Parameters         json.RawMessage
	After              []int
	make               func(context.Context) error
}

func main() {
	script, err := prepare(context.Background(), os.Getenv("CALLS"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
	lambda.Start(func(ctx context.Context) error { return play(ctx, script) })
}

// prepare reads the script and makes the inputs, so that an event costs the
// calls alone.
func prepare(ctx context.Context, path string) ([]call, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the script: %w", err)
	}
	var script []call
	if err := json.Unmarshal(text, &script); err != nil {
		return nil, fmt.Errorf("read the script: %w", err)
	}
	configuration, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	operations := operations(configuration)
	for index := range script {
		name := script[index].Service + ":" + script[index].Operation
		operation, ok := operations[name]
		if !ok {
			return nil, fmt.Errorf("the script has %s, which this program cannot call", name)
		}
		if script[index].make, err = operation(script[index].Parameters); err != nil {
			return nil, fmt.Errorf("read the parameters of %s: %w", name, err)
		}
	}
	return script, nil
}

func play(ctx context.Context, script []call) error {
	group, ctx := errgroup.WithContext(ctx)
	ended := make([]chan struct{}, len(script))
	for index := range ended {
		ended[index] = make(chan struct{})
	}
	for index, one := range script {
		group.Go(func() error {
			for _, earlier := range one.After {
				select {
				case <-ended[earlier]:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			defer close(ended[index])
			return refusal(one.make(ctx))
		})
	}
	return group.Wait()
}

// refusal is nil where AWS answered, be it with an error: that was recorded,
// too, as where a bucket has no policy.
func refusal(err error) error {
	if answered, ok := errors.AsType[interface {
		error
		ErrorCode() string
	}](err); ok && answered.ErrorCode() != "" && !strings.HasPrefix(answered.ErrorCode(), "Unknown") {
		return nil
	}
	return err
}

// operation makes a call's input of its recorded parameters.
type operation func(parameters json.RawMessage) (func(context.Context) error, error)

func of[I, O, P any](make func(context.Context, *I, ...func(*P)) (O, error)) operation {
	return func(parameters json.RawMessage) (func(context.Context) error, error) {
		input := new(I)
		if err := json.Unmarshal(parameters, input); err != nil {
			return nil, err
		}
		return func(ctx context.Context) error {
			_, err := make(ctx, input)
			return err
		}, nil
	}
}

// operations are those that the benchmark's events lead to.
func operations(configuration aws.Config) map[string]operation {
	roles, objects := iam.NewFromConfig(configuration), s3.NewFromConfig(configuration, func(options *s3.Options) { options.UsePathStyle = true })
	definitions, secrets := ecs.NewFromConfig(configuration), secretsmanager.NewFromConfig(configuration)
	return map[string]operation{
		"iam:GetRole":                             of(roles.GetRole),
		"iam:ListAttachedRolePolicies":            of(roles.ListAttachedRolePolicies),
		"iam:SimulatePrincipalPolicy":             of(roles.SimulatePrincipalPolicy),
		"iam:ListRolePolicies":                    of(roles.ListRolePolicies),
		"iam:GetAccountSummary":                   of(roles.GetAccountSummary),
		"iam:TagRole":                             of(roles.TagRole),
		"iam:AttachRolePolicy":                    of(roles.AttachRolePolicy),
		"s3:GetObject":                            getObject(objects),
		"s3:PutObject":                            putObject(objects),
		"s3:GetObjectTagging":                     of(objects.GetObjectTagging),
		"s3:PutObjectTagging":                     of(objects.PutObjectTagging),
		"s3:HeadObject":                           of(objects.HeadObject),
		"s3:ListObjectsV2":                        of(objects.ListObjectsV2),
		"s3:GetBucketAcl":                         of(objects.GetBucketAcl),
		"s3:GetBucketEncryption":                  of(objects.GetBucketEncryption),
		"s3:GetBucketOwnershipControls":           of(objects.GetBucketOwnershipControls),
		"s3:GetBucketPolicy":                      of(objects.GetBucketPolicy),
		"s3:GetBucketPolicyStatus":                of(objects.GetBucketPolicyStatus),
		"s3:GetBucketVersioning":                  of(objects.GetBucketVersioning),
		"s3:GetPublicAccessBlock":                 of(objects.GetPublicAccessBlock),
		"ecs:DescribeCapacityProviders":           of(definitions.DescribeCapacityProviders),
		"ecs:DescribeClusters":                    of(definitions.DescribeClusters),
		"ecs:DescribeContainerInstances":          of(definitions.DescribeContainerInstances),
		"ecs:DescribeTaskDefinition":              of(definitions.DescribeTaskDefinition),
		"ecs:ListClusters":                        of(definitions.ListClusters),
		"ecs:ListContainerInstances":              of(definitions.ListContainerInstances),
		"ecs:ListTaskDefinitionFamilies":          of(definitions.ListTaskDefinitionFamilies),
		"ecs:ListTaskDefinitions":                 of(definitions.ListTaskDefinitions),
		"ecs:RegisterTaskDefinition":              of(definitions.RegisterTaskDefinition),
		"secretsmanager:ListSecrets":              of(secrets.ListSecrets),
		"secretsmanager:DescribeSecret":           of(secrets.DescribeSecret),
		"secretsmanager:GetSecretValue":           of(secrets.GetSecretValue),
		"secretsmanager:PutSecretValue":           of(secrets.PutSecretValue),
		"secretsmanager:UpdateSecretVersionStage": of(secrets.UpdateSecretVersionStage),
		"sts:GetCallerIdentity":                   of(sts.NewFromConfig(configuration).GetCallerIdentity),
		"events:PutEvents":                        of(eventbridge.NewFromConfig(configuration).PutEvents),
	}
}

func getObject(client *s3.Client) operation {
	return func(parameters json.RawMessage) (func(context.Context) error, error) {
		input := new(s3.GetObjectInput)
		if err := json.Unmarshal(parameters, input); err != nil {
			return nil, err
		}
		return func(ctx context.Context) error {
			output, err := client.GetObject(ctx, input)
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, output.Body)
			return errors.Join(err, output.Body.Close())
		}, nil
	}
}

func putObject(client *s3.Client) operation {
	return func(parameters json.RawMessage) (func(context.Context) error, error) {
		var of struct{ Bucket, Key, Body, IfMatch, Tagging string }
		if err := json.Unmarshal(parameters, &of); err != nil {
			return nil, err
		}
		return func(ctx context.Context) error {
			input := &s3.PutObjectInput{Bucket: &of.Bucket, Key: &of.Key, Body: strings.NewReader(of.Body)}
			if of.IfMatch != "" {
				input.IfMatch = &of.IfMatch
			}
			if of.Tagging != "" {
				input.Tagging = &of.Tagging
			}
			_, err := client.PutObject(ctx, input)
			return err
		}, nil
	}
}
