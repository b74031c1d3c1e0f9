// Package settings reads a function's environment once, into a typed struct.
package settings

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caarlos0/env/v11"

	"ecsguardrails/shared/finding"
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
// os.Environ's. An empty variable counts as absent. All faults are reported at
// once, each with its setting's name and value: no setting is a secret.
func Load[T any](environ []string) (T, error) {
	settings, err := env.ParseAsWithOptions[T](env.Options{Environment: env.ToMap(environ)})
	if err == nil {
		return settings, nil
	}
	faults := []error{err}
	if all, ok := errors.AsType[env.AggregateError](err); ok {
		faults = all.Errors
	}
	texts := make([]string, len(faults))
	for i, fault := range faults {
		texts[i] = strings.TrimPrefix(fault.Error(), "env: ")
	}
	return settings, fmt.Errorf("read settings from the environment: %s", strings.Join(texts, "; "))
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
