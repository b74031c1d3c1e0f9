package interleavings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/gitlab"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/harbor"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/quay"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation/rotationtest"
)

const (
	rotatedARN  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/rotated-AbCdEf"
	adminSecret = "ecs-guardrails/admin"
	firstSecret = "the-first-password"
	newVersion  = "8f1b2f6e-4c1d-4f0a-9a57-3b6f3f3d2c11"
)

// kind is a kind of registry.
type kind struct {
	name, host, username, administrator string
	tags                                map[string]string
	// standby says that a second account takes turns.
	standby bool
	server  func() (http.Handler, *registrytest.Tokens)
}

// kinds are one for each way in which drivers make credentials: one that mints a
// token beside the old one, one that regenerates the only token of the account
// on standby, and one that mints accounts.
func kinds() []kind {
	return []kind{
		{
			name: "GitLab", host: "gitlab.example.com", username: "ci", administrator: `{"secrets":["prod/*"],"url":"https://gitlab.example.com","token":"admin"}`,
			tags: map[string]string{rotation.DriverTag: gitlab.Name, gitlab.OwnerTag: "groups/acme"},
			server: func() (http.Handler, *registrytest.Tokens) {
				server := &registrytest.GitLab{Admin: "admin", Owner: "groups/acme", Now: now}
				return server, &server.Tokens
			},
		},
		{
			name: "Quay", host: "quay.io", username: "acme+ecs", standby: true, administrator: `{"secrets":["prod/*"],"url":"https://quay.io","token":"admin"}`,
			tags: map[string]string{rotation.DriverTag: quay.Name},
			server: func() (http.Handler, *registrytest.Tokens) {
				server := &registrytest.Quay{Admin: "admin", Organization: "acme"}
				return server, &server.Tokens
			},
		},
		{
			name: "Harbor", host: "harbor.example.com", username: "robot$acme+ecs", administrator: `{"secrets":["prod/*"],"url":"https://harbor.example.com","username":"admin","password":"admin"}`,
			tags: map[string]string{rotation.DriverTag: harbor.Name, rotation.RegistryTag: "harbor.example.com/acme"},
			server: func() (http.Handler, *registrytest.Tokens) {
				server := &registrytest.Harbor{Username: "admin", Password: "admin", Project: "acme"}
				return server, &server.Tokens
			},
		},
	}
}

// rotatedSecret is the secret of a registry with its config file.
func (k kind) account() *Account {
	account := newAccount()
	server, tokens := k.server()
	tokens.Add(registrytest.Token{ID: "9000", Name: "made by a person", Username: k.username, Secret: firstSecret})
	if k.standby {
		tokens.Add(registrytest.Token{ID: "9001", Username: k.username + "_clone", Secret: "unused"})
	}
	account.tokens = tokens
	images := &registrytest.Distribution{Accepts: tokens.Accepts, Images: map[string]bool{"acme/app:1": true}}
	account.Network.Hosts["https://"+k.host] = http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if strings.HasPrefix(request.URL.Path, "/v2/") {
			images.ServeHTTP(writer, request)
			return
		}
		server.ServeHTTP(writer, request)
	})
	tags := map[string]string{
		rotation.RegistryTag: k.host, rotation.AdminTag: adminSecret, rotation.ImageTag: k.host + "/acme/app:1", rotation.ConfigTag: "s3://" + configBucket + "/" + configKey,
	}
	for key, value := range k.tags {
		tags[key] = value
	}
	account.secrets.SecretsManager = rotationtest.New(rotatedARN, "prod/rotated", document(k.username, firstSecret), tags)
	account.secrets.Others = map[string]string{adminSecret: k.administrator}
	account.objects.put(configBucket, configKey, configWith(k.host, k.username, firstSecret), nil)
	return account
}

func document(username, password string) string {
	text, err := json.Marshal(map[string]string{"username": username, "password": password})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func configWith(host, username, password string) string {
	return fmt.Sprintf("ECS_CLUSTER=storefront\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={%q:{\"username\":%q,\"password\":%q}}\n", host, username, password)
}

// rotateSecret delivers an event to rotate-secret and gives its results.
func rotateSecret(ctx context.Context, clients *Clients, event string) []finding.Result {
	client := registry.WithTransport(clients.Registries)
	objects, secrets, containers := s3client.New(clients.AWS), secretsmanager.NewFromConfig(clients.AWS), ecs.NewFromConfig(clients.AWS)
	function := rotation.New(settingsOf[rotation.Settings]("rotate-secret", "LOGIN_WAIT=0s", "CONFIG_BUCKET="+configBucket), rotation.Clients{
		Secrets: secrets, Configs: objects, Registries: client, Images: registry.NewAsker(client, now, 0),
		Commands: ssm.NewFromConfig(clients.AWS), Clusters: containers, Definitions: containers,
		Drivers: map[string]registry.Driver{gitlab.Name: gitlab.New(client, now), quay.Name: quay.New(client), harbor.Name: harbor.New(client)},
	}, now)
	return function.Handle(ctx, []byte(event)).Report().Results
}

// step is a call of Secrets Manager, which is made again only where a retry may
// cure what failed.
func rotationStep(of rotation.Step) Delivery {
	return func(ctx context.Context, clients *Clients) error {
		var failures []error
		for _, result := range rotateSecret(ctx, clients, stepEvent(of, newVersion)) {
			if result.Status == finding.Failed {
				failures = append(failures, fmt.Errorf("%s: %v", result.Subject, result.Findings))
			}
		}
		return errors.Join(failures...)
	}
}

func stepEvent(of rotation.Step, version string) string {
	return fmt.Sprintf(`{"Step":%q,"SecretId":%q,"ClientRequestToken":%q,"RotationToken":"token"}`, of, rotatedARN, version)
}

// review is a sweep's look at the secret.
func review(ctx context.Context, clients *Clients) error {
	var failures []error
	for _, result := range rotateSecret(ctx, clients, queued(fmt.Sprintf(`{"secret":%q}`, rotatedARN), 1)) {
		if result.Status == finding.Failed {
			failures = append(failures, fmt.Errorf("%s: %v", result.Subject, result.Findings))
		}
	}
	return errors.Join(failures...)
}

// finish does what Secrets Manager does after the step: it goes through all
// steps, and where one fails, rotates again, with the version that is pending or
// with a new one.
func finish(ctx context.Context, clients *Clients) error {
	secret := clients.account.secrets
	for attempt := range attempts {
		if current, _ := secret.Staged("AWSCURRENT"); !strings.HasPrefix(current, "version-") || strings.HasPrefix(current, "version-again") {
			if pending, _ := secret.Staged("AWSPENDING"); pending == "" || pending == current {
				secret.Rotated = now()
				// Sweep looks at secrets from time to time.
				return review(ctx, clients)
			}
		}
		version, _ := secret.Staged("AWSPENDING")
		if version == "" {
			version = fmt.Sprintf("version-again-%d", attempt)
			secret.Begin(version)
		}
		good := true
		for _, of := range rotation.Steps() {
			for _, result := range rotateSecret(ctx, clients, stepEvent(of, version)) {
				good = good && result.Status != finding.Failed && !result.HasError()
			}
			if !good {
				break
			}
		}
	}
	return errors.New("the secret wasn't rotated")
}

// rotated arranges a secret that waits for a step: all steps before it are done.
func (k kind) rotated(before rotation.Step) func() *Account {
	return func() *Account {
		account := k.account()
		account.secrets.Begin(newVersion)
		for _, of := range rotation.Steps() {
			if of == before {
				break
			}
			if err := rotationStep(of)(context.Background(), account.clients(0, openGate())); err != nil {
				panic(err)
			}
		}
		return account
	}
}

// afterGrace arranges a rotated secret whose previous credential has outlived its
// grace time, with the next rotation begun.
func (k kind) afterGrace(begun bool) func() *Account {
	return func() *Account {
		account := k.account()
		account.secrets.Tags[rotation.GraceTag] = "1h"
		// The credential of before the first one isn't the function's to end.
		for _, version := range []string{"version-1", "version-2"} {
			account.secrets.Begin(version)
			for _, of := range rotation.Steps() {
				for _, result := range rotateSecret(context.Background(), account.clients(0, openGate()), stepEvent(of, version)) {
					if result.Status == finding.Failed || result.HasError() {
						panic(fmt.Sprint("interleavings: the rotation to ", version, " failed: ", result.Findings))
					}
				}
			}
			account.secrets.Rotated = now().Add(-48 * time.Hour)
		}
		if begun {
			account.secrets.Begin(newVersion)
		}
		return account
	}
}

// rotationState tells which credentials the registry takes, and whose the file has.
func (k kind) state(account *Account) []string {
	var lines []string
	for _, label := range []string{"AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"} {
		version, value := account.secrets.Staged(label)
		if version == "" {
			continue
		}
		if current, _ := account.secrets.Staged("AWSCURRENT"); label == "AWSPENDING" && version == current {
			continue
		}
		var read struct{ Username, Password string }
		if err := json.Unmarshal([]byte(value), &read); err != nil {
			lines = append(lines, label+" has no value")
			continue
		}
		line := fmt.Sprintf("%s is taken by the registry: %t", label, account.tokens.Accepts(read.Username, read.Password))
		if k.standby {
			line += ", of " + read.Username
		}
		lines = append(lines, line)
		if strings.Contains(account.objects.top(configBucket+"/"+configKey).content, read.Password) {
			lines = append(lines, "the config file has the credential of "+label)
		}
	}
	return lines
}

// orphans are the tokens that rotations made and that no version keeps.
func orphans(account *Account) []string {
	var kept []string
	for _, label := range []string{"AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"} {
		_, value := account.secrets.Staged(label)
		var read struct{ Password string }
		if json.Unmarshal([]byte(value), &read) == nil {
			kept = append(kept, read.Password)
		}
	}
	var lost []string
	for _, token := range account.tokens.Live() {
		if strings.HasPrefix(token.Name, "ecs-guardrails-") && !slices.Contains(kept, token.Secret) {
			lost = append(lost, "a token works that no version keeps")
		}
	}
	return lost
}

func rotationPairs() []Pair {
	var pairs []Pair
	for _, k := range kinds() {
		pair := func(name string, arrange func() *Account, first, second Delivery) {
			pairs = append(pairs, Pair{Name: "rotate-secret, " + k.name + ": " + name, Arrange: arrange, Deliveries: [2]Delivery{first, second}, After: finish, State: k.state, Orphans: orphans})
		}
		pair("createSecret twice", k.rotated(rotation.CreateSecret), rotationStep(rotation.CreateSecret), rotationStep(rotation.CreateSecret))
		pair("finishSecret twice", k.rotated(rotation.FinishSecret), rotationStep(rotation.FinishSecret), rotationStep(rotation.FinishSecret))
		pair("sweep during createSecret", k.afterGrace(true), rotationStep(rotation.CreateSecret), review)
		pair("sweep during finishSecret", k.rotated(rotation.FinishSecret), rotationStep(rotation.FinishSecret), review)
		pair("two sweeps after the grace time", k.afterGrace(false), review, review)
		pairs[len(pairs)-1].After = nil
		if k.name == "GitLab" {
			// The person's file has the credential of before.
			pair("an upload during finishSecret", k.rotated(rotation.FinishSecret), rotationStep(rotation.FinishSecret), uploads(configWith(k.host, k.username, firstSecret)+"# by a person\n"))
			pair("a judged upload during finishSecret", k.rotated(rotation.FinishSecret), rotationStep(rotation.FinishSecret), validateConfig(uploaded(configKey, "v1")))
		}
	}
	return pairs
}
