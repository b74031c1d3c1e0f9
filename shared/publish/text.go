package publish

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/escape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// Text is a result for people, for rules and programs that pass it on. Each field
// is one line without quotation marks and backslashes, which EventBridge would
// escape. It is not escaped for any place where it is shown.
type Text struct {
	// Title says in one line what it is about, cut where it is long.
	Title    string `json:"title"`
	Subject  string `json:"subject"`
	Findings string `json:"findings"`
	Actions  string `json:"actions"`
}

const (
	// maxTitle is what a chat message's title can have, less the name before it
	// (guide of Amazon Q Developer in chat applications, "Custom notifications"),
	// in characters.
	maxTitle = 200
	// maxParagraph keeps a message readable, and all of it below the 8,000
	// characters of a chat message's description.
	maxParagraph = 3000
	// maxTold is how many findings and actions a message lists.
	maxTold = 5
)

// openings begin a title.
var openings = map[finding.Status]string{
	finding.Remediated:   "fixed",
	finding.Planned:      "would be fixed (dry run)",
	finding.Noncompliant: "needs you",
	finding.Failed:       "failed, and will be tried again",
	// These two are reported only if an earlier run may have been cut off.
	finding.Compliant: "looked at again, and right",
	finding.Skipped:   "looked at again, and left alone",
}

// InWords tells a result to people, as an event carries it: without the characters
// that EventBridge would escape.
func InWords(result finding.Result) Text { return inWords(result, plain) }

// InFull tells the same with the quotation marks and backslashes of commands and
// JSON, so that people can paste them.
func InFull(result finding.Result) Text { return inWords(result, escape.Line) }

// inWords puts the gravest finding first: people read no further on a lock screen.
func inWords(result finding.Result, plain func(string) string) Text {
	told := Text{Subject: clip(plain(result.Subject), maxParagraph), Title: fmt.Sprintf("%s: %s", Opening(result), result.Subject)}
	// The cause first: the gravest finding, or of what is cured the first.
	findings := result.Capped(maxTold).Findings
	slices.SortStableFunc(findings, func(a, b finding.Finding) int { return rank(a) - rank(b) })
	if worst, ok := gravest(result.Findings); ok {
		if worst.Headline {
			told.Title = ""
		} else {
			told.Title += ": "
		}
		cause := strings.TrimPrefix(worst.Message, "cured: ")
		if !worst.Headline {
			cause = strings.TrimSuffix(Sentence(cause), ".")
		}
		told.Title += cause
	}
	var lines []string
	for i, f := range findings {
		line := fmt.Sprintf("(%d) %s %s", i+1, f.Severity, f.Code)
		if f.Line > 0 {
			line += fmt.Sprintf(", line %d", f.Line)
		}
		line += ": " + Sentence(f.Message)
		// What is cured, and what is only worth knowing, asks for nothing.
		if f.Severity != finding.Info && f.Fix != "" {
			line += " To do: " + Sentence(f.Fix)
		}
		lines = append(lines, line)
	}
	told.Findings = paragraph(plain, "Found: ", lines, "nothing")
	lines = nil
	for i, action := range result.Actions {
		if i == maxTold {
			lines = append(lines, fmt.Sprintf("and %d more.", len(result.Actions)-maxTold))
			break
		}
		line := fmt.Sprintf("(%d) %s on %s", i+1, action.Kind, action.Target)
		if action.Summary != "" {
			line += ": " + action.Summary
		}
		if !action.Applied {
			line += " (not done)"
		}
		lines = append(lines, Sentence(line))
	}
	told.Actions = paragraph(plain, "Changes: ", lines, "none")
	told.Title = clip(plain(told.Title), maxTitle)
	return told
}

// Opening begins the title of a result, as in "needs you".
func Opening(result finding.Result) string {
	isUndo := func(f finding.Finding) bool { return f.Code == "undo-done" }
	switch {
	case result.Status == finding.Planned && slices.ContainsFunc(result.Findings, finding.Finding.IsNoMandate):
		return "waits for your permission"
	case result.Status == finding.Remediated && slices.ContainsFunc(result.Findings, isUndo):
		return "undone"
	default:
		return openings[result.Status]
	}
}

// rank orders findings, the gravest first.
func rank(f finding.Finding) int {
	return slices.Index([]finding.Severity{finding.Error, finding.Warning, finding.Info}, f.Severity)
}

// gravest gives the first finding of the highest severity.
func gravest(findings []finding.Finding) (finding.Finding, bool) {
	for _, severity := range []finding.Severity{finding.Error, finding.Warning, finding.Info} {
		for _, f := range findings {
			if f.Severity == severity {
				return f, true
			}
		}
	}
	return finding.Finding{}, false
}

func paragraph(plain func(string) string, opening string, lines []string, none string) string {
	if len(lines) == 0 {
		lines = []string{none + "."}
	}
	return clip(plain(opening+strings.Join(lines, " ")), maxParagraph)
}

// word is a first word that a sentence can begin with: no name of a host, an API or
// a resource, and no command.
var word = lazyregexp.New(`^[a-z]+(?:'[a-z]+)? `)

// Sentence begins a text with a capital letter, unless it begins with a name, and
// ends it with a full stop, unless something ends it.
func Sentence(text string) string {
	if strings.HasPrefix(text, "cured: ") {
		return "cured: " + Sentence(strings.TrimPrefix(text, "cured: "))
	}
	if word.MatchString(text) && !strings.HasPrefix(text, "aws ") && !strings.HasPrefix(text, "systemd ") {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	if text == "" || strings.ContainsRune(".!?…", []rune(text)[len([]rune(text))-1]) {
		return text
	}
	return text + "."
}

var unquoted = strings.NewReplacer(`"`, "'", `\`, "/")

// plain gives a text on one line, without what a JSON string escapes.
func plain(text string) string { return unquoted.Replace(escape.Line(text)) }

// clip cuts a text of more characters than that.
func clip(text string, characters int) string {
	if runes := []rune(text); len(runes) > characters {
		return string(runes[:characters-1]) + "…"
	}
	return text
}
