package userdata

import (
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

var (
	// shellExpansion is what may stand between "${" and "}" in a shell.
	shellExpansion = lazyregexp.New(`^(?s:[!#]?(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])(?:\[[^\]]*\])?(?::?[-=?+].*|[%#^,/].*|:[ 0-9$:-].*|@[A-Za-z])?)$`)
	plainName      = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// directive is a line of Terraform's template language.
	directive = lazyregexp.New(`^%\{~?\s*(if|else|endif|for|endfor)\b[^}\n]*\}`)
	// jinjaDirective and erbDirective are those of Jinja and of Ruby's ERB.
	jinjaDirective = lazyregexp.New(`^\{%[-+]?\s*(if|elif|else|endif|for|endfor|set|include|raw|endraw)\b[^%\n]*%\}`)
	erbDirective   = lazyregexp.New(`^<%-?\s*(if|unless|elsif|else|end)\b[^%\n]*%>`)
	// showable is an expression that can hold no secret.
	showable = lazyregexp.New(`^[A-Za-z0-9_.:\[\]*() -]{1,80}$`)
	// templated is what only a template has.
	templated = lazyregexp.New(`\$\$\{|\$\{\s*[A-Za-z_][A-Za-z0-9_-]*(?:\.|::[A-Za-z]|\()|%\{~?\s*(?:if|for)\b`)
)

// withPlaceholders turns what a template engine fills in into unknown text:
// Terraform's ${var.x} and %{ if }, CloudFormation's ${AWS::Region}, Jinja's
// {{ x }}, ERB's <%= x %>. What a shell would expand is left to the shell,
// except in a template, for names that the text doesn't assign itself. Lines of
// nothing but Terraform's directives leave nothing behind but conditions.
func withPlaceholders(t Text, template bool) Text {
	s := t.String()
	if !strings.Contains(s, "${") && !strings.Contains(s, "{{") && !strings.Contains(s, "<%") && !strings.Contains(s, "%{") && !strings.Contains(s, "{%") {
		return t
	}
	f := &placeholders{text: t, raw: s, template: template || templated.MatchString(s)}
	for i := 0; i < len(s)-1; i++ {
		switch rest := s[i:]; {
		case f.template && strings.HasPrefix(rest, "$${"):
			f.replace(i, i+1, Text{})
			i += 2
		case strings.HasPrefix(rest, "${"):
			i = f.reference(i)
		case strings.HasPrefix(rest, "{{"):
			i = f.marked(i, "{{", "}}")
		case strings.HasPrefix(rest, "<%="):
			i = f.marked(i, "<%=", "%>")
		case strings.HasPrefix(rest, "%{"):
			i = f.directive(i, directive)
		case strings.HasPrefix(rest, "{%"):
			i = f.directive(i, jinjaDirective)
		case strings.HasPrefix(rest, "<%"):
			i = f.directive(i, erbDirective)
		}
	}
	f.keep(len(s))
	return f.out.text()
}

// placeholders is a text that is being gone through.
type placeholders struct {
	text     Text
	raw      string
	template bool
	out      builder
	kept     int
	// names are the names in the text, nil before they are asked for.
	names map[string]nameUse
	// conditions are those of the directives around, the innermost last.
	conditions []int
}

// keep takes the text up to a place as it is.
func (f *placeholders) keep(end int) {
	kept := f.text.slice(f.kept, end)
	if n := len(f.conditions); n > 0 {
		kept = kept.under(f.conditions[n-1])
	}
	f.out.add(kept)
	f.kept = end
}

func (f *placeholders) replace(start, end int, with Text) {
	f.keep(start)
	f.out.add(with)
	f.kept = end
}

// reference replaces ${…}, and gives the last byte that is done.
func (f *placeholders) reference(i int) int {
	end := closingBrace(f.raw[i:])
	if end < 0 {
		return i
	}
	inner := strings.TrimSpace(f.raw[i+2 : i+end])
	if f.isShells(inner) {
		return i + 1
	}
	f.replace(i, i+end+1, unknownText(expression("${", inner, "}"), f.text.offset(i)))
	return i + end
}

// marked replaces what stands between two marks.
func (f *placeholders) marked(i int, open, closing string) int {
	end := strings.Index(f.raw[i:min(len(f.raw), i+302)], closing)
	if end < 0 {
		return i
	}
	inner := strings.TrimSpace(f.raw[i+len(open) : i+end])
	f.replace(i, i+end+2, unknownText(expression(open+" ", inner, " "+closing), f.text.offset(i)))
	return i + end + 1
}

// directive follows %{ if }, %{ for } and what ends them, on a line of their own,
// and the same of Jinja and ERB. Within a line, the text that results isn't known.
func (f *placeholders) directive(i int, form lazyregexp.Regexp) int {
	match := form.FindStringSubmatch(f.raw[i:min(len(f.raw), i+500)])
	if match == nil {
		return i
	}
	end := i + len(match[0])
	line, _, _ := strings.Cut(f.raw[end:], "\n")
	if strings.Trim(f.raw[strings.LastIndexByte(f.raw[:i], '\n')+1:i], " \t") != "" || strings.Trim(line, " \t\r") != "" {
		open := f.raw[i : i+2]
		f.replace(i, end, unknownText(expression(open+" ", strings.TrimSpace(f.raw[i+2:end-1]), " }"), f.text.offset(i)))
		return end - 1
	}
	f.replace(i, end, Text{})
	switch match[1] {
	case "if", "unless", "for":
		f.conditions = append(f.conditions, f.text.offset(i)+1)
	case "else", "elif", "elsif":
		if n := len(f.conditions); n > 0 {
			f.conditions = append(f.conditions[:n-1:n-1], f.text.offset(i)+1)
		}
	case "endif", "endfor", "end":
		if n := len(f.conditions); n > 0 {
			f.conditions = f.conditions[:n-1]
		}
	}
	return end - 1
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
func (f *placeholders) isShells(inner string) bool {
	switch {
	case !shellExpansion.MatchString(inner):
		return false
	case plainName.MatchString(inner):
		if f.names == nil {
			f.names = namesIn(f.raw)
		}
		use := f.names[inner]
		return use&assigned != 0 || use&mentioned != 0 && !f.template
	default:
		// ${cluster-name} is a default to a shell and a name to a template.
		return !f.template || !strings.Contains(inner, "-") || strings.Contains(inner, ":-")
	}
}

// nameUse says how a script uses a name other than as $name or ${name}.
type nameUse int

const (
	// mentioned: it is assigned, read or looped over.
	mentioned nameUse = 1 << iota
	// assigned: the script gives the variable a value, in a shell or PowerShell.
	assigned
)

// namesIn gives the names that a script has, with their uses.
func namesIn(script string) map[string]nameUse {
	names := map[string]nameUse{}
	isWord := func(c byte) bool {
		return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
	}
	for i := 0; i < len(script); {
		if !isWord(script[i]) {
			i++
			continue
		}
		end := i
		for end < len(script) && isWord(script[end]) {
			end++
		}
		names[script[i:end]] |= useOf(script[:i], script[end:])
		i = end
	}
	return names
}

// useOf says how a name between two texts is used.
func useOf(before, after string) nameUse {
	if strings.HasSuffix(before, "$") {
		if strings.HasPrefix(strings.TrimLeft(after[:min(len(after), 50)], " "), "=") {
			return assigned // PowerShell
		}
		return 0
	}
	if strings.HasSuffix(before, "${") {
		return 0
	}
	starts := before == "" || strings.IndexByte(" \t\n;&|(", before[len(before)-1]) >= 0
	loops := strings.HasSuffix(before, "for ") && strings.HasPrefix(after, " in ")
	if starts && (strings.HasPrefix(after, "=") || strings.HasPrefix(after, "+=") || loops) {
		return mentioned | assigned
	}
	return mentioned
}

// closingBrace is where the "${" at the start of s is closed, -1 for nowhere near.
func closingBrace(s string) int {
	depth, quoted := 0, false
	if strings.IndexByte(s[:min(len(s), 2000)], '}') < 0 {
		return -1
	}
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
