// Command attach-policies gives ECS instance roles the policies that they lack.
package main

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/ecs-guardrails/ecs-guardrails/shared/instancerole"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
)

func main() { pipeline.Main("attach-policies", build) }

func build(settings instancerole.Settings, configuration aws.Config) pipeline.Runner {
	return instancerole.New(settings, instancerole.Clients{
		Roles:     iam.NewFromConfig(configuration),
		Instances: ec2.NewFromConfig(configuration),
		Providers: ecs.NewFromConfig(configuration),
		Region:    configuration.Region,
	}, time.Now)
}
