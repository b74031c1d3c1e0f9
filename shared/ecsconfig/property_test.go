package ecsconfig_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
)

// TestNothingDependsOnTheOrderOfMaps judges each file often: Go walks a map in
// another order each time.
func TestNothingDependsOnTheOrderOfMaps(t *testing.T) {
	for name, content := range files {
		if len(content) > 64<<10 {
			continue
		}
		first := ecsconfig.Parse([]byte(content))
		findings, registries := first.Judge(), first.Registries()
		for range 30 {
			again := ecsconfig.Parse([]byte(content))
			if !reflect.DeepEqual(again.Assignments, first.Assignments) || !reflect.DeepEqual(again.Registries(), registries) {
				t.Fatalf("%s is read in another way", name)
			}
			if got := again.Judge(); !slices.Equal(got, findings) {
				t.Fatalf("%s is judged in another way:\n%v\n%v", name, got, findings)
			}
		}
	}
}

// asECSInit is what ecs-init does, in the fewest words.
func asECSInit(content string) map[string]string {
	environment := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(content), "\n") {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			environment[name] = value
		}
	}
	return environment
}

// checkParse holds the parser against asECSInit, and every place against the bytes.
func checkParse(t *testing.T, content []byte) {
	t.Helper()
	file := ecsconfig.Parse(content)
	want := asECSInit(string(content))
	got := file.Environment()
	if len(got) != len(want) {
		t.Fatalf("%q: %d variables, want %d", content, len(got), len(want))
	}
	for name, value := range want {
		if v, ok := got[name]; !ok || v.Reveal() != value {
			t.Fatalf("%q: %q is %q, want %q", content, name, v.Reveal(), value)
		}
	}
	lines := strings.Split(string(content), "\n")
	for _, a := range file.Assignments {
		line := lines[a.Line-1]
		if !strings.HasPrefix(line[a.Column-1:], a.Name+"="+a.Value.Reveal()) {
			t.Fatalf("%q: %q does not begin at %d:%d", content, a.Name, a.Line, a.Column)
		}
		if string(content[a.ValueStart:a.ValueEnd]) != a.Value.Reveal() || !strings.HasPrefix(line[a.ValueColumn()-1:], a.Value.Reveal()) {
			t.Fatalf("%q: the value of %q is not at its place", content, a.Name)
		}
	}
}

func TestParseAgreesWithECSInit(t *testing.T) {
	for _, content := range files {
		checkParse(t, []byte(content))
	}
	for _, content := range []string{"\n\n", "=", "a=b=c", " \u00a0 X=1\u0085", "X=1\r\r\n", "\v\nX=\f\n", "\xff=\xfe", "X", "X=\n=Y"} {
		checkParse(t, []byte(content))
	}
}
