// Package quay is the driver for Quay, quay.io or one's own, by robot accounts
// (endpoints/api/robot.py).
//
// A robot has one token, so two robots take turns: "acme+ci" and
// "acme+ci_clone". Both must exist, with the same permissions and teams. Quay
// makes the token: a regenerated one is the robot's only one at once, and never
// ends.
//
// The administrator's secret holds {"url": "https://quay.io", "token": "…"}: an
// OAuth access token with the scope org:admin, of an administrator of the
// organization. For the robots of a user's own namespace it is that user's, with
// the scope user:admin, and the tag ecs-guardrails:quay says "user".
package quay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "quay"

// NamespaceTag is the secret's tag that says whose namespace the robot is in:
// "organization", which goes without saying, or "user".
const NamespaceTag = "ecs-guardrails:quay"

// probe is a path that the API always has.
const probe = "/api/v1/discovery"

// Driver implements registry.Driver and registry.Inspector.
type Driver struct{ client *registry.Client }

// New makes the driver.
func New(client *registry.Client) *Driver { return &Driver{client} }

// Accounts says that two robots take turns.
func (*Driver) Accounts(map[string]string) registry.Accounts { return registry.TwoAccounts }

// Examine wants an organization's robot and an administrator.
func (*Driver) Examine(order registry.Order) error {
	if organization, name, _ := strings.Cut(order.Current.Username, "+"); organization == "" || name == "" {
		return errors.New("the secret's username must be a robot's, as in acme+ci")
	}
	if kind := order.Tags[NamespaceTag]; kind != "" && kind != "organization" && kind != "user" {
		return fmt.Errorf("the tag %s must say organization or user", NamespaceTag)
	}
	return order.ExamineAdministrator()
}

// Issue regenerates the token of the standby robot. Nothing uses that
// robot's old token: it is the one before the current one, at best. So a run
// after a crash regenerates it again.
func (d *Driver) Issue(ctx context.Context, order registry.Order) (registry.Issued, error) {
	token, err := d.regenerate(ctx, order, order.Next)
	if err != nil {
		return registry.Issued{}, err
	}
	return registry.Issued{Credential: registry.Credential{Username: order.Next, Password: token}, ID: order.Next, Version: order.Version}, nil
}

// Revoke regenerates a robot's token and forgets it.
func (d *Driver) Revoke(ctx context.Context, order registry.Order, id string) error {
	_, err := d.regenerate(ctx, order, id)
	return err
}

func (d *Driver) regenerate(ctx context.Context, order registry.Order, username string) (secret.Text, error) {
	const doing = "the regeneration of a robot's token"
	var robot struct {
		Name  string
		Token secret.Text
	}
	_, err := d.client.API(order.Administrator, probe, order.Administrator.Bearer).Do(ctx, registry.Call{
		Method: http.MethodPost, Path: robots(order, username) + "/" + url.PathEscape(shortName(username)) + "/regenerate",
		Doing: doing, Want: []int{http.StatusOK},
	}, &robot)
	// An unknown robot is a 400 (data/model/user.py, InvalidRobotException).
	if failure, ok := errors.AsType[*registry.Error](err); ok && failure.Status == http.StatusBadRequest {
		return secret.Text{}, registry.NotThere("the robot " + order.Whose(username))
	}
	if err != nil {
		return secret.Text{}, err
	}
	if robot.Token.IsZero() || robot.Name != username {
		return secret.Text{}, registry.NotIssued(doing)
	}
	return robot.Token, nil
}

// robots gives the path of the robots of a user's namespace.
func robots(order registry.Order, username string) string {
	if order.Tags[NamespaceTag] == "user" {
		return "/api/v1/user/robots"
	}
	namespace, _, _ := strings.Cut(username, "+")
	return "/api/v1/organization/" + url.PathEscape(namespace) + "/robots"
}

// shortName gives a robot's name without its namespace, as paths have it.
func shortName(username string) string {
	_, name, _ := strings.Cut(username, "+")
	return name
}

// Inspect tells whether a robot may pull anything: the list of robots has the
// teams and repositories of each (endpoints/api/robot.py, permissions=true). A
// robot without either logs in all the same.
func (d *Driver) Inspect(ctx context.Context, order registry.Order, username string) (registry.Standing, error) {
	var listed struct {
		Robots []struct {
			Name         string
			Teams        []json.RawMessage
			Repositories []string
		}
	}
	_, err := d.client.API(order.Administrator, probe, order.Administrator.Bearer).Do(ctx, registry.Call{
		Method: http.MethodGet, Path: robots(order, username), Query: url.Values{"permissions": {"true"}, "token": {"false"}},
		Doing: "the list of robots", Want: []int{http.StatusOK},
	}, &listed)
	if err != nil {
		return registry.Standing{}, err
	}
	for _, robot := range listed.Robots {
		switch {
		case robot.Name != username:
		case len(robot.Teams) == 0 && len(robot.Repositories) == 0:
			return registry.Standing{Pull: registry.RightMissing}, nil
		default:
			// Of which repositories a team makes it a reader is seen by a pull.
			return registry.Standing{}, nil
		}
	}
	return registry.Standing{}, registry.NotThere("the robot " + order.Whose(username))
}
