package rotation

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

// The tags of a secret that say what to do with it.
const (
	RegistryTag = "ecs-guardrails:registry"
	DriverTag   = "ecs-guardrails:driver"
	ImageTag    = "ecs-guardrails:test-image"
	// AdminTag names the secret with the credential for the registry's own API.
	AdminTag = "ecs-guardrails:admin-secret"
	// GraceTag is how long the previous credential works on after a rotation, as in
	// "36h" or "7d".
	GraceTag = "ecs-guardrails:grace"
	// MaintenanceTag allows, with "in-place", that the one account of a registry
	// where two would take turns gets its new password while the old one is in use.
	MaintenanceTag = "ecs-guardrails:maintenance"
	// ConfigTag lists the ecs.config files that may get the credential, as
	// ConfigEntry reads them.
	ConfigTag = "ecs-guardrails:config-objects"
	// FamiliesTag narrows which families of task definitions the secret is for.
	FamiliesTag = "ecs-guardrails:families"
	// ExpiresTag is the day on which the current credential ends, as in 2027-01-31, or
	// the time (RFC 3339), where the registry tells no one.
	ExpiresTag = "ecs-guardrails:expires"
)

// hard, behind the grace time, ends the previous credential even while instances
// hold it.
const hard = "hard"

// Target is what a secret's tags say.
type Target struct {
	Registry registry.Registry
	Driver   string
	// Image is the one whose manifest testSecret reads; nil where none is named.
	Image *registry.Image
	// Admin is the secret with the administrator's credential, or "".
	Admin string
	// Grace is how long the previous credential works on after a rotation, and
	// HasGrace whether a tag says so: then it ends after that time, but not while
	// instances are known to hold it, unless Hard says so.
	Grace          time.Duration
	HasGrace, Hard bool
	// InPlace says that one account gets its new password while the old one is in
	// use.
	InPlace bool
	// Configs are the ecs.config files that may get the credential. No others are
	// written.
	Configs []ConfigEntry
	// Expires is when the current credential ends, zero where no tag says so.
	Expires time.Time
}

// parseTarget reads the tags, all of them, so that all faults are reported at once.
func parseTarget(tags map[string]string, drivers map[string]registry.Driver) (Target, []finding.Finding) {
	var target Target
	var faults []finding.Finding
	fault := func(template finding.Template, values ...finding.Value) {
		faults = append(faults, template.With(values...))
	}
	known := finding.Words("drivers", strings.Join(slices.Sorted(maps.Keys(drivers)), ", "))

	name, tagged := tags[RegistryTag]
	if !tagged {
		fault(registryUntagged)
	} else {
		parsed, err := registry.Parse(name)
		if err != nil {
			fault(registryMalformed, finding.Clause("why", err.Error()))
		}
		target.Registry = parsed
	}

	target.Driver, tagged = tags[DriverTag]
	if !tagged {
		fault(driverUntagged, known)
	} else if drivers[target.Driver] == nil {
		fault(driverUnknown, known)
	}

	if text, tagged := tags[ImageTag]; tagged && target.Registry.Host != "" {
		image, err := target.Registry.ParseImage(text)
		if err != nil {
			fault(imageMalformed, finding.Clause("why", err.Error()))
		}
		target.Image = &image
	}
	target.Admin = tags[AdminTag]
	if target.Admin != "" && !secretID.MatchString(target.Admin) {
		fault(administratorMalformed)
	}
	if text, tagged := tags[MaintenanceTag]; tagged {
		driver := drivers[target.Driver]
		if text != "in-place" || driver != nil && driver.Accounts(tags) != registry.TwoAccounts {
			fault(maintenanceMalformed)
		}
		target.InPlace = true
	}
	target.readTimes(tags, fault)
	target.readConfigs(tags, fault)
	return target, faults
}

// readTimes reads when credentials end.
func (t *Target) readTimes(tags map[string]string, fault func(finding.Template, ...finding.Value)) {
	if text, tagged := tags[GraceTag]; tagged {
		var err error
		duration, how, _ := strings.Cut(text, " ")
		if t.Grace, err = parseGrace(duration); err != nil {
			fault(graceMalformed, finding.Clause("why", err.Error()))
		} else if how != "" && how != hard {
			fault(graceFollowed)
		}
		// Without any time, its owner wants an end now: nothing holds it, or it leaked.
		t.HasGrace, t.Hard = true, how == hard || t.Grace == 0
	}
	if text, tagged := tags[ExpiresTag]; tagged {
		if t.Expires = registry.EndOf(strings.TrimSpace(text)); t.Expires.IsZero() {
			fault(expiryMalformed)
		}
	}
}

// readConfigs reads the list of files.
func (t *Target) readConfigs(tags map[string]string, fault func(finding.Template, ...finding.Value)) {
	for _, text := range strings.Fields(tags[ConfigTag]) {
		entry, err := ParseConfigEntry(text)
		if err != nil {
			fault(configsMalformed, finding.Clause("why", err.Error()))
			return
		}
		t.Configs = append(t.Configs, entry)
	}
}

// clusterName is the form of an ECS cluster's name ("CreateCluster", API reference).
var clusterName = lazyregexp.New(`^[A-Za-z0-9_-]{1,255}$`)

// parseGrace reads a time as Go does, or a number of days.
func parseGrace(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		number, err := strconv.Atoi(days)
		if err != nil || number < 0 || number > 3650 {
			return 0, errors.New("days are a number from 0 to 3650")
		}
		return time.Duration(number) * 24 * time.Hour, nil
	}
	grace, err := time.ParseDuration(text)
	if err != nil || grace < 0 {
		return 0, errors.New("it is neither of hours nor of days")
	}
	return grace, nil
}
