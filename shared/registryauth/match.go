package registryauth

import (
	"regexp"
	"slices"
	"strings"
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
var ecrHost = regexp.MustCompile(`^[0-9]{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)$`)

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
	byName := map[string][]Registry{}
	pathsOf := map[string]int{} // the different names of a host
	hubIsThere := false
	for _, r := range p.result.Registries {
		if byName[r.Name] = append(byName[r.Name], r); len(byName[r.Name]) == 1 {
			pathsOf[host(r.Name)]++
		}
		hubIsThere = hubIsThere || r.Name == HubName
	}
	for _, r := range p.result.Registries {
		h := host(r.Name)
		if same := byName[r.Name]; len(same) > 1 {
			p.reportOther(SameRegistry, r, same[(slices.IndexFunc(same, func(o Registry) bool { return o.KeySpan == r.KeySpan })+1)%len(same)].Key)
		}
		if isPlaceholder(r.Name) {
			p.result.Faults = append(p.result.Faults, Fault{Kind: Placeholder, Registry: r.Key, Field: "registry", Span: r.KeySpan})
			continue
		}
		if kind, other := unreachable(r.Name, h); kind != "" {
			if kind == HubKey && hubIsThere {
				kind = HubKeySpare
			}
			p.reportOther(kind, r, other)
			continue
		}
		if r.Name == HubName {
			continue
		}
		if ecrHost.MatchString(h) {
			p.reportOther(ECR, r, "")
			continue
		}
		p.judgePath(r, h, pathsOf[h], len(byName[h]) > 0)
	}
}

func (p *parser) reportOther(kind Kind, r Registry, other string) {
	p.result.Faults = append(p.result.Faults, Fault{Kind: kind, Registry: r.Key, Other: other, Span: r.KeySpan})
}

// unreachable says why no image's name leads to a key, with what would.
func unreachable(name, h string) (kind Kind, instead string) {
	lower := strings.ToLower(name)
	lowerHost := host(lower)
	for _, scheme := range []string{"https://", "http://"} {
		// The agent strips a scheme in lower case only, and once.
		if rest, ok := strings.CutPrefix(lower, scheme); ok {
			lower, lowerHost = rest, host(rest)
		}
	}
	switch {
	case name == HubName:
		return "", ""
	case slices.Contains(hubHosts, lowerHost) || slices.Contains(hubWebsites, lowerHost):
		return HubKey, "https://" + HubName
	case strings.Contains(name, "://"):
		if lower != strings.ToLower(name) {
			return UpperCase, "https://" + lower
		}
		_, rest, _ := strings.Cut(name, "://")
		return NeverMatches, rest
	case strings.ContainsAny(name, " \t\r\n*?#@\\<>{}$\"'"), h == "":
		return NeverMatches, ""
	case h != strings.ToLower(h):
		return UpperCase, strings.ToLower(name)
	case !strings.ContainsAny(h, ".:") && h != "localhost":
		// Without a dot or a port the first part of an image's name is a user
		// of Docker Hub (dockerauth.go splitReposName).
		return NeverMatches, ""
	}
	return "", ""
}

// judgePath looks at a key beside the others of its host. The agent takes the
// bare host, or else whichever it meets first, and then any longer key that
// begins the image's name.
func (p *parser) judgePath(r Registry, h string, names int, bareHost bool) {
	if r.Name == h {
		return
	}
	path := strings.TrimSuffix(r.Name[len(h):], "/")
	switch {
	case !bareHost && names > 1:
		p.reportOther(PathsOnly, r, h)
	case !bareHost && path == "":
		p.reportOther(TrailingSlash, r, h)
	case !bareHost:
		p.reportOther(PathOnly, r, h)
	case path == "":
		// Longer than "r.tld", and a prefix of every image there.
		p.reportOther(Shadowed, r, h)
	case path != strings.ToLower(path):
		p.reportOther(PathUpperCase, r, strings.ToLower(r.Name))
	case !strings.HasSuffix(r.Name, "/"):
		p.reportOther(NoBoundary, r, r.Name+"/")
	}
}
