// Package gitlab is the driver for GitLab's container registry, by deploy
// tokens of a group or a project ("Deploy tokens API" in GitLab's
// documentation, doc/api/deploy_tokens.md; app/models/deploy_token.rb).
//
// GitLab mints the token. A group or project has any number of them, several
// with the same user name, so the old and the new one live side by side under
// one name. They are issued with the scope read_registry and without an end
// (expires_at). GitLab's own rotation of access tokens is not used: it revokes
// the old token at once, and a retried call revokes the whole family.
//
// The administrator's secret holds {"url": "https://gitlab.example.com",
// "token": "glpat-…"}: an access token with the scope api, of the role
// Maintainer for a project, Owner for a group.
package gitlab

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"ecsguardrails/shared/lazyregexp"
	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/secret"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "gitlab"

// OwnerTag is the secret's tag that says whose the tokens are, as in
// "groups/acme" or "projects/acme/tools/app".
const OwnerTag = "ecs-guardrails:gitlab"

// username is what GitLab takes for a deploy token's user name.
var username = lazyregexp.New(`^[a-zA-Z0-9.+_-]{1,255}$`)

// Driver implements registry.Driver and registry.Lister.
type Driver struct{ client *registry.Client }

// New makes the driver.
func New(client *registry.Client) *Driver { return &Driver{client} }

// Accounts says that tokens live side by side.
func (*Driver) Accounts() registry.Accounts { return registry.OneAccount }

// Examine wants the tokens' owner and an administrator.
func (*Driver) Examine(order registry.Order) error {
	if _, err := owner(order); err != nil {
		return err
	}
	if !username.MatchString(order.Current.Username) {
		return errors.New("a deploy token's user name has only letters, digits and . + _ -; change the secret's")
	}
	return order.ExamineAdministrator()
}

// token is a deploy token as GitLab shows it; Token only once.
type token struct {
	ID       int64
	Name     string
	Username string
	Token    secret.Text
	Revoked  bool
}

// Issue mints a token with the user name that the secret has.
func (d *Driver) Issue(ctx context.Context, order registry.Order) (registry.Issued, error) {
	path, err := owner(order)
	if err != nil {
		return registry.Issued{}, err
	}
	const doing = "the request for a deploy token"
	var minted token
	_, err = d.api(order).Do(ctx, registry.Call{
		Method: http.MethodPost, Path: path, Doing: doing, Want: []int{http.StatusCreated, http.StatusOK},
		JSON: map[string]any{"name": order.TokenName(), "username": order.Current.Username, "scopes": []string{"read_registry"}},
	}, &minted)
	if err != nil {
		return registry.Issued{}, err
	}
	if minted.Token.IsZero() || minted.Username != order.Current.Username {
		return registry.Issued{}, registry.NotIssued(doing)
	}
	return registry.Issued{
		Credential: registry.Credential{Username: order.Current.Username, Password: minted.Token},
		ID:         strconv.FormatInt(minted.ID, 10), Version: order.Version,
	}, nil
}

// List gives the tokens that carry the names of this secret's.
func (d *Driver) List(ctx context.Context, order registry.Order) ([]registry.Issued, error) {
	path, err := owner(order)
	if err != nil {
		return nil, err
	}
	var issued []registry.Issued
	page := "1"
	for range registry.MaxPages {
		var tokens []token
		header, err := d.api(order).Do(ctx, registry.Call{
			Method: http.MethodGet, Path: path, Doing: "the list of deploy tokens", Want: []int{http.StatusOK},
			Query: url.Values{"per_page": {"100"}, "page": {page}, "active": {"true"}},
		}, &tokens)
		if err != nil {
			return nil, err
		}
		for _, t := range tokens {
			if version, ours := order.TokenVersion(t.Name); ours && !t.Revoked {
				issued = append(issued, registry.Issued{ID: strconv.FormatInt(t.ID, 10), Version: version})
			}
		}
		// GitLab names the next page in a header ("Pagination", REST API).
		if page = header.Get("X-Next-Page"); page == "" {
			break
		}
	}
	return issued, nil
}

// Revoke deletes a token.
func (d *Driver) Revoke(ctx context.Context, order registry.Order, id string) error {
	path, err := owner(order)
	if err != nil {
		return err
	}
	_, err = d.api(order).Do(ctx, registry.Call{
		Method: http.MethodDelete, Path: path + "/" + url.PathEscape(id), Doing: "the deletion of a deploy token",
		Want: []int{http.StatusNoContent, http.StatusOK},
	}, nil)
	if registry.IsMissing(err) {
		return nil
	}
	return err
}

func (d *Driver) api(order registry.Order) *registry.API {
	return d.client.API(order.Administrator, func(request *http.Request) {
		request.Header.Set("PRIVATE-TOKEN", order.Administrator.Password.Reveal())
	})
}

// owner gives the path of the owner's tokens. An id may be a path, with its
// slashes escaped ("Namespaced paths", REST API).
func owner(order registry.Order) (string, error) {
	kind, id, _ := strings.Cut(order.Tags[OwnerTag], "/")
	if kind != "groups" && kind != "projects" || strings.Trim(id, "/") == "" {
		return "", errors.New("the tag " + OwnerTag + " must say whose deploy tokens they are, as in groups/acme or projects/acme/app")
	}
	return "/api/v4/" + kind + "/" + url.PathEscape(strings.Trim(id, "/")) + "/deploy_tokens", nil
}
