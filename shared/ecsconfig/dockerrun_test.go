package ecsconfig_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
)

// TestDockerRun has what docker/cli 28 (pkg/kvfile) makes of each file.
func TestDockerRun(t *testing.T) {
	tests := map[string]struct {
		file string
		want map[string]string
		// refused is the line that it refuses, 0 for none.
		refused int
	}{
		"plain":                    {"# c\n\nA=b\r\n  B=c d \n", map[string]string{"A": "b", "B": "c d "}, 0},
		"quotes stay":              {`A="b"`, map[string]string{"A": `"b"`}, 0},
		"mark is taken away":       {"\ufeffA=b\n", map[string]string{"A": "b"}, 0},
		"no value":                 {"A\nB=c\n", map[string]string{"B": "c"}, 0},
		"blank in a name":          {"A=b\nexport B=c\n", nil, 2},
		"tab in a name":            {"A\t=b\n", nil, 1},
		"other white space passes": {"A\rB\nC\u00a0=d\n", map[string]string{"C\u00a0": "d"}, 0},
		"no name":                  {"=b\n", nil, 1},
		"not UTF-8, in a comment":  {"A=b\n# \xff\n", nil, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			environment, err := ecsconfig.Parse([]byte(test.file)).DockerRun()
			refusal, refused := errors.AsType[*ecsconfig.RefusalError](err)
			if refused != (test.refused > 0) || (refused && refusal.Line != test.refused) {
				t.Fatalf("refused with %v, want line %d", err, test.refused)
			}
			got := map[string]string{}
			for name, value := range environment {
				got[name] = value.Reveal()
			}
			if !maps.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
