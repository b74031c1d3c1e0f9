package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// manifestTypes are what Docker's daemon accepts (moby, distribution/pull_v2.go).
var manifestTypes = strings.Join([]string{
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.docker.distribution.manifest.v2+json",
	"application/vnd.docker.distribution.manifest.v1+prettyjws",
	"*/*;q=0.1",
}, ", ")

// Login is how a registry took a credential.
type Login struct {
	// Scheme is "basic" or "bearer".
	Scheme string
	// Realm is the server that was shown the credential, as in
	// "https://auth.docker.io".
	Realm string
}

// Login proves a credential as docker login does: GET /v2/, then what its
// challenge asks for, a token of its realm or basic authentication, and GET
// /v2/ again (distribution, docs/spec/auth/token.md). Where an image is given
// its manifest is asked for, too, as docker pull does. Failures are of type
// *Error.
func (c *Client) Login(ctx context.Context, registry Registry, credential Credential, image *Image) (Login, error) {
	base, challenges, err := c.knock(ctx, registry)
	if err != nil {
		return Login{}, err
	}
	session := session{client: c, base: base, credential: credential}
	login := Login{Scheme: "basic", Realm: hostOnly(base)}
	if bearer, ok := find(challenges, "bearer"); ok {
		session.realm, err = realm(bearer, base)
		if err != nil {
			return Login{}, err
		}
		session.service = bearer.parameters["service"]
		login = Login{Scheme: "bearer", Realm: hostOnly(session.realm)}
	} else if _, ok := find(challenges, "basic"); !ok {
		return Login{}, noChallenge(base)
	}
	got, err := session.ask(ctx, http.MethodGet, base, "")
	if err != nil {
		return login, err
	}
	if got.status != http.StatusOK {
		return login, unwelcome(base, "GET /v2/ with the credential", got)
	}
	if image == nil {
		return login, nil
	}
	manifest := base.JoinPath(image.Name, "manifests", image.Reference)
	got, err = session.ask(ctx, http.MethodHead, manifest, "repository:"+image.Name+":pull")
	switch {
	case err != nil:
		return login, err
	case got.status == http.StatusTemporaryRedirect || got.status == http.StatusPermanentRedirect:
		// The credential was good for it; where its bytes lie is another matter. Any
		// other redirect may lead to a page for logging in.
		return login, nil
	case got.status != http.StatusOK:
		return login, unwelcome(manifest, fmt.Sprintf("HEAD for the manifest %s of %s", image.Reference, image.Name), got)
	}
	return login, nil
}

// knock asks the registry how it wants to be asked, and refuses one that asks
// no one for a credential.
func (c *Client) knock(ctx context.Context, registry Registry) (*url.URL, []challenge, error) {
	base, challenges, err := c.ping(ctx, registry)
	switch {
	case err != nil:
		return nil, nil, err
	case len(challenges) == 0:
		return nil, nil, &Error{Kind: Open, Status: http.StatusOK, text: fmt.Sprintf("%s asks no one for a credential, so that a login proves nothing", base.Host)}
	}
	return base, challenges, nil
}

// ping is GET /v2/. A registry that asks no one for a credential gives no
// challenges.
func (c *Client) ping(ctx context.Context, registry Registry) (*url.URL, []challenge, error) {
	base := &url.URL{Scheme: "https", Host: registry.endpoint(), Path: "/v2/"}
	got, err := c.get(ctx, base)
	if err != nil && isLoopback(base.Host) && !distrusted(err) && ctx.Err() == nil {
		plain := *base
		plain.Scheme = "http"
		// A server of TLS answers plain http with 400: then the first error is the cause.
		if again, plainErr := c.get(ctx, &plain); plainErr == nil && again.status != http.StatusBadRequest {
			base, got, err = &plain, again, nil
		} else if failure, ok := errors.AsType[*Error](plainErr); ok && failure.Kind != Unreachable {
			err = plainErr
		}
	}
	switch {
	case err != nil:
		return nil, nil, err
	case got.status == http.StatusOK:
		return base, nil, nil
	case got.status != http.StatusUnauthorized:
		return nil, nil, unwelcome(base, "GET /v2/", got)
	}
	challenges := parseChallenges(got.header)
	if len(challenges) == 0 {
		return nil, nil, noChallenge(base)
	}
	return base, challenges, nil
}

func noChallenge(base *url.URL) error {
	return &Error{Kind: Unexpected, Status: http.StatusUnauthorized, text: fmt.Sprintf("%s asks neither for basic authentication nor for a bearer token", base.Host)}
}

func (c *Client) get(ctx context.Context, address *url.URL) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return answer{}, fmt.Errorf("make the request to %s: %w", address.Host, err)
	}
	return c.do(request)
}

// realm reads where a bearer challenge sends us. It is the registry's choice,
// often another host (Docker Hub's is auth.docker.io), but never plain http,
// unless both are this machine.
func realm(bearer challenge, base *url.URL) (*url.URL, error) {
	realm, err := url.Parse(bearer.parameters["realm"])
	switch {
	case err != nil || realm.Host == "" || realm.Opaque != "":
		return nil, &Error{Kind: Unexpected, Status: http.StatusUnauthorized, text: "the registry's challenge names no realm to ask for a token"}
	case realm.User != nil:
		return nil, &Error{Kind: Unsafe, text: "the registry's realm holds its own credential"}
	case realm.Scheme != "https" && !(realm.Scheme == "http" && isLoopback(realm.Host) && isLoopback(base.Host)):
		return nil, &Error{Kind: Unsafe, text: "the registry sends the credential to a realm that is not https"}
	}
	return realm, nil
}

// session is one login, by basic authentication where there is no realm.
type session struct {
	client     *Client
	base       *url.URL
	credential Credential
	// anonymous sends no credential, as docker pull does without a login.
	anonymous bool
	realm     *url.URL
	service   string
}

func (s session) ask(ctx context.Context, method string, address *url.URL, scope string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, address.String(), nil)
	if err != nil {
		return answer{}, fmt.Errorf("make the request to %s: %w", address.Host, err)
	}
	request.Header.Set("Accept", manifestTypes)
	if s.realm == nil {
		s.identify(request)
		return s.client.do(request)
	}
	token, err := s.token(ctx, scope)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+token.Reveal())
	return s.client.do(request)
}

func (s session) identify(request *http.Request) {
	if !s.anonymous {
		request.SetBasicAuth(s.credential.Username, s.credential.Password.Reveal())
	}
}

// token asks the realm for a token, as docker login (no scope) and docker pull do.
func (s session) token(ctx context.Context, scope string) (secret.Text, error) {
	address := *s.realm
	query := address.Query()
	if s.service != "" {
		query.Set("service", s.service)
	}
	if scope != "" {
		query.Set("scope", scope)
	}
	if !s.anonymous {
		query.Set("account", s.credential.Username)
	}
	query.Set("client_id", "ecs-guardrails")
	address.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return secret.Text{}, fmt.Errorf("make the request to %s: %w", address.Host, err)
	}
	s.identify(request)
	got, err := s.client.do(request)
	if err != nil {
		return secret.Text{}, err
	}
	if got.status != http.StatusOK {
		return secret.Text{}, unwelcome(s.realm, "the request for a token", got)
	}
	var tokens struct {
		Token       secret.Text
		AccessToken secret.Text `json:"access_token"`
	}
	if json.Unmarshal(got.body, &tokens) == nil {
		for _, token := range []secret.Text{tokens.Token, tokens.AccessToken} {
			if !token.IsZero() && fitsHeader(token.Reveal()) {
				return token, nil
			}
		}
	}
	return secret.Text{}, &Error{Kind: Unexpected, Status: got.status, text: fmt.Sprintf("%s answered the request for a token without one", s.realm.Host)}
}

// fitsHeader keeps a server from writing header lines of its own into our
// requests; net/http would refuse them with an error that shows the token.
func fitsHeader(token string) bool {
	return !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}
