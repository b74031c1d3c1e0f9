// Package image says where a container image comes from: which registry a
// reference names, whether that registry is one of Amazon ECR's, and whether a
// secret that is tagged for a registry serves it.
package image

import (
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// DockerHub is the registry of a reference that names none.
const DockerHub = "docker.io"

// Docker Hub answers to all of these. Docker itself maps index.docker.io only
// (distribution/reference, splitDockerDomain); registry-1.docker.io is where
// the API lives, the others are what people copy from their browsers.
var dockerHubHosts = []string{"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com"}

// Reference is an image's place, without its tag and digest.
type Reference struct {
	// Registry is the host, with its port where that is not 443, in lower case
	// and in one spelling: Docker Hub is always "docker.io".
	Registry string
	// Path is the repository, as in "acme/app"; Docker Hub's official images lie
	// in "library/".
	Path string
}

// String gives the reference's name in full.
func (r Reference) String() string { return r.Registry + "/" + r.Path }

// Parse reads what a container definition has under "image", as Docker reads
// it. Its errors are all of the type Problem, also about what Docker would take
// and no registry has: a page of a website, or a registry of Amazon ECR without
// a repository.
func Parse(text string) (Reference, error) {
	if problem, found := recognize(text); found {
		return Reference{}, problem
	}
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return Reference{}, Problem{What: "docker would refuse it: " + withoutQuote(err.Error()), Fix: form}
	}
	parsed := Reference{Registry: canonicalHost(reference.Domain(named)), Path: reference.Path(named)}
	// The parser knows two of Docker Hub's names, and adds it to those alone.
	if parsed.Registry == DockerHub && !strings.Contains(parsed.Path, "/") {
		parsed.Path = "library/" + parsed.Path
	}
	return parsed, nil
}

// withoutQuote takes out of a message what it repeats of the text, in brackets.
func withoutQuote(message string) string {
	before, rest, found := strings.Cut(message, " (")
	if index := strings.LastIndexByte(rest, ')'); found && index >= 0 {
		return before + rest[index+1:]
	}
	return message
}

// canonicalHost gives the one spelling of a registry's host. The port 443 is
// the default of every registry. A host without a dot keeps its spelling: its
// capitals or its port are all that tells it from a namespace of Docker Hub.
func canonicalHost(host string) string {
	if lower := strings.ToLower(host); strings.ContainsAny(host, ".:") || lower == "localhost" {
		host = lower
	}
	if name, found := strings.CutSuffix(host, ":443"); found && strings.ContainsAny(name, ".]") {
		host = name
	}
	if slices.Contains(dockerHubHosts, host) {
		return DockerHub
	}
	return host
}

// ecrHost matches Amazon ECR's private registries in every partition, with
// their FIPS and dual-stack endpoints ("Amazon ECR endpoints and quotas" in the
// AWS general reference; the same pattern is in the ECR credential helper,
// ecr-login/api/client.go; the dual-stack suffixes are those of the SDK's
// endpoints).
var ecrHost = lazyregexp.New(`^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9][a-z0-9-]*)\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.(?:com\.cn|eu)|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$`)

// ECR is a private registry of Amazon ECR: of an account in a region. What it
// pulls through its cache from elsewhere comes from it all the same.
type ECR struct{ Account, Region string }

// ECR gives the account and region where the image lies in a private registry
// of Amazon ECR.
func (r Reference) ECR() (ECR, bool) { return ecrOf(r.Registry) }

func ecrOf(host string) (ECR, bool) {
	match := ecrHost.FindStringSubmatch(host)
	if match == nil {
		return ECR{}, false
	}
	return ECR{Account: match[1], Region: match[2]}, true
}

// IsPublicECR reports whether the image lies in Amazon ECR Public, which takes
// no user names.
func (r Reference) IsPublicECR() bool { return isPublicECR(r.Registry) }

func isPublicECR(host string) bool {
	return host == "public.ecr.aws" || host == "ecr-public.aws.com"
}

// Registries that everyone can pull from, in whole or for the most part: no
// credential is expected for their images.
var publicRegistries = []string{
	DockerHub, "public.ecr.aws", "ecr-public.aws.com", "mcr.microsoft.com", "quay.io", "ghcr.io", "gcr.io",
	"registry.k8s.io", "k8s.gcr.io", "docker.elastic.co", "registry.access.redhat.com", "lscr.io", "nvcr.io",
	"container-registry.oracle.com", "docker.n8n.io", "cgr.dev", "registry.opensource.zalan.do", "gallery.ecr.aws",
}

// MostlyPublic reports whether the registry is known for images that need no
// credential.
func (r Reference) MostlyPublic() bool { return slices.Contains(publicRegistries, r.Registry) }
