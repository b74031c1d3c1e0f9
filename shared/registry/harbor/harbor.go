// Package harbor is the driver for Harbor, by robot accounts (api/v2.0/swagger.yaml,
// src/server/v2.0/handler/robot.go).
//
// A robot has one secret, so two robots take turns: "robot$acme+ci" and
// "robot$acme+ci_clone", or "robot$ci" and "robot$ci_clone" for robots of the
// system. Both must exist, with the same permissions. A refreshed secret is the
// robot's only one at once. Refreshing does not prolong a robot that has an end
// (expires_at): make them with the duration -1. The secret is ours to choose,
// of 8 to 128 characters with an upper-case letter, a lower-case one and a
// digit; Harbor does not repeat it in its answer.
//
// The administrator's secret holds {"url": "https://harbor.example.com",
// "username": "…", "password": "…"} of a user who may list and update robots of
// the project (project admin) or of the system (system admin). It cannot be a
// robot's: Harbor lets robots make, list and delete robots, and update none
// (src/common/rbac/const.go, NolimitProvider).
package harbor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"ecsguardrails/shared/lazyregexp"
	"ecsguardrails/shared/registry"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "harbor"

// probe is a path that the API always has.
const probe = "/api/v2.0/ping"

// pageSize is the most that Harbor gives in a page.
const pageSize = 100

// robotName is what Harbor lets robots be called (validateName).
var robotName = lazyregexp.New(`^[a-z0-9]+(?:[._-][a-z0-9]+)*$`)

// Driver implements registry.Driver and registry.Installer.
type Driver struct {
	client *registry.Client
	random io.Reader
}

// New makes the driver; random is the source of its secrets.
func New(client *registry.Client, random io.Reader) *Driver { return &Driver{client, random} }

// Accounts says that two robots take turns.
func (*Driver) Accounts(map[string]string) registry.Accounts { return registry.TwoAccounts }

// Examine wants a robot and an administrator.
func (*Driver) Examine(order registry.Order) error {
	if _, _, ok := robot(order.Current.Username); !ok {
		return errors.New(`the secret's username must be a robot's as Harbor shows it, as in robot$acme+ci; a prefix of your own must end in "$"`)
	}
	return order.ExamineAdministrator()
}

// robot takes a robot's login name apart: the prefix, whose default is "robot$",
// the project, "" for a robot of the system, and the name.
func robot(username string) (project, name string, ok bool) {
	_, rest, ok := strings.Cut(username, "$")
	project, name, ofProject := strings.Cut(rest, "+")
	if !ofProject {
		project, name = "", rest
	}
	return project, name, ok && name != "" && (project != "" || !ofProject)
}

// Issue chooses a secret for the robot whose turn it is.
func (d *Driver) Issue(_ context.Context, order registry.Order) (registry.Issued, error) {
	return registry.ChoosePassword(d.random, order)
}

// Install finds the robot and sets its secret.
func (d *Driver) Install(ctx context.Context, order registry.Order, credential registry.Credential) error {
	id, err := d.find(ctx, order, credential.Username)
	if err != nil {
		return err
	}
	_, err = d.api(order).Do(ctx, registry.Call{
		Method: http.MethodPatch, Path: "/api/v2.0/robots/" + strconv.FormatInt(id, 10),
		JSON: map[string]string{"secret": credential.Password.Reveal()}, Doing: "the refreshing of a robot's secret", Want: []int{http.StatusOK},
	}, nil)
	return err
}

// Revoke gives a robot a secret that nobody knows.
func (d *Driver) Revoke(ctx context.Context, order registry.Order, id string) error {
	password, err := registry.NewPassword(d.random)
	if err != nil {
		return err
	}
	return d.Install(ctx, order, registry.Credential{Username: id, Password: password})
}

// find gives a robot's id. Robots are listed for a project's id, or for the system.
func (d *Driver) find(ctx context.Context, order registry.Order, username string) (int64, error) {
	project, name, ok := robot(username)
	if !ok {
		return 0, errors.New("the robot's name is not one")
	}
	query := "Level=system"
	if project != "" {
		var found struct {
			ID int64 `json:"project_id"`
		}
		_, err := d.api(order).Do(ctx, registry.Call{
			Method: http.MethodGet, Path: "/api/v2.0/projects/" + url.PathEscape(project), Doing: "the look at the robot's project", Want: []int{http.StatusOK},
		}, &found)
		if err != nil {
			return 0, err
		}
		query = fmt.Sprintf("Level=project,ProjectID=%d", found.ID)
	}
	// Of each robot the list tells all permissions, which for some hundred robots of
	// many projects is more than is read of an answer. Of what robots are called
	// nothing has a meaning in a query.
	if robotName.MatchString(name) {
		query += ",name=~" + name
	}
	for page := range registry.MaxPages {
		var robots []struct {
			ID   int64
			Name string
		}
		_, err := d.api(order).Do(ctx, registry.Call{
			Method: http.MethodGet, Path: "/api/v2.0/robots", Doing: "the list of robots", Want: []int{http.StatusOK},
			Query: url.Values{"q": {query}, "page": {strconv.Itoa(page + 1)}, "page_size": {strconv.Itoa(pageSize)}},
		}, &robots)
		if err != nil {
			return 0, err
		}
		for _, r := range robots {
			if r.Name == username {
				return r.ID, nil
			}
		}
		if len(robots) == 0 {
			break
		}
	}
	return 0, registry.NotThere("the robot whose turn it is")
}

func (d *Driver) api(order registry.Order) *registry.API {
	return d.client.API(order.Administrator, probe, func(request *http.Request) {
		order.Administrator.Basic(request)
		// A project named by digits would otherwise be taken for an id.
		request.Header.Set("X-Is-Resource-Name", "true")
	})
}
