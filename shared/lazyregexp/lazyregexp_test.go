package lazyregexp_test

import (
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

func TestMatchesAsRegexp(t *testing.T) {
	pair := lazyregexp.New(`(\w+)=(\w+)`)
	if !pair.MatchString("a=b") || pair.MatchString("a") || !pair.Match([]byte("a=b")) {
		t.Error("matching is wrong")
	}
	if got := pair.FindStringSubmatch("x a=b"); !slices.Equal(got, []string{"a=b", "a", "b"}) {
		t.Errorf("groups %q", got)
	}
	if got := pair.FindStringSubmatchIndex("x a=b"); !slices.Equal(got, []int{2, 5, 2, 3, 4, 5}) {
		t.Errorf("bounds %v", got)
	}
}

func TestAWrongExpressionFailsAtOnceInTests(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a wrong expression was taken")
		}
	}()
	lazyregexp.New(`a{1,2048}`)
}
