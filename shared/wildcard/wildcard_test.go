package wildcard_test

import (
	"path"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/wildcard"
)

func TestMatch(t *testing.T) {
	for pattern, texts := range map[string]map[string]bool{
		"":         {"": true, "a": false},
		"*":        {"": true, "a/b": true},
		"a":        {"a": true, "A": false, "ab": false},
		"a*":       {"a": true, "abc": true, "b": false},
		"*a":       {"a": true, "ba": true, "ab": false},
		"a*a":      {"aa": true, "a": false, "aba": true},
		"a*b*c":    {"abc": true, "axbxc": true, "acb": false, "abcb": false},
		"*a*a*":    {"a": false, "aa": true, "xaxax": true},
		"?[a]":     {"?[a]": true, "xa": false},
		"a**b":     {"ab": true, "axb": true},
		"web-*-eu": {"web-1-eu": true, "web-eu": false},
	} {
		for text, want := range texts {
			if got := wildcard.Match(pattern, text); got != want {
				t.Errorf("%q, %q: got %v", pattern, text, got)
			}
		}
	}
}

// FuzzMatch holds it against path.Match, which has the same * within one folder.
func FuzzMatch(f *testing.F) {
	f.Add("a*b", "aab")
	f.Add("*a*", strings.Repeat("a", 50))
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if strings.ContainsAny(pattern, `?[]\/`) || strings.Contains(text, "/") || len(pattern) > 50 || len(text) > 200 {
			return
		}
		want, err := path.Match(pattern, text)
		if got := wildcard.Match(pattern, text); err == nil && got != want {
			t.Errorf("%q, %q: got %v, path.Match says %v", pattern, text, got, want)
		}
	})
}
