package stack

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A build is found again for the same files, and only for them.
func TestABuildIsKeptForItsFiles(t *testing.T) {
	checkout := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(checkout, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"template.yaml", "samconfig.toml", "go.mod", "go.sum", "functions/a/main.go", "shared/b/b.go", "shared/b/b.json"} {
		write(name, "1")
	}
	built := func(parameters map[string]string, template string) string {
		t.Helper()
		of := &sam{program: "sam", stack: &Stack{options: Options{Checkout: checkout, Template: template, Parameters: parameters}}}
		path, err := of.builtBefore(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	template := filepath.Join(checkout, "template.yaml")
	first := built(nil, template)
	if other := built(map[string]string{"FindingsEmail": "a@example.com"}, template); other != first {
		t.Error("a parameter that decides nothing makes another build")
	}
	if other := built(map[string]string{"Architecture": "x"}, template); other == first {
		t.Error("two architectures have one build")
	}
	if other := built(nil, filepath.Join(t.TempDir(), "template.yaml")); other != "" {
		t.Errorf("the build of a template elsewhere is kept in %s", other)
	}
	for _, name := range []string{"template.yaml", "samconfig.toml", "go.mod", "go.sum", "functions/a/main.go", "shared/b/b.go", "shared/b/b.json"} {
		write(name, "2")
		if built(nil, template) == first {
			t.Errorf("a change of %s makes no other build", name)
		}
		write(name, "1")
	}
	write("shared/b/b_test.go", "2")
	if built(nil, template) != first {
		t.Error("a test makes another build")
	}

	made, to := filepath.Join(checkout, "made"), filepath.Join(checkout, "to")
	write("made/F/bootstrap", "binary")
	write("to/old", "of before")
	if taken, err := take(first, to); taken || err != nil {
		t.Errorf("before any build, one was taken: %v, %v", taken, err)
	}
	for range 2 {
		if err := keep(made, first); err != nil {
			t.Fatal(err)
		}
	}
	if taken, err := take(first, to); !taken || err != nil {
		t.Errorf("taken: %v, %v", taken, err)
	}
	if content, err := os.ReadFile(filepath.Join(to, "F", "bootstrap")); string(content) != "binary" {
		t.Errorf("the build has %q, %v", content, err)
	}
	if _, err := os.Stat(filepath.Join(to, "old")); err == nil {
		t.Error("a file of the build before is left")
	}
}

// A checkout keeps the builds that were used last.
func TestOldBuildsAreDropped(t *testing.T) {
	parent := t.TempDir()
	for age := range keptBuilds + 2 {
		path := filepath.Join(parent, string(rune('a'+age)))
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		used := time.Now().Add(-time.Duration(age) * time.Hour)
		if err := os.Chtimes(path, used, used); err != nil {
			t.Fatal(err)
		}
	}
	if err := dropOld(parent); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(parent)
	if err != nil || len(left) != keptBuilds || left[0].Name() != "a" {
		t.Errorf("left are %v, %v", left, err)
	}
}
