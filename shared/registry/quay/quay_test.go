package quay_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/quay"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// TestInspect: a robot without rights logs in, and gets a token that allows
// nothing (seen on Quay of August 2026).
func TestInspect(t *testing.T) {
	server := &registrytest.Quay{Admin: "admin-token", Organization: "acme", Powerless: map[string]bool{"acme+ci_clone": true}}
	server.Add(registrytest.Token{ID: "1", Username: "acme+ci", Secret: "x"})
	server.Add(registrytest.Token{ID: "2", Username: "acme+ci_clone", Secret: "y"})
	driver := quay.New(registry.WithTransport(&registrytest.Network{Hosts: map[string]http.Handler{"https://quay.io": server}}))
	order := registry.Order{
		Registry: registry.Registry{Host: "quay.io", Path: "acme"}, Current: registry.Credential{Username: "acme+ci", Password: secret.New("x")},
		Administrator: registry.Administrator{URL: "https://quay.io", Credential: registry.Credential{Password: secret.New("admin-token")}},
	}
	for username, want := range map[string]registry.Right{"acme+ci": registry.RightUnknown, "acme+ci_clone": registry.RightMissing} {
		if got, err := driver.Inspect(t.Context(), order, username); err != nil || got.Pull != want {
			t.Errorf("%s: %+v, %v", username, got, err)
		}
	}
	if _, err := driver.Inspect(t.Context(), order, "acme+gone"); !registry.IsMissing(err) {
		t.Errorf("a robot that isn't there: %v", err)
	}
	// An organization with thousands of robots lists them in one answer of megabytes.
	for n := range 3000 {
		server.Add(registrytest.Token{ID: strconv.Itoa(n + 10), Username: fmt.Sprintf("acme+%s%d", strings.Repeat("x", 200), n)})
	}
	server.Canary = strings.Repeat("a description ", 20)
	if got, err := driver.Inspect(t.Context(), order, "acme+ci_clone"); err != nil || got.Pull != registry.RightMissing {
		t.Errorf("among thousands: %+v, %v", got, err)
	}
	order.Tags = map[string]string{quay.NamespaceTag: "team"}
	if err := driver.Examine(order); err == nil {
		t.Error("an unknown kind of namespace is taken")
	}
}
