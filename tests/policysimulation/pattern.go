package policysimulation

import (
	"regexp"
	"strings"
	"sync"
)

// variable is a policy variable: ${aws:username}, ${aws:PrincipalTag/team,
// 'none'}, or one of the escapes ${*}, ${?}, ${$} (IAM User Guide, "IAM policy
// elements: Variables and tags").
var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// reading says what policy text may hold beside plain characters.
type reading struct {
	ignoreCase bool
	// wildcards are * and ?.
	wildcards bool
	// variables exist in documents of Version 2012-10-17 only.
	variables bool
}

// written is policy text that means the same in every context.
type written struct {
	text string
	reading
}

// compiled keeps the *regexp.Regexp of each written: there are as many as the
// policies have texts, and every simulation needs them again.
var compiled sync.Map

// pattern turns policy text into a regular expression, with the variables'
// values as plain text. It returns nil where a variable has no value: such
// text matches nothing.
func pattern(text string, read reading, context Context) *regexp.Regexp {
	read.variables = read.variables && strings.Contains(text, "${")
	if read.variables {
		return compile(text, read, context)
	}
	key := written{text, read}
	if known, ok := compiled.Load(key); ok {
		return known.(*regexp.Regexp)
	}
	expression := compile(text, read, nil)
	compiled.Store(key, expression)
	return expression
}

func compile(text string, read reading, context Context) *regexp.Regexp {
	var expression strings.Builder
	expression.WriteString("(?s")
	if read.ignoreCase {
		expression.WriteString("i")
	}
	expression.WriteString(")^")
	for text != "" {
		place := []int(nil)
		if read.variables {
			place = variable.FindStringSubmatchIndex(text)
		}
		if place == nil {
			place = []int{len(text), len(text), 0, 0}
		}
		plain(&expression, text[:place[0]], read.wildcards)
		if place[0] < len(text) {
			value, ok := variableValue(text[place[2]:place[3]], context)
			if !ok {
				return nil
			}
			expression.WriteString(regexp.QuoteMeta(value))
		}
		text = text[place[1]:]
	}
	expression.WriteString("$")
	return regexp.MustCompile(expression.String())
}

func plain(expression *strings.Builder, text string, wildcards bool) {
	for _, character := range text {
		switch {
		case wildcards && character == '*':
			expression.WriteString(".*")
		case wildcards && character == '?':
			expression.WriteString(".")
		default:
			expression.WriteString(regexp.QuoteMeta(string(character)))
		}
	}
}

func variableValue(inside string, context Context) (string, bool) {
	switch inside {
	case "*", "?", "$":
		return inside, true
	}
	key, fallback, hasFallback := strings.Cut(inside, ",")
	// A key with several values cannot be a variable.
	if values := context.values(strings.TrimSpace(key)); len(values) == 1 {
		return values[0], true
	}
	return strings.Trim(strings.TrimSpace(fallback), "'"), hasFallback
}

// variableKeys are the context keys that the text's variables need.
func variableKeys(text string) []string {
	var keys []string
	for _, match := range variable.FindAllStringSubmatch(text, -1) {
		switch match[1] {
		case "*", "?", "$":
		default:
			if key, _, hasFallback := strings.Cut(match[1], ","); !hasFallback {
				keys = append(keys, strings.TrimSpace(key))
			}
		}
	}
	return keys
}
