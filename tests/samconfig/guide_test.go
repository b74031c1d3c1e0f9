package samconfig_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ecs-guardrails/ecs-guardrails/tests/samconfig"
)

// TestGuideAsksForFewThings: a person is asked eight things at most, each once
// where the answer is taken, and other settings stay.
func TestGuideAsksForFewThings(t *testing.T) {
	checkout, template := parameters(t)
	if len(samconfig.Asked) > 8 {
		t.Errorf("%d questions", len(samconfig.Asked))
	}
	known := map[string]bool{}
	for _, parameter := range template.Parameters() {
		known[parameter.Name] = true
	}
	for _, name := range samconfig.Asked {
		if !known[name] {
			t.Errorf("the template has no parameter %s", name)
		}
	}
	path := filepath.Join(t.TempDir(), samconfig.Own)
	content, err := os.ReadFile(filepath.Join(checkout, samconfig.Shared))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var questions strings.Builder
	// In the template's order; the first answer isn't taken.
	if err := samconfig.GuideInto(path, "prod", template, strings.NewReader("yes\nenforce\n\nops@example.com\n\n\n\n\n"), &questions); err != nil {
		t.Fatalf("%v\n%s", err, questions.String())
	}
	if !strings.Contains(questions.String(), `mode "yes" of all functions is unknown`) {
		t.Errorf("asked:\n%s", questions.String())
	}
	got, err := samconfig.Read(path, "prod")
	if err != nil {
		t.Fatal(err)
	}
	want := []samconfig.Override{{Name: "LogRetentionDays", Value: "365"}, {Name: "Mode", Value: "enforce"}, {Name: "FindingsEmail", Value: "ops@example.com"}}
	if diff := cmp.Diff(want, got.Overrides); diff != "" || got.Stack != "ecs-guardrails-prod" {
		t.Errorf("the stack %s: %s", got.Stack, diff)
	}
	// Asked again, what was answered is the default.
	questions.Reset()
	if err := samconfig.GuideInto(path, "prod", template, strings.NewReader(strings.Repeat("\n", len(samconfig.Asked))), &questions); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(questions.String(), "Mode [enforce]: ") {
		t.Errorf("asked:\n%s", questions.String())
	}
	again, err := samconfig.Read(path, "prod")
	if diff := cmp.Diff(want, again.Overrides); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// TestGuideSavesNothingOfHalfTheAnswers: who breaks off keeps the settings of before.
func TestGuideSavesNothingOfHalfTheAnswers(t *testing.T) {
	checkout, template := parameters(t)
	path := filepath.Join(t.TempDir(), samconfig.Own)
	content, err := os.ReadFile(filepath.Join(checkout, samconfig.Shared))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := samconfig.GuideInto(path, "default", template, strings.NewReader("enforce\n"), &strings.Builder{}); err == nil {
		t.Error("no error")
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(content) {
		t.Errorf("%v: the settings have changed", err)
	}
}
