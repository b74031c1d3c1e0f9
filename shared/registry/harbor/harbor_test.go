package harbor_test

import (
	"net/http"
	"testing"
	"time"

	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/registry/harbor"
	"ecsguardrails/shared/registry/registrytest"
	"ecsguardrails/shared/secret"
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
