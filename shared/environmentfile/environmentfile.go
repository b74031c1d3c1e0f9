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
	fix := "Give the file a name that ends in " + Extension + "."
	if strings.EqualFold(path.Ext(key), Extension) {
		fix = "Write the extension in lower case: " + Extension
	}
	return []finding.Finding{{Code: codeExtension, Severity: finding.Error,
		Message: "The file name doesn't end in " + Extension + ". ECS refuses it in environmentFiles.", Fix: fix}}
}

// Judge says what the agent will make of a file: nothing at all when it is fine.
func Judge(content []byte) []finding.Finding {
	j := judge{kept: finding.NewBounded(maxFindings), last: map[string]int{}}
	text := string(content)
	if isUTF16(text) {
		j.add(finding.Error, codeUTF16, 1, 1, "", "The file is UTF-16. Its variable names have NUL bytes, and the container can't be created.", "Save the file as UTF-8 without a byte order mark.")
		return j.kept.Report(codeTooMany)
	}
	lines, long := split(text)
	if long != 0 {
		j.add(finding.Error, codeLongLine, long, 1, "", "The line has 64 KiB or more. The agent gives up reading the file, and the task doesn't start.", "Shorten the line.")
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

func (j *judge) add(severity finding.Severity, code string, line, column int, variable, message, fix string) {
	if j.kept.Enough(severity) {
		return
	}
	j.kept.Add(finding.Finding{
		Code: code, Severity: severity, Message: message, Fix: fix, Line: line, Column: column, Variable: variable,
	})
}

func isUTF16(text string) bool {
	return strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") ||
		len(text) >= 4 && (text[0] == 0) != (text[1] == 0) && (text[2] == 0) == (text[0] == 0) && (text[3] == 0) == (text[1] == 0)
}

// line judges one line and gives the index of the last one that it explains.
func (j *judge) line(lines []line, i int) int {
	l := &lines[i]
	if l.number == 1 && strings.HasPrefix(l.text, byteOrderMark) {
		severity, message := finding.Info, "The file begins with a byte order mark, which does no harm before a line without '='."
		if strings.Contains(l.text, "=") {
			severity, message = finding.Warning, "The byte order mark at the beginning of the file becomes part of the first name. The variable is not set."
		}
		j.add(severity, codeByteOrderMark, 1, 1, "", message, "Save the file as UTF-8 without a byte order mark.")
		return i
	}
	if l.text == "" || l.text[0] == '#' {
		return i
	}
	if strings.HasPrefix(l.text, "=") {
		j.add(finding.Warning, codeEmptyName, l.number, 1, "", "The line has a '=' with no name before it. The agent ignores it.", "Write a name, or begin the line with '#'.")
		return i
	}
	a, ok := l.assignment()
	if !ok {
		j.ignored(l)
		return i
	}
	if strings.IndexByte(l.text, 0) >= 0 {
		j.add(finding.Error, codeNULByte, l.number, 1+strings.IndexByte(l.text, 0), "", "The line has a NUL byte. The container can't be created.", "Remove the NUL byte.")
		return i
	}
	if !utf8.ValidString(l.text) {
		j.add(finding.Warning, codeNotUTF8, l.number, 1, "", "The line has bytes that are not UTF-8. The container gets U+FFFD in their place.", "Save the file as UTF-8.")
	}
	if last := j.continuation(lines, i); last > i {
		if j.kept.Enough(finding.Warning) {
			return last
		}
		j.add(finding.Warning, codeMultiLine, l.number, a.ValueColumn, shown(a.Name),
			fmt.Sprintf("The value goes on to line %d, but the agent ends it at the end of its first line.", lines[last].number),
			"Write the value on one line, or keep it in Secrets Manager and name it under secrets.")
		return last
	}
	if !j.name(a) {
		return i
	}
	if counts := j.last[a.Name]; counts != a.Line {
		if j.kept.Enough(finding.Info) {
			return i
		}
		j.add(finding.Info, codeDuplicate, l.number, 1, shown(a.Name), fmt.Sprintf("The variable is set again on line %d, and only the last value counts.", counts), "Keep one of the lines.")
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
	name, _, colon := strings.Cut(l.text, ":")
	variable := ""
	if colon && variablename.IsValid(strings.TrimSpace(name)) {
		variable = shown(strings.TrimSpace(name))
	}
	j.add(finding.Warning, codeIgnored, l.number, 1, variable, "The line has no '=', and the agent ignores it.", "Write NAME=VALUE, or begin the line with '#' if it is a comment.")
}

// name judges a name; it reports whether there is a point in judging the value.
func (j *judge) name(a Assignment) bool {
	trimmed := strings.TrimSpace(a.Name)
	first, rest, spaced := strings.Cut(trimmed, " ")
	switch {
	case trimmed != "" && trimmed[0] == '#':
		j.add(finding.Info, codeIndentedComment, a.Line, 1, "", "Only a '#' at the very beginning of a line makes a comment. This line becomes a variable that no program reads.", "Remove the white space before the '#'.")
		return false
	case spaced && first == "export":
		j.add(finding.Warning, codeName, a.Line, 1, shown(strings.TrimSpace(rest)), `"export" becomes part of the name. The variable is not set.`, "Write NAME=VALUE without export.")
		return false
	case trimmed != a.Name:
		if j.kept.Enough(finding.Warning) {
			return false
		}
		j.add(finding.Warning, codeName, a.Line, 1, shown(trimmed), "The white space around the name becomes part of it. The variable is not set.", "Write NAME=VALUE without white space.")
		return false
	case strings.ContainsFunc(a.Name, unicode.IsSpace) || strings.ContainsAny(a.Name, `"'`):
		j.add(finding.Warning, codeName, a.Line, 1, "", "White space and quotes become part of the name. Hardly any program reads such a variable.", "Write NAME=VALUE without white space and quotes.")
		return false
	case !variablename.IsValid(a.Name):
		j.add(finding.Info, codeUnusualName, a.Line, 1, "", "The name has characters other than ASCII letters, digits and '_'. No shell can read the variable.", "Use letters, digits and '_'.")
	case slices.Contains(setByECS, a.Name):
		j.add(finding.Warning, codeSetByECS, a.Line, 1, a.Name, "ECS sets "+a.Name+" itself and then ignores this line. Where ECS doesn't, the value points to nothing.", "Delete the line.")
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
	report := func(severity finding.Severity, code string, offset int, message, fix string) {
		if j.kept.Enough(severity) {
			return
		}
		if name := shown(a.Name); name != "" {
			message = strings.Replace(strings.Replace(message, "The value ", "The value of "+name+" ", 1), "part of the value.", "part of "+name+".", 1)
		}
		j.add(severity, code, a.Line, a.ValueColumn+offset, shown(a.Name), message, fix)
	}
	if position := strings.IndexAny(value, "\r\v\f\u0085\u2028\u2029"); position >= 0 {
		report(finding.Warning, codeLineSeparator, position, "The value has a line separator that ends no line for the agent, such as a lone carriage return.", "Save the file with newlines (LF).")
		return
	}
	if len(trimmed) >= 2 && (trimmed[0] == '"' || trimmed[0] == '\'') && trimmed[len(trimmed)-1] == trimmed[0] {
		report(finding.Warning, codeQuoted, 0, "The agent keeps the quotes as part of the value.", "Write the value without quotes.")
		j.escaped(a, value, report)
		return
	}
	if trimmed != "" && (trimmed[0] == '"' || trimmed[0] == '\'') && strings.Count(trimmed, trimmed[:1]) == 1 {
		report(finding.Info, codeQuoted, 0, "The value begins with a quote that nothing closes. The quote is part of the value.", "Remove the quote, unless you mean it.")
	}
	if trimmed != value {
		start := 0
		if strings.HasPrefix(value, trimmed) {
			start = len(trimmed)
		}
		report(finding.Info, codeWhitespace, start, "The white space at an end is part of the value.", "Remove it, unless you mean it.")
	}
	if index := strings.Index(value, " #"); index >= 0 {
		report(finding.Warning, codeComment, index, "The comment after the value is part of the value.", "Put the comment on its own line.")
	}
	j.escaped(a, value, report)
	if a.Name == "PATH" {
		if variable := strings.Index(strings.NewReplacer("{", "", "}", "").Replace(value), "$PATH"); variable >= 0 {
			report(finding.Warning, codePath, variable, "PATH replaces the image's own path, and $PATH stays literal text.", "Delete the line, or write the whole path.")
			return
		}
	}
	if match := reference.FindStringSubmatchIndex(value); match != nil {
		report(finding.Info, codeUnexpanded, match[0], "Nothing expands variables in an environment file. The program gets the text as it is.", "Write the value itself, unless the program expands it.")
		return
	}
	for _, marks := range [][2]string{{"${", "}"}, {"$(", ")"}} {
		if opened := strings.Index(value, marks[0]); opened >= 0 && strings.Contains(value[opened:], marks[1]) {
			report(finding.Info, codeUnexpanded, opened, "Nothing expands variables in an environment file. The program gets the text as it is.", "Write the value itself, unless the program expands it.")
			return
		}
	}
}

// reference is a variable as a shell has it, at the beginning of a value or
// after what parts a path: elsewhere a '$' is often part of a password.
var reference = lazyregexp.New(`(^|[:/, ])\$[A-Z][A-Z0-9_]{2,}`)

// escaped reports the newlines that dotenv libraries and docker compose make of
// \n, and the agent doesn't.
func (j *judge) escaped(a Assignment, value string, report func(finding.Severity, string, int, string, string)) {
	offset := strings.Index(value, `\n`)
	if offset < 0 {
		return
	}
	severity := finding.Info
	if strings.Contains(value, "-----BEGIN ") {
		severity = finding.Warning
	}
	report(severity, codeEscape, offset, `The value has \n, which stays a backslash and an n.`, "Keep a value of several lines in Secrets Manager and name it under secrets, unless the program expands it.")
}

// keys reports static credentials, which the SDKs take before the task's role.
func (j *judge) keys() {
	id, hasID := j.last["AWS_ACCESS_KEY_ID"]
	if _, hasKey := j.last["AWS_SECRET_ACCESS_KEY"]; hasID && hasKey {
		j.add(finding.Error, codeStaticKeys, id, 1, "AWS_ACCESS_KEY_ID",
			"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are an AWS access key, which everyone who may read the file can use. The AWS SDKs take it before the task's role.",
			"Delete both lines, deactivate the key in IAM, and give the task a role.")
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
