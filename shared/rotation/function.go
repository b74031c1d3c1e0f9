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

// Rotation is the function's knowledge with what it works on.
type Rotation struct {
	reader     SecretReader
	writer     SecretWriter
	registries LoginProver
	// drivers are known by what the secrets' tags call them.
	drivers   map[string]registry.Driver
	loginWait time.Duration
}

// New assembles the function rotate-secret.
func New(settings Settings, secrets Secrets, registries LoginProver, drivers map[string]registry.Driver) *pipeline.Function[Request, Observation, Action] {
	rotation := &Rotation{reader: secrets, writer: secrets, registries: registries, drivers: drivers, loginWait: settings.LoginWait}
	plan := rotation.plan
	if settings.Mode == finding.DryRun {
		plan = func(o Observation) pipeline.Plan[Action] { return inDryRun(rotation.plan(o)) }
	}
	return &pipeline.Function[Request, Observation, Action]{
		Name:     "rotate-secret",
		Mode:     settings.Mode,
		Subjects: Subjects,
		Observe:  rotation.observe,
		Plan:     plan,
		Describe: rotation.describe,
		Apply:    rotation.apply,
		// Secrets Manager reads nothing of the answer but whether it is an error.
		MustSucceed: true,
	}
}
