package faults

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"golang.org/x/crypto/bcrypt"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
	"github.com/ecs-guardrails/ecs-guardrails/tests/canary"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/registryserver"
)

// RotateSecret are the scenarios of rotate-secret.
func RotateSecret() []*Scenario {
	return []*Scenario{
		rotating("htpasswd, a whole rotation", new(htpasswdUsers).arrange, 0, false, Cut{Call: "s3:PutObject", Number: 2},
			Cut{Call: "s3:GetObject", Number: 2}, Cut{Call: "s3:ListObjectsV2", Number: 1}),
		rotating("GitLab, a third rotation", new(gitlabTokens).arrange, 2, false, Cut{Call: "s3:PutObject", Number: 1},
			Cut{Call: "s3:GetObject", Number: 1}, Cut{Call: "s3:ListObjectsV2", Number: 1}),
		rotating("htpasswd, the previous credential's end", new(htpasswdUsers).arrange, 1, true, Cut{}),
		rotating("GitLab, the previous credential's end", new(gitlabTokens).arrange, 2, true, Cut{}),
	}
}

// credentials are those of one world's registry.
type credentials interface {
	// live lists what works at the registry, by the names that known gives to
	// passwords.
	live(ctx context.Context, known func(username, password string) string) ([]string, error)
}

// rotated is a secret under rotation.
type rotated struct {
	arn   string
	users credentials
	// others work and are not of this secret.
	others []string
	// minted begins all passwords that the registry chooses, and is planted.
	minted string
}

// makeRegistry makes a world's registry and the tags and first credential of
// its secret.
type makeRegistry func(context.Context, *World) (*rotated, operator.Credential, map[string]string, error)

// rotating is a secret that was rotated some times, and should be rotated or, in
// a review, looked at once more.
func rotating(name string, arrange makeRegistry, before int, review bool, lost Cut, isolated ...Cut) *Scenario {
	return &Scenario{
		Function: "rotate-secret", Name: name, Lost: lost, Isolated: isolated,
		Arrange: func(ctx context.Context, world *World) (Trigger, Trigger, error) {
			arranged, err := world.createRotated(ctx, arrange)
			if err != nil {
				return nil, nil, err
			}
			for range before {
				if left, err := Rotation(arranged.arn).deliver(ctx, world); err != nil || len(left) > 0 {
					return nil, nil, fmt.Errorf("rotating before: %q, %w", left, err)
				}
			}
			look := Queue{text(map[string]string{"secret": arranged.arn})}
			if review {
				return look, look, nil
			}
			// Secrets Manager itself tries a rotation again, whatever it failed of. A file
			// that may not be read fails none: the next look writes the credential there.
			return Rotation(arranged.arn), look, nil
		},
		State: func(ctx context.Context, world *World) ([]string, error) { return world.rotatedState(ctx) },
		Live: func(ctx context.Context, world *World) ([]string, error) {
			kept, err := world.kept(ctx)
			if err != nil {
				return nil, err
			}
			return world.rotated.users.live(ctx, func(username, password string) string {
				for _, label := range slices.Sorted(maps.Keys(kept)) {
					if kept[label].Username == username && kept[label].Password.Reveal() == password {
						return "the credential of " + label
					}
				}
				return ""
			})
		},
		Wanted: func(_ context.Context, world *World) ([]string, error) {
			wanted := append([]string{"the credential of AWSCURRENT"}, world.rotated.others...)
			if !review {
				wanted = append(wanted, "the credential of AWSPREVIOUS")
			}
			return wanted, nil
		},
	}
}

// createRotated makes the registry, its secret, and an ecs.config that carries
// the credential.
func (w *World) createRotated(ctx context.Context, arrange makeRegistry) (*rotated, error) {
	made, first, tags, err := arrange(ctx, w)
	if err != nil {
		return nil, err
	}
	w.plant("the first password", first.Password.Reveal())
	// The previous credential's time is over at once.
	tags["ecs-guardrails:grace"] = "0h"
	tags["ecs-guardrails:config-objects"] = "s3://" + w.stack.Outputs["ConfigBucket"] + "/" + w.Mark + "/*"
	made.arn, err = w.createSecret(ctx, "registry", map[string]string{"username": first.Username, "password": first.Password.Reveal()}, tags)
	if err != nil {
		return nil, err
	}
	bucket := w.stack.Outputs["ConfigBucket"]
	w.atEnd(func(ctx context.Context) error { return w.deleteObjects(ctx, bucket, w.Mark+"/") })
	config := "ECS_CLUSTER=storefront\nECS_ENGINE_AUTH_TYPE=docker\n" + `ECS_ENGINE_AUTH_DATA={"` + tags["ecs-guardrails:registry"] +
		`":{"username":"` + first.Username + `","password":"` + first.Password.Reveal() + `"}}` + "\n"
	if _, err := w.Upload(ctx, bucket, w.Mark+"/ecs.config", config); err != nil {
		return nil, err
	}
	w.rotated = made
	return made, nil
}

// kept are the credentials that the secret's versions hold, by their labels.
func (w *World) kept(ctx context.Context) (map[string]operator.Credential, error) {
	kept := map[string]operator.Credential{}
	for _, label := range []string{"AWSCURRENT", "AWSPREVIOUS"} {
		credential, err := w.Credential(ctx, w.rotated.arn, label)
		if err != nil {
			return nil, err
		}
		kept[label] = credential
	}
	return kept, nil
}

// rotatedState reads the secret and the files that carry its credential.
func (w *World) rotatedState(ctx context.Context) ([]string, error) {
	described, err := w.Operator.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &w.rotated.arn})
	if err != nil {
		return nil, fmt.Errorf("describing the secret: %w", err)
	}
	var lines []string
	for _, labels := range described.VersionIdsToStages {
		slices.Sort(labels)
		lines = append(lines, fmt.Sprintf("a version of the secret has the labels %q", labels))
	}
	slices.Sort(lines)
	tags := map[string]string{}
	for _, tag := range described.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		lines = append(lines, fmt.Sprintf("the secret has the tag %s=%s", key, tags[key]))
	}
	kept, err := w.kept(ctx)
	if err != nil {
		return nil, err
	}
	for _, label := range slices.Sorted(maps.Keys(kept)) {
		password := kept[label].Password.Reveal()
		if minted := w.rotated.minted; minted == "" || !strings.HasPrefix(password, minted) {
			w.Secrets.Plant("the password of "+label, password)
		}
		w.disguise(password, "the password of "+label)
		lines = append(lines, fmt.Sprintf("%s is of the user %s", label, kept[label].Username))
	}
	for _, targets := range w.calls.Commanded() {
		lines = append(lines, "instances were told to read again: "+targets)
	}
	files, err := w.objectState(ctx, w.stack.Outputs["ConfigBucket"], w.Mark+"/ecs.config")
	return append(lines, files...), err
}

// htpasswdUsers are the users of a real registry whose htpasswd file lies in S3.
type htpasswdUsers struct {
	world  *World
	server *registryserver.Server
	bucket string
	key    string
}

func (*htpasswdUsers) arrange(ctx context.Context, w *World) (*rotated, operator.Credential, map[string]string, error) {
	h := &htpasswdUsers{world: w, bucket: w.stack.Outputs["ConfigBucket"], key: "registry/" + w.Mark + "/htpasswd"}
	fail := func(err error) (*rotated, operator.Credential, map[string]string, error) {
		return nil, operator.Credential{}, nil, err
	}
	folder, err := os.MkdirTemp("", "registry-")
	if err != nil {
		return fail(fmt.Errorf("making a folder for the registry: %w", err))
	}
	w.atEnd(func(context.Context) error { return os.RemoveAll(folder) })
	w.atEnd(func(ctx context.Context) error { return w.deleteObjects(ctx, h.bucket, "registry/"+w.Mark+"/") })
	// Copied before each step, as by a sidecar that is faster than the service.
	h.server, err = registryserver.Start(ctx, registryserver.Options{
		S3: w.S3, Bucket: h.bucket, Key: h.key, Folder: folder, Manual: true, Log: io.Discard, Logger: w.logger,
	})
	if err != nil {
		return fail(err)
	}
	w.atEnd(func(context.Context) error { return h.server.Stop() })
	w.beforeStep = h.server.Sync
	address, err := url.Parse("http://" + h.server.Host)
	if err != nil {
		return fail(fmt.Errorf("reading the registry's address: %w", err))
	}
	host := w.serve(httputil.NewSingleHostReverseProxy(address))
	return &rotated{users: h}, operator.Credential{Username: h.server.Username, Password: secret.New(h.server.Password)}, map[string]string{
		"ecs-guardrails:registry": host, "ecs-guardrails:driver": "htpasswd",
		"ecs-guardrails:htpasswd":   h.server.HtpasswdObject(),
		"ecs-guardrails:test-image": host + "/" + h.server.Repository + ":" + h.server.Tag,
	}, nil
}

// live reads the file. A user whose password is none of the secret's cannot be
// used, and is no credential, but there are never more than two.
func (h *htpasswdUsers) live(ctx context.Context, known func(string, string) string) ([]string, error) {
	content, err := h.world.content(ctx, operator.Object{Bucket: h.bucket, Key: h.key})
	if err != nil {
		return nil, err
	}
	kept, err := h.world.kept(ctx)
	if err != nil {
		return nil, err
	}
	var live []string
	users := 0
	for line := range strings.Lines(content) {
		user, hash, _ := strings.Cut(strings.TrimSpace(line), ":")
		users++
		for _, credential := range kept {
			password := credential.Password.Reveal()
			if credential.Username == user && bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil {
				live = append(live, known(user, password))
			}
		}
	}
	if users > 2 {
		live = append(live, fmt.Sprintf("one of %d users", users))
	}
	return live, nil
}

// gitlabTokens are the deploy tokens of a GitLab group.
type gitlabTokens struct{ server *registrytest.GitLab }

// madeByHand is a token that no one may revoke.
const madeByHand = "a token that a person made"

func (*gitlabTokens) arrange(ctx context.Context, w *World) (*rotated, operator.Credential, map[string]string, error) {
	first, admin, words := canary.Text(), canary.Text(), rand.Text()
	w.plant("the administrator's token", admin)
	w.plant("the server's own words, and the tokens that it mints", words)
	server := &registrytest.GitLab{Tokens: registrytest.Tokens{Canary: words}, Admin: admin, Owner: "groups/acme", Now: time.Now}
	server.Add(registrytest.Token{ID: "1000", Name: madeByHand, Username: "ci", Secret: first})
	registry := &registrytest.Distribution{Accepts: server.Accepts, Images: map[string]bool{"acme/app:1.0": true}}
	mux := http.NewServeMux()
	mux.Handle("/v2/", registry)
	mux.Handle("/", server)
	host := w.serve(mux)
	administrator, err := w.createSecret(ctx, "administrator", map[string]any{"url": "http://" + host, "token": admin, "secrets": []string{"*"}}, map[string]string{"ecs-guardrails:driver": "none"})
	return &rotated{users: &gitlabTokens{server}, others: []string{madeByHand}, minted: words}, operator.Credential{Username: "ci", Password: secret.New(first)}, map[string]string{
		"ecs-guardrails:registry": host, "ecs-guardrails:driver": "gitlab", "ecs-guardrails:gitlab": server.Owner,
		"ecs-guardrails:admin-secret": administrator, "ecs-guardrails:test-image": host + "/acme/app:1.0",
	}, err
}

func (g *gitlabTokens) live(_ context.Context, known func(string, string) string) ([]string, error) {
	if wrong := g.server.Wrong(); len(wrong) > 0 {
		return nil, errors.New("requests that GitLab does not know: " + strings.Join(wrong, "; "))
	}
	var live []string
	for _, token := range g.server.Live() {
		name := known(token.Username, token.Secret)
		switch {
		case token.Name == madeByHand:
			name = madeByHand
		case name == "":
			name = "a token that no one keeps, of the name " + token.Name
		}
		live = append(live, name)
	}
	return live, nil
}
