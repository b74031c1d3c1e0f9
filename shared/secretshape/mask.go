package secretshape

import (
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// hidden stands where a credential stood.
const hidden = "(not shown)"

var (
	// identifier is what AWS and Docker name things by: ECS's ids, UUIDs and digests.
	identifier = lazyregexp.New(`^([0-9a-f]{32}|[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
	// random is what a generated password or key looks like. Names that tools
	// generate have a hyphen or an underscore before what is random in them.
	random = lazyregexp.New(`^[A-Za-z0-9+/=]{16,}$`)
)

// signed is a URL that is a credential by itself, as AWS and Azure sign them.
var signed = lazyregexp.New(`(?i)[?&](x-amz-(signature|security-token)|signature|sig)=`)

// Mask gives a sentence of somebody else's, as the reason for which ECS stopped a
// task, without the words that are a credential: ECS repeats what stands in a
// definition, and a secret may stand there in the wrong field.
func Mask(text string) string {
	words := strings.Split(text, " ")
	for i, word := range words {
		if IsCredential(word) {
			words[i] = hidden
		}
	}
	return strings.Join(words, " ")
}

// IsCredential reports whether a word has the form of a credential, or is one that
// a generator makes and that no AWS service names a thing by.
func IsCredential(word string) bool {
	if Find(word) != "" || signed.MatchString(word) || strings.ContainsAny(word, `"{`) && IsGenerated(word) {
		return true
	}
	bare := strings.Trim(word, `.,;:'"()[]`)
	return random.MatchString(bare) && !identifier.MatchString(bare) && IsGenerated(bare)
}
