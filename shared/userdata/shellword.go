package userdata

import (
	"fmt"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// segment is a part of a word after expansion. What was expanded outside quotes
// is split at white space.
type segment struct {
	text  Text
	split bool
	// active is literal text outside quotes, with its backslashes still in it.
	active bool
	// begins says that an argument of its command begins here, as with each
	// element of "$@".
	begins bool
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
		if s.begins {
			out.add(madeText(" ", s.text.offset(0)))
		}
		out.add(s.literal())
	}
	return sh.machine.bounded(out.text())
}

// maxBraced bounds a word in which braces are expanded, in bytes.
const maxBraced = 4096

// fields expands a word to the arguments that a command gets.
func (sh *shell) fields(word *syntax.Word) []Text {
	var fields []Text
	budget := 200
	if sh.text(word).length() > maxBraced {
		budget = 0
	}
	expandBraces(sh.segments(word.Parts, unquoted), &budget, func(segments []segment) {
		for _, field := range splitFields(segments, sh.separators()) {
			fields = append(fields, sh.machine.bounded(field))
		}
	})
	return fields
}

// expandBraces gives a{b,c} as ab and ac, as bash does.
func expandBraces(segments []segment, budget *int, each func([]segment)) {
	if *budget--; *budget < 0 {
		each(segments)
		return
	}
	before, elements, after, found := firstBrace(segments)
	if !found {
		each(segments)
		return
	}
	for _, element := range elements {
		word := append(before[:len(before):len(before)], element...)
		expandBraces(append(word, after...), budget, each)
	}
}

// firstBrace finds the first brace that is expanded, what stands before and
// after it, and what it stands for.
func firstBrace(segments []segment) (before []segment, elements [][]segment, after []segment, found bool) {
	for i, s := range segments {
		if !s.active {
			continue
		}
		raw := s.text.String()
		for offset := 0; offset < len(raw); offset++ {
			if raw[offset] == '\\' {
				offset++
				continue
			}
			if raw[offset] != '{' {
				continue
			}
			elements, after, found = braceElements(segments, i, offset)
			if !found {
				elements, after, found = braceSequence(segments, i, offset)
			}
			if found {
				return append(segments[:i:i], segment{text: s.text.slice(0, offset), active: true, begins: s.begins}), elements, after, true
			}
		}
	}
	return nil, nil, nil, false
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
		offset := 0
		if i == index {
			offset, kept = open+1, open+1
		}
		for ; offset < len(raw); offset++ {
			switch c := raw[offset]; {
			case c == '\\':
				offset++
			case c == '{':
				depth++
			case c == '}' && depth > 0:
				depth--
			case c == ',' && depth == 0, c == '}':
				element = append(element, segment{text: s.text.slice(kept, offset), active: true})
				elements, element, kept = append(elements, element), nil, offset+1
				if c == '}' {
					rest := segment{text: s.text.slice(offset+1, len(raw)), active: true}
					return elements, append([]segment{rest}, segments[i+1:]...), len(elements) > 1
				}
			}
		}
		element = append(element, segment{text: s.text.slice(kept, len(raw)), active: true})
	}
	return nil, nil, false
}

var sequence = lazyregexp.New(`^\{(-?[0-9]{1,6}|[A-Za-z])\.\.(-?[0-9]{1,6}|[A-Za-z])(?:\.\.(-?[0-9]{1,6}))?\}`)

// braceSequence gives {1..3} as 1, 2 and 3, and what follows it.
func braceSequence(segments []segment, index, open int) (elements [][]segment, after []segment, ok bool) {
	s := segments[index]
	raw := s.text.String()
	match := sequence.FindStringSubmatch(raw[open:])
	if match == nil {
		return nil, nil, false
	}
	width := 0
	for _, end := range match[1:3] {
		if digits := strings.TrimPrefix(end, "-"); len(digits) > 1 && digits[0] == '0' {
			width = max(len(match[1]), len(match[2]))
		}
	}
	shown := func(n int) string { return fmt.Sprintf("%0*d", width, n) }
	from, err := strconv.Atoi(match[1])
	to, also := strconv.Atoi(match[2])
	if err != nil && also != nil {
		from, to = int(match[1][0]), int(match[2][0])
		shown = func(n int) string { return string(rune(n)) }
	} else if err != nil || also != nil {
		return nil, nil, false
	}
	step, _ := strconv.Atoi(match[3])
	if step < 0 {
		step = -step
	}
	step = max(step, 1)
	if from > to {
		step = -step
	}
	for n := from; (step > 0 && n <= to || step < 0 && n >= to) && len(elements) <= maxElements; n += step {
		elements = append(elements, []segment{{text: madeText(shown(n), s.text.offset(open))}})
	}
	rest := segment{text: s.text.slice(open+len(match[0]), len(raw)), active: true}
	return elements, append([]segment{rest}, segments[index+1:]...), true
}

// blanks are what words are split at where IFS says nothing else.
const blanks = " \t\n"

// separators is the value of IFS.
func (sh *shell) separators() string {
	if ifs, set := sh.variables["IFS"]; set && ifs.unknown() == "" {
		return ifs.String()
	}
	return blanks
}

// splitFields splits what was expanded outside quotes at separators.
func splitFields(segments []segment, separators string) []Text {
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
		if segment.begins {
			finish()
			started = !segment.split
		}
		if !segment.split {
			text := segment.literal()
			field.add(text)
			started = started || !segment.active || text.length() > 0
			continue
		}
		s := segment.text.String()
		for offset := 0; offset < len(s); {
			if strings.IndexByte(separators, s[offset]) >= 0 {
				finish()
				offset++
				continue
			}
			end := strings.IndexAny(s[offset:], separators)
			if end < 0 {
				end = len(s) - offset
			}
			field.add(segment.text.slice(offset, offset+end))
			started = true
			offset += end
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
			out = append(out, segment{text: sh.singleQuoted(p)})
		case *syntax.DblQuoted:
			out = append(out, sh.doubleQuoted(p)...)
		case *syntax.ParamExp:
			out = append(out, sh.parameterSegments(p, mode)...)
		case *syntax.CmdSubst:
			out = append(out, segment{text: sh.substitute(p), split: mode == unquoted})
		case *syntax.ArithmExp:
			text := unknownText("a shell expression", sh.offset(p.Pos()))
			if value, known := sh.arithmetic(p.X); known {
				text = madeText(strconv.Itoa(value), sh.offset(p.Pos()))
			}
			out = append(out, segment{text: text})
		case *syntax.ProcSubst:
			out = append(out, segment{text: sh.processFile(p)})
		default:
			// Extended globs.
			out = append(out, segment{text: unknownText("a shell expression", sh.offset(p.Pos()))})
		}
	}
	return out
}

// processFile gives the name of a file with what <(…) prints.
func (sh *shell) processFile(p *syntax.ProcSubst) Text {
	if p.Op != syntax.CmdIn || sh.depth > 8 {
		return unknownText("a shell expression", sh.offset(p.Pos()))
	}
	out := &builder{}
	sh.child().statements(p.Stmts, streams{out: out})
	sh.machine.temporary++
	name := "/dev/fd/" + strconv.Itoa(sh.machine.temporary)
	sh.machine.files[name] = sh.machine.bounded(out.text())
	return madeText(name, sh.offset(p.Pos()))
}

func (sh *shell) singleQuoted(p *syntax.SglQuoted) Text {
	left := int(p.Left.Offset()) + 1
	if p.Dollar {
		text, _ := escapes(sh.script.slice(left+1, int(p.Right.Offset())), ansiQuoted)
		return text
	}
	return sh.script.slice(left, int(p.Right.Offset()))
}

func (sh *shell) doubleQuoted(p *syntax.DblQuoted) []segment {
	inner := sh.segments(p.Parts, doubleQuoted)
	if len(inner) == 0 && len(p.Parts) == 1 {
		if parameter, ok := p.Parts[0].(*syntax.ParamExp); ok {
			if elements, all := sh.elements(parameter); all && len(elements) == 0 {
				return nil // "$@" without arguments is no word
			}
		}
	}
	if len(inner) == 0 {
		return []segment{{}}
	}
	out := make([]segment, len(inner))
	for i, s := range inner {
		out[i] = segment{text: s.text, begins: s.begins}
	}
	return out
}

// parameterSegments gives one segment for each element of an array.
func (sh *shell) parameterSegments(p *syntax.ParamExp, mode quoting) []segment {
	elements, ok := sh.elements(p)
	if !ok {
		return []segment{{text: sh.parameter(p), split: mode == unquoted}}
	}
	var out []segment
	for i, element := range elements {
		out = append(out, segment{text: element, split: mode == unquoted, begins: i > 0})
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
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			continue
		}
		if i == len(s)-1 {
			// The parser ends a literal behind a backslash whose line goes on.
			out.add(t.slice(kept, i))
			return out.text()
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

// escaping says which escape sequences there are.
type escaping int

const (
	// ansiQuoted: $'…' and the format of printf.
	ansiQuoted escaping = iota
	// echoed: echo -e.
	echoed
	// printed: printf's %b.
	printed
	// listed: the sets of tr.
	listed
)

// simpleEscapes are those of one character that all have.
var simpleEscapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': "\\", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", 'e': "\x1b"}

// numericEscape reads a character that is written as a number, from behind the
// backslash, and gives how much of the text that takes; 0 for none.
func numericEscape(s string, style escaping) (meaning string, size int) {
	from, most, base := 0, 3, 8
	switch {
	case s[0] == 'x':
		from, most, base = 1, 2, 16
	case s[0] == 'u' && style != listed:
		from, most, base = 1, 4, 16
	case s[0] == 'U' && style != listed:
		from, most, base = 1, 8, 16
	case s[0] == '0' && (style == echoed || style == printed):
		from = 1
	case style == echoed:
		return "", 0
	}
	digits := "0123456789abcdefABCDEF"
	if base == 8 {
		digits = digits[:8]
	}
	end := from
	for end < len(s) && end-from < most && strings.IndexByte(digits, s[end]) >= 0 {
		end++
	}
	code, err := strconv.ParseUint(s[from:end], base, 32)
	switch {
	case err != nil && s[0] == '0' && from == 1:
		return "\x00", 1
	case err != nil:
		return "", 0
	case s[0] == 'u' || s[0] == 'U':
		return string(rune(code)), end
	}
	return string([]byte{byte(code)}), end
}

// escapes interprets escape sequences. ended says that one of them, \c, ends all
// output.
func escapes(t Text, style escaping) (text Text, ended bool) {
	s := t.String()
	if strings.IndexByte(s, '\\') < 0 {
		return t, false
	}
	var out builder
	kept := 0
	for i := 0; i < len(s)-1; i++ {
		if s[i] != '\\' {
			continue
		}
		next := s[i+1]
		meaning, size := simpleEscapes[next], 1
		switch {
		case meaning != "":
		case style == ansiQuoted && (next == '\'' || next == '"'):
			meaning = s[i+1 : i+2]
		case next == 'c' && (style == echoed || style == printed):
			out.add(t.slice(kept, i))
			return out.text(), true
		default:
			meaning, size = numericEscape(s[i+1:], style)
		}
		if size == 0 {
			i++
			continue
		}
		out.add(t.slice(kept, i))
		out.add(madeText(meaning, t.offset(i)))
		kept = i + 1 + size
		i = kept - 1
	}
	out.add(t.slice(kept, len(s)))
	return out.text(), false
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

func joined(texts []Text, separator string, offset int) Text {
	var out builder
	for i, t := range texts {
		if i > 0 {
			between := madeText(separator, offset)
			// Words that one byte parts are parted by the separator itself.
			if n := len(out.pieces); n > 0 && len(t.pieces) > 0 && len(separator) == 1 {
				last, next := out.pieces[n-1], t.pieces[0]
				if last.exact && next.exact && next.offset == out.end+1 {
					between = Text{pieces: []piece{{s: separator, offset: next.offset - 1, exact: true}}}
				}
			}
			out.add(between)
		}
		out.add(t)
	}
	return out.text()
}
