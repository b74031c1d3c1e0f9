package samconfig

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
)

// Check says, as one error, everything that is wrong with the parameters for a
// template; where names are old, it ends with the line to write today.
func Check(where string, overrides []Override, template *samtemplate.Template) error {
	parameters := template.Parameters()
	today, old, notes := Translate(overrides)
	var faults []string
	if len(old) > 0 {
		faults = append(faults, "these parameters are gone: "+strings.Join(old, ", ")+" (CHANGELOG.md)")
	}
	faults = append(faults, notes...)
	for _, of := range today {
		at := slices.IndexFunc(parameters, func(p samtemplate.Parameter) bool { return p.Name == of.Name })
		if at < 0 {
			faults = append(faults, fmt.Sprintf("there is no parameter %s%s", of.Name, likely(of.Name, parameters)))
			continue
		}
		if fault := wrong(of, parameters[at]); fault != "" {
			faults = append(faults, fault)
		}
	}
	if len(faults) == 0 {
		values := map[string]string{}
		for _, of := range today {
			values[of.Name] = of.Value
		}
		rendered, err := template.Render(values, "aws", "us-east-1")
		if err != nil {
			return err
		}
		faults = rendered.TooLong()
	}
	if len(faults) == 0 {
		return nil
	}
	text := where + ":\n  - " + strings.Join(faults, "\n  - ")
	if len(old) > 0 {
		var written []string
		for _, of := range today {
			written = append(written, of.String())
		}
		text += "\nWrite:\n  " + strings.Join(written, " ")
	}
	return errors.New(text)
}

// wrong says what a parameter does not take, "" where it takes it.
func wrong(of Override, parameter samtemplate.Parameter) string {
	if of.Name == "Mode" {
		if _, err := settings.Load[settings.Shared]("", []string{"MODE=" + of.Value}); err != nil {
			return strings.ReplaceAll(strings.TrimPrefix(err.Error(), "read settings from the environment: "), "MODE: ", "Mode: ")
		}
	}
	if len(parameter.Values) > 0 && !slices.Contains(parameter.Values, of.Value) {
		return fmt.Sprintf("%s=%s: it may be %s", of.Name, of.Value, strings.Join(parameter.Values, ", "))
	}
	if parameter.Pattern == "" {
		return ""
	}
	pattern, err := regexp.Compile("^(?:" + parameter.Pattern + ")$")
	if err != nil {
		return ""
	}
	values := []string{of.Value}
	if parameter.Type == "CommaDelimitedList" {
		values = strings.Split(of.Value, ",")
	}
	for _, value := range values {
		if !pattern.MatchString(strings.TrimSpace(value)) {
			return fmt.Sprintf("%s=%s: it %s", of.Name, of.Value, parameter.Constraint)
		}
	}
	return ""
}

// likely suggests a parameter whose name differs in case alone.
func likely(name string, parameters []samtemplate.Parameter) string {
	for _, parameter := range parameters {
		if strings.EqualFold(parameter.Name, name) {
			return ": write " + parameter.Name
		}
	}
	return ""
}
