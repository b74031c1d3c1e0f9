// Package gitearegistry rotates at a real Gitea, which make registries builds from
// its module and names in GITEA, with its sources in GITEA_SOURCES. It lies below a
// path, behind a certificate of a private authority.
package gitearegistry

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/gitea"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation/rotationtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

const (
	// puller is a name with all the signs that Gitea allows.
	puller   = "Ecs.Bot-1_x"
	password = "correct horse: battery/staple?&é"
	root     = "root"
	// below is the path under which Gitea lies.
	below = "/git/tea"
	// others is how many tokens the puller has beside ours: more than two pages.
	others = 120
	// starting is how long Gitea may take to make its database.
	starting = 3 * time.Minute
)

// site is a running Gitea.
type site struct {
	host string
	// transport trusts its authority, whose certificate is in the file of bundle.
	transport http.RoundTripper
	bundle    string
	client    *http.Client
}

func (s *site) image() string { return s.host + "/" + strings.ToLower(puller) + "/app:1" }

func TestRotations(t *testing.T) {
	binary, sources := os.Getenv("GITEA"), os.Getenv("GITEA_SOURCES")
	if binary == "" || sources == "" {
		t.Skip("it needs a real Gitea, whose build takes a quarter of an hour: make registries builds it and runs this")
	}
	s := start(t, binary, sources)
	s.push(t)
	token := s.mint(t, "rotation", "write:user", "read:package")
	for n := range others {
		s.mint(t, fmt.Sprintf("of a person's: %d / é & \"%s\"", n, strings.Repeat("x", n)), "read:package")
	}

	t.Run("its authority", func(t *testing.T) {
		of, err := registry.Parse(s.host)
		if err != nil {
			t.Fatal(err)
		}
		var authorities registry.Authorities
		if err := authorities.UnmarshalText([]byte(s.bundle)); err != nil {
			t.Fatal(err)
		}
		credential := registry.Credential{Username: puller, Password: secret.New(token)}
		if _, err := registry.NewClient(authorities).Login(t.Context(), of, credential, nil); err != nil {
			t.Errorf("with its authority: %v", err)
		}
		if _, err := registry.NewClient(registry.Authorities{}).Login(t.Context(), of, credential, nil); err == nil || !strings.Contains(err.Error(), "unknown authority") {
			t.Errorf("without its authority: %v", err)
		}
	})
	quoted, err := json.Marshal(password)
	if err != nil {
		t.Fatal(err)
	}
	for way, administrator := range map[string]string{
		"a person":             fmt.Sprintf(`"username":%q,"password":%s`, puller, quoted),
		"a person's token":     fmt.Sprintf(`"token":%q`, token),
		"a site administrator": fmt.Sprintf(`"username":%q,"password":%s`, root, quoted),
	} {
		t.Run(way, func(t *testing.T) {
			s.rotations(t, way, fmt.Sprintf(`{"url":"https://%s%s",%s,"secrets":["prod/*"]}`, s.host, below, administrator))
		})
	}
}

// world is one secret with its function.
type world struct {
	site   *site
	secret *rotationtest.SecretsManager
	cuts   *cutting
	// first is the name of the token that the secret begins with.
	first string
}

// newWorld makes a secret, whose first credential is a token of a person's.
func (s *site) newWorld(t *testing.T, mark, administrator string) *world {
	t.Helper()
	w := &world{site: s, cuts: &cutting{base: s.transport}, first: "first of " + mark}
	first := s.mint(t, w.first, "read:package")
	w.secret = rotationtest.New("arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/"+mark+"-AbCdEf", "prod/"+mark,
		fmt.Sprintf(`{"username":%q,"password":%q}`, puller, first), map[string]string{
			rotation.RegistryTag: s.host + "/" + strings.ToLower(puller), rotation.DriverTag: gitea.Name, rotation.ImageTag: s.image(), rotation.AdminTag: "admin",
		})
	w.secret.Others = map[string]string{"admin": administrator}
	return w
}

// interrupt has the world's calls counted, and perhaps cut off; nil no more.
func (w *world) interrupt(interruption *registrytest.Interruption) {
	w.secret.Interruption, w.cuts.interruption = interruption, interruption
}

func (w *world) step(t *testing.T, step rotation.Step, version string) finding.Result {
	t.Helper()
	client := registry.WithTransport(w.cuts)
	function := rotation.New(rotation.Settings{Shared: settings.Shared{Mode: finding.Enforce}, LoginWait: 10 * time.Second, RefreshInstances: rotation.RefreshNone},
		rotation.Clients{
			Secrets: w.secret, Configs: &registrytest.ObjectStore{}, Registries: client, Images: registry.NewAsker(client, time.Now, 0), Definitions: definition(w.site.image()),
			Drivers: map[string]registry.Driver{gitea.Name: gitea.New(client)},
		}, time.Now)
	return function.Handle(t.Context(), fmt.Appendf(nil, `{"Step":%q,"SecretId":%q,"ClientRequestToken":%q,"RotationToken":"t"}`, step, w.secret.ARN, version)).Report().Results[0]
}

// rotate makes the four calls. One that lost its connection is made again, as Secrets
// Manager does.
func (w *world) rotate(t *testing.T, version string) {
	t.Helper()
	for _, step := range rotation.Steps() {
		result := w.step(t, step, version)
		for range 2 {
			if result.Status != finding.Failed || result.Findings[0].Code != "call-retried" {
				break
			}
			t.Logf("%s of %s is made again: %s", step, version, result.Findings[0].Message)
			result = w.step(t, step, version)
		}
		if result.Status != finding.Compliant {
			t.Fatalf("%s of %s: %+v", step, version, result)
		}
	}
}

// rotations plays three rotations for each call of the second one, which is cut off
// before or after that call and begun again.
func (s *site) rotations(t *testing.T, way, administrator string) {
	played, cuts, leaked, broken := 0, 0, 0, 0
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			w := s.newWorld(t, fmt.Sprintf("%s-%d-%v", strings.NewReplacer(" ", "-", "'", "").Replace(way), at, after), administrator)
			w.secret.Begin("version-1")
			w.rotate(t, "version-1")
			w.secret.Begin("version-2")
			interruption := &registrytest.Interruption{At: at, After: after}
			w.interrupt(interruption)
			for _, step := range rotation.Steps() {
				if w.step(t, step, "version-2"); interruption.Cut() {
					break
				}
			}
			w.interrupt(nil)
			if !interruption.Cut() {
				break
			}
			cuts++
			if !w.pulls(t, "AWSCURRENT") {
				broken++
			}
			w.rotate(t, "version-2")
			if !w.pulls(t, "AWSCURRENT") || !w.pulls(t, "AWSPREVIOUS") {
				broken++
			}
			w.secret.Begin("version-3")
			w.rotate(t, "version-3")
			if !w.pulls(t, "AWSCURRENT") || !w.pulls(t, "AWSPREVIOUS") {
				broken++
			}
			played += 3
			// The current one and the one before are all that is left.
			left := s.ours(t, w.secret.ARN)
			leaked += len(left) - 2
			for _, token := range append(left, w.first) {
				s.drop(t, token)
			}
		}
	}
	t.Logf("%s: %d rotations, %d cuts, %d tokens leaked, %d credentials broken", way, played, cuts, leaked, broken)
	if leaked != 0 || broken != 0 || cuts < 20 {
		t.Errorf("%d tokens leaked, %d credentials broken, %d cuts", leaked, broken, cuts)
	}
	persons := 0
	for _, token := range s.list(t) {
		if strings.HasPrefix(token, "of a person's") {
			persons++
		}
	}
	if persons != others {
		t.Errorf("of %d tokens of other people's, %d are left", others, persons)
	}
}

// pulls reports whether the credential of a label pulls the image's manifest.
func (w *world) pulls(t *testing.T, label string) bool {
	t.Helper()
	_, value := w.secret.Staged(label)
	var read authn.Basic
	if err := json.Unmarshal([]byte(value), &read); err != nil {
		t.Fatal(err)
	}
	reference, err := name.ParseReference(w.site.image())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = remote.Image(reference, remote.WithTransport(w.site.transport), remote.WithAuth(&read), remote.WithContext(t.Context())); err != nil {
		t.Logf("%s: %v", label, err)
	}
	return err == nil
}

// cutting makes the calls that an Interruption counts.
type cutting struct {
	base         http.RoundTripper
	interruption *registrytest.Interruption
}

func (c *cutting) RoundTrip(request *http.Request) (response *http.Response, err error) {
	cut := c.interruption.Around(func() { response, err = c.base.RoundTrip(request) })
	if cut != nil {
		if response != nil {
			_ = response.Body.Close()
		}
		return nil, cut
	}
	return response, err
}

// definition is the image of the account's only task definition.
type definition string

func (definition) ListTaskDefinitionFamilies(context.Context, *ecs.ListTaskDefinitionFamiliesInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	return &ecs.ListTaskDefinitionFamiliesOutput{Families: []string{"app"}}, nil
}

func (d definition) DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &types.TaskDefinition{ContainerDefinitions: []types.ContainerDefinition{{Image: aws.String(string(d))}}}}, nil
}

// start runs Gitea on plain http, and before it a proxy with TLS, as its
// documentation has it for a path: /v2 is the host's own.
func start(t *testing.T, binary, sources string) *site {
	t.Helper()
	folder := t.TempDir()
	port := free(t)
	behind := &url.URL{Scheme: "http", Host: "127.0.0.1:" + port}
	mux := http.NewServeMux()
	proxy := httptest.NewUnstartedServer(mux)
	// One of the tests distrusts its certificate.
	proxy.Config.ErrorLog = log.New(io.Discard, "", 0)
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	// It has nothing to connect to until Gitea listens.
	quiet := log.New(io.Discard, "", 0)
	forward := &httputil.ReverseProxy{ErrorLog: quiet, Rewrite: func(request *httputil.ProxyRequest) {
		request.SetURL(behind)
		request.Out.Host = request.In.Host
		request.SetXForwarded()
	}}
	mux.Handle(below+"/", http.StripPrefix(below, forward))
	mux.Handle("/v2/", forward)

	s := &site{host: strings.TrimPrefix(proxy.URL, "https://"), bundle: filepath.Join(folder, "authority.pem")}
	if err := os.WriteFile(s.bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(proxy.Certificate())
	s.transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, Proxy: nil}
	s.client = &http.Client{Transport: s.transport, Timeout: time.Minute}

	configuration := filepath.Join(folder, "app.ini")
	if err := os.WriteFile(configuration, fmt.Appendf(nil, `RUN_MODE = prod
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = %[1]s
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %[2]s
ROOT_URL = https://%[3]s%[4]s/
STATIC_ROOT_PATH = %[5]s
APP_DATA_PATH = %[1]s/data
DISABLE_SSH = true
OFFLINE_MODE = true
PER_WRITE_TIMEOUT = -1
[database]
DB_TYPE = sqlite3
PATH = %[1]s/gitea.db
[security]
INSTALL_LOCK = true
SECRET_KEY = secret
PASSWORD_HASH_ALGO = pbkdf2$1000$50
[service]
DISABLE_REGISTRATION = true
[log]
LEVEL = Warn
`, folder, port, s.host, below, sources), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(arguments ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), binary, append([]string{"--config", configuration, "--work-path", folder}, arguments...)...)
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("gitea %s: %v\n%s", arguments[0], err, output)
		}
	}
	run("migrate")
	run("admin", "user", "create", "--admin", "--username", root, "--password", password, "--email", "root@example.com", "--must-change-password=false")
	run("admin", "user", "create", "--username", puller, "--password", password, "--email", "ecs@example.com", "--must-change-password=false")

	var said bytes.Buffer
	server := exec.CommandContext(t.Context(), binary, "--config", configuration, "--work-path", folder, "web")
	server.Stdout, server.Stderr = &said, &said
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		<-ended
	})
	ctx, cancel := context.WithTimeout(t.Context(), starting)
	defer cancel()
	for tick := time.Tick(100 * time.Millisecond); ; {
		if response, err := s.client.Get("https://" + s.host + below + "/api/v1/version"); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return s
			}
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("Gitea has ended: %v\n%s", err, said.String())
		case <-ctx.Done():
			t.Fatalf("Gitea doesn't answer:\n%s", said.String())
		case <-tick:
		}
	}
}

// free gives a port that nothing listens on.
func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// push keeps an image at the registry.
func (s *site) push(t *testing.T) {
	t.Helper()
	reference, err := name.ParseReference(s.image())
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(1024, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(reference, image, remote.WithTransport(s.transport), remote.WithAuth(&authn.Basic{Username: puller, Password: password})); err != nil {
		t.Fatal(err)
	}
}

// status is an answer that isn't a success.
type status struct {
	code   int
	answer string
}

func (s status) Error() string { return fmt.Sprintf("status %d: %s", s.code, s.answer) }

// call makes one of the API's calls in a person's name. What only reads or deletes is
// asked for again where the connection breaks.
func (s *site) call(method, path string, body, into any) (err error) {
	for range 3 {
		var refused status
		if err = s.callOnce(method, path, body, into); err == nil || errors.As(err, &refused) || method == http.MethodPost {
			return err
		}
	}
	return err
}

func (s *site) callOnce(method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, "https://"+s.host+below+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.SetBasicAuth(puller, password)
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return status{response.StatusCode, string(answer)}
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// mint makes a token as a person does.
func (s *site) mint(t *testing.T, name string, scopes ...string) string {
	t.Helper()
	var minted struct{ SHA1 string }
	if err := s.call(http.MethodPost, "/api/v1/users/"+puller+"/tokens", map[string]any{"name": name, "scopes": scopes}, &minted); err != nil {
		t.Fatalf("mint %q: %v", name, err)
	}
	return minted.SHA1
}

// drop deletes a token by its name.
func (s *site) drop(t *testing.T, name string) {
	t.Helper()
	var refused status
	err := s.call(http.MethodDelete, "/api/v1/users/"+puller+"/tokens/"+url.PathEscape(name), nil, nil)
	if err != nil && !(errors.As(err, &refused) && refused.code == http.StatusNotFound) {
		t.Fatalf("delete %q: %v", name, err)
	}
}

// list gives the names of all tokens of the puller.
func (s *site) list(t *testing.T) (names []string) {
	t.Helper()
	for page := 1; ; page++ {
		var listed []struct{ Name string }
		if err := s.call(http.MethodGet, fmt.Sprintf("/api/v1/users/%s/tokens?limit=50&page=%d", puller, page), nil, &listed); err != nil {
			t.Fatal(err)
		}
		if len(listed) == 0 {
			return names
		}
		for _, token := range listed {
			names = append(names, token.Name)
		}
	}
}

// ours gives the names of the tokens that rotations of a secret made.
func (s *site) ours(t *testing.T, arn string) (names []string) {
	t.Helper()
	order := registry.Order{SecretARN: arn}
	for _, name := range s.list(t) {
		if _, ours := order.TokenVersion(name); ours {
			names = append(names, name)
		}
	}
	return names
}
