package samconfig

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
)

// Asked are the parameters that Guide asks for: what differs from one account to
// the next. sam deploy --guided asks for all of the template's.
var Asked = []string{"Mode", "FindingsEmail", "Allow", "InstanceRolePattern", "Capabilities", "ConfigBuckets", "RegistrySecretPattern"}

// Guide asks a person for the parameters that most stacks set, each with the value
// that it has now as the answer to an empty line, and gives the overrides of before
// with the answers among them. What the template doesn't take is asked for again.
func Guide(template *samtemplate.Template, before []Override, answers io.Reader, questions io.Writer) ([]Override, error) {
	overrides := slices.Clone(before)
	lines := bufio.NewScanner(answers)
	for _, parameter := range template.Parameters() {
		if !slices.Contains(Asked, parameter.Name) {
			continue
		}
		at := slices.IndexFunc(overrides, func(o Override) bool { return o.Name == parameter.Name })
		now := parameter.Default
		if at >= 0 {
			now = overrides[at].Value
		}
		fmt.Fprintf(questions, "\n%s: %s\n", parameter.Name, parameter.Description)
		for {
			fmt.Fprintf(questions, "%s [%s]: ", parameter.Name, now)
			if !lines.Scan() {
				return nil, errors.Join(lines.Err(), errors.New("the answers ended before the questions; nothing is saved"))
			}
			value := strings.TrimSpace(lines.Text())
			if value == "" {
				value = now
			}
			if fault := wrong(Override{parameter.Name, value}, parameter); fault != "" {
				fmt.Fprintln(questions, fault)
				continue
			}
			switch {
			case at >= 0:
				overrides[at].Value = value
			case value != parameter.Default:
				overrides = append(overrides, Override{parameter.Name, value})
			}
			break
		}
	}
	return overrides, nil
}

// overridesLine is the setting in a file.
var overridesLine = regexp.MustCompile(`^\s*parameter_overrides\s*=`)

// Save writes the overrides of one environment into a file's text, and leaves the
// rest as it stands. It is an error where the setting spans several lines.
func Save(text, environment string, overrides []Override) (string, error) {
	section := "[" + environment + ".deploy.parameters]"
	quoted := make([]string, len(overrides))
	for index, override := range overrides {
		quoted[index] = strconv.Quote(override.String())
	}
	setting := "parameter_overrides = [" + strings.Join(quoted, ", ") + "]"
	lines := strings.Split(text, "\n")
	start := slices.IndexFunc(lines, func(line string) bool { return strings.TrimSpace(line) == section })
	if start < 0 {
		return "", fmt.Errorf("the settings have no section %s", section)
	}
	for index := start + 1; index < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[index]), "["); index++ {
		if !overridesLine.MatchString(lines[index]) {
			continue
		}
		if strings.Contains(lines[index], "[") && !strings.Contains(lines[index], "]") {
			return "", fmt.Errorf("write parameter_overrides of %s in one line", section)
		}
		lines[index] = setting
		return strings.Join(lines, "\n"), nil
	}
	return strings.Join(slices.Insert(lines, start+1, setting), "\n"), nil
}

// GuideInto asks a person, and keeps the answers in a checkout's own file.
func GuideInto(path, environment string, template *samtemplate.Template, answers io.Reader, questions io.Writer) error {
	before, err := Read(path, environment)
	if err != nil {
		return err
	}
	overrides, err := Guide(template, before.Overrides, answers, questions)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the settings of sam deploy: %w", err)
	}
	text, err := Save(string(content), environment, overrides)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("keep the answers: %w", err)
	}
	fmt.Fprintf(questions, "\nSaved in %s.\n", path)
	return nil
}
