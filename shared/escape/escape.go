// Package escape writes text from outside (object keys, tag values, names,
// registries' answers) so that the place where it is shown takes it for text: no
// mention, link, mark-up, control sequence or reordering results.
package escape

import (
	"regexp"
	"strings"
	"unicode"
)

// Line gives the text on one line, without control characters, and without the
// format characters that reorder or hide text (U+202E and the like).
func Line(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == unicode.ReplacementChar:
			return ' '
		case unicode.Is(unicode.Cf, r), r == '\u115f', r == '\u1160', r == '\u3164', r == '\uffa0':
			return -1
		default:
			return r
		}
	}, strings.ToValidUTF8(text, " "))
}

// joiner is a zero-width space: it parts what would be read together.
const joiner = "\u200b"

var (
	entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	mentions = regexp.MustCompile(`(?i)@(channel|here|everyone|[a-z0-9])`)
	links    = regexp.MustCompile(`(?i)(\b|_)(https?|ftp|mailto|javascript|data|file|slack|tel)(:)`)
	targets  = strings.NewReplacer("](", "]"+joiner+"(", "][", "]"+joiner+"[", "]:", "]"+joiner+":", "![", "!"+joiner+"[")
)

// Chat is for Slack's mrkdwn and for the Markdown of Teams and Chime, which one
// message must suit: no mention, no link, no image. Emphasis is left as it is,
// because neither has an escape that the other would not show.
func Chat(text string) string {
	text = Line(text)
	text = mentions.ReplaceAllString(text, "@"+joiner+"$1")
	text = links.ReplaceAllString(text, "$1$2"+joiner+"$3")
	text = targets.Replace(text)
	text = strings.ReplaceAll(text, "`", "'")
	return entities.Replace(text)
}

// Subject is for an e-mail's subject as SNS takes it: at most 100 characters of
// ASCII that begin with a letter, digit or punctuation mark.
func Subject(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.TrimSpace(Line(text)))
	if len(text) > 100 {
		text = text[:97] + "..."
	}
	return text
}
