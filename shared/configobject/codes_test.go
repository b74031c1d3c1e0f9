package configobject_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"ecsguardrails/shared/configbucket"
	"ecsguardrails/shared/configobject"
	"ecsguardrails/shared/ecsconfig"
	"ecsguardrails/shared/environmentfile"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
)

var update = flag.Bool("update", false, "write the tables of findings into the README")

// The README's tables of findings, and nothing but the tables, are what the
// codes say of themselves.
func TestREADMEListsTheCodes(t *testing.T) {
	const path = "../../functions/validate-config/README.md"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for heading, codes := range map[string][]finding.Code{
		"### About the object":        slices.Concat(configobject.Codes, pipeline.Codes),
		"### About the bucket":        configbucket.Codes,
		"### About ecs.config":        configFileCodes(),
		"### About environment files": environmentFileCodes(),
	} {
		start := strings.Index(text, heading+"\n")
		if start < 0 {
			t.Fatalf("the README has no heading %q", heading)
		}
		start += strings.Index(text[start:], "| code |")
		end := start
		for line := range strings.Lines(text[start:]) {
			if !strings.HasPrefix(line, "|") {
				break
			}
			end += len(line)
		}
		if got, want := text[start:end], table(codes); got != want && !*update {
			t.Errorf("%s: the README has\n%s\nwant\n%s\n(go test ./shared/configobject -update writes it)", heading, got, want)
		}
		text = text[:start] + table(codes) + text[end:]
	}
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func configFileCodes() (codes []finding.Code) {
	for _, code := range ecsconfig.Codes() {
		codes = append(codes, finding.Code(code))
	}
	return codes
}

func environmentFileCodes() (codes []finding.Code) {
	for _, code := range environmentfile.Codes() {
		codes = append(codes, finding.Code(code))
	}
	return codes
}

func table(codes []finding.Code) string {
	var rows strings.Builder
	rows.WriteString("| code | cause | cure |\n| --- | --- | --- |\n")
	cell := strings.NewReplacer("|", `\|`)
	for _, code := range codes {
		fmt.Fprintf(&rows, "| `%s` | %s | %s |\n", code.Code, cell.Replace(code.Cause), cell.Replace(code.Cure))
	}
	return rows.String()
}
