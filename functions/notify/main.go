// Command notify gathers the findings of a time into few messages for people.
package main

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"ecsguardrails/shared/digest"
	"ecsguardrails/shared/pipeline"
)

func main() { pipeline.Main(digest.Name, build) }

func build(settings digest.Settings, configuration aws.Config) pipeline.Runner {
	return &digest.Notifier{Settings: settings, Topics: sns.NewFromConfig(configuration)}
}
