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

	"ecsguardrails/shared/awsclient/s3client"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/taskdef"
	"ecsguardrails/shared/taskuse"
)

func main() {
	judgeFiles(os.Args[1:])
	pipeline.Main(taskdef.Name, build)
}

func build(settings taskdef.Settings, configuration aws.Config) pipeline.Runner {
	return taskdef.New(settings, observer(configuration, settings), taskdef.Applier{
		Definitions: ecs.NewFromConfig(configuration),
		Roles:       iam.NewFromConfig(configuration),
		Grants:      taskdef.NewGranter(secretsmanager.NewFromConfig(configuration), taskdef.GrantSettles),
		Services:    taskdef.NewServiceMover(ecs.NewFromConfig(configuration)),
	})
}

func observer(configuration aws.Config, settings taskdef.Settings) taskdef.Observer {
	secrets, containers := secretsmanager.NewFromConfig(configuration), ecs.NewFromConfig(configuration)
	return taskdef.Observer{
		Definitions: containers,
		Instances:   containers,
		Uses: taskuse.Reader{
			Services: containers, Tasks: containers,
			Rules: eventbridge.NewFromConfig(configuration), Schedules: scheduler.NewFromConfig(configuration),
		},
		Secrets: taskdef.NewSecretList(secrets, time.Now),
		Named:   taskdef.NewSecretObserver(secrets, time.Now),
		Roles:   taskdef.NewRoleObserver(iam.NewFromConfig(configuration), time.Now),
		Files:   taskdef.NewFileObserver(s3client.New(configuration), time.Now),
		Images:  taskdef.NewImageObserver(registry.NewAsker(registry.NewGuardedClient(settings.Authorities, bool(settings.AllowPrivateRegistries)), time.Now, 0), time.Now),
		Region:  configuration.Region,
		Now:     time.Now,
	}
}
