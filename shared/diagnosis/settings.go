package diagnosis

import (
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

// Settings of diagnose-failure.
type Settings struct {
	settings.Shared
	// StateBucket keeps what was reported about failures; "" remembers nothing
	// between invocations, as from a shell.
	StateBucket string `env:"STATE_BUCKET"`

	// The queues of the functions that end causes; "" where a function is off.
	AttachPoliciesQueueURL      string `env:"ATTACH_POLICIES_QUEUE_URL"`
	PatchTaskDefinitionQueueURL string `env:"PATCH_TASK_DEFINITION_QUEUE_URL"`
	RotateSecretQueueURL        string `env:"ROTATE_SECRET_QUEUE_URL"`
	ValidateConfigQueueURL      string `env:"VALIDATE_CONFIG_QUEUE_URL"`

	// Authorities beside the system's may sign the registries' certificates.
	Authorities registry.Authorities `env:"REGISTRY_CA_FILE"`
	// AllowPrivateRegistries lets registries at private addresses be asked.
	AllowPrivateRegistries settings.Choice `env:"ALLOW_PRIVATE_REGISTRIES" envDefault:"no"`
}
