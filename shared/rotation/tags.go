package rotation

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/registry"
)

// The tags of a secret that say what to do with it.
const (
	RegistryTag = "ecs-guardrails:registry"
	DriverTag   = "ecs-guardrails:driver"
	ImageTag    = "ecs-guardrails:test-image"
)

// Target is what a secret's tags say.
type Target struct {
	Registry registry.Registry
	Driver   string
	// Image is the one whose manifest testSecret reads; nil where none is named.
	Image *registry.Image
}

// target reads the tags, all of them, so that all faults are told at once.
func target(tags map[string]string, drivers map[string]registry.Driver) (Target, []finding.Finding) {
	var target Target
	var faults []finding.Finding
	fault := func(code, message, fix string) {
		faults = append(faults, finding.Finding{Code: code, Severity: finding.Error, Message: message, Fix: fix})
	}
	known := slices.Sorted(maps.Keys(drivers))

	name, tagged := tags[RegistryTag]
	if !tagged {
		fault("tag-missing", "nothing says which registry the secret is for", "tag the secret "+RegistryTag+"=HOST, as in registry.example.com or docker.io")
	} else {
		parsed, err := registry.Parse(name)
		if err != nil {
			fault("tag-malformed", fmt.Sprintf("the tag %s names no registry: %v", RegistryTag, err), "write the host as it stands in the images' names, with its port where it has one")
		}
		target.Registry = parsed
	}

	target.Driver, tagged = tags[DriverTag]
	if !tagged {
		fault("tag-missing", "nothing says how the registry's passwords are changed", fmt.Sprintf("tag the secret %s with one of: %s", DriverTag, strings.Join(known, ", ")))
	} else if drivers[target.Driver] == nil {
		fault("driver-unknown", fmt.Sprintf("the tag %s names no driver of this function", DriverTag), fmt.Sprintf("write one of: %s", strings.Join(known, ", ")))
	}

	if text, tagged := tags[ImageTag]; tagged && target.Registry.Host != "" {
		image, err := target.Registry.ParseImage(text)
		if err != nil {
			fault("tag-malformed", fmt.Sprintf("the tag %s cannot be used: %v", ImageTag, err), "name an image of the registry that the credential may pull, or take the tag away")
		}
		target.Image = &image
	}
	return target, faults
}
