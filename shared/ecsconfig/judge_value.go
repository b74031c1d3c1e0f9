package ecsconfig

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// assignment judges one assignment: as the value that counts, or as one that a
// later line makes void.
func (j *judge) assignment(index int) {
	a := j.file.Assignments[index]
	v := a.variable
	if counts := j.file.last[a.Name]; counts != index {
		if j.explained[a.Line] = true; j.kept.Enough(finding.Info) {
			return
		}
		j.add(a.Line, a.Column, a.Name, problem{code: codeDuplicate, severity: finding.Info,
			fact: fmt.Sprintf("%s is set again on line %d, and only the last value counts.", a.Name, j.file.Assignments[counts].Line),
			fix:  "Keep one of the lines."})
		return
	}
	if idle := j.placement(v, a); idle || j.moot[index] || v.Type == RegistryAuth {
		return
	}
	value := j.file.value(a.Name)
	if j.misplacedSecret(v, a, value) {
		return
	}
	if v.Secret && v.Check == nil {
		return // auth and Together judge these
	}
	if v.Reader == SystemdReader {
		j.systemdValue(v, a, value)
		return
	}
	j.value(v, a, value)
}

// placement says that a variable has no place in this file at all. It reports
// whether its line should go, whatever its value is.
func (j *judge) placement(v *Variable, a Assignment) (idle bool) {
	p := problem{severity: finding.Warning, fix: "Delete the line."}
	switch {
	case v.Platform == WindowsOnly:
		p.code, p.fact = codeWindowsOnly, a.Name+" works on Windows only, where ecs.config isn't read."
	case v.Reader == NoReader:
		p.code, p.fact = codeDeprecated, a.Name+" is in the documentation, but no code reads it."
	case strings.HasPrefix(a.Name, "ZZZ_"):
		p.code, p.fact, p.effect = codeInternal, a.Name+" skips a check in the agent's own tests.", "Tasks fail later instead."
	case v.Internal != "":
		p.code, p.severity = codeInternal, finding.Info
		p.fact = v.Internal + " sets " + a.Name + ". The value in the file replaces what it found."
	default:
		return false
	}
	j.add(a.Line, a.Column, a.Name, p)
	return v.Internal == ""
}

// misplacedSecret reports a value that has the shape of a credential in a
// variable that holds none.
func (j *judge) misplacedSecret(v *Variable, a Assignment, value string) bool {
	if v.Secret || v.Type == Proxy {
		return false
	}
	shape := secretShape(value)
	if shape == "" {
		return false
	}
	severity, effect := finding.Error, "The agent logs its configuration, and docker inspect shows it."
	if inner, _ := settingInside(value); inner != "" {
		return false // another line was run into this one
	}
	j.add(a.Line, a.ValueColumn(), a.Name, problem{code: codeMisplaced, severity: severity,
		fact: a.Name + " has what looks like " + shape + ".", effect: effect,
		fix: "Revoke the credential, and write what belongs into " + a.Name + ", or delete the line."})
	return true
}

// systemdValue judges what ecs-init finds in its own environment.
func (j *judge) systemdValue(v *Variable, a Assignment, written string) {
	value, ok := j.systemd[a.Name]
	if !ok {
		// readersDisagree says why.
		return
	}
	if value == written {
		j.value(v, a, value)
		return
	}
	before := len(j.kept.Findings)
	j.value(v, a, value)
	for i := range j.kept.Findings[before:] {
		j.kept.Findings[before+i].Column = a.ValueColumn() // the offsets are those of another text
	}
	if len(j.kept.Findings) == before && strings.TrimSpace(written) != value {
		p := problem{code: codeQuoted, severity: finding.Info,
			fact:   "systemd removes the quotes and backslashes before ecs-init sees " + a.Name + ".",
			effect: "Where systemd doesn't read the file (SUSE, Amazon Linux 1, docker run), they are part of the value.",
			fix:    "Write the value without quotes and backslashes."}
		if !strings.ContainsAny(value, "\"'\\") {
			// systemd would take from any other value, too.
			p.value, p.sure = value, true
		}
		j.add(a.Line, a.ValueColumn(), a.Name, p)
	}
}

// columnAt is the column of an offset into the value as the agent gets it, where
// each byte that is not UTF-8 takes the three of U+FFFD.
func (a Assignment) columnAt(offset int) int {
	raw := a.Value.Reveal()
	if utf8.ValidString(raw) {
		return a.ValueColumn() + offset
	}
	position := 0
	for position < len(raw) && offset > 0 {
		r, size := utf8.DecodeRuneInString(raw[position:])
		position += size
		offset -= utf8.RuneLen(r)
	}
	return a.ValueColumn() + position
}

// value judges a value that counts. Where another way of writing it would have
// passed, that is what the finding is about.
func (j *judge) value(v *Variable, a Assignment, value string) {
	problems := j.check(v, value)
	severity := worst(problems)
	serious := severity == finding.Error || severity == finding.Warning
	if j.swallowed(v, a, value, problems) {
		return
	}
	clean, cause := cleaned(v, value)
	switch {
	case cause != nil && serious && worst(j.check(v, clean)).Rank() > finding.Warning.Rank():
		main := gravest(problems)
		j.add(a.Line, a.columnAt(cause.offset), a.Name, problem{code: cause.code, severity: severity,
			fact: cause.fact, effect: main.effect, fix: cause.fix, value: cause.rewritten(clean), sure: cause.sure})
		return
	case cause != nil && serious && j.corrected(v, cause, clean) != "":
		// Two slips at once, as in DEBUG # comment: the fix cures both.
		second := gravest(j.check(v, clean))
		j.add(a.Line, a.columnAt(cause.offset), a.Name, problem{code: cause.code, severity: severity,
			fact: cause.fact, effect: gravest(problems).effect, fix: cause.fix, value: second.value, sure: cause.sure && second.sure})
		return
	case cause != nil && !serious && cause.code == codeLeadingSpace && v.Trimmed, cause != nil && !serious && cause.code == codeLeadingSpace && !v.Type.isFree():
		j.add(a.Line, a.ValueColumn(), a.Name, problem{code: cause.code, severity: finding.Info,
			fact: cause.fact, effect: v.who() + " happens to ignore it for this variable.", fix: cause.fix, value: clean, sure: true})
		return
	case cause != nil && !serious && v.Type.isFree():
		j.add(a.Line, a.columnAt(cause.offset), a.Name, problem{code: cause.code, severity: finding.Warning,
			fact: cause.fact, fix: cause.fix, value: cause.rewritten(clean), sure: cause.sure})
		return
	}
	if offset, ok := placeholder(value); ok && (serious || v.Type.isFree()) {
		p := problem{code: codeUnexpanded, severity: finding.Warning, fact: v.Name + " has a template placeholder, which nothing expands in ecs.config.",
			fix: "Fill in the template before you upload the file."}
		if serious {
			p.severity, p.effect = severity, gravest(problems).effect
		}
		j.add(a.Line, a.columnAt(offset), a.Name, p)
		return
	}
	for _, p := range problems {
		j.add(a.Line, a.columnAt(p.offset), a.Name, p)
	}
}

// corrected is the value that passes once the cause is gone and what is left is
// corrected, too; "" where there is none.
func (j *judge) corrected(v *Variable, cause *problem, clean string) string {
	problems := j.check(v, clean)
	if len(problems) == 0 || v.Type == RegistryAuth {
		return ""
	}
	value := gravest(problems).value
	if value == "" || worst(j.check(v, value)).Rank() <= finding.Warning.Rank() {
		return ""
	}
	return cause.rewritten(value)
}

// rewritten is the value that passes once the cause is gone; "" where there is
// more in it than this variable's.
func (p problem) rewritten(clean string) string {
	if p.code == codeLineSeparator {
		return ""
	}
	return clean
}

// settingInside finds the name of a known variable right before a '=' inside a
// value, "" where there is none.
func settingInside(value string) (name string, position int) {
	const longest = 80
	for offset := 0; ; {
		equals := strings.IndexByte(value[offset:], '=')
		if equals < 0 {
			return "", 0
		}
		end := offset + equals
		begin := end
		for begin > 0 && end-begin < longest && (value[begin-1] == '_' || isLetterOrDigit(rune(value[begin-1]))) {
			begin--
		}
		for ; end-begin >= len("NO_PROXY"); begin++ {
			if variableOf(value[begin:end]) != nil {
				return value[begin:end], begin
			}
		}
		offset = end + 1
	}
}

// afterJSON is where the JSON at the beginning of a value ends; 0 where the
// value doesn't begin with whole JSON.
func afterJSON(value string) int {
	if trimmed := strings.TrimLeft(value, " \t"); trimmed == "" || strings.IndexByte(`{["`, trimmed[0]) < 0 {
		return 0
	}
	decoder := json.NewDecoder(strings.NewReader(value))
	var whole json.RawMessage
	if decoder.Decode(&whole) != nil {
		return 0
	}
	return int(decoder.InputOffset())
}

// swallowed finds another setting inside the value: two on one line, or a line
// that was appended to one without a newline. What is inside whole JSON is part
// of that.
func (j *judge) swallowed(v *Variable, a Assignment, value string, problems []problem) bool {
	rest := 0
	if v.Type.isJSON() {
		rest = afterJSON(value)
	}
	inner, offset := settingInside(value[rest:])
	if inner == "" || inner == a.Name && len(problems) == 0 {
		return false
	}
	p := problem{code: codeSwallowed, severity: finding.Warning, fact: "The value of " + a.Name + " goes on to the end of the line and swallows " + inner + ".",
		fix: "Begin a new line before " + inner + "."}
	if severity := worst(problems); severity != "" {
		p.severity = graver(p.severity, severity)
	}
	if inner != a.Name {
		severity, lost := j.lost(inner)
		p.severity = graver(p.severity, severity)
		p.effect = lost
	}
	if len(problems) > 0 && problems[0].severity.Rank() <= finding.Warning.Rank() && problems[0].effect != "" && !strings.Contains(p.effect, problems[0].effect) {
		p.effect = strings.TrimSpace(p.effect + " " + problems[0].effect)
	}
	j.add(a.Line, a.columnAt(rest+offset), a.Name, p)
	if before := strings.TrimRight(value[:rest+offset], " \t;,"); before != "" && len(j.check(v, before)) == 0 && strings.HasSuffix(value[:rest+offset], " ") && inner != a.Name {
		j.correct(a.Line, a.Name+"="+before+"\n"+j.onOwnLines(value[rest+offset:]))
	}
	return true
}

// onOwnLines begins a new line before each setting in a text that begins with
// one, as long as the value before it is fine.
func (j *judge) onOwnLines(text string) string {
	name, value, _ := strings.Cut(text, "=")
	v, rest := byName[name], 0
	if v == nil {
		return text
	}
	if v.Type.isJSON() {
		rest = afterJSON(value)
	}
	inner, offset := settingInside(value[rest:])
	before := strings.TrimRight(value[:rest+offset], " \t;,")
	if inner == "" || before == "" || !strings.HasSuffix(value[:rest+offset], " ") || len(j.check(v, before)) > 0 {
		return text
	}
	return name + "=" + before + "\n" + j.onOwnLines(value[rest+offset:])
}

// wholePlaceholder is what only counts as one when there is nothing beside it.
var wholePlaceholder = lazyregexp.New(`^(\$[A-Za-z_][A-Za-z0-9_]*|<[A-Za-z][^<>]*>|\{[A-Za-z_][A-Za-z0-9_]*\}|__[A-Za-z0-9_]+__|@[A-Za-z0-9_.]+@|%[A-Za-z_][A-Za-z0-9_]*%|#+[A-Za-z_][A-Za-z0-9_]*#+|\[\[[A-Za-z0-9_ .]+\]\])$`)

// placeholder finds what templates leave behind when they are not filled in:
// ${X}, $(x), #{x}, %{x}, {{x}}, ##X##, {% x %}, <%= x %>, and as a whole value
// also $X, <x>, {X}, __X__, @X@ and %X%.
func placeholder(value string) (offset int, ok bool) {
	offset = len(value)
	for _, marks := range [][2]string{{"${", "}"}, {"$(", ")"}, {"#{", "}"}, {"%{", "}"}, {"{{", "}}"}, {"{%", "%}"}, {"<%", "%>"}} {
		if begin := strings.Index(value, marks[0]); begin >= 0 && begin < offset && strings.Contains(value[begin:], marks[1]) {
			offset, ok = begin, true
		}
	}
	if ok {
		return offset, true
	}
	if begin := strings.Index(value, "##"); begin >= 0 {
		if end := strings.Index(value[begin+2:], "##"); end > 0 && !strings.ContainsAny(value[begin+2:begin+2+end], " \t#") {
			return begin, true
		}
	}
	const longest = 200
	return 0, len(value) < longest && wholePlaceholder.MatchString(strings.Trim(value, " \t\"'"))
}

const separators = "\r\v\f\u0085\u2028\u2029"

var typographic = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`, "‘", "'", "’", "'")

// trailingComment gives the offset of the white space before a '#', -1 for none.
func trailingComment(value string) int {
	for offset := 0; ; {
		mark := strings.IndexByte(value[offset:], '#')
		if mark < 0 {
			return -1
		}
		mark += offset
		if before := strings.TrimRight(value[:mark], " \t"); len(before) < mark {
			return len(before)
		}
		offset = mark + 1
	}
}

// redirection is how a script's line ends that appends to the file.
var redirection = lazyregexp.New(`[ \t]+(>>?[ \t]*["']?[/$][^ \t{}]*|\|[ \t]*(sudo[ \t]+)?tee[ \t].*)$`)

// trailingRedirection gives the offset of the white space before a shell's
// redirection into a file, -1 for none.
func trailingRedirection(value string) int {
	// To look for the bytes is faster, and hardly any value has them.
	if mark := strings.IndexAny(value, ">|"); mark > 0 {
		if match := redirection.FindStringSubmatchIndex(value); match != nil {
			return match[0]
		}
	}
	return -1
}

// cleaned takes away what habits from shells and editors put around a value,
// with the first such habit as the cause.
func cleaned(v *Variable, value string) (clean string, cause *problem) {
	note := func(code, fact, fix string, offset int) {
		if cause == nil {
			cause = &problem{code: code, fact: fact, fix: fix, offset: offset, sure: true}
		}
	}
	clean = value
	if position := strings.IndexAny(clean, separators); position >= 0 {
		note(codeLineSeparator, v.Name+" has a line separator that ends no line for ecs-init, such as a lone carriage return.", "Save the file with newlines (LF).", position)
		clean = clean[:position]
	}
	if start := trailingComment(clean); start >= 0 {
		note(codeTrailingText, "The comment after the value is part of "+v.Name+".", "Put the comment on its own line.", start)
		clean = clean[:start]
	}
	if index := trailingRedirection(clean); index >= 0 {
		note(codeTrailingText, "The shell redirection after the value is part of "+v.Name+".", "End the line after the value.", index)
		clean = clean[:index]
	}
	if trimmed := strings.TrimSpace(clean); trimmed != clean {
		note(codeLeadingSpace, "The space after the '=' is part of "+v.Name+".", "Write no space after the '='.", 0)
		clean = trimmed
	}
	if trimmed := strings.TrimRight(clean, "; \t"); trimmed != clean && trimmed != "" {
		note(codeTrailingText, "The semicolon is part of "+v.Name+".", "Write no semicolon at the end.", len(trimmed))
		clean = trimmed
	}
	if inner, ok := unquoted(clean); ok {
		note(codeQuoted, "The quotes are part of "+v.Name+": nothing removes them in ecs.config.", "Write the value without quotes.", 0)
		clean = strings.ReplaceAll(inner, `\"`, `"`)
	}
	if !v.Type.isJSON() {
		return clean, cause
	}
	if strings.HasPrefix(clean, `{\"`) || strings.HasPrefix(clean, `[\"`) {
		note(codeEscapedQuotes, "The backslashes before the quotes are part of "+v.Name+", and are no JSON.", `Write " instead of \" in the JSON.`, strings.Index(clean, `\"`))
		clean = strings.ReplaceAll(clean, `\"`, `"`)
	}
	if straight := typographic.Replace(clean); straight != clean {
		note(codeJSONQuotes, v.Name+" has typographic quotes, which are no JSON.", `Write straight double quotes (").`, strings.IndexFunc(clean, func(r rune) bool { return r >= 0x80 }))
		clean = straight
	}
	if !strings.Contains(clean, `"`) && strings.Contains(clean, "'") {
		note(codeJSONQuotes, v.Name+" has single quotes, which are no JSON.", `Write double quotes (").`, strings.Index(clean, "'"))
		clean = strings.ReplaceAll(clean, "'", `"`)
	}
	return clean, cause
}

// unquoted takes one pair of quotes away, straight or typographic.
func unquoted(value string) (string, bool) {
	for _, pair := range [][2]string{{`"`, `"`}, {"'", "'"}, {"`", "`"}, {"“", "”"}, {"‘", "’"}, {"”", "”"}, {"’", "’"}} {
		if inner, ok := strings.CutPrefix(value, pair[0]); ok {
			if inner, ok = strings.CutSuffix(inner, pair[1]); ok {
				return inner, true
			}
		}
	}
	return "", false
}
