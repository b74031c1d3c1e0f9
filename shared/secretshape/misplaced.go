package secretshape

import (
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// beginning is how tokens and keys begin. Find asks for a whole one; where a name is
// expected, the beginning of one with eight characters more is enough. Words that begin
// names, too, are followed by what only a key has.
var beginning = lazyregexp.New(`^(?:(?:gh[pousr]_|github_pat_|glpat-|gldt-|glcbt-|dckr_[po]at_|xox[bp]-|sk_live_|hvs\.|npm_|pypi-|cmVmdGtuO|AKCp|eyJ|SG\.).{8}|A[KS]IA[A-Z2-7]{8}|sk-.*[0-9].{7})`)

var (
	// uuid is chosen by a generator, and secret to no one.
	uuid = lazyregexp.New(`[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`)
	// logicalHash ends the ids that CDK gives to resources, as in
	// "WebTaskDefExecutionRoleC4B1E2D3".
	logicalHash = lazyregexp.New(`([A-Z][A-Za-z]*[a-z])[0-9A-F]{8}\b`)
	// physicalHash ends the names that CloudFormation gives to resources:
	// STACK-LOGICAL_ID-RANDOM, and LOGICAL_ID-RANDOM for secrets.
	physicalHash = lazyregexp.New(`((?:^|-)[A-Z][a-z][A-Za-z0-9]*)-[A-Za-z0-9]{8,13}$`)
)

// IsMisplaced reports whether a text that stands where people and tools write a name
// is a credential: it has the form of one, begins like one, or holds a word that only
// a generator of passwords makes. What CDK and CloudFormation generate into names is
// none.
func IsMisplaced(text string) bool {
	if Find(text) != "" || beginning.MatchString(text) {
		return true
	}
	text = uuid.ReplaceAllString(text, "")
	text = physicalHash.ReplaceAllString(text, "$1")
	text = logicalHash.ReplaceAllString(text, "$1")
	if IsGenerated(text) {
		return true
	}
	// A password may have other characters among its letters and digits.
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune("/-_.:", r) }) {
		if digits, _ := turns(word); len(word) >= 16 && digits >= 4 {
			return true
		}
	}
	return false
}
