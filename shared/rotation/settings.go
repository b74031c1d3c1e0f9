package rotation

import (
	"time"

	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/settings"
)

// Settings are rotate-secret's.
type Settings struct {
	settings.Shared
	// ConfigBucket and ConfigBuckets are where the ecs.config files are kept that
	// may carry a credential, and ConfigSuffixes what their keys end in. Without a
	// bucket none is looked for.
	ConfigBucket   string   `env:"CONFIG_BUCKET"`
	ConfigBuckets  []string `env:"CONFIG_BUCKETS"`
	ConfigSuffixes []string `env:"CONFIG_SUFFIXES" envDefault:"ecs.config"`
	// RefreshInstances has container instances read a rendered ecs.config anew: so
	// many at the same time (RefreshMaxConcurrency), and no more after more than so
	// many failures (RefreshMaxErrors).
	RefreshInstances      Refreshing `env:"REFRESH_INSTANCES" envDefault:"no"`
	RefreshMaxConcurrency Pace       `env:"REFRESH_MAX_CONCURRENCY" envDefault:"10%"`
	RefreshMaxErrors      Pace       `env:"REFRESH_MAX_ERRORS" envDefault:"1"`
	// LoginWait is how long testSecret lets a registry take to know the new
	// credential: a registry that copies its htpasswd file from S3 does so at
	// intervals. It must end before the function's time-out.
	LoginWait time.Duration `env:"LOGIN_WAIT" envDefault:"60s"`
	// Authorities is the path of a PEM file, in a layer of the function's, say.
	Authorities registry.Authorities `env:"REGISTRY_CA_FILE"`
}
