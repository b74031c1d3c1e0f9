package configobject

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/instancerole"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

// Settings are those of validate-config.
type Settings struct {
	settings.Shared
	Suffixes
	// OnInvalid is what happens to an invalid file beyond tags and findings.
	OnInvalid OnInvalid `env:"ON_INVALID" envDefault:"report"`
	// InstanceRolePattern and Capabilities say as for attach-policies which roles'
	// instances are to read config files.
	InstanceRolePattern instancerole.Pattern      `env:"INSTANCE_ROLE_PATTERN" envDefault:"ecsInstanceRole*,ecsExternalInstanceRole*,ecsAnywhereRole*"`
	Capabilities        instancerole.Capabilities `env:"CAPABILITIES" envDefault:"agent"`
	// VerifyRegistryLogin logs in to the registries that a file names.
	VerifyRegistryLogin settings.Choice `env:"VERIFY_REGISTRY_LOGIN" envDefault:"no"`
	// AllowPrivateRegistries lets that connect to private addresses, too: anyone who
	// may write the file could make the function connect to internal hosts (SSRF).
	AllowPrivateRegistries settings.Choice `env:"ALLOW_PRIVATE_REGISTRIES" envDefault:"no"`
	// Authorities beside the system's may sign the registries' certificates.
	Authorities registry.Authorities `env:"REGISTRY_CA_FILE"`
}

func (s Settings) instanceRoles() instancerole.Settings {
	return instancerole.Settings{Shared: s.Shared, InstanceRolePattern: s.InstanceRolePattern, Capabilities: s.Capabilities}
}

// Suffixes are the ends of the keys that are ours; a key that has an end of each
// kind belongs to the longer one.
type Suffixes struct {
	ConfigSuffixes          []Suffix `env:"CONFIG_SUFFIXES" envDefault:"ecs.config"`
	EnvironmentFileSuffixes []Suffix `env:"ENVIRONMENT_FILE_SUFFIXES" envDefault:".env"`
}

// OnInvalid is what happens to an invalid file.
type OnInvalid string

const (
	// Report tags the version, and tells.
	Report OnInvalid = "report"
	// Restore also puts the last good version back on top.
	Restore OnInvalid = "restore"
)

// UnmarshalText refuses every word but the two.
func (o *OnInvalid) UnmarshalText(text []byte) error {
	switch word := OnInvalid(text); word {
	case Report, Restore:
		*o = word
		return nil
	default:
		return fmt.Errorf("%q is unknown: write %q or %q", text, Report, Restore)
	}
}

// Suffix is the end of an object's key, compared byte for byte as S3 compares
// the suffix filter of a notification: "ecs.config" takes "prod/ecs.config" and
// "prod-ecs.config", "/ecs.config" the former alone.
type Suffix string

// UnmarshalText refuses what would take every object, or none.
func (s *Suffix) UnmarshalText(text []byte) error {
	suffix := strings.TrimSpace(string(text))
	switch {
	case suffix == "":
		return errors.New("an empty suffix would take every object: write the end of a key, as in ecs.config")
	case strings.ContainsAny(suffix, "*?"):
		return fmt.Errorf("suffix %q has a wildcard, which S3 keys take literally: write the end of a key, as in ecs.config", suffix)
	}
	*s = Suffix(suffix)
	return nil
}

// Kind is what an object is read as.
type Kind int

const (
	// ConfigFile is an ecs.config, which instances read when they boot.
	ConfigFile Kind = iota + 1
	// EnvironmentFile is one that task definitions name in environmentFiles.
	EnvironmentFile
)

// Kind gives what an object with this key is, or 0 where it is not ours.
func (s Suffixes) Kind(key string) Kind {
	var kind Kind
	longest := 0
	for _, configured := range []struct {
		kind     Kind
		suffixes []Suffix
	}{{ConfigFile, s.ConfigSuffixes}, {EnvironmentFile, s.EnvironmentFileSuffixes}} {
		for _, suffix := range configured.suffixes {
			if len(suffix) > longest && strings.HasSuffix(key, string(suffix)) {
				kind, longest = configured.kind, len(suffix)
			}
		}
	}
	return kind
}
