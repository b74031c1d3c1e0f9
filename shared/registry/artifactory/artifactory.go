// Package artifactory is the driver for JFrog Artifactory, by access tokens
// ("Create Token", "Get Tokens" and "Revoke Token by ID" of the Access Tokens
// API, docs.jfrog.com; jfrog-client-go, access/services/accesstoken.go).
//
// JFrog mints the token. A user has any number of them, so the old and the new
// one live side by side. They are issued for the secret's user, with what that
// user may do (applied-permissions/user), and without an end (expires_in 0,
// which only administrators may ask for). The password is the token's reference
// of 64 characters where the platform makes one, and otherwise the token, of a
// kilobyte or more. Tokens are found again by their description, which the list
// filters by.
//
// The administrator's secret holds {"url": "https://acme.jfrog.io", "token":
// "…"}: an access token of the scope applied-permissions/admin.
package artifactory

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "artifactory"

// probe is a path that the API always has.
const probe = "/access/api/v1/system/ping"

const tokens = "/access/api/v1/tokens"

// maxUsername is JFrog's limit.
const maxUsername = 255

// Driver implements registry.Driver, registry.Lister and registry.Bound.
type Driver struct{ client *registry.Client }

// New makes the driver.
func New(client *registry.Client) *Driver { return &Driver{client} }

// Accounts says that tokens live side by side.
func (*Driver) Accounts(map[string]string) registry.Accounts { return registry.OneAccount }

// OwnAccount is never so: a person made the user.
func (*Driver) OwnAccount(registry.Order) bool { return false }

// Examine wants an administrator.
func (*Driver) Examine(order registry.Order) error {
	if len(order.Current.Username) > maxUsername {
		return errors.New("the secret's username is longer than the 255 characters that JFrog takes")
	}
	return order.ExamineAdministrator()
}

// Issue mints a token.
func (d *Driver) Issue(ctx context.Context, order registry.Order) (registry.Issued, error) {
	const doing = "the request for an access token"
	var minted struct {
		ID        string      `json:"token_id"`
		Token     secret.Text `json:"access_token"`
		Reference secret.Text `json:"reference_token"`
	}
	_, err := d.api(order).Do(ctx, registry.Call{
		Method: http.MethodPost, Path: tokens, Doing: doing, Want: []int{http.StatusOK},
		JSON: map[string]any{
			"grant_type": "client_credentials", "username": order.Current.Username, "scope": "applied-permissions/user",
			"expires_in": 0, "refreshable": false, "include_reference_token": true, "description": order.TokenName(),
		},
	}, &minted)
	if err != nil {
		return registry.Issued{}, err
	}
	password := minted.Reference
	if password.IsZero() {
		password = minted.Token
	}
	if password.IsZero() || minted.ID == "" {
		return registry.Issued{}, registry.NotIssued(doing)
	}
	return registry.Issued{
		Credential: registry.Credential{Username: order.Current.Username, Password: password},
		ID:         minted.ID, Version: order.Version,
	}, nil
}

// List gives the tokens that carry the descriptions of this secret's. The list
// has no pages; a filter by description may end in a wildcard.
func (d *Driver) List(ctx context.Context, order registry.Order) ([]registry.Issued, error) {
	every := order
	every.Version = "*"
	var listed struct {
		Tokens []struct {
			ID          string `json:"token_id"`
			Description string
			// Expiry is in seconds of Unix time, 0 for never.
			Expiry int64
		}
	}
	_, err := d.api(order).Do(ctx, registry.Call{
		Method: http.MethodGet, Path: tokens, Doing: "the list of access tokens", Want: []int{http.StatusOK},
		Query: url.Values{"description": {every.TokenName()}},
	}, &listed)
	if err != nil {
		return nil, err
	}
	var issued []registry.Issued
	for _, t := range listed.Tokens {
		if version, ours := order.TokenVersion(t.Description); ours {
			issued = append(issued, registry.Issued{ID: t.ID, Version: version, Ends: registry.UnixTime(t.Expiry)})
		}
	}
	return issued, nil
}

// Revoke ends a token: 200, or 204 for one that has ended already.
func (d *Driver) Revoke(ctx context.Context, order registry.Order, id string) error {
	return d.api(order).Delete(ctx, tokens+"/"+url.PathEscape(id), "the revocation of an access token")
}

func (d *Driver) api(order registry.Order) *registry.API {
	return d.client.API(order.Administrator, probe, order.Administrator.Bearer)
}
