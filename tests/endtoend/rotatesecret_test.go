package endtoend

import (
	"context"
	"strings"
	"testing"
	"time"

	"ecsguardrails/shared/finding"
	"ecsguardrails/tests/operator"
	"ecsguardrails/tests/rotationservice"
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

// asked waits until Secrets Manager makes no call any more of all the rotations
// of a secret, and returns the last one.
func (w *world) asked(t *testing.T, secret string) rotationservice.Rotation {
	t.Helper()
	var last rotationservice.Rotation
	eventually(t, "Secrets Manager has ended the rotation", func(context.Context) (bool, error) {
		done := true
		for _, rotation := range w.Stack.Rotations() {
			if rotation.SecretARN == secret {
				last, done = rotation, done && rotation.Done
			}
		}
		return done, nil
	})
	return last
}

func testRotateSecret(t *testing.T, w *world) {
	registry, bucket := w.Stack.Registry, w.Stack.Outputs["ConfigBucket"]
	pulls := func(whose string, credential operator.Credential, want bool) {
		t.Helper()
		if got := must(operator.Pull(t.Context(), registry, credential))(t); got != want {
			t.Errorf("pulling with %s: %v, want %v", whose, got, want)
		}
	}
	ends := func(whose string, credential operator.Credential) {
		t.Helper()
		eventually(t, whose+" is refused", func(ctx context.Context) (bool, error) {
			taken, err := operator.Pull(ctx, registry, credential)
			return !taken, err
		})
	}
	shapes := map[string]string{"rotation/docker/ecs.config": "docker", "rotation/dockercfg/ecs.config": "dockercfg"}
	// carry holds the files against what a person would have written with the
	// credential, byte for byte.
	carry := func(credential operator.Credential) {
		t.Helper()
		for key, shape := range shapes {
			want := must(operator.ConfigFile(shape, registry.Host, credential))(t)
			if got := must(w.Content(t.Context(), bucket, key))(t); got != want {
				t.Errorf("%s differs in more than the credential", key)
			}
			if tags := must(w.ObjectTags(t.Context(), operator.Object{Bucket: bucket, Key: key}))(t); tags["team"] != "shop & co" {
				t.Errorf("%s has the tags %v", key, tags)
			}
		}
	}
	first := must(w.Credential(t.Context(), w.registrySecret, "AWSCURRENT"))(t)
	pulls("the first credential", first, true)
	for key, shape := range shapes {
		must(w.Upload(t.Context(), bucket, key, must(operator.ConfigFile(shape, registry.Host, first))(t), "team", "shop & co"))(t)
	}

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
	carry(second)

	// Without a word of its owner's, the first credential works for some hours.
	w.asked(t, w.registrySecret)
	must(w.Rotate(t.Context(), w.registrySecret))(t)
	if refused := w.asked(t, w.registrySecret); refused.Err == nil || !strings.Contains(refused.Err.Error(), "too-soon") {
		t.Errorf("the early rotation ended with %v", refused.Err)
	}
	pulls("the first credential after an early rotation", first, true)
	pulls("the second credential after an early rotation", second, true)
	carry(second)

	const grace = time.Second
	if err := w.SetGrace(t.Context(), w.registrySecret, grace); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the grace time is over", func(ctx context.Context) (bool, error) { return w.GraceOver(ctx, w.registrySecret, grace) })
	// Secrets Manager says that it takes the rotation up that did not end.
	if _, err := w.Rotate(t.Context(), w.registrySecret); err == nil || !strings.Contains(err.Error(), "reattempted") {
		t.Errorf("the rotation that did not end: %v", err)
	}
	if again := w.asked(t, w.registrySecret); again.Err != nil {
		t.Fatal(again.Err)
	}
	third := must(w.Credential(t.Context(), w.registrySecret, "AWSCURRENT"))(t)
	w.canary("the third password", third.Password.Reveal())
	pulls("the third credential", third, true)
	pulls("the second credential after two rotations", second, true)
	ends("the first credential, whose account has its next turn", first)
	carry(third)

	// The second one's grace time ends.
	eventually(t, "the grace time is over", func(ctx context.Context) (bool, error) { return w.GraceOver(ctx, w.registrySecret, grace) })
	if swept := must(w.Invoke(t.Context(), "sweep", []byte(`{"sweep":"secrets"}`)))(t); swept.FunctionError != "" {
		t.Fatalf("sweep failed: %s", swept.ErrorMessage)
	}
	w.logged(t, "rotate-secret", "the end of the previous credential", func(result operator.Result) bool {
		return result.Subject == w.registrySecret && result.Status == finding.Remediated
	})
	ends("the second credential, whose grace time is over", second)
	pulls("the third credential at the end", third, true)
	carry(third)
}
