package dockerhub_test

import (
	"net/http"
	"slices"
	"testing"

	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/registry/dockerhub"
	"ecsguardrails/shared/registry/registrytest"
	"ecsguardrails/shared/secret"
)

// TestAnOrganizationsTokenKeepsItsResources: a token for chosen repositories is
// not widened, and one that reads public images still does after a rotation.
func TestAnOrganizationsTokenKeepsItsResources(t *testing.T) {
	for title, test := range map[string]struct {
		path, tag string
		former    []string
		want      []string
	}{
		"the first":                   {"", "", nil, []string{"acme/*"}},
		"the first for a repository":  {"acme/web", "", nil, []string{"acme/web"}},
		"chosen, and public ones too": {"", "acme/web acme/api public", nil, []string{"acme/web", "acme/api", "*/*/public"}},
		"all, and public ones too":    {"", "acme/ public", nil, []string{"acme/*", "*/*/public"}},
		"those of the former one":     {"", "", []string{"acme/web", "*/*/public"}, []string{"acme/web", "*/*/public"}},
		"the tag narrows":             {"", "acme/web", []string{"acme/*"}, []string{"acme/web"}},
	} {
		server := &registrytest.DockerHub{Username: "owner", Password: "pass", Organization: "acme"}
		driver := dockerhub.New(registry.WithTransport(&registrytest.Network{Hosts: map[string]http.Handler{"https://hub.docker.com": server}}))
		order := registry.Order{
			Registry: registry.Registry{Host: registry.Hub, Path: test.path}, SecretARN: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hub-AbCdEf", Version: "version-2",
			Current: registry.Credential{Username: "acme", Password: secret.New("x")}, Tags: map[string]string{dockerhub.ResourcesTag: test.tag},
			Administrator: registry.Administrator{Credential: registry.Credential{Username: "owner", Password: secret.New("pass")}},
		}
		if test.former != nil {
			former := order
			former.Version = "version-1"
			server.Add(registrytest.Token{ID: "o-former", Name: former.TokenName(), Username: "acme", Secret: "x", Scopes: test.former})
		}
		if _, err := driver.Issue(t.Context(), order); err != nil {
			t.Errorf("%s: %v", title, err)
			continue
		}
		live := server.Live()
		if got := live[len(live)-1].Scopes; !slices.Equal(got, test.want) {
			t.Errorf("%s: the token may pull %q, want %q", title, got, test.want)
		}
		if wrong := server.Wrong(); len(wrong) > 0 {
			t.Errorf("%s: %q", title, wrong)
		}
	}
}
