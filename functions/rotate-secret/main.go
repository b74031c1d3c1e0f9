// Rotate-secret is the Lambda function that changes registry passwords for AWS
// Secrets Manager. README.md beside it says what it does; shared/rotation does it.
package main

import (
	"crypto/rand"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/registry/htpasswd"
	"ecsguardrails/shared/rotation"
)

func main() {
	pipeline.Main("rotate-secret", func(settings rotation.Settings, configuration aws.Config) pipeline.Runner {
		objects := s3.NewFromConfig(configuration, func(options *s3.Options) {
			// Endpoints of one's own seldom resolve a bucket's name as a host.
			options.UsePathStyle = configuration.BaseEndpoint != nil
		})
		drivers := map[string]registry.Driver{
			htpasswd.Name: htpasswd.New(objects, rand.Reader),
		}
		return rotation.New(settings, secretsmanager.NewFromConfig(configuration), registry.NewClient(settings.Authorities), drivers)
	})
}
