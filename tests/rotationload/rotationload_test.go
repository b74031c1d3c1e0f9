// Package rotationload rotates the password of a real registry while clients
// pull from it.
package rotationload

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd" // the first kind of authentication
	_ "github.com/distribution/distribution/v3/registry/auth/token"    // the second
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory" // where images are kept
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/htpasswd"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation/rotationtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

const (
	rotations = 20
	bucket    = "acme-ecs-config"
	arn       = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/registry-AbCdEf"
)

func TestNoPullFails(t *testing.T) {
	for _, kind := range []string{"htpasswd", "token"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			users := &users{path: filepath.Join(t.TempDir(), "htpasswd")}
			objects := &registrytest.ObjectStore{}
			first, err := bcrypt.GenerateFromPassword([]byte("first"), bcrypt.MinCost)
			if err != nil {
				t.Fatal(err)
			}
			objects.Write(bucket, "registry/htpasswd", []byte("ci:"+string(first)+"\n"))
			users.copy(t, objects)
			host := start(t, kind, users)
			push(t, host)

			stop, synced := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(synced)
				for ticker := time.Tick(5 * time.Millisecond); ; {
					select {
					case <-stop:
						return
					case <-ticker:
						users.copy(t, objects)
					}
				}
			}()
			defer func() { close(stop); <-synced }()

			objects.Write(bucket, "ecs.config", fmt.Appendf(nil, "ECS_CLUSTER=load\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={%q:{\"username\":\"ci\",\"password\":\"first\"}}\n", host))
			secret := rotationtest.New(arn, "prod/registry", `{"username":"ci","password":"first"}`, map[string]string{
				rotation.RegistryTag: host, rotation.DriverTag: htpasswd.Name, rotation.ImageTag: host + "/acme/app:1", htpasswd.LocationTag: "s3://" + bucket + "/registry/htpasswd",
				rotation.ConfigTag: "s3://" + bucket + "/ecs.config",
			})
			load(t, host, objects, secret)
		})
	}
}

// definition is the image of the account's only task definition.
type definition string

func (definition) ListTaskDefinitionFamilies(context.Context, *ecs.ListTaskDefinitionFamiliesInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	return &ecs.ListTaskDefinitionFamiliesOutput{Families: []string{"app"}}, nil
}

func (d definition) DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &types.TaskDefinition{ContainerDefinitions: []types.ContainerDefinition{{Image: aws.String(string(d))}}}}, nil
}

// instances are none.
type instances struct{}

func (instances) ListContainerInstances(context.Context, *ecs.ListContainerInstancesInput, ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error) {
	return &ecs.ListContainerInstancesOutput{}, nil
}

func (instances) DescribeContainerInstances(context.Context, *ecs.DescribeContainerInstancesInput, ...func(*ecs.Options)) (*ecs.DescribeContainerInstancesOutput, error) {
	return &ecs.DescribeContainerInstancesOutput{}, nil
}

// load rotates, while one client pulls with what Secrets Manager gives it, and
// another with the ecs.config that it read last.
func load(t *testing.T, host string, objects *registrytest.ObjectStore, secret *rotationtest.SecretsManager) {
	client := registry.NewClient(registry.Authorities{})
	function := rotation.New(rotation.Settings{
		Shared: settings.Shared{Mode: finding.Enforce}, LoginWait: 20 * time.Second, ConfigBucket: bucket, ConfigSuffixes: []string{"ecs.config"},
	}, rotation.Clients{
		Secrets: secret, Configs: objects, Registries: client, Images: registry.NewAsker(client, time.Now, 0), Definitions: definition(host + "/acme/app:1"), Clusters: instances{},
		Drivers: map[string]registry.Driver{htpasswd.Name: htpasswd.New(objects, rand.Reader, htpasswd.Limits{Objects: []string{bucket + "/registry/htpasswd"}})},
	}, time.Now)
	fromSecret := func() authn.Basic {
		_, value := secret.Staged("AWSCURRENT")
		var read authn.Basic
		if err := json.Unmarshal([]byte(value), &read); err != nil {
			t.Errorf("read the secret: %v", err)
		}
		return read
	}
	fromFile := func() authn.Basic {
		for _, entry := range ecsconfig.Parse(objects.Read(bucket, "ecs.config")).Registries().Registries {
			return authn.Basic{Username: entry.Username, Password: entry.Password.Reveal()}
		}
		t.Error("the ecs.config has no credential any more")
		return authn.Basic{}
	}

	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var pulls, failures atomic.Int64
	var told atomic.Pointer[authn.Basic]
	// begun reports each client's pulls, once they have ended, how many rotations
	// had ended when they began.
	begun := []chan int{make(chan int), make(chan int)}
	var ended atomic.Int64
	keepPulling := func(begun chan<- int, credential func() authn.Basic) {
		clients.Go(func() {
			for ctx.Err() == nil {
				since := int(ended.Load())
				if err := pull(t.Context(), host, credential()); err != nil {
					failures.Add(1)
					t.Errorf("a pull failed: %v", err)
				}
				pulls.Add(1)
				select {
				case begun <- since:
				default:
				}
			}
		})
	}
	atStart := fromFile()
	told.Store(&atStart)
	keepPulling(begun[0], fromSecret)
	keepPulling(begun[1], func() authn.Basic { return *told.Load() })

	before := string(objects.Read(bucket, "ecs.config"))
	for n := range rotations {
		old, version := fromSecret(), fmt.Sprintf("version-%d", n+1)
		secret.Begin(version)
		for _, step := range rotation.Steps() {
			outcome := function.Handle(t.Context(), fmt.Appendf(nil, `{"Step":%q,"SecretId":%q,"ClientRequestToken":%q,"RotationToken":"t"}`, step, arn, version))
			if result := outcome.Report().Results[0]; result.Status != finding.Compliant {
				t.Fatalf("rotation %d, %s: %+v", n, step, result)
			}
		}
		now := fromSecret()
		if now == old {
			t.Fatalf("rotation %d changed nothing", n)
		}
		after := string(objects.Read(bucket, "ecs.config"))
		if strings.NewReplacer(old.Password, "", `"`+old.Username+`"`, `""`).Replace(before) != strings.NewReplacer(now.Password, "", `"`+now.Username+`"`, `""`).Replace(after) {
			t.Fatalf("rotation %d changed more of the ecs.config than its credential", n)
		}
		before = after
		reread := fromFile()
		told.Store(&reread)
		// The next rotation gives the user of what is now the previous credential a
		// new password, and a pull that is still under way with it would fail.
		// Schedules are of days; here the next rotation waits until each client has
		// made a whole pull that began after this one.
		ended.Store(int64(n + 1))
		for _, client := range begun {
			for since := range client {
				if since == n+1 {
					break
				}
			}
		}
	}
	cancel()
	clients.Wait()
	t.Logf("%d rotations, %d pulls, %d of them failed", rotations, pulls.Load(), failures.Load())
	if pulls.Load() < 2*rotations {
		t.Errorf("there were only %d pulls", pulls.Load())
	}
}

func pull(ctx context.Context, host string, credential authn.Basic) error {
	reference, err := name.ParseReference(host+"/acme/app:1", name.Insecure)
	if err != nil {
		return err
	}
	image, err := remote.Image(reference, remote.WithContext(ctx), remote.WithAuth(&credential))
	if err != nil {
		return err
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		content, err := layer.Compressed()
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, content)
		if closing := content.Close(); err != nil || closing != nil {
			return fmt.Errorf("read a layer: %w, %w", err, closing)
		}
	}
	return nil
}

func push(t *testing.T, host string) {
	t.Helper()
	reference, err := name.ParseReference(host+"/acme/app:1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(1024, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(reference, image, remote.WithAuth(&authn.Basic{Username: "ci", Password: "first"})); err != nil {
		t.Fatal(err)
	}
}

// users is the registry's copy of the htpasswd file.
type users struct {
	path string
	last string
	now  atomic.Pointer[string]
}

// copy brings the file from S3, as a sidecar does.
func (u *users) copy(t *testing.T, objects *registrytest.ObjectStore) {
	content := string(objects.Read(bucket, "registry/htpasswd"))
	if content == u.last {
		return
	}
	if err := os.WriteFile(u.path+".new", []byte(content), 0o600); err != nil {
		t.Errorf("copy the users: %v", err)
	}
	if err := os.Rename(u.path+".new", u.path); err != nil {
		t.Errorf("copy the users: %v", err)
	}
	u.last = content
	u.now.Store(&content)
}

func (u *users) accepts(username, password string) bool {
	for line := range strings.Lines(*u.now.Load()) {
		if user, hash, _ := strings.Cut(strings.TrimSpace(line), ":"); user == username {
			return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
		}
	}
	return false
}

// start runs a registry on the loopback address.
func start(t *testing.T, kind string, users *users) (host string) {
	t.Helper()
	logrus.SetOutput(io.Discard)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	auth := configuration.Auth{"htpasswd": configuration.Parameters{"realm": "registry", "path": users.path}}
	if kind == "token" {
		tokens, bundle := tokenServer(t, users)
		mux.Handle("/token", tokens)
		auth = configuration.Auth{"token": configuration.Parameters{"realm": server.URL + "/token", "service": "registry", "issuer": "tokens", "rootcertbundle": bundle}}
	}
	app := handlers.NewApp(t.Context(), &configuration.Configuration{
		Version: "0.1",
		Storage: configuration.Storage{
			"inmemory":    configuration.Parameters{},
			"maintenance": configuration.Parameters{"uploadpurging": map[any]any{"enabled": false}},
		},
		Auth: auth,
		HTTP: configuration.HTTP{Secret: rand.Text()},
	})
	mux.Handle("/", app)
	return strings.TrimPrefix(server.URL, "http://")
}

// tokenServer answers the registry's bearer challenges (distribution,
// docs/spec/auth/token.md), by tokens of the certificate in the file of the path.
func tokenServer(t *testing.T, users *users) (tokens http.Handler, bundle string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	bundle = filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600); err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, Certificates: []*x509.Certificate{parsed}}},
		(&jose.SignerOptions{EmbedJWK: true}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		username, password, _ := request.BasicAuth()
		if !users.accepts(username, password) {
			writer.WriteHeader(http.StatusUnauthorized)
			return
		}
		var access []map[string]any
		for _, scope := range request.URL.Query()["scope"] {
			if parts := strings.Split(scope, ":"); len(parts) == 3 {
				access = append(access, map[string]any{"type": parts[0], "name": parts[1], "actions": strings.Split(parts[2], ",")})
			}
		}
		token, err := jwt.Signed(signer).Claims(map[string]any{
			"iss": "tokens", "aud": []string{"registry"}, "sub": username, "access": access,
			"exp": time.Now().Add(time.Minute).Unix(), "nbf": time.Now().Add(-time.Minute).Unix(), "iat": time.Now().Unix(), "jti": rand.Text(),
		}).Serialize()
		if err != nil {
			t.Errorf("sign a token: %v", err)
		}
		_ = json.NewEncoder(writer).Encode(map[string]any{"token": token, "expires_in": 60})
	}), bundle
}
