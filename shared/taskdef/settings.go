// Package taskdef judges ECS task definitions and makes the revision that can
// be pulled and started: private images get the credential of the secret that
// is tagged for their registry, and everything else stays as it was.
package taskdef

import (
	"fmt"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

// Settings of patch-task-definition.
type Settings struct {
	settings.Shared
	// ReplaceCredentials lets a credential that a person chose give way to the
	// secret that is tagged for the image's registry.
	ReplaceCredentials settings.Choice `env:"REPLACE_CREDENTIALS" envDefault:"no"`
	// ExecutionRoleARN is given to definitions that need an execution role and
	// have none; "" leaves them.
	ExecutionRoleARN string `env:"EXECUTION_ROLE_ARN"`
	// ChangeOwnedResources says what to do with definitions and execution roles that
	// another tool manages.
	ChangeOwnedResources OwnedResources `env:"CHANGE_OWNED_RESOURCES" envDefault:"roles"`
	// IgnoredFamilies are left alone.
	IgnoredFamilies settings.Patterns `env:"IGNORED_FAMILIES"`
	// RegistrySecretPattern is how secrets must be called to serve a registry.
	RegistrySecretPattern settings.Patterns `env:"REGISTRY_SECRET_PATTERN" envDefault:"*"`
	// CheckSecretKeys has registries' secrets read: for the keys "username" and
	// "password", which ECS takes, and to ask the registry whether they work.
	CheckSecretKeys settings.Choice `env:"CHECK_SECRET_KEYS" envDefault:"yes"`
	// CureExecutionRoles lets execution roles be given what they lack: one secret by
	// its resource policy, Amazon ECR and logs by AWS's own policy.
	CureExecutionRoles settings.Choice `env:"CURE_EXECUTION_ROLES" envDefault:"no"`
	// RequireActorRight cures an execution role only where the principal that
	// registered the definition could do so itself.
	RequireActorRight settings.Choice `env:"REQUIRE_ACTOR_RIGHT" envDefault:"no"`
	// AllowPrivateRegistries lets registries be asked at private addresses: anyone who
	// registers a definition names the host.
	AllowPrivateRegistries settings.Choice `env:"ALLOW_PRIVATE_REGISTRIES" envDefault:"no"`
	// Authorities beside the system's may sign the registries' certificates.
	Authorities registry.Authorities `env:"REGISTRY_CA_FILE"`
	// UpdateServices has services that run a revision run the one that was made
	// from it.
	UpdateServices settings.Choice `env:"UPDATE_SERVICES" envDefault:"no"`
	// DeregisterSuperseded says after how many days revisions of ours are
	// deregistered that another one has followed, and that nothing uses.
	DeregisterSuperseded Retention `env:"DEREGISTER_SUPERSEDED" envDefault:"no"`
}

// trusts reports whether a secret of this name may serve a registry. An empty
// pattern restricts nothing.
func (s Settings) trusts(secret string) bool {
	return len(s.RegistrySecretPattern) == 0 || s.RegistrySecretPattern.Matches(secret)
}

// OwnedResources says what is done about resources that another tool manages.
type OwnedResources string

const (
	// Roles lends instance roles what they lack, and reports the rest with the change
	// for the tool's source.
	Roles OwnedResources = "roles"
	// All changes everything.
	All OwnedResources = "all"
	// None changes nothing.
	None OwnedResources = "none"
)

// UnmarshalText refuses every other word.
func (o *OwnedResources) UnmarshalText(text []byte) error {
	switch word := OwnedResources(text); word {
	case Roles, All, None:
		*o = word
		return nil
	}
	return fmt.Errorf("%q is neither roles nor all nor none", text)
}
