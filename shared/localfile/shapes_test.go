package localfile

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expected results of the shapes")

// TestShapes reads user data as people write it. What each file makes of the
// agent's configuration stands in testdata/shapes.golden; each result was
// checked by hand against the file.
func TestShapes(t *testing.T) {
	t.Chdir("testdata/shapes")
	names, err := filepath.Glob("*")
	if err != nil || len(names) < 50 {
		t.Fatalf("%d shapes: %v", len(names), err)
	}
	var got strings.Builder
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "== %s\n", name)
		found, err := documents(name, content)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, document := range found {
			describe(&got, document)
		}
		for _, document := range found {
			if shown := string(document.Mask()); strings.Contains(shown, "canary-hunter2") || strings.Contains(shown, "Y2FuYXJ5") {
				t.Errorf("%s: the masked source shows the secret", name)
			}
			if len(document.Mask()) != len(document.Source) {
				t.Errorf("%s: masking changes the length", name)
			}
		}
	}
	const golden = "../shapes.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(string(want), got.String()); difference != "" {
		t.Errorf("run make update and check each change by hand (-want +got):\n%s", difference)
	}
}

// describe writes a configuration as lines.
func describe(w *strings.Builder, d Document) {
	fmt.Fprintf(w, "%s %s [%s]\n", d.Name, d.Resource, d.Form)
	for _, e := range d.Evidence {
		fmt.Fprintf(w, "  %s (%d)\n", e.Kind, e.Line)
	}
	for _, o := range d.Origins {
		fmt.Fprintf(w, "  from %s (%d)\n", o.From, o.Line)
	}
	for _, s := range d.Settings() {
		value := s.Value.Reveal()
		if s.Variable == "ECS_ENGINE_AUTH_DATA" && s.Unknown == "" {
			value = "(secret)"
		}
		if s.Unknown != "" {
			value = "depends on " + s.Unknown
		}
		fmt.Fprintf(w, "  %s = %s (%d:%d", s.Variable, value, s.Line, s.Column)
		if s.Condition > 0 {
			fmt.Fprintf(w, " if %d", s.Condition)
		}
		w.WriteString(")\n")
	}
	for _, f := range d.Judge() {
		fmt.Fprintf(w, "  %s %s (%d:%d)\n", f.Severity, f.Code, f.Line, f.Column)
	}
}

// TestTheGuidesSamplesAreClean: AWS's own user data has no error and no warning.
func TestTheGuidesSamplesAreClean(t *testing.T) {
	names, err := filepath.Glob("testdata/shapes/guide-*")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d samples: %v", len(names), err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found, err := documents(name, content)
		if err != nil || len(found) != 1 || !found[0].IsECSSetup() {
			t.Fatalf("%s: %d documents, %v", name, len(found), err)
		}
		for _, f := range found[0].Judge() {
			if f.Severity != "info" {
				t.Errorf("%s: %s %s: %s", name, f.Severity, f.Code, f.Message)
			}
		}
	}
}
