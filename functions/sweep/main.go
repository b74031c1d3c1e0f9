// Command sweep looks at everything that exists already, together with the
// functions that look after it, and reports.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/function"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
)

func main() {
	runIfAsked(os.Args[1:])
	pipeline.Main(function.Sweep, build)
}

func build(settings sweep.Settings, configuration aws.Config) pipeline.Runner {
	containers, secrets := ecs.NewFromConfig(configuration), secretsmanager.NewFromConfig(configuration)
	return sweep.New(settings, sweep.Clients{
		Roles:       iam.NewFromConfig(configuration),
		Families:    containers,
		Services:    containers,
		Rules:       eventbridge.NewFromConfig(configuration),
		Schedules:   scheduler.NewFromConfig(configuration),
		Secrets:     secrets,
		Trails:      cloudtrail.NewFromConfig(configuration),
		Storage:     s3client.New(configuration),
		Queues:      sqs.NewFromConfig(configuration),
		Definitions: containers,
		Departure:   secrets,
		Region:      configuration.Region,
	}, time.Now)
}
