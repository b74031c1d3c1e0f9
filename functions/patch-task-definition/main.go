// Patch-task-definition gives private images in task definitions the
// credentials that they are pulled with.
package main

import (
	"context"
	"os"
	"os/signal"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"ecsguardrails/shared/awsclient"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/taskdef"
	"ecsguardrails/shared/taskfile"
	"ecsguardrails/shared/taskuse"
)

func main() {
	if len(os.Args) > 1 && taskfile.AsksForFiles(os.Args[1]) {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		code := taskfile.Command(ctx, os.Args[1:], os.Environ(), observerHere, os.Stdin, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	pipeline.Main(taskdef.Name, build)
}

func build(settings taskdef.Settings, configuration aws.Config) pipeline.Runner {
	return taskdef.New(settings, observer(configuration), taskdef.Applier{
		Definitions: ecs.NewFromConfig(configuration),
		Roles:       iam.NewFromConfig(configuration),
		Services:    taskdef.NewServiceMover(ecs.NewFromConfig(configuration)),
	})
}

func observer(configuration aws.Config) taskdef.Observer {
	secrets, containers := secretsmanager.NewFromConfig(configuration), ecs.NewFromConfig(configuration)
	objects := s3.NewFromConfig(configuration, func(options *s3.Options) {
		// Buckets have no names of their own at an endpoint for development.
		options.UsePathStyle = configuration.BaseEndpoint != nil
	})
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
		Files:   taskdef.NewFileObserver(objects, time.Now),
		Region:  configuration.Region,
		Now:     time.Now,
	}
}

// observerHere looks with the shell's credentials, where it has some.
func observerHere(ctx context.Context) *taskdef.Observer {
	configuration, err := awsclient.Load(ctx, taskdef.Name)
	if err != nil || configuration.Region == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	credentials, err := configuration.Credentials.Retrieve(ctx)
	if err != nil {
		return nil
	}
	here := observer(configuration)
	here.Account = credentials.AccountID
	return &here
}
