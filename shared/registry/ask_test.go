package registry_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// vendor is a registry with its token server, as recorded from the vendor that
// a case names: what it answers to which user.
type vendor struct {
	// token answers the token server's requests; the user is "" for an anonymous one.
	token func(user, scope string) (status int, body string)
	// manifest answers a HEAD or GET by the token's text, "" without one.
	manifest func(method, token, name, reference string) (status int, code string)
	header   map[string]string
	service  string
}

func (v vendor) hosts(registryHost, tokenHost string) map[string]http.Handler {
	front := http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		for name, value := range v.header {
			writer.Header().Set(name, value)
		}
		bearer := strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer ")
		status, code := http.StatusOK, ""
		if name, reference, ok := strings.Cut(strings.TrimPrefix(request.URL.Path, "/v2/"), "/manifests/"); ok {
			status, code = v.manifest(request.Method, bearer, name, reference)
		} else if bearer == "" {
			status, code = http.StatusUnauthorized, "UNAUTHORIZED"
		}
		if status == http.StatusUnauthorized {
			writer.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/token",service="%s"`, tokenHost, v.service))
		}
		writer.WriteHeader(status)
		if code != "" && request.Method != http.MethodHead {
			_ = json.NewEncoder(writer).Encode(map[string]any{"errors": []map[string]any{{"code": code, "message": canary}}})
		}
	})
	tokens := http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		user, password, _ := request.BasicAuth()
		if user != "" && password != canary {
			user = "wrong"
		}
		status, body := v.token(user, request.URL.Query().Get("scope"))
		writer.WriteHeader(status)
		_, _ = writer.Write([]byte(body))
	})
	if registryHost == tokenHost {
		return map[string]http.Handler{"https://" + registryHost: http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
			if request.URL.Path == "/token" {
				tokens(writer, request)
				return
			}
			front(writer, request)
		})}
	}
	return map[string]http.Handler{"https://" + registryHost: front, "https://" + tokenHost: tokens}
}

func granted(user string) (int, string) { return 200, fmt.Sprintf(`{"token":"token-of-%s"}`, user) }

// dockerHub: auth.docker.io gives everybody a token; a manifest that the token
// doesn't reach is 401, private or absent; a missing tag of a visible repository
// is 404.
func dockerHub() vendor {
	return vendor{
		service: "registry.docker.io",
		header:  map[string]string{"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "76;w=21600", "Docker-RateLimit-Source": canary},
		token: func(user, _ string) (int, string) {
			if user == "wrong" {
				return 401, `{"details":"incorrect username or password"}`
			}
			return granted(user)
		},
		manifest: func(_, token, name, reference string) (int, string) {
			switch {
			case name == "library/nginx" && reference == "1", name == "acme/app" && reference == "1" && token == "token-of-ci":
				return 200, ""
			case name == "library/nginx", name == "acme/app" && token == "token-of-ci":
				return 404, "MANIFEST_UNKNOWN"
			}
			return 401, "UNAUTHORIZED"
		},
	}
}

// github: ghcr.io refuses the token itself with 403 for private and absent
// packages, and for a wrong credential as well.
func github() vendor {
	return vendor{
		service: "ghcr.io",
		token: func(user, scope string) (int, string) {
			switch {
			case user == "wrong":
				return 403, `{"errors":[{"code":"DENIED","message":"denied"}]}`
			case scope == "" && user != "", strings.Contains(scope, "acme/public"), strings.Contains(scope, "acme/app") && user == "ci":
				return granted(user)
			}
			return 403, `{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`
		},
		manifest: func(_, token, name, reference string) (int, string) {
			switch {
			case token == "":
				return 401, "UNAUTHORIZED"
			case reference == "1":
				return 200, ""
			}
			return 404, "MANIFEST_UNKNOWN"
		},
	}
}

// quay: quay.io answers 401 for what isn't there and for what isn't public; a
// robot without rights gets a token with "actions": [].
func quayServer() vendor {
	return vendor{
		service: "quay.io",
		token: func(user, _ string) (int, string) {
			if user == "wrong" {
				return 401, `{"errors":[{"code":"UNAUTHORIZED"}]}`
			}
			return granted(user)
		},
		manifest: func(_, token, name, reference string) (int, string) {
			switch {
			case name == "acme/public" && reference == "1", name == "acme/app" && reference == "1" && token == "token-of-ci":
				return 200, ""
			case name == "acme/public":
				return 404, "MANIFEST_UNKNOWN"
			}
			return 401, "UNAUTHORIZED"
		},
	}
}

// publicECR: everything there is public, so 404 means absent.
func publicECR() vendor {
	return vendor{
		service: "public.ecr.aws",
		token:   func(user, _ string) (int, string) { return granted(user) },
		manifest: func(_, token, name, reference string) (int, string) {
			switch {
			case token == "":
				return 401, "DENIED"
			case name == "docker/library/nginx" && reference == "1":
				return 200, ""
			}
			return 404, "NAME_UNKNOWN"
		},
	}
}

// gitLab: a token is refused with 403 where the user may not pull; a package
// that isn't there is 404 to those who may.
func gitLabServer() vendor {
	return vendor{
		service: "container_registry",
		token: func(user, scope string) (int, string) {
			switch {
			case user == "wrong":
				return 401, `{"errors":[{"code":"UNAUTHORIZED","message":"HTTP Basic: Access denied"}]}`
			case scope == "" && user != "", user == "ci" && strings.Contains(scope, ":acme/"):
				return granted(user)
			}
			return 403, `{"errors":[{"code":"DENIED","message":"access forbidden"}]}`
		},
		manifest: func(_, token, _, reference string) (int, string) {
			if token == "" {
				return 401, "UNAUTHORIZED"
			}
			if reference == "1" {
				return 200, ""
			}
			return 404, "NAME_UNKNOWN"
		},
	}
}

// harborServer: an absent project is 401 without and 404 with a login; some
// versions answer a robot without rights with 401, though its login was 200.
func harborServer() vendor {
	v := quayServer()
	v.service = "harbor-registry"
	v.manifest = func(_, token, name, reference string) (int, string) {
		switch {
		case token == "token-of-ci" && name == "acme/app" && reference == "1":
			return 200, ""
		case token == "token-of-ci" && strings.HasPrefix(name, "acme/"):
			return 404, "NOT_FOUND"
		}
		return 401, "UNAUTHORIZED"
	}
	return v
}

func TestAsk(t *testing.T) {
	hub := dockerHub().hosts("registry-1.docker.io", "auth.docker.io")
	ghcr := github().hosts("ghcr.io", "ghcr.io")
	quay := quayServer().hosts("quay.io", "quay.io")
	ecr := publicECR().hosts("public.ecr.aws", "public.ecr.aws")
	gitlab := gitLabServer().hosts("registry.gitlab.com", "gitlab.com")
	harbor := harborServer().hosts("harbor.example.com", "harbor.example.com")
	basic := map[string]http.Handler{"https://registry.example.com": distribution()}
	open := map[string]http.Handler{"https://registry.example.com": http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if strings.Contains(request.URL.Path, "/manifests/") && !strings.HasSuffix(request.URL.Path, "/team/app/manifests/1") {
			writer.WriteHeader(http.StatusNotFound)
		}
	})}
	// gcr.io-like: /v2/ is open, a private image asks for a token.
	late := map[string]http.Handler{"https://registry.example.com": http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		switch {
		case request.URL.Path == "/token":
			_, _ = writer.Write([]byte(`{"token":"t"}`))
		case strings.Contains(request.URL.Path, "/manifests/") && request.Header.Get("Authorization") != "Bearer t":
			writer.Header().Set("WWW-Authenticate", `Bearer realm="https://registry.example.com/token"`)
			writer.WriteHeader(http.StatusUnauthorized)
		}
	})}
	// Some proxies answer a HEAD with 405 or 404.
	headless := map[string]http.Handler{"https://registry.example.com": http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodHead {
			writer.WriteHeader(http.StatusMethodNotAllowed)
		}
	})}
	limited := map[string]http.Handler{"https://registry.example.com": answering(429, map[string]string{"Retry-After": "30", "RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "0;w=21600"}, canary)}
	// registry.k8s.io leads anonymous pulls on to where its images are.
	leading := func(from, to string) map[string]http.Handler {
		return map[string]http.Handler{
			from: http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
				if strings.Contains(request.URL.Path, "/manifests/") {
					http.Redirect(writer, request, to+request.URL.Path, http.StatusTemporaryRedirect)
				}
			}),
			to: http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
				if !strings.HasSuffix(request.URL.Path, "/manifests/1") {
					writer.WriteHeader(http.StatusNotFound)
				}
			}),
		}
	}
	k8s := leading("https://registry.k8s.io", "https://images.example.com")
	loop := map[string]http.Handler{"https://registry.example.com": http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if strings.Contains(request.URL.Path, "/manifests/") {
			http.Redirect(writer, request, request.URL.Path, http.StatusPermanentRedirect)
		}
	})}
	nowhere := map[string]http.Handler{"https://registry.example.com": http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if strings.Contains(request.URL.Path, "/manifests/") {
			writer.Header().Set("Location", "https://user:"+canary+"@evil.example.com/")
			writer.WriteHeader(http.StatusTemporaryRedirect)
		}
	})}
	// A registry that asks for basic authentication keeps its manifests elsewhere.
	elsewhere := map[string]http.Handler{"https://registry.example.com": http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if _, password, _ := request.BasicAuth(); password != canary {
			writer.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			writer.WriteHeader(http.StatusUnauthorized)
		} else if strings.Contains(request.URL.Path, "/manifests/") {
			http.Redirect(writer, request, "https://evil.example.com/", http.StatusTemporaryRedirect)
		}
	})}
	quotas := map[string]http.Handler{"https://registry.example.com": answering(429, map[string]string{"RateLimit-Limit": "100, 100;w=60, 5000;w=3600", "RateLimit-Remaining": "0", "RateLimit-Reset": "42"}, "")}
	byDate := map[string]http.Handler{"https://registry.example.com": answering(429, map[string]string{"X-Retry-After": fmt.Sprint(time.Now().Add(10 * time.Hour).Unix()), "RateLimit-Limit": "-1", "RateLimit-Remaining": "many"}, "")}
	robot, wrong, none := registry.Credential{Username: "ci", Password: secret.New(canary)}, registry.Credential{Username: "ci", Password: secret.New("wrong")}, registry.Credential{}
	stranger := registry.Credential{Username: "stranger", Password: secret.New(canary)}

	tests := map[string]struct {
		image string
		hosts map[string]http.Handler
		as    registry.Credential
		want  registry.Access
		limit *registry.RateLimit
	}{
		"docker hub, public":                   {"nginx:1", hub, none, registry.Allowed, &registry.RateLimit{Limit: 100, Remaining: 76, Window: 6 * time.Hour}},
		"docker hub, public, missing tag":      {"nginx:2", hub, none, registry.Absent, &registry.RateLimit{Limit: 100, Remaining: 76, Window: 6 * time.Hour}},
		"docker hub, private or absent":        {"acme/app:1", hub, none, registry.AbsentOrPrivate, nil},
		"docker hub, private with credential":  {"acme/app:1", hub, robot, registry.Allowed, nil},
		"docker hub, wrong credential":         {"acme/app:1", hub, wrong, registry.CredentialRefused, nil},
		"docker hub, public, wrong credential": {"nginx:1", hub, wrong, registry.CredentialRefused, nil},
		"docker hub, no right, or absent":      {"acme/app:1", hub, stranger, registry.Denied, nil},
		"docker hub, own repository, no tag":   {"acme/app:2", hub, robot, registry.Absent, nil},
		"ghcr, public":                         {"ghcr.io/acme/public:1", ghcr, none, registry.Allowed, nil},
		"ghcr, public, missing tag":            {"ghcr.io/acme/public:2", ghcr, none, registry.Absent, nil},
		"ghcr, private or absent":              {"ghcr.io/acme/app:1", ghcr, none, registry.AbsentOrPrivate, nil},
		"ghcr, private with credential":        {"ghcr.io/acme/app:1", ghcr, robot, registry.Allowed, nil},
		"ghcr, no right, or absent":            {"ghcr.io/acme/app:1", ghcr, stranger, registry.Denied, nil},
		"ghcr, wrong credential":               {"ghcr.io/acme/app:1", ghcr, wrong, registry.CredentialRefused, nil},
		"quay, public":                         {"quay.io/acme/public:1", quay, none, registry.Allowed, nil},
		"quay, absent":                         {"quay.io/acme/none:1", quay, none, registry.AbsentOrPrivate, nil},
		"quay, robot without rights":           {"quay.io/acme/app:1", quay, stranger, registry.Denied, nil},
		"quay, robot":                          {"quay.io/acme/app:1", quay, robot, registry.Allowed, nil},
		"quay, wrong credential":               {"quay.io/acme/app:1", quay, wrong, registry.CredentialRefused, nil},
		"ecr public":                           {"public.ecr.aws/docker/library/nginx:1", ecr, none, registry.Allowed, nil},
		"ecr public, absent":                   {"public.ecr.aws/docker/library/none:1", ecr, none, registry.Absent, nil},
		"gitlab, private":                      {"registry.gitlab.com/acme/app:1", gitlab, none, registry.AbsentOrPrivate, nil},
		"gitlab, with token":                   {"registry.gitlab.com/acme/app:1", gitlab, robot, registry.Allowed, nil},
		"gitlab, another group's":              {"registry.gitlab.com/other/app:1", gitlab, robot, registry.Denied, nil},
		"gitlab, absent":                       {"registry.gitlab.com/acme/app:2", gitlab, robot, registry.AbsentOrPrivate, nil},
		"gitlab, wrong token":                  {"registry.gitlab.com/acme/app:1", gitlab, wrong, registry.CredentialRefused, nil},
		"harbor, anonymous":                    {"harbor.example.com/acme/app:1", harbor, none, registry.AbsentOrPrivate, nil},
		"harbor, robot without rights":         {"harbor.example.com/acme/app:1", harbor, stranger, registry.Denied, nil},
		"harbor, absent":                       {"harbor.example.com/acme/app:2", harbor, robot, registry.AbsentOrPrivate, nil},
		"basic, anonymous":                     {"registry.example.com/team/app:1", basic, none, registry.AbsentOrPrivate, nil},
		"basic":                                {"registry.example.com/team/app:1", basic, robot, registry.Allowed, nil},
		"basic, absent":                        {"registry.example.com/team/app:2", basic, robot, registry.Absent, nil},
		"basic, wrong":                         {"registry.example.com/team/app:1", basic, wrong, registry.CredentialRefused, nil},
		"open":                                 {"registry.example.com/team/app:1", open, none, registry.Allowed, nil},
		"open, with a credential":              {"registry.example.com/team/app:1", open, robot, registry.Allowed, nil},
		"open, absent":                         {"registry.example.com/team/app:2", open, none, registry.Absent, nil},
		"challenge at the manifest":            {"registry.example.com/team/app:1", late, none, registry.Allowed, nil},
		"no HEAD":                              {"registry.example.com/team/app:1", headless, none, registry.Allowed, nil},
		"rate limit":                           {"registry.example.com/team/app:1", limited, none, registry.RateLimited, &registry.RateLimit{Limit: 100, Remaining: 0, Window: 6 * time.Hour, RetryAfter: 30 * time.Second}},
		"rate limit without numbers":           {"registry.example.com/team/app:1", map[string]http.Handler{"https://registry.example.com": answering(429, nil, "")}, none, registry.RateLimited, &registry.RateLimit{Limit: -1, Remaining: -1}},
		"rate limit, several quotas":           {"registry.example.com/team/app:1", quotas, robot, registry.RateLimited, &registry.RateLimit{Limit: 100, Remaining: 0, RetryAfter: 42 * time.Second}},
		"rate limit, until a time":             {"registry.example.com/team/app:1", byDate, robot, registry.RateLimited, &registry.RateLimit{Limit: -1, Remaining: -1, RetryAfter: 6 * time.Hour}},
		"led on":                               {"registry.k8s.io/pause:1", k8s, none, registry.Allowed, nil},
		"led on, absent":                       {"registry.k8s.io/pause:2", k8s, none, registry.Absent, nil},
		"led on in plain http":                 {"registry.example.com/pause:1", leading("https://registry.example.com", "http://images.example.com"), none, registry.Unusable, nil},
		"led on to this machine":               {"registry.example.com/pause:1", leading("https://registry.example.com", "https://127.0.0.1"), none, registry.Allowed, nil},
		"led in a circle":                      {"registry.example.com/pause:1", loop, none, registry.Unusable, nil},
		"led nowhere":                          {"registry.example.com/pause:1", nowhere, none, registry.Unusable, nil},
		"not led on with a credential":         {"registry.example.com/team/app:1", elsewhere, robot, registry.Allowed, nil},
		"unknown host":                         {"registry.example.com/team/app:1", nil, none, registry.Unanswered, nil},
		"broken":                               {"registry.example.com/team/app:1", map[string]http.Handler{"https://registry.example.com": answering(503, nil, canary)}, none, registry.Unanswered, nil},
		"a website":                            {"registry.example.com/team/app:1", map[string]http.Handler{"https://registry.example.com": answering(404, nil, canary)}, none, registry.Unusable, nil},
		"a login page":                         {"registry.example.com/team/app:1", map[string]http.Handler{"https://registry.example.com": redirecting(302)}, robot, registry.Unusable, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			of, image, err := registry.ParseReference(test.image)
			if err != nil {
				t.Fatal(err)
			}
			network := &registrytest.Network{Hosts: test.hosts}
			asker := registry.NewAsker(registry.WithTransport(network), time.Now, time.Minute)
			questions := []registry.Question{{Registry: of, Image: image, Credential: test.as}}
			got := asker.Ask(t.Context(), questions)[0]
			if got.Access != test.want {
				t.Errorf("got %q (%s), want %q", got.Access, got.Why, test.want)
			}
			if test.limit != nil && (got.Limit == nil || *got.Limit != *test.limit) {
				t.Errorf("got the limit %+v, want %+v", got.Limit, test.limit)
			}
			if got.Access == registry.RateLimited && !strings.HasSuffix(got.Why, got.Limit.String()) {
				t.Errorf("the limit's numbers aren't told: %s", got.Why)
			}
			if strings.Contains(fmt.Sprintf("%+v", got), canary) {
				t.Errorf("the answer shows the canary: %+v", got)
			}
			if got.Access != registry.Allowed && got.Why == "" {
				t.Error("nothing says why")
			}
			calls := len(network.Calls())
			if calls > 8 {
				t.Errorf("%d requests for one question", calls)
			}
			if again := asker.Ask(t.Context(), questions)[0]; again.Access != got.Access {
				t.Errorf("asked again: %q", again.Access)
			}
			if known := got.Known() || got.Access == registry.RateLimited; known && len(network.Calls()) != calls {
				t.Error("an answer was not remembered")
			}
			for _, call := range network.Calls() {
				if strings.Contains(call.URL, "evil") {
					t.Errorf("a call to %s", call.URL)
				}
				if test.as == none && (call.Header.Get("Authorization") != "" && strings.HasPrefix(call.Header.Get("Authorization"), "Basic") || strings.Contains(call.URL, "account=")) {
					t.Errorf("an anonymous question named somebody: %s", call.URL)
				}
			}
		})
	}
}

func TestVisibilityOf(t *testing.T) {
	of := func(access registry.Access) registry.Answer { return registry.Answer{Access: access} }
	tests := map[string]struct {
		anonymous     registry.Access
		authenticated []registry.Access
		want          registry.Visibility
	}{
		"public":                          {registry.Allowed, nil, registry.Public},
		"public, credential refused":      {registry.Allowed, []registry.Access{registry.CredentialRefused}, registry.Public},
		"private":                         {registry.AbsentOrPrivate, []registry.Access{registry.Allowed}, registry.Private},
		"private to one of two":           {registry.AbsentOrPrivate, []registry.Access{registry.Denied, registry.Allowed}, registry.Private},
		"nobody knows":                    {registry.AbsentOrPrivate, nil, registry.HiddenOrAbsent},
		"denied":                          {registry.AbsentOrPrivate, []registry.Access{registry.Denied}, registry.HiddenOrAbsent},
		"absent to its owner":             {registry.AbsentOrPrivate, []registry.Access{registry.Absent}, registry.NoSuchImage},
		"absent":                          {registry.Absent, nil, registry.NoSuchImage},
		"limited without a credential":    {registry.RateLimited, []registry.Access{registry.Allowed}, registry.UnknownVisibility},
		"unreachable":                     {registry.Unanswered, nil, registry.UnknownVisibility},
		"unreachable with the credential": {registry.AbsentOrPrivate, []registry.Access{registry.Unanswered}, registry.HiddenOrAbsent},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var authenticated []registry.Answer
			for _, access := range test.authenticated {
				authenticated = append(authenticated, of(access))
			}
			if got := registry.VisibilityOf(of(test.anonymous), authenticated...); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestAskBounds: as many questions as a stranger likes cost a bounded number of
// requests, equal ones cost one, and a rate limit ends the asking of its host.
func TestAskBounds(t *testing.T) {
	network := &registrytest.Network{Hosts: map[string]http.Handler{
		"https://limited.example.com": answering(429, map[string]string{"Retry-After": "30"}, ""),
		"https://open.example.com":    answering(200, nil, "{}"),
	}}
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	asker := registry.NewAsker(registry.WithTransport(network), func() time.Time { return now }, time.Minute)
	var many []registry.Question
	for i := range 500 {
		many = append(many, registry.Question{Registry: registry.Registry{Host: "open.example.com"}, Image: registry.Image{Name: fmt.Sprint("a", i%200), Reference: "1"}})
	}
	answers := asker.Ask(t.Context(), many)
	if got := len(network.Calls()); got != 2*registry.MaxQuestions {
		t.Errorf("%d requests for 200 images, want those of %d questions", got, registry.MaxQuestions)
	}
	if answers[0].Access != registry.Allowed || answers[200].Access != registry.Allowed || answers[199].Access != registry.Unanswered {
		t.Errorf("got %v, %v, %v", answers[0], answers[200], answers[199])
	}
	limited := func(name string) registry.Answer {
		return asker.Ask(t.Context(), []registry.Question{{Registry: registry.Registry{Host: "limited.example.com"}, Image: registry.Image{Name: name, Reference: "1"}}})[0]
	}
	before := len(network.Calls())
	limited("a")
	limited("b")
	if got := len(network.Calls()) - before; got != 1 {
		t.Errorf("%d requests to a registry that answered 429, want 1", got)
	}
	now = now.Add(31 * time.Second)
	limited("c")
	if got := len(network.Calls()) - before; got != 2 {
		t.Errorf("%d requests after the wait, want 2", got)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if got := asker.Ask(stopped, []registry.Question{{Registry: registry.Registry{Host: "other.example.com"}}})[0]; got.Access != registry.Unanswered {
		t.Errorf("stopped: %v", got)
	}
}
