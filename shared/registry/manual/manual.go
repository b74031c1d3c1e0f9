// Package manual is the driver for registries where nothing can be minted by an
// API: GitHub's container registry (classic personal access tokens), and vendors
// who send a key. A person makes the new credential and puts it where the
// function finds it; the function tests the pull, makes it the current one,
// writes it into the listed files, and reminds when the next one is due.
//
// The new credential is the content of the secret that the tag
// ecs-guardrails:admin-secret names: {"username": "…", "password": "…",
// "secrets": ["NAME"]}, or "token" in the place of the password; "username" may
// be left out where it stays the same. "secrets" lists the secrets that it is
// for. Or a person puts the value in as AWSPENDING, and asks for a rotation with
// that version's id.
//
// The previous credential can't be ended by this driver: a look between
// rotations says when it may be deleted at the registry.
package manual

import (
	"cmp"
	"context"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "manual"

// Driver implements registry.Driver and registry.Supplied.
type Driver struct{}

// New makes the driver.
func New() Driver { return Driver{} }

// Accounts says that the new credential may be any user's.
func (Driver) Accounts(map[string]string) registry.Accounts { return registry.NewAccount }

// Examine wants nothing: the value may also be put in as AWSPENDING.
func (Driver) Examine(registry.Order) error { return nil }

// Supply gives the credential that a person has left, and whether there is one
// that isn't in use already.
func (Driver) Supply(order registry.Order) (registry.Credential, bool) {
	left := registry.Credential{Username: cmp.Or(order.Administrator.Username, order.Current.Username), Password: order.Administrator.Password}
	return left, !left.Password.IsZero() && !left.Equal(order.Current)
}

// Issue takes over what a person has left.
func (d Driver) Issue(_ context.Context, order registry.Order) (registry.Issued, error) {
	credential, there := d.Supply(order)
	if !there {
		return registry.Issued{}, finding.Refuse(credentialAwaited.With())
	}
	return registry.Issued{Credential: credential, Version: order.Version}, nil
}

// Revoke does nothing: only a person can end the credential.
func (Driver) Revoke(context.Context, registry.Order, string) error { return nil }
