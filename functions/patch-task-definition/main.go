// Patch-task-definition gives private images in task definitions the
// credentials that they are pulled with.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

func main() {
	judgeFiles(os.Args[1:])
	pipeline.Main(taskdef.Name, build)
}

func build(settings taskdef.Settings, configuration aws.Config) pipeline.Runner {
	return taskdef.New(settings, clients(settings, configuration), time.Now)
}

func clients(settings taskdef.Settings, configuration aws.Config) taskdef.Clients {
	return taskdef.Clients{
		Containers: ecs.NewFromConfig(configuration),
		Rules:      eventbridge.NewFromConfig(configuration),
		Schedules:  scheduler.NewFromConfig(configuration),
		Secrets:    secretsmanager.NewFromConfig(configuration),
		Roles:      iam.NewFromConfig(configuration),
		Storage:    s3client.New(configuration),
		Images:     registry.NewAsker(registry.NewGuardedClient(settings.Authorities, bool(settings.AllowPrivateRegistries)), time.Now, 0),
		Region:     configuration.Region,
	}
}
