package instancerole

import (
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// What policies and tags hold is shown only if it is what it should be: anyone
// who may write them can put anything there.
var (
	shownPrincipal = lazyregexp.New(`^(\*|\d{12}|[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)|arn:aws[a-z-]*:(iam|sts)::\d{12}:[\w+=,.@/:-]{1,256}|cognito-identity\.amazonaws\.com|www\.amazon\.com|graph\.facebook\.com|accounts\.google\.com)$`)
	shownWord      = lazyregexp.New(`^[a-z-]{1,12}$`)
)

// shown lists texts, each once, and says otherwise for those that are not of the
// pattern. A token that is of it isn't shown either.
func shown(texts []string, pattern lazyregexp.Regexp, otherwise string) string {
	var parsed []string
	for _, text := range texts {
		if pattern.MatchString(text) {
			text = finding.Shown(text)
		} else {
			text = otherwise
		}
		parsed = appendNew(parsed, text)
	}
	return strings.Join(parsed, ", ")
}

// shownPrincipals lists principals as a trust policy may name them.
func shownPrincipals(principals []string) string {
	return shown(principals, shownPrincipal, "a principal of an unknown form (not shown)")
}

// shownWords lists words that may be a capability, spelt wrong.
func shownWords(words []string) string {
	return shown(words, shownWord, "a text that is no capability's name")
}
