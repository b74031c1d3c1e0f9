// Package drivers puts the drivers of all registries together.
package drivers

import (
	"crypto/rand"
	"io"
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
	"github.com/ecs-guardrails/ecs-guardrails/shared/storedfile"
)

// Parts are what drivers need besides the secret's own data.
type Parts struct {
	// Registries calls the registries' APIs.
	Registries *registry.Client
	// Files holds the htpasswd files, and Limits says which of them may be changed.
	Files  storedfile.Store
	Limits htpasswd.Limits
	// Identity signs for the function where a registry trusts AWS.
	Identity acr.Identity
	// Functions calls the operator's own driver, of which Allowed are the ARNs.
	Functions lambda.Invoker
	Allowed   []string
	// Random is where passwords come from, and Now the time.
	Random io.Reader
	Now    func() time.Time
}

// FromAWS are the parts that an account and Region have.
func FromAWS(configuration aws.Config, registries *registry.Client, limits htpasswd.Limits, allowed []string, now func() time.Time) Parts {
	return Parts{
		Registries: registries, Files: s3client.New(configuration), Limits: limits, Identity: sts.NewFromConfig(configuration),
		Functions: awslambda.NewFromConfig(configuration), Allowed: allowed, Random: rand.Reader, Now: now,
	}
}

// All gives every driver, by what the secrets' tags call it.
func All(parts Parts) map[string]registry.Driver {
	client, random := parts.Registries, parts.Random
	return map[string]registry.Driver{
		acr.Name:             acr.New(client, parts.Identity, parts.Now),
		artifactory.Name:     artifactory.New(client),
		cloudsmith.Name:      cloudsmith.New(client),
		dockerhub.Name:       dockerhub.New(client),
		gitea.Name:           gitea.New(client),
		gitlab.Name:          gitlab.New(client, parts.Now),
		harbor.Name:          harbor.New(client),
		harbor.NameAlternate: harbor.NewAlternate(client, random),
		htpasswd.Name:        htpasswd.New(parts.Files, random, parts.Limits),
		lambda.Name:          lambda.New(parts.Functions, parts.Allowed),
		manual.Name:          manual.New(),
		nexus.Name:           nexus.New(client, random),
		quay.Name:            quay.New(client),
		scaleway.Name:        scaleway.New(client),
	}
}
