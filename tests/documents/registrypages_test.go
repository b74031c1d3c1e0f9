package documents

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"golang.org/x/crypto/bcrypt"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/drivers"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/htpasswd"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/lambda"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/manual"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation/rotationtest"
	functionsettings "github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

// account is the credential of a page's administrator.
type account struct{ URL, Username, Password, Token string }

// server stands for a registry.
type server interface {
	http.Handler
	Accepts(username, password string) bool
	Add(registrytest.Token)
	Wrong() []string
}

// servers make the registries of the pages, with the page's administrator. Pages of
// the drivers manual, htpasswd and lambda need none.
var servers = map[string]func(account) server{
	"acr": func(a account) server {
		tenant, client, _ := strings.Cut(a.Username, "/")
		return &registrytest.ACR{Tenant: tenant, Client: client, Secret: a.Password, ID: strings.TrimPrefix(a.URL, "https://management.azure.com")}
	},
	"artifactory": func(a account) server { return &registrytest.Artifactory{Admin: a.Token, References: true} },
	"cloudsmith":  func(a account) server { return &registrytest.Cloudsmith{Key: a.Token, Repository: "acme/images"} },
	"docker-hub": func(a account) server {
		return &registrytest.DockerHub{Username: a.Username, Password: a.Password, Organization: "acme"}
	},
	"gitea": func(a account) server {
		return &registrytest.Gitea{Tokens: canary(), Username: "ecs", Password: a.Token}
	},
	"gitlab": func(a account) server { return &registrytest.GitLab{Admin: a.Token, Owner: "groups/acme"} },
	"harbor": func(a account) server {
		return &registrytest.Harbor{Username: a.Username, Password: a.Password, Project: "acme"}
	},
	"nexus":    func(a account) server { return &registrytest.Nexus{Username: a.Username, Password: a.Password} },
	"quay":     func(a account) server { return &registrytest.Quay{Admin: a.Token, Organization: "acme"} },
	"scaleway": func(a account) server { return &registrytest.Scaleway{Key: a.Password, Application: a.Username} },
}

// canary stands in answers' texts.
func canary() registrytest.Tokens { return registrytest.Tokens{Canary: "canary-of-the-server"} }

// pageWorld is what a page sets up.
type pageWorld struct {
	name    string
	secret  *rotationtest.SecretsManager
	objects *registrytest.ObjectStore
	network *registrytest.Network
	drivers map[string]registry.Driver
	accepts func(username, password string) bool
	// leave gives a person's next credential to the page's secret, nil where the
	// registry makes it.
	leave func(version string)
}

// TestRegistryPages goes through the pages of registries as their reader does: with
// the secrets, values and tags that their commands make, a look finds nothing that
// the first rotation would fail of, and the rotation gives a credential that pulls.
func TestRegistryPages(t *testing.T) {
	root, _ := checkout(t)
	paths, err := filepath.Glob(filepath.Join(root, "docs/registries/*.md"))
	if err != nil || len(paths) < 12 {
		t.Fatalf("only %d pages: %v", len(paths), err)
	}
	index := read(t, filepath.Join(root, "docs/registries.md"))
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".md")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(index, "(registries/"+name+".md)") {
				t.Error("docs/registries.md doesn't link to it")
			}
			text := read(t, path)
			if lines := strings.SplitN(text, "\n", 4); !strings.HasPrefix(lines[0], "# ") || lines[2] != "Limits:" {
				t.Errorf("it doesn't begin with the registry's limits, but with %q", lines[:3])
			}
			w := newPageWorld(t, root, name)
			w.curls(t, root)
			w.rotates(t)
		})
	}
}

// TestEveryDriverIsDocumented: each has a row where people choose one, and a page.
func TestEveryDriverIsDocumented(t *testing.T) {
	root, _ := checkout(t)
	index, reference := read(t, filepath.Join(root, "docs/registries.md")), read(t, filepath.Join(root, "functions/rotate-secret/README.md"))
	for name := range drivers.All(drivers.Parts{Registries: registry.WithTransport(&registrytest.Network{}), Random: rand.Reader, Now: time.Now}) {
		if !regexp.MustCompile("(?m)^\\| \\[.*\\]\\(registries/[a-z-]+\\.md\\) \\| .*`" + regexp.QuoteMeta(name) + "`").MatchString(index) {
			t.Errorf("no row of docs/registries.md links to a page of the driver %s", name)
		}
		if !strings.Contains(reference, "\n| `"+name+"` | ") {
			t.Errorf("the table of drivers in functions/rotate-secret/README.md has no row for %s", name)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// arguments are those of the shell line's program, read by the shell itself.
func arguments(t *testing.T, program, line string) []string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "bash", "-c", program+`() { printf '%s\0' "$@"; }; `+line).Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(output), "\x00"), "\x00")
}

// option gives an option's value, and all that follow it up to the next one.
func option(arguments []string, name string) (value string, all []string) {
	at := slices.Index(arguments, name)
	if at < 0 {
		return "", nil
	}
	for _, argument := range arguments[at+1:] {
		if strings.HasPrefix(argument, "--") {
			break
		}
		all = append(all, argument)
	}
	return strings.Join(all, " "), all
}

func commandsOf(t *testing.T, root, page, beginning string) (lines []string) {
	t.Helper()
	blocks, err := Blocks(root, "docs/registries/"+page+".md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range blocks {
		for _, command := range block.Commands() {
			if strings.HasPrefix(command.Text, beginning) {
				lines = append(lines, command.Text)
			}
		}
	}
	return lines
}

// newPageWorld makes what the page's commands make.
func newPageWorld(t *testing.T, root, name string) *pageWorld {
	t.Helper()
	const arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:page-AbCdEf"
	w := &pageWorld{name: name, objects: &registrytest.ObjectStore{}, network: &registrytest.Network{Hosts: map[string]http.Handler{}}}
	administrators := map[string]string{}
	for _, line := range commandsOf(t, root, name, "aws secretsmanager create-secret") {
		arguments := arguments(t, "aws", line)
		secretName, _ := option(arguments, "--name")
		value, _ := option(arguments, "--secret-string")
		_, pairs := option(arguments, "--tags")
		if strings.HasPrefix(secretName, "ecs-guardrails/admin/") {
			administrators[secretName] = value
			continue
		}
		tags := map[string]string{}
		for _, pair := range pairs {
			key, value, ok := strings.Cut(strings.TrimPrefix(pair, "Key="), ",Value=")
			if !ok {
				t.Fatalf("%s: the tag %q has no value", line, pair)
			}
			tags[key] = value
		}
		w.secret = rotationtest.New(arn, secretName, value, tags)
	}
	if w.secret == nil {
		t.Fatal("it makes no secret")
	}
	w.secret.Others = administrators
	w.serve(t, administrators[w.secret.Tags[rotation.AdminTag]])
	return w
}

// first is the page's first credential.
func (w *pageWorld) first(t *testing.T) (username, password string) {
	t.Helper()
	return credential(t, w.secret.Values["version-0"])
}

func credential(t *testing.T, value string) (username, password string) {
	t.Helper()
	var read struct{ Username, Password, AccessToken string }
	if err := json.Unmarshal([]byte(value), &read); err != nil {
		t.Fatalf("the secret's value is no JSON: %v", err)
	}
	return read.Username, read.Password + read.AccessToken
}

// serve has the registry's hosts answer.
func (w *pageWorld) serve(t *testing.T, administrator string) {
	t.Helper()
	tags := w.secret.Tags
	username, password := w.first(t)
	var admin account
	_ = json.Unmarshal([]byte(administrator), &admin)
	operators := &registrytest.Function{Tokens: canary()}
	w.drivers = drivers.All(drivers.Parts{
		Registries: registry.WithTransport(w.network), Files: w.objects, Limits: htpasswd.Limits{Objects: []string{"acme-ecs-config/registry/*htpasswd"}},
		Identity: &registrytest.Identity{}, Functions: operators, Allowed: []string{tags[lambda.FunctionTag]}, Random: rand.Reader, Now: time.Now,
	})
	taken := map[string]string{username: password}
	w.accepts = func(username, password string) bool { return password != "" && taken[username] == password }
	api, known := servers[w.name]
	switch {
	case known:
		of := api(admin)
		of.Add(registrytest.Token{ID: "9000", Name: "a person's", Username: username, Secret: password})
		of.Add(registrytest.Token{ID: "9001", Name: "a person's", Username: username + "_clone", Secret: "unused"})
		w.accepts = of.Accepts
		host := admin.URL
		if host == "" {
			host = "https://hub.docker.com"
		}
		host = strings.Join(strings.SplitN(host, "/", 4)[:3], "/")
		w.network.Hosts[host], w.network.Hosts["https://login.microsoftonline.com"] = of, of
		t.Cleanup(func() {
			if wrong := of.Wrong(); len(wrong) > 0 {
				t.Errorf("requests that the API doesn't describe: %q", wrong)
			}
		})
	case tags[rotation.DriverTag] == lambda.Name:
		operators.Add(registrytest.Token{Username: username, Secret: password})
		w.accepts = operators.Accepts
	case tags[rotation.DriverTag] == htpasswd.Name:
		w.fill(t, username, password)
	case tags[rotation.DriverTag] == manual.Name:
		w.leave = func(version string) {
			taken[username] = "the next one"
			if admin.Token == "" {
				w.secret.Values[version] = fmt.Sprintf(`{"username":%q,"password":"the next one"}`, username)
				return
			}
			name := tags[rotation.AdminTag]
			w.secret.Others[name] = strings.Replace(w.secret.Others[name], admin.Token, "the next one", 1)
		}
	default:
		t.Fatalf("nothing serves the driver %s", tags[rotation.DriverTag])
	}
	of, image, err := registry.ParseReference(tags[rotation.ImageTag])
	if err != nil {
		t.Fatalf("the test image %s: %v", tags[rotation.ImageTag], err)
	}
	images := &registrytest.Distribution{Accepts: func(u, p string) bool { return w.accepts(u, p) }, Realm: "https://token.example.com/token", Service: "registry", Images: map[string]bool{image.Name + ":" + image.Reference: true}}
	w.network.Hosts["https://token.example.com"] = images
	endpoint := "https://" + of.Host
	if of.Host == registry.Hub {
		endpoint = "https://registry-1.docker.io"
	}
	management := w.network.Hosts[endpoint]
	w.network.Hosts[endpoint] = http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if management == nil || strings.HasPrefix(request.URL.Path, "/v2/") {
			images.ServeHTTP(writer, request)
			return
		}
		management.ServeHTTP(writer, request)
	})
}

// fill writes the users' file of the driver htpasswd, which the registry reads.
func (w *pageWorld) fill(t *testing.T, username, password string) {
	t.Helper()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(w.secret.Tags[htpasswd.LocationTag], "s3://"), "/")
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	w.objects.Write(bucket, key, []byte(username+":"+string(hash)+"\n"))
	w.accepts = func(username, password string) bool {
		for line := range strings.Lines(string(w.objects.Read(bucket, key))) {
			if user, hash, _ := strings.Cut(strings.TrimSpace(line), ":"); user == username {
				return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
			}
		}
		return false
	}
}

// curls runs the page's curl commands against its server.
func (w *pageWorld) curls(t *testing.T, root string) {
	t.Helper()
	lines := commandsOf(t, root, w.name, "curl ")
	if len(lines) == 0 {
		return
	}
	var admin account
	_ = json.Unmarshal([]byte(w.secret.Others[w.secret.Tags[rotation.AdminTag]]), &admin)
	api := servers[w.name](admin)
	if g, ok := api.(*registrytest.Gitea); ok {
		// Here the reader makes tokens by the password.
		g.Password = "PASSWORD"
	}
	site := httptest.NewServer(api)
	t.Cleanup(site.Close)
	for _, line := range lines {
		local := strings.ReplaceAll(line, strings.TrimSuffix(admin.URL, "/"), site.URL)
		output, err := exec.CommandContext(t.Context(), "bash", "-c", local).CombinedOutput()
		if err != nil || local == line {
			t.Errorf("%s: %v: %s", line, err, output)
		}
	}
	if wrong := api.Wrong(); len(wrong) > 0 {
		t.Errorf("requests that the API doesn't describe: %q", wrong)
	}
}

// rotates tests the configuration, looks at the secret, and rotates it.
func (w *pageWorld) rotates(t *testing.T) {
	t.Helper()
	client := registry.WithTransport(w.network)
	function := rotation.New(rotation.Settings{Shared: functionsettings.Shared{Mode: finding.Enforce}, RefreshInstances: rotation.RefreshNone},
		rotation.Clients{Secrets: w.secret, Configs: w.objects, Registries: client, Images: registry.NewAsker(client, time.Now, 0), Definitions: noDefinitions{}, Drivers: w.drivers}, time.Now)
	handle := func(payload string) finding.Result {
		return function.Handle(t.Context(), []byte(payload)).Report().Results[0]
	}
	step := func(name, version string) finding.Result {
		return handle(fmt.Sprintf(`{"Step":%q,"SecretId":%q,"ClientRequestToken":%q,"RotationToken":"t"}`, name, w.secret.ARN, version))
	}
	const tested, version = "11111111-1111-4111-8111-111111111111", "8f1b2f6e-4c1d-4f0a-9a57-3b6f3f3d2c11"
	w.secret.Begin(tested)
	if result := step("testSecret", tested); result.HasError() {
		t.Errorf("rotation is turned on: %+v", result)
	}
	w.secret.Unstage(tested, "AWSPENDING")
	if result := handle(fmt.Sprintf(`{"secret":%q}`, w.secret.ARN)); result.HasError() {
		t.Errorf("looked at: %+v", result)
	}
	_, before := w.secret.Staged("AWSCURRENT")
	w.secret.Begin(version)
	if w.leave != nil {
		w.leave(version)
	}
	for _, name := range rotation.Steps() {
		if result := step(string(name), version); result.HasError() {
			t.Fatalf("%s: %+v", name, result)
		}
	}
	now, value := w.secret.Staged("AWSCURRENT")
	if username, password := credential(t, value); now != version || value == before || !w.accepts(username, password) {
		t.Errorf("after the rotation, the current version is %s", now)
	}
}

// noDefinitions is an account without task definitions.
type noDefinitions struct{}

func (noDefinitions) ListTaskDefinitionFamilies(context.Context, *ecs.ListTaskDefinitionFamiliesInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	return &ecs.ListTaskDefinitionFamiliesOutput{}, nil
}

func (noDefinitions) DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	return &ecs.DescribeTaskDefinitionOutput{}, nil
}
