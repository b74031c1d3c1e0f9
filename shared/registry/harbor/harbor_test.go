package harbor_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/harbor"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

func order(path, username string) registry.Order {
	return registry.Order{
		Registry: registry.Registry{Host: "harbor.example.com", Path: path}, SecretARN: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:r-AbCdEf", Version: "version-1",
		Current:       registry.Credential{Username: username, Password: secret.New("x")},
		Administrator: registry.Administrator{URL: "https://harbor.example.com", Credential: registry.Credential{Username: "admin", Password: secret.New("Admin-12345")}},
	}
}

func driver(server *registrytest.Harbor) *harbor.Driver {
	server.Username, server.Password = "admin", "Admin-12345"
	return harbor.New(registry.WithTransport(&registrytest.Network{Hosts: map[string]http.Handler{"https://harbor.example.com": server}}))
}

func TestInspect(t *testing.T) {
	const name = "robot$acme+ecs"
	soon := time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)
	for title, test := range map[string]struct {
		server   *registrytest.Harbor
		registry string
		want     registry.Standing
	}{
		"may pull":               {&registrytest.Harbor{Project: "acme"}, "acme", registry.Standing{Pull: registry.RightGranted}},
		"may not":                {&registrytest.Harbor{Project: "acme", Powerless: map[string]bool{name: true}}, "acme", registry.Standing{Pull: registry.RightMissing}},
		"not in that project":    {&registrytest.Harbor{Project: "acme"}, "other/team", registry.Standing{Pull: registry.RightMissing}},
		"no project is known":    {&registrytest.Harbor{Project: "acme"}, "", registry.Standing{}},
		"ends":                   {&registrytest.Harbor{Project: "acme", Ends: map[string]int64{name: soon.Unix()}}, "acme", registry.Standing{Pull: registry.RightGranted, Ends: soon}},
		"is switched off":        {&registrytest.Harbor{Project: "acme", Disabled: map[string]bool{name: true}}, "acme", registry.Standing{Pull: registry.RightGranted, Disabled: true}},
		"among many permissions": {&registrytest.Harbor{Project: "acme", Projects: 40}, "acme", registry.Standing{Pull: registry.RightGranted}},
	} {
		server := test.server
		server.Add(registrytest.Token{ID: "7", Username: name, Secret: "x"})
		got, err := driver(server).Inspect(t.Context(), order(test.registry, name), name)
		if err != nil || got != test.want {
			t.Errorf("%s: %+v, %v; want %+v", title, got, err, test.want)
		}
	}
	if _, err := driver(&registrytest.Harbor{Project: "acme"}).Inspect(t.Context(), order("acme", name), name); !registry.IsMissing(err) {
		t.Errorf("a robot that isn't there: %v", err)
	}
}

// TestARobotThatMayNotPullHasNoSuccessor: a new one would be as powerless.
func TestARobotThatMayNotPullHasNoSuccessor(t *testing.T) {
	const name = "robot$acme+ecs"
	server := &registrytest.Harbor{Project: "acme", Powerless: map[string]bool{name: true}}
	server.Add(registrytest.Token{ID: "7", Username: name, Secret: "x"})
	if _, err := driver(server).Issue(t.Context(), order("acme", name)); err == nil || len(server.Live()) != 1 {
		t.Errorf("%v; robots %v", err, server.Live())
	}
}

// TestPermissions: a denial wins, and robots of older versions have * for everything.
func TestPermissions(t *testing.T) {
	const list, all = `{"resource":"repository","action":"list"}`, `{"resource":"*","action":"*"}`
	const pull, denied = `{"resource":"repository","action":"pull"}`, `{"resource":"repository","action":"pull","effect":"deny"}`
	for permissions, want := range map[string]registry.Right{
		`{"kind":"project","namespace":"acme","access":[` + list + `,` + pull + `]}`:                                                    registry.RightGranted,
		`{"kind":"project","namespace":"*","access":[` + pull + `]}`:                                                                    registry.RightGranted,
		`{"kind":"project","namespace":"acme","access":[` + all + `]}`:                                                                  registry.RightGranted,
		`{"kind":"project","namespace":"acme","access":[{"resource":"repository","action":"pull","effect":"allow"}]}`:                   registry.RightGranted,
		`{"kind":"project","namespace":"shop","access":[` + denied + `]},{"kind":"project","namespace":"acme","access":[` + pull + `]}`: registry.RightGranted,
		`{"kind":"project","namespace":"acme","access":[` + pull + `,` + denied + `]}`:                                                  registry.RightMissing,
		`{"kind":"project","namespace":"acme","access":[` + pull + `]},{"kind":"project","namespace":"acme","access":[` + denied + `]}`: registry.RightMissing,
		`{"kind":"project","namespace":"acme","access":[` + list + `,{"resource":"repository","action":"push"}]}`:                       registry.RightMissing,
		`{"kind":"project","namespace":"shop","access":[` + pull + `]}`:                                                                 registry.RightMissing,
		`{"kind":"system","namespace":"/","access":[` + all + `]}`:                                                                      registry.RightMissing,
		``: registry.RightMissing,
	} {
		client := registry.WithTransport(&registrytest.Network{Hosts: map[string]http.Handler{"https://harbor.example.com": http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
			if request.URL.Path != "/api/v2.0/robots" {
				_, _ = writer.Write([]byte(`{"project_id":7}`))
				return
			}
			_, _ = writer.Write([]byte(`[{"id":1,"name":"robot$acme+ecs","level":"project","expires_at":-1,"permissions":[` + permissions + `]}]`))
		})}})
		if got, err := harbor.New(client).Inspect(t.Context(), order("acme", "robot$acme+ecs"), "robot$acme+ecs"); err != nil || got != (registry.Standing{Pull: want}) {
			t.Errorf("%s: %+v, %v", permissions, got, err)
		}
	}
}

// TestProjectOfPrefixes: the robot's project is asked for by its name, whatever the
// prefix.
func TestProjectOfPrefixes(t *testing.T) {
	for username, test := range map[string]struct{ path, want string }{
		"robot$acme+ecs": {"", "acme"}, "robot$xacme+ecs": {"acme", "xacme"}, "bot-acme+ecs": {"acme/team", "acme"}, "bot$acme+ecs": {"", "acme"},
		"robot$x-acme+ecs": {"x-acme", "x-acme"}, "my$bot-acme+ecs": {"acme", "acme"}, "robot_acme+ecs": {"acme", "acme"},
	} {
		server := &registrytest.Harbor{Project: test.want}
		server.Add(registrytest.Token{ID: "7", Username: username, Secret: "x"})
		if _, err := driver(server).Inspect(t.Context(), order(test.path, username), username); err != nil {
			t.Errorf("%s: %v", username, err)
		}
	}
}

func TestPrefixes(t *testing.T) {
	for username, path := range map[string]string{
		"robot$acme+ecs": "", "robot$ecs": "", "bot-acme+ecs": "acme/team", "robot_acme+ecs": "acme", "bot-ecs": "",
	} {
		if err := driver(&registrytest.Harbor{}).Examine(order(path, username)); err != nil {
			t.Errorf("%s for %q: %v", username, path, err)
		}
	}
	for username, path := range map[string]string{"": "acme", "bot-acme+ecs": "other", "bot-other+ecs": ""} {
		if err := driver(&registrytest.Harbor{}).Examine(order(path, username)); err == nil {
			t.Errorf("%q for %q is taken", username, path)
		}
	}
}
