package endtoend

import (
	"context"
	"testing"

	"ecsguardrails/shared/finding"
	"ecsguardrails/tests/operator"
)

// rotate asks for a rotation, waits for its end and returns the new credential.
func (w *world) rotate(t *testing.T, secret string) operator.Credential {
	t.Helper()
	version := must(w.Rotate(t.Context(), secret))(t)
	eventually(t, "the rotated version is the current one", func(ctx context.Context) (bool, error) {
		current, err := w.Labelled(ctx, secret, "AWSCURRENT")
		return current == version, err
	})
	credential := must(w.Credential(t.Context(), secret, "AWSCURRENT"))(t)
	w.canary("the password of version "+version, credential.Password.Reveal())
	return credential
}

func testRotateSecret(t *testing.T, w *world) {
	registry := w.Stack.Registry
	pulls := func(whose string, credential operator.Credential, want bool) {
		t.Helper()
		if got := must(operator.Pull(t.Context(), registry, credential))(t); got != want {
			t.Errorf("pulling with %s: %v, want %v", whose, got, want)
		}
	}
	first := must(w.Credential(t.Context(), w.registrySecret, "AWSCURRENT"))(t)
	pulls("the first credential", first, true)

	second := w.rotate(t, w.registrySecret)
	if second.Password.Equal(first.Password) {
		t.Error("the password is the old one")
	}
	pulls("the second credential", second, true)
	pulls("the first credential after one rotation", first, true)
	previous := must(w.Credential(t.Context(), w.registrySecret, "AWSPREVIOUS"))(t)
	if !previous.Password.Equal(first.Password) || previous.Username != first.Username {
		t.Error("AWSPREVIOUS is not the first credential")
	}
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		w.logged(t, "rotate-secret", step, func(result operator.Result) bool {
			return result.Subject == w.registrySecret+"#"+step && result.Status == finding.Compliant
		})
	}

	third := w.rotate(t, w.registrySecret)
	pulls("the third credential", third, true)
	pulls("the second credential after two rotations", second, true)
	eventually(t, "the first credential's time is over", func(ctx context.Context) (bool, error) {
		taken, err := operator.Pull(ctx, registry, first)
		return !taken, err
	})
}
