// Package environmentfile judges the *.env files that task definitions name
// under environmentFiles, as the ECS agent reads them
// (agent/taskresource/envFiles/envfile.go readEnvVarsFromFile).
//
// The agent splits the file at newlines and every line at its first '='. A line
// that begins with '#', and one without '=', is passed over; nothing is trimmed,
// unquoted or expanded, and nothing is logged.
//
//	findings := environmentfile.Judge(content)
//
// An error means that the task does not start; a warning, that something its
// author wrote is ignored or replaced; an info, that it works and is fragile.
// Every value may be a secret: no finding shows one, and [Mask] blots all of
// them out. [Codes] lists every code with cause and cure.
package environmentfile

import (
	"bufio"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
	"github.com/ecs-guardrails/ecs-guardrails/shared/variablename"
)

// Extension is what the name of every environment file must end in.
const Extension = ".env"

// maxFindings bounds a report. The gravest are kept.
const maxFindings = 100

const byteOrderMark = "\ufeff"

// Assignment is one NAME=VALUE line as the agent takes it.
type Assignment struct {
	Name  string
	Value secret.Text
	// Line and Column are where the name begins, 1-based, Column in bytes; the
	// value begins at ValueColumn.
	Line, Column, ValueColumn int

	start, valueStart, end int // byte offsets
}

// Format shows nothing of the file: even a name may be a part of a secret, when
// the line carries on a broken value.
func (a Assignment) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "assignment on line %d", a.Line)
}

// line is one line as bufio.ScanLines gives it: without its newline, and
// without one carriage return before that.
type line struct {
	number, offset int
	text           string
	value          string // what is after the first '='
}

// split gives the lines that are read, and the number of the line at which
// bufio.Scanner gives up, 0 for none.
func split(content string) (lines []line, long int) {
	lines = make([]line, 0, strings.Count(content, "\n")+1)
	offset := 0
	for number := 1; offset < len(content); number++ {
		text, _, newline := strings.Cut(content[offset:], "\n")
		if len(text) >= bufio.MaxScanTokenSize {
			return lines, number
		}
		read := line{number: number, offset: offset, text: strings.TrimSuffix(text, "\r")}
		if equals := strings.IndexByte(read.text, '='); equals >= 0 {
			read.value = read.text[equals+1:]
		}
		lines = append(lines, read)
		offset += len(text) + 1
		if !newline {
			break
		}
	}
	return lines, 0
}

// name is what is before the '=' of an assignment, "" for a line that is none.
func (l *line) name() string {
	if l.text == "" || l.text[0] == '#' {
		return ""
	}
	return l.text[:max(strings.IndexByte(l.text, '='), 0)]
}

func (l *line) assignment() (Assignment, bool) {
	name := l.name()
	if name == "" {
		return Assignment{}, false
	}
	equals := len(name)
	return Assignment{
		Name: name, Value: secret.In(&l.value),
		Line: l.number, Column: 1, ValueColumn: equals + 2,
		start: l.offset, valueStart: l.offset + equals + 1, end: l.offset + len(l.text),
	}, true
}

// JudgeName says whether ECS takes a file of that name at all.
func JudgeName(key string) []finding.Finding {
	if strings.HasSuffix(key, Extension) {
		return nil
	}
	if strings.EqualFold(path.Ext(key), Extension) {
		return []finding.Finding{extensionCase.With()}
	}
	return []finding.Finding{otherExtension.With()}
}

// Judge says what the agent will make of a file: nothing at all when it is fine.
func Judge(content []byte) []finding.Finding {
	j := judge{kept: finding.NewBounded(maxFindings), last: map[string]int{}}
	text := string(content)
	if isUTF16(text) {
		j.add(1, 1, "", utf16)
		return j.kept.Report(codeTooMany)
	}
	lines, long := split(text)
	if long != 0 {
		j.add(long, 1, "", longLine)
	}
	for i := range lines {
		if name := lines[i].name(); name != "" {
			j.last[name] = lines[i].number
		}
	}
	for i := 0; i < len(lines); i++ {
		i = j.line(lines, i)
	}
	j.keys()
	return j.kept.Report(codeTooMany)
}

type judge struct {
	kept finding.Bounded
	// last is the line that counts for each name.
	last map[string]int
	// noEnd says that no PEM block ends further down.
	noEnd bool
}

func (j *judge) add(line, column int, variable string, template finding.Template, values ...finding.Value) {
	if j.kept.Enough(template.Severity) {
		return
	}
	f := template.With(values...)
	f.Line, f.Column, f.Variable = line, column, variable
	j.kept.Add(f)
}

// addAbout adds a finding whose message has a place for the variable's name and,
// unless otherLine is 0, for the number of another line. It makes no value for a
// finding that isn't kept.
func (j *judge) addAbout(line, column int, name string, template finding.Template, otherLine int) {
	if j.kept.Enough(template.Severity) {
		return
	}
	variable := shown(name)
	values := []finding.Value{finding.Words("name", "the variable")}
	if variable != "" {
		values[0] = finding.Name("name", variable)
	}
	if otherLine > 0 {
		values = append(values, finding.Words("line", strconv.Itoa(otherLine)))
	}
	j.add(line, column, variable, template, values...)
}

func isUTF16(text string) bool {
	return strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") ||
		len(text) >= 4 && (text[0] == 0) != (text[1] == 0) && (text[2] == 0) == (text[0] == 0) && (text[3] == 0) == (text[1] == 0)
}

// line judges one line and gives the index of the last one that it explains.
func (j *judge) line(lines []line, i int) int {
	l := &lines[i]
	if l.number == 1 && strings.HasPrefix(l.text, byteOrderMark) {
		if strings.Contains(l.text, "=") {
			j.add(1, 1, "", markBeforeName)
		} else {
			j.add(1, 1, "", markBeforeOther)
		}
		return i
	}
	if l.text == "" || l.text[0] == '#' {
		return i
	}
	if strings.HasPrefix(l.text, "=") {
		j.add(l.number, 1, "", emptyName)
		return i
	}
	a, ok := l.assignment()
	if !ok {
		j.ignored(l)
		return i
	}
	if strings.IndexByte(l.text, 0) >= 0 {
		j.add(l.number, 1+strings.IndexByte(l.text, 0), "", nulByte)
		return i
	}
	if !utf8.ValidString(l.text) {
		j.add(l.number, 1, "", notUTF8)
	}
	if last := j.continuation(lines, i); last > i {
		j.addAbout(l.number, a.ValueColumn, a.Name, multiLine, lines[last].number)
		return last
	}
	if !j.name(a) {
		return i
	}
	if counts := j.last[a.Name]; counts != a.Line {
		j.addAbout(l.number, 1, a.Name, setAgain, counts)
		return i
	}
	j.value(a)
	return i
}

// shown names a variable in a finding, "" where the name may be a part of a
// secret.
func shown(name string) string {
	if !variablename.IsPublic(name) {
		return ""
	}
	return name
}

func (j *judge) ignored(l *line) {
	if strings.TrimSpace(l.text) == "" {
		return
	}
	if trimmed := strings.TrimLeftFunc(l.text, unicode.IsSpace); trimmed[0] == '#' {
		return // passed over all the same
	}
	if j.kept.Enough(finding.Warning) {
		return
	}
	if name, _, colon := strings.Cut(l.text, ":"); colon && variablename.IsPublic(strings.TrimSpace(name)) {
		j.addAbout(l.number, 1, strings.TrimSpace(name), settingIgnored, 0)
		return
	}
	j.add(l.number, 1, "", lineIgnored)
}

// name judges a name; it reports whether there is a point in judging the value.
func (j *judge) name(a Assignment) bool {
	trimmed := strings.TrimSpace(a.Name)
	first, rest, spaced := strings.Cut(trimmed, " ")
	switch {
	case trimmed != "" && trimmed[0] == '#':
		j.add(a.Line, 1, "", commentIndented)
		return false
	case spaced && first == "export":
		j.addAbout(a.Line, 1, strings.TrimSpace(rest), exportInName, 0)
		return false
	case trimmed != a.Name:
		j.addAbout(a.Line, 1, trimmed, spaceAroundName, 0)
		return false
	case strings.ContainsFunc(a.Name, unicode.IsSpace) || strings.ContainsAny(a.Name, `"'`):
		j.add(a.Line, 1, "", quotesInName)
		return false
	case !variablename.IsValid(a.Name):
		j.add(a.Line, 1, "", unusualName)
	case slices.Contains(setByECS, a.Name):
		j.addAbout(a.Line, 1, a.Name, setByAgent, 0)
	}
	return true
}

// setByECS are variables that the agent puts into containers; what is in the
// container's environment already wins over environment files
// (agent/api/container/container.go MergeEnvironmentVariablesFromEnvfiles).
var setByECS = []string{
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EXECUTION_ENV",
	"ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_FILE", "ECS_AGENT_URI",
}

func (j *judge) value(a Assignment) {
	value := a.Value.Reveal()
	trimmed := strings.TrimSpace(value)
	report := func(template finding.Template, offset int) {
		j.addAbout(a.Line, a.ValueColumn+offset, a.Name, template, 0)
	}
	if position := strings.IndexAny(value, "\r\v\f\u0085\u2028\u2029"); position >= 0 {
		report(lineSeparator, position)
		return
	}
	if len(trimmed) >= 2 && (trimmed[0] == '"' || trimmed[0] == '\'') && trimmed[len(trimmed)-1] == trimmed[0] {
		report(quoted, 0)
		j.escaped(a, value)
		return
	}
	if trimmed != "" && (trimmed[0] == '"' || trimmed[0] == '\'') && strings.Count(trimmed, trimmed[:1]) == 1 {
		report(quoteOpen, 0)
	}
	if trimmed != value {
		start := 0
		if strings.HasPrefix(value, trimmed) {
			start = len(trimmed)
		}
		report(spaceAtEnd, start)
	}
	if index := strings.Index(value, " #"); index >= 0 {
		report(commentInValue, index)
	}
	j.escaped(a, value)
	if a.Name == "PATH" {
		if variable := strings.Index(strings.NewReplacer("{", "", "}", "").Replace(value), "$PATH"); variable >= 0 {
			j.add(a.Line, a.ValueColumn+variable, a.Name, pathReplaced)
			return
		}
	}
	if match := reference.FindStringSubmatchIndex(value); match != nil {
		report(unexpanded, match[0])
		return
	}
	for _, marks := range [][2]string{{"${", "}"}, {"$(", ")"}} {
		if opened := strings.Index(value, marks[0]); opened >= 0 && strings.Contains(value[opened:], marks[1]) {
			report(unexpanded, opened)
			return
		}
	}
}

// reference is a variable as a shell has it, at the beginning of a value or
// after what parts a path: elsewhere a '$' is often part of a password.
var reference = lazyregexp.New(`(^|[:/, ])\$[A-Z][A-Z0-9_]{2,}`)

// escaped reports the newlines that dotenv libraries and docker compose make of
// \n, and the agent doesn't.
func (j *judge) escaped(a Assignment, value string) {
	offset := strings.Index(value, `\n`)
	if offset < 0 {
		return
	}
	template := newlineEscaped
	if strings.Contains(value, "-----BEGIN ") {
		template = newlineEscapedInKey
	}
	j.addAbout(a.Line, a.ValueColumn+offset, a.Name, template, 0)
}

// keys reports static credentials, which the SDKs take before the task's role.
func (j *judge) keys() {
	id, hasID := j.last["AWS_ACCESS_KEY_ID"]
	if _, hasKey := j.last["AWS_SECRET_ACCESS_KEY"]; hasID && hasKey {
		j.add(id, 1, "AWS_ACCESS_KEY_ID", staticKeys)
	}
}

// continuation gives the index of the last line of a value that was written
// over several: a PEM block, or text in quotes. It is i when there is none.
func (j *judge) continuation(lines []line, i int) int {
	value := lines[i].value
	body := strings.TrimLeft(value, `"'`)
	if strings.HasPrefix(body, "-----BEGIN ") && !strings.Contains(value, "-----END ") {
		for k := i + 1; k < len(lines) && !j.noEnd; k++ {
			if strings.Contains(lines[k].text, "-----END ") {
				return k
			}
		}
		j.noEnd = true // of the lines below, too
		return i
	}
	if value == "" || (value[0] != '"' && value[0] != '\'') || strings.Count(value, value[:1]) != 1 {
		return i
	}
	for k := i + 1; k < len(lines); k++ {
		if next := lines[k].name(); next != "" && variablename.IsPublic(next) {
			return i
		}
		if strings.Contains(lines[k].text, value[:1]) {
			return k
		}
	}
	return i
}

// Mask gives the file with every byte of a value as '*', and of every line that
// isn't an assignment, for callers that show a line of it. Its length, its
// lines and its columns stay.
func Mask(content []byte) []byte {
	masked := slices.Clone(content)
	for i := range masked {
		if c := masked[i]; c != '\n' && c != ' ' && c != '\t' && c != '\r' {
			masked[i] = '*'
		}
	}
	lines, _ := split(string(content))
	for i := range lines {
		a, ok := lines[i].assignment()
		if name := strings.TrimPrefix(strings.TrimSpace(a.Name), "export "); ok && variablename.IsPublic(name) {
			copy(masked[a.start:a.valueStart], content[a.start:a.valueStart])
		}
	}
	return masked
}
