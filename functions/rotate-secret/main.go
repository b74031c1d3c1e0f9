// Rotate-secret is the Lambda function that changes registry passwords for AWS
// Secrets Manager. README.md beside it says what it does; shared/rotation does it.
package main

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/drivers"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
)

func main() { pipeline.Main("rotate-secret", build) }

func build(settings rotation.Settings, configuration aws.Config) pipeline.Runner {
	client := registry.NewClient(settings.Authorities)
	secrets, containers := secretsmanager.NewFromConfig(configuration), ecs.NewFromConfig(configuration)
	renewal := rotation.NewRenewal(settings.Mode, secrets, client, time.Now)
	return renewal.Before(rotation.New(settings, rotation.Clients{
		Secrets: secrets, Configs: s3client.New(configuration), Registries: client,
		Images:   registry.NewAsker(client, time.Now, 0),
		Commands: ssm.NewFromConfig(configuration), Clusters: containers, Definitions: containers,
		Drivers: drivers.All(drivers.FromAWS(configuration, client, settings.HtpasswdLimits(), settings.RegistryFunctions, time.Now)),
	}, time.Now))
}
