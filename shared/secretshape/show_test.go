package secretshape_test

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

func TestIsName(t *testing.T) {
	for text, want := range map[string]bool{
		"ecsInstanceRole-web":                  true,
		"acme-prod-InstanceRole-1ABCDEFGHIJKL": true,
		"storefrontproduction":                 true,
		"xqzjvwkpbtrmgfhd":                     false,
		"a1b2c3d4e5f6g7h8":                     false,
		"":                                     false,
		" \t":                                  false,
		"a\nb":                                 false,
		"\xff\xfe":                             false,
	} {
		if got := secretshape.IsName(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
