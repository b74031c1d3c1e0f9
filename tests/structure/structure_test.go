package structure

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

var module = strings.TrimSuffix(reflect.TypeFor[Package]().PkgPath(), "/tests/structure")

func loadedPackages(t *testing.T) []*Package {
	t.Helper()
	root, err := stack.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(root, module, "./...")
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded) < 40 {
		t.Fatalf("only %d packages", len(loaded))
	}
	return loaded
}

// Rules run in Ask and Plan only (shared/pipeline): what reads never decides.
func TestNoObserverCallsARule(t *testing.T) {
	functions, rules := 0, 0
	for _, of := range loadedPackages(t) {
		observers := of.Steps("Observe", "Answer", "Expand")
		if len(observers) == 0 {
			continue
		}
		functions++
		deciding := append(of.Steps("Ask", "Plan"), of.Table("rules")...)
		rules += len(deciding)
		if len(deciding) == 0 {
			t.Errorf("%s has observers, and no step that decides was found", of.Path)
		}
		for _, observer := range observers {
			if way := of.Way(observer, deciding); way != nil {
				t.Errorf("%s: the observer %s reaches the rule %s: %s. Ask for what the rule needs in Ask, and answer it in Answer",
					of.Path, observer.Name(), way[len(way)-1], strings.Join(way, " → "))
			}
		}
	}
	if functions < 5 || rules < 10 {
		t.Errorf("only %d functions with %d rules were found", functions, rules)
	}
}

// A rule that is called by way of a helper or handed on as a value is found; a
// field, or another type's method, of the same name doesn't count.
func TestTheCheckFindsACall(t *testing.T) {
	const head = `package p

import "example/pipeline"

var rules = []any{tooOld, judgement.tooNew}

type judgement int

func tooOld(int) {}
func (judgement) tooNew() {}

func plan(int) {
	for _, rule := range rules {
		_ = rule
	}
}

func New(o observer) any {
	return &pipeline.Function[int, int]{Observe: o.observe, Plan: plan}
}

type observer struct{}

`
	for name, test := range map[string]struct {
		source string
		way    []string
	}{
		"none":             {"func (observer) observe() { read() }\nfunc read() {}", nil},
		"directly":         {"func (observer) observe() { tooOld(1) }", []string{"observe", "tooOld"}},
		"by a helper":      {"func (o observer) observe() { o.read() }\nfunc (observer) read() { judgement(1).tooNew() }", []string{"observe", "read", "tooNew"}},
		"handed on":        {"func (observer) observe() { each(tooOld) }\nfunc each(func(int)) {}", []string{"observe", "tooOld"}},
		"the whole plan":   {"func (observer) observe() { go func() { plan(1) }() }", []string{"observe", "plan"}},
		"by the table":     {"func (observer) observe() { for range rules {} }", []string{"observe", "tooOld"}},
		"a field":          {"type t struct{ tooOld int }\nfunc (observer) observe() { _ = t{tooOld: 1}.tooOld }", nil},
		"another's method": {"type t int\nfunc (t) tooNew() {}\nfunc (observer) observe() { t(1).tooNew() }", nil},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for path, text := range map[string]string{
				"go.mod": "module example\n\ngo 1.26\n", "p/p.go": head + test.source,
				"pipeline/pipeline.go": "package pipeline\n\ntype Function[A, B any] struct {\n\tObserve func()\n\tPlan func(int)\n}\n",
			} {
				path = filepath.Join(root, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			loaded, err := Load(root, "example", "./p")
			if err != nil || len(loaded) != 1 {
				t.Fatalf("%d packages, %v", len(loaded), err)
			}
			of := loaded[0]
			deciding, observing := append(of.Steps("Ask", "Plan"), of.Table("rules")...), of.Steps("Observe")
			if len(deciding) != 3 || len(observing) != 1 || observing[0].Name() != "observe" {
				t.Fatalf("deciding %v, observing %v", deciding, observing)
			}
			if way := of.Way(observing[0], deciding); !slices.Equal(way, test.way) {
				t.Errorf("got %q, want %q", way, test.way)
			}
		})
	}
}

// Imports go down the layers, never up and never across.
func TestImportsGoDown(t *testing.T) {
	place := map[string]int{}
	for number, layer := range layers {
		for _, path := range layer.packages {
			if _, twice := place[path]; twice {
				t.Errorf("%s is in two layers", path)
			}
			place[path] = number
		}
	}
	here := map[string]bool{}
	for _, of := range loadedPackages(t) {
		here[of.Path] = true
		number, known := place[of.Path]
		if strings.HasPrefix(of.Path, "functions/") {
			number, known = len(layers), true
		}
		if !known {
			t.Errorf("%s is in no layer: add it to layers.go, above all that it imports (%s)", of.Path, strings.Join(of.Imports, ", "))
			continue
		}
		for _, imported := range of.Imports {
			below, ok := place[imported]
			switch {
			case !ok:
				// Reported with the package itself.
			case below == number:
				t.Errorf("%s imports %s, which is in the same layer, %q", of.Path, imported, layers[number].name)
			case below > number:
				t.Errorf("%s (%s) imports %s, which is above it (%s)", of.Path, layers[number].name, imported, layers[below].name)
			}
		}
	}
	for path := range place {
		if !here[path] {
			t.Errorf("layers.go names %s, which is not there", path)
		}
	}
}
