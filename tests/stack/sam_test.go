package stack

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestWhatIsRunIsBuiltAsWhatIsShipped(t *testing.T) {
	checkout, err := Checkout()
	if err != nil {
		t.Fatal(err)
	}
	variables, err := shippedBuild(checkout)
	want := []string{"CGO_ENABLED=0", "GOFLAGS=-tags=lambda.norpc '-ldflags=-s -w' -trimpath"}
	if err != nil || !slices.Equal(variables, want) {
		t.Errorf("built with %q, %v; want %q", variables, err, want)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "Makefile"), []byte("build:\n\tsam build\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if variables, err := shippedBuild(other); err == nil {
		t.Errorf("a Makefile that does not say how gives %q", variables)
	}
}
