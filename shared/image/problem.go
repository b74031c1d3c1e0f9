package image

import (
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// Problem is why a text is no image that can be pulled, and how to write it. It
// repeats nothing of the text that is no name of an image.
type Problem struct {
	What, Fix string
	// Instead is the image that was meant, as far as that can be told.
	Instead string
}

// Error says what is wrong.
func (p Problem) Error() string { return p.What }

// form is the fix where nothing better is known.
const form = `Write "registry/path:tag" or "registry/path@digest", the path in lower case.`

// recognize finds mistakes that have their own fix. Some of these texts Docker
// takes, for an image that does not exist.
func recognize(text string) (Problem, bool) {
	bare, hasScheme := withoutScheme(text)
	switch {
	case text == "":
		return Problem{What: "it is empty", Fix: form}, true
	case strings.ContainsAny(text, " \t\r\n"):
		return Problem{What: "it has white space in it", Fix: form}, true
	case loneDigest.MatchString(text):
		return Problem{What: "it is a digest without the image that it is of", Fix: `Write the image's name before it: "registry/path@sha256:...".`}, true
	case strings.HasPrefix(bare, "/"):
		return meaning(strings.TrimLeft(bare, "/"), "it begins with a slash, and so names no registry", "Write the registry's host before the slash"), true
	}
	if pulled, isPage := pageOf(bare); isPage {
		return meaning(pulled, "it is the address of a web page about an image, not an image", "Write the image's own name"), true
	}
	if hasScheme {
		return meaning(bare, "it begins with a scheme", `Leave out everything up to and including "://"`), true
	}
	host, path, _ := strings.Cut(strings.ToLower(text), "/")
	if path == "" {
		name := host
		if end := strings.IndexAny(host, ":@"); end >= 0 {
			name = host[:end]
		}
		if _, isECR := ecrOf(name); isECR || slices.Contains(publicRegistries, name) {
			return Problem{What: fmt.Sprintf("it is the registry %s, without a repository", name), Fix: `Write the repository after the host: "` + name + `/repository:tag".`}, true
		}
		host = name
	}
	return almostECR(host)
}

// loneDigest matches a digest, or the id of an image, with its algorithm and
// without a name. Docker reads it as the tag of an image that is called sha256.
var loneDigest = lazyregexp.New(`^@?sha(?:256|384|512):[0-9A-Fa-f]{32,}$`)

// withoutScheme takes "https://" and the like off.
func withoutScheme(text string) (string, bool) {
	_, rest, found := strings.Cut(text, "://")
	if !found {
		return text, false
	}
	return rest, true
}

// pages are addresses of pages about images, and what the images' names begin
// with.
var pages = []struct{ address, name string }{
	{"hub.docker.com/r/", ""},
	{"hub.docker.com/_/", ""},
	{"hub.docker.com/layers/", ""},
	{"hub.docker.com/repository/docker/", ""},
	{"hub.docker.com/", ""},
	{"gallery.ecr.aws/", "public.ecr.aws/"},
	{"quay.io/repository/", "quay.io/"},
}

// pageOf gives the image that a web page is about.
func pageOf(address string) (string, bool) {
	for _, page := range pages {
		if len(address) < len(page.address) || !strings.EqualFold(address[:len(page.address)], page.address) {
			continue
		}
		path := strings.TrimSuffix(address[len(page.address):], "/tags")
		return page.name + strings.TrimSuffix(path, "/"), true
	}
	return "", false
}

// meaning makes a Problem that proposes what may have been meant, if that is an
// image.
func meaning(meant, what, fix string) Problem {
	named, err := reference.ParseNormalizedNamed(meant)
	if err != nil {
		return Problem{What: what, Fix: fix + "."}
	}
	if _, wrong := recognize(meant); wrong {
		return Problem{What: what, Fix: fix + "."}
	}
	proposed := reference.FamiliarString(named)
	return Problem{What: what, Fix: fmt.Sprintf("%s: %q.", fix, proposed), Instead: proposed}
}

// likeECR matches hosts of AWS that are meant for a registry of Amazon ECR. Those of
// VPC endpoints end in vpce.amazonaws.com.
var likeECR = lazyregexp.New(`^(?:(.*)\.)?dkr[.-]ecr(?:-fips)?(?:\.([a-z0-9-]+))?\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws)$`)

// almostECR finds hosts that look like a registry of Amazon ECR and aren't one.
func almostECR(host string) (Problem, bool) {
	match := likeECR.FindStringSubmatch(host)
	if match == nil || match[2] == "vpce" {
		return Problem{}, false
	}
	if _, is := ecrOf(host); is {
		return Problem{}, false
	}
	const fix = `Write the registry's host as "ACCOUNT.dkr.ecr.REGION.amazonaws.com", the account with its 12 digits.`
	account := match[1]
	switch {
	case account == "":
		return Problem{What: "it names a registry of Amazon ECR without the account", Fix: fix}, true
	case match[2] == "":
		return Problem{What: "it names a registry of Amazon ECR without the Region", Fix: fix}, true
	case strings.Trim(account, "0123456789") != "":
		return Problem{What: "it names a registry of Amazon ECR, but not the account's 12 digits", Fix: fix}, true
	case len(account) < 12:
		return Problem{What: fmt.Sprintf("the account in the host of Amazon ECR has %d digits, and an account has 12", len(account)), Fix: fix + " Zeros that the number begins with count."}, true
	}
	return Problem{What: fmt.Sprintf("the account in the host of Amazon ECR has %d digits, and an account has 12", len(account)), Fix: fix}, true
}
