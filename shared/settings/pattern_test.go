package settings_test

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

func TestPatterns(t *testing.T) {
	for _, test := range []struct {
		patterns, name string
		want           bool
	}{
		{"*", "prod/registry", true},
		{"", "web", false},
		{"registry-*, prod/*", "prod/hub", true},
		{"registry-*\tprod/*", "registry-", true},
		{"registry-*", "my-registry-1", false},
		{"web?", "web1", true},
		{"web?", "web", false},
		{"web", "Web", false},
		{"*a*b", "xaxxb", true},
		{"*a*b", "xaxxbc", false},
	} {
		var patterns settings.Patterns
		if err := patterns.UnmarshalText([]byte(test.patterns)); err != nil {
			t.Fatal(err)
		}
		if got := patterns.Matches(test.name); got != test.want {
			t.Errorf("%q and %q: %v", test.patterns, test.name, got)
		}
	}
}
