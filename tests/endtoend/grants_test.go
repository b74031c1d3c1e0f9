package endtoend

import (
	"slices"
	"testing"
)

// testGrants lists the grants that the run made, and holds each cured role against
// every other tagged secret and every object of the config bucket.
func testGrants(t *testing.T, w *world) {
	granted := map[string][]string{}
	for _, grant := range must(w.Grants(t.Context()))(t) {
		granted[grant.Role] = append(granted[grant.Role], grant.Secret)
		t.Logf("%s reads %s", grant.Role, grant.Secret)
	}
	if len(granted) == 0 {
		t.Fatal("no role was cured")
	}
	for role, secrets := range granted {
		if role == w.executionRole && !slices.Contains(secrets, w.registrySecret) {
			// A policy of its own lets it read this one.
			secrets = append(secrets, w.registrySecret)
		}
		reached := must(w.Reaches(t.Context(), role, w.Stack.Outputs["ConfigBucket"]))(t)
		slices.Sort(secrets)
		slices.Sort(reached)
		if !slices.Equal(secrets, reached) {
			t.Errorf("%s was granted %q and reaches %q", role, secrets, reached)
		}
	}
}
