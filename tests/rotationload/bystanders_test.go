package rotationload

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-containerregistry/pkg/authn"
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

// replicaRegion is where a replica of the secret serves readers.
const replicaRegion = "eu-west-1"

// scene is a rotation with those that hold a credential from before it: the readers
// of a replica that is behind, and an instance that booted before its file was
// written.
type scene struct {
	host     string
	objects  *registrytest.ObjectStore
	secret   *rotationtest.SecretsManager
	offset   atomic.Int64
	replica  atomic.Pointer[authn.Basic]
	instance atomic.Pointer[authn.Basic]
	// booted is when the instance was registered, in nanoseconds of Unix time.
	booted atomic.Int64

	pulls, failures atomic.Int64
	// phase counts what the scene has done; whole receives, for each client's pulls that
	// have ended, the phase in which they began.
	phase atomic.Int64
	whole []chan int64
}

func (s *scene) now() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) }

func (s *scene) current() authn.Basic {
	_, value := s.secret.Staged("AWSCURRENT")
	var read authn.Basic
	_ = json.Unmarshal([]byte(value), &read)
	return read
}

// boot has the instance read its file, as a new one does.
func (s *scene) boot() {
	for _, entry := range ecsconfig.Parse(s.objects.Read(bucket, "ecs.config")).Registries().Registries {
		s.instance.Store(&authn.Basic{Username: entry.Username, Password: entry.Password.Reveal()})
	}
	s.booted.Store(s.now().UnixNano())
}

// sync brings the replica up to date.
func (s *scene) sync() {
	now := s.current()
	s.replica.Store(&now)
	s.secret.Replicate(replicaRegion, smtypes.StatusTypeInSync)
}

// ListContainerInstances gives the one instance.
func (s *scene) ListContainerInstances(context.Context, *ecs.ListContainerInstancesInput, ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error) {
	return &ecs.ListContainerInstancesOutput{ContainerInstanceArns: []string{"arn"}}, nil
}

// DescribeContainerInstances tells since when it is there.
func (s *scene) DescribeContainerInstances(context.Context, *ecs.DescribeContainerInstancesInput, ...func(*ecs.Options)) (*ecs.DescribeContainerInstancesOutput, error) {
	return &ecs.DescribeContainerInstancesOutput{ContainerInstances: []types.ContainerInstance{{Ec2InstanceId: aws.String("i-1"), RegisteredAt: aws.Time(time.Unix(0, s.booted.Load()))}}}, nil
}

// TestNoPullFailsForThoseBehind rotates while the readers of a replica and an older
// instance go on pulling with the credential before. Nothing ends it before they
// have the new one; then a look does.
func TestNoPullFailsForThoseBehind(t *testing.T) {
	users := &users{path: filepath.Join(t.TempDir(), "htpasswd")}
	s := &scene{objects: &registrytest.ObjectStore{}}
	s.objects.Now = s.now
	hash, err := bcrypt.GenerateFromPassword([]byte("first"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	s.objects.Write(bucket, "registry/htpasswd", []byte("ci:"+string(hash)+"\n"))
	users.copy(t, s.objects)
	s.host = start(t, "htpasswd", users)
	push(t, s.host)
	stop, synced := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(synced)
		for ticker := time.Tick(5 * time.Millisecond); ; {
			select {
			case <-stop:
				return
			case <-ticker:
				users.copy(t, s.objects)
			}
		}
	}()
	defer func() { close(stop); <-synced }()

	s.objects.Write(bucket, "ecs.config", fmt.Appendf(nil, "ECS_CLUSTER=load\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={%q:{\"username\":\"ci\",\"password\":\"first\"}}\n", s.host))
	s.secret = rotationtest.New(arn, "prod/registry", `{"username":"ci","password":"first"}`, map[string]string{
		rotation.RegistryTag: s.host, rotation.DriverTag: htpasswd.Name, rotation.ImageTag: s.host + "/acme/app:1", htpasswd.LocationTag: "s3://" + bucket + "/registry/htpasswd",
		rotation.ConfigTag: "s3://" + bucket + "/ecs.config", rotation.GraceTag: "1h",
	})
	s.secret.Replicas = map[string]smtypes.StatusType{}
	s.sync()
	s.boot()
	s.play(t)
}

// play has three clients pull all the time, and rotates.
func (s *scene) play(t *testing.T) {
	client := registry.NewClient(registry.Authorities{})
	function := rotation.New(rotation.Settings{
		Shared: settings.Shared{Mode: finding.Enforce}, LoginWait: 20 * time.Second, ConfigBucket: bucket, ConfigSuffixes: []string{"ecs.config"}, RefreshInstances: rotation.RefreshNone,
	}, rotation.Clients{
		Secrets: s.secret, Configs: s.objects, Registries: client, Images: registry.NewAsker(client, time.Now, 0), Definitions: definition(s.host + "/acme/app:1"), Clusters: s,
		Drivers: map[string]registry.Driver{htpasswd.Name: htpasswd.New(s.objects, rand.Reader, htpasswd.Limits{Objects: []string{bucket + "/registry/htpasswd"}})},
	}, s.now)
	handle := func(payload string) finding.Result {
		return function.Handle(t.Context(), []byte(payload)).Report().Results[0]
	}
	step := func(step rotation.Step, version string) finding.Result {
		return handle(fmt.Sprintf(`{"Step":%q,"SecretId":%q,"ClientRequestToken":%q,"RotationToken":"t"}`, step, arn, version))
	}
	look := func() string {
		result := handle(fmt.Sprintf(`{"secret":%q}`, arn))
		var codes []string
		for _, f := range result.Findings {
			codes = append(codes, f.Code)
		}
		return strings.Join(codes, " ")
	}

	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for _, credential := range []func() authn.Basic{s.current, func() authn.Basic { return *s.replica.Load() }, func() authn.Basic { return *s.instance.Load() }} {
		whole := make(chan int64)
		s.whole = append(s.whole, whole)
		clients.Go(func() { s.keepPulling(ctx, t, whole, credential) })
	}
	for round := range 4 {
		version := fmt.Sprintf("version-%d", round+1)
		before := s.current()
		s.secret.Begin(version)
		// From here on the replica is behind, and the instance older than its file.
		s.secret.Replicate(replicaRegion, smtypes.StatusTypeInSync)
		for _, name := range rotation.Steps() {
			if result := step(name, version); result.HasError() {
				t.Fatalf("round %d, %s: %+v", round, name, result)
			}
		}
		s.secret.Rotated = s.now()
		s.secret.Replicate(replicaRegion, []smtypes.StatusType{smtypes.StatusTypeFailed, smtypes.StatusTypeInProgress}[round%2])
		s.offset.Add(int64(2 * time.Hour))
		s.pulled()
		if codes := look(); !strings.Contains(codes, "replica-stale") {
			t.Errorf("round %d, the replica is behind: %s", round, codes)
		}
		s.pulled()
		// Nor does another rotation end it.
		s.secret.Replicate(replicaRegion, smtypes.StatusTypeFailed)
		s.refused(t, step, version)
		s.pulled()
		// The replica catches up, and the instance is still the old one.
		s.sync()
		s.pulled()
		if codes := look(); !strings.Contains(codes, "previous-held") || strings.Contains(codes, "grace-over") {
			t.Errorf("round %d, the instance is older: %s", round, codes)
		}
		s.refused(t, step, version)
		s.pulled()
		// It is replaced: now the credential before is ended.
		s.boot()
		s.pulled()
		if codes := look(); codes != "grace-over" {
			t.Errorf("round %d, all have the new credential: %s", round, codes)
		}
		s.pulled()
		if err := pull(t.Context(), s.host, before); err == nil {
			t.Errorf("round %d: the previous credential goes on working", round)
		}
	}
	cancel()
	clients.Wait()
	t.Logf("%d pulls, %d of them failed", s.pulls.Load(), s.failures.Load())
}

// refused has another rotation begin, which ends before it changes anything.
func (s *scene) refused(t *testing.T, step func(rotation.Step, string) finding.Result, version string) {
	t.Helper()
	s.secret.Begin("too-early")
	if result := step(rotation.CreateSecret, "too-early"); !result.HasError() {
		t.Errorf("a rotation begins: %+v", result)
	}
	s.secret.Begin(version)
	s.secret.Unstage(version, "AWSPENDING")
}

func (s *scene) keepPulling(ctx context.Context, t *testing.T, whole chan<- int64, credential func() authn.Basic) {
	for ctx.Err() == nil {
		phase := s.phase.Load()
		if err := pull(t.Context(), s.host, credential()); err != nil {
			s.failures.Add(1)
			t.Errorf("a pull failed: %v", err)
		}
		s.pulls.Add(1)
		select {
		case whole <- phase:
		default:
		}
	}
}

// pulled waits until each client has made a whole pull that began after now.
func (s *scene) pulled() {
	phase := s.phase.Add(1)
	for _, client := range s.whole {
		for begun := range client {
			if begun == phase {
				break
			}
		}
	}
}
