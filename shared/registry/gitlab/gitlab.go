// Package gitlab is the driver for GitLab's container registry, by deploy tokens
// or access tokens of a group or a project ("Deploy tokens API", "Group access
// tokens API" and "Project access tokens API" in GitLab's documentation;
// lib/api/resource_access_tokens.rb).
//
// GitLab mints the token. A group or project has any number of either kind, so
// the old and the new one live side by side, under the user name that the secret
// has: several deploy tokens may share one, and for an access token the registry
// takes any. They are issued with the scope read_registry alone. GitLab's own
// rotation of access tokens is not used: it revokes the old token at once, and a
// retried call revokes the whole family.
//
// A deploy token is issued without an end. An access token must have one, at
// most a year from now, or fewer days where the instance's administrator says
// so; it acts as a bot of its own with the role Reporter, the least that pulls
// from a private project. GitLab allows a number of requests per minute, and
// says with 429, Retry-After and RateLimit-Reset when to go on.
//
// The administrator's secret holds {"url": "https://gitlab.example.com",
// "token": "glpat-…"}: an access token with the scope api, of the role
// Maintainer for a project, Owner for a group. It must be a person's or service
// account's where access tokens are minted: one of a group or project mints none.
package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "gitlab"

// probe is a path that the API always has.
const probe = "/api/v4/version"

// OwnerTag is the secret's tag that says whose the tokens are, as in
// "groups/acme" or "projects/acme/tools/app".
const OwnerTag = "ecs-guardrails:gitlab"

// TokenTag is the secret's tag that says which kind of token it is: "deploy",
// which goes without saying, or "access"; "access/90" has access tokens end
// after so many days.
const TokenTag = "ecs-guardrails:gitlab-token"

// maxDays is how long an access token lives: GitLab refuses more than 365 days
// from its own today (app/models/personal_access_token.rb), which may be
// yesterday here.
const maxDays = 364

// reporter is the role's number in the API.
const reporter = 20

// username is what GitLab takes for a deploy token's user name.
var username = lazyregexp.New(`^[a-zA-Z0-9.+_-]{1,255}$`)

// Driver implements registry.Driver, registry.Lister and registry.Inspector.
type Driver struct {
	client *registry.Client
	now    func() time.Time
}

// New makes the driver; now is the clock that access tokens' ends are counted by.
func New(client *registry.Client, now func() time.Time) *Driver { return &Driver{client, now} }

// Accounts says that tokens live side by side.
func (*Driver) Accounts(map[string]string) registry.Accounts { return registry.OneAccount }

// kind is one of the two kinds of token.
type kind struct {
	// path is the tokens' own, below their owner's.
	path string
	// days is how long an access token lives; 0 makes it a deploy token.
	days int
}

func kindOf(order registry.Order) (kind, error) {
	name, limit, limited := strings.Cut(order.Tags[TokenTag], "/")
	switch {
	case name == "" && !limited, name == "deploy" && !limited:
		return kind{path: "/deploy_tokens"}, nil
	case name == "access" && !limited:
		return kind{"/access_tokens", maxDays}, nil
	}
	days, err := strconv.Atoi(limit)
	if name != "access" || err != nil || days < 1 || days > maxDays {
		return kind{}, fmt.Errorf("the tag %s must say deploy, access, or access/DAYS with at most %d days", TokenTag, maxDays)
	}
	return kind{"/access_tokens", days}, nil
}

// Examine wants the tokens' owner, an administrator, and tokens that live as
// long as they are needed.
func (*Driver) Examine(order registry.Order) error {
	if _, err := owner(order); err != nil {
		return err
	}
	kind, err := kindOf(order)
	switch {
	case err != nil:
		return err
	case kind.days > 0 && 2*order.Interval > time.Duration(kind.days)*24*time.Hour:
		return fmt.Errorf("an access token lives for %d days, and must outlive two rotations; rotate more often, or use deploy tokens", kind.days)
	case kind.days == 0 && !username.MatchString(order.Current.Username):
		return errors.New("a deploy token's user name has only letters, digits and . + _ -; change the secret's")
	}
	return order.ExamineAdministrator()
}

// token is either kind of token as GitLab shows it; Token only once. Deploy
// tokens have a user name, and are inactive where they are revoked or expired.
type token struct {
	ID       int64
	Name     string
	Username string
	Token    secret.Text
	Revoked  bool
	Active   *bool
	// End is an access token's last day, at whose beginning (UTC) it ends, or a
	// deploy token's time; "" for never.
	End string `json:"expires_at"`
}

func (t token) works() bool { return !t.Revoked && (t.Active == nil || *t.Active) }

// Issue mints a token with the user name that the secret has.
func (d *Driver) Issue(ctx context.Context, order registry.Order) (registry.Issued, error) {
	path, kind, err := tokens(order)
	if err != nil {
		return registry.Issued{}, err
	}
	body := map[string]any{"name": order.TokenName(), "scopes": []string{"read_registry"}}
	if kind.days > 0 {
		body["access_level"] = reporter
		body["expires_at"] = d.now().UTC().AddDate(0, 0, kind.days).Format(time.DateOnly)
	} else {
		body["username"] = order.Current.Username
	}
	const doing = "the request for a token"
	var minted token
	_, err = d.api(order).Do(ctx, registry.Call{
		Method: http.MethodPost, Path: path, Doing: doing, Want: []int{http.StatusCreated, http.StatusOK}, JSON: body,
	}, &minted)
	if err != nil {
		return registry.Issued{}, err
	}
	if minted.Token.IsZero() || kind.days == 0 && minted.Username != order.Current.Username {
		return registry.Issued{}, registry.NotIssued(doing)
	}
	return registry.Issued{
		Credential: registry.Credential{Username: order.Current.Username, Password: minted.Token},
		ID:         strconv.FormatInt(minted.ID, 10), Version: order.Version,
	}, nil
}

// List gives the tokens that carry the names of this secret's.
func (d *Driver) List(ctx context.Context, order registry.Order) ([]registry.Issued, error) {
	path, kind, err := tokens(order)
	if err != nil {
		return nil, err
	}
	return pages(path, kind).List(ctx, d.api(order), order)
}

// pages is the list of a kind's tokens that work.
func pages(path string, kind kind) registry.Pages[[]token] {
	filter := url.Values{"per_page": {"100"}, "active": {"true"}}
	if kind.days > 0 {
		filter = url.Values{"per_page": {"100"}, "state": {"active"}}
	}
	return registry.Pages[[]token]{
		Call: registry.Call{Path: path, Doing: "the list of tokens", Query: filter},
		Tokens: registry.Each(func(t token) registry.Token {
			if !t.works() {
				return registry.Token{ID: strconv.FormatInt(t.ID, 10), Inactive: true}
			}
			return registry.Token{ID: strconv.FormatInt(t.ID, 10), Name: t.Name, Ends: registry.EndOf(t.End), Username: t.Username}
		}),
		// GitLab names the next page in a header ("Pagination", REST API).
		Last: func(_ []token, _ int, header http.Header) bool { return header.Get("X-Next-Page") == "" },
	}
}

// Inspect tells the end of a deploy token that a person made: the only one with its
// user name. Where rotations have made others with it, List tells theirs. An access
// token can't be told by its user name.
func (d *Driver) Inspect(ctx context.Context, order registry.Order, username string) (registry.Standing, error) {
	path, kind, err := tokens(order)
	if err != nil || kind.days > 0 {
		return registry.Standing{}, err
	}
	var named []registry.Token
	err = pages(path, kind).Walk(ctx, d.api(order), func(token registry.Token) {
		if token.Username == username && !token.Inactive {
			named = append(named, token)
		}
	})
	if err != nil || len(named) != 1 {
		return registry.Standing{}, err
	}
	return registry.Standing{Ends: named[0].Ends}, nil
}

// Revoke deletes a token.
func (d *Driver) Revoke(ctx context.Context, order registry.Order, id string) error {
	path, _, err := tokens(order)
	if err != nil {
		return err
	}
	return d.api(order).Delete(ctx, path+"/"+url.PathEscape(id), "the deletion of a token")
}

func (d *Driver) api(order registry.Order) *registry.API {
	return d.client.API(order.Administrator, probe, func(request *http.Request) {
		request.Header.Set("PRIVATE-TOKEN", order.Administrator.Password.Reveal())
	})
}

// tokens gives the path of the secret's tokens.
func tokens(order registry.Order) (string, kind, error) {
	path, err := owner(order)
	if err != nil {
		return "", kind{}, err
	}
	kind, err := kindOf(order)
	return path + kind.path, kind, err
}

// owner gives the path of the tokens' owner. An id may be a path, with its
// slashes escaped ("Namespaced paths", REST API).
func owner(order registry.Order) (string, error) {
	kind, id, _ := strings.Cut(order.Tags[OwnerTag], "/")
	if kind != "groups" && kind != "projects" || strings.Trim(id, "/") == "" {
		return "", errors.New("the tag " + OwnerTag + " must say whose tokens they are, as in groups/acme or projects/acme/app")
	}
	return "/api/v4/" + kind + "/" + url.PathEscape(strings.Trim(id, "/")), nil
}
