package registry_test

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

const canary = "canary-hunter2"

var credential = registry.Credential{Username: "ci", Password: secret.New(canary)}

func accepts(username, password string) bool { return username == "ci" && password == canary }

func distribution() *registrytest.Distribution {
	return &registrytest.Distribution{Accepts: accepts, Images: map[string]bool{"team/app:1": true}, Canary: canary}
}

// redirecting is a registry that takes every credential, and redirects who asks
// for a manifest.
func redirecting(status int) http.Handler {
	images := &registrytest.Distribution{Accepts: func(string, string) bool { return true }}
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if !strings.Contains(request.URL.Path, "/manifests/") {
			images.ServeHTTP(writer, request)
			return
		}
		writer.Header().Set("Location", "https://evil.example.com/"+canary)
		writer.WriteHeader(status)
	})
}

func answering(status int, header map[string]string, body string) http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			writer.Header().Set(name, value)
		}
		writer.WriteHeader(status)
		_, _ = writer.Write([]byte(body))
	})
}

func TestLogin(t *testing.T) {
	bearer := distribution()
	bearer.Realm, bearer.Service = "https://auth.example.com/token", "registry.example.com"
	insecure := distribution()
	insecure.Realm = "http://auth.example.com/token"
	toLoopback := distribution()
	toLoopback.Realm = "http://127.0.0.1:9001/token"
	own := distribution()
	own.Realm = "http://127.0.0.1:5001/token"
	app, other := &registry.Image{Name: "team/app", Reference: "1"}, &registry.Image{Name: "team/app", Reference: "2"}

	const example = "registry.example.com"
	tests := map[string]struct {
		registry string
		hosts    map[string]http.Handler
		image    *registry.Image
		wrong    bool
		want     registry.Login
		kind     registry.Kind
		status   int
		fails    bool
	}{
		"basic":                {registry: example, hosts: map[string]http.Handler{"https://" + example: distribution()}, want: registry.Login{Scheme: "basic", Realm: "https://" + example}},
		"basic, wrong":         {registry: example, hosts: map[string]http.Handler{"https://" + example: distribution()}, wrong: true, fails: true, kind: registry.Refused, status: 401},
		"basic and image":      {registry: example, hosts: map[string]http.Handler{"https://" + example: distribution()}, image: app, want: registry.Login{Scheme: "basic", Realm: "https://" + example}},
		"basic, no such image": {registry: example, hosts: map[string]http.Handler{"https://" + example: distribution()}, image: other, fails: true, kind: registry.Missing, status: 404},
		"bearer": {
			registry: example, hosts: map[string]http.Handler{"https://" + example: bearer, "https://auth.example.com": bearer},
			image: app, want: registry.Login{Scheme: "bearer", Realm: "https://auth.example.com"},
		},
		"bearer, wrong": {
			registry: example, hosts: map[string]http.Handler{"https://" + example: bearer, "https://auth.example.com": bearer},
			wrong: true, fails: true, kind: registry.Refused, status: 401,
		},
		"docker hub": {
			registry: "docker.io", hosts: map[string]http.Handler{"https://registry-1.docker.io": bearer, "https://auth.example.com": bearer},
			want: registry.Login{Scheme: "bearer", Realm: "https://auth.example.com"},
		},
		"plain http is for this machine":   {registry: "127.0.0.1:5000", hosts: map[string]http.Handler{"http://127.0.0.1:5000": distribution()}, want: registry.Login{Scheme: "basic", Realm: "http://127.0.0.1:5000"}},
		"plain http by localhost":          {registry: "localhost:5000", hosts: map[string]http.Handler{"http://localhost:5000": distribution()}, want: registry.Login{Scheme: "basic", Realm: "http://localhost:5000"}},
		"https comes first":                {registry: "127.0.0.1:5000", hosts: map[string]http.Handler{"https://127.0.0.1:5000": distribution(), "http://127.0.0.1:5000": distribution()}, want: registry.Login{Scheme: "basic", Realm: "https://127.0.0.1:5000"}},
		"both here":                        {registry: "127.0.0.1:5000", hosts: map[string]http.Handler{"http://127.0.0.1:5000": own, "http://127.0.0.1:5001": own}, want: registry.Login{Scheme: "bearer", Realm: "http://127.0.0.1:5001"}},
		"plain http is for no other":       {registry: example, hosts: map[string]http.Handler{"http://" + example: distribution()}, fails: true, kind: registry.Unreachable},
		"realm over plain http":            {registry: example, hosts: map[string]http.Handler{"https://" + example: insecure, "http://auth.example.com": insecure}, fails: true, kind: registry.Unsafe},
		"realm on our machine":             {registry: example, hosts: map[string]http.Handler{"https://" + example: toLoopback, "http://127.0.0.1:9001": toLoopback}, fails: true, kind: registry.Unsafe},
		"realm with a credential":          {registry: example, hosts: map[string]http.Handler{"https://" + example: answering(401, map[string]string{"WWW-Authenticate": `Bearer realm="https://a:` + canary + `@auth.example.com/"`}, "")}, fails: true, kind: registry.Unsafe},
		"realm missing":                    {registry: example, hosts: map[string]http.Handler{"https://" + example: answering(401, map[string]string{"WWW-Authenticate": `Bearer service="x"`}, "")}, fails: true, kind: registry.Unexpected, status: 401},
		"no challenge":                     {registry: example, hosts: map[string]http.Handler{"https://" + example: answering(401, nil, canary)}, fails: true, kind: registry.Unexpected, status: 401},
		"open to everybody":                {registry: example, hosts: map[string]http.Handler{"https://" + example: answering(200, nil, "{}")}, fails: true, kind: registry.Open, status: 200},
		"redirect":                         {registry: example, hosts: map[string]http.Handler{"https://" + example: answering(307, map[string]string{"Location": "https://evil.example.com/" + canary}, "")}, fails: true, kind: registry.Unsafe, status: 307},
		"website":                          {registry: example, hosts: map[string]http.Handler{"https://" + example: answering(404, nil, "<html>"+canary)}, fails: true, kind: registry.Missing, status: 404},
		"rate limit":                       {registry: example, hosts: map[string]http.Handler{"https://" + example: answering(429, map[string]string{"Retry-After": "7"}, canary)}, fails: true, kind: registry.Busy, status: 429},
		"broken":                           {registry: example, hosts: map[string]http.Handler{"https://" + example: answering(503, nil, canary)}, fails: true, kind: registry.Busy, status: 503},
		"image lies elsewhere":             {registry: example, hosts: map[string]http.Handler{"https://" + example: redirecting(307)}, image: app, want: registry.Login{Scheme: "basic", Realm: "https://" + example}},
		"image leads to a login page":      {registry: example, hosts: map[string]http.Handler{"https://" + example: redirecting(302)}, image: app, fails: true, kind: registry.Unsafe, status: 302},
		"unknown host":                     {registry: example, hosts: nil, fails: true, kind: registry.Unreachable},
		"answer without end":               {registry: example, hosts: map[string]http.Handler{"https://" + example: answering(401, nil, strings.Repeat(canary, 100_000))}, fails: true, kind: registry.Unexpected, status: 401},
		"token answer is no JSON":          {registry: example, hosts: map[string]http.Handler{"https://" + example: bearer, "https://auth.example.com": answering(200, nil, "<"+canary)}, fails: true, kind: registry.Unexpected, status: 200},
		"token answer without token":       {registry: example, hosts: map[string]http.Handler{"https://" + example: bearer, "https://auth.example.com": answering(200, nil, `{"x":"`+canary+`"}`)}, fails: true, kind: registry.Unexpected, status: 200},
		"token with a line break":          {registry: example, hosts: map[string]http.Handler{"https://" + example: bearer, "https://auth.example.com": answering(200, nil, `{"token":"`+canary+`\r\nX: y"}`)}, fails: true, kind: registry.Unexpected, status: 200},
		"token server redirects":           {registry: example, hosts: map[string]http.Handler{"https://" + example: bearer, "https://auth.example.com": answering(302, map[string]string{"Location": "https://evil.example.com/"}, "")}, fails: true, kind: registry.Unsafe, status: 302},
		"token that the registry rejects":  {registry: example, hosts: map[string]http.Handler{"https://" + example: bearer, "https://auth.example.com": answering(200, nil, `{"access_token":"`+canary+`"}`)}, fails: true, kind: registry.Refused, status: 401},
		"a code of the server's own words": {registry: example, hosts: map[string]http.Handler{"https://" + example: answering(418, nil, `{"errors":[{"code":"`+canary+`"}]}`)}, fails: true, kind: registry.Unexpected, status: 418},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			of, err := registry.Parse(test.registry)
			if err != nil {
				t.Fatal(err)
			}
			network := &registrytest.Network{Hosts: test.hosts}
			used := credential
			if test.wrong {
				used.Password = secret.New("wrong")
			}
			got, err := registry.WithTransport(network).Login(t.Context(), of, used, test.image)
			for _, call := range network.Calls() {
				if address, err := url.Parse(call.URL); err != nil || strings.Contains(address.Host, "evil") {
					t.Errorf("there was a call to %s", call.URL)
				}
			}
			if !test.fails {
				if err != nil || got != test.want {
					t.Errorf("got %+v, %v, want %+v", got, err, test.want)
				}
				return
			}
			failure, ok := errors.AsType[*registry.Error](err)
			if !ok || failure.Kind != test.kind || failure.Status != test.status {
				t.Fatalf("got %+v (%v), want kind %d and status %d", failure, err, test.kind, test.status)
			}
			if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "X: y") {
				t.Errorf("the error shows the canary: %v", err)
			}
		})
	}
}

// TestLoginShowsTheCredentialToTheRealmOnly checks what each host gets.
func TestLoginShowsTheCredentialToTheRealmOnly(t *testing.T) {
	server := distribution()
	server.Realm, server.Service = "https://auth.example.com/token", "registry.example.com"
	network := &registrytest.Network{Hosts: map[string]http.Handler{"https://registry.example.com": server, "https://auth.example.com": server}}
	of := registry.Registry{Host: "registry.example.com"}
	if _, err := registry.WithTransport(network).Login(t.Context(), of, credential, &registry.Image{Name: "team/app", Reference: "1"}); err != nil {
		t.Fatal(err)
	}
	var asked []string
	for _, call := range network.Calls() {
		address, err := url.Parse(call.URL)
		if err != nil {
			t.Fatal(err)
		}
		authorization, _, _ := strings.Cut(call.Header.Get("Authorization"), " ")
		asked = append(asked, strings.TrimSpace(call.Method+" "+address.Host+address.Path+" "+authorization+" "+address.Query().Get("scope")))
		if strings.Contains(call.URL, canary) {
			t.Errorf("the password stands in an address: %s", call.URL)
		}
	}
	want := []string{
		"GET registry.example.com/v2/",
		"GET auth.example.com/token Basic",
		"GET registry.example.com/v2/ Bearer",
		"GET auth.example.com/token Basic repository:team/app:pull",
		"HEAD registry.example.com/v2/team/app/manifests/1 Bearer",
	}
	if strings.Join(asked, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(asked, "\n"), strings.Join(want, "\n"))
	}
}

// TestAuthorities speaks real TLS with a server whose authority only a PEM file names.
func TestAuthorities(t *testing.T) {
	server := httptest.NewTLSServer(distribution())
	defer server.Close()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	var authorities registry.Authorities
	if err := authorities.UnmarshalText([]byte(path)); err != nil {
		t.Fatal(err)
	}
	of, err := registry.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registry.NewClient(authorities).Login(t.Context(), of, credential, nil); err != nil {
		t.Errorf("with the authority: %v", err)
	}
	// On loopback, the fallback to plain http must not hide why https failed.
	_, err = registry.NewClient(registry.Authorities{}).Login(t.Context(), of, credential, nil)
	if failure, ok := errors.AsType[*registry.Error](err); !ok || failure.Kind != registry.Unreachable || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("a server of an unknown authority: %v", err)
	}
	for name, content := range map[string]string{"empty.pem": "", "other.pem": "no certificate"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := new(registry.Authorities).UnmarshalText([]byte(path)); err == nil {
			t.Errorf("%s was taken for certificate authorities", name)
		}
	}
	if err := new(registry.Authorities).UnmarshalText([]byte("/nonexistent/ca.pem")); err == nil {
		t.Error("a file that is not there was read")
	}
}
