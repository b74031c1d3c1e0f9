package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

func checkout(t *testing.T) string {
	t.Helper()
	folder, err := stack.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func text(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(checkout(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// shipped is what this package reads of template.yaml.
type shipped struct {
	Metadata struct {
		Application map[string]any `yaml:"AWS::ServerlessRepo::Application"`
	} `yaml:"Metadata"`
	Globals struct {
		Function struct {
			Tags map[string]string `yaml:"Tags"`
		} `yaml:"Function"`
	} `yaml:"Globals"`
	Outputs map[string]struct {
		Value any `yaml:"Value"`
	} `yaml:"Outputs"`
}

func template(t *testing.T) shipped {
	t.Helper()
	var of shipped
	if err := yaml.Unmarshal([]byte(text(t, "template.yaml")), &of); err != nil {
		t.Fatal(err)
	}
	return of
}

// TestOneVersion: what can't read shared/version repeats it.
func TestOneVersion(t *testing.T) {
	of := template(t)
	newest := regexp.MustCompile(`(?m)^## (\S+)`).FindStringSubmatch(text(t, "CHANGELOG.md"))
	if newest == nil {
		t.Fatal("CHANGELOG.md has no release")
	}
	for what, got := range map[string]any{
		"SemanticVersion in template.yaml":              of.Metadata.Application["SemanticVersion"],
		"the functions' tag in template.yaml":           of.Globals.Function.Tags["ecs-guardrails:version"],
		"the output Version in template.yaml":           of.Outputs["Version"].Value,
		"the newest release's heading in the CHANGELOG": newest[1],
	} {
		if got != version.Number {
			t.Errorf("%s is %v, and shared/version says %s", what, got, version.Number)
		}
	}
	program := exec.CommandContext(t.Context(), "go", "run", "./functions/validate-config", "--version")
	program.Dir = checkout(t)
	if output, err := program.CombinedOutput(); err != nil || !strings.HasPrefix(string(output), "validate-config "+version.Number) {
		t.Errorf("validate-config --version: %s %v", output, err)
	}
}

// TestApplicationMetadata holds what the Serverless Application Repository is told
// against its rules
// (docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-template-publishing-applications-metadata-properties.html).
// sam and cfn-lint look at none of them.
func TestApplicationMetadata(t *testing.T) {
	of := template(t).Metadata.Application
	module := regexp.MustCompile(`(?m)^module (\S+)`).FindStringSubmatch(text(t, "go.mod"))[1]
	// Go knows no lookahead: without a double hyphen is checked apart.
	for property, pattern := range map[string]string{
		"Name": `[a-zA-Z0-9-]{1,140}`, "Description": `.{1,256}`, "Author": `[a-z0-9]([a-z0-9-]{0,125}[a-z0-9])?`, "SpdxLicenseId": `MIT`,
		"LicenseUrl": `LICENSE`, "ReadmeUrl": `README\.md`, "HomePageUrl": regexp.QuoteMeta("https://" + module), "SourceCodeUrl": regexp.QuoteMeta("https://" + module),
		"SemanticVersion": `\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?`,
	} {
		if value, _ := of[property].(string); !regexp.MustCompile(`^(?:`+pattern+`)$`).MatchString(value) || property == "Author" && strings.Contains(value, "--") {
			t.Errorf("%s is %q, which isn't %s", property, value, pattern)
		}
	}
	labels, _ := of["Labels"].([]any)
	if len(labels) == 0 || len(labels) > 10 {
		t.Errorf("there are %d labels", len(labels))
	}
	for _, label := range labels {
		if value, _ := label.(string); !regexp.MustCompile(`^[a-zA-Z0-9+\-_:/@]{1,127}$`).MatchString(value) {
			t.Errorf("%v is no label", label)
		}
	}
	for _, name := range []string{"LICENSE", "README.md"} {
		if size := len(text(t, name)); size == 0 || size > 5<<20 {
			t.Errorf("%s has %d bytes", name, size)
		}
	}
	if !strings.Contains(text(t, "LICENSE"), "MIT License") {
		t.Error("LICENSE isn't the license that SpdxLicenseId names")
	}
}
