// Package samconfig reads the parameters that sam deploy gets from samconfig.toml and the
// command line, and says all at once which parameters the template does not take
// and how to write them today.
package samconfig

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Shared and Own are the files with the settings of sam deploy: the first is
// the repository's, the second is written by sam deploy --guided and is not
// tracked. Where the second exists, it counts.
const (
	Shared = "samconfig.toml"
	Own    = "samconfig.local.toml"
)

// Path gives the file that counts in a checkout.
func Path(checkout string) string {
	own := filepath.Join(checkout, Own)
	if _, err := os.Stat(own); err == nil {
		return own
	}
	return filepath.Join(checkout, Shared)
}

// Environment is what a file says for one --config-env.
type Environment struct {
	Name, Stack string
	// Overrides are the parameters, as "NAME=VALUE" in the file's order.
	Overrides []Override
}

// Override is a value for a parameter of the template.
type Override struct{ Name, Value string }

// Read reads one environment of a file.
func Read(path, environment string) (Environment, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return Environment{}, fmt.Errorf("read the settings of sam deploy: %w", err)
	}
	type command struct {
		Parameters struct {
			StackName string `toml:"stack_name"`
			Overrides any    `toml:"parameter_overrides"`
		} `toml:"parameters"`
	}
	file := map[string]any{}
	if err := toml.Unmarshal(content, &file); err != nil {
		return Environment{}, fmt.Errorf("read %s: %w", path, err)
	}
	if _, ok := file[environment]; !ok {
		var names []string
		for name, of := range file {
			if _, table := of.(map[string]any); table {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return Environment{}, fmt.Errorf("%s has no environment %q: it has %s", filepath.Base(path), environment, strings.Join(names, ", "))
	}
	// Read again, now that the version beside the tables is known to be no table.
	delete(file, "version")
	rest, err := toml.Marshal(file)
	if err != nil {
		return Environment{}, fmt.Errorf("read %s: %w", path, err)
	}
	commands := map[string]map[string]command{}
	if err := toml.Unmarshal(rest, &commands); err != nil {
		return Environment{}, fmt.Errorf("read %s: %w", path, err)
	}
	found := Environment{Name: environment}
	for _, name := range []string{"global", "deploy"} {
		of := commands[environment][name].Parameters
		if of.StackName != "" {
			found.Stack = of.StackName
		}
		if of.Overrides != nil {
			if found.Overrides, err = overridesOf(of.Overrides); err != nil {
				return Environment{}, fmt.Errorf("read parameter_overrides of %s in %s: %w", environment, path, err)
			}
		}
	}
	return found, nil
}

// overridesOf reads parameter_overrides: a list of strings or one string.
func overridesOf(value any) ([]Override, error) {
	switch of := value.(type) {
	case string:
		return Parse(of), nil
	case []any:
		var all []Override
		for _, item := range of {
			text, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("%v is no text of the form NAME=VALUE", item)
			}
			all = append(all, Parse(text)...)
		}
		return all, nil
	}
	return nil, fmt.Errorf("%v is neither a text nor a list", value)
}

// override is how sam writes one: KEY=VALUE, or ParameterKey=KEY,ParameterValue=VALUE,
// with quotation marks round a value that has spaces (samcli/cli/types.py,
// CfnParameterOverridesType).
var override = regexp.MustCompile(`(?:ParameterKey=([A-Za-z0-9]+),ParameterValue=|([A-Za-z0-9]+)=)("(?:\\.|[^"\\])*"|'[^']*'|[^ "]*)`)

// Parse reads overrides as sam takes them on the command line.
func Parse(text string) []Override {
	var all []Override
	for _, match := range override.FindAllStringSubmatch(text, -1) {
		value := match[3]
		if len(value) > 1 && (value[0] == '"' || value[0] == '\'') {
			value = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(value[1 : len(value)-1])
		}
		all = append(all, Override{match[1] + match[2], value})
	}
	return all
}

// String writes an override as a shell and parameter_overrides take it.
func (o Override) String() string {
	if o.Value == "" || strings.ContainsAny(o.Value, " ") {
		return o.Name + `="` + o.Value + `"`
	}
	return o.Name + "=" + o.Value
}
