// Package documents writes the parts of the documents that say what the
// template, the code and the samples say, and checks all that can be checked.
package documents

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
)

// functions are known by the logical ids of their roles, in the README's order.
var functions = []struct{ name, role string }{
	{"attach-policies", "AttachPoliciesRole"},
	{"validate-config", "ValidateConfigRole"},
	{"rotate-secret", "RotateSecretRole"},
	{"patch-task-definition", "PatchTaskDefinitionRole"},
	{"diagnose-failure", "DiagnoseFailureRole"},
	{"sweep", "SweepRole"},
	{"notify", "NotifyRole"},
}

// between gives the document with new text between the two marks of a name:
// <!-- begin NAME, written by go -C tests test ./documents -update -->.
func between(document, name, replacement string) (string, error) {
	begin := "<!-- begin " + name + ", written by go -C tests test ./documents -update -->\n"
	before, after, found := strings.Cut(document, begin)
	if !found {
		return "", fmt.Errorf("there is no line %q", strings.TrimSpace(begin))
	}
	end := "<!-- end " + name + " -->\n"
	_, after, found = strings.Cut(after, end)
	if !found {
		return "", fmt.Errorf("there is no line %q", strings.TrimSpace(end))
	}
	return before + begin + replacement + end + after, nil
}

// settings is the table of the template's parameters.
func settings(template *samtemplate.Template) string {
	var text strings.Builder
	group := ""
	for _, parameter := range template.Parameters() {
		if parameter.Group != group {
			group = parameter.Group
			fmt.Fprintf(&text, "\n### %s\n\n| parameter | default | allowed | meaning |\n| --- | --- | --- | --- |\n", group)
		}
		standard := "none: it must be given"
		if parameter.HasDefault {
			standard = code(parameter.Default)
		}
		allowed := parameter.Allowed
		if parameter.Type == "CommaDelimitedList" {
			allowed = "list, separated by commas"
		}
		row(&text, code(parameter.Name), standard, allowed, parameter.Description)
	}
	return text.String() + "\n"
}

// permissions is the table of what a function's role may do.
func permissions(statements []samtemplate.Statement) string {
	var text strings.Builder
	text.WriteString("| permission | on | why |\n| --- | --- | --- |\n")
	for _, statement := range statements {
		// What is there for one reason, and under the same parameters, is one row.
		type group struct{ why, only string }
		var groups []group
		actions := map[group][]string{}
		for _, action := range statement.Actions {
			of := group{action.Why, action.Only}
			if len(actions[of]) == 0 {
				groups = append(groups, of)
			}
			actions[of] = append(actions[of], code(action.Name))
		}
		on := strings.Join(statement.Resources, ", ")
		if len(statement.Conditions) > 0 {
			on += ", if " + strings.Join(statement.Conditions, " and ")
		}
		if statement.Note != "" {
			on += ". " + statement.Note
		}
		for _, of := range groups {
			why := of.why
			if only := strings.Trim(code(statement.Only)+" and "+code(of.only), " and"); only != "" {
				why += " Only with " + only + "."
			}
			row(&text, strings.Join(actions[of], ", "), on, why)
		}
	}
	return text.String()
}

// slug is the anchor that GitHub gives a heading.
func slug(heading string) string {
	var anchor strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case r == ' ':
			anchor.WriteByte('-')
		case r == '-' || r == '_' || ('a' <= r && r <= 'z') || ('0' <= r && r <= '9') || r > 127:
			anchor.WriteRune(r)
		}
	}
	return anchor.String()
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

var cell = strings.NewReplacer("|", `\|`, "\n", " ")

func row(text *strings.Builder, cells ...string) {
	text.WriteString("|")
	for _, of := range cells {
		text.WriteString(" " + strings.TrimSpace(strings.ReplaceAll(cell.Replace(of), `\\|`, `\|`)) + " |")
	}
	text.WriteString("\n")
}

var sampleRow = regexp.MustCompile("(?m)^\\| `([a-z0-9-]+\\.json)` \\| ([a-z-]+) \\| .+ \\|$")

// Samples reads from events/README.md which function each file of events/ is for.
func Samples(root string) (map[string]string, error) {
	content, err := os.ReadFile(filepath.Join(root, "events", "README.md"))
	if err != nil {
		return nil, err
	}
	samples := map[string]string{}
	for _, match := range sampleRow.FindAllStringSubmatch(string(content), -1) {
		samples[match[1]] = match[2]
	}
	return samples, nil
}
