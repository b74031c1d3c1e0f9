// Command diagnose-failure says why a task or an instance failed, and has it
// cured; with --reason, it names the cause behind a pasted text.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient"
	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnosis"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

func main() {
	if diagnosis.AsksForReason(os.Args[1:]) {
		os.Exit(diagnosis.ReasonText(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	if diagnosis.AsksForDiagnosis(os.Args[1:]) {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		code := diagnosis.Command(ctx, os.Args[1:], here, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	pipeline.Main(diagnosis.Name, build)
}

func build(settings diagnosis.Settings, configuration aws.Config) pipeline.Runner {
	return assemble(settings, configuration)
}

func assemble(settings diagnosis.Settings, configuration aws.Config) *diagnosis.Diagnosis {
	return diagnosis.New(settings, diagnosis.Clients{
		Containers: ecs.NewFromConfig(configuration),
		Roles:      iam.NewFromConfig(configuration),
		Secrets:    secretsmanager.NewFromConfig(configuration),
		Instances:  ec2.NewFromConfig(configuration),
		Storage:    s3client.New(configuration),
		Queues:     sqs.NewFromConfig(configuration),
		// Anyone who registers a task definition names the host.
		Registries: registry.NewAsker(registry.NewGuardedClient(settings.Authorities, bool(settings.AllowPrivateRegistries)), time.Now, time.Minute),
	}, time.Now)
}

// here looks with the shell's credentials.
func here(ctx context.Context) (*diagnosis.Diagnosis, error) {
	configuration, err := awsclient.Load(ctx, diagnosis.Name)
	if err != nil {
		return nil, err
	}
	if configuration.Region == "" {
		return nil, errors.New("no region is set: set AWS_REGION")
	}
	return assemble(diagnosis.Settings{Shared: settings.Shared{Mode: finding.DryRun}}, configuration), nil
}
