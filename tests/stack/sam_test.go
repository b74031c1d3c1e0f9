package stack

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWhatIsRunIsBuiltAsWhatIsShipped(t *testing.T) {
	checkout, err := Checkout()
	if err != nil {
		t.Fatal(err)
	}
	variables, err := ShippedBuild(checkout)
	want := []string{"CGO_ENABLED=0", "GOFLAGS=-tags=lambda.norpc '-ldflags=-s -w' -trimpath"}
	if err != nil || !slices.Equal(variables, want) {
		t.Errorf("built with %q, %v; want %q", variables, err, want)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "Makefile"), []byte("build:\n\tsam build\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if variables, err := ShippedBuild(other); err == nil {
		t.Errorf("a Makefile that does not say how gives %q", variables)
	}
}

// TestMakeBuildsForTheArchitecture runs the target with a fake SAM CLI:
// functions whose parameter says x86_64 do not start with what was built for the
// template's default.
func TestMakeBuildsForTheArchitecture(t *testing.T) {
	checkout, err := Checkout()
	if err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir()
	if err := os.WriteFile(filepath.Join(programs, "sam"), []byte("#!/bin/sh\necho \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for assignment, want := range map[string]string{
		"ARCHITECTURE=":       "build",
		"ARCHITECTURE=x86_64": "build --parameter-overrides Architecture=x86_64",
	} {
		build := exec.Command("make", "-s", "build", assignment)
		build.Dir = checkout
		build.Env = append(os.Environ(), "PATH="+programs+string(os.PathListSeparator)+os.Getenv("PATH"))
		output, err := build.CombinedOutput()
		if got := strings.TrimSpace(string(output)); err != nil || got != want {
			t.Errorf("make build %s ran sam with %q, %v; want %q", assignment, got, err, want)
		}
	}
}
