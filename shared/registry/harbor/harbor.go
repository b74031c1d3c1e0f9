// Package harbor is the driver for Harbor, by robot accounts (api/v2.0/swagger.yaml,
// src/server/v2.0/handler/robot.go).
//
// Each rotation makes a robot of its own, which may pull from the projects of the
// one in use and nothing else: the old and the new one live side by side, a
// wrongly made robot is never taken, and an end date that somebody gave the first
// robot (Harbor's default is 30 days) ends with it. The new robot has none.
// Project robots are made by a user or robot with the rights to create, list and
// delete robots there (Harbor 2.12 or newer for robots), system robots by a
// system administrator or such a robot of the system. In OIDC mode a person's CLI
// secret isn't accepted for robots (harbor#22632), so the administrator is a robot
// or the local administrator.
//
// The driver "harbor-alternate" has two robots take turns instead, for older
// versions: "robot$acme+ci" and "robot$acme+ci_clone", or "robot$ci" and
// "robot$ci_clone" for robots of the system. Both must exist, with the same
// permissions. A refreshed secret is the robot's only one at once, and doesn't
// prolong a robot that has an end (expires_at): make them with the duration -1.
// The secret is ours to choose, of 8 to 128 characters with an upper-case letter,
// a lower-case one and a digit; Harbor does not repeat it in its answer. Here the
// administrator can't be a robot: Harbor lets robots make, list and delete
// robots, and update none (src/common/rbac/const.go, NolimitProvider).
//
// The administrator's secret holds {"url": "https://harbor.example.com",
// "username": "…", "password": "…"}.
package harbor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "harbor"

// probe is a path that the API always has.
const probe = "/api/v2.0/ping"

// pageSize is the most that Harbor gives in a page.
const pageSize = 100

// robotName is what Harbor lets robots be called (validateName).
var robotName = lazyregexp.New(`^[a-z0-9]+(?:[._-][a-z0-9]+)*$`)

// NameAlternate is that of the driver by two robots that take turns.
const NameAlternate = "harbor-alternate"

// Driver makes a robot for each rotation. It implements registry.Driver,
// registry.Lister, registry.Inspector and registry.Bound.
type Driver struct{ robots }

// New makes the driver.
func New(client *registry.Client) *Driver { return &Driver{robots{client}} }

// Accounts says that each credential is a robot of its own.
func (*Driver) Accounts(map[string]string) registry.Accounts { return registry.NewAccount }

// Alternate refreshes the secrets of two robots in turn. It implements
// registry.Driver, registry.Installer and registry.Inspector.
type Alternate struct {
	robots
	random io.Reader
}

// NewAlternate makes the driver; random is the source of its secrets.
func NewAlternate(client *registry.Client, random io.Reader) *Alternate {
	return &Alternate{robots{client}, random}
}

// Accounts says that two robots take turns.
func (*Alternate) Accounts(map[string]string) registry.Accounts { return registry.TwoAccounts }

// robots are a Harbor's.
type robots struct{ client *registry.Client }

// Examine wants a robot and an administrator.
func (robots) Examine(order registry.Order) error {
	if order.Current.Username == "" || strings.Contains(order.Current.Username, "+") && projectOf(order, order.Current.Username) == "" {
		return errors.New("the secret's username must be a robot's as Harbor shows it, as in robot$acme+ci; where Harbor's robots have another prefix, the tag ecs-guardrails:registry must name their project, as in harbor.example.com/acme")
	}
	return order.ExamineAdministrator()
}

// Examine also wants a version that can be part of a robot's name.
func (d *Driver) Examine(order registry.Order) error {
	if strings.ToLower(order.Version) != order.Version {
		return errors.New("the version's id must have no upper-case letters: it is part of the robot's name, which Harbor has in lower case")
	}
	return d.robots.Examine(order)
}

// projectOf gives the project of a robot, by its login name: PREFIX, then
// PROJECT+NAME, or NAME alone for a robot of the system. An administrator of
// Harbor chooses the prefix ("robot$", "bot-", "robot_"), so that the project is
// known by the registry's path where the prefix does not end in "$".
func projectOf(order registry.Order, username string) string {
	before, _, ofProject := strings.Cut(username, "+")
	if !ofProject {
		return ""
	}
	if project, usual := strings.CutPrefix(before, defaultPrefix); usual {
		return project
	}
	project, _, _ := strings.Cut(order.Registry.Path, "/")
	if project != "" && strings.HasSuffix(before, project) {
		return project
	}
	_, project, _ = strings.Cut(before, "$")
	return project
}

// defaultPrefix is what robots' names begin with where no administrator of Harbor
// has chosen something else (robot_name_prefix).
const defaultPrefix = "robot$"

// Issue makes a robot that may pull what the one in use may.
func (d *Driver) Issue(ctx context.Context, order registry.Order) (registry.Issued, error) {
	current, err := d.find(ctx, order, order.Current.Username)
	if err != nil {
		return registry.Issued{}, err
	}
	pulls := current.pulls()
	if len(pulls) == 0 {
		// A robot that may not pull has no successor that may.
		return registry.Issued{}, registry.NotThere("a project that the robot in use may pull from")
	}
	body := map[string]any{
		"name": order.TokenName(), "description": "Made by ECS Guardrails (rotate-secret); deleted after the next rotation.",
		"level": current.Level, "duration": -1, "disable": false, "permissions": pulls,
	}
	const doing = "the making of a robot"
	var minted struct {
		ID     int64
		Name   string
		Secret secret.Text
	}
	_, err = d.api(order).Do(ctx, registry.Call{Method: http.MethodPost, Path: "/api/v2.0/robots", JSON: body, Doing: doing, Want: []int{http.StatusCreated}}, &minted)
	if err != nil {
		return registry.Issued{}, err
	}
	if minted.Secret.IsZero() || minted.Name == "" {
		return registry.Issued{}, registry.NotIssued(doing)
	}
	return registry.Issued{
		Credential: registry.Credential{Username: minted.Name, Password: minted.Secret}, ID: strconv.FormatInt(minted.ID, 10), Version: order.Version,
	}, nil
}

// versionOf gives the version that a robot was made for, by its login name.
func versionOf(order registry.Order, name string) (string, bool) {
	index := strings.LastIndex(name, namePrefix(order))
	if index < 0 {
		return "", false
	}
	return order.TokenVersion(name[index:])
}

func namePrefix(order registry.Order) string {
	return strings.TrimSuffix(order.TokenName(), order.Version)
}

// OwnAccount reports whether the robot in use carries this secret's mark. Any other
// one may have projects that the secret's owner has no right to.
func (*Driver) OwnAccount(order registry.Order) bool {
	_, ours := versionOf(order, order.Current.Username)
	return ours
}

// List gives the robots that carry the names of this secret's.
func (d *Driver) List(ctx context.Context, order registry.Order) ([]registry.Issued, error) {
	var issued []registry.Issued
	err := d.each(ctx, order, order.Current.Username, strings.TrimSuffix(namePrefix(order), "-"), func(r account) bool {
		if version, ours := versionOf(order, r.Name); ours {
			issued = append(issued, registry.Issued{Credential: registry.Credential{Username: r.Name}, ID: strconv.FormatInt(r.ID, 10), Version: version, Ends: registry.UnixTime(r.ExpiresAt)})
		}
		return false
	})
	return issued, err
}

// Inspect gives a robot's standing.
func (d robots) Inspect(ctx context.Context, order registry.Order, username string) (registry.Standing, error) {
	r, err := d.find(ctx, order, username)
	if err != nil {
		return registry.Standing{}, err
	}
	standing := registry.Standing{Disabled: r.Disable, Pull: registry.RightMissing, Ends: registry.UnixTime(r.ExpiresAt)}
	project, _, _ := strings.Cut(order.Registry.Path, "/")
	for _, allowed := range r.pulls() {
		switch {
		case project == "":
			// Which projects' images are pulled is not known here.
			standing.Pull = registry.RightUnknown
		case allowed.Namespace == project || allowed.Namespace == "*":
			standing.Pull = registry.RightGranted
		}
		if standing.Pull != registry.RightMissing {
			break
		}
	}
	return standing, nil
}

// account is a robot as Harbor lists it.
type account struct {
	ID      int64
	Name    string
	Level   string
	Disable bool
	// ExpiresAt is in seconds of Unix time; -1 is never.
	ExpiresAt   int64 `json:"expires_at"`
	Permissions []permission
}

type permission struct {
	Kind      string   `json:"kind"`
	Namespace string   `json:"namespace"`
	Access    []access `json:"access"`
}

type access struct {
	Resource string `json:"resource"`
	Action   string `json:"action"`
	Effect   string `json:"effect,omitempty"`
}

// pulls gives the projects that a robot may pull from, and of its permissions
// there that one alone. A denial wins.
func (a account) pulls() (pulls []permission) {
	denied := map[string]bool{}
	for _, p := range a.Permissions {
		if slices.ContainsFunc(p.Access, func(each access) bool { return each.isPull() && each.Effect == "deny" }) {
			denied[p.Namespace] = true
		}
	}
	for _, p := range a.Permissions {
		if p.Kind == "project" && !denied[p.Namespace] && slices.ContainsFunc(p.Access, access.isPull) {
			pulls = append(pulls, permission{Kind: p.Kind, Namespace: p.Namespace, Access: []access{{Resource: "repository", Action: "pull"}}})
		}
	}
	return pulls
}

// isPull reports whether a permission is about pulls. Robots of older versions have
// * for everything.
func (a access) isPull() bool {
	return (a.Resource == "repository" || a.Resource == "*") && (a.Action == "pull" || a.Action == "*")
}

// Revoke deletes a robot.
func (d *Driver) Revoke(ctx context.Context, order registry.Order, id string) error {
	return d.api(order).Delete(ctx, "/api/v2.0/robots/"+url.PathEscape(id), "the deletion of a robot")
}

// Issue chooses a secret for the standby robot.
func (d *Alternate) Issue(_ context.Context, order registry.Order) (registry.Issued, error) {
	return registry.ChoosePassword(d.random, order)
}

// Install finds the robot and sets its secret.
func (d *Alternate) Install(ctx context.Context, order registry.Order, credential registry.Credential) error {
	r, err := d.find(ctx, order, credential.Username)
	if err != nil {
		return err
	}
	_, err = d.api(order).Do(ctx, registry.Call{
		Method: http.MethodPatch, Path: "/api/v2.0/robots/" + strconv.FormatInt(r.ID, 10),
		JSON: map[string]string{"secret": credential.Password.Reveal()}, Doing: "the refreshing of a robot's secret", Want: []int{http.StatusOK},
	}, nil)
	return err
}

// Revoke gives a robot a random secret that is thrown away.
func (d *Alternate) Revoke(ctx context.Context, order registry.Order, id string) error {
	password, err := registry.NewPassword(d.random)
	if err != nil {
		return err
	}
	return d.Install(ctx, order, registry.Credential{Username: id, Password: password})
}

// find gives the robot of a login name.
func (d robots) find(ctx context.Context, order registry.Order, username string) (found account, err error) {
	_, name, ofProject := strings.Cut(username, "+")
	if !ofProject {
		_, name, _ = strings.Cut(username, "$")
	}
	isThere := false
	err = d.each(ctx, order, username, name, func(r account) bool {
		if r.Name == username {
			found, isThere = r, true
		}
		return isThere
	})
	if err == nil && !isThere {
		err = registry.NotThere("the robot " + order.Whose(username))
	}
	return found, err
}

// each goes through the robots of a robot's project, or of the system, whose
// names hold a text, until stop says so.
func (d robots) each(ctx context.Context, order registry.Order, username, name string, stop func(account) bool) error {
	query := "Level=system"
	if project := projectOf(order, username); project != "" {
		var found struct {
			ID int64 `json:"project_id"`
		}
		_, err := d.api(order).Do(ctx, registry.Call{
			Method: http.MethodGet, Path: "/api/v2.0/projects/" + url.PathEscape(project), Doing: "the look at the robot's project", Want: []int{http.StatusOK},
		}, &found)
		if err != nil {
			return err
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
		var listed []account
		_, err := d.api(order).Do(ctx, registry.Call{
			Method: http.MethodGet, Path: "/api/v2.0/robots", Doing: "the list of robots", Want: []int{http.StatusOK},
			Query: url.Values{"q": {query}, "page": {strconv.Itoa(page + 1)}, "page_size": {strconv.Itoa(pageSize)}},
		}, &listed)
		if err != nil {
			return err
		}
		for _, r := range listed {
			if stop(r) {
				return nil
			}
		}
		if len(listed) == 0 {
			break
		}
	}
	return nil
}

func (d robots) api(order registry.Order) *registry.API {
	return d.client.API(order.Administrator, probe, func(request *http.Request) {
		order.Administrator.Basic(request)
		// A project named by digits would otherwise be taken for an id.
		request.Header.Set("X-Is-Resource-Name", "true")
	})
}
