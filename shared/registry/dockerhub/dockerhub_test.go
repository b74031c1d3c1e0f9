package dockerhub_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/dockerhub"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// TestTheFirstTokenIsNoWiderThanTheOneInUse: what a person's token may pull is
// taken over, as long as it is known whose the secret holds.
func TestTheFirstTokenIsNoWiderThanTheOneInUse(t *testing.T) {
	type person struct {
		name, id string
		pulls    []string
	}
	ours := registry.Order{SecretARN: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf", Version: "version-1"}
	for title, test := range map[string]struct {
		people []person
		path   string
		// want is nil where the tag is asked for.
		want []string
	}{
		"nobody's":                       {nil, "", []string{"acme/*"}},
		"one":                            {[]person{{"ecs", "o-1", []string{"acme/web", "*/*/public"}}}, "", []string{"acme/web", "*/*/public"}},
		"one that may push":              {[]person{{"ecs", "o-1", []string{"acme/ci"}}}, "", []string{"acme/ci"}},
		"two that may the same":          {[]person{{"ecs", "o-1", []string{"acme/web", "acme/api"}}, {"old", "o-2", []string{"acme/api", "acme/web"}}}, "", []string{"acme/web", "acme/api"}},
		"two that may something else":    {[]person{{"ecs", "o-1", []string{"acme/web"}}, {"billing", "o-2", []string{"acme/*"}}}, "", nil},
		"another one is switched off":    {[]person{{"ecs", "o-1", []string{"acme/web"}}, {"billing", "o-off", []string{"acme/*"}}}, "", []string{"acme/web"}},
		"another one of another secret":  {[]person{{"ecs", "o-1", []string{"acme/web"}}, {ours.TokenName(), "o-2", []string{"acme/*"}}}, "", []string{"acme/web"}},
		"several, the tag names a path":  {[]person{{"ecs", "o-1", []string{"acme/web"}}, {"billing", "o-2", []string{"acme/*"}}}, "acme/web", []string{"acme/web"}},
		"several, the tag names the org": {[]person{{"ecs", "o-1", []string{"acme/web"}}, {"billing", "o-2", []string{"acme/*"}}}, "acme", nil},
	} {
		server := &registrytest.DockerHub{Username: "owner", Password: "pass", Organization: "acme", Inactive: map[string]bool{"o-off": true}, Pushes: map[string]bool{"acme/ci": true}}
		driver := dockerhub.New(registry.WithTransport(&registrytest.Network{Hosts: map[string]http.Handler{"https://hub.docker.com": server}}))
		for _, p := range test.people {
			server.Add(registrytest.Token{ID: p.id, Name: p.name, Username: "acme", Secret: "x", Scopes: p.pulls})
		}
		order := registry.Order{
			Registry: registry.Registry{Host: registry.Hub, Path: test.path}, SecretARN: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hub-AbCdEf", Version: "version-1",
			Current:       registry.Credential{Username: "acme", Password: secret.New("x")},
			Administrator: registry.Administrator{Credential: registry.Credential{Username: "owner", Password: secret.New("pass")}},
		}
		_, inspected := driver.Inspect(t.Context(), order, "acme")
		_, err := driver.Issue(t.Context(), order)
		if test.want == nil {
			for _, err := range []error{inspected, err} {
				if refusal, ok := errors.AsType[*finding.Refusal](err); !ok || refusal.Finding.Code != "driver-needs" {
					t.Errorf("%s: %v", title, err)
				}
			}
			if len(server.Live()) != len(test.people) {
				t.Errorf("%s: a token was made", title)
			}
			continue
		}
		if err != nil || inspected != nil {
			t.Errorf("%s: %v, %v", title, err, inspected)
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
