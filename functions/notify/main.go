// Command notify gathers the findings of a time into few messages for people.
package main

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/digest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
)

func main() { pipeline.Main(digest.Name, build) }

func build(settings digest.Settings, configuration aws.Config) pipeline.Runner {
	return &digest.Notifier{
		Settings: settings, Topics: sns.NewFromConfig(configuration), Storage: s3client.New(configuration),
		Hub: securityhub.NewFromConfig(configuration), Now: time.Now,
	}
}
