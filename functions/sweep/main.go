// Command sweep looks at everything that exists already, together with the
// functions that look after it, and reports.
package main

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/sweep"
)

func main() { pipeline.Main(sweep.Name, build) }

func build(settings sweep.Settings, configuration aws.Config) pipeline.Runner {
	containers := ecs.NewFromConfig(configuration)
	return sweep.New(settings, sweep.Clients{
		Roles:     iam.NewFromConfig(configuration),
		Families:  containers,
		Services:  containers,
		Rules:     eventbridge.NewFromConfig(configuration),
		Schedules: scheduler.NewFromConfig(configuration),
		Secrets:   secretsmanager.NewFromConfig(configuration),
		Trails:    cloudtrail.NewFromConfig(configuration),
		Storage: s3.NewFromConfig(configuration, func(options *s3.Options) {
			// An endpoint of one's own, as an emulator has, rarely has a name for each bucket.
			options.UsePathStyle = configuration.BaseEndpoint != nil
		}),
		Queues: sqs.NewFromConfig(configuration),
	}, configuration.Region, time.Now, request)
}

// request gives what Lambda calls each delivery of one event.
func request(ctx context.Context) string {
	if of, ok := lambdacontext.FromContext(ctx); ok && of.AwsRequestID != "" {
		return of.AwsRequestID
	}
	return rand.Text()
}
