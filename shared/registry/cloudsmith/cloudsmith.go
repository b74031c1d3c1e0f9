// Package cloudsmith is the driver for Cloudsmith, by entitlement tokens of a
// repository (https://help.cloudsmith.io/docs/entitlements; EntitlementsApi in
// Cloudsmith's API bindings).
//
// Cloudsmith mints the token. A repository has any number of them, so the old and
// the new one live side by side. Entitlement tokens can only read. They have no
// end unless they are given one. docker login takes any user name with them; the
// secret's is kept.
//
// The administrator's secret holds {"url": "https://api.cloudsmith.io", "token":
// "…"}: the API key of a user or service account with the privilege Admin on the
// repository.
package cloudsmith

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "cloudsmith"

// probe is a path that the API always has.
const probe = "/v1/status/check/basic/"

// pageSize is how many tokens are asked for in a page.
const pageSize = 100

// Driver implements registry.Driver and registry.Lister.
type Driver struct{ client *registry.Client }

// New makes the driver.
func New(client *registry.Client) *Driver { return &Driver{client} }

// Accounts says that tokens live side by side.
func (*Driver) Accounts(map[string]string) registry.Accounts { return registry.OneAccount }

// Examine wants a repository and an administrator.
func (*Driver) Examine(order registry.Order) error {
	if _, _, ok := repository(order); !ok {
		return errors.New("the tag ecs-guardrails:registry must name the owner and the repository, as in docker.cloudsmith.io/acme/images: an entitlement token is for one repository")
	}
	return order.ExamineAdministrator()
}

// repository gives the owner and repository that images' names begin with.
func repository(order registry.Order) (owner, name string, ok bool) {
	owner, name, _ = strings.Cut(order.Registry.Path, "/")
	return owner, name, owner != "" && name != "" && !strings.Contains(name, "/")
}

// token is an entitlement token; Token is shown where show_tokens asks for it,
// and when it is made.
type token struct {
	Slug  string `json:"slug_perm"`
	Name  string
	Token secret.Text
	// End is until when it may be used, "" without an end.
	End string `json:"limit_date_range_to"`
}

// Issue mints a token.
func (d *Driver) Issue(ctx context.Context, order registry.Order) (registry.Issued, error) {
	const doing = "the request for an entitlement token"
	var minted token
	_, err := d.api(order).Do(ctx, registry.Call{
		Method: http.MethodPost, Path: tokens(order), Doing: doing, Want: []int{http.StatusCreated},
		Query: url.Values{"show_tokens": {"true"}}, JSON: map[string]any{"name": order.TokenName(), "is_active": true},
	}, &minted)
	if err != nil {
		return registry.Issued{}, err
	}
	if minted.Token.IsZero() || minted.Slug == "" {
		return registry.Issued{}, registry.NotIssued(doing)
	}
	return registry.Issued{
		Credential: registry.Credential{Username: order.Current.Username, Password: minted.Token}, ID: minted.Slug, Version: order.Version,
	}, nil
}

// List gives the tokens that carry the names of this secret's.
func (d *Driver) List(ctx context.Context, order registry.Order) ([]registry.Issued, error) {
	return registry.Pages[[]token]{
		Call: registry.Call{Path: tokens(order), Doing: "the list of entitlement tokens", Query: url.Values{"page_size": {strconv.Itoa(pageSize)}}},
		Tokens: registry.Each(func(t token) registry.Token {
			return registry.Token{ID: t.Slug, Name: t.Name, Ends: registry.EndOf(t.End)}
		}),
		Last: func(_ []token, number int, header http.Header) bool {
			pages, err := strconv.Atoi(header.Get("X-Pagination-PageTotal"))
			return err == nil && number >= pages
		},
	}.List(ctx, d.api(order), order)
}

// Revoke deletes a token.
func (d *Driver) Revoke(ctx context.Context, order registry.Order, id string) error {
	return d.api(order).Delete(ctx, tokens(order)+url.PathEscape(id)+"/", "the deletion of an entitlement token")
}

func tokens(order registry.Order) string {
	owner, name, _ := repository(order)
	return "/v1/entitlements/" + url.PathEscape(owner) + "/" + url.PathEscape(name) + "/"
}

func (d *Driver) api(order registry.Order) *registry.API {
	return d.client.API(order.Administrator, probe, func(request *http.Request) {
		request.Header.Set("X-Api-Key", order.Administrator.Password.Reveal())
	})
}
