package image

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/distribution/reference"
)

// Scope is the part of a registry that a credential serves.
type Scope struct {
	// Registry is spelt as Reference's.
	Registry string
	// Path is a repository or a group of them, as in "acme" or "acme/app"; ""
	// is all of the registry.
	Path string
}

// String gives the scope as it is written in a tag.
func (s Scope) String() string {
	if s.Path == "" {
		return s.Registry
	}
	return s.Registry + "/" + s.Path
}

// ParseScope reads "host", "host:port" or "host/path". A scheme, the "/v1/" and
// "/v2/" that Docker's own configuration has, a slash or "/*" at the end are
// taken as well; so is an IPv6 address without brackets, which the values of
// tags cannot have. The errors don't quote the text: what is not a scope may be
// a login that was put into the wrong tag.
func ParseScope(text string) (Scope, error) {
	text = strings.TrimSpace(text)
	if _, rest, found := strings.Cut(text, "://"); found {
		text = rest
	}
	text = strings.TrimRight(strings.TrimSuffix(strings.TrimRight(text, "/"), "/*"), "/")
	if text == "" {
		return Scope{}, errors.New(`it is empty; write the registry's host, as in "registry.example.com"`)
	}
	host, path, _ := strings.Cut(text, "/")
	if address, err := netip.ParseAddr(host); err == nil && address.Is6() {
		host = "[" + host + "]"
	}
	if !strings.ContainsAny(host, ".:") && host != "localhost" {
		return Scope{}, errors.New(`it names no registry: it begins with no host, which has a dot or a port; a part of Docker Hub is written "docker.io/acme"`)
	}
	if path == "v1" || path == "v2" {
		path = ""
	}
	// The parser for images knows what a host and a path may be. One without a
	// path gets one, so that it is a whole image.
	named, err := reference.ParseNormalizedNamed(host + "/" + whole(path))
	if err != nil || reference.Domain(named) != normalHost(host) || !reference.IsNameOnly(named) {
		return Scope{}, errors.New(`it is not "host" or "host/path", the path in lower case, without user, tag and digest`)
	}
	scope := Scope{Registry: canonicalHost(host), Path: path}
	if _, private := ecrOf(scope.Registry); private || isPublicECR(scope.Registry) {
		return Scope{}, errors.New("it names a registry of Amazon ECR, which takes no credential from a secret")
	}
	return scope, nil
}

func whole(path string) string {
	if path == "" {
		return "any"
	}
	return path
}

// normalHost is what the parser for images makes of a host.
func normalHost(host string) string {
	if host == "index.docker.io" {
		return DockerHub
	}
	return host
}

// Serves reports whether the scope covers the image.
func (s Scope) Serves(image Reference) bool {
	return s.Registry == image.Registry &&
		(s.Path == "" || image.Path == s.Path || strings.HasPrefix(image.Path, s.Path+"/"))
}
