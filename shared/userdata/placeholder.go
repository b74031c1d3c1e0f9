package userdata

import (
	"strings"

	"ecsguardrails/shared/lazyregexp"
)

var (
	// shellExpansion is what may stand between "${" and "}" in a shell.
	shellExpansion = lazyregexp.New(`^(?s:[!#]?(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])(?:\[[^\]]*\])?(?::?[-=?+].*|[%#^,/].*|:[ 0-9$:-].*|@[A-Za-z])?)$`)
	plainName      = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// directive is a line of Terraform's template language.
	directive = lazyregexp.New(`^%\{~?\s*(?:if|else|endif|for|endfor)\b[^}\n]*\}`)
	// showable is an expression that can hold no secret.
	showable = lazyregexp.New(`^[A-Za-z0-9_.:\[\]*() -]{1,80}$`)
	// templated is what only a template has.
	templated = lazyregexp.New(`\$\$\{|\$\{\s*[A-Za-z_][A-Za-z0-9_-]*(?:\.|::[A-Za-z]|\()|%\{~?\s*(?:if|for)\b`)
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
			if isShells(s, inner, template) {
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

// isShells says that what stands in ${…} is for the shell. A plain name that a
// script uses and never sets is for the template engine, or unknown to both.
func isShells(script, inner string, template bool) bool {
	switch {
	case !shellExpansion.MatchString(inner):
		return false
	case plainName.MatchString(inner) && template:
		return assigns(script, inner)
	case plainName.MatchString(inner):
		return mentions(script, inner)
	default:
		// ${cluster-name} is a default to a shell and a name to a template.
		return !template || !strings.Contains(inner, "-") || strings.Contains(inner, ":-")
	}
}

// assigns says that a script gives the variable a value.
func assigns(script, name string) bool {
	for rest := script; ; {
		i := strings.Index(rest, name)
		if i < 0 {
			return false
		}
		after := rest[i+len(name):]
		starts := i == 0 || strings.ContainsRune(" \t\n;&|(", rune(rest[i-1]))
		loops := i >= 4 && rest[i-4:i] == "for " && strings.HasPrefix(after, " in ")
		if starts && (strings.HasPrefix(after, "=") || strings.HasPrefix(after, "+=") || loops) {
			return true
		}
		rest = after
	}
}

// mentions says that a name stands in a script other than as $name or ${name}:
// where it is assigned, read or looped over.
func mentions(script, name string) bool {
	isWord := func(i int) bool {
		return i >= 0 && i < len(script) && (script[i] == '_' || script[i] >= '0' && script[i] <= '9' || script[i] >= 'A' && script[i] <= 'Z' || script[i] >= 'a' && script[i] <= 'z')
	}
	for start := 0; ; {
		i := strings.Index(script[start:], name)
		if i < 0 {
			return false
		}
		i += start
		start = i + len(name)
		used := i > 0 && script[i-1] == '$' || i > 1 && script[i-2:i] == "${"
		if !used && !isWord(i-1) && !isWord(i+len(name)) {
			return true
		}
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
