// Package dockerhub is the driver for Docker Hub, by organization access tokens
// or personal access tokens (docs.docker.com, "Docker HUB API",
// content/reference/api/hub/latest.yaml).
//
// Docker Hub mints the token. An account has several, so the old and the new one
// live side by side. They are issued without an end (no expires_at) and for
// pulling only: repo:read, or scope-image-pull on an organization's repositories.
// An organization's token takes over the resources of the one that this driver
// made before. The first one gets what the tag ecs-guardrails:dockerhub lists:
// repositories as acme/web, "acme/" for all of the organization's, and "public" for
// public repositories, which are a resource of their own; without the tag, the
// repository that the registry's tag names, or what the organization's tokens that
// people made may pull, if they may all pull the same: Docker Hub doesn't tell which
// one is in use. Where there are none, it is all of the organization's. An
// organization may have 10 tokens (Team) or 100 (Business), expired ones included,
// and each secret needs two, and a third one while it rotates. The API allows a
// number of requests per minute, and says with 429 and X-Retry-After, a Unix
// time, or Retry-After, when to go on.
//
// The administrator's secret holds {"username": "…", "password": "…"}. Where
// that user is the secret's, the token is a personal one. Otherwise the secret's
// username is an organization, and the user one who may manage its access tokens:
// a custom role "Manage organization access tokens" is enough. "url" may be left
// out; it is https://hub.docker.com.
// The password is the account's own: Docker Hub lets nobody manage tokens who
// logged in with a token (docker/hub-feedback#2478), and takes no password where
// an organization enforces single sign-on.
package dockerhub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "dockerhub"

// address is the API's host, which serves no images.
const address = "https://hub.docker.com"

// Driver implements registry.Driver, registry.Lister, registry.Inspector,
// registry.Limited and registry.Bound.
type Driver struct{ client *registry.Client }

// New makes the driver.
func New(client *registry.Client) *Driver { return &Driver{client} }

// Accounts says that tokens live side by side.
func (*Driver) Accounts(map[string]string) registry.Accounts { return registry.OneAccount }

// OwnAccount is never so: a person made the user or organization.
func (*Driver) OwnAccount(registry.Order) bool { return false }

// Examine wants Docker Hub and an administrator of its own.
func (*Driver) Examine(order registry.Order) error {
	order = complete(order)
	switch {
	case order.Registry.Host != registry.Hub:
		return errors.New("the driver dockerhub is for the registry docker.io alone")
	case order.Administrator.URL != address:
		return errors.New(`the administrator's secret is for another address than https://hub.docker.com; correct or leave out its "url"`)
	case order.Administrator.Username == "":
		return errors.New(`the administrator's secret must hold a "username" beside the "password"`)
	}
	return order.ExamineAdministrator()
}

func complete(order registry.Order) registry.Order {
	if order.Administrator.URL == "" {
		order.Administrator.URL = address
	}
	order.Administrator.URL = strings.TrimRight(order.Administrator.URL, "/")
	return order
}

// ResourcesTag is the secret's tag that lists what an organization's first token
// may pull.
const ResourcesTag = "ecs-guardrails:dockerhub"

// resource is what an organization's token may pull.
type resource struct {
	Type   string   `json:"type"`
	Path   string   `json:"path"`
	Scopes []string `json:"scopes"`
}

// publicRepositories is the resource "Read public repositories".
const publicRepositories = "*/*/public"

func pullFrom(path string) resource {
	return resource{Type: "TYPE_REPO", Path: path, Scopes: []string{"scope-image-pull"}}
}

// token is either kind of token as Docker Hub shows it; Token only once.
type token struct {
	UUID  string
	ID    string
	Label string
	// TokenLabel is what a personal token's label is called.
	TokenLabel string `json:"token_label"`
	Token      secret.Text
	// End is when it stops working, "" for never.
	End    string `json:"expires_at"`
	Active *bool  `json:"is_active"`
}

func (t token) id() string    { return t.UUID + t.ID }
func (t token) label() string { return t.TokenLabel + t.Label }

// isPersonal says which kind the secret's token is.
func isPersonal(order registry.Order) bool {
	return strings.EqualFold(order.Administrator.Username, order.Current.Username)
}

// tokens gives the path of the secret's kind of token.
func tokens(order registry.Order) string {
	if isPersonal(order) {
		return "/v2/access-tokens"
	}
	return "/v2/orgs/" + url.PathEscape(order.Current.Username) + "/access-tokens"
}

// Issue mints a token.
func (d *Driver) Issue(ctx context.Context, order registry.Order) (registry.Issued, error) {
	order = complete(order)
	api, err := d.login(ctx, order)
	if err != nil {
		return registry.Issued{}, err
	}
	body := map[string]any{"token_label": order.TokenName(), "scopes": []string{"repo:read"}}
	if !isPersonal(order) {
		resources, err := d.resources(ctx, api, order)
		if err != nil {
			return registry.Issued{}, err
		}
		body = map[string]any{"label": order.TokenName(), "resources": resources}
	}
	const doing = "the request for an access token"
	var minted token
	if _, err := api.Do(ctx, registry.Call{Method: http.MethodPost, Path: tokens(order), JSON: body, Doing: doing, Want: []int{http.StatusCreated}}, &minted); err != nil {
		return registry.Issued{}, d.whyNot(ctx, api, order, err)
	}
	if minted.Token.IsZero() || minted.id() == "" {
		return registry.Issued{}, registry.NotIssued(doing)
	}
	return registry.Issued{
		Credential: registry.Credential{Username: order.Current.Username, Password: minted.Token},
		ID:         minted.id(), Version: order.Version,
	}, nil
}

// whyNot says that an organization has all the tokens that it may have, where that
// is why it gets no other one: Docker Hub's answer is the one to a wrong request.
func (d *Driver) whyNot(ctx context.Context, api *registry.API, order registry.Order, err error) error {
	failure, ok := errors.AsType[*registry.Error](err)
	if !ok || failure.Retryable() || isPersonal(order) {
		return err
	}
	if used, counted := d.count(ctx, api, order); counted == nil && slices.Contains(limits, used) {
		return registry.Failure(registry.Unexpected, fmt.Sprintf("%s; the organization has %d access tokens, which is a limit of Docker Hub's (10 with Docker Team, 100 with Docker Business, expired ones included): delete some", failure.Error(), used))
	}
	return err
}

// resources are what the next token of an organization may pull: what the tag
// lists, or else what the newest one of this secret's may.
func (d *Driver) resources(ctx context.Context, api *registry.API, order registry.Order) ([]resource, error) {
	if listed := strings.Fields(order.Tags[ResourcesTag]); len(listed) > 0 {
		var resources []resource
		for _, path := range listed {
			switch {
			case path == "public":
				path = publicRepositories
			case strings.HasSuffix(path, "/"):
				path += "*"
			}
			resources = append(resources, pullFrom(path))
		}
		return resources, nil
	}
	var former, byPeople []registry.Token
	err := pages(order).Walk(ctx, api, func(token registry.Token) {
		if version, ours := order.TokenVersion(token.Name); ours && version != order.Version {
			former = append(former, token)
		}
		if !strings.HasPrefix(token.Name, registry.NamePrefix) && !token.Inactive {
			byPeople = append(byPeople, token)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, token := range slices.Backward(former) {
		if shown, err := d.resourcesOf(ctx, api, order, token.ID); err != nil || len(shown) > 0 {
			return shown, err
		}
	}
	if strings.Contains(order.Registry.Path, "/") {
		return []resource{pullFrom(order.Registry.Path)}, nil
	}
	return d.firstResources(ctx, api, order, byPeople)
}

// maxCompared bounds how many tokens are looked at one by one: an organization has no
// more.
const maxCompared = 100

// firstResources are what the tokens that people made may pull: the one in use is
// among them.
func (d *Driver) firstResources(ctx context.Context, api *registry.API, order registry.Order, byPeople []registry.Token) ([]resource, error) {
	var first []resource
	for i, token := range byPeople {
		shown, err := d.resourcesOf(ctx, api, order, token.ID)
		switch {
		case err != nil:
			return nil, err
		case i == 0:
			first = shown
		}
		if i == maxCompared || !slices.Equal(paths(first), paths(shown)) {
			return nil, finding.Refuse(rightsUnknown.With())
		}
	}
	if len(first) == 0 {
		return []resource{pullFrom(order.Current.Username + "/*")}, nil
	}
	return first, nil
}

func paths(resources []resource) []string {
	paths := make([]string, len(resources))
	for i, r := range resources {
		paths[i] = r.Path
	}
	slices.Sort(paths)
	return paths
}

// resourcesOf gives the repositories that a token may pull from, and of what it may
// do there that alone.
func (d *Driver) resourcesOf(ctx context.Context, api *registry.API, order registry.Order, id string) ([]resource, error) {
	var shown struct{ Resources []resource }
	_, err := api.Do(ctx, registry.Call{
		Method: http.MethodGet, Path: tokens(order) + "/" + url.PathEscape(id), Doing: "the look at an access token", Want: []int{http.StatusOK},
	}, &shown)
	if err != nil && !registry.IsMissing(err) {
		return nil, err
	}
	var pulls []resource
	for _, r := range shown.Resources {
		if r.Type == "TYPE_REPO" && slices.Contains(r.Scopes, "scope-image-pull") {
			pulls = append(pulls, pullFrom(r.Path))
		}
	}
	return pulls, nil
}

// Inspect tells at a look what would keep the next rotation from knowing what its
// token must be able to pull.
func (d *Driver) Inspect(ctx context.Context, order registry.Order, _ string) (registry.Standing, error) {
	order = complete(order)
	if isPersonal(order) || order.Tags[ResourcesTag] != "" || strings.Contains(order.Registry.Path, "/") {
		return registry.Standing{}, nil
	}
	api, err := d.login(ctx, order)
	if err != nil {
		return registry.Standing{}, err
	}
	_, err = d.resources(ctx, api, order)
	return registry.Standing{}, err
}

// List gives the tokens that carry the labels of this secret's.
func (d *Driver) List(ctx context.Context, order registry.Order) ([]registry.Issued, error) {
	order = complete(order)
	api, err := d.login(ctx, order)
	if err != nil {
		return nil, err
	}
	return pages(order).List(ctx, api, order)
}

// listing is a page of tokens.
type listing struct {
	// Count or Total is the number of all tokens.
	Count, Total int
	Next         string
	Results      []token
}

// pages is the list of the secret's kind of token.
func pages(order registry.Order) registry.Pages[listing] {
	tokensOf := registry.Each(func(t token) registry.Token {
		return registry.Token{ID: t.id(), Name: t.label(), Ends: registry.EndOf(t.End), Inactive: t.Active != nil && !*t.Active}
	})
	return registry.Pages[listing]{
		Call:   registry.Call{Path: tokens(order), Doing: "the list of access tokens", Query: url.Values{"page_size": {"100"}}},
		Tokens: func(page listing) []registry.Token { return tokensOf(page.Results) },
		// Only whether there is a next page is read: its address is the server's choice.
		Last: func(page listing, _ int, _ http.Header) bool { return page.Next == "" },
	}
}

// limits are how many access tokens an organization may have, expired ones
// included: with a Team subscription, and with a Business one
// (docs.docker.com/enterprise/security/access-tokens).
var limits = []int{10, 100}

// Used gives how many access tokens the organization has. A user may have any
// number.
func (d *Driver) Used(ctx context.Context, order registry.Order) (used int, allowed []int, err error) {
	order = complete(order)
	if isPersonal(order) {
		return 0, nil, nil
	}
	api, err := d.login(ctx, order)
	if err != nil {
		return 0, nil, err
	}
	used, err = d.count(ctx, api, order)
	return used, limits, err
}

// count asks for the shortest page: the list tells the number of all.
func (d *Driver) count(ctx context.Context, api *registry.API, order registry.Order) (int, error) {
	var page listing
	_, err := api.Do(ctx, registry.Call{
		Method: http.MethodGet, Path: tokens(order), Doing: "the count of access tokens", Want: []int{http.StatusOK}, Query: url.Values{"page": {"1"}, "page_size": {"1"}},
	}, &page)
	return max(page.Count, page.Total), err
}

// Revoke deletes a token.
func (d *Driver) Revoke(ctx context.Context, order registry.Order, id string) error {
	order = complete(order)
	api, err := d.login(ctx, order)
	if err != nil {
		return err
	}
	return api.Delete(ctx, tokens(order)+"/"+url.PathEscape(id), "the deletion of an access token")
}

// login changes the administrator's credential into a bearer token, which lives
// for ten minutes.
func (d *Driver) login(ctx context.Context, order registry.Order) (*registry.API, error) {
	const doing = "the administrator's login"
	var bearer struct {
		Token secret.Text `json:"access_token"`
	}
	_, err := d.client.API(order.Administrator, "", func(*http.Request) {}).Do(ctx, registry.Call{
		Method: http.MethodPost, Path: "/v2/auth/token", Doing: doing, Want: []int{http.StatusOK},
		JSON: map[string]string{"identifier": order.Administrator.Username, "secret": order.Administrator.Password.Reveal()},
	}, &bearer)
	if err != nil {
		return nil, err
	}
	if bearer.Token.IsZero() {
		return nil, registry.NotIssued(doing)
	}
	administrator := order.Administrator
	administrator.Password = bearer.Token
	return d.client.API(administrator, "", administrator.Bearer), nil
}
