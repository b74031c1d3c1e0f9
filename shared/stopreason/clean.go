package stopreason

import (
	"strings"
	"unicode"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// maxText bounds what is read of a text, in bytes: ECS cuts at 1,024, and
// people paste whole pages.
const maxText = 4 << 10

// clean gives a text on one line, with single spaces and straight quotes. What
// was copied from JSON keeps its escapes, so those of white space and quotes
// are undone.
func clean(text string) string {
	if len(text) > maxText {
		text = text[:maxText]
	}
	text = strings.ToValidUTF8(text, "")
	text = escapes.Replace(text)
	var out strings.Builder
	out.Grow(len(text))
	space := false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			space = out.Len() > 0
			continue
		case !unicode.IsPrint(r):
			continue // a zero-width character, as copied from web pages
		}
		if space {
			out.WriteByte(' ')
			space = false
		}
		out.WriteRune(r)
	}
	return strings.TrimSpace(out.String())
}

var escapes = strings.NewReplacer(
	"\u2018", "'", "\u2019", "'", "\u201c", `"`, "\u201d", `"`,
	`\"`, `"`, `\n`, " ", `\t`, " ", `\r`, " ", `\u003d`, "=", `\u0026`, "&", `\u003c`, "<", `\u003e`, ">", "&quot;", `"`, "&#39;", "'",
)

// agentSentences are what the agent puts in front of the texts of some failed
// pulls (agent/api/errormessages/error_messages.go). They mislead: which one is
// taken depends on the order of a Go map, and "Check whether the image exists"
// stands before every refusal of Docker Hub's kind.
var agentSentences = []string{
	"the task can't pull the image. check that the role has the permissions to pull images from the registry.",
	"the task can't pull the image. check whether the image exists.",
	"the task can't pull the image. check your network configuration.",
}

// withoutAgentSentence drops the agent's sentences where something follows them.
func withoutAgentSentence(lower string) string {
	for _, sentence := range agentSentences {
		if before, after, found := strings.Cut(lower, sentence); found && strings.TrimSpace(after) != "" {
			lower = before + strings.TrimSpace(after)
		}
	}
	return lower
}

// failureStarts are how the agent begins the text of each failed secret or file
// (agent/taskresource/asmsecret/asmsecret.go, envFiles/envfile.go).
var failureStarts = lazyregexp.New(`(?i)^ ?(unable to |trying to retrieve|secret arn:|secret \S+: |resourcenotfoundexception: the task can't|could not find a secretsmanager|retrieved secret|invalid character|fetching secret data|failed to (fetch|retrieve|download)|asm |invalid (ssm )?parameters|unexpected arn format|accessdenied|operation error )`)

// splitFailures cuts a text at the semicolons that join failures; other
// semicolons belong to a failure's own text.
func splitFailures(text string) []string {
	var parts []string
	for piece := range strings.SplitSeq(text, ";") {
		if len(parts) > 0 && !failureStarts.MatchString(piece) {
			parts[len(parts)-1] += ";" + piece
			continue
		}
		parts = append(parts, piece)
	}
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// tellingWords are the words that decide a cause and stand at the end of a text,
// where it may be cut off.
var tellingWords = []string{
	"accessdenied", "resourcenotfoundexception", "invalidrequestexception", "nosuchkey", "nosuchbucket", "forbidden",
	"secretsmanager:getsecretvalue", "ssm:getparameters", "kms:decrypt", "ecr:getauthorizationtoken", "ecr:batchgetimage",
	"ecr:getdownloadurlforlayer", "ecr:batchchecklayeravailability", "logs:createlogstream", "logs:createloggroup", "logs:putlogevents",
	"requestcanceled", "toomanyrequests", "not authorized", "i/o timeout", "context deadline exceeded", "manifest unknown", "no such host",
	"connection refused", "unauthorized", "not found", "insufficient_scope", "connection issue", "authentication required", "no basic auth credentials", "signal: killed",
}

// completeLastWord completes what a text was cut off in, where at least seven
// tenths of a word are left and fit it alone.
func completeLastWord(lower string) string {
	completion, fits := "", 0
	for _, word := range tellingWords {
		for length := len(word) - 1; length*10 >= len(word)*7; length-- {
			before, found := strings.CutSuffix(lower, word[:length])
			if found && (before == "" || strings.ContainsAny(before[len(before)-1:], " :")) {
				completion = before + word
				fits++
				break
			}
		}
	}
	if fits == 1 {
		return completion
	}
	return lower
}
