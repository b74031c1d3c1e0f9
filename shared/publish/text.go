package publish

import (
	"fmt"
	"strings"
	"unicode"

	"ecsguardrails/shared/finding"
)

// text is a result for people. EventBridge's rules put it into e-mails and chat
// messages; they can pick texts, but not put them together. Each is one line
// without quotation marks and backslashes, which EventBridge would escape.
type text struct {
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
	// maxTold is how many findings and actions are told in words.
	maxTold = 5
)

// openings begin a title.
var openings = map[finding.Status]string{
	finding.Remediated:   "fixed",
	finding.Planned:      "would be fixed (dry run)",
	finding.Noncompliant: "needs you",
	finding.Failed:       "failed, and will be tried again",
	// These two are told only where an earlier run may have been cut off.
	finding.Compliant: "looked at again, and right",
	finding.Skipped:   "looked at again, and left alone",
}

func inWords(result finding.Result) text {
	told := text{Subject: clip(plain(result.Subject), maxParagraph), Title: fmt.Sprintf("%s: %s", openings[result.Status], result.Subject)}
	// The cause first: the gravest finding, or of what is cured the first.
	findings := result.Capped(maxTold).Findings
	if worst, ok := gravest(result.Findings); ok {
		if worst.Headline {
			told.Title = ""
		} else {
			told.Title += ": "
		}
		told.Title += strings.TrimPrefix(worst.Message, "cured: ")
	}
	var lines []string
	for i, f := range findings {
		line := fmt.Sprintf("(%d) %s %s", i+1, f.Severity, f.Code)
		if f.Line > 0 {
			line += fmt.Sprintf(", line %d", f.Line)
		}
		line += ": " + sentence(f.Message)
		// What is cured, and what is only worth knowing, asks for nothing.
		if f.Severity != finding.Info && f.Fix != "" {
			line += " To do: " + sentence(f.Fix)
		}
		lines = append(lines, line)
	}
	told.Findings = paragraph("Found: ", lines, "nothing")
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
		lines = append(lines, sentence(line))
	}
	told.Actions = paragraph("Changes: ", lines, "none")
	told.Title = clip(plain(told.Title), maxTitle)
	return told
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

func paragraph(opening string, lines []string, none string) string {
	if len(lines) == 0 {
		lines = []string{none + "."}
	}
	return clip(plain(opening+strings.Join(lines, " ")), maxParagraph)
}

func sentence(text string) string {
	if text == "" || strings.ContainsRune(".!?…", []rune(text)[len([]rune(text))-1]) {
		return text
	}
	return text + "."
}

// plain gives a text on one line, without what a JSON string escapes.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r == '\\':
			return '/'
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar:
			return ' '
		default:
			return r
		}
	}, text)
}

// clip cuts a text of more characters than that.
func clip(text string, characters int) string {
	if runes := []rune(text); len(runes) > characters {
		return string(runes[:characters-1]) + "…"
	}
	return text
}
