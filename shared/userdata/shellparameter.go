package userdata

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mvdan.cc/sh/v3/pattern"
	"mvdan.cc/sh/v3/syntax"
)

// elements gives what ${array[@]}, ${!array[@]} and $@ stand for; ok is false for
// any other parameter.
func (sh *shell) elements(p *syntax.ParamExp) (elements []Text, ok bool) {
	if p.Param == nil || p.Length || p.Exp != nil || p.Repl != nil || p.Names != 0 {
		return nil, false
	}
	which := p.Param.Value
	switch {
	case isAll(p.Index) != "":
		a, exists := sh.arrays[p.Param.Value]
		if scalar, set := sh.variables[p.Param.Value]; set && !exists {
			a, exists = indexedArray([]Text{scalar}), true
		}
		if !exists {
			return nil, false
		}
		which, elements = isAll(p.Index), a.values
		if p.Excl {
			elements = nil
			for _, key := range a.keys {
				elements = append(elements, madeText(key, sh.offset(p.Pos())))
			}
		}
	case p.Index == nil && !p.Excl && sh.hasArguments && (which == "@" || which == "*"):
		elements = sh.arguments
	default:
		return nil, false
	}
	if p.Slice != nil {
		if elements, ok = sh.elementsIn(elements, p.Slice, p.Index == nil); !ok {
			return nil, false
		}
	}
	if which == "*" {
		separators := sh.separators()
		return []Text{joined(elements, separators[:min(len(separators), 1)], sh.offset(p.Pos()))}, true
	}
	return elements, true
}

// isAll gives the "@" or "*" of an index, "" for any other.
func isAll(index syntax.ArithmExpr) string {
	if word, ok := index.(*syntax.Word); ok && (word.Lit() == "@" || word.Lit() == "*") {
		return word.Lit()
	}
	return ""
}

// elementsIn gives the elements of ${array[@]:OFFSET:LENGTH}; $@ counts from 1.
func (sh *shell) elementsIn(elements []Text, slice *syntax.Slice, isArguments bool) ([]Text, bool) {
	start, end, known := sh.bounds(slice, len(elements)+number01(isArguments))
	if !known {
		return nil, false
	}
	if isArguments {
		start, end = max(start-1, 0), max(end-1, 0)
	}
	return elements[min(start, len(elements)):min(max(start, end), len(elements))], true
}

// bounds are the first and the last but one of what a slice takes of length things.
func (sh *shell) bounds(slice *syntax.Slice, length int) (start, end int, known bool) {
	known, also := true, true
	if slice.Offset != nil {
		start, known = sh.arithmetic(slice.Offset)
	}
	if start < 0 {
		start += length
	}
	start = min(max(start, 0), length)
	end = length
	if slice.Length != nil {
		if end, also = sh.arithmetic(slice.Length); end < 0 {
			end += length
		} else {
			end = min(start+min(end, length), length)
		}
	}
	return start, max(end, start), known && also
}

// lookup gives the value of a parameter; empty says that it is certainly unset.
func (sh *shell) lookup(p *syntax.ParamExp) (value Text, set, empty bool) {
	name := p.Param.Value
	if p.Excl {
		indirect, known := sh.variables[name]
		if !known || indirect.unknown() != "" {
			return Text{}, false, false
		}
		name = indirect.String()
	}
	if p.Index != nil {
		key, known := sh.key(sh.arrays[name], p.Index)
		if !known {
			return Text{}, false, false
		}
		value, set = sh.arrays[name].get(key)
		if scalar, ok := sh.variables[name]; !set && ok && key == "0" {
			value, set = scalar, true
		}
		_, isArray := sh.arrays[name]
		return value, set, isArray
	}
	if name == "#" && sh.hasArguments {
		return madeText(strconv.Itoa(len(sh.arguments)), sh.offset(p.Pos())), true, false
	}
	if index, err := strconv.Atoi(name); err == nil && index > 0 {
		if index <= len(sh.arguments) {
			return sh.arguments[index-1], true, false
		}
		return Text{}, false, sh.hasArguments
	}
	value, set = sh.variables[name]
	if set && isWhollyUnknown(value) {
		value = unknownText("${"+name+"}", sh.offset(p.Pos()))
	}
	return value, set, false
}

// parameter expands ${…}.
func (sh *shell) parameter(p *syntax.ParamExp) Text {
	offset := sh.offset(p.Pos())
	if p.Param == nil {
		return unknownText("a shell expression", offset)
	}
	if elements, ok := sh.elements(p); ok {
		return joined(elements, " ", offset)
	}
	depends := unknownText("${"+p.Param.Value+"}", offset)
	if p.Names != 0 {
		return depends
	}
	if p.Length && isAll(p.Index) != "" {
		if a, ok := sh.arrays[p.Param.Value]; ok {
			return madeText(strconv.Itoa(len(a.keys)), offset)
		}
		return depends
	}
	if isAll(p.Index) != "" {
		return depends
	}
	value, set, empty := sh.lookup(p)
	if p.Exp != nil {
		return sh.expansion(p, value, set, depends)
	}
	if !set && !empty {
		return depends
	}
	switch {
	case p.Length:
		if value.unknown() != "" {
			return depends
		}
		return madeText(strconv.Itoa(utf8.RuneCountInString(value.String())), offset)
	case p.Slice != nil:
		start, end, known := sh.bounds(p.Slice, value.length())
		if !known || value.unknown() != "" {
			return depends
		}
		return value.slice(start, end)
	case p.Repl != nil:
		return sh.replacement(p.Repl, value, depends)
	}
	return value
}

func isWhollyUnknown(t Text) bool { return len(t.pieces) == 1 && t.pieces[0].unknown != "" }

// replacement expands ${name/PATTERN/TEXT}.
func (sh *shell) replacement(r *syntax.Replace, value, depends Text) Text {
	raw := ""
	if r.Orig != nil {
		raw = sh.text(r.Orig).String()
	}
	expression := sh.pattern(r.Orig, false, false)
	if value.unknown() != "" || expression == nil || strings.HasPrefix(raw, "#") || strings.HasPrefix(raw, "%") {
		return depends
	}
	return replaced(value, expression, r.All, func([]int) Text { return sh.one(r.With) })
}

// replaced puts other text in the place of the first match, or of all.
func replaced(value Text, expression *regexp.Regexp, all bool, with func(match []int) Text) Text {
	s := value.String()
	count := 1
	if all {
		count = -1
	}
	var out builder
	kept := 0
	for _, match := range expression.FindAllStringSubmatchIndex(s, count) {
		if !all && match[0] == match[1] && len(s) > 0 && kept > 0 {
			break
		}
		out.add(value.slice(kept, match[0]))
		out.add(with(match))
		kept = match[1]
	}
	out.add(value.slice(kept, len(s)))
	return out.text()
}

// pattern compiles a word as a shell's pattern, nil where it isn't known. A
// pattern may have to match the whole text.
func (sh *shell) pattern(word *syntax.Word, whole, extended bool) *regexp.Regexp {
	if word == nil {
		return nil
	}
	var text strings.Builder
	for _, s := range sh.segments(word.Parts, unquoted) {
		if s.text.unknown() != "" {
			return nil
		}
		if s.active || s.split {
			text.WriteString(s.text.String())
		} else {
			text.WriteString(pattern.QuoteMeta(s.text.String(), 0))
		}
	}
	var mode pattern.Mode
	if whole {
		mode |= pattern.EntireString
	}
	if extended {
		mode |= pattern.ExtendedOperators
	}
	if text.Len() > 500 {
		return nil
	}
	expression, err := pattern.Regexp(text.String(), mode)
	if err != nil {
		return nil
	}
	compiled, err := regexp.Compile(expression)
	if err != nil {
		return nil
	}
	return compiled
}

func (sh *shell) expansion(p *syntax.ParamExp, value Text, set bool, depends Text) Text {
	switch p.Exp.Op {
	case syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		if !set || value.unknown() != "" {
			return depends
		}
		return sh.removal(p.Exp, value, depends)
	case syntax.UpperAll, syntax.LowerAll, syntax.UpperFirst, syntax.LowerFirst:
		if !set || value.unknown() != "" {
			return depends
		}
		return madeText(otherCase(p.Exp.Op, value.String()), value.offset(0))
	}
	empty := !set || value.length() == 0
	orNull := p.Exp.Op == syntax.DefaultUnsetOrNull || p.Exp.Op == syntax.AssignUnsetOrNull || p.Exp.Op == syntax.AlternateUnsetOrNull
	missing := !set || orNull && empty
	switch p.Exp.Op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull:
		if missing {
			return sh.one(p.Exp.Word)
		}
	case syntax.AssignUnset, syntax.AssignUnsetOrNull:
		if missing {
			value = sh.one(p.Exp.Word)
			sh.setVariable(p.Param.Value, value)
		}
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		if !set {
			return depends
		}
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if missing {
			return Text{}
		}
		if value.unknown() != "" {
			return depends
		}
		return sh.one(p.Exp.Word)
	default:
		return depends
	}
	return value
}

// removal expands ${name#PATTERN} and its kin.
func (sh *shell) removal(e *syntax.Expansion, value, depends Text) Text {
	expression := sh.pattern(e.Word, true, false)
	s := value.String()
	// Each place is tried, so that what long texts cost stays bounded.
	if sh.machine.written -= len(s) * len(s); expression == nil || sh.machine.written < 0 {
		return depends
	}
	fromStart := e.Op == syntax.RemSmallPrefix || e.Op == syntax.RemLargePrefix
	longest := e.Op == syntax.RemLargePrefix || e.Op == syntax.RemLargeSuffix
	for n := range len(s) + 1 {
		if longest {
			n = len(s) - n
		}
		if fromStart && expression.MatchString(s[:n]) {
			return value.slice(n, len(s))
		}
		if !fromStart && expression.MatchString(s[len(s)-n:]) {
			return value.slice(0, len(s)-n)
		}
	}
	return value
}

func otherCase(operator syntax.ParExpOperator, s string) string {
	switch operator {
	case syntax.UpperAll:
		return strings.ToUpper(s)
	case syntax.LowerAll:
		return strings.ToLower(s)
	}
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 || first == utf8.RuneError {
		return s
	}
	if operator == syntax.UpperFirst {
		return string(unicode.ToUpper(first)) + s[size:]
	}
	return string(unicode.ToLower(first)) + s[size:]
}
