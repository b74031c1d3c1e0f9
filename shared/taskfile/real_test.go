package taskfile

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

// TestRealDefinitions holds definitions that people have published against what
// was checked by hand: each error is one that ECS has with them, too.
func TestRealDefinitions(t *testing.T) {
	files, err := filepath.Glob("testdata/real/*.json")
	if err != nil || len(files) < 70 {
		t.Fatal(len(files), err)
	}
	// Most of the images are public, and lie on Docker Hub.
	secrets := testSecrets(t, "docker.io")
	var found strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&found, filepath.Base(file))
		for _, draft := range ReadDrafts(text) {
			judged, err := judge(t.Context(), taskdef.Settings{}, draft, secrets, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(judged.edits) > 0 {
				t.Errorf("%s: an image that may be public is given a credential", file)
			}
			for _, f := range judged.findings {
				fmt.Fprintf(&found, "\t%s %s: %s\n", f.Severity, f.Code, f.Message)
				if f.Severity == finding.Error && strings.HasPrefix(f.Code, "credential-missing") {
					t.Errorf("%s: %s", file, f.Message)
				}
			}
		}
	}
	golden(t, "testdata/real.golden", []byte(found.String()))
}

// nameField is a field of a definition in JSON that holds a name.
var nameField = regexp.MustCompile(`"(?:name|family|awslogs-group|sourceVolume|containerName)"\s*:\s*"([^"]+)"`)

// TestRealNamesAreShown: no name that people or tools chose is taken for a credential.
func TestRealNamesAreShown(t *testing.T) {
	paths, err := filepath.Glob("testdata/real/*.json")
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range nameField.FindAllStringSubmatch(string(content), -1) {
			names++
			if secretshape.IsMisplaced(match[1]) {
				t.Errorf("%s: %s", path, match[1])
			}
		}
	}
	if names < 100 {
		t.Errorf("only %d names were found", names)
	}
}
