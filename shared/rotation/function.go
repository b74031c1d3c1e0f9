package rotation

import (
	"time"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/registry"
)

// Secrets is Secrets Manager's client.
type Secrets interface {
	SecretReader
	SecretWriter
}

// World is what a rotation works on.
type World struct {
	Secrets    Secrets
	Configs    ConfigStore
	Registries LoginProver
	Commands   Commands
	Clusters   Clusters
	// Drivers are known by what the secrets' tags call them.
	Drivers map[string]registry.Driver
	Now     func() time.Time
}

// Rotation is the function's knowledge with what it works on.
type Rotation struct {
	reader         SecretReader
	writer         SecretWriter
	objects        ConfigStore
	registries     LoginProver
	drivers        map[string]registry.Driver
	now            func() time.Time
	loginWait      time.Duration
	configBuckets  []string
	configSuffixes []string

	commands                  Commands
	clusters                  Clusters
	refreshing                Refreshing
	maxConcurrency, maxErrors Pace
}

// New assembles the function rotate-secret.
func New(settings Settings, world World) *pipeline.Function[Request, Observation, pipeline.NoQuestion, Action] {
	rotation := &Rotation{
		reader: world.Secrets, writer: world.Secrets, objects: world.Configs, registries: world.Registries,
		drivers: world.Drivers, now: world.Now, loginWait: settings.LoginWait,
		configBuckets: settings.ConfigBuckets, configSuffixes: settings.ConfigSuffixes,
		commands: world.Commands, clusters: world.Clusters, refreshing: settings.RefreshInstances,
		maxConcurrency: settings.RefreshMaxConcurrency, maxErrors: settings.RefreshMaxErrors,
	}
	if settings.ConfigBucket != "" {
		rotation.configBuckets = append([]string{settings.ConfigBucket}, settings.ConfigBuckets...)
	}
	plan := rotation.plan
	if settings.Mode == finding.DryRun {
		plan = func(o Observation) pipeline.Plan[Action] { return inDryRun(o.Step, rotation.plan(o)) }
	}
	return &pipeline.Function[Request, Observation, pipeline.NoQuestion, Action]{
		Name:     "rotate-secret",
		Mode:     settings.Mode,
		Subjects: Subjects,
		Observe:  rotation.observe,
		Plan:     plan,
		Describe: rotation.describe,
		Apply:    rotation.apply,
		Measure:  measure,
		// Secrets Manager reads nothing of the answer but whether it is an error.
		MustSucceed: true,
	}
}
