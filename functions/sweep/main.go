// Command sweep hands what exists already to the functions that look after it.
package main

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/sweep"
)

func main() { pipeline.Main(sweep.Name, build) }

func build(settings sweep.Settings, configuration aws.Config) pipeline.Runner {
	return sweep.New(settings,
		iam.NewFromConfig(configuration), ecs.NewFromConfig(configuration), secretsmanager.NewFromConfig(configuration),
		sqs.NewFromConfig(configuration), time.Now)
}
