package ecsconfig

import (
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/variablename"
)

// wholeFile looks at what goes wrong with the file as a whole. It reports
// whether there is no point in looking at the lines.
func (j *judge) wholeFile() (hopeless bool) {
	if looksLikeUTF16(j.text) {
		severity, effect := finding.Warning, "No reader understands any line of it."
		if strings.IndexByte(j.text, '=') >= 0 {
			severity, effect = NotCreated.severity(), "Its variable names have NUL bytes. "+NotCreated.sentence()
		}
		j.add(1, 1, "", problem{code: codeUTF16, severity: severity,
			fact: "The file is UTF-16.", effect: effect,
			fix: "Save the file as UTF-8 without a byte order mark."})
		return true
	}
	if lines := j.file.lines; len(lines) > 0 && strings.IndexByte(j.text[lines[len(lines)-1].end:], '\n') < 0 {
		last := lines[len(lines)-1]
		j.add(last.number, last.column(last.end), "", problem{code: codeNoFinalNewline, severity: finding.Info,
			fact: "The last line has no newline.", effect: "What user data appends to the file (echo … >> /etc/ecs/ecs.config) becomes part of its value.",
			fix: "End the file with a newline."})
		j.explained[last.number] = false
	}
	if trimmed := strings.TrimSpace(strings.TrimPrefix(j.text, byteOrderMark)); strings.HasPrefix(trimmed, "{") && json.Valid([]byte(trimmed)) {
		severity, effect := j.lost("ECS_CLUSTER")
		j.add(1, 1, "", problem{code: codeJSONFile, severity: severity,
			fact: "The file is JSON, but ecs.config is read as NAME=VALUE lines.", effect: "No setting arrives. " + strings.TrimPrefix(effect, "ECS_CLUSTER is not set. "),
			fix: "Write NAME=VALUE lines, or put the JSON into /etc/ecs/ecs.config.json."})
		return true
	}
	return false
}

// looksLikeUTF16 recognizes UTF-16: a byte order mark and NUL bytes, or without
// a mark text of the ASCII kind, every second byte NUL.
func looksLikeUTF16(text string) bool {
	if marked := strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff"); marked && strings.IndexByte(text, 0) >= 0 {
		return true
	}
	if len(text) < 8 {
		return false
	}
	sample := text[:min(len(text), 64)&^1]
	for _, phase := range []int{0, 1} {
		nul := 0
		for i := phase; i < len(sample); i += 2 {
			if sample[i] == 0 {
				nul++
			}
		}
		if nul == len(sample)/2 {
			return true
		}
	}
	return false
}

// everyLine looks at the form of each line, not at the values.
func (j *judge) everyLine() {
	lines := j.file.lines
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		text := j.text[l.start:l.end]
		j.rawBytes(l, text)
		if l.number == 1 && strings.HasPrefix(text, byteOrderMark) {
			j.byteOrderMark(l, text)
			continue
		}
		if l.assignment < 0 {
			j.ignoredLine(l, text)
			continue
		}
		a := &j.file.Assignments[l.assignment]
		if a.Name == "" || text[0] == '#' {
			continue // rawBytes said it, or nothing is to say
		}
		if last := j.continuation(i); last > i && text[0] != ';' {
			j.multiLine(*a, lines[last].number)
			j.moot[l.assignment] = true
			for _, swallowed := range lines[i+1 : last+1] {
				j.explained[swallowed.number] = true
				j.rawBytes(swallowed, j.text[swallowed.start:swallowed.end])
			}
			i = last
			continue
		}
		if a.variable == nil || text[0] == ';' {
			j.name(l, *a, text)
		}
	}
}

// rawBytes looks at what no value may hold, in comments too: a comment with a
// '=' is a variable of the agent's container.
func (j *judge) rawBytes(l line, text string) {
	assigned := l.assignment >= 0
	comment := text[0] == '#' || text[0] == ';'
	if j.hasNUL {
		j.nulByte(l, text)
	}
	if assigned && text[0] == '=' && !j.full(l.number, finding.Error) {
		j.add(l.number, l.column(l.start), "", problem{code: codeEmptyName, severity: finding.Error,
			fact: "The line has a '=' with no name before it.", effect: NotCreated.sentence(),
			fix: "Delete the line, or begin it with '#'."})
	}
	// Each byte that is not UTF-8 becomes three.
	if assigned && len(text) >= maxVariable/3 && len(asContainerText(text)) >= maxVariable {
		j.moot[l.assignment] = true
		j.add(l.number, l.column(l.start), "", problem{code: codeLineTooLong, severity: finding.Error,
			fact:   fmt.Sprintf("The line is %d bytes long, but Linux starts no program with a variable of %d bytes or more.", len(asContainerText(text)), maxVariable),
			effect: NotCreated.sentence(), fix: "Shorten the value."})
	}
	if !j.isUTF8 && !utf8.ValidString(text) {
		severity := finding.Info
		if assigned && !comment {
			severity = finding.Warning
		}
		if j.full(l.number, severity) {
			return
		}
		offset := 0
		for _, r := range text {
			if r == utf8.RuneError && !strings.HasPrefix(text[offset:], "\uFFFD") {
				break
			}
			offset += utf8.RuneLen(r)
		}
		p := problem{code: codeNotUTF8, severity: severity,
			fact: "The line is not UTF-8, but sets nothing.", effect: "ecs-init and systemd ignore it. docker run --env-file refuses the file.",
			fix: "Save the file as UTF-8."}
		if assigned && !comment {
			p.fact = "The line has bytes that are not UTF-8."
			p.effect = "The agent gets U+FFFD in their place, and systemd silently ignores the whole file" + j.systemdSettings() + "."
		}
		j.add(l.number, l.column(l.start+offset), "", p)
	}
}

// nulByte looks for a NUL byte in a line.
func (j *judge) nulByte(l line, text string) {
	assigned := l.assignment >= 0
	nul := strings.IndexByte(text, 0)
	if nul < 0 || assigned && j.full(l.number, NotCreated.severity()) {
		return
	}
	p := problem{code: codeNULByte, severity: finding.Info,
		fact: "The line has a NUL byte.", effect: "systemd silently ignores the whole file" + j.systemdSettings() + ".",
		fix: "Remove the NUL byte."}
	switch {
	case assigned:
		p.severity, p.effect = NotCreated.severity(), NotCreated.sentence()
	case j.hasSystemdSettings():
		p.severity = finding.Warning
	}
	j.add(l.number, l.column(l.start+nul), "", p)
}

// hasSystemdSettings says that the file sets something that ecs-init takes from
// systemd's reading.
func (j *judge) hasSystemdSettings() bool { return j.systemdSettings() != "" }

func (j *judge) systemdSettings() string {
	if j.unread == nil {
		unread := ""
		for _, index := range j.file.known {
			a := j.file.Assignments[index]
			if v := a.variable; v.Reader == SystemdReader || v.Reader == BothReaders {
				unread = ", and ecs-init runs without " + a.Name
				break
			}
		}
		j.unread = &unread
	}
	return *j.unread
}

func (j *judge) byteOrderMark(l line, text string) {
	p := problem{code: codeByteOrderMark, severity: finding.Info,
		fact: "The file begins with a byte order mark, which does no harm before a comment or an empty line.",
		fix:  "Save the file as UTF-8 without a byte order mark."}
	rest := strings.TrimPrefix(text, byteOrderMark)
	name, variable := "", ""
	if l.assignment >= 0 && !strings.HasPrefix(strings.TrimSpace(rest), "#") {
		before, _, _ := strings.Cut(rest, "=")
		name = j.intended(before)
		p.severity = finding.Warning
		p.fact, p.effect = "The byte order mark at the beginning of the file becomes part of the first name.", "The line has no effect."
	}
	if name != "" {
		severity, effect := j.lost(name)
		p.severity, variable = severity, name
		p.effect = effect
	}
	j.add(l.number, 1, variable, p)
}

// looseSetting finds the name in a line that sets something in the way of YAML,
// of a shell without '=', or of a Dockerfile: NAME: value, NAME value, export
// NAME, - "NAME". ok is false for other lines. It reads the beginning of the
// text only.
func looseSetting(text string) (start, end int, ok bool) {
	const longest = 200
	text = text[:min(len(text), longest)]
	offset := 0
	for _, habit := range []string{"export", "env", "setenv", "set", "-"} {
		if len(text) > len(habit) && strings.EqualFold(text[:len(habit)], habit) && isBlank(text[len(habit)]) {
			for offset = len(habit); offset < len(text) && isBlank(text[offset]); offset++ {
			}
			break
		}
	}
	if offset < len(text) && (text[offset] == '"' || text[offset] == '\'') {
		offset++
	}
	start = offset
	for offset < len(text) && text[offset] < utf8.RuneSelf && (text[offset] == '_' || isLetterOrDigit(rune(text[offset]))) {
		offset++
	}
	end = offset
	if start == end || isDigit(text[start]) || text[start] == '_' {
		return 0, 0, false
	}
	if offset < len(text) && (text[offset] == '"' || text[offset] == '\'') {
		offset++
	}
	return start, end, offset == len(text) || text[offset] == ':' || isBlank(text[offset])
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' }

func (j *judge) ignoredLine(l line, text string) {
	switch text[0] {
	case '#':
		return
	case ';':
		j.semicolon(l)
		return
	}
	if start, end, ok := looseSetting(text); ok {
		if name := j.intended(text[start:end]); name != "" {
			severity, effect := j.lost(name)
			if j.full(l.number, severity) {
				return
			}
			j.add(l.number, l.column(l.start), name, problem{code: codeLineIgnored, severity: severity,
				fact: "The line has no '=', and every reader ignores it.", effect: effect,
				fix: "Write " + name + "=VALUE, without spaces around the '='."})
			return
		}
	}
	if j.full(l.number, finding.Warning) {
		return
	}
	p := problem{code: codeLineIgnored, severity: finding.Info,
		fact: "The line has no '=', and every reader ignores it.",
		fix:  "Delete the line, or begin it with '#'."}
	if strings.ContainsFunc(text, isLetterOrDigit) {
		p.severity = finding.Warning
		p.fix = "Write NAME=VALUE, or begin the line with '#' if it is a comment."
	}
	j.add(l.number, l.column(l.start), "", p)
}

func isLetterOrDigit(r rune) bool {
	return (r >= '0' && r <= '9') || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') || r >= 0x80
}

func (j *judge) semicolon(l line) {
	j.add(l.number, l.column(l.start), "", problem{code: codeSemicolonComment, severity: finding.Info,
		fact: "Only systemd treats ';' as a comment.", effect: "ecs-init hands the line to the agent as a variable, and docker run --env-file refuses the file.",
		fix: "Begin the comment with '#'."})
}

// intended gives the known variable that a malformed name was meant for, "" for
// none: the last word in it that is one, or is near to one.
func (j *judge) intended(name string) string {
	if len(name) < len("TZ") {
		return "" // shorter than every variable
	}
	for word := range wordsFromEnd(name) {
		if variableOf(word) != nil {
			return word
		}
	}
	for word := range wordsFromEnd(name) {
		if len(word) < len("ECS_") || !hasFamilyPrefixInAnyCase(word) && !isMistaken(word) {
			continue
		}
		if known := j.nearest(word); known != "" {
			return known
		}
	}
	return ""
}

// wordsFromEnd gives the words of letters, digits and '_', the last one first.
func wordsFromEnd(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		isWord := func(c byte) bool { return c == '_' || c < utf8.RuneSelf && isLetterOrDigit(rune(c)) }
		for end := len(text); end > 0; {
			if !isWord(text[end-1]) {
				end--
				continue
			}
			start := end
			for start > 0 && isWord(text[start-1]) {
				start--
			}
			if !yield(text[start:end]) {
				return
			}
			end = start
		}
	}
}

// name looks at the name of an assignment.
func (j *judge) name(l line, a Assignment, text string) {
	if text[0] == ';' {
		j.semicolon(l)
		return
	}
	if variablename.IsValid(a.Name) {
		if a.variable == nil {
			j.unknown(a)
		}
		return
	}
	known := j.intended(a.Name)
	severity, effect := finding.Warning, "The line has no effect."
	if known != "" {
		severity, effect = j.lost(known)
	}
	if j.full(a.Line, severity) {
		return
	}
	cause := "The characters around the name become part of it."
	first, _, spaced := strings.Cut(a.Name, " ")
	switch {
	case strings.TrimSpace(a.Name) != a.Name && !strings.ContainsAny(strings.TrimSpace(a.Name), " \t"):
		cause = "The space before the '=' becomes part of the name."
	case spaced && first == "export":
		cause = `"export" becomes part of the name.`
	case spaced && (first == "echo" || first == "set" || first == "sudo" || first == "declare" || first == "ENV"):
		cause = fmt.Sprintf("%q becomes part of the name, because the file is not run as a script.", first)
	case strings.HasPrefix(a.Name, `"`) || strings.HasPrefix(a.Name, "'"):
		cause = "The quotes become part of the name."
	}
	if known == "" {
		j.add(a.Line, a.Column, "", problem{code: codeNameMalformed, severity: severity,
			fact: "The text before the '=' is not a variable name.", effect: effect,
			fix: "Write NAME=VALUE, or begin the line with '#' if it is a comment."})
		return
	}
	j.add(a.Line, a.Column, known, problem{code: codeNameMalformed, severity: severity,
		fact: cause, effect: effect,
		fix: "Write " + known + "=VALUE, with nothing before the name and no space around the '='."})
	j.correctName(a, known)
}

func (j *judge) unknown(a Assignment) {
	known := j.nearest(a.Name)
	rightOneToo := false
	if known != "" {
		_, rightOneToo = j.file.Lookup(known)
	}
	inner, offset := "", 0
	severity, effect := finding.Warning, "The line has no effect."
	switch {
	case known == "":
		// Environment=NAME=VALUE, or two settings on one line.
		if inner, offset = settingInside(a.Value.Reveal()); inner != "" {
			severity, effect = j.lost(inner)
		}
	case !rightOneToo || hasFamilyPrefixInAnyCase(a.Name):
		severity, effect = j.lost(known)
	}
	if j.full(a.Line, severity) {
		return
	}
	variable, named := "", "this variable"
	if known != "" || variablename.IsPublic(a.Name) {
		variable, named = a.Name, a.Name
	}
	if inner != "" {
		j.add(a.Line, a.columnAt(offset), variable, problem{code: codeSwallowed, severity: severity,
			fact: "No reader of ecs.config knows " + named + ", and its value swallows " + inner + ".", effect: effect,
			fix: "Begin a new line before " + inner + "."})
		return
	}
	if known == "" || (rightOneToo && !hasFamilyPrefixInAnyCase(a.Name)) {
		j.add(a.Line, a.Column, variable, problem{code: codeUnknownVariable, severity: severity,
			fact: "No reader of ecs.config knows " + named + ".", effect: effect,
			fix: "Delete the line, or correct the name."})
		return
	}
	what := "No reader of ecs.config knows " + named + "."
	fix := "Rename " + named + " to " + known + "."
	if rightOneToo {
		fix = "Delete the line, or put its value into the line of " + known + "."
	}
	if strings.EqualFold(a.Name, known) {
		what = "Variable names are case-sensitive, and no reader knows " + named + "."
		j.correctName(a, known)
	}
	j.add(a.Line, a.Column, variable, problem{code: codeMisspelt, severity: severity,
		fact: what, effect: effect,
		fix: fix})
}

// continuation gives the index of the last line of a value that goes on over
// several, or i when it does not.
func (j *judge) continuation(i int) int {
	lines := j.file.lines
	a := &j.file.Assignments[lines[i].assignment]
	open := bracketCounter{}
	if !open.begins(strings.TrimSpace(j.text[a.ValueStart:a.ValueEnd])) {
		return i
	}
	last := i
	for k := i + 1; k < len(lines) && open.unclosed(); k++ {
		text := j.text[lines[k].start:lines[k].end]
		if lines[k].assignment >= 0 {
			next := &j.file.Assignments[lines[k].assignment]
			if name := next.Name; next.variable != nil || (variablename.IsValid(name) && hasFamilyPrefix(name)) {
				break
			}
		}
		if text[0] == '#' {
			break
		}
		open.read(text)
		last = k
	}
	return last
}

// bracketCounter follows the brackets of JSON, or the one quote that a shell's
// author put around it.
type bracketCounter struct {
	quote    byte // the shell's quote that is still open, 0 for none
	depth    int
	inString bool
}

func (b *bracketCounter) begins(value string) bool {
	if value == "" || strings.IndexByte("{['\"", value[0]) < 0 {
		return false
	}
	if value[0] == '\'' || value[0] == '"' {
		b.quote, value = value[0], value[1:]
	} else if strings.HasPrefix(value[1:], `\"`) {
		// Every quote has a backslash, and none of them is meant as JSON's escape.
		value = strings.ReplaceAll(value, `\"`, `"`)
	}
	b.read(value)
	return b.unclosed()
}

func (b *bracketCounter) read(text string) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case b.quote != 0 && c == b.quote:
			// Everything after the closing quote belongs to no value.
			b.quote, b.depth, b.inString = 0, 0, false
			return
		case b.inString && c == '\\':
			i++
		case c == '"' && b.quote != '"':
			b.inString = !b.inString
		case b.inString:
		case c == '{' || c == '[':
			b.depth++
		case c == '}' || c == ']':
			b.depth--
		}
	}
	b.inString = false // no JSON string goes on over a newline
}

func (b *bracketCounter) unclosed() bool { return b.quote != 0 || b.depth > 0 }

func (j *judge) multiLine(a Assignment, last int) {
	v := a.variable
	named := "The value"
	if v != nil {
		named += " of " + a.Name
	} else if j.unknown(a); j.full(a.Line, finding.Warning) {
		return
	}
	p := problem{code: codeMultiLine, severity: finding.Warning,
		fact: named + fmt.Sprintf(" goes on to line %d, but every reader ends it at the end of its first line.", last),
		fix:  "Write the whole value on one line."}
	switch {
	case v == nil:
		j.add(a.Line, a.ValueColumn(), "", p)
		return
	case v.Type == RegistryAuth:
		p.severity, p.effect = finding.Error, withoutRegistries
	default:
		if problems := j.check(v, j.text[a.ValueStart:a.ValueEnd]); len(problems) > 0 {
			main := gravest(problems)
			p.severity, p.effect = graver(p.severity, main.severity), main.effect
		}
	}
	j.add(a.Line, a.ValueColumn(), a.Name, p)
}

// correctName records the line with its right name, where only the name is
// wrong and the file doesn't set the right one.
func (j *judge) correctName(a Assignment, known string) {
	value := strings.TrimSpace(j.text[a.ValueStart:a.ValueEnd])
	if _, set := j.file.Lookup(known); set || value == "" {
		return
	}
	if v := byName[known]; v.Type != RegistryAuth && !v.Secret {
		if problems := j.check(v, value); worst(problems).Rank() <= finding.Warning.Rank() {
			clean, cause := cleaned(v, value)
			if cause == nil || worst(j.check(v, clean)).Rank() <= finding.Warning.Rank() {
				return
			}
			value = clean
		}
	}
	j.correct(a.Line, known+"="+value)
}
