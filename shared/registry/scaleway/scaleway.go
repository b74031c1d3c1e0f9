// Package scaleway is the driver for Scaleway's Container Registry, by API keys
// of an IAM application (https://www.scaleway.com/en/developers/api/iam/,
// "API keys").
//
// Scaleway mints the key. An application has several, so the old and the new one
// live side by side. They are issued without an end. docker login takes the
// secret key as the password, with any user name; Scaleway's documentation writes
// "nologin".
//
// The administrator's secret holds {"url": "https://api.scaleway.com", "username":
// "APPLICATION_ID", "password": "SECRET_KEY"}: the application that the keys are
// for, whose policy lets it read container registries and nothing else
// (ContainerRegistryReadOnly), and the secret key of somebody with IAMManager.
package scaleway

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "scaleway"

// keys is the API's path of API keys.
const keys = "/iam/v1alpha1/api-keys"

// pageSize is the most that a page may hold.
const pageSize = 100

// application is the form of an application's id.
var application = lazyregexp.New(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// Driver implements registry.Driver and registry.Lister.
type Driver struct{ client *registry.Client }

// New makes the driver.
func New(client *registry.Client) *Driver { return &Driver{client} }

// Accounts says that keys live side by side.
func (*Driver) Accounts(map[string]string) registry.Accounts { return registry.OneAccount }

// Examine wants Scaleway's registry, an application and an administrator.
func (*Driver) Examine(order registry.Order) error {
	switch {
	case !strings.HasSuffix(order.Registry.Host, ".scw.cloud"):
		return errors.New("the driver scaleway is for registries such as rg.fr-par.scw.cloud alone")
	case !application.MatchString(order.Administrator.Username):
		return errors.New(`the administrator's secret must hold the id of the IAM application that the keys are for under "username"`)
	}
	return order.ExamineAdministrator()
}

// key is an API key; Secret is only in the answer that makes it.
type key struct {
	Access      string      `json:"access_key"`
	Secret      secret.Text `json:"secret_key"`
	Description string
	// End is when it stops working, "" for never.
	End string `json:"expires_at"`
}

// Issue mints a key.
func (d *Driver) Issue(ctx context.Context, order registry.Order) (registry.Issued, error) {
	const doing = "the request for an API key"
	var minted key
	_, err := d.api(order).Do(ctx, registry.Call{
		Method: http.MethodPost, Path: keys, Doing: doing, Want: []int{http.StatusOK, http.StatusCreated},
		JSON: map[string]any{"application_id": order.Administrator.Username, "description": order.TokenName()},
	}, &minted)
	if err != nil {
		return registry.Issued{}, err
	}
	if minted.Secret.IsZero() || minted.Access == "" {
		return registry.Issued{}, registry.NotIssued(doing)
	}
	return registry.Issued{
		Credential: registry.Credential{Username: order.Current.Username, Password: minted.Secret}, ID: minted.Access, Version: order.Version,
	}, nil
}

// listing is a page of API keys.
type listing struct {
	Keys []key `json:"api_keys"`
}

// List gives the keys that carry the descriptions of this secret's.
func (d *Driver) List(ctx context.Context, order registry.Order) ([]registry.Issued, error) {
	tokens := registry.Each(func(k key) registry.Token {
		return registry.Token{ID: k.Access, Name: k.Description, Ends: registry.EndOf(k.End)}
	})
	return registry.Pages[listing]{
		Call: registry.Call{
			Path: keys, Doing: "the list of API keys",
			Query: url.Values{"bearer_id": {order.Administrator.Username}, "page_size": {strconv.Itoa(pageSize)}},
		},
		Tokens: func(page listing) []registry.Token { return tokens(page.Keys) },
	}.List(ctx, d.api(order), order)
}

// Revoke deletes a key.
func (d *Driver) Revoke(ctx context.Context, order registry.Order, id string) error {
	return d.api(order).Delete(ctx, keys+"/"+url.PathEscape(id), "the deletion of an API key")
}

func (d *Driver) api(order registry.Order) *registry.API {
	return d.client.API(order.Administrator, "", func(request *http.Request) {
		request.Header.Set("X-Auth-Token", order.Administrator.Password.Reveal())
	})
}
