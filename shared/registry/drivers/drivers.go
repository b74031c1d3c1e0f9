// Package drivers puts the drivers of all registries together.
package drivers

import (
	"crypto/rand"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/acr"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/artifactory"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/cloudsmith"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/dockerhub"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/gitea"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/gitlab"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/harbor"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/htpasswd"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/lambda"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/manual"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/nexus"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/quay"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/scaleway"
)

// All gives every driver, by what the secrets' tags call it. The functions are the
// ARNs of those that the driver lambda may call.
func All(configuration aws.Config, client *registry.Client, files htpasswd.Limits, functions []string, now func() time.Time) map[string]registry.Driver {
	return map[string]registry.Driver{
		acr.Name:             acr.New(client, sts.NewFromConfig(configuration), now),
		artifactory.Name:     artifactory.New(client),
		cloudsmith.Name:      cloudsmith.New(client),
		dockerhub.Name:       dockerhub.New(client),
		gitea.Name:           gitea.New(client),
		gitlab.Name:          gitlab.New(client, now),
		harbor.Name:          harbor.New(client),
		harbor.NameAlternate: harbor.NewAlternate(client, rand.Reader),
		htpasswd.Name:        htpasswd.New(s3client.New(configuration), rand.Reader, files),
		lambda.Name:          lambda.New(awslambda.NewFromConfig(configuration), functions),
		manual.Name:          manual.New(),
		nexus.Name:           nexus.New(client, rand.Reader),
		quay.Name:            quay.New(client),
		scaleway.Name:        scaleway.New(client),
	}
}
