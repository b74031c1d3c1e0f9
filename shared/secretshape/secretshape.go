// Package secretshape recognizes credentials by their form, where they stand in
// a place for something else.
package secretshape

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// shape is the form of one sort of credential.
type shape struct {
	// name is how a message calls it, with its article.
	name string
	// marks are texts of which one is in every such credential: to look for them
	// is faster than the pattern.
	marks   []string
	pattern lazyregexp.Regexp
}

var shapes = []shape{
	{"an AWS access key", []string{"AKIA", "ASIA"}, lazyregexp.New(`(^|[^A-Za-z0-9])A[KS]IA[A-Z2-7]{16}`)},
	{"a GitHub token", []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"}, lazyregexp.New(`gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}`)},
	{"a GitLab token", []string{"glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "gloas-", "GR1348941"}, lazyregexp.New(`gl(pat|dt|rt|cbt|ptt|oas)-[A-Za-z0-9_-]{16,}|GR1348941[A-Za-z0-9_-]{16,}`)},
	{"a Docker Hub token", []string{"dckr_pat_", "dckr_oat_"}, lazyregexp.New(`dckr_[po]at_[A-Za-z0-9_-]{16,}`)},
	{"a Slack token", []string{"xox", "xapp-"}, lazyregexp.New(`xox[abposr]-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{10,}`)},
	{"a Slack webhook", []string{"hooks.slack.com/"}, lazyregexp.New(`hooks\.slack\.com/(services|workflows)/[A-Za-z0-9/_-]{10,}`)},
	{"a Google API key", []string{"AIza"}, lazyregexp.New(`AIza[A-Za-z0-9_-]{35}`)},
	{"a Google OAuth token", []string{"ya29."}, lazyregexp.New(`ya29\.[A-Za-z0-9_-]{20,}`)},
	{"an npm token", []string{"npm_"}, lazyregexp.New(`npm_[A-Za-z0-9]{30,}`)},
	{"a PyPI token", []string{"pypi-"}, lazyregexp.New(`pypi-[A-Za-z0-9_-]{30,}`)},
	{"a Stripe key", []string{"k_live_", "k_test_"}, lazyregexp.New(`[rs]k_(live|test)_[A-Za-z0-9]{16,}`)},
	{"a SendGrid key", []string{"SG."}, lazyregexp.New(`SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}`)},
	{"a Twilio key", []string{"SK"}, lazyregexp.New(`(^|[^A-Za-z0-9])SK[0-9a-f]{32}`)},
	{"a HashiCorp Vault token", []string{"hvs.", "hvb.", "hvr."}, lazyregexp.New(`hv[sbr]\.[A-Za-z0-9_-]{20,}`)},
	{"a DigitalOcean token", []string{"dop_v1_", "doo_v1_", "dor_v1_"}, lazyregexp.New(`do[por]_v1_[a-f0-9]{32,}`)},
	{"a Databricks token", []string{"dapi"}, lazyregexp.New(`dapi[0-9a-f]{32}`)},
	{"a New Relic key", []string{"NRAK-", "NRAL"}, lazyregexp.New(`NRAK-[A-Z0-9]{20,}|[0-9a-f]{36}NRAL`)},
	{"an Azure storage key", []string{"AccountKey="}, lazyregexp.New(`AccountKey=[A-Za-z0-9+/=]{20,}`)},
	{"a JSON web token", []string{"eyJ"}, lazyregexp.New(`eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}`)},
	{"a private key", []string{"PRIVATE KEY"}, lazyregexp.New(`-----BEGIN [A-Z ]*PRIVATE KEY`)},
	{"a bearer token", []string{"earer ", "asic "}, lazyregexp.New(`(?i)\b(bearer|basic) [A-Za-z0-9._~+/=-]{16,}`)},
	{"a password in a URL", []string{"://"}, lazyregexp.New(`[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@`)},
}

// Find names the sort of credential that is in a text, with its article ("a
// GitHub token"), "" where none is recognized.
func Find(text string) string {
	for _, shape := range shapes {
		for _, mark := range shape.marks {
			if strings.Contains(text, mark) && shape.pattern.MatchString(text) {
				return shape.name
			}
		}
	}
	if isEncodedPair(text) {
		return encodedPair
	}
	// The alphabet of base64 has a slash, and ARNs and paths have one between names.
	for part := range strings.FieldsFuncSeq(text, isSeparator) {
		if isEncodedPair(part) {
			return encodedPair
		}
	}
	return ""
}

const encodedPair = "the base64 of a user name and a password"

// isSeparator reports whether a character ends a part of an ARN, a path or a sentence.
func isSeparator(r rune) bool { return strings.ContainsRune(" /:.,;-\"'()[]{}\t\n", r) }

// isEncodedPair says that a whole text is the base64 of USERNAME:PASSWORD, as in
// ECS_ENGINE_AUTH_DATA.
func isEncodedPair(text string) bool {
	text = strings.Trim(text, ` "'`)
	if len(text) < 12 || strings.Trim(text, "=")+strings.Repeat("=", len(text)-len(strings.TrimRight(text, "="))) != text {
		return false
	}
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || !utf8.Valid(decoded) {
		return false
	}
	user, password, found := strings.Cut(string(decoded), ":")
	return found && user != "" && password != "" && isPrintable(user) && isPrintable(password)
}

func isPrintable(text string) bool {
	for _, r := range text {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return true
}
