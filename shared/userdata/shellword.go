package userdata

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// segment is a part of a word after expansion. What was expanded outside quotes
// is split at white space.
type segment struct {
	text  Text
	split bool
	// active is literal text outside quotes, with its backslashes still in it.
	active bool
}

// literal is the segment's text without backslashes.
func (s segment) literal() Text {
	if s.active {
		return unescaped(s.text, unquoted)
	}
	return s.text
}

// quoting says which backslashes are escapes.
type quoting int

const (
	unquoted quoting = iota
	doubleQuoted
	hereDocument
)

// one expands a word to one text, as in an assignment or a redirection.
func (sh *shell) one(word *syntax.Word) Text {
	var out builder
	if word == nil {
		return Text{}
	}
	for _, s := range sh.segments(word.Parts, unquoted) {
		out.add(s.literal())
	}
	return sh.machine.bounded(out.text())
}

// fields expands a word to the arguments that a command gets.
func (sh *shell) fields(word *syntax.Word) []Text {
	var fields []Text
	budget := 200
	expandBraces(sh.segments(word.Parts, unquoted), &budget, func(segments []segment) {
		for _, field := range splitFields(segments) {
			fields = append(fields, sh.machine.bounded(field))
		}
	})
	return fields
}

// expandBraces gives a{b,c} as ab and ac, as bash does.
func expandBraces(segments []segment, budget *int, each func([]segment)) {
	if *budget--; *budget >= 0 {
		for i, s := range segments {
			if !s.active {
				continue
			}
			raw := s.text.String()
			for at := 0; at < len(raw); at++ {
				switch raw[at] {
				case '\\':
					at++
				case '{':
					if elements, after, ok := braceElements(segments, i, at); ok {
						before := append(segments[:i:i], segment{text: s.text.slice(0, at), active: true})
						for _, element := range elements {
							word := append(before[:len(before):len(before)], element...)
							expandBraces(append(word, after...), budget, each)
						}
						return
					}
				}
			}
		}
	}
	each(segments)
}

// braceElements gives what stands between the commas of the brace at a place,
// and what follows it.
func braceElements(segments []segment, index, open int) (elements [][]segment, after []segment, ok bool) {
	depth := 0
	var element []segment
	for i := index; i < len(segments); i++ {
		s := segments[i]
		if !s.active {
			element = append(element, s)
			continue
		}
		raw, kept := s.text.String(), 0
		at := 0
		if i == index {
			at, kept = open+1, open+1
		}
		for ; at < len(raw); at++ {
			switch c := raw[at]; {
			case c == '\\':
				at++
			case c == '{':
				depth++
			case c == '}' && depth > 0:
				depth--
			case c == ',' && depth == 0, c == '}':
				element = append(element, segment{text: s.text.slice(kept, at), active: true})
				elements, element, kept = append(elements, element), nil, at+1
				if c == '}' {
					rest := segment{text: s.text.slice(at+1, len(raw)), active: true}
					return elements, append([]segment{rest}, segments[i+1:]...), len(elements) > 1
				}
			}
		}
		element = append(element, segment{text: s.text.slice(kept, len(raw)), active: true})
	}
	return nil, nil, false
}

func splitFields(segments []segment) []Text {
	var fields []Text
	var field builder
	started := false
	finish := func() {
		if started {
			fields = append(fields, field.text())
		}
		field, started = builder{}, false
	}
	for _, segment := range segments {
		if !segment.split {
			text := segment.literal()
			field.add(text)
			started = started || !segment.active || text.length() > 0
			continue
		}
		s := segment.text.String()
		for at := 0; at < len(s); {
			if strings.IndexByte(" \t\n", s[at]) >= 0 {
				finish()
				at++
				continue
			}
			end := strings.IndexAny(s[at:], " \t\n")
			if end < 0 {
				end = len(s) - at
			}
			field.add(segment.text.slice(at, at+end))
			started = true
			at += end
		}
	}
	finish()
	return fields
}

func (sh *shell) segments(parts []syntax.WordPart, mode quoting) []segment {
	var out []segment
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			if mode == unquoted {
				out = append(out, segment{text: sh.text(p), active: true})
				continue
			}
			out = append(out, segment{text: unescaped(sh.text(p), mode)})
		case *syntax.SglQuoted:
			left := int(p.Left.Offset()) + 1
			if p.Dollar {
				left++
				out = append(out, segment{text: escapes(sh.script.slice(left, int(p.Right.Offset())), true)})
				continue
			}
			out = append(out, segment{text: sh.script.slice(left, int(p.Right.Offset()))})
		case *syntax.DblQuoted:
			inner := sh.segments(p.Parts, doubleQuoted)
			if len(inner) == 0 {
				out = append(out, segment{})
			}
			for _, s := range inner {
				out = append(out, segment{text: s.text})
			}
		case *syntax.ParamExp:
			out = append(out, segment{text: sh.parameter(p), split: mode == unquoted})
		case *syntax.CmdSubst:
			out = append(out, segment{text: sh.substitute(p), split: mode == unquoted})
		default:
			// Arithmetic, process substitution, extended globs.
			out = append(out, segment{text: unknownText("a shell expression", sh.offset(p.Pos()))})
		}
	}
	return out
}

// unescaped takes the backslashes out of literal text.
func unescaped(t Text, mode quoting) Text {
	s := t.String()
	if strings.IndexByte(s, '\\') < 0 {
		return t
	}
	var out builder
	kept := 0
	for i := 0; i < len(s)-1; i++ {
		if s[i] != '\\' {
			continue
		}
		next := s[i+1]
		switch {
		case next == '\n':
			out.add(t.slice(kept, i))
			kept = i + 2
		case mode == unquoted, mode == doubleQuoted && strings.IndexByte("$`\"\\", next) >= 0, mode == hereDocument && strings.IndexByte("$`\\", next) >= 0:
			out.add(t.slice(kept, i))
			kept = i + 1
		}
		i++
	}
	out.add(t.slice(kept, len(s)))
	return out.text()
}

// escapes interprets the escape sequences of $'…', of echo -e and printf.
func escapes(t Text, quotes bool) Text {
	s := t.String()
	if strings.IndexByte(s, '\\') < 0 {
		return t
	}
	simple := map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': "\\", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", 'e': "\x1b"}
	if quotes {
		simple['\''], simple['"'] = "'", `"`
	}
	var out builder
	kept := 0
	for i := 0; i < len(s)-1; i++ {
		if s[i] != '\\' {
			continue
		}
		meaning, size := simple[s[i+1]], 2
		if meaning == "" {
			digits, base := 0, 8
			from := i + 1
			if s[i+1] == 'x' {
				from, base = i+2, 16
			}
			for digits < 3-base/16 && from+digits < len(s) && strings.IndexByte("0123456789abcdefABCDEF"[:8+base/16*14], s[from+digits]) >= 0 {
				digits++
			}
			code, err := strconv.ParseUint(s[from:from+digits], base, 16)
			if err != nil {
				i++
				continue
			}
			meaning, size = string([]byte{byte(code)}), from+digits-i
		}
		out.add(t.slice(kept, i))
		out.add(madeText(meaning, t.offset(i)))
		kept = i + size
		i += size - 1
	}
	out.add(t.slice(kept, len(s)))
	return out.text()
}

// hereDocument expands the body of a here-document.
func (sh *shell) hereDocument(redirect *syntax.Redirect) Text {
	if redirect.Hdoc == nil {
		return Text{}
	}
	delimiter := sh.text(redirect.Word).String()
	isQuoted := strings.ContainsAny(delimiter, `'"\`)
	delimiter = strings.NewReplacer(`'`, "", `"`, "", `\`, "").Replace(delimiter)
	var out builder
	lineStart := true
	for i, p := range redirect.Hdoc.Parts {
		lit, ok := p.(*syntax.Lit)
		if !ok {
			for _, s := range sh.segments([]syntax.WordPart{p}, hereDocument) {
				out.add(s.text)
			}
			lineStart = false
			continue
		}
		text := sh.text(lit)
		if i == len(redirect.Hdoc.Parts)-1 {
			text = withoutDelimiter(text, delimiter)
		}
		s := text.String()
		if redirect.Op == syntax.DashHdoc {
			text = withoutTabs(text, lineStart)
		}
		if !isQuoted {
			text = unescaped(text, hereDocument)
		}
		out.add(text)
		lineStart = strings.HasSuffix(s, "\n")
	}
	return out.text()
}

// withoutDelimiter takes off the line that ends a here-document, which the
// parser counts in.
func withoutDelimiter(t Text, delimiter string) Text {
	s := strings.TrimRight(t.String(), "\r\n")
	last := strings.LastIndexByte(s, '\n') + 1
	if strings.Trim(s[last:], "\t\r") == delimiter {
		return t.slice(0, last)
	}
	return t
}

func withoutTabs(t Text, lineStart bool) Text {
	var out builder
	for i, line := range t.lines() {
		s := line.String()
		if i > 0 || lineStart {
			line = line.slice(len(s)-len(strings.TrimLeft(s, "\t")), len(s))
		}
		out.add(line)
	}
	return out.text()
}

func (sh *shell) assign(assignment *syntax.Assign) {
	name := assignment.Name.Value
	if assignment.Array != nil || assignment.Index != nil {
		sh.variables[name] = unknownText("${"+name+"}", sh.offset(assignment.Pos()))
		return
	}
	value := sh.one(assignment.Value)
	if assignment.Append {
		value = sh.variables[name].plus(value)
	}
	sh.variables[name] = value
}

// parameter expands ${…}.
func (sh *shell) parameter(p *syntax.ParamExp) Text {
	at := sh.offset(p.Pos())
	if p.Param == nil {
		return unknownText("a shell expression", at)
	}
	name := p.Param.Value
	depends := unknownText("${"+name+"}", at)
	value, set := sh.variables[name]
	if index, err := strconv.Atoi(name); err == nil && index > 0 {
		if set = index <= len(sh.arguments); set {
			value = sh.arguments[index-1]
		}
	}
	if (name == "@" || name == "*") && len(sh.arguments) > 0 {
		value, set = joined(sh.arguments, " ", at), true
	}
	if p.Length || p.Excl || p.Index != nil || p.Slice != nil || p.Names != 0 {
		return depends
	}
	if set && isWhollyUnknown(value) {
		value = depends
	}
	if p.Exp != nil {
		return sh.expansion(p, value, set, depends)
	}
	if !set {
		return depends
	}
	if p.Repl != nil {
		from, to := sh.one(p.Repl.Orig), sh.one(p.Repl.With)
		if value.unknown() != "" || from.unknown() != "" || to.unknown() != "" || from.length() == 0 || strings.ContainsAny(from.String(), "*?[#%") {
			return depends
		}
		count := 1
		if p.Repl.All {
			count = -1
		}
		return madeText(strings.Replace(value.String(), from.String(), to.String(), count), value.offset(0))
	}
	return value
}

func isWhollyUnknown(t Text) bool { return len(t.pieces) == 1 && t.pieces[0].unknown != "" }

func (sh *shell) expansion(p *syntax.ParamExp, value Text, set bool, depends Text) Text {
	empty := !set || value.length() == 0
	known := set && value.unknown() == ""
	word := sh.one(p.Exp.Word)
	switch p.Exp.Op {
	case syntax.DefaultUnset, syntax.AssignUnset:
		if !set {
			value = word
		}
	case syntax.DefaultUnsetOrNull, syntax.AssignUnsetOrNull:
		if empty {
			value = word
		}
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		if !set {
			return depends
		}
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if !set || empty && p.Exp.Op == syntax.AlternateUnsetOrNull {
			return Text{}
		}
		if !known {
			return depends
		}
		return word
	case syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		if !known || word.unknown() != "" || strings.ContainsAny(word.String(), "*?[") {
			return depends
		}
		s := value.String()
		if p.Exp.Op == syntax.RemSmallPrefix || p.Exp.Op == syntax.RemLargePrefix {
			return value.slice(len(s)-len(strings.TrimPrefix(s, word.String())), len(s))
		}
		return value.slice(0, len(strings.TrimSuffix(s, word.String())))
	case syntax.UpperAll, syntax.LowerAll:
		if !known {
			return depends
		}
		change := strings.ToUpper
		if p.Exp.Op == syntax.LowerAll {
			change = strings.ToLower
		}
		return madeText(change(value.String()), value.offset(0))
	default:
		return depends
	}
	if p.Exp.Op == syntax.AssignUnset || p.Exp.Op == syntax.AssignUnsetOrNull {
		sh.variables[p.Param.Value] = value
	}
	return value
}

// substitute expands $(…).
func (sh *shell) substitute(c *syntax.CmdSubst) Text {
	if sh.depth > 8 {
		return unknownText("a shell expression", sh.offset(c.Pos()))
	}
	out := &builder{}
	child := sh.child()
	child.statements(c.Stmts, streams{out: out})
	text := sh.machine.bounded(out.text())
	s := text.String()
	return text.slice(0, len(strings.TrimRight(s, "\n")))
}

func joined(texts []Text, separator string, at int) Text {
	var out builder
	for i, t := range texts {
		if i > 0 {
			between := madeText(separator, at)
			// Words that one byte parts are parted by the separator itself.
			if n := len(out.pieces); n > 0 && len(t.pieces) > 0 && len(separator) == 1 {
				last, next := out.pieces[n-1], t.pieces[0]
				if last.exact && next.exact && next.at == last.at+len(last.s)+1 {
					between = Text{[]piece{{s: separator, at: next.at - 1, exact: true}}}
				}
			}
			out.add(between)
		}
		out.add(t)
	}
	return out.text()
}
