// Package settings reads a function's environment once, into a typed struct.
package settings

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/function"
)

// Shared are the settings that every function has; their functions embed it.
type Shared struct {
	// Mode is dry-run unless the environment says otherwise: a binary that
	// somebody starts by hand must not change an account by accident.
	Mode finding.Mode `env:"MODE" envDefault:"dry-run"`
	// FindingsBus is the name or ARN of the event bus that findings go to.
	FindingsBus string `env:"FINDINGS_BUS" envDefault:"default"`
	// StackName tells the metrics of stacks in one account and region apart.
	StackName string `env:"STACK_NAME"`
	// OwnRoles are the ARNs of the stack's own function roles, whose calls are
	// not answered and which no function touches.
	OwnRoles []string `env:"OWN_ROLES"`
}

// SharedSettings gives the embedded struct to code that knows no more of a
// function's settings.
func (s Shared) SharedSettings() Shared { return s }

// Load reads T from the environment, given as "NAME=value" lines like
// os.Environ's, for a function of this name, which MODE may give a mode that
// differs from that of the others. An empty variable counts as absent. All faults are reported
// at once, each with its setting's name and value: no setting is a secret.
func Load[T any](name string, environ []string) (T, error) {
	variables := env.ToMap(environ)
	mode, texts := modeOf(name, variables[modeVariable])
	variables[modeVariable] = mode
	settings, err := env.ParseAsWithOptions[T](env.Options{Environment: variables})
	if err != nil {
		faults := []error{err}
		if all, ok := errors.AsType[env.AggregateError](err); ok {
			faults = all.Errors
		}
		for _, fault := range faults {
			texts = append(texts, strings.TrimPrefix(fault.Error(), "env: "))
		}
	}
	if len(texts) > 0 {
		return settings, fmt.Errorf("read settings from the environment: %s", strings.Join(texts, "; "))
	}
	return settings, nil
}

const (
	modeVariable = "MODE"
	// off stops the triggers, which is the deployment's work; a function that is
	// invoked all the same only plans.
	off = "off"
)

// moded are the functions that have modes.
var moded = []string{
	function.AttachPolicies, function.ValidateConfig, function.RotateSecret, function.PatchTaskDefinition, function.DiagnoseFailure, function.Sweep,
}

// modeOf gives the mode of a function, given the mode of all and, behind it, those
// that differ ("dry-run, attach-policies=enforce, sweep=off"), and every fault of
// the list, whichever function it is about.
func modeOf(name, list string) (mode string, faults []string) {
	const all = "all functions"
	fault := func(format string, values ...any) { faults = append(faults, "MODE: "+fmt.Sprintf(format, values...)) }
	given := map[string]string{}
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		whose, text, named := strings.Cut(entry, "=")
		if !named {
			whose, text = all, entry
		}
		switch {
		case named && !slices.Contains(moded, whose):
			fault("there is no function %q: there are %s", whose, strings.Join(moded, ", "))
		case text != string(finding.Enforce) && text != string(finding.DryRun) && text != off:
			fault("mode %q of %s is unknown: write enforce, dry-run or off", text, whose)
		case given[whose] != "" && given[whose] != text:
			fault("two modes for %s, %s and %s", whose, given[whose], text)
		default:
			given[whose] = text
		}
	}
	if mode = cmp.Or(given[name], given[all]); mode == off {
		mode = string(finding.DryRun)
	}
	return mode, faults
}

// Variables lists the environment variables that a settings type reads, with
// the default of each, "" for none.
func Variables[T any]() ([][2]string, error) {
	var settings T
	parameters, err := env.GetFieldParams(&settings)
	if err != nil {
		return nil, fmt.Errorf("list the settings: %w", err)
	}
	variables := make([][2]string, 0, len(parameters))
	for _, parameter := range parameters {
		variables = append(variables, [2]string{parameter.Key, parameter.DefaultValue})
	}
	return variables, nil
}
