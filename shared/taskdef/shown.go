package taskdef

import (
	"fmt"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// Values are shown only if they parse as what they should be: any of them may be a
// secret in the wrong field.

// shownSecret gives a secret's name or ARN for a message.
func shownSecret(name string) string {
	if _, err := ParseCredential(name); err != nil || !strings.HasPrefix(name, "arn:") && looksSecret(name) {
		return "(not shown: it names no secret)"
	}
	return finding.Shortened(name)
}

// shownName gives a variable's or an option's name for a message.
func shownName(name string) string {
	if !variableForm.MatchString(name) || looksSecret(name) {
		return "(a name that isn't shown)"
	}
	return finding.Shortened(name)
}

// variableForm is what names of variables and of log options look like.
var variableForm = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// roleForm is a role's ARN, or its name.
var roleForm = lazyregexp.New(`^(?:arn:aws[a-z-]*:iam::\d{12}:role/(?:[!-~]{1,510}/)?)?[A-Za-z0-9_+=,.@-]{1,64}$`)

// shownRole gives a role for a message.
func shownRole(role string) string {
	if !roleForm.MatchString(role) || looksSecret(last(role)) {
		return "(not shown: it names no role)"
	}
	return finding.Shortened(role)
}

// shownObject gives an object's ARN for a message.
func shownObject(value string) string {
	if !objectARN.MatchString(value) || strings.ContainsAny(value, "?&=@") {
		return "(not shown: it is no object's ARN)"
	}
	return fmt.Sprintf("%q", finding.Shortened(value))
}

// tokenPrefixes begin tokens and keys of known kinds.
var tokenPrefixes = []string{
	"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-", "glcbt-", "dckr_pat_", "dckr_oat_", "AKIA", "ASIA",
	"xoxb-", "xoxp-", "sk-", "sk_live_", "hvs.", "npm_", "pypi-", "cmVmdGtuO", "AKCp", "eyJ", "SG.",
}

// looksSecret recognizes a token or key where a name should be: by how it begins,
// or because no person would choose it as a name, for a word of 16 characters or
// more in it changes between letters and digits again and again.
func looksSecret(text string) bool {
	for _, prefix := range tokenPrefixes {
		if strings.HasPrefix(text, prefix) && len(text) >= len(prefix)+8 {
			return true
		}
	}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune("/-_.:", r) }) {
		if len(word) >= 16 && digitChanges(word) >= 4 {
			return true
		}
	}
	return false
}

// digitChanges counts how often a word goes from letters to digits or back.
func digitChanges(word string) (count int) {
	isDigit := func(b byte) bool { return b >= '0' && b <= '9' }
	for i := 1; i < len(word); i++ {
		if isDigit(word[i]) != isDigit(word[i-1]) {
			count++
		}
	}
	return count
}
