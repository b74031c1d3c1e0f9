package findingtest

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

func TestExamples(t *testing.T) {
	worst := finding.Code{Code: "disk-full", Severity: finding.Error}
	other := finding.Code{Code: "disk-slow", Severity: finding.Info}
	byCode := map[string]map[Example]finding.Severity{
		"disk-full": {
			{"The disk is nearly full.", "Wait."}:                finding.Warning,
			{"The disk web is full.", "Empty it."}:               finding.Error,
			{"The disk a-longer-name is full.", "Empty it."}:     finding.Error,
			{"The disk \x1b is full.", "Empty it."}:              finding.Error,
			{"The disk that was chosen is full.", "Replace it."}: finding.Error,
		},
		"disk-slow": {{"It is slow.", ""}: finding.Info},
	}
	for name, test := range map[string]struct {
		kept map[string]Example
		want string
	}{
		"the shortest of the worst":      {nil, "The disk web is full."},
		"one that still holds stays":     {map[string]Example{"disk-full": {"The disk that was chosen is full.", "Replace it."}}, "The disk that was chosen is full."},
		"one with another fix is chosen": {map[string]Example{"disk-full": {"The disk that was chosen is full.", "Sell it."}}, "The disk web is full."},
	} {
		chosen := chosenExamples(test.kept, []finding.Code{worst, {Code: "disk-gone"}}, byCode)
		if len(chosen) != 1 || chosen["disk-full"].Message != test.want {
			t.Errorf("%s: got %v", name, chosen)
		}
		if faults := exampleFaults(chosen, []finding.Code{worst}, byCode); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
	}
	faults := errors.Join(exampleFaults(map[string]Example{
		"disk-slow": {"It was slow.", ""}, "disk-gone": {"It is gone.", ""},
	}, []finding.Code{worst, other}, byCode)...).Error()
	for _, want := range []string{"disk-gone, which is not the package's", "no test gets this example of disk-slow"} {
		if !strings.Contains(faults, want) {
			t.Errorf("%q is not among the faults:\n%s", want, faults)
		}
	}
}

func TestExamplesAreWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "testdata", "examples.json")
	if _, err := ReadExamples(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	want := map[string]Example{"disk-full": {`The disk <web> is full.`, "Empty it."}}
	if err := writeExamples(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadExamples(path)
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v (%v)", got, err)
	}
	if content, err := os.ReadFile(path); err != nil || !slices.Contains(strings.Split(string(content), "\n"), `  "message": "The disk <web> is full.",`) {
		t.Errorf("%v: %s", err, content)
	}
}
