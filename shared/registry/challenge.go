package registry

import (
	"net/http"
	"strings"
)

// challenge is one way in which a server asks for credentials (RFC 9110,
// section 11.6.1).
type challenge struct {
	// scheme is in lower case, as are the names of the parameters.
	scheme     string
	parameters map[string]string
}

// parseChallenges reads all WWW-Authenticate fields of an answer. A field may
// hold several challenges; what cannot be read ends its field.
func parseChallenges(header http.Header) []challenge {
	var challenges []challenge
	for _, field := range header.Values("WWW-Authenticate") {
		rest := field
		for {
			var word string
			word, rest = token(strings.TrimLeft(rest, " \t,"))
			if word == "" {
				break
			}
			rest = strings.TrimLeft(rest, " \t")
			if value, ok := strings.CutPrefix(rest, "="); ok && len(challenges) > 0 {
				// A parameter of the challenge before.
				value, after, ok := parameterValue(strings.TrimLeft(value, " \t"))
				if !ok {
					break
				}
				parameters := challenges[len(challenges)-1].parameters
				if name := strings.ToLower(word); parameters[name] == "" {
					parameters[name] = value
				}
				rest = after
				continue
			}
			challenges = append(challenges, challenge{strings.ToLower(word), map[string]string{}})
		}
	}
	return challenges
}

// find gives the challenge of a scheme.
func find(challenges []challenge, scheme string) (challenge, bool) {
	for _, c := range challenges {
		if c.scheme == scheme {
			return c, true
		}
	}
	return challenge{}, false
}

// token cuts a token (RFC 9110, section 5.6.2) off a text.
func token(text string) (word, rest string) {
	end := strings.IndexFunc(text, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	})
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:]
}

// parameterValue cuts a token or a quoted string off a text.
func parameterValue(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		value, rest = token(text)
		return value, rest, value != ""
	}
	var unquoted strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return unquoted.String(), text[i+1:], true
		case '\\':
			if i++; i == len(text) {
				return "", "", false
			}
			fallthrough
		default:
			unquoted.WriteByte(text[i])
		}
	}
	return "", "", false
}
