package adversary

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/crypto/bcrypt"

	report "github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
	"github.com/ecs-guardrails/ecs-guardrails/tests/containerinstance"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/registryserver"
	"github.com/ecs-guardrails/ecs-guardrails/tests/rotationservice"
)

func init() {
	uploads, clusters, hostile := &rendering{name: "uploads"}, &refreshing{}, &hostileObjects{}
	add(
		Case{Number: 1, Exploit: "who may write a prefix gets the live registry password", Limit: "only listed files that had the old user and password", Play: uploads.play, Control: uploads.control},
		Case{Number: 4, Exploit: "a stranger's secret writes into other htpasswd files", Limit: "the operator's list, and the credential in use must be in the file", Play: playHtpasswd, Control: controlHtpasswd},
		Case{Number: 5, Exploit: "an administrator's secret serves any secret that names it", Limit: "the administrator's list of secrets", Play: playAdministrator, Control: controlAdministrator},
		Case{Number: 6, Exploit: "a file's ECS_CLUSTER has other clusters' instances refreshed", Limit: "the secret's owner binds file and cluster", Play: clusters.play, Control: clusters.control},
		Case{Number: 10, Exploit: "one hostile object stops a rotation", Limit: "an object's fault is that object's", Play: hostile.play, Control: hostile.control},
	)
}

// ownRegistry runs a registry for one case, with its users' file in the stack's
// bucket.
func (w *world) ownRegistry(t *testing.T, name string) *registryserver.Server {
	t.Helper()
	folder := must(os.MkdirTemp("", "adversary-"))(t)
	registry := must(registryserver.Start(t.Context(), registryserver.Options{
		S3:     s3.NewFromConfig(w.Stack.Behind, func(options *s3.Options) { options.UsePathStyle = true }),
		Bucket: w.Stack.Outputs["ConfigBucket"], Key: "registry/" + name + "/htpasswd", Folder: folder, Log: io.Discard, Logger: slog.New(slog.DiscardHandler),
	}))(t)
	// The control follows the exploit, in its own test.
	w.atEnd(func() error { return errors.Join(registry.Stop(), os.RemoveAll(folder)) })
	return registry
}

// rotated asks for a rotation and waits for its end.
func (w *world) rotated(t *testing.T, arn string) rotationservice.Rotation {
	t.Helper()
	if _, err := w.Rotate(t.Context(), arn); err != nil && !strings.Contains(err.Error(), "reattempted") {
		t.Fatal(err)
	}
	var last rotationservice.Rotation
	eventually(t, "Secrets Manager has ended the rotation", func(context.Context) (bool, error) {
		done := false
		for _, rotation := range w.Stack.Rotations() {
			if rotation.SecretARN == arn {
				last, done = rotation, rotation.Done
			}
		}
		return done, nil
	})
	return last
}

// succeeds rotates, and gives the new credential.
func (w *world) succeeds(t *testing.T, arn string) operator.Credential {
	t.Helper()
	if rotation := w.rotated(t, arn); rotation.Err != nil {
		t.Fatal(rotation.Err)
	}
	return must(w.Credential(t.Context(), arn, "AWSCURRENT"))(t)
}

func (w *world) put(t *testing.T, key, content string) {
	t.Helper()
	must(w.Upload(t.Context(), w.Stack.Outputs["ConfigBucket"], key, content))(t)
}

func (w *world) holds(t *testing.T, key, want string) {
	t.Helper()
	if got := must(w.Content(t.Context(), w.Stack.Outputs["ConfigBucket"], key))(t); got != want {
		t.Errorf("%s was written", key)
	}
}

// entry is an ecs.config with one registry's credential.
func entry(registry, user, password string) string {
	return "ECS_CLUSTER=storefront\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={" + oneEntry(registry, user, password) + "}\n"
}

func oneEntry(registry, user, password string) string {
	return fmt.Sprintf("%q:{\"username\":%q,\"password\":%q}", registry, user, password)
}

// rendering is a rotation with files that it must write, and files that it
// mustn't.
type rendering struct {
	name     string
	registry *registryserver.Server
	second   operator.Credential
}

func (r *rendering) play(t *testing.T, w *world) {
	r.registry = w.ownRegistry(t, r.name)
	bucket := w.Stack.Outputs["ConfigBucket"]
	arn := must(w.CreateRegistrySecret(t.Context(), r.name+"/registry", r.registry, "", "s3://"+bucket+"/"+r.name+"/prod/*"))(t)
	first := must(w.Credential(t.Context(), arn, "AWSCURRENT"))(t)
	w.put(t, r.name+"/prod/ecs.config", must(operator.ConfigFile("docker", r.registry.Host, first))(t))

	wrong := secret.New("wrong")
	files := map[string]string{
		"dev/ecs.config":        entry(r.registry.Host+"/g1", first.Username, "wrong"),
		"dev/cfg/ecs.config":    must(operator.ConfigFile("dockercfg", r.registry.Host, operator.Credential{Username: first.Username, Password: wrong}))(t),
		"prod/guess/ecs.config": entry(r.registry.Host, first.Username, "wrong"),
		// It has the credential, and isn't listed.
		"copied/ecs.config": must(operator.ConfigFile("docker", r.registry.Host, first))(t),
	}
	for key, content := range files {
		w.put(t, r.name+"/"+key, content)
	}
	r.second = w.succeeds(t, arn)
	// Uploaded after the rotation, with the account that is in use now; the next
	// look must not fill it in either.
	for _, key := range []string{"dev/late/ecs.config", "prod/late/ecs.config"} {
		files[key] = entry(r.registry.Host, r.second.Username, "wrong")
		w.put(t, r.name+"/"+key, files[key])
	}
	must(w.Invoke(t.Context(), "rotate-secret", []byte(`{"secret":"`+arn+`"}`)))(t)
	w.result(t, "rotate-secret", "the look that names the unlisted file with the credential", func(result operator.Result) bool {
		return result.Subject == arn && slices.ContainsFunc(result.Findings, func(f report.Finding) bool {
			return f.Code == "config-unlisted" && strings.Contains(f.Message, r.name+"/copied/ecs.config")
		})
	})
	for key, content := range files {
		w.holds(t, r.name+"/"+key, content)
	}
}

func (r *rendering) control(t *testing.T, w *world) {
	w.holds(t, r.name+"/prod/ecs.config", must(operator.ConfigFile("docker", r.registry.Host, r.second))(t))
	if !must(operator.Pull(t.Context(), r.registry, r.second))(t) {
		t.Error("the registry refuses the new credential")
	}
}

// runRegistry serves a registry that takes the logins that accepts does.
func runRegistry(t *testing.T, accepts func(user, password string) bool) string {
	t.Helper()
	server := httptest.NewServer(&registrytest.Distribution{Accepts: accepts, Images: map[string]bool{"acme/app:1": true}})
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func (w *world) htpasswdSecret(t *testing.T, name, host, object, user, password string) string {
	t.Helper()
	return must(w.CreateSecret(t.Context(), name, `{"username":"`+user+`","password":"`+password+`"}`,
		"ecs-guardrails:registry", host, "ecs-guardrails:driver", "htpasswd", "ecs-guardrails:htpasswd", object, "ecs-guardrails:test-image", host+"/acme/app:1"))(t)
}

// apr1 is the line that "htpasswd -nbm" writes for myName and myPassword (Apache,
// "Password Formats").
const apr1 = "myName:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/\n"

func playHtpasswd(t *testing.T, w *world) {
	bucket, theirs := w.Stack.Outputs["ConfigBucket"], w.ownRegistry(t, "theirs")
	for name, attack := range map[string]struct{ key, content, user string }{
		"apr1":     {"registry/apr1/htpasswd", apr1, "myName"},
		"crypt":    {"registry/crypt/htpasswd", "myName:rqXexS6ZhobKA\n", "myName"},
		"bcrypt":   {"registry/theirs/htpasswd", must(w.Content(t.Context(), bucket, "registry/theirs/htpasswd"))(t), theirs.Username},
		"newcomer": {"registry/newcomer/htpasswd", apr1, "mallory"},
		"config":   {"strangers/ecs.config", entry("registry.example.com", "ci", "theirs"), "ci"},
		"unlisted": {"strangers/users.htpasswd", apr1, "myName"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.put(t, attack.key, attack.content)
			// An attacker's own registry takes what the attacker says.
			host := runRegistry(t, func(user, password string) bool { return user == attack.user && password == "guessed" })
			arn := w.htpasswdSecret(t, "stranger/"+name, host, "s3://"+bucket+"/"+attack.key, attack.user, "guessed")
			if rotation := w.rotated(t, arn); rotation.Err == nil {
				t.Error("the rotation succeeded")
			}
			w.holds(t, attack.key, attack.content)
		})
	}
}

// controlHtpasswd: the file's own secret rotates, with a hash that isn't bcrypt, too.
func controlHtpasswd(t *testing.T, w *world) {
	const key = "registry/own-apr1/htpasswd"
	bucket := w.Stack.Outputs["ConfigBucket"]
	w.put(t, key, apr1)
	host := runRegistry(t, func(user, password string) bool {
		if user == "myName" {
			return password == "myPassword"
		}
		content, err := w.Content(context.WithoutCancel(t.Context()), bucket, key)
		_, rest, found := strings.Cut(content, "\n"+user+":")
		hash, _, _ := strings.Cut(rest, "\n")
		return err == nil && found && bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	})
	w.succeeds(t, w.htpasswdSecret(t, "owner/apr1", host, "s3://"+bucket+"/"+key, "myName", "myPassword"))
	if content := must(w.Content(t.Context(), bucket, key))(t); !strings.HasPrefix(content, apr1) {
		t.Error("the first user's line was changed")
	}
}

// mint runs a GitLab that mints tokens for anyone who has its administrator's token,
// and makes a secret of its registry.
func (w *world) mint(t *testing.T, name, list string) (*registrytest.GitLab, string) {
	t.Helper()
	token := "canary-" + name
	gitlab := &registrytest.GitLab{Tokens: registrytest.Tokens{Canary: token}, Admin: token + "-admin", Owner: "groups/acme", Access: true, Now: time.Now}
	gitlab.Add(registrytest.Token{ID: "9000", Name: "by hand", Username: "ecs", Secret: token})
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	mux.Handle("/api/v4/", gitlab)
	mux.Handle("/", &registrytest.Distribution{
		Accepts: gitlab.Accepts, Images: map[string]bool{"acme/app:1": true}, Realm: server.URL + "/jwt/auth", Service: "container_registry", Canary: token,
	})
	administrator := "ecs-guardrails/admin/" + name
	must(w.CreateSecret(t.Context(), administrator, `{"url":"`+server.URL+`","token":"`+token+`-admin"`+list+`}`))(t)
	return gitlab, must(w.CreateSecret(t.Context(), "minted/"+name, `{"username":"ecs","password":"`+token+`"}`,
		"ecs-guardrails:registry", host, "ecs-guardrails:driver", "gitlab", "ecs-guardrails:test-image", host+"/acme/app:1",
		"ecs-guardrails:gitlab", "groups/acme", "ecs-guardrails:gitlab-token", "access", "ecs-guardrails:admin-secret", administrator))(t)
}

func playAdministrator(t *testing.T, w *world) {
	for name, list := range map[string]string{
		"unlisted": ``, "empty": `,"secrets":[]`, "others": `,"secrets":["minted/other","minted-*"]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gitlab, arn := w.mint(t, name, list)
			if rotation := w.rotated(t, arn); rotation.Err == nil || len(gitlab.Live()) != 1 {
				t.Errorf("%d tokens are live; the rotation ended with %v", len(gitlab.Live()), rotation.Err)
			}
		})
	}
}

func controlAdministrator(t *testing.T, w *world) {
	gitlab, arn := w.mint(t, "listed", `,"secrets":["minted/li*"]`)
	if second := w.succeeds(t, arn); len(gitlab.Live()) != 2 || !gitlab.Accepts(second.Username, second.Password.Reveal()) {
		t.Errorf("%d tokens are live", len(gitlab.Live()))
	}
}

// refreshing is a rotation with instances that take the credential over, and
// others whose cluster a stranger's file names.
type refreshing struct {
	config       string
	mine, theirs *containerinstance.Instance
	registry     *registryserver.Server
	second       operator.Credential
}

func (r *refreshing) play(t *testing.T, w *world) {
	for _, cluster := range []string{"bound", "victim"} {
		must(w.ECS.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("adversary-" + cluster)}))(t)
	}
	r.registry = w.ownRegistry(t, "clusters")
	bucket := "s3://" + w.Stack.Outputs["ConfigBucket"]
	arn := must(w.CreateRegistrySecret(t.Context(), "clusters/registry", r.registry, "", bucket+"/clusters/mine/*=adversary-bound", bucket+"/clusters/open/*"))(t)
	first := must(w.Credential(t.Context(), arn, "AWSCURRENT"))(t)
	r.config = must(operator.ConfigFile("docker", r.registry.Host, first))(t)
	hijack := strings.Replace(r.config, "ECS_CLUSTER=storefront", "ECS_CLUSTER=adversary-victim", 1)
	w.put(t, "clusters/mine/ecs.config", r.config)
	w.put(t, "clusters/open/ecs.config", hijack)
	r.mine = &containerinstance.Instance{ID: "i-0b000000000000001", Cluster: "adversary-bound", Managed: true}
	r.theirs = &containerinstance.Instance{ID: "i-0b000000000000002", Cluster: "adversary-victim", Managed: true}
	for _, instance := range []*containerinstance.Instance{r.mine, r.theirs} {
		if err := w.Stack.Instances.Start(instance, r.config); err != nil {
			t.Fatal(err)
		}
	}
	r.second = w.succeeds(t, arn)
	eventually(t, "the owner's cluster has the new credential", func(context.Context) (bool, error) {
		config, err := r.mine.Config()
		return config != r.config && !w.Stack.Instances.Busy(), err
	})
	if config, restarts := must(r.theirs.Config())(t), must(r.theirs.Restarts())(t); config != r.config || restarts != 0 {
		t.Errorf("the victim's instance was refreshed, and its agent restarted %d times", restarts)
	}
}

func (r *refreshing) control(t *testing.T, _ *world) {
	want := must(operator.ConfigFile("docker", r.registry.Host, r.second))(t)
	if got := must(r.mine.Config())(t); got != want {
		t.Error("the owner's instance has another ecs.config than it should")
	}
	if restarts := must(r.mine.Restarts())(t); restarts != 1 {
		t.Errorf("its agent was restarted %d times", restarts)
	}
}

// hostileObjects lie under a prefix that a secret's owner lists.
type hostileObjects struct {
	registry *registryserver.Server
	second   operator.Credential
}

func (h *hostileObjects) play(t *testing.T, w *world) {
	h.registry = w.ownRegistry(t, "hostile")
	bucket := w.Stack.Outputs["ConfigBucket"]
	arn := must(w.CreateRegistrySecret(t.Context(), "hostile/registry", h.registry, "", "s3://"+bucket+"/hostile/*"))(t)
	first := must(w.Credential(t.Context(), arn, "AWSCURRENT"))(t)
	w.put(t, "hostile/ecs.config", must(operator.ConfigFile("docker", h.registry.Host, first))(t))

	w.put(t, "hostile/\x01\x02\x7f/ecs.config", entry(h.registry.Host, first.Username, "wrong"))
	w.put(t, "hostile/+%25 \"<&>\n/ecs.config", entry(h.registry.Host, first.Username, "wrong"))
	must(w.S3.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &bucket, Key: aws.String("hostile/locked/ecs.config"), Body: strings.NewReader(entry(h.registry.Host, first.Username, "wrong")),
		SSECustomerAlgorithm: aws.String("AES256"), SSECustomerKey: aws.String(base64.StdEncoding.EncodeToString(make([]byte, 32))), SSECustomerKeyMD5: aws.String("cLyPS3KoaSFGi/joRB3OUQ=="),
	}))(t)
	many := make([]string, 6000)
	for i := range many {
		many[i] = oneEntry(fmt.Sprintf("%s/g%d", h.registry.Host, i), first.Username, first.Password.Reveal())
	}
	huge := "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={" + strings.Join(many, ",") + "}\n"
	w.put(t, "hostile/entries/ecs.config", huge)
	w.put(t, "hostile/deep/ecs.config", "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA="+strings.Repeat(`{"a":`, 20_000)+"\n")
	w.put(t, "hostile/long/ecs.config", strings.Repeat("#", 2<<20))
	h.second = w.succeeds(t, arn)
	// More entries than any instance has are no one's, and stay as they are.
	w.holds(t, "hostile/entries/ecs.config", huge)
	must(w.Invoke(t.Context(), "rotate-secret", []byte(`{"secret":"`+arn+`"}`)))(t)
	var codes []string
	for _, result := range must(w.Results(t.Context(), "rotate-secret"))(t) {
		if strings.HasPrefix(result.Subject, arn) {
			codes = append(codes, result.Codes()...)
		}
	}
	for _, code := range []string{"config-oversized", "config-unreadable"} {
		if !slices.Contains(codes, code) {
			t.Errorf("the rotation and the look found %q, not %s", codes, code)
		}
	}
}

func (h *hostileObjects) control(t *testing.T, w *world) {
	w.holds(t, "hostile/ecs.config", must(operator.ConfigFile("docker", h.registry.Host, h.second))(t))
	if !must(operator.Pull(t.Context(), h.registry, h.second))(t) {
		t.Error("the registry refuses the new credential")
	}
}
