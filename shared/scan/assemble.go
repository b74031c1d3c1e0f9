package scan

import (
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient"
	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnosis"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/instancerole"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/drivers"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

// newAccount wires the functions' planners to clients that only read. The
// settings are those of the functions, from the same variables; the mode is
// always dry-run.
func newAccount(options Options, environ []string, configuration aws.Config, now func() time.Time) (*account, error) {
	configuration = awsclient.ReadOnly(configuration, options.allows)
	a := &account{options: options, region: configuration.Region, now: now}
	var roles instancerole.Settings
	var objects configobject.Settings
	var definitions taskdef.Settings
	var failures diagnosis.Settings
	var rotations rotation.Settings
	for _, load := range []func() error{
		loading(environ, &a.settings), loading(environ, &roles), loading(environ, &objects), loading(environ, &definitions), loading(environ, &failures), loading(environ, &rotations),
	} {
		if err := load(); err != nil {
			return nil, err
		}
	}
	for _, mode := range []*finding.Mode{&a.settings.Mode, &roles.Mode, &objects.Mode, &definitions.Mode, &failures.Mode, &rotations.Mode} {
		*mode = finding.DryRun
	}
	rotations.DescriptionOnly = !options.SecretValues
	definitions.CheckSecretKeys = definitions.CheckSecretKeys && settings.Choice(options.SecretValues)

	containers, identities, instances := ecs.NewFromConfig(configuration), iam.NewFromConfig(configuration), ec2.NewFromConfig(configuration)
	secrets := secretsmanager.NewFromConfig(configuration)
	rules, schedules := eventbridge.NewFromConfig(configuration), scheduler.NewFromConfig(configuration)
	storage := s3client.New(configuration)
	registries := registry.NewClient(rotations.Authorities)
	// Images are asked for with the credential that the secret's value holds, and only
	// where it may be read.
	var images taskdef.ImageAsker
	if options.SecretValues {
		images = registry.NewAsker(registry.NewGuardedClient(definitions.Authorities, bool(definitions.AllowPrivateRegistries)), now, 0)
	}
	a.tasks, a.buckets, a.identity = containers, storage, sts.NewFromConfig(configuration)
	a.clients = sweep.Clients{
		Roles: identities, Families: containers, Services: containers, Rules: rules, Schedules: schedules,
		Secrets: secrets, Trails: cloudtrail.NewFromConfig(configuration), Storage: storage,
		Region: configuration.Region,
	}
	a.judges = map[sweep.Kind]judge{
		sweep.Roles: {kind: sweep.Roles, field: "roles", Runner: instancerole.New(roles, instancerole.Clients{Roles: identities, Instances: instances, Providers: containers, Region: configuration.Region}, now)},
		sweep.ConfigObjects: {kind: sweep.ConfigObjects, field: "objects", Runner: configobject.New(objects, configobject.Clients{
			Storage: storage, Clusters: containers, Roles: identities, Account: configbucket.NewAccountClient(configuration), Identity: a.identity,
			Registries: registry.NewGuardedClient(objects.Authorities, bool(objects.AllowPrivateRegistries)), Region: configuration.Region,
		}, now)},
		sweep.TaskDefinitions: {kind: sweep.TaskDefinitions, field: "taskDefinitions", Runner: taskdef.New(definitions, taskdef.Clients{
			Containers: containers, Rules: rules, Schedules: schedules, Secrets: secrets, Roles: identities, Storage: storage, Images: images, Region: configuration.Region,
		}, now)},
		sweep.Secrets: {kind: sweep.Secrets, field: "secret", one: true, Runner: rotation.New(rotations, rotation.Clients{
			Secrets: secrets, Configs: storage, Registries: registries, Images: registry.NewAsker(registries, now, 0),
			Commands: ssm.NewFromConfig(configuration), Clusters: containers, Definitions: containers,
			Drivers: drivers.All(drivers.FromAWS(configuration, registries, rotations.HtpasswdLimits(), rotations.RegistryFunctions, now)),
		}, now)},
		Tasks: {kind: Tasks, field: "task", one: true, Runner: diagnosis.New(failures, diagnosis.Clients{
			Containers: containers, Roles: identities, Secrets: secrets, Instances: instances, Storage: storage,
			Registries: registry.NewAsker(registry.NewGuardedClient(failures.Authorities, bool(failures.AllowPrivateRegistries)), now, time.Minute),
		}, now)},
	}
	return a, nil
}

func loading[T any](environ []string, into *T) func() error {
	return func() (err error) {
		*into, err = settings.Load[T]("scan", environ)
		return err
	}
}

// decodedKey reads an object's key as ListObjectsV2 gives it with
// EncodingType=url: keys may have characters that XML can't carry.
func decodedKey(key string) (string, error) { return url.QueryUnescape(key) }
