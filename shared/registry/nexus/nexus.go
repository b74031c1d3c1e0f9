// Package nexus is the driver for Docker repositories of Sonatype Nexus
// Repository 3, by passwords of local users ("Security management: users" of
// its REST API; nexus-public, UserApiResource.java).
//
// A user has one password, so two users take turns: "ci" and "ci_clone". Both
// must exist, with the same roles. Passwords have no end. The password is
// changed without the old one, and the one before ends at once.
//
// The administrator's secret holds {"url": "https://nexus.example.com",
// "username": "…", "password": "…"} of a user with the privilege nexus:*, which
// the change of a password needs. The URL is that of the REST API; images are
// often pulled from another port, a connector's.
package nexus

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "nexus"

// probe is a path that the API always has.
const probe = "/service/rest/v1/status"

// Driver implements registry.Driver, registry.Installer and registry.Inspector.
type Driver struct {
	client *registry.Client
	random io.Reader
}

// New makes the driver; random is the source of its passwords.
func New(client *registry.Client, random io.Reader) *Driver { return &Driver{client, random} }

// Accounts says that two users take turns.
func (*Driver) Accounts(map[string]string) registry.Accounts { return registry.TwoAccounts }

// Examine wants an administrator.
func (*Driver) Examine(order registry.Order) error { return order.ExamineAdministrator() }

// Issue chooses a password for the standby user.
func (d *Driver) Issue(_ context.Context, order registry.Order) (registry.Issued, error) {
	return registry.ChoosePassword(d.random, order)
}

// Install sets the user's password. The body is the password itself, as plain
// text; a change to the same password is a success as well.
func (d *Driver) Install(ctx context.Context, order registry.Order, credential registry.Credential) error {
	_, err := d.client.API(order.Administrator, probe, order.Administrator.Basic).Do(ctx, registry.Call{
		Method: http.MethodPut, Path: "/service/rest/v1/security/users/" + url.PathEscape(credential.Username) + "/change-password",
		Text: credential.Password.Reveal(), Doing: "the change of a user's password", Want: []int{http.StatusNoContent},
	}, nil)
	return err
}

// Revoke gives a user a random password that is thrown away.
func (d *Driver) Revoke(ctx context.Context, order registry.Order, id string) error {
	password, err := registry.NewPassword(d.random)
	if err != nil {
		return err
	}
	return d.Install(ctx, order, registry.Credential{Username: id, Password: password})
}

// Inspect tells whether a user is switched off, or has no role at all. What its
// roles allow is seen by a pull.
func (d *Driver) Inspect(ctx context.Context, order registry.Order, username string) (registry.Standing, error) {
	var listed []struct {
		UserID        string `json:"userId"`
		Status        string
		Roles         []string
		ExternalRoles []string `json:"externalRoles"`
	}
	// The id is a text to search for, which others may have in theirs.
	_, err := d.client.API(order.Administrator, probe, order.Administrator.Basic).Do(ctx, registry.Call{
		Method: http.MethodGet, Path: "/service/rest/v1/security/users", Query: url.Values{"userId": {username}, "source": {"default"}},
		Doing: "the look at a user", Want: []int{http.StatusOK},
	}, &listed)
	if err != nil {
		return registry.Standing{}, err
	}
	for _, user := range listed {
		if user.UserID != username {
			continue
		}
		standing := registry.Standing{Disabled: user.Status == "disabled" || user.Status == "locked"}
		if len(user.Roles) == 0 && len(user.ExternalRoles) == 0 {
			standing.Pull = registry.RightMissing
		}
		return standing, nil
	}
	return registry.Standing{}, registry.NotThere("the local user " + order.Whose(username))
}
