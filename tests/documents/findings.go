package documents

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/catalogue"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnosis"
	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/environmentfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/function"
	"github.com/ecs-guardrails/ecs-guardrails/shared/instancerole"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/scan"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata"
)

// defined are the codes that the packages define, by the function that makes the
// findings and the heading of its README; "" stands for any function.
var defined = []struct {
	function, heading string
	codes             []finding.Code
	// examples are the packages whose tests make such findings.
	examples []string
}{
	{"", "", pipeline.Codes, []string{"instancerole", "pipeline"}},
	{function.AttachPolicies, "findings", instancerole.Codes, []string{"instancerole"}},
	{function.ValidateConfig, "about-the-object", configobject.Codes, []string{"configobject"}},
	{function.ValidateConfig, "about-the-bucket", configbucket.Codes, []string{"configbucket"}},
	{function.ValidateConfig, "about-ecsconfig", ecsconfig.Codes(), []string{"ecsconfig"}},
	{function.ValidateConfig, "about-environment-files", environmentfile.Codes(), []string{"environmentfile", "configobject"}},
	{function.ValidateConfig, "about-user-data", userdata.Codes(), []string{"userdata"}},
	{function.RotateSecret, "findings", rotation.Codes, []string{"rotation"}},
	{function.PatchTaskDefinition, "findings", slices.Concat(taskdef.Codes, taskfile.Codes), []string{"taskdef", "taskfile"}},
	{function.DiagnoseFailure, "findings", diagnosis.Codes, []string{"diagnosis"}},
	{function.Sweep, "findings", sweep.Codes, []string{"sweep"}},
	{function.Sweep, "about-a-scan", scan.Codes, []string{"scan"}},
}

// exampleOf reads a code's example from the first of the packages that has one. Each
// package's own tests check that it still makes that finding (findingtest.Main).
func exampleOf(root string, code string, packages []string) (findingtest.Example, error) {
	for _, name := range packages {
		examples, err := findingtest.ReadExamples(filepath.Join(root, "shared", name, "testdata", "examples.json"))
		if err != nil {
			return findingtest.Example{}, err
		}
		if example, ok := examples[code]; ok {
			return example, nil
		}
	}
	return findingtest.Example{}, fmt.Errorf("no test of %s makes a finding of the code %s: add one, and run it with -update", strings.Join(packages, " or "), code)
}

// documented is all that is known about a code.
type documented struct {
	catalogue.Entry
	// places are links to the functions' READMEs, seen from docs/.
	places []string
}

// documentedCodes gathers the definitions. A code that two functions make takes
// its texts from the first of them, and the worse severity.
func documentedCodes(root string) (map[string]documented, error) {
	codes := map[string]documented{}
	for _, of := range defined {
		for _, code := range of.codes {
			if code.Severity.Rank() > finding.Info.Rank() {
				return nil, fmt.Errorf("the code %s has the severity %q, which there is not", code.Code, code.Severity)
			}
			known, again := codes[code.Code]
			if !again {
				example, err := exampleOf(root, code.Code, of.examples)
				if err != nil {
					return nil, err
				}
				known.Entry = catalogue.Entry{Code: code, Example: example.Message, ExampleFix: example.Fix}
			}
			if of.function != "" && !slices.Contains(known.Functions, of.function) {
				known.Functions = append(known.Functions, of.function)
				known.places = append(known.places, fmt.Sprintf("[%s](../functions/%s/README.md#%s)", of.function, of.function, of.heading))
			}
			if code.Severity.Rank() < known.Severity.Rank() {
				known.Severity = code.Severity
			}
			codes[code.Code] = known
		}
	}
	return codes, nil
}

// catalogueDocument is shared/catalogue/catalogue.json.
func catalogueDocument(codes map[string]documented) ([]byte, error) {
	entries := make([]catalogue.Entry, 0, len(codes))
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		entries = append(entries, codes[code].Entry)
	}
	content, err := json.MarshalIndent(entries, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write the catalogue: %w", err)
	}
	return append(content, '\n'), nil
}

// findings is the index of all codes.
func findings(codes map[string]documented) string {
	var text strings.Builder
	text.WriteString("| code | severity | function | cause |\n| --- | --- | --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(codes)) {
		of := codes[name]
		where := strings.Join(of.places, ", ")
		if where == "" {
			where = "any"
		}
		row(&text, "["+code(name)+"](findings/"+name+".md)", string(of.Severity), where, of.Cause)
	}
	return text.String()
}

// acceptance ends the page of a code that asks for something.
const acceptance = `## Accept it

If this is meant so, [mute it](../mute.md) with a reason and an end date. It stays in the report, and no message is sent.
`

// page is a code's page, docs/findings/CODE.md.
func page(of documented) string {
	var text strings.Builder
	where := strings.ReplaceAll(strings.Join(of.places, ", "), "](../", "](../../")
	if where == "" {
		where = "any"
	}
	fmt.Fprintf(&text, "<!-- written by go -C tests test ./documents -update -->\n# `%s`\n\n", of.Code.Code)
	fmt.Fprintf(&text, "Severity: **%s** at worst. Function: %s. [All codes](../findings.md)\n", of.Severity, where)
	for _, part := range [][2]string{{"What it means", of.Cause}, {"What it causes", of.Consequence}, {"What to do", of.Cure}, {"How to undo the change", of.Undo}} {
		if part[1] != "" {
			fmt.Fprintf(&text, "\n## %s\n\n%s\n", part[0], part[1])
		}
	}
	if of.Example != "" {
		fmt.Fprintf(&text, "\n## Example\n\n```text\n%s\n", of.Example)
		if of.ExampleFix != "" {
			fmt.Fprintf(&text, "fix: %s\n", of.ExampleFix)
		}
		text.WriteString("```\n")
	}
	if of.Severity != finding.Info {
		text.WriteString("\n" + acceptance)
	}
	return text.String()
}
