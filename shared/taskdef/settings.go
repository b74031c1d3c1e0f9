// Package taskdef judges ECS task definitions and makes the revision that can
// be pulled and started: private images get the credential of the secret that
// is tagged for their registry, and everything else stays as it was.
package taskdef

import "ecsguardrails/shared/settings"

// Settings of patch-task-definition.
type Settings struct {
	settings.Shared
	// ReplaceCredentials lets a credential that a person chose give way to the
	// secret that is tagged for the image's registry.
	ReplaceCredentials settings.Choice `env:"REPLACE_CREDENTIALS" envDefault:"no"`
	// ExecutionRoleARN is given to definitions that need an execution role and
	// have none; "" leaves them.
	ExecutionRoleARN string `env:"EXECUTION_ROLE_ARN"`
	// PatchCloudFormation lets definitions that a CloudFormation stack owns have
	// new revisions that the stack does not know of.
	PatchCloudFormation settings.Choice `env:"PATCH_CLOUDFORMATION" envDefault:"no"`
	// CheckSecretKeys has the keys of registries' secrets looked at: ECS reads
	// "username" and "password".
	CheckSecretKeys settings.Choice `env:"CHECK_SECRET_KEYS" envDefault:"yes"`
	// The stack's policies that are attached to execution roles which lack what
	// they grant; "" only reports it.
	RegistrySecretsPolicyARN string `env:"REGISTRY_SECRETS_POLICY_ARN"`
	ECRPolicyARN             string `env:"ECR_POLICY_ARN"`
	LogsPolicyARN            string `env:"LOGS_POLICY_ARN"`
	// ConfigPolicyARN grants reading ConfigBucket, and so the environment files
	// that are kept there.
	ConfigPolicyARN string `env:"CONFIG_POLICY_ARN"`
	ConfigBucket    string `env:"CONFIG_BUCKET"`
	// UpdateServices has services that run a revision run the one that was made
	// from it.
	UpdateServices settings.Choice `env:"UPDATE_SERVICES" envDefault:"no"`
	// DeregisterSuperseded says after how many days revisions of ours are
	// deregistered that another one has followed, and that nothing uses.
	DeregisterSuperseded Retention `env:"DEREGISTER_SUPERSEDED" envDefault:"no"`
}
