// Package gitea is the driver for the container registries of Gitea and
// Forgejo, by access tokens of a user (templates/swagger/v1_json.tmpl,
// routers/api/v1/user/app.go).
//
// Gitea mints the token. A user has any number of them, so the old and the new
// one live side by side. They have no end; their scope is read:package. A name
// can be used once, and names are how a token is found again.
//
// The administrator's secret holds {"url": "https://gitea.example.com", "username":
// "…", "password": "…"} of the same user or of a site administrator, who may make
// and delete everybody's tokens. Better than a password is a token of the user's
// with the scopes write:user and read:package, as {"url": …, "token": "…"}: the
// token API takes it in the place of the password, also from users with a second
// factor, whose password alone is refused (seen on Gitea 1.27.3).
package gitea

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "gitea"

// probe is a path that the API always has.
const probe = "/api/v1/version"

// pageSize is Gitea's default for the most that a page may hold
// (api.MAX_RESPONSE_ITEMS).
const pageSize = 50

// Driver implements registry.Driver, registry.Lister and registry.Bound.
type Driver struct{ client *registry.Client }

// New makes the driver.
func New(client *registry.Client) *Driver { return &Driver{client} }

// Accounts says that tokens live side by side.
func (*Driver) Accounts(map[string]string) registry.Accounts { return registry.OneAccount }

// OwnAccount is never so: a person made the user.
func (*Driver) OwnAccount(registry.Order) bool { return false }

// Examine wants an administrator.
func (*Driver) Examine(order registry.Order) error { return order.ExamineAdministrator() }

// Issue mints a token.
func (d *Driver) Issue(ctx context.Context, order registry.Order) (registry.Issued, error) {
	const doing = "the request for an access token"
	var minted struct {
		ID   int64
		SHA1 secret.Text
	}
	_, err := d.api(order).Do(ctx, registry.Call{
		Method: http.MethodPost, Path: tokens(order), Doing: doing, Want: []int{http.StatusCreated},
		JSON: map[string]any{"name": order.TokenName(), "scopes": []string{"read:package"}},
	}, &minted)
	if err != nil {
		return registry.Issued{}, err
	}
	if minted.SHA1.IsZero() {
		return registry.Issued{}, registry.NotIssued(doing)
	}
	return registry.Issued{
		Credential: registry.Credential{Username: order.Current.Username, Password: minted.SHA1},
		ID:         strconv.FormatInt(minted.ID, 10), Version: order.Version,
	}, nil
}

// listed is a token as the list shows it.
type listed struct {
	ID   int64
	Name string
}

// List gives the tokens that carry the names of this secret's.
func (d *Driver) List(ctx context.Context, order registry.Order) ([]registry.Issued, error) {
	return registry.Pages[[]listed]{
		Call:   registry.Call{Path: tokens(order), Doing: "the list of access tokens", Query: url.Values{"limit": {strconv.Itoa(pageSize)}}},
		Tokens: registry.Each(func(t listed) registry.Token { return registry.Token{ID: strconv.FormatInt(t.ID, 10), Name: t.Name} }),
	}.List(ctx, d.api(order), order)
}

// Revoke deletes a token.
func (d *Driver) Revoke(ctx context.Context, order registry.Order, id string) error {
	return d.api(order).Delete(ctx, tokens(order)+"/"+url.PathEscape(id), "the deletion of an access token")
}

func (d *Driver) api(order registry.Order) *registry.API {
	administrator := order.Administrator
	if administrator.Username == "" {
		// A token's owner is the user whose tokens it makes.
		administrator.Username = order.Current.Username
	}
	return d.client.API(administrator, probe, administrator.Basic)
}

func tokens(order registry.Order) string {
	return "/api/v1/users/" + url.PathEscape(order.Current.Username) + "/tokens"
}
