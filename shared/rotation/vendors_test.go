package rotation_test

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/acr"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/artifactory"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/cloudsmith"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/dockerhub"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/gitea"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/gitlab"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/harbor"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/htpasswd"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/lambda"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/manual"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/nexus"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/quay"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/scaleway"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
)

// server is a vendor's.
type server interface {
	http.Handler
	Accepts(username, password string) bool
	Live() []registrytest.Token
	Wrong() []string
	Add(registrytest.Token)
}

// vendor is one kind of registry with a secret for it.
type vendor struct {
	driver        string
	registry      string
	tags          map[string]string
	administrator string
	username      string
	// api is where the management interface is, endpoint where images are.
	api, endpoint string
	// alsoAt is where the API's login is, "" where that is at api.
	alsoAt string
	server func() (server, *registrytest.Tokens)
	// takesTurns says that two accounts do; the second is there already.
	takesTurns bool
	// ownNames says that each credential is an account with its own name.
	ownNames bool
}

// assertion is the token that AWS signs about the function's role.
const assertion = canary + "-assertion"

// acrID is the resource id of a registry in Azure.
const acrID = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/images/providers/Microsoft.ContainerRegistry/registries/acme0"

func vendors() map[string]vendor {
	const admin = canary + "-admin"
	tokens := func() registrytest.Tokens { return registrytest.Tokens{Canary: canary} }
	return map[string]vendor{
		"gitlab, group": {
			driver: gitlab.Name, registry: "registry.gitlab.example.com/acme", username: "acme-ecs", tags: map[string]string{gitlab.OwnerTag: "groups/acme/platform"},
			administrator: `{"secrets":["prod/*"],"url":"https://gitlab.example.com","token":"` + admin + `"}`, api: "https://gitlab.example.com", endpoint: "https://registry.gitlab.example.com",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.GitLab{Tokens: tokens(), Admin: admin, Owner: "groups/acme/platform"}
				return s, &s.Tokens
			},
		},
		"gitlab, project below a path": {
			driver: gitlab.Name, registry: "registry.example.com", username: "gitlab+deploy-token-7", tags: map[string]string{gitlab.OwnerTag: "projects/acme/app"},
			administrator: `{"secrets":["prod/*"],"url":"https://example.com/gitlab/","token":"` + admin + `"}`, api: "https://example.com", endpoint: "https://registry.example.com",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.GitLab{Tokens: tokens(), Admin: admin, Owner: "projects/acme/app"}
				return below{s, "/gitlab"}, &s.Tokens
			},
		},
		"gitlab, group access tokens": {
			driver: gitlab.Name, registry: "registry.gitlab.example.com/acme", username: "any one", tags: map[string]string{gitlab.OwnerTag: "groups/acme/platform", gitlab.TokenTag: "access"},
			administrator: `{"secrets":["prod/*"],"url":"https://gitlab.example.com","token":"` + admin + `"}`, api: "https://gitlab.example.com", endpoint: "https://registry.gitlab.example.com",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.GitLab{Tokens: tokens(), Admin: admin, Owner: "groups/acme/platform", Access: true}
				return s, &s.Tokens
			},
		},
		"gitlab, project access tokens": {
			driver: gitlab.Name, registry: "gitlab.example.com:5050", username: "ecs", tags: map[string]string{gitlab.OwnerTag: "projects/42", gitlab.TokenTag: "access/90"},
			administrator: `{"secrets":["prod/*"],"url":"https://gitlab.example.com","token":"` + admin + `"}`, api: "https://gitlab.example.com", endpoint: "https://gitlab.example.com:5050",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.GitLab{Tokens: tokens(), Admin: admin, Owner: "projects/42", Access: true}
				return s, &s.Tokens
			},
		},
		"gitea": {
			driver: gitea.Name, registry: "gitea.example.com", username: "ecs",
			administrator: `{"secrets":["prod/*"],"url":"https://gitea.example.com","username":"ecs","password":"` + admin + `"}`, api: "https://gitea.example.com", endpoint: "https://gitea.example.com",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.Gitea{Tokens: tokens(), Username: "ecs", Password: admin}
				return s, &s.Tokens
			},
		},
		"artifactory, reference tokens": {
			driver: artifactory.Name, registry: "acme.jfrog.io", username: "ecs",
			administrator: `{"secrets":["prod/*"],"url":"https://acme.jfrog.io","token":"` + admin + `"}`, api: "https://acme.jfrog.io", endpoint: "https://acme.jfrog.io",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.Artifactory{Tokens: tokens(), Admin: admin, References: true}
				return s, &s.Tokens
			},
		},
		"artifactory, plain tokens": {
			driver: artifactory.Name, registry: "docker.example.com", username: "ecs",
			administrator: `{"secrets":["prod/*"],"url":"https://artifactory.example.com","password":"` + admin + `"}`, api: "https://artifactory.example.com", endpoint: "https://docker.example.com",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.Artifactory{Tokens: tokens(), Admin: admin}
				return s, &s.Tokens
			},
		},
		"docker hub, personal": {
			driver: dockerhub.Name, registry: "docker.io", username: "ecsbot",
			administrator: `{"secrets":["prod/*"],"username":"ecsbot","password":"` + admin + `"}`, api: "https://hub.docker.com", endpoint: "https://registry-1.docker.io",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.DockerHub{Tokens: tokens(), Username: "ecsbot", Password: admin, Organization: "acme"}
				return s, &s.Tokens
			},
		},
		"docker hub, organization": {
			driver: dockerhub.Name, registry: "https://index.docker.io/v1/", username: "acme",
			administrator: `{"secrets":["prod/*"],"url":"https://hub.docker.com","username":"owner","password":"` + admin + `"}`, api: "https://hub.docker.com", endpoint: "https://registry-1.docker.io",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.DockerHub{Tokens: tokens(), Username: "owner", Password: admin, Organization: "acme"}
				return s, &s.Tokens
			},
		},
		"nexus": {
			driver: nexus.Name, registry: "nexus.example.com:8082", username: "ecs puller", takesTurns: true,
			administrator: `{"secrets":["prod/*"],"url":"https://nexus.example.com","username":"admin","password":"` + admin + `"}`, api: "https://nexus.example.com", endpoint: "https://nexus.example.com:8082",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.Nexus{Tokens: tokens(), Username: "admin", Password: admin}
				return s, &s.Tokens
			},
		},
		"quay": {
			driver: quay.Name, registry: "quay.io/acme", username: "acme+ecs", takesTurns: true,
			administrator: `{"secrets":["prod/*"],"url":"https://quay.io","token":"` + admin + `"}`, api: "https://quay.io", endpoint: "https://quay.io",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.Quay{Tokens: tokens(), Admin: admin, Organization: "acme"}
				return s, &s.Tokens
			},
		},
		"quay, a user's robot": {
			driver: quay.Name, registry: "quay.io/carol", username: "carol+ecs", tags: map[string]string{quay.NamespaceTag: "user"}, takesTurns: true,
			administrator: `{"secrets":["prod/*"],"url":"https://quay.io","token":"` + admin + `"}`, api: "https://quay.io", endpoint: "https://quay.io",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.Quay{Tokens: tokens(), Admin: admin, Organization: "carol", User: true}
				return s, &s.Tokens
			},
		},
		"gitea, by a site administrator": {
			driver: gitea.Name, registry: "gitea.example.com", username: "ecs",
			administrator: `{"secrets":["prod/*"],"url":"https://gitea.example.com","username":"root","password":"` + admin + `"}`, api: "https://gitea.example.com", endpoint: "https://gitea.example.com",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.Gitea{Tokens: tokens(), Username: "ecs", Password: admin, Administrator: "root"}
				return s, &s.Tokens
			},
		},
		"gitea, by a token": {
			driver: gitea.Name, registry: "gitea.example.com", username: "ecs",
			administrator: `{"secrets":["prod/*"],"url":"https://gitea.example.com","token":"` + admin + `"}`, api: "https://gitea.example.com", endpoint: "https://gitea.example.com",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.Gitea{Tokens: tokens(), Username: "ecs", Password: admin}
				return s, &s.Tokens
			},
		},
		"cloudsmith": {
			driver: cloudsmith.Name, registry: "docker.cloudsmith.io/acme/images", username: "token",
			administrator: `{"secrets":["prod/*"],"url":"https://api.cloudsmith.io","token":"` + admin + `"}`, api: "https://api.cloudsmith.io", endpoint: "https://docker.cloudsmith.io",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.Cloudsmith{Tokens: tokens(), Key: admin, Repository: "acme/images"}
				return s, &s.Tokens
			},
		},
		"scaleway": {
			driver: scaleway.Name, registry: "rg.fr-par.scw.cloud/acme", username: "nologin",
			administrator: `{"secrets":["prod/*"],"url":"https://api.scaleway.com","username":"11111111-2222-3333-4444-555555555555","password":"` + admin + `"}`, api: "https://api.scaleway.com", endpoint: "https://rg.fr-par.scw.cloud",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.Scaleway{Tokens: tokens(), Key: admin, Application: "11111111-2222-3333-4444-555555555555"}
				return s, &s.Tokens
			},
		},
		"acr": {
			ownNames: true, driver: acr.Name, registry: "acme.azurecr.io", username: "ecs-puller",
			administrator: `{"secrets":["prod/*"],"url":"https://management.azure.com` + acrID + `","username":"tenant/client","password":"` + admin + `"}`, api: "https://management.azure.com", alsoAt: "https://login.microsoftonline.com", endpoint: "https://acme.azurecr.io",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.ACR{Tokens: tokens(), Tenant: "tenant", Client: "client", Secret: admin, ID: acrID}
				return s, &s.Tokens
			},
		},
		"acr, federated": {
			ownNames: true, driver: acr.Name, registry: "acme.azurecr.io", username: "ecs-puller",
			administrator: `{"secrets":["prod/*"],"url":"https://management.azure.com` + acrID + `","username":"tenant/client","federated":true}`, api: "https://management.azure.com", alsoAt: "https://login.microsoftonline.com", endpoint: "https://acme.azurecr.io",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.ACR{Tokens: tokens(), Tenant: "tenant", Client: "client", Assertion: assertion, ID: acrID}
				return s, &s.Tokens
			},
		},
		"harbor, minted for a project": {
			ownNames: true, driver: harbor.Name, registry: "harbor.example.com/acme", username: "robot$acme+ecs",
			administrator: `{"secrets":["prod/*"],"url":"https://harbor.example.com","username":"admin","password":"` + admin + `"}`, api: "https://harbor.example.com", endpoint: "https://harbor.example.com",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.Harbor{Tokens: tokens(), Username: "admin", Password: admin, Project: "acme"}
				return s, &s.Tokens
			},
		},
		"harbor, minted for the system by a robot": {
			ownNames: true, driver: harbor.Name, registry: "harbor.example.com", username: "robot$ecs",
			administrator: `{"secrets":["prod/*"],"url":"https://harbor.example.com","username":"robot$maker","password":"` + admin + `"}`, api: "https://harbor.example.com", endpoint: "https://harbor.example.com",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.Harbor{Tokens: tokens(), Username: "robot$maker", Password: admin}
				return s, &s.Tokens
			},
		},
		"harbor, project": {
			driver: harbor.NameAlternate, registry: "harbor.example.com/acme", username: "robot$acme+ecs", takesTurns: true,
			administrator: `{"secrets":["prod/*"],"url":"https://harbor.example.com","username":"admin","password":"` + admin + `"}`, api: "https://harbor.example.com", endpoint: "https://harbor.example.com",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.Harbor{Tokens: tokens(), Username: "admin", Password: admin, Project: "acme"}
				return s, &s.Tokens
			},
		},
		"harbor, system": {
			driver: harbor.NameAlternate, registry: "harbor.example.com", username: "robot$ecs", takesTurns: true,
			administrator: `{"secrets":["prod/*"],"url":"https://harbor.example.com","username":"admin","password":"` + admin + `"}`, api: "https://harbor.example.com", endpoint: "https://harbor.example.com",
			server: func() (server, *registrytest.Tokens) {
				s := &registrytest.Harbor{Tokens: tokens(), Username: "admin", Password: admin}
				return s, &s.Tokens
			},
		},
	}
}

// cutOffVendors are all, or in the short form one whose tokens stand side by side
// and one whose accounts take turns.
func cutOffVendors() map[string]vendor {
	all := allVendors()
	if testing.Short() {
		maps.DeleteFunc(all, func(_ string, v vendor) bool { return v.driver != gitlab.Name && v.driver != nexus.Name })
	}
	return all
}

// allVendors are the vendors, and a registry that only the operator's own
// function knows.
func allVendors() map[string]vendor {
	all := vendors()
	all["lambda"] = vendor{
		driver: lambda.Name, registry: "registry.example.com/own", username: "by hand", tags: map[string]string{lambda.FunctionTag: functionARN},
		api: "https://api.example.com", endpoint: "https://registry.example.com",
		server: func() (server, *registrytest.Tokens) {
			s := &registrytest.Function{Tokens: registrytest.Tokens{Canary: canary}}
			return s, &s.Tokens
		},
	}
	return all
}

const functionARN = "arn:aws:lambda:us-east-1:123456789012:function:registry-credentials"

// below serves an API under a path.
type below struct {
	server
	path string
}

func (b below) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	http.StripPrefix(b.path, b.server).ServeHTTP(writer, request)
}

// newVendorWorld makes a registry in which others have tokens and accounts, too.
func newVendorWorld(v vendor) (*world, server, *registrytest.Tokens) {
	s, tokens := v.server()
	for n := range 130 {
		id := strconv.Itoa(10_000 + n)
		s.Add(registrytest.Token{ID: id, Name: "token of a person " + id, Username: "person" + id, Secret: canary + id})
	}
	s.Add(registrytest.Token{ID: "9000", Name: canary, Username: v.username, Secret: canary})
	if v.takesTurns {
		s.Add(registrytest.Token{ID: "9001", Username: v.username + "_clone", Secret: canary + "-unused"})
	}
	tags := map[string]string{rotation.RegistryTag: v.registry, rotation.DriverTag: v.driver, rotation.AdminTag: adminSecret, rotation.ConfigTag: "s3://" + configBucket + "/*"}
	for key, value := range v.tags {
		tags[key] = value
	}
	if v.administrator == "" {
		delete(tags, rotation.AdminTag)
	}
	of, err := registry.Parse(v.registry)
	if err != nil {
		panic(err)
	}
	image := strings.TrimPrefix(of.Path+"/app", "/")
	if of.Path == "" {
		image = "team/app"
	}
	tags[rotation.ImageTag] = of.Host + "/" + image + ":1"
	images := &registrytest.Distribution{Accepts: s.Accepts, Canary: canary, Realm: "https://token.example.com/token", Service: "registry", Images: map[string]bool{image + ":1": true}}
	w := &world{
		secrets:  newSecret(fmt.Sprintf(`{"username":%q,"password":%q}`, v.username, canary), tags),
		objects:  &registrytest.ObjectStore{},
		network:  &registrytest.Network{Hosts: map[string]http.Handler{"https://token.example.com": images}},
		now:      func() time.Time { return start },
		accepts:  s.Accepts,
		identity: &registrytest.Identity{Token: assertion, Audience: "api://AzureADTokenExchange"},
	}
	w.operators, _ = s.(*registrytest.Function)
	if g, ok := s.(*registrytest.GitLab); ok {
		g.Now = func() time.Time { return w.now() }
	}
	w.secrets.Others = map[string]string{adminSecret: v.administrator}
	w.network.Hosts[v.endpoint] = images
	if v.alsoAt != "" {
		w.network.Hosts[v.alsoAt] = s
	}
	w.network.Hosts[v.api] = http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if v.api == v.endpoint && strings.HasPrefix(request.URL.Path, "/v2/") {
			images.ServeHTTP(writer, request)
			return
		}
		s.ServeHTTP(writer, request)
	})
	return w, s, tokens
}

// issued counts the tokens that rotations made.
func issued(s server) (count int) {
	for _, token := range s.Live() {
		if strings.HasPrefix(token.Name, "ecs-guardrails-") {
			count++
		}
	}
	return count
}

func (w *world) rotate(t *testing.T, version string) {
	t.Helper()
	for _, step := range rotation.Steps() {
		if result := w.run(t, string(step), version); result.Status != finding.Compliant {
			t.Fatalf("%s of %s: %+v", step, version, result)
		}
	}
}

// usable holds AWSCURRENT against the registry.
func (w *world) usable(t *testing.T) {
	t.Helper()
	version, value := w.secrets.Staged("AWSCURRENT")
	if username, password := credentialOf(t, value); !w.accepts(username, password) {
		t.Fatalf("AWSCURRENT, version %s, is refused", version)
	}
}

// TestVendors rotates four times at each registry, and then ends the previous
// credential.
func TestVendors(t *testing.T) {
	for name, v := range allVendors() {
		t.Run(name, func(t *testing.T) {
			w, s, _ := newVendorWorld(v)
			people := len(s.Live())
			for n := range 4 {
				_, old := w.secrets.Staged("AWSCURRENT")
				version := fmt.Sprintf("version-%d", n+1)
				w.secrets.Begin(version)
				w.rotate(t, version)
				w.usable(t)
				if username, password := credentialOf(t, old); !w.accepts(username, password) {
					t.Fatalf("after rotation %d the old credential is refused", n)
				}
				if want := min(n+1, 2); !v.takesTurns && issued(s) != want {
					t.Fatalf("after rotation %d there are %d tokens of ours, want %d", n, issued(s), want)
				}
			}
			if len(s.Live())-issued(s) != people {
				t.Error("somebody else's token was revoked")
			}
			if wrong := s.Wrong(); len(wrong) > 0 {
				t.Errorf("requests that the API does not describe: %q", wrong)
			}

			// The grace time ends.
			_, previous := w.secrets.Staged("AWSPREVIOUS")
			username, password := credentialOf(t, previous)
			w.secrets.Tags[rotation.GraceTag], w.secrets.Rotated = "2d", start.Add(-36*time.Hour)
			if result := w.review(t); codes(result) != "grace-running" || !w.accepts(username, password) {
				t.Errorf("within the grace time: %+v", result)
			}
			w.secrets.Rotated = start.Add(-49 * time.Hour)
			if result := w.review(t); codes(result) != "grace-over" || result.Status != finding.Remediated || w.accepts(username, password) {
				t.Errorf("after the grace time: %+v", result)
			}
			w.usable(t)
			if result := w.review(t); codes(result) != "previous-ended" || len(result.Actions) > 0 {
				t.Errorf("looked at again: %+v", result)
			}
			// And rotation goes on.
			w.secrets.Begin(version1)
			w.rotate(t, version1)
			w.usable(t)
		})
	}
}

func (w *world) review(t *testing.T) finding.Result {
	t.Helper()
	return w.public(t, check(t, w.function(finding.Enforce).Handle(t.Context(), fmt.Appendf(nil, `{"secret":%q}`, secretARN))))
}

// TestEveryDriverIsAVendors: each driver that mints goes through the tests of vendors.
func TestEveryDriverIsAVendors(t *testing.T) {
	tried := map[string]bool{}
	for _, v := range allVendors() {
		tried[v.driver] = true
	}
	// TestRotation and its kind go through htpasswd, TestManual through manual.
	for name := range newWorld(t).drivers() {
		if !tried[name] && name != htpasswd.Name && name != manual.Name {
			t.Errorf("the driver %s is no vendor's: add one to vendors()", name)
		}
	}
}

var full = flag.Bool("full", false, "cut every vendor off at each of its calls, as make faults does")

// stride is how far two cut points are apart: 1 in make faults, 5 in make test, and
// 25 under the race detector.
func stride() int {
	switch {
	case *full:
		return 1
	case testing.Short():
		return 25
	}
	return 5
}

// TestVendorsCutOff ends the run before and after every single call, and lets
// Secrets Manager begin the same rotation again.
func TestVendorsCutOff(t *testing.T) {
	t.Parallel()
	total := 0
	for name, v := range cutOffVendors() {
		t.Run(name, func(t *testing.T) {
			points := 0
			for _, after := range []bool{false, true} {
				for at := 1; ; at += stride() {
					w, s, _ := newVendorWorld(v)
					w.secrets.Begin("version-1")
					w.rotate(t, "version-1")
					w.secrets.Begin(version1)
					interruption := &registrytest.Interruption{At: at, After: after}
					w.interrupt(interruption)
					for _, step := range rotation.Steps() {
						if w.function(finding.Enforce).Handle(t.Context(), stepEvent(string(step), version1)); interruption.Cut() {
							break
						}
					}
					w.interrupt(nil)
					if !interruption.Cut() {
						break
					}
					points++
					w.usable(t)
					if at%2 == 0 {
						// Here Secrets Manager does not go on with the rotation, but begins another.
						w.secrets.Begin("version-3")
						if version, _ := w.secrets.Staged("AWSCURRENT"); version != version1 {
							w.rotate(t, "version-3")
							w.ended(t, v, s, "version-3", at, after)
							continue
						}
						w.secrets.Begin(version1)
					}
					w.rotate(t, version1)
					w.ended(t, v, s, version1, at, after)
				}
			}
			if points < 20/stride() {
				t.Errorf("only %d cut points: the test cuts nothing any more", points)
			}
			total += points
			t.Logf("%d cut points", points)
		})
	}
	t.Logf("%d cut points in all", total)
}

// TestVendorsReviewCutOff ends the look at a secret whose grace time is over
// before and after every single call, and looks again.
func TestVendorsReviewCutOff(t *testing.T) {
	t.Parallel()
	total := 0
	for name, v := range cutOffVendors() {
		t.Run(name, func(t *testing.T) {
			points := 0
			for _, after := range []bool{false, true} {
				for at := 1; ; at += stride() {
					w, s, _ := newVendorWorld(v)
					for _, version := range []string{"version-1", version1} {
						w.secrets.Begin(version)
						w.rotate(t, version)
					}
					w.objects.Write(configBucket, "ecs.config", []byte("ECS_CLUSTER=prod\n"))
					w.secrets.Tags[rotation.GraceTag], w.secrets.Rotated = "1h", start.Add(-2*time.Hour)
					interruption := &registrytest.Interruption{At: at, After: after}
					w.interrupt(interruption)
					w.function(finding.Enforce).Handle(t.Context(), fmt.Appendf(nil, `{"secret":%q}`, secretARN))
					w.interrupt(nil)
					if !interruption.Cut() {
						break
					}
					points++
					w.usable(t)
					if result := w.review(t); result.HasError() {
						t.Fatalf("cut at %d (after: %v): %+v", at, after, result)
					}
					w.usable(t)
					_, previous := w.secrets.Staged("AWSPREVIOUS")
					if username, password := credentialOf(t, previous); w.accepts(username, password) || !v.takesTurns && issued(s) != 1 {
						t.Fatalf("cut at %d (after: %v): the previous credential goes on working", at, after)
					}
				}
			}
			if points < 10/stride() {
				t.Errorf("only %d cut points: the test cuts nothing any more", points)
			}
			total += points
		})
	}
	t.Logf("%d cut points in all", total)
}

// ended says what is left after a rotation: one new credential, the one before,
// and none that no one knows.
func (w *world) ended(t *testing.T, v vendor, s server, version string, at int, after bool) {
	t.Helper()
	w.usable(t)
	if now, _ := w.secrets.Staged("AWSCURRENT"); now != version {
		t.Fatalf("cut at %d (after: %v): the current version is %s", at, after, now)
	}
	if !v.takesTurns && issued(s) != 2 {
		t.Fatalf("cut at %d (after: %v): %d tokens of ours are live, want the new one and the one before", at, after, issued(s))
	}
	_, old := w.secrets.Staged("AWSPREVIOUS")
	if username, password := credentialOf(t, old); !w.accepts(username, password) {
		t.Fatalf("cut at %d (after: %v): the one before is refused", at, after)
	}
}

// TestVendorsFail has registries refuse, and checks what is reported and what is left.
func TestVendorsFail(t *testing.T) {
	refusing := func(status int) func(*world, vendor) {
		return func(w *world, v vendor) {
			w.network.Hosts[v.api] = http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
				writer.Header().Set("Location", "https://evil.example.com/"+canary)
				writer.WriteHeader(status)
				_, _ = fmt.Fprintf(writer, `{"token":%q,"message":%q,"errors":[{"code":%q}]}`, canary, canary, canary)
			})
		}
	}
	// An API that is there, and knows neither account nor project.
	knowingNothing := func(w *world, v vendor) {
		refusing(404)(w, v)
		unknown := w.network.Hosts[v.api]
		w.network.Hosts[v.api] = http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
			if strings.HasSuffix(request.URL.Path, "/version") || strings.HasSuffix(request.URL.Path, "/ping") || strings.HasSuffix(request.URL.Path, "/status") || strings.HasSuffix(request.URL.Path, "/discovery") || strings.HasSuffix(request.URL.Path, "/check/basic/") || request.URL.Path == acrID {
				return
			}
			unknown.ServeHTTP(writer, request)
		})
	}
	administrator := func(value string) func(*world, vendor) {
		return func(w *world, _ vendor) { w.secrets.Others[adminSecret] = value }
	}
	tests := map[string]struct {
		prepare func(*world, vendor)
		want    []string
	}{
		"unauthorized":           {refusing(401), []string{"administrator-refused"}},
		"forbidden":              {refusing(403), []string{"administrator-refused"}},
		"not there":              {knowingNothing, []string{"account-missing"}},
		"no API there":           {refusing(404), []string{"api-misplaced", "account-missing"}},
		"bad request":            {refusing(400), []string{"registry-api", "account-missing"}},
		"redirect":               {refusing(302), []string{"registry-api"}},
		"broken":                 {refusing(500), []string{"call-retried"}},
		"success without sense":  {refusing(204), []string{"registry-api", ""}},
		"no administrator":       {func(w *world, _ vendor) { w.secrets.Others = nil }, []string{"administrator-missing"}},
		"administrator no JSON":  {administrator(canary), []string{"administrator-shape"}},
		"administrator's list":   {administrator(`{"url":"https://` + canary + `","token":"` + canary + `","secrets":"` + canary + `"}`), []string{"administrator-shape"}},
		"administrator empty":    {administrator(`{"secrets":["prod/*"],"url":"https://` + canary + `"}`), []string{"administrator-shape"}},
		"administrator's http":   {administrator(`{"secrets":["prod/*"],"url":"http://` + canary + `","username":"ecs","token":"` + canary + `"}`), []string{"driver-needs"}},
		"administrator's no URL": {administrator(`{"secrets":["prod/*"],"url":"` + canary + `","username":"ecs","token":"` + canary + `"}`), []string{"driver-needs"}},
		"no tag":                 {func(w *world, _ vendor) { delete(w.secrets.Tags, rotation.AdminTag) }, []string{"driver-needs"}},
		"tag is no secret":       {func(w *world, _ vendor) { w.secrets.Tags[rotation.AdminTag] = "a b" }, []string{"tag-malformed"}},
	}
	for name, test := range tests {
		for vendorName, v := range vendors() {
			t.Run(name+" "+vendorName, func(t *testing.T) {
				w, s, _ := newVendorWorld(v)
				before := len(s.Live())
				w.secrets.Begin(version1)
				if v.api == v.endpoint {
					// The registry itself goes on.
					images := w.network.Hosts[v.endpoint]
					test.prepare(w, v)
					api := w.network.Hosts[v.api]
					w.network.Hosts[v.api] = http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
						if strings.HasPrefix(request.URL.Path, "/v2/") {
							images.ServeHTTP(writer, request)
							return
						}
						api.ServeHTTP(writer, request)
					})
				} else {
					test.prepare(w, v)
				}
				var result finding.Result
				for _, step := range []string{"createSecret", "setSecret"} {
					if result = w.run(t, step, version1); result.HasError() {
						break
					}
				}
				if !slices.Contains(test.want, codes(result)) {
					t.Errorf("got %s: %+v", codes(result), result.Findings)
				}
				w.usable(t)
				if len(s.Live()) != before {
					t.Error("a credential was issued or revoked")
				}
			})
		}
	}
}

// TestFederation: what is missing on either side is told, with what to do about it,
// and nothing is issued.
func TestFederation(t *testing.T) {
	federated := func(name, instead string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			of := vendors()[name]
			changed := strings.Replace(of.administrator, `"password":"`+canary+`-admin"`, `"federated":true`+instead, 1)
			if changed == of.administrator {
				t.Fatalf("the administrator of %s has no password", name)
			}
			w.secrets.Others[adminSecret] = changed
		}
	}
	for name, test := range map[string]struct {
		vendor  string
		prepare func(*testing.T, *world)
		code    string
		says    string
	}{
		"off in the account":  {"acr, federated", func(_ *testing.T, w *world) { w.identity.Token = "" }, "administrator-refused", "aws iam enable-outbound-web-identity-federation"},
		"unknown to Entra ID": {"acr, federated", func(_ *testing.T, w *world) { w.identity.Token = canary + "-of-another-role" }, "administrator-refused", "federated credential with this account's issuer"},
		"beside a password":   {"acr", federated("acr", `,"password":"x"`), "administrator-shape", `"federated": true`},
		"beside a token":      {"acr", federated("acr", `,"token":"x"`), "administrator-shape", `"federated": true`},
		"false": {"acr, federated", func(_ *testing.T, w *world) {
			w.secrets.Others[adminSecret] = strings.Replace(w.secrets.Others[adminSecret], "true", "false", 1)
		}, "administrator-shape", "neither"},
		"no service principal": {"acr, federated", func(_ *testing.T, w *world) {
			w.secrets.Others[adminSecret] = strings.Replace(w.secrets.Others[adminSecret], "tenant/client", "client", 1)
		}, "driver-needs", "TENANT_ID/CLIENT_ID"},
		"another driver": {"gitea", federated("gitea", ""), "driver-needs", "the driver acr alone"},
		"a third driver": {"harbor, minted for a project", federated("harbor, minted for a project", ""), "driver-needs", "the driver acr alone"},
	} {
		t.Run(name, func(t *testing.T) {
			w, s, _ := newVendorWorld(vendors()[test.vendor])
			before := len(s.Live())
			test.prepare(t, w)
			w.secrets.Begin(version1)
			var result finding.Result
			for _, step := range []string{"createSecret", "setSecret"} {
				if result = w.run(t, step, version1); result.HasError() {
					break
				}
			}
			if codes(result) != test.code || !strings.Contains(fmt.Sprintf("%+v", result.Findings), test.says) {
				t.Errorf("got %s: %+v", codes(result), result.Findings)
			}
			w.usable(t)
			if len(s.Live()) != before {
				t.Error("a credential was issued or revoked")
			}
		})
	}
}

// TestHarborOfManyProjects has robots with permissions in many projects, of which
// Harbor's list tells each: a page of a hundred robots has megabytes.
func TestHarborOfManyProjects(t *testing.T) {
	for _, name := range []string{"harbor, system", "harbor, project"} {
		w, s, _ := newVendorWorld(vendors()[name])
		s.(*registrytest.Harbor).Projects = 100
		w.secrets.Begin(version1)
		w.rotate(t, version1)
		w.usable(t)
		if wrong := s.Wrong(); len(wrong) > 0 {
			t.Errorf("%s: requests that the API does not describe: %q", name, wrong)
		}
	}
}

// TestAdministratorForOthers has the tags of a secret name an administrator who is
// there for other secrets.
func TestAdministratorForOthers(t *testing.T) {
	for list, allowed := range map[string]bool{
		`["prod/registry.example.com"]`: true, `["dev/*","prod/*"]`: true, `["*"]`: true,
		`[]`: false, `["prod/registry"]`: false, `["Prod/*"]`: false, `["dev/*"]`: false, `["*.com"]`: false,
	} {
		for name, v := range vendors() {
			t.Run(name+" "+list, func(t *testing.T) {
				w, s, _ := newVendorWorld(v)
				w.secrets.Others[adminSecret] = strings.Replace(v.administrator, `["prod/*"]`, list, 1)
				w.secrets.Begin(version1)
				if allowed {
					w.rotate(t, version1)
					return
				}
				before := s.Live()
				for _, step := range []string{"createSecret", "setSecret"} {
					if result := w.run(t, step, version1); codes(result) != map[bool]string{true: "administrator-unlisted", false: "administrator-for-others"}[list == "[]"] || !result.HasError() {
						t.Errorf("%s: %+v", step, result)
					}
				}
				if !slices.EqualFunc(s.Live(), before, func(a, b registrytest.Token) bool { return a.ID == b.ID && a.Secret == b.Secret }) {
					t.Error("a credential was issued or changed")
				}
			})
		}
	}
}

// TestVendorsRateLimit is answered with 429 twice, and told to wait three seconds.
func TestVendorsRateLimit(t *testing.T) {
	for name, v := range vendors() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, _, tokens := newVendorWorld(v)
				tokens.Limited = 2
				w.now = time.Now
				began := time.Now()
				w.secrets.Begin(version1)
				w.rotate(t, version1)
				w.usable(t)
				if waited := time.Since(began); waited < 4*time.Second || waited > time.Minute {
					t.Errorf("waited %s", waited)
				}
			})
		})
	}
}

// TestVendorsSecondAccountMissing names the account that has to be made.
func TestVendorsSecondAccountMissing(t *testing.T) {
	for name, v := range vendors() {
		if !v.takesTurns {
			continue
		}
		t.Run(name, func(t *testing.T) {
			v.takesTurns = false
			w, _, _ := newVendorWorld(v)
			w.secrets.Begin(version1)
			result := w.run(t, "createSecret", version1)
			if !result.HasError() {
				result = w.run(t, "setSecret", version1)
			}
			if codes(result) != "account-missing" {
				t.Errorf("got %+v", result)
			}
		})
	}
}

// bound are the drivers that issue for whatever account the secret names.
var bound = []string{acr.Name, artifactory.Name, dockerhub.Name, gitea.Name, harbor.Name}

// TestVendorsCurrentRefused has a secret for an account of which its writer does
// not know the password: the administrator is not there to change the password of
// another account for it, or to mint a token of it.
func TestVendorsCurrentRefused(t *testing.T) {
	for name, v := range vendors() {
		if !v.takesTurns && !slices.Contains(bound, v.driver) {
			continue
		}
		for _, maintenance := range []string{"", "in-place"} {
			if maintenance != "" && !v.takesTurns {
				continue
			}
			t.Run(name+" "+maintenance, func(t *testing.T) {
				w, s, _ := newVendorWorld(v)
				w.secrets.Values["version-0"] = fmt.Sprintf(`{"username":%q,"password":"guessed"}`, v.username)
				if maintenance != "" {
					w.secrets.Tags[rotation.MaintenanceTag] = maintenance
				}
				before := s.Live()
				w.secrets.Begin(version1)
				result := w.run(t, "createSecret", version1)
				if !result.HasError() {
					result = w.run(t, "setSecret", version1)
				}
				if codes(result) != "current-refused" || len(result.Actions) > 0 {
					t.Errorf("got %+v", result)
				}
				if !slices.EqualFunc(s.Live(), before, func(a, b registrytest.Token) bool { return a.ID == b.ID && a.Secret == b.Secret }) {
					t.Error("a credential was changed or made")
				}
			})
		}
	}
}

// TestARotationCuresACredentialThatSomebodyEnded: the previous token of the same
// account, or the account's own name, shows that the account is the secret's.
func TestARotationCuresACredentialThatSomebodyEnded(t *testing.T) {
	for name, v := range vendors() {
		if !slices.Contains(bound, v.driver) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			w, _, tokens := newVendorWorld(v)
			for _, version := range []string{"version-1", "version-2"} {
				w.secrets.Begin(version)
				w.rotate(t, version)
			}
			_, value := w.secrets.Staged("AWSCURRENT")
			username, password := credentialOf(t, value)
			for _, token := range tokens.Live() {
				if token.Username == username && token.Secret == password {
					if tokens.Replace(token.ID, "replaced by somebody"); !v.ownNames {
						tokens.Revoke(token.ID)
					}
				}
			}
			if w.accepts(username, password) {
				t.Fatal("the current credential still works")
			}
			w.secrets.Begin("version-3")
			w.rotate(t, "version-3")
			w.usable(t)
		})
	}
}

// TestSecondSecretOfTheSameAccounts rotates two secrets that hold the same two
// accounts: what each gives its readers does not stay good, and the first of them
// that meets this says so and changes nothing.
func TestSecondSecretOfTheSameAccounts(t *testing.T) {
	w, _, _ := newVendorWorld(vendors()["nexus"])
	other := newSecret(w.secrets.Values["version-0"], w.secrets.Tags)
	other.Others = w.secrets.Others
	// The drivers draw other passwords after other numbers of calls.
	other.Calls = []string{"of another secret"}
	first := w.secrets
	w.secrets.Begin("version-1")
	w.rotate(t, "version-1")
	w.secrets = other
	w.secrets.Begin("version-1")
	w.rotate(t, "version-1")
	w.secrets = first
	w.secrets.Begin("version-2")
	w.run(t, "createSecret", "version-2")
	if result := w.run(t, "setSecret", "version-2"); codes(result) != "current-refused" || !strings.Contains(result.Findings[0].Fix, "second secret") {
		t.Errorf("got %+v", result)
	}
}

// TestInPlace replaces an account's only password, where a tag allows it.
func TestInPlace(t *testing.T) {
	for name, v := range vendors() {
		t.Run(name, func(t *testing.T) {
			only := v
			only.takesTurns = false
			w, s, _ := newVendorWorld(only)
			w.secrets.Tags[rotation.MaintenanceTag] = "in-place"
			w.secrets.Begin(version1)
			if !v.takesTurns {
				if result := w.run(t, "createSecret", version1); codes(result) != "tag-malformed" {
					t.Errorf("got %+v", result)
				}
				return
			}
			people := len(s.Live())
			w.objects.Write(configBucket, "ecs.config", fmt.Appendf(nil, "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={%q:{\"username\":%q,\"password\":%q}}\n", v.endpoint, v.username, canary))
			var told []string
			for _, step := range rotation.Steps() {
				result := w.run(t, string(step), version1)
				if result.HasError() {
					t.Fatalf("%s: %+v", step, result)
				}
				w.secrets.Made = map[string]time.Time{version1: start.Add(-90 * time.Second)}
				told = append(told, strings.Fields(codes(result))...)
			}
			w.secrets.Made = nil
			if !slices.Contains(told, "pull-gap-open") || !slices.Contains(told, "pull-gap-closed") || w.accepts(v.username, canary) || len(s.Live()) != people {
				t.Errorf("told %q; the old password works: %v", told, w.accepts(v.username, canary))
			}
			w.usable(t)
			_, value := w.secrets.Staged("AWSCURRENT")
			username, password := credentialOf(t, value)
			if file := string(w.objects.Read(configBucket, "ecs.config")); username != v.username || !strings.Contains(file, strconv.Quote(password)) {
				t.Errorf("the user is %q, and the file carries the new password: %v", username, strings.Contains(file, password))
			}
			// Not even a registry that took the previous password, too, may end the
			// current one at a look.
			w.secrets.Tags[rotation.GraceTag], w.secrets.Rotated = "1h", start.Add(-2*time.Hour)
			if result := w.review(t); codes(result) != "previous-ended" || len(result.Actions) > 0 {
				t.Errorf("looked at: %+v", result)
			}
			w.usable(t)
		})
	}
}

// TestRunBesideAnotherRevokesItsOwn has another run put its value first.
func TestRunBesideAnotherRevokesItsOwn(t *testing.T) {
	for _, code := range []string{"ResourceExistsException", "AccessDeniedException", "InvalidRequestException"} {
		w, s, _ := newVendorWorld(vendors()["gitea"])
		w.secrets.Begin(version1)
		w.secrets.Denies = map[string]string{"PutSecretValue": code}
		result := w.run(t, "createSecret", version1)
		if result.HasError() != (code != "ResourceExistsException") || issued(s) != 0 {
			t.Errorf("%s: %d tokens are left, %+v", code, issued(s), result)
		}
	}
}

// TestRunBesideAnotherKeepsItsToken has a run look when another has minted its
// token and not kept it yet: it looks as if it were lost.
func TestRunBesideAnotherKeepsItsToken(t *testing.T) {
	for name, v := range vendors() {
		if v.takesTurns {
			continue
		}
		t.Run(name, func(t *testing.T) {
			w, s, _ := newVendorWorld(v)
			w.secrets.Begin(version1)
			// The other run's token.
			w.secrets.Denies = map[string]string{"PutSecretValue": "ThrottlingException"}
			w.run(t, "createSecret", version1)
			w.secrets.Denies = nil
			if issued(s) != 1 {
				t.Fatalf("%d tokens of ours", issued(s))
			}
			var minted registrytest.Token
			for _, token := range s.Live() {
				if strings.HasPrefix(token.Name, "ecs-guardrails-") {
					minted = token
				}
			}
			username := v.username
			if v.ownNames {
				username = minted.Username
			}
			api := w.network.Hosts[v.api]
			w.network.Hosts[v.api] = http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
				api.ServeHTTP(writer, request)
				if request.Method == http.MethodGet {
					w.secrets.Values[version1] = fmt.Sprintf(`{"username":%q,"password":%q}`, username, minted.Secret)
				}
			})
			w.run(t, "createSecret", version1)
			w.network.Hosts[v.api] = api
			if !w.accepts(username, minted.Secret) {
				t.Fatal("the token that the other run keeps was revoked")
			}
			w.rotate(t, version1)
			w.usable(t)
		})
	}
}
