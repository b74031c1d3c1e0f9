package rotation

import (
	"slices"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/htpasswd"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

// Settings are rotate-secret's.
type Settings struct {
	settings.Shared
	// ConfigBucket and ConfigBuckets are where the ecs.config files are kept that
	// may carry a credential, and ConfigSuffixes what their keys end in. Without a
	// bucket, looks between rotations find no file that a secret doesn't list.
	ConfigBucket   string   `env:"CONFIG_BUCKET"`
	ConfigBuckets  []string `env:"CONFIG_BUCKETS"`
	ConfigSuffixes []string `env:"CONFIG_SUFFIXES" envDefault:"ecs.config"`
	// HtpasswdObjects are the htpasswd files that may be written, as bucket/key, in
	// which * is any text; never one that ends like an ecs.config or an environment
	// file.
	HtpasswdObjects         []string `env:"HTPASSWD_OBJECTS"`
	EnvironmentFileSuffixes []string `env:"ENVIRONMENT_FILE_SUFFIXES" envDefault:".env"`
	// RegistryFunctions are the ARNs of the functions that the driver lambda may call.
	RegistryFunctions []string `env:"REGISTRY_FUNCTION_ARNS"`
	// RefreshInstances has container instances read a rendered ecs.config again: so
	// many at the same time (RefreshMaxConcurrency), and no more after more than so
	// many failures (RefreshMaxErrors).
	RefreshInstances      Refreshing `env:"REFRESH_INSTANCES" envDefault:"no"`
	RefreshMaxConcurrency Pace       `env:"REFRESH_MAX_CONCURRENCY" envDefault:"10%"`
	RefreshMaxErrors      Pace       `env:"REFRESH_MAX_ERRORS" envDefault:"1"`
	// LoginWait is how long testSecret lets a registry take to know the new
	// credential: a registry that copies its htpasswd file from S3 does so at
	// intervals. It must end before the function's time-out.
	LoginWait time.Duration `env:"LOGIN_WAIT" envDefault:"60s"`
	// DescriptionOnly judges a secret by its tags and its rotation, and reads no value:
	// for a scan whose operator didn't ask for values. No variable sets it.
	DescriptionOnly bool
	// Authorities is the path of a PEM file, in a layer of the function's, say.
	Authorities registry.Authorities `env:"REGISTRY_CA_FILE"`
}

// HtpasswdLimits are what the driver htpasswd may write.
func (s Settings) HtpasswdLimits() htpasswd.Limits {
	return htpasswd.Limits{Objects: s.HtpasswdObjects, NoSuffixes: slices.Concat(s.ConfigSuffixes, s.EnvironmentFileSuffixes)}
}
