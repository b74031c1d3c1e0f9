// Command validate-config judges ecs.config and environment files in S3 and
// tags each version with the verdict. From a shell, it judges local files.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"ecsguardrails/shared/configbucket"
	"ecsguardrails/shared/configobject"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/registry"
)

func main() {
	judgeFiles(os.Args[1:])
	pipeline.Main(configobject.Name, build)
}

func build(settings configobject.Settings, configuration aws.Config) pipeline.Runner {
	storage := s3.NewFromConfig(configuration, func(options *s3.Options) {
		// An endpoint of one's own, as an emulator has, rarely has a name for each bucket.
		options.UsePathStyle = configuration.BaseEndpoint != nil
	})
	return configobject.New(settings,
		configobject.Judges{ConfigFile: configobject.JudgeConfigFile, EnvironmentFile: configobject.JudgeEnvironmentFile},
		configobject.Clients{
			Storage:    storage,
			Clusters:   ecs.NewFromConfig(configuration),
			Roles:      iam.NewFromConfig(configuration),
			Account:    configbucket.NewAccountClient(configuration),
			Identity:   sts.NewFromConfig(configuration),
			Registries: registry.NewGuardedClient(settings.Authorities, bool(settings.AllowPrivateRegistries)),
		},
		configuration.Region, time.Now)
}
