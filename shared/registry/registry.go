// Package registry knows container registries from the side of their
// credentials: how docker login proves one, and what a driver must do to
// replace one. The drivers, one package each, lie below it.
package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/reference"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Credential is what docker login takes.
type Credential struct {
	Username string
	Password secret.Text
}

// Equal compares both parts.
func (c Credential) Equal(other Credential) bool {
	return c.Username == other.Username && c.Password.Equal(other.Password)
}

// Registry is where images are pulled from.
type Registry struct {
	// Host is in lower case, with its port where it has one; "docker.io" is
	// Docker Hub whatever its owner called it.
	Host string
	// Path is what the images' names begin with, "" for all of the host's.
	Path string
}

// String gives the registry as image names begin.
func (r Registry) String() string {
	if r.Path == "" {
		return r.Host
	}
	return r.Host + "/" + r.Path
}

const (
	// Hub is Docker Hub's name in image names.
	Hub = "docker.io"
	// hubEndpoint serves the API of Docker Hub's registry; docker.io redirects to a website.
	hubEndpoint = "registry-1.docker.io"
)

// hubNames are what people, Docker's own files and Docker's documentation call Docker Hub.
var hubNames = []string{Hub, "index.docker.io", hubEndpoint, "registry.hub.docker.com", "hub.docker.com"}

// Parse reads a registry as people write it: "registry.example.com:5000",
// "registry.gitlab.com/acme", "docker.io", "https://index.docker.io/v1/".
func Parse(text string) (Registry, error) {
	rest, plain := strings.CutPrefix(text, "http://")
	if !plain {
		rest = strings.TrimPrefix(text, "https://")
	}
	address, err := url.Parse("https://" + rest)
	switch {
	case err != nil || address.Hostname() == "" || address.User != nil || address.RawQuery != "" || address.Fragment != "" || address.Opaque != "":
		return Registry{}, errors.New("it is not a host with an optional port and path, such as registry.example.com:5000/team")
	case plain && !isLoopback(address.Host):
		return Registry{}, errors.New("it asks for plain http, over which anybody on the way reads the password")
	}
	registry := Registry{Host: strings.ToLower(address.Host), Path: strings.Trim(address.Path, "/")}
	if slices.Contains(hubNames, registry.Host) {
		registry.Host = Hub
		if registry.Path == "v1" || registry.Path == "v2" {
			registry.Path = ""
		}
	}
	// Docker takes a first part without dot, colon or "localhost" as a user of Docker Hub.
	if !strings.ContainsAny(registry.Host, ".:") && registry.Host != "localhost" {
		// The text isn't shown: it may be a secret in the wrong field.
		return Registry{}, errors.New("its host has neither a dot nor a port, and no image's name can begin so")
	}
	named, err := reference.ParseNormalizedNamed(registry.String() + "/image")
	if err != nil || reference.Domain(named) != registry.Host {
		return Registry{}, errors.New("no image's name can begin like it")
	}
	return registry, nil
}

// Hostname is the host without its port.
func (r Registry) Hostname() string {
	return (&url.URL{Host: r.Host}).Hostname()
}

// endpoint is the host that serves the registry's API.
func (r Registry) endpoint() string {
	if r.Host == Hub {
		return hubEndpoint
	}
	return r.Host
}

// isLoopback says whether a host[:port] is this machine, as Docker's daemon
// decides it for its built-in insecure registries (127.0.0.0/8 and ::1).
func isLoopback(host string) bool {
	name := host
	if before, _, err := net.SplitHostPort(host); err == nil {
		name = before
	}
	if name == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && address.IsLoopback()
}

// Image is one image of a registry.
type Image struct {
	// Name is the repository without its host, Reference a tag or a digest.
	Name, Reference string
}

// String gives the image as it is pulled, without its host.
func (i Image) String() string {
	if strings.Contains(i.Reference, ":") {
		return i.Name + "@" + i.Reference
	}
	return i.Name + ":" + i.Reference
}

// ParseImage reads an image's name as docker pull does; without a host it is
// one of this registry's. Without a tag it is "latest"; of a tag and a digest
// the digest counts.
func (r Registry) ParseImage(text string) (Image, error) {
	first, _, hasPath := strings.Cut(text, "/")
	if !hasPath || !strings.ContainsAny(first, ".:") && first != "localhost" {
		text = r.Host + "/" + text
	}
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return Image{}, errors.New("it is not an image's name, such as registry.example.com/team/app:1.2")
	}
	host := strings.ToLower(reference.Domain(named))
	if slices.Contains(hubNames, host) {
		host = Hub
	}
	image := Image{Name: reference.Path(named), Reference: "latest"}
	if host == Hub && !strings.Contains(image.Name, "/") {
		// The parser adds it to two of Docker Hub's names alone.
		image.Name = "library/" + image.Name
	}
	if tagged, ok := named.(reference.Tagged); ok {
		image.Reference = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		image.Reference = digested.Digest().String()
	}
	switch {
	case host != r.Host:
		return Image{}, fmt.Errorf("it lies in another registry (%s)", host)
	case r.Path != "" && image.Name != r.Path && !strings.HasPrefix(image.Name, r.Path+"/"):
		return Image{}, fmt.Errorf("it lies outside %s", r)
	}
	return image, nil
}

// ParseReference reads an image's name as docker pull does: without a host it is
// Docker Hub's. The error says what is wrong, and shows nothing of the text.
func ParseReference(text string) (Registry, Image, error) {
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return Registry{}, Image{}, errors.New("it is not an image's name, such as registry.example.com/team/app:1.2")
	}
	served := Registry{Host: strings.ToLower(reference.Domain(named))}
	if slices.Contains(hubNames, served.Host) {
		served.Host = Hub
	}
	image, err := served.ParseImage(text)
	return served, image, err
}

// Accounts says how a registry lets the old and the new credential live side
// by side, so that nothing that still holds the old one fails.
type Accounts int

const (
	// OneAccount: an account has many credentials, each with a life of its own.
	OneAccount Accounts = iota
	// TwoAccounts: an account has one password, so two accounts take turns.
	TwoAccounts
	// NewAccount: each credential is a new account, with a user name that the
	// driver chooses.
	NewAccount
)

// alternate ends the name of the second of two accounts that take turns, as it
// does in the alternating-users strategy of AWS's own rotation functions.
const alternate = "_clone"

// Successor gives the username that follows another one, "" where only the
// issued credential tells it.
func (a Accounts) Successor(username string) string {
	switch a {
	case OneAccount:
		return username
	case NewAccount:
		return ""
	}
	if first, isSecond := strings.CutSuffix(username, alternate); isSecond && first != "" {
		return first
	}
	return username + alternate
}

// Administrator is the credential under which a driver calls a registry's API.
type Administrator struct {
	// URL is the API's, and the only place that the credential is sent to. It is
	// kept with the credential, so that someone who may only tag a secret can't
	// have it sent elsewhere.
	URL string
	Credential
	// Federated says that the function proves who it is by a token of AWS, in place
	// of a password. Few drivers can; ExamineAdministrator refuses it to the others.
	Federated bool
}

// Order is all that a driver needs to know of one secret's rotation.
type Order struct {
	Registry Registry
	// SecretARN and Version name what is issued, so that it is found again.
	SecretARN, Version string
	// Current is what AWSCURRENT holds, and must not be touched.
	Current Credential
	// Next is the user that gets the new credential: of two accounts the standby one, and ""
	// where each credential is a new account.
	Next string
	// Administrator is zero where the secret names none.
	Administrator Administrator
	// Tags are the secret's.
	Tags map[string]string
	// Interval is the time between two rotations, 0 where it is not known. A
	// credential is in use for two of them: as the current and as the previous one.
	Interval time.Duration
}

// Whose names an account in messages, which show no user names.
func (o Order) Whose(username string) string {
	if username == o.Current.Username {
		return "of the credential in use"
	}
	return "whose turn it is"
}

// Issued is a credential that a driver issued.
type Issued struct {
	Credential
	// ID is what the registry knows it by: a token's id, or an account's name.
	ID string
	// Version is the secret's version that it was issued for.
	Version string
	// Ends is when the registry ends it; zero where that is never, or not known.
	Ends time.Time
}

// Driver replaces credentials at one kind of registry. Each of its verbs may be
// cut off at any point and asked for again. Failed calls to the registry are of
// type *Error.
type Driver interface {
	// Accounts depends on the secret's tags alone: a registry may know several ways.
	Accounts(tags map[string]string) Accounts
	// Examine says what the order lacks. It is pure: no call, no clock. Its error
	// names the tag or field and what to write there.
	Examine(Order) error
	// Issue makes the credential that follows the current one.
	Issue(context.Context, Order) (Issued, error)
	// Revoke ends the credential of an id. One that has ended already is success.
	Revoke(ctx context.Context, order Order, id string) error
}

// Installer is a Driver of a registry that lets us choose passwords: Issue
// chooses one without a call, Install makes the registry accept it.
type Installer interface {
	Install(context.Context, Order, Credential) error
}

// Lister is a Driver of a registry that mints tokens itself, and tells them
// apart by names: List gives those that were issued for the order's secret,
// without their passwords, which the registry shows only once.
type Lister interface {
	List(context.Context, Order) ([]Issued, error)
}

// Bound is a Driver that issues for the account of the credential in use, or with
// that account's rights, in the name of an administrator who could do so for any
// account. Someone who may write the secret could name any in it, so a rotation wants
// to see the credential work first.
type Bound interface {
	// OwnAccount reports whether the driver made the account in use for this very
	// secret, which the account's name shows.
	OwnAccount(Order) bool
}

// Right is whether an account may do something.
type Right int

// The rights. A registry that doesn't tell leaves RightUnknown.
const (
	RightUnknown Right = iota
	RightGranted
	RightMissing
)

// Standing is what a registry tells about an account or token besides its
// credential.
type Standing struct {
	// Pull is whether it may pull from the order's registry path.
	Pull Right
	// Disabled says that the registry has it switched off.
	Disabled bool
	// Ends is when it stops working; zero where that is never, or not known.
	Ends time.Time
}

// Inspector is a Driver of a registry that tells the standing of an account: of
// two accounts the standby one is inspected before a rotation moves to it, and
// the one in use at each look.
type Inspector interface {
	// Inspect gives the standing of a user. One that the registry doesn't know is an
	// *Error of the Kind Missing.
	Inspect(ctx context.Context, order Order, username string) (Standing, error)
}

// Placed is a Driver whose accounts are kept in a place that a tag names, such as a
// file: two secrets for it rotate the same accounts, whatever their registries are
// called.
type Placed interface {
	// Place gives the place, "" where the tags name none.
	Place(tags map[string]string) string
}

// Limited is a Driver of a registry that limits how many tokens there may be.
type Limited interface {
	// Used gives how many there are, of everybody and for everything, and the limits,
	// in ascending order: where there are several, which one counts depends on what
	// the registry's owner pays for. No limits: there is none.
	Used(ctx context.Context, order Order) (used int, limits []int, err error)
}

// Supplied is a Driver whose credentials a person makes: Supply gives the one that
// is left for the next rotation, and whether there is one.
type Supplied interface {
	Supply(Order) (Credential, bool)
}

// NamePrefix begins the names of all tokens that were issued for any secret.
const NamePrefix = "ecs-guardrails-"

// namePrefix begins the names of all tokens that were issued for one secret.
func namePrefix(secretARN string) string {
	sum := sha256.Sum256([]byte(secretARN))
	return NamePrefix + hex.EncodeToString(sum[:6]) + "-"
}

// TokenName names a token by the secret and the version that it is issued for,
// in at most 92 characters (Docker Hub takes 100): a run after a crash finds by
// it what it minted, and others what it is for.
func (o Order) TokenName() string { return namePrefix(o.SecretARN) + o.Version }

// TokenVersion gives the version that a token was issued for, by its name.
// Other people's tokens have none.
func (o Order) TokenVersion(name string) (string, bool) {
	version, ours := strings.CutPrefix(name, namePrefix(o.SecretARN))
	return version, ours && IsVersion(version)
}

// IsVersion reports whether a text has the form of a version's id that a rotation
// issues for: others may give their tokens nearly the same name.
func IsVersion(text string) bool {
	return text != "" && len(text) <= 64 && !strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(versionLetters, r) })
}

const versionLetters = passwordLetters + "-"

// hostOnly gives an address without what a registry may have hidden in its path.
func hostOnly(address *url.URL) string { return address.Scheme + "://" + address.Host }

// quoteStatus tells a status as a number: the text beside it is the server's own.
func quoteStatus(status int) string { return "status " + strconv.Itoa(status) }
