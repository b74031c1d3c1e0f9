// Package htpasswd is the driver for a registry behind basic authentication
// whose htpasswd file is kept as an object in S3, from where the registry's
// machines copy it: distribution (auth.htpasswd), or any registry behind nginx
// or Apache.
//
// A user of an htpasswd file has one password, so two users take turns: while
// "ci" is in AWSCURRENT the next password becomes that of "ci_clone", and the
// other way round. The old user's line stays until its turn comes again, so the
// old credential works on. Passwords have neither expiry nor limit.
//
// The driver needs s3:GetObject and s3:PutObject on the object and
// s3:ListBucket on its bucket (to tell a missing object from a forbidden one),
// and no administrator's credential. It writes with If-Match ("Conditional
// writes", S3 user guide), so that a person's edit is never overwritten.
package htpasswd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/storedfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/wildcard"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "htpasswd"

// LocationTag is the secret's tag that says where the file is, as in
// "s3://acme-registry/auth/htpasswd".
const LocationTag = "ecs-guardrails:htpasswd"

const (
	// maxFile is far more than any user list; the file is held in memory.
	maxFile = 8 << 20
	// attempts is how often the file is read again when others write it, too.
	attempts = 5
)

// Limits say which objects the driver may write: who may tag a secret could name
// any other one.
type Limits struct {
	// Objects are those that the operator lists, as bucket/key; * in it stands for
	// any text.
	Objects []string
	// NoSuffixes are what keys of other files end in, which are never an htpasswd
	// file whatever the list says.
	NoSuffixes []string
}

func (l Limits) allow(place storedfile.Place) error {
	if slices.ContainsFunc(l.NoSuffixes, func(suffix string) bool { return suffix != "" && strings.HasSuffix(place.Key, suffix) }) {
		return errors.New("the tag " + LocationTag + " names a key that ends like an ecs.config or environment file; keep the htpasswd file under another name")
	}
	if !wildcard.MatchAny(l.Objects, place.Bucket+"/"+place.Key) {
		return errors.New("the tag " + LocationTag + " names an object that the stack's parameter HtpasswdObjects doesn't list; have the operator add it there as bucket/key, or keep the file below registry/ in the stack's bucket, with a key that ends in htpasswd")
	}
	return nil
}

// Driver implements registry.Driver, registry.Installer, registry.Inspector and
// registry.Placed.
type Driver struct {
	objects storedfile.Store
	random  io.Reader
	limits  Limits
}

// New makes the driver; random is the source of its passwords.
func New(objects storedfile.Store, random io.Reader, limits Limits) *Driver {
	return &Driver{objects, random, limits}
}

// Accounts says that two users take turns.
func (*Driver) Accounts(map[string]string) registry.Accounts { return registry.TwoAccounts }

// Examine wants a place that the operator allows, and a user name that fits into a line of it.
func (d *Driver) Examine(order registry.Order) error {
	place, err := location(order)
	if err != nil {
		return err
	}
	if err := d.limits.allow(place); err != nil {
		return err
	}
	name := order.Current.Username
	if strings.TrimSpace(name) != name || strings.HasPrefix(name, "#") || strings.ContainsAny(name, ":\r\n") {
		return errors.New("the secret's username does not fit into an htpasswd file: it may hold no colon and no line break, begin with no # and have no space at its ends")
	}
	return nil
}

// Issue chooses a password for the standby user.
func (d *Driver) Issue(_ context.Context, order registry.Order) (registry.Issued, error) {
	return registry.ChoosePassword(d.random, order)
}

// Revoke gives a user a random password that is thrown away. The user stays, for its
// next turn.
func (d *Driver) Revoke(ctx context.Context, order registry.Order, id string) error {
	password, err := registry.NewPassword(d.random)
	if err != nil {
		return err
	}
	return d.Install(ctx, order, registry.Credential{Username: id, Password: password})
}

// Install writes the user's line. A file that has it already is left alone, and
// one that does not have the credential in use: it is another registry's, or none
// at all, and anyone who may tag a secret could have any file written.
func (d *Driver) Install(ctx context.Context, order registry.Order, credential registry.Credential) error {
	place, err := location(order)
	if err != nil {
		return err
	}
	if err := d.limits.allow(place); err != nil {
		return err
	}
	var hashed string
	for range attempts {
		file, err := d.read(ctx, place)
		if err != nil {
			return err
		}
		if holds(file.Content, credential.Username, credential.Password) {
			return nil
		}
		if err := belongs(place, file, order); err != nil {
			return err
		}
		if hashed == "" {
			if hashed, err = hash(credential.Password); err != nil {
				return err
			}
		}
		if err = file.Write(ctx, d.objects, set(file.Content, credential.Username, hashed)); err == nil || !storedfile.Conflicted(err) {
			return err
		}
	}
	return fmt.Errorf("write %s: others changed it %d times in a row", place, attempts)
}

// belongs refuses a file that doesn't have the credential in use.
func belongs(place storedfile.Place, file storedfile.File, order registry.Order) error {
	if held, told := verify(file.Content, order.Current.Username, order.Current.Password); !told {
		return finding.Refuse(unverifiable.With(about(place)))
	} else if !held {
		return finding.Refuse(differs.With(about(place)))
	}
	return nil
}

// Inspect verifies that the file is there and has the credential in use, as
// Install will want it. Of another user nothing needs to be known: Install adds its
// line.
func (d *Driver) Inspect(ctx context.Context, order registry.Order, username string) (registry.Standing, error) {
	if username != order.Current.Username {
		return registry.Standing{}, nil
	}
	place, err := location(order)
	if err != nil {
		return registry.Standing{}, err
	}
	file, err := d.read(ctx, place)
	if err != nil {
		return registry.Standing{}, err
	}
	return registry.Standing{}, belongs(place, file, order)
}

func (d *Driver) read(ctx context.Context, place storedfile.Place) (storedfile.File, error) {
	file, err := storedfile.Read(ctx, d.objects, place, maxFile)
	switch {
	case errors.Is(err, storedfile.ErrTooLarge):
		return storedfile.File{}, finding.Refuse(tooLarge.With(about(place), mostMebibytes()))
	case err != nil && awserror.Classify(err) == awserror.Gone:
		return storedfile.File{}, finding.Refuse(missing.With(about(place)))
	}
	return file, err
}

// Place gives the file's, as its tag names it.
func (*Driver) Place(tags map[string]string) string {
	if place, ok := storedfile.ParsePlace(tags[LocationTag]); ok {
		return place.String()
	}
	return ""
}

// location reads the tag.
func location(order registry.Order) (storedfile.Place, error) {
	place, ok := storedfile.ParsePlace(order.Tags[LocationTag])
	if !ok {
		return storedfile.Place{}, errors.New("the tag " + LocationTag + " must say where the registry's htpasswd file is kept, as in s3://bucket/key")
	}
	return place, nil
}
