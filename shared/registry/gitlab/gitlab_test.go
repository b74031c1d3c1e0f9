package gitlab_test

import (
	"testing"
	"time"

	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/registry/gitlab"
	"ecsguardrails/shared/secret"
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
