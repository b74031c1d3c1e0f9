package registryauth

import (
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// HubName is the only name under which the agent looks for Docker Hub's
// credentials (dockerauth.go dockerRegistryKey).
const HubName = "index.docker.io/v1/"

// hubHosts are the hosts that mean Docker Hub in an image's name (dockerauth.go
// dockerRegistryHosts).
var hubHosts = []string{"docker.io", "index.docker.io", "registry-1.docker.io"}

// hubWebsites are hosts of Docker's that serve no images.
var hubWebsites = []string{"hub.docker.com", "docker.com", "www.docker.com", "auth.docker.io", "login.docker.com"}

// ecrHost is a private registry of ECR, FIPS and dual-stack hosts among them.
var ecrHost = lazyregexp.New(`^[0-9]{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)$`)

// withoutScheme is the agent's stripRegistrySchema: only these two, and only in
// lower case.
func withoutScheme(key string) string {
	if name, ok := strings.CutPrefix(key, "http://"); ok {
		return name
	}
	return strings.TrimPrefix(key, "https://")
}

func host(name string) string {
	host, _, _ := strings.Cut(name, "/")
	return host
}

// judgeKeys finds the keys that no image's name ever reaches, and those that
// work by luck (dockerauth.go GetAuthconfig).
func (p *parser) judgeKeys() {
	names := map[string]int{}   // registries of each name
	pathsOf := map[string]int{} // names of each host
	for _, r := range p.result.Registries {
		if names[r.Name]++; names[r.Name] == 1 {
			pathsOf[host(r.Name)]++
		}
	}
	for _, r := range p.result.Registries {
		if names[r.Name] > 1 {
			p.fault(SameRegistry, r.Key, r.KeySpan)
		}
		h := host(r.Name)
		kind := unreachable(r.Name, h)
		switch {
		case isPlaceholder(r.Name) || strings.Contains(r.Name, "${") || strings.Contains(r.Name, "{{"):
			p.add(Fault{Kind: Placeholder, Registry: r.Key, Field: "registry", Span: r.KeySpan})
		case kind == HubKey && names[HubName] > 0:
			p.fault(HubKeySpare, r.Key, r.KeySpan)
		case kind != "":
			p.fault(kind, r.Key, r.KeySpan)
		case r.Name == HubName:
		case ecrHost.MatchString(h):
			p.fault(ECR, r.Key, r.KeySpan)
		default:
			if kind := besideOthers(r.Name, h, pathsOf[h], names[h] > 0); kind != "" {
				p.fault(kind, r.Key, r.KeySpan)
			}
		}
	}
}

// unreachable says why no image's name leads to a key, "" when one does.
func unreachable(name, h string) Kind {
	lower := strings.ToLower(name)
	for _, scheme := range []string{"https://", "http://"} {
		// The agent strips a scheme in lower case only, and once.
		lower = strings.TrimPrefix(lower, scheme)
	}
	switch lowerHost := host(lower); {
	case name == HubName:
		return ""
	case slices.Contains(hubHosts, lowerHost) || slices.Contains(hubWebsites, lowerHost):
		return HubKey
	case strings.Contains(name, "://"):
		if len(lower) < len(name) && name != strings.ToLower(name) {
			return UpperCase
		}
		return NeverMatches
	case strings.ContainsAny(name, " \t\r\n*?#@\\<>{}$\"'"), h == "":
		return NeverMatches
	case h != strings.ToLower(h):
		return UpperCase
	case !strings.ContainsAny(h, ".:") && h != "localhost":
		// Without a dot or a port the first part of an image's name is a user
		// of Docker Hub (dockerauth.go splitReposName).
		return NeverMatches
	}
	return ""
}

// besideOthers looks at a key among the keys of its host. The agent takes the
// bare host, or else whichever it meets first, and then any longer key that
// begins the image's name.
func besideOthers(name, h string, names int, bareHost bool) Kind {
	path := strings.TrimSuffix(name[len(h):], "/")
	switch {
	case name == h:
		return ""
	case !bareHost && names > 1:
		return PathsOnly
	case !bareHost && path == "":
		return TrailingSlash
	case !bareHost:
		return PathOnly
	case path == "":
		return Shadowed // longer than the bare host, and a prefix of every image there
	case path != strings.ToLower(path):
		return PathUpperCase
	case !strings.HasSuffix(name, "/"):
		return NoBoundary
	}
	return ""
}
