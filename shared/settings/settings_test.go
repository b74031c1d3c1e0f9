package settings_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/settings"
)

type sample struct {
	settings.Shared
	Count int `env:"COUNT" envDefault:"3"`
}

func TestLoad(t *testing.T) {
	got, err := settings.Load[sample]([]string{"MODE=enforce", "OWN_ROLES=arn:a,arn:b", "COUNT=7", "OTHER=x=y"})
	if err != nil {
		t.Fatal(err)
	}
	want := sample{settings.Shared{Mode: finding.Enforce, FindingsBus: "default", OwnRoles: []string{"arn:a", "arn:b"}}, 7}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.SharedSettings().Mode != finding.Enforce {
		t.Error("the shared settings are not the embedded ones")
	}
}

func TestChoice(t *testing.T) {
	type sample struct {
		settings.Shared
		Wanted settings.Choice `env:"WANTED" envDefault:"no"`
	}
	for text, want := range map[string]bool{"yes": true, "no": false, "": false} {
		if got, err := settings.Load[sample]([]string{"WANTED=" + text}); err != nil || bool(got.Wanted) != want {
			t.Errorf("%q gives %t, %v", text, got.Wanted, err)
		}
	}
	for _, text := range []string{"true", "Yes", "1"} {
		if _, err := settings.Load[sample]([]string{"WANTED=" + text}); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q gives %v", text, err)
		}
	}
}

func TestLoadDefaultsToDryRun(t *testing.T) {
	got, err := settings.Load[sample]([]string{"MODE=", "FINDINGS_BUS="})
	if err != nil {
		t.Fatal(err)
	}
	if got.Mode != finding.DryRun || got.FindingsBus != "default" || got.Count != 3 {
		t.Errorf("got %+v", got)
	}
}

func TestLoadReportsEveryFaultAtOnce(t *testing.T) {
	_, err := settings.Load[sample]([]string{"MODE=of", "COUNT=many"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"Mode", `"of"`, "Count", `"many"`} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q is not in %v", name, err)
		}
	}
}

func TestVariables(t *testing.T) {
	type extended struct {
		settings.Shared
		Colour string `env:"COLOUR" envDefault:"blue"`
	}
	variables, err := settings.Variables[extended]()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [][2]string{{"MODE", "dry-run"}, {"COLOUR", "blue"}} {
		if !slices.Contains(variables, want) {
			t.Errorf("%v is not among %v", want, variables)
		}
	}
}
