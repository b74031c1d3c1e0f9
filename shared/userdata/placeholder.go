package userdata

import (
	"strings"

	"ecsguardrails/shared/lazyregexp"
)

var (
	// shellExpansion is what may stand between "${" and "}" in a shell.
	shellExpansion = lazyregexp.New(`^(?s:[!#]?(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])(?:\[[^\]]*\])?(?::?[-=?+].*|[%#^,/].*|:[ 0-9$-].*|@[A-Za-z])?)$`)
	plainName      = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// directive is a line of Terraform's template language.
	directive = lazyregexp.New(`^%\{~?\s*(?:if|else|endif|for|endfor)\b[^}\n]*\}`)
	// showable is an expression that can hold no secret.
	showable = lazyregexp.New(`^[A-Za-z0-9_.:\[\]*() -]{1,80}$`)
	// templated is what only a template has.
	templated = lazyregexp.New(`\$\$\{|\$\{\s*[A-Za-z_][A-Za-z0-9_-]*(?:\.|::|\()|%\{~?\s*(?:if|for)\b`)
)

// withPlaceholders turns what a template engine fills in into unknown text:
// Terraform's ${var.x} and %{ if }, CloudFormation's ${AWS::Region}, Jinja's
// {{ x }}, ERB's <%= x %>. What a shell would expand is left to the shell,
// except in a template, for names that the text doesn't assign itself.
func withPlaceholders(t Text, template bool) Text {
	s := t.String()
	if !strings.Contains(s, "${") && !strings.Contains(s, "{{") && !strings.Contains(s, "<%") && !strings.Contains(s, "%{") {
		return t
	}
	template = template || templated.MatchString(s)
	var out builder
	kept := 0
	replace := func(start, end int, with Text) {
		out.add(t.slice(kept, start))
		out.add(with)
		kept = end
	}
	for i := 0; i < len(s)-1; i++ {
		switch rest := s[i:]; {
		case template && strings.HasPrefix(rest, "$${"):
			replace(i, i+1, Text{})
			i += 2
		case strings.HasPrefix(rest, "${"):
			end := closingBrace(rest)
			if end < 0 {
				continue
			}
			inner := strings.TrimSpace(rest[2:end])
			if shellExpansion.MatchString(inner) && (!template || !plainName.MatchString(inner) && !strings.Contains(inner, "-") || assigns(s, inner)) {
				i++
				continue
			}
			replace(i, i+end+1, unknownText(expression("${", inner, "}"), t.offset(i)))
			i += end
		case strings.HasPrefix(rest, "{{"):
			end := strings.Index(rest, "}}")
			if end < 0 || end > 300 {
				continue
			}
			replace(i, i+end+2, unknownText(expression("{{ ", strings.TrimSpace(rest[2:end]), " }}"), t.offset(i)))
			i += end + 1
		case strings.HasPrefix(rest, "<%="):
			end := strings.Index(rest, "%>")
			if end < 0 || end > 300 {
				continue
			}
			replace(i, i+end+2, unknownText(expression("<%= ", strings.TrimSpace(rest[3:end]), " %>"), t.offset(i)))
			i += end + 1
		case strings.HasPrefix(rest, "%{"):
			if match := directive.FindStringSubmatch(rest); match != nil {
				size := len(match[0])
				replace(i, i+size, unknownText(expression("%{ ", strings.TrimSpace(rest[2:size-1]), " }"), t.offset(i)))
				i += size - 1
			}
		}
	}
	out.add(t.slice(kept, len(s)))
	return out.text()
}

// expression shows what a value depends on, unless a secret may be in it.
func expression(before, inner, after string) string {
	if !showable.MatchString(inner) {
		inner = "…"
	}
	return before + inner + after
}

// assigns says that a script gives the variable a value itself.
func assigns(script, name string) bool {
	for rest := script; ; {
		i := strings.Index(rest, name+"=")
		if i < 0 {
			return false
		}
		if i == 0 || strings.ContainsRune(" \t\n;&|(", rune(rest[i-1])) {
			return true
		}
		rest = rest[i+len(name):]
	}
}

// closingBrace is where the "${" at the start of s is closed, -1 for nowhere near.
func closingBrace(s string) int {
	depth, quoted := 0, false
	for i := 0; i < len(s) && i < 2000; i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case quoted && s[i] == '\n':
			return -1
		case quoted:
		case s[i] == '{':
			depth++
		case s[i] == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}
