// Command validate-config judges ecs.config and environment files in S3 and
// tags each version with the verdict. From a shell, it judges local files.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

func main() {
	judgeFiles(os.Args[1:])
	pipeline.Main(configobject.Name, build)
}

func build(settings configobject.Settings, configuration aws.Config) pipeline.Runner {
	return configobject.New(settings, configobject.Clients{
		Storage:    s3client.New(configuration),
		Clusters:   ecs.NewFromConfig(configuration),
		Roles:      iam.NewFromConfig(configuration),
		Account:    configbucket.NewAccountClient(configuration),
		Identity:   sts.NewFromConfig(configuration),
		Registries: registry.NewGuardedClient(settings.Authorities, bool(settings.AllowPrivateRegistries)),
		Region:     configuration.Region,
	}, time.Now)
}
