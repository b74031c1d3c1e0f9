// Patch-task-definition gives private images in task definitions the
// credentials that they are pulled with.
package main

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/taskdef"
)

func main() { pipeline.Main(taskdef.Name, build) }

func build(settings taskdef.Settings, configuration aws.Config) pipeline.Runner {
	definitions := ecs.NewFromConfig(configuration)
	secrets := secretsmanager.NewFromConfig(configuration)
	return taskdef.New(settings,
		taskdef.Observer{
			Definitions: definitions,
			Secrets:     taskdef.NewSecretList(secrets, time.Now),
			Region:      configuration.Region,
		},
		taskdef.Applier{Definitions: definitions},
	)
}
