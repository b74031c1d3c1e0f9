package settings_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

type sample struct {
	settings.Shared
	Count int `env:"COUNT" envDefault:"3"`
}

func TestLoad(t *testing.T) {
	got, err := settings.Load[sample]("sweep", []string{"MODE=enforce", "OWN_ROLES=arn:a,arn:b", "COUNT=7", "OTHER=x=y"})
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
		if got, err := settings.Load[sample]("sweep", []string{"WANTED=" + text}); err != nil || bool(got.Wanted) != want {
			t.Errorf("%q gives %t, %v", text, got.Wanted, err)
		}
	}
	for _, text := range []string{"true", "Yes", "1"} {
		if _, err := settings.Load[sample]("sweep", []string{"WANTED=" + text}); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q gives %v", text, err)
		}
	}
}

func TestLoadDefaultsToDryRun(t *testing.T) {
	got, err := settings.Load[sample]("sweep", []string{"MODE=", "FINDINGS_BUS="})
	if err != nil {
		t.Fatal(err)
	}
	if got.Mode != finding.DryRun || got.FindingsBus != "default" || got.Count != 3 {
		t.Errorf("got %+v", got)
	}
}

func TestLoadReportsEveryFaultAtOnce(t *testing.T) {
	_, err := settings.Load[sample]("sweep", []string{"MODE=of", "COUNT=many"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"MODE", `"of"`, "Count", `"many"`} {
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

func TestModes(t *testing.T) {
	for name, test := range map[string]struct {
		function, mode string
		want           finding.Mode
	}{
		"all":                                {"sweep", "enforce", finding.Enforce},
		"none says":                          {"sweep", "", finding.DryRun},
		"one of its own":                     {"sweep", "dry-run,attach-policies=enforce,sweep=enforce", finding.Enforce},
		"spaces":                             {"sweep", "dry-run, attach-policies=enforce , sweep=enforce ", finding.Enforce},
		"only another's":                     {"sweep", "enforce,attach-policies=dry-run", finding.Enforce},
		"only another's, and none for all":   {"sweep", "attach-policies=enforce", finding.DryRun},
		"its own is safer":                   {"sweep", "enforce,sweep=dry-run", finding.DryRun},
		"its own comes first":                {"sweep", "sweep=dry-run,enforce", finding.DryRun},
		"off plans":                          {"sweep", "off", finding.DryRun},
		"off of its own plans":               {"sweep", "enforce,sweep=off", finding.DryRun},
		"all are off but this":               {"sweep", "off,sweep=enforce", finding.Enforce},
		"said twice":                         {"sweep", "sweep=enforce,sweep=enforce", finding.Enforce},
		"a function that has no modes (yet)": {"notify", "enforce,sweep=off", finding.Enforce},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := settings.Load[sample](test.function, []string{"MODE=" + test.mode})
			if err != nil || got.Mode != test.want {
				t.Errorf("got %q, %v; want %q", got.Mode, err, test.want)
			}
		})
	}
}

func TestEveryFaultOfModesAtOnce(t *testing.T) {
	_, err := settings.Load[sample]("sweep", []string{"COUNT=many", "MODE=on,enforce,off,attach=off,attach-policies=report,sweep=off,sweep=enforce,notify=off"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`"on" of all functions`, "two modes for all functions, enforce and off", `no function "attach"`, `no function "notify"`, `"report" of attach-policies`, "two modes for sweep, off and enforce", "Count",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

// FuzzModes: whatever the list says, a function that starts has a mode, and
// enforces only where a word says so.
func FuzzModes(f *testing.F) {
	f.Add("enforce,sweep=off")
	f.Add("dry-run, sweep=enforce,")
	f.Fuzz(func(t *testing.T, mode string) {
		got, err := settings.Load[sample]("sweep", []string{"MODE=" + mode})
		if err != nil {
			return
		}
		says := func(word string) bool {
			return slices.ContainsFunc(strings.Split(mode, ","), func(entry string) bool { return strings.TrimSpace(entry) == word })
		}
		enforces := says("sweep=enforce") || says("enforce") && !says("sweep=dry-run") && !says("sweep=off")
		if (got.Mode == finding.Enforce) != enforces || !enforces && got.Mode != finding.DryRun {
			t.Errorf("%q gives %s", mode, got.Mode)
		}
	})
}
