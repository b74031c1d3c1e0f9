package rotation

import (
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

// Secrets is Secrets Manager's client.
type Secrets interface {
	SecretReader
	SecretLister
	SecretWriter
}

// Clients are what a rotation reads and writes with.
type Clients struct {
	Secrets    Secrets
	Configs    ConfigStore
	Registries LoginProver
	Images     ImageAsker
	Commands   Commands
	Clusters   Clusters
	// Definitions finds the images that the secret is used for.
	Definitions TaskDefinitions
	// Drivers are known by what the secrets' tags call them.
	Drivers map[string]registry.Driver
}

// Rotation is the function's knowledge with what it works on.
type Rotation struct {
	reader      SecretReader
	lister      SecretLister
	writer      SecretWriter
	objects     ConfigStore
	registries  LoginProver
	images      ImageAsker
	definitions TaskDefinitions
	drivers     map[string]registry.Driver
	now         func() time.Time
	loginWait   time.Duration
	// descriptionOnly reads no value of a secret.
	descriptionOnly bool
	configBuckets   []string
	configSuffixes  []string

	commands                  Commands
	clusters                  Clusters
	refreshing                Refreshing
	maxConcurrency, maxErrors Pace
}

// New assembles the function rotate-secret.
func New(settings Settings, clients Clients, now func() time.Time) *pipeline.Function[Request, Observation, Question, Action] {
	rotation := &Rotation{
		reader: clients.Secrets, lister: clients.Secrets, writer: clients.Secrets, objects: clients.Configs, registries: clients.Registries,
		images: clients.Images, definitions: clients.Definitions,
		drivers: clients.Drivers, now: now, loginWait: settings.LoginWait, descriptionOnly: settings.DescriptionOnly,
		configBuckets: settings.ConfigBuckets, configSuffixes: settings.ConfigSuffixes,
		commands: clients.Commands, clusters: clients.Clusters, refreshing: settings.RefreshInstances,
		maxConcurrency: settings.RefreshMaxConcurrency, maxErrors: settings.RefreshMaxErrors,
	}
	if settings.ConfigBucket != "" {
		rotation.configBuckets = append([]string{settings.ConfigBucket}, settings.ConfigBuckets...)
	}
	plan := rotation.plan
	if settings.Mode == finding.DryRun {
		plan = func(o Observation) pipeline.Plan[Action] { return inDryRun(o.Step, rotation.plan(o)) }
	}
	return &pipeline.Function[Request, Observation, Question, Action]{
		Name:     "rotate-secret",
		Mode:     settings.Mode,
		Subjects: Subjects,
		Observe:  rotation.observe,
		Ask:      rotation.ask,
		Answer:   rotation.answer,
		Plan:     plan,
		Describe: rotation.describe,
		Apply:    rotation.apply,
		Measure:  measure,
		// Secrets Manager reads nothing of the answer but whether it is an error.
		MustSucceed: true,
	}
}
