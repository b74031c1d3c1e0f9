package configobject_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

const password = "hunter2-canary-77aa"

func accepts(username, given string) bool { return username == "robot" && given == password }

// authData is a file with credentials, each "registry username password".
func authData(credentials ...string) string {
	var entries []string
	for _, credential := range credentials {
		parts := strings.SplitN(credential, " ", 3)
		entries = append(entries, fmt.Sprintf(`%q:{"username":%q,"password":%q}`, parts[0], parts[1], parts[2]))
	}
	return "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={" + strings.Join(entries, ",") + "}\n"
}

func verifying() configobject.Settings {
	settings := withMode(finding.Enforce)
	settings.VerifyRegistryLogin = true
	return settings
}

func logsIn(settings configobject.Settings, b *bucket, client configobject.RegistryClient) *warm {
	prod := &clusters{status: map[string]string{"us-east-1/prod": "ACTIVE"}}
	return configobject.New(settings, configobject.Clients{Storage: b, Clusters: prod, Roles: b, Account: wholeAccount{b}, Identity: b, Registries: client, Region: "us-east-1"}, time.Now)
}

func answering(status int, header ...string) http.HandlerFunc {
	return func(writer http.ResponseWriter, _ *http.Request) {
		for pair := range slices.Chunk(header, 2) {
			writer.Header().Set(pair[0], pair[1])
		}
		writer.WriteHeader(status)
		_, _ = writer.Write([]byte(password))
	}
}

func TestRegistryLogin(t *testing.T) {
	// Each server repeats the password wherever it has room.
	basic := &registrytest.Distribution{Accepts: accepts, Canary: password}
	bearer := &registrytest.Distribution{Accepts: accepts, Canary: password, Realm: "https://auth.example.com/token", Service: "s"}
	hosts := map[string]http.Handler{
		"https://r.example.com":        basic,
		"https://r.example.com:5000":   basic,
		"https://registry-1.docker.io": bearer,
		"https://auth.example.com":     bearer,
		"https://broken.example.com":   answering(http.StatusServiceUnavailable),
		"https://firewall.example.com": answering(http.StatusForbidden),
		"https://website.example.com":  answering(http.StatusNotFound),
		"https://moved.example.com":    answering(http.StatusFound, "Location", "https://r.example.com/v2/?"+password),
		"https://open.example.com":     answering(http.StatusOK),
		"https://odd.example.com":      answering(http.StatusUnauthorized, "WWW-Authenticate", "Negotiate "+password),
		"https://leaky.example.com":    answering(http.StatusUnauthorized, "WWW-Authenticate", `Bearer realm="http://`+password+`.example.com/token"`),
		"http://plain.example.com":     basic,
	}
	const good = " robot " + password
	encoded := base64.StdEncoding.EncodeToString([]byte("robot:" + password))
	tests := map[string]struct {
		content string
		want    string // codes and severities
		asked   string // hosts
	}{
		"accepted":              {authData("r.example.com" + good), "", "r.example.com"},
		"accepted, dockercfg":   {"ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA={\"https://r.example.com\":{\"auth\":\"" + encoded + "\"}}\n", "", "r.example.com"},
		"with a port":           {authData("r.example.com:5000" + good), "", "r.example.com:5000"},
		"Docker Hub":            {authData("https://index.docker.io/v1/" + good), "", "auth.example.com registry-1.docker.io"},
		"with a path":           {authData("r.example.com"+good, "r.example.com/team/"+good), "", "r.example.com"},
		"refused":               {authData("r.example.com robot other-" + password), "registry-login-refused error", "r.example.com"},
		"refused by a realm":    {authData("https://index.docker.io/v1/ robot other-" + password), "registry-login-refused error", "auth.example.com registry-1.docker.io"},
		"one of two refused":    {authData("r.example.com"+good, "r.example.com:5000 robot x"+password), "registry-login-refused error", "r.example.com r.example.com:5000"},
		"unknown host":          {authData("absent.example.com" + good), "registry-login-unchecked warning", ""},
		"plain http":            {authData("http://plain.example.com" + good), "registry-login-unchecked warning", ""},
		"broken":                {authData("broken.example.com" + good), "registry-login-unchecked warning", "broken.example.com"},
		"turned away":           {authData("firewall.example.com" + good), "registry-login-unchecked warning", "firewall.example.com"},
		"no registry":           {authData("website.example.com" + good), "registry-login-unchecked warning", "website.example.com"},
		"redirect":              {authData("moved.example.com" + good), "registry-login-unchecked warning", "moved.example.com"},
		"another authorization": {authData("odd.example.com" + good), "registry-login-unchecked warning", "odd.example.com"},
		"realm without TLS":     {authData("leaky.example.com" + good), "registry-login-unchecked warning", "leaky.example.com"},
		"open":                  {authData("open.example.com" + good), "registry-open info", "open.example.com"},
		"token":                 {"ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=docker\n" + `ECS_ENGINE_AUTH_DATA={"r.example.com":{"username":"robot","identitytoken":"` + password + `"}}` + "\n", "registry-login-untried info", ""},
		"key that may be none":  {authData("r.example.com/" + strings.Repeat(password, 9) + good), "auth-key-paths info registry-login-untried info", ""},
		// What the agent does not use is not logged in to.
		"no credential kept": {"ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=docker\n" + `ECS_ENGINE_AUTH_DATA={"r.example.com":{"username":"robot","password":1}}` + "\n", "auth-data-type error", ""},
		"no JSON":            {"ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=docker\n" + `ECS_ENGINE_AUTH_DATA={"r.example.com":{"username":"robot","password":"` + password + `"}` + "\n", "auth-data-invalid error", ""},
		"no type":            {strings.Replace(authData("r.example.com"+good), "ECS_ENGINE_AUTH_TYPE=docker\n", "", 1), "auth-type-missing error", ""},
		"never used":         {authData("docker.io" + good), "auth-docker-hub-key error", ""},
		"ECR":                {authData("123456789012.dkr.ecr.us-east-1.amazonaws.com" + good), "auth-ecr-registry warning", ""},
		"placeholder":        {authData("r.example.com robot ${PASSWORD}"), "auth-placeholder error", ""},
		"none":               {"ECS_CLUSTER=prod\n", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b, network := &bucket{versioning: true}, &registrytest.Network{Hosts: hosts}
			id := b.put("ecs.config", test.content, nil)
			report := handleBy(t, logsIn(verifying(), b, registry.WithTransport(network)), uploaded("ecs.config", id))
			var got, asked []string
			for _, f := range one(t, report).Findings {
				got = append(got, f.Code, string(f.Severity))
				if strings.HasPrefix(f.Code, "registry-") && (f.Line != strings.Count(test.content, "\n") || f.Column < 22) {
					t.Errorf("%+v is at another place", f)
				}
			}
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			for _, call := range network.Calls() {
				_, host, _ := strings.Cut(call.URL, "//")
				host, _, _ = strings.Cut(host, "/")
				asked = append(asked, host)
			}
			slices.Sort(asked)
			if got := strings.Join(slices.Compact(asked), " "); got != test.asked {
				t.Errorf("asked %q, want %q", got, test.asked)
			}
			marshalled, err := json.Marshal(report)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{password, encoded, "robot"} {
				if output := string(marshalled) + strings.Join(b.tagsOf("ecs.config", id), "\n"); strings.Contains(output, secret) {
					t.Errorf("%q is shown in %s", secret, output)
				}
			}
			if tags := b.tagsOf("ecs.config", id); strings.Contains(strings.Join(tags, " "), "registry-") {
				t.Errorf("what a registry says today is in the tags: %q", tags)
			}
		})
	}
}

// client answers logins by itself, and counts them.
type client struct {
	calls  atomic.Int64
	answer func(context.Context, registry.Registry) error
}

func (c *client) Login(ctx context.Context, of registry.Registry, _ registry.Credential, _ *registry.Image) (registry.Login, error) {
	c.calls.Add(1)
	return registry.Login{Realm: "https://" + of.Host}, c.answer(ctx, of)
}

func TestLoginOnlyWhereItIsWanted(t *testing.T) {
	for name, test := range map[string]struct {
		verify settings.Choice
		key    string
		want   int64
	}{
		"wanted":           {true, "ecs.config", 1},
		"not wanted":       {false, "ecs.config", 0},
		"environment file": {true, "web.env", 0},
	} {
		b, c := &bucket{versioning: true}, &client{answer: func(context.Context, registry.Registry) error { return nil }}
		settings := verifying()
		settings.VerifyRegistryLogin = test.verify
		handleBy(t, logsIn(settings, b, c), uploaded(test.key, b.put(test.key, authData("r.example.com robot "+password), nil)))
		if got := c.calls.Load(); got != test.want {
			t.Errorf("%s: %d logins", name, got)
		}
	}
}

// Ten registries of a file are asked, side by side, and none for long.
func TestLoginsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{versioning: true}
		c := &client{answer: func(ctx context.Context, _ registry.Registry) error {
			<-ctx.Done()
			return &registry.Error{Kind: registry.Unreachable}
		}}
		var credentials []string
		for i := range 13 {
			credentials = append(credentials, fmt.Sprintf("r%d.example.com robot %s", i, password))
		}
		began := time.Now()
		result := one(t, handleBy(t, logsIn(verifying(), b, c), uploaded("ecs.config", b.put("ecs.config", authData(credentials...), nil))))
		want := append(slices.Repeat([]string{"registry-login-unchecked"}, 10), "registry-login-untried")
		if !slices.Equal(codes(result), want) || !strings.Contains(result.Findings[10].Message, "3 more") {
			t.Errorf("got %q", codes(result))
		}
		if took := time.Since(began); c.calls.Load() != 10 || took != 15*time.Second {
			t.Errorf("%d logins in %s", c.calls.Load(), took)
		}
	})
}

// An accepted credential is believed for five minutes, another one not, and
// any other result of a login for ten seconds.
func TestLoginsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{versioning: true}
		c := &client{answer: func(_ context.Context, of registry.Registry) error {
			if of.Host == "no.example.com" {
				return &registry.Error{Kind: registry.Refused, Status: http.StatusUnauthorized}
			}
			return nil
		}}
		function := logsIn(verifying(), b, c)
		logins := func(credentials ...string) int64 {
			before := c.calls.Load()
			handleBy(t, function, uploaded("ecs.config", b.put("ecs.config", authData(credentials...), nil)))
			return c.calls.Load() - before
		}
		const yes, no = "yes.example.com robot " + password, "no.example.com robot " + password
		for i, step := range []struct {
			after      time.Duration
			credential string
			want       int64
		}{
			{0, yes, 1}, {0, yes, 0}, {0, yes + "x", 1}, {0, no, 1}, {9 * time.Second, no, 0}, {time.Second, no, 1},
			{4 * time.Minute, yes, 0}, {time.Minute, yes, 1},
		} {
			time.Sleep(step.after)
			if got := logins(step.credential); got != step.want {
				t.Errorf("step %d: %d logins, want %d", i, got, step.want)
			}
		}
		if got := logins("both.example.com robot a", "both.example.com/team/ robot a"); got != 1 {
			t.Errorf("one credential of one host was tried %d times", got)
		}
	})
}

// A function that is stopped does not take that for an answer.
func TestLoginThatIsStopped(t *testing.T) {
	b := &bucket{versioning: true}
	ctx, cancel := context.WithCancel(t.Context())
	c := &client{answer: func(login context.Context, _ registry.Registry) error {
		cancel()
		<-login.Done()
		return &registry.Error{Kind: registry.Unreachable}
	}}
	function := logsIn(verifying(), b, c)
	id := b.put("ecs.config", authData("r.example.com robot "+password), nil)
	if result := one(t, function.Handle(ctx, []byte(uploaded("ecs.config", id))).Report()); result.Status != finding.Failed {
		t.Errorf("got %+v", result)
	}
	c.answer = func(context.Context, registry.Registry) error { return nil }
	if result := one(t, handleBy(t, function, uploaded("ecs.config", id))); result.Status != finding.Compliant || c.calls.Load() != 2 {
		t.Errorf("got %+v after %d logins", result, c.calls.Load())
	}
}

// A refused credential may be accepted a minute later, as a cluster may be there.
func TestRefusedLoginDoesNotRestore(t *testing.T) {
	b := &bucket{versioning: true}
	b.put("ecs.config", "ECS_CLUSTER=prod\n", nil)
	id := b.put("ecs.config", authData("r.example.com robot "+password), nil)
	settings := verifying()
	settings.OnInvalid = configobject.Restore
	c := &client{answer: func(context.Context, registry.Registry) error {
		return &registry.Error{Kind: registry.Refused, Status: 401}
	}}
	result := one(t, handleBy(t, logsIn(settings, b, c), uploaded("ecs.config", id)))
	if !slices.Equal(codes(result), []string{"registry-login-refused"}) || result.Status != finding.Noncompliant || b.top("ecs.config").id != id {
		t.Errorf("got %+v", result)
	}
	if got := b.tagsOf("ecs.config", id); !slices.Contains(got, "ecs-config-status=valid") {
		t.Errorf("got tags %q", got)
	}
}

// The client that the function has connects to no address of this machine, of
// instance metadata or of a private network, whatever the file says.
func TestLoginStaysOutside(t *testing.T) {
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer server.Close()
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	for _, host := range []string{"127.0.0.1" + port, "localhost" + port, "169.254.169.254:80", "10.0.0.1:443", "0.0.0.0" + port} {
		b := &bucket{versioning: true}
		id := b.put("ecs.config", authData(host+" robot "+password), nil)
		result := one(t, handleBy(t, logsIn(verifying(), b, registry.NewGuardedClient(registry.Authorities{}, false)), uploaded("ecs.config", id)))
		if !slices.Equal(codes(result), []string{"registry-address-refused"}) || result.Status != finding.Compliant || requests.Load() != 0 {
			t.Errorf("%s: got %+v after %d requests", host, result, requests.Load())
		}
	}
}

// An error that is no registry's says nothing of its own.
func TestLoginErrorOfAnotherKind(t *testing.T) {
	b, c := &bucket{versioning: true}, &client{answer: func(context.Context, registry.Registry) error { return errors.New(password) }}
	result := one(t, handleBy(t, logsIn(verifying(), b, c), uploaded("ecs.config", b.put("ecs.config", authData("r.example.com robot "+password), nil))))
	if !slices.Equal(codes(result), []string{"registry-login-unchecked"}) || strings.Contains(fmt.Sprintf("%+v", result), password) {
		t.Errorf("got %+v", result)
	}
}

// Nothing that carries a credential on its way shows it.
func TestNamedCredentialShowsNothing(t *testing.T) {
	judgement := configobject.JudgeConfigFile("ecs.config", []byte(authData("r.example.com robot "+password)))
	if len(judgement.Credentials) != 1 {
		t.Fatalf("got %d credentials", len(judgement.Credentials))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if shown := fmt.Sprintf(verb, judgement); strings.Contains(shown, password) {
			t.Errorf("%s shows %s", verb, shown)
		}
	}
}
