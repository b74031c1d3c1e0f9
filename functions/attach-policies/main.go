// Command attach-policies gives ECS instance roles the policies that they lack.
package main

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"ecsguardrails/shared/instancerole"
	"ecsguardrails/shared/pipeline"
)

func main() { pipeline.Main("attach-policies", build) }

func build(settings instancerole.Settings, configuration aws.Config) pipeline.Runner {
	roles := iam.NewFromConfig(configuration)
	observer := &instancerole.Observer{
		Settings:  settings,
		Region:    configuration.Region,
		Roles:     roles,
		Quotas:    roles,
		Instances: ec2.NewFromConfig(configuration),
		Clusters:  ecs.NewFromConfig(configuration),
		Now:       time.Now,
	}
	return instancerole.Function(settings, observer, instancerole.Applier{Roles: roles})
}
