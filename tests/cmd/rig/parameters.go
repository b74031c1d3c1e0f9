package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/tests/samconfig"
	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
)

// parameters says what is wrong with the parameters of an environment of
// samconfig.toml and with those of a command line.
func parameters(checkout, environment string, given []string) error {
	template, err := samtemplate.Load(filepath.Join(checkout, "template.yaml"))
	if err != nil {
		return err
	}
	path := samconfig.Path(checkout)
	saved, err := samconfig.Read(path, environment)
	if err != nil {
		return err
	}
	var overrides []samconfig.Override
	for _, text := range given {
		name, value, found := strings.Cut(text, "=")
		if !found {
			return fmt.Errorf("%q is not of the form NAME=VALUE", text)
		}
		if name == "ParameterKey" {
			overrides = append(overrides, samconfig.Parse(text)...)
			continue
		}
		overrides = append(overrides, samconfig.Override{Name: name, Value: value})
	}
	return errors.Join(
		samconfig.Check(fmt.Sprintf("%s, environment %s", filepath.Base(path), environment), saved.Overrides, template),
		samconfig.Check("PARAMETERS", overrides, template),
	)
}
