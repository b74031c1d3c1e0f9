package rotation_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/drivers"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/htpasswd"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation/rotationtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

const (
	configBucket = "acme-ecs-config"
	canary       = "canary-hunter2"
	secretARN    = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/registry.example.com-AbCdEf"
	version1     = "8f1b2f6e-4c1d-4f0a-9a57-3b6f3f3d2c11"
	// adminSecret is the administrator's.
	adminSecret = "ecs-guardrails/admin/registry"
)

// start is when the tests take place.
var start = time.Date(2026, 8, 21, 10, 0, 0, 0, time.UTC)

// world is everything that a rotation touches.
type world struct {
	secrets *rotationtest.SecretsManager
	objects *registrytest.ObjectStore
	network *registrytest.Network
	now     func() time.Time
	// refreshing says which instances are sent a command to read their files again.
	refreshing rotation.Refreshing
	commands   *commands
	// operators is the operator's, for the driver lambda; nil for all others.
	operators *registrytest.Function
	// identity is STS, for the driver acr.
	identity *registrytest.Identity
	// definitions are the task definitions of the account.
	definitions definitions
	// buckets hold ecs.config files, beside configBucket.
	buckets []string
	// accepts is what the registry takes.
	accepts func(username, password string) bool
	// served is the copy of the file that the registry reads.
	served func() []byte
}

func newSecret(value string, tags map[string]string) *rotationtest.SecretsManager {
	secret := rotationtest.New(secretARN, "prod/registry.example.com", value, tags)
	secret.Canary = canary
	return secret
}

func htpasswdTags() map[string]string {
	return map[string]string{
		rotation.RegistryTag: "registry.example.com",
		rotation.DriverTag:   htpasswd.Name,
		rotation.ImageTag:    "registry.example.com/team/app:1",
		htpasswd.LocationTag: "s3://acme/auth/htpasswd",
		rotation.ConfigTag:   "s3://" + configBucket + "/*",
	}
}

func line(t testing.TB, username, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return username + ":" + string(hash) + "\n"
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		secrets: newSecret(`{"username":"ci","password":"`+canary+`"}`, htpasswdTags()),
		objects: &registrytest.ObjectStore{}, identity: &registrytest.Identity{Token: assertion, Audience: "api://AzureADTokenExchange"},
	}
	w.objects.Write("acme", "auth/htpasswd", []byte("# registry\n"+line(t, "ops", "x")+line(t, "ci", canary)))
	w.served = func() []byte { return w.objects.Read("acme", "auth/htpasswd") }
	w.accepts = w.inFile
	w.now = func() time.Time { return start }
	w.network = &registrytest.Network{Hosts: map[string]http.Handler{
		"https://registry.example.com": &registrytest.Distribution{Accepts: w.accepts, Images: map[string]bool{"team/app:1": true}, Canary: canary},
	}}
	return w
}

// inFile reads the file as distribution does: the last line of a user counts.
func (w *world) inFile(username, password string) bool {
	var hash string
	for text := range strings.Lines(string(w.served())) {
		if name, rest, ok := strings.Cut(strings.TrimSpace(text), ":"); ok && name == username {
			hash = rest
		}
	}
	return matches(hash, password)
}

// comparisons remembers what bcrypt said: it is slow by design.
var comparisons sync.Map

func matches(hash, password string) bool {
	key := [2]string{hash, password}
	if known, ok := comparisons.Load(key); ok {
		return known.(bool)
	}
	equal := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	comparisons.Store(key, equal)
	return equal
}

// drivers are all that there are.
func (w *world) drivers() map[string]registry.Driver {
	return drivers.All(drivers.Parts{
		Registries: registry.WithTransport(w.network), Files: w.objects, Limits: htpasswd.Limits{Objects: []string{"acme/*"}, NoSuffixes: []string{"ecs.config", ".env"}},
		Identity: w.identity, Functions: w.operators, Allowed: []string{functionARN}, Random: rand.NewChaCha8([32]byte{byte(len(w.secrets.Calls))}), Now: w.now,
	})
}

func (w *world) function(mode finding.Mode) *pipeline.Function[rotation.Request, rotation.Observation, rotation.Question, rotation.Action] {
	return w.waiting(mode, 0)
}

func (w *world) waiting(mode finding.Mode, wait time.Duration) *pipeline.Function[rotation.Request, rotation.Observation, rotation.Question, rotation.Action] {
	return rotation.New(
		rotation.Settings{
			Shared: settings.Shared{Mode: mode}, LoginWait: wait,
			RefreshInstances: cmp.Or(w.refreshing, rotation.RefreshNone), RefreshMaxConcurrency: "10%", RefreshMaxErrors: "1",
			ConfigBucket: configBucket, ConfigBuckets: w.buckets, ConfigSuffixes: []string{"ecs.config"}},
		rotation.Clients{
			Secrets: w.secrets, Configs: w.objects, Registries: registry.WithTransport(w.network), Drivers: w.drivers(),
			Images:   registry.NewAsker(registry.WithTransport(w.network), w.now, 0),
			Commands: w.commands, Clusters: w.commands, Definitions: w.definitions,
		}, w.now,
	)
}

// interrupt has all of the world's calls counted, and perhaps cut off.
func (w *world) interrupt(interruption *registrytest.Interruption) {
	w.secrets.Interruption, w.objects.Interruption, w.network.Interruption, w.identity.Interruption = interruption, interruption, interruption, interruption
	if w.operators != nil {
		w.operators.Interruption = interruption
	}
}

func stepEvent(step, version string) []byte {
	return fmt.Appendf(nil, `{"Step":%q,"SecretId":%q,"ClientRequestToken":%q,"RotationToken":"rotation-%s"}`, step, secretARN, version, canary)
}

// run makes one of Secrets Manager's calls, holds the report against its
// contract, and searches it for the canary.
func (w *world) run(t testing.TB, step, version string) finding.Result {
	t.Helper()
	return w.public(t, check(t, w.function(finding.Enforce).Handle(t.Context(), stepEvent(step, version))))
}

// public searches a result for every password that the secret ever held.
func (w *world) public(t testing.TB, result finding.Result) finding.Result {
	t.Helper()
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range w.secrets.Values {
		var read struct{ Password string }
		if json.Unmarshal([]byte(value), &read) == nil && read.Password != "" && strings.Contains(string(text), read.Password) {
			t.Errorf("the result shows a password: %s", text)
		}
	}
	return result
}

func check(t testing.TB, outcome pipeline.Outcome) finding.Result {
	t.Helper()
	text, err := json.Marshal(outcome.Report())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), canary) {
		t.Errorf("the report shows the canary: %s", text)
	}
	if len(outcome.Report().Results) != 1 {
		t.Fatalf("the report has %d results: %s", len(outcome.Report().Results), text)
	}
	result := outcome.Report().Results[0]
	if err := findingtest.Check(result); err != nil {
		t.Errorf("%v: %s", err, text)
	}
	for _, f := range result.Findings {
		for _, fault := range findingtest.Faults(f) {
			t.Errorf("%s: %s: %s\nfix: %s", f.Code, fault, f.Message, f.Fix)
		}
	}
	known := map[string]bool{}
	for _, code := range slices.Concat(rotation.Codes, pipeline.Codes) {
		known[code.Code] = true
	}
	for _, f := range result.Findings {
		if !known[f.Code] {
			t.Errorf("the code %s is not in the list of codes", f.Code)
		}
	}
	return result
}

func codes(result finding.Result) string {
	var codes []string
	for _, f := range result.Findings {
		codes = append(codes, f.Code)
	}
	return strings.Join(codes, " ")
}

func credentialOf(t testing.TB, value string) (username, password string) {
	t.Helper()
	var read struct{ Username, Password string }
	if err := json.Unmarshal([]byte(value), &read); err != nil {
		t.Fatalf("the secret's value is not JSON: %v", err)
	}
	return read.Username, read.Password
}

func TestRotations(t *testing.T) {
	w := newWorld(t)
	before := string(w.served())
	for n := range 4 {
		version := fmt.Sprintf("version-%d", n+1)
		_, old := w.secrets.Staged("AWSCURRENT")
		w.secrets.Begin(version)
		for _, step := range rotation.Steps() {
			result := w.run(t, string(step), version)
			if result.Status != finding.Compliant {
				t.Fatalf("rotation %d, %s: %+v", n, step, result)
			}
			for _, action := range result.Actions {
				if !action.Applied {
					t.Errorf("%s was not applied", action.Kind)
				}
			}
			if wants := step != rotation.TestSecret; wants != (len(result.Actions) == 1) {
				t.Errorf("%s has %d actions", step, len(result.Actions))
			}
			// The old credential works all along.
			if username, password := credentialOf(t, old); !w.accepts(username, password) {
				t.Fatalf("rotation %d: after %s the old credential is refused", n, step)
			}
		}
		now, value := w.secrets.Staged("AWSCURRENT")
		username, password := credentialOf(t, value)
		if now != version || !w.accepts(username, password) || username != []string{"ci_clone", "ci"}[n%2] {
			t.Fatalf("rotation %d ended with version %s, user %s", n, now, username)
		}
		if value != fmt.Sprintf(`{"username":%q,"password":%q}`, username, password) {
			t.Errorf("the secret's form is %s", strings.ReplaceAll(value, password, "…"))
		}
		if previous, _ := w.secrets.Staged("AWSPREVIOUS"); previous == "" || previous == now {
			t.Errorf("AWSPREVIOUS is %q", previous)
		}
	}
	for _, token := range w.secrets.Tokens {
		if token != "rotation-"+canary {
			t.Error("the rotation token was not passed on")
		}
	}
	if file := string(w.served()); !strings.HasPrefix(file, before[:strings.Index(before, "ci:")]) {
		t.Errorf("another line changed: %q", file)
	}
}

// TestRepeatedSteps makes every call three times.
func TestRepeatedSteps(t *testing.T) {
	w := newWorld(t)
	w.secrets.Begin(version1)
	for _, step := range rotation.Steps() {
		for n := range 3 {
			result := w.run(t, string(step), version1)
			if result.Status != finding.Compliant || n > 0 && len(result.Actions) > 0 {
				t.Fatalf("%s, time %d: %+v", step, n, result)
			}
		}
	}
	if len(w.secrets.Tokens) != 1 || w.objects.Puts() != 2 {
		t.Errorf("there were %d new values and %d writes of the file", len(w.secrets.Tokens), w.objects.Puts())
	}
	// Later calls for a version that is current are successes, too.
	for _, step := range rotation.Steps() {
		if result := w.run(t, string(step), version1); codes(result) != "rotation-already-done" || len(result.Actions) > 0 {
			t.Errorf("%s after the end: %+v", step, result)
		}
	}
}

// TestCutOff ends the run before and after every single call that a rotation
// makes, and lets Secrets Manager begin the same rotation again.
func TestCutOff(t *testing.T) {
	t.Parallel()
	points := 0
	for _, after := range []bool{false, true} {
		for at := 1; ; at += stride() {
			w := newWorld(t)
			w.secrets.Begin(version1)
			interruption := &registrytest.Interruption{At: at, After: after}
			w.interrupt(interruption)
			for _, step := range rotation.Steps() {
				if w.function(finding.Enforce).Handle(t.Context(), stepEvent(string(step), version1)); interruption.Cut() {
					break
				}
			}
			if !interruption.Cut() {
				if version, _ := w.secrets.Staged("AWSCURRENT"); version != version1 {
					t.Fatal("the run that nothing cut off did not rotate")
				}
				break
			}
			points++
			if username, password := credentialOf(t, w.secrets.Values["version-0"]); !w.accepts(username, password) {
				t.Fatalf("cut at %d: the old credential is refused", at)
			}
			if _, value := w.secrets.Staged("AWSCURRENT"); value != "" {
				if username, password := credentialOf(t, value); !w.accepts(username, password) {
					t.Fatalf("cut at %d: AWSCURRENT is refused", at)
				}
			}
			w.interrupt(nil)
			for _, step := range rotation.Steps() {
				if result := w.run(t, string(step), version1); result.Status != finding.Compliant {
					t.Fatalf("cut at %d (after: %v), %s again: %+v", at, after, step, result)
				}
			}
			version, value := w.secrets.Staged("AWSCURRENT")
			username, password := credentialOf(t, value)
			if version != version1 || username != "ci_clone" || !w.accepts(username, password) || !w.accepts("ci", canary) {
				t.Fatalf("cut at %d (after: %v): ended with version %s, user %s", at, after, version, username)
			}
			if len(w.secrets.Values) != 2 || strings.Count(string(w.served()), "\n") != 4 {
				t.Fatalf("cut at %d: something is left over", at)
			}
		}
	}
	t.Logf("%d cut points", points)
	if points < 20/stride() {
		t.Errorf("only %d cut points: the test cuts nothing any more", points)
	}
}

// TestGuards gives steps that may not change anything.
func TestGuards(t *testing.T) {
	const good = `{"username":"ci_clone","password":"` + canary + `"}`
	tests := map[string]struct {
		step    string
		prepare func(*world)
		want    string
	}{
		"rotation disabled":      {"createSecret", func(w *world) { w.secrets.Rotates = false }, "rotation-disabled"},
		"version unknown":        {"setSecret", func(w *world) { w.secrets.Begin("other") }, "version-unknown"},
		"version not pending":    {"finishSecret", func(w *world) { w.secrets.Stages[version1] = []string{"mine"} }, "version-not-pending"},
		"no current version":     {"createSecret", func(w *world) { delete(w.secrets.Stages, "version-0") }, "current-missing"},
		"current without value":  {"createSecret", func(w *world) { delete(w.secrets.Values, "version-0") }, "secret-shape"},
		"current is no JSON":     {"createSecret", func(w *world) { w.secrets.Values["version-0"] = canary }, "secret-shape"},
		"current lacks password": {"createSecret", func(w *world) { w.secrets.Values["version-0"] = `{"username":"` + canary + `"}` }, "secret-shape"},
		"set, pending empty":     {"setSecret", nil, "pending-empty"},
		"finish, pending empty":  {"finishSecret", nil, "pending-empty"},
		"create, pending for another user": {"createSecret", func(w *world) {
			w.secrets.Values[version1] = `{"username":"` + canary + `","password":"` + canary + `"}`
		}, "pending-differs"},
		"set, pending for the current user": {"setSecret", func(w *world) { w.secrets.Values[version1] = w.secrets.Values["version-0"] }, "pending-differs"},
		"set, pending for another registry": {"setSecret", func(w *world) {
			w.secrets.Values["version-0"] = `{"username":"ci","password":"` + canary + `","registry":"a"}`
			w.secrets.Values[version1] = `{"username":"ci_clone","password":"` + canary + `","registry":"b"}`
		}, "pending-differs"},
		"finish, pending has a field more": {"finishSecret", func(w *world) {
			w.secrets.Values[version1] = `{"username":"ci_clone","password":"` + canary + `","registry":"b"}`
		}, "pending-differs"},
		"test, pending is no JSON":           {"testSecret", func(w *world) { w.secrets.Values[version1] = canary }, "pending-differs"},
		"no tags":                            {"createSecret", func(w *world) { w.secrets.Tags = nil }, "tag-missing tag-missing"},
		"registry is no host":                {"createSecret", func(w *world) { w.secrets.Tags[rotation.RegistryTag] = "http://a/" + canary }, "tag-malformed"},
		"driver unknown":                     {"createSecret", func(w *world) { w.secrets.Tags[rotation.DriverTag] = canary }, "driver-unknown"},
		"image of another registry":          {"testSecret", func(w *world) { w.secrets.Tags[rotation.ImageTag] = "docker.io/library/alpine" }, "tag-malformed"},
		"administrator's is itself":          {"createSecret", func(w *world) { w.secrets.Tags[rotation.AdminTag] = secretARN }, "tag-malformed"},
		"administrator's is itself, by name": {"createSecret", func(w *world) { w.secrets.Tags[rotation.AdminTag] = w.secrets.Name }, "tag-malformed"},
		"driver lacks the file":              {"createSecret", func(w *world) { delete(w.secrets.Tags, htpasswd.LocationTag) }, "driver-needs"},
		"set, registry open":                 {"setSecret", func(w *world) { w.secrets.Values[version1] = good; w.serve(200, nil) }, "registry-open"},
		"set, registry redirects":            {"setSecret", func(w *world) { w.secrets.Values[version1] = good; w.serve(301, nil) }, "registry-unsafe"},
		"set, current refused": {"setSecret", func(w *world) {
			w.secrets.Values["version-0"] = `{"username":"ci","password":"` + canary + `-of-somebody"}`
			w.secrets.Values[version1] = good + " "
		}, "current-refused"},
		"test, realm over plain http": {"testSecret", func(w *world) {
			w.secrets.Values[version1] = good
			w.serve(401, map[string]string{"WWW-Authenticate": `Bearer realm="http://x/` + canary + `"`})
		}, "registry-unsafe"},
		"test, no registry":     {"testSecret", func(w *world) { w.secrets.Values[version1] = good; w.serve(404, nil) }, "image-missing"},
		"test, login refused":   {"testSecret", func(w *world) { w.secrets.Values[version1] = good }, "login-refused"},
		"test, strange answer":  {"testSecret", func(w *world) { w.secrets.Values[version1] = good; w.serve(418, nil) }, "registry-answer"},
		"test, registry broken": {"testSecret", func(w *world) { w.secrets.Values[version1] = good; w.serve(500, nil) }, "call-retried"},
		"test, image not there": {"testSecret", func(w *world) {
			w.secrets.Tags[rotation.ImageTag] = "registry.example.com/team/other"
			w.secrets.Values = map[string]string{"version-0": w.secrets.Values["version-0"]}
		}, "image-missing"},
		"describe denied": {"createSecret", func(w *world) { w.secrets.Denies = map[string]string{"DescribeSecret": "AccessDeniedException"} }, "access-denied"},
		"read denied":     {"createSecret", func(w *world) { w.secrets.Denies = map[string]string{"GetSecretValue": "AccessDeniedException"} }, "access-denied"},
		"throttled":       {"createSecret", func(w *world) { w.secrets.Denies = map[string]string{"GetSecretValue": "ThrottlingException"} }, "call-retried"},
		"write refused":   {"createSecret", func(w *world) { w.secrets.Denies = map[string]string{"PutSecretValue": "InvalidRequestException"} }, "call-refused"},
		"deleted meanwhile": {"createSecret", func(w *world) {
			w.secrets.Denies = map[string]string{"PutSecretValue": "ResourceNotFoundException"}
		}, "resource-gone"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.secrets.Begin(version1)
			if test.prepare != nil {
				test.prepare(w)
			}
			file := string(w.served())
			result := w.run(t, test.step, version1)
			if codes(result) != test.want || !result.HasError() {
				t.Errorf("got %s (%s): %+v", codes(result), result.Status, result.Findings)
			}
			if version, _ := w.secrets.Staged("AWSCURRENT"); version == version1 || string(w.served()) != file || len(w.secrets.Tokens) > 0 {
				t.Error("something was changed")
			}
			for _, f := range result.Findings {
				if f.Code == "" || f.Fix == "" {
					t.Errorf("%+v says too little", f)
				}
			}
		})
	}
}

func (w *world) serve(status int, header map[string]string) {
	w.network.Hosts["https://registry.example.com"] = http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			writer.Header().Set(name, value)
		}
		writer.Header().Set("Location", "https://evil.example.com/"+canary)
		writer.WriteHeader(status)
		_, _ = writer.Write([]byte(canary))
	})
}

// TestConfigurationOnly is what Secrets Manager does with RotateImmediately=false:
// testSecret alone, for a version without a value.
func TestConfigurationOnly(t *testing.T) {
	w := newWorld(t)
	w.secrets.Begin(version1)
	result := w.run(t, "testSecret", version1)
	if result.Status != finding.Compliant || codes(result) != "configuration-tested" || len(result.Actions) > 0 {
		t.Errorf("got %+v", result)
	}
	if !strings.Contains(result.Findings[0].Message, "https://registry.example.com") {
		t.Errorf("the realm is not in %q", result.Findings[0].Message)
	}
	w.secrets.Values["version-0"] = `{"username":"ci","password":"wrong"}`
	if result := w.run(t, "testSecret", version1); codes(result) != "login-refused" {
		t.Errorf("with a wrong password: %+v", result)
	}
}

// TestDryRun changes nothing, and the report says so.
func TestDryRun(t *testing.T) {
	w := newWorld(t)
	w.secrets.Begin(version1)
	file := string(w.served())
	result := check(t, w.function(finding.DryRun).Handle(t.Context(), stepEvent("create_secret", version1)))
	if result.Status != finding.Planned || !result.HasError() || codes(result) != "rotation-dry-run" || len(result.Actions) != 1 || result.Actions[0].Applied {
		t.Errorf("got %+v", result)
	}
	if _, value := w.secrets.Staged("AWSPENDING"); value != "" || string(w.served()) != file {
		t.Error("something was changed")
	}
	// What is wrong already is reported without the promise to cure it.
	w.secrets.Rotates = false
	if result := check(t, w.function(finding.DryRun).Handle(t.Context(), stepEvent("create_secret", version1))); codes(result) != "rotation-disabled" {
		t.Errorf("got %+v", result)
	}
}

// TestLoginWaits lets the registry learn of the new password late.
func TestLoginWaits(t *testing.T) {
	for name, test := range map[string]struct {
		delay time.Duration
		want  string
	}{"within the time": {40 * time.Second, "login-succeeded"}, "too late": {2 * time.Minute, "login-refused"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.secrets.Begin(version1)
				w.run(t, "createSecret", version1)
				old, from := w.served(), time.Now().Add(test.delay)
				w.served = func() []byte {
					if time.Now().Before(from) {
						return old
					}
					return w.objects.Read("acme", "auth/htpasswd")
				}
				w.run(t, "setSecret", version1)
				w.now = time.Now
				if result := check(t, w.waiting(finding.Enforce, time.Minute).Handle(t.Context(), stepEvent("testSecret", version1))); codes(result) != test.want {
					t.Errorf("got %+v", result)
				}
			})
		})
	}
}

// TestRunBesideAnother has another run put its value first.
func TestRunBesideAnother(t *testing.T) {
	w := newWorld(t)
	w.secrets.Begin(version1)
	w.secrets.Denies = map[string]string{"PutSecretValue": "ResourceExistsException"}
	if result := w.run(t, "createSecret", version1); result.Status != finding.Compliant {
		t.Errorf("got %+v", result)
	}
}
