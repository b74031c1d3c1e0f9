// Rotate-secret is the Lambda function that changes registry passwords for AWS
// Secrets Manager. README.md beside it says what it does; shared/rotation does it.
package main

import (
	"crypto/rand"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"ecsguardrails/shared/awsclient/s3client"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/registry/acr"
	"ecsguardrails/shared/registry/artifactory"
	"ecsguardrails/shared/registry/cloudsmith"
	"ecsguardrails/shared/registry/dockerhub"
	"ecsguardrails/shared/registry/gitea"
	"ecsguardrails/shared/registry/gitlab"
	"ecsguardrails/shared/registry/harbor"
	"ecsguardrails/shared/registry/htpasswd"
	"ecsguardrails/shared/registry/lambda"
	"ecsguardrails/shared/registry/manual"
	"ecsguardrails/shared/registry/nexus"
	"ecsguardrails/shared/registry/quay"
	"ecsguardrails/shared/registry/scaleway"
	"ecsguardrails/shared/rotation"
)

func main() { pipeline.Main("rotate-secret", build) }

func build(settings rotation.Settings, configuration aws.Config) pipeline.Runner {
	objects := s3client.New(configuration)
	client := registry.NewClient(settings.Authorities)
	secrets, containers := secretsmanager.NewFromConfig(configuration), ecs.NewFromConfig(configuration)
	renewal := rotation.NewRenewal(settings.Mode, secrets, client, time.Now)
	return renewal.Before(rotation.New(settings, rotation.Clients{
		Secrets: secrets, Configs: objects, Registries: client,
		Images:   registry.NewAsker(client, time.Now, 0),
		Commands: ssm.NewFromConfig(configuration), Clusters: containers, Definitions: containers,
		Drivers: map[string]registry.Driver{
			acr.Name:             acr.New(client, time.Now),
			artifactory.Name:     artifactory.New(client),
			cloudsmith.Name:      cloudsmith.New(client),
			dockerhub.Name:       dockerhub.New(client),
			gitea.Name:           gitea.New(client),
			gitlab.Name:          gitlab.New(client, time.Now),
			harbor.Name:          harbor.New(client),
			harbor.NameAlternate: harbor.NewAlternate(client, rand.Reader),
			htpasswd.Name:        htpasswd.New(objects, rand.Reader, settings.HtpasswdLimits()),
			lambda.Name:          lambda.New(awslambda.NewFromConfig(configuration), settings.RegistryFunctions),
			manual.Name:          manual.New(),
			nexus.Name:           nexus.New(client, rand.Reader),
			quay.Name:            quay.New(client),
			scaleway.Name:        scaleway.New(client),
		},
	}, time.Now))
}
