package endtoend

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/tests/containerinstance"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/rotationservice"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
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
	w.canaries.Plant("the password of version "+version, credential.Password.Reveal())
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
	shapes := map[operator.Object]string{
		{Bucket: bucket, Key: "rotation/docker/ecs.config"}:         "docker",
		{Bucket: bucket, Key: "rotation/dockercfg/ecs.config"}:      "dockercfg",
		{Bucket: existingBucket, Key: "rotation/docker/ecs.config"}: "docker",
	}
	// carry holds the files against what a person would have written with the
	// credential, byte for byte.
	carry := func(credential operator.Credential) {
		t.Helper()
		for object, shape := range shapes {
			want := must(operator.ConfigFile(shape, registry.Host, credential))(t)
			if got := must(w.Content(t.Context(), object.Bucket, object.Key))(t); got != want {
				t.Errorf("%s differs in more than the credential", object)
			}
			if tags := must(w.ObjectTags(t.Context(), object))(t); tags["team"] != "shop & co" {
				t.Errorf("%s has the tags %v", object, tags)
			}
		}
	}
	first := must(w.Credential(t.Context(), w.registrySecret, "AWSCURRENT"))(t)
	pulls("the first credential", first, true)
	for object, shape := range shapes {
		must(w.Upload(t.Context(), object.Bucket, object.Key, must(operator.ConfigFile(shape, registry.Host, first))(t), "team", "shop & co"))(t)
	}

	// An instance whose user data added its own line.
	const added = "ECS_INSTANCE_ATTRIBUTES={\"rack\":\"7\"}\n"
	instance := &containerinstance.Instance{
		ID: "i-0a1b2c3d4e5f60718", Cluster: "storefront", Managed: true,
		Tags: map[string]string{"ecs-guardrails:config-object": "s3://" + bucket + "/rotation/docker/ecs.config"},
	}
	if err := w.Stack.Instances.Start(instance, must(operator.ConfigFile("docker", registry.Host, first))(t)+added); err != nil {
		t.Fatal(err)
	}
	takesOver := func(credential operator.Credential) {
		t.Helper()
		want := must(operator.ConfigFile("docker", registry.Host, credential))(t) + added
		eventually(t, "the instance has the new credential", func(context.Context) (bool, error) {
			config, err := instance.Config()
			return config == want && !w.Stack.Instances.Busy(), err
		})
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
	takesOver(second)

	// Without a word of its owner's, the first credential works for some hours.
	w.asked(t, w.registrySecret)
	must(w.Rotate(t.Context(), w.registrySecret))(t)
	if refused := w.asked(t, w.registrySecret); refused.Err == nil || !strings.Contains(refused.Err.Error(), "rotation-too-soon") {
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
	w.canaries.Plant("the third password", third.Password.Reveal())
	pulls("the third credential", third, true)
	pulls("the second credential after two rotations", second, true)
	ends("the first credential, whose account has its next turn", first)
	carry(third)
	takesOver(third)
	if restarts := must(instance.Restarts())(t); restarts != 2 {
		t.Errorf("the instance's agent was restarted %d times", restarts)
	}

	// The second one's grace time ends.
	eventually(t, "the grace time is over", func(ctx context.Context) (bool, error) { return w.GraceOver(ctx, w.registrySecret, grace) })
	// By hand what sweep asks for once a day.
	looked := must(w.Invoke(t.Context(), "rotate-secret", []byte(`{"secret":"`+w.registrySecret+`"}`)))(t)
	if len(looked.Report.Results) != 1 || looked.Report.Results[0].Status != finding.Remediated {
		t.Errorf("the look at the secret: %s", looked.Payload)
	}
	ends("the second credential, whose grace time is over", second)
	pulls("the third credential at the end", third, true)
	carry(third)
}

// testRotateByAPI rotates tokens that a registry mints, with an administrator's
// credential that lies where the template says.
func testRotateByAPI(t *testing.T, w *world) {
	// It begins every token, and stands wherever its own server has words.
	words := rand.Text()
	w.canaries.Plant("tokens of GitLab", words)
	gitlab := &registrytest.GitLab{Tokens: registrytest.Tokens{Canary: words}, Admin: words + "-admin", Owner: "groups/acme", Access: true, Now: time.Now}
	gitlab.Add(registrytest.Token{ID: "9000", Name: "by hand", Username: "ecs", Secret: words})
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	// It stays up until the end of the run, in which sweep looks at the secret, too.
	host := strings.TrimPrefix(server.URL, "http://")
	mux.Handle("/api/v4/", gitlab)
	mux.Handle("/", &registrytest.Distribution{
		Accepts: gitlab.Accepts, Images: map[string]bool{"acme/app:1": true}, Realm: server.URL + "/jwt/auth", Service: "container_registry", Canary: words,
	})
	must(w.CreateSecret(t.Context(), "ecs-guardrails/admin/gitlab", `{"url":"`+server.URL+`","token":"`+words+`-admin","secrets":["prod/gitlab"]}`))(t)
	secret := must(w.CreateSecret(t.Context(), "prod/gitlab", `{"username":"ecs","password":"`+words+`"}`,
		"ecs-guardrails:registry", host, "ecs-guardrails:driver", "gitlab", "ecs-guardrails:test-image", host+"/acme/app:1",
		"ecs-guardrails:gitlab", "groups/acme", "ecs-guardrails:gitlab-token", "access", "ecs-guardrails:admin-secret", "ecs-guardrails/admin/gitlab"))(t)
	const grace = time.Second
	if err := w.SetGrace(t.Context(), secret, grace); err != nil {
		t.Fatal(err)
	}
	previous := must(w.Credential(t.Context(), secret, "AWSCURRENT"))(t)
	for n := range 3 {
		now := w.rotate(t, secret)
		for what, credential := range map[string]operator.Credential{"new": now, "previous": previous} {
			if !gitlab.Accepts(credential.Username, credential.Password.Reveal()) {
				t.Errorf("rotation %d: the registry refuses the %s credential", n+1, what)
			}
		}
		previous = now
		w.asked(t, secret)
		// Beside the one that was made by hand, the current and the previous one.
		if live, want := len(gitlab.Live()), min(n+2, 3); live != want {
			t.Errorf("rotation %d: %d tokens are live, want %d", n+1, live, want)
		}
		eventually(t, "the grace time is over", func(ctx context.Context) (bool, error) { return w.GraceOver(ctx, secret, grace) })
	}
	invocation := must(w.Invoke(t.Context(), "rotate-secret", []byte(`{"secret":"`+secret+`"}`)))(t)
	if invocation.FunctionError != "" || len(gitlab.Live()) != 2 {
		t.Errorf("after the grace time %d tokens are live; %s", len(gitlab.Live()), invocation.Payload)
	}
	if wrong := gitlab.Wrong(); len(wrong) > 0 {
		t.Errorf("requests that the API does not describe: %q", wrong)
	}
}

// testRefreshCluster has the instances of a cluster take a new credential over,
// found by the cluster's name in the secret's list of files.
func testRefreshCluster(ctx context.Context, t *testing.T, o *operator.Operator) {
	registry, bucket := o.Stack.Registry, o.Stack.Outputs["ConfigBucket"]
	secret := must(o.CreateRegistrySecret(ctx, "cluster/registry", registry, "/cluster", "s3://"+bucket+"/cluster/ecs.config=storefront", "s3://"+bucket+"/persons/*=storefront"))(t)
	first := must(o.Credential(ctx, secret, "AWSCURRENT"))(t)
	config := must(operator.ConfigFile("docker", registry.Host, first))(t)
	persons := must(operator.ConfigFile("dockercfg", "registry.example.com", operator.Credential{Username: "person"}))(t)
	must(o.Upload(ctx, bucket, "cluster/ecs.config", config))(t)
	must(o.Upload(ctx, bucket, "persons/ecs.config", persons))(t)
	instances := map[string]*containerinstance.Instance{}
	for id, start := range map[string]struct {
		cluster string
		managed bool
		config  string
	}{
		"i-00000000000000001":  {"storefront", true, config + "ECS_INSTANCE_ATTRIBUTES={}\n"},
		"mi-00000000000000002": {"storefront", true, config},
		"i-00000000000000003":  {"storefront", false, config},
		"i-00000000000000004":  {"storefront", true, persons},
		"i-00000000000000005":  {"shop", true, config},
	} {
		instances[id] = &containerinstance.Instance{ID: id, Cluster: start.cluster, Managed: start.managed}
		if err := o.Stack.Instances.Start(instances[id], start.config); err != nil {
			t.Fatal(err)
		}
	}
	version := must(o.Rotate(ctx, secret))(t)
	if err := stack.Wait(ctx, "the rotation's end", func(ctx context.Context) (bool, error) {
		current, err := o.Labelled(ctx, secret, "AWSCURRENT")
		results, resultsErr := o.Results(ctx, "rotate-secret")
		finished := slices.ContainsFunc(results, func(result operator.Result) bool { return result.Subject == secret+"#finishSecret" })
		return current == version && finished && !o.Stack.Instances.Busy(), errors.Join(err, resultsErr)
	}); err != nil {
		t.Fatal(err)
	}
	second := must(o.Credential(ctx, secret, "AWSCURRENT"))(t)
	rotated := must(operator.ConfigFile("docker", registry.Host, second))(t)
	for id, want := range map[string]struct {
		config   string
		restarts int
	}{
		"i-00000000000000001":  {rotated + "ECS_INSTANCE_ATTRIBUTES={}\n", 1},
		"mi-00000000000000002": {rotated, 1},
		"i-00000000000000003":  {config, 0},
		"i-00000000000000004":  {persons, 0},
		"i-00000000000000005":  {config, 0},
	} {
		if got := must(instances[id].Config())(t); got != want.config {
			t.Errorf("%s has another ecs.config than it should", id)
		}
		if got := must(instances[id].Restarts())(t); got != want.restarts {
			t.Errorf("the agent of %s was restarted %d times, want %d", id, got, want.restarts)
		}
	}
	// The stack's other registry secret has the same account, which is an error of
	// its own, so what the look found is read in the log.
	must(o.Invoke(ctx, "rotate-secret", []byte(`{"secret":"`+secret+`"}`)))(t)
	var results []operator.Result
	if err := stack.Wait(ctx, "what a look at the secret found", func(ctx context.Context) (bool, error) {
		var err error
		results, err = o.Results(ctx, "rotate-secret")
		return slices.ContainsFunc(results, func(result operator.Result) bool {
			return result.Subject == secret && slices.Contains(result.Codes(), "refresh-ended")
		}), err
	}); err != nil {
		t.Error(err)
	}
	if !slices.ContainsFunc(results, func(result operator.Result) bool {
		return result.Subject == secret+"#finishSecret" && slices.ContainsFunc(result.Findings, func(f finding.Finding) bool {
			return f.Code == "instances-unreachable" && strings.Contains(f.Message, "i-00000000000000003")
		})
	}) {
		t.Error("nothing was said of the instance that Systems Manager does not reach")
	}
}
