// Command validate-config judges ecs.config files in S3 and tags each version
// with the verdict.
package main

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ecsguardrails/shared/configobject"
	"ecsguardrails/shared/ecsconfig"
	"ecsguardrails/shared/pipeline"
)

func main() { pipeline.Main(configobject.Name, build) }

func build(settings configobject.Settings, configuration aws.Config) pipeline.Runner {
	objects := s3.NewFromConfig(configuration, func(options *s3.Options) {
		// An endpoint of one's own, as an emulator has, rarely has a name for each bucket.
		options.UsePathStyle = configuration.BaseEndpoint != nil
	})
	return configobject.New(settings, configobject.Judges{ConfigFile: ecsconfig.Judge}, objects)
}
