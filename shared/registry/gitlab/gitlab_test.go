package gitlab_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/gitlab"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

func TestExamine(t *testing.T) {
	const day = 24 * time.Hour
	for name, test := range map[string]struct {
		owner, token, username string
		interval               time.Duration
		fine                   bool
	}{
		"deploy tokens":                 {"groups/acme", "", "acme-ecs", 500 * day, true},
		"deploy tokens, said":           {"projects/acme/tools/app", "deploy", "gitlab+deploy-token-7", 0, true},
		"deploy tokens with an end":     {"groups/acme", "deploy/90", "acme-ecs", 0, false},
		"deploy tokens, odd user":       {"groups/acme", "", "acme ecs", 0, false},
		"access tokens":                 {"groups/acme", "access", "acme ecs", 182 * day, true},
		"access tokens, for long":       {"groups/acme", "access", "acme-ecs", 183 * day, false},
		"access tokens, for days":       {"groups/acme", "access/90", "acme-ecs", 45 * day, true},
		"access tokens, for few days":   {"groups/acme", "access/90", "acme-ecs", 46 * day, false},
		"access tokens, a year":         {"groups/acme", "access/365", "acme-ecs", 0, false},
		"access tokens, no days":        {"groups/acme", "access/0", "acme-ecs", 0, false},
		"access tokens, days missing":   {"groups/acme", "access/", "acme-ecs", 0, false},
		"access tokens, days no number": {"groups/acme", "access/90d", "acme-ecs", 0, false},
		"unknown tokens":                {"groups/acme", "personal", "acme-ecs", 0, false},
		"no owner":                      {"", "", "acme-ecs", 0, false},
		"an owner without a name":       {"groups//", "", "acme-ecs", 0, false},
		"an owner of another kind":      {"users/ops", "", "acme-ecs", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := gitlab.New(nil, time.Now).Examine(registry.Order{
				Current:       registry.Credential{Username: test.username, Password: secret.New("x")},
				Administrator: registry.Administrator{URL: "https://gitlab.example.com", Credential: registry.Credential{Password: secret.New("x")}},
				Tags:          map[string]string{gitlab.OwnerTag: test.owner, gitlab.TokenTag: test.token}, Interval: test.interval,
			})
			if (err == nil) != test.fine {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestInspect: the end of a deploy token that a person made is known as long as no
// other one has its user name.
func TestInspect(t *testing.T) {
	ends := time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)
	for title, test := range map[string]struct {
		tag    string
		tokens []registrytest.Token
		want   time.Time
	}{
		"the only one":            {"", []registrytest.Token{{ID: "1", Username: "ecs", Ends: ends}, {ID: "2", Username: "ci", Ends: ends.AddDate(0, 0, -9)}}, ends},
		"without an end":          {"", []registrytest.Token{{ID: "1", Username: "ecs"}}, time.Time{}},
		"one of two":              {"", []registrytest.Token{{ID: "1", Username: "ecs", Ends: ends}, {ID: "2", Username: "ecs"}}, time.Time{}},
		"none":                    {"", nil, time.Time{}},
		"access tokens have none": {"access", []registrytest.Token{{ID: "1", Username: "ecs", Ends: ends}}, time.Time{}},
	} {
		server := &registrytest.GitLab{Admin: "admin", Owner: "groups/acme", Access: test.tag != "", Now: func() time.Time { return ends.AddDate(0, -1, 0) }}
		for _, token := range test.tokens {
			server.Add(token)
		}
		driver := gitlab.New(registry.WithTransport(&registrytest.Network{Hosts: map[string]http.Handler{"https://gitlab.example.com": server}}), time.Now)
		order := registry.Order{
			Registry: registry.Registry{Host: "registry.example.com"}, Current: registry.Credential{Username: "ecs", Password: secret.New("x")},
			Tags:          map[string]string{gitlab.OwnerTag: "groups/acme", gitlab.TokenTag: test.tag},
			Administrator: registry.Administrator{URL: "https://gitlab.example.com", Credential: registry.Credential{Password: secret.New("admin")}},
		}
		if got, err := driver.Inspect(t.Context(), order, "ecs"); err != nil || got != (registry.Standing{Ends: test.want}) {
			t.Errorf("%s: %+v, %v", title, got, err)
		}
	}
}
