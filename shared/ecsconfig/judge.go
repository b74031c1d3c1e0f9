package ecsconfig

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"ecsguardrails/shared/finding"
)

// maxFindings bounds a report: a file that is no ecs.config at all could have
// one finding a line. The gravest are kept.
const maxFindings = 100

// maxVariable is the size, with the '=', at which Linux refuses to start a
// program with the variable (MAX_ARG_STRLEN, which counts the closing NUL).
const maxVariable = 131072

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\ufeff"

// Judge says what the readers of /etc/ecs/ecs.config will make of a file:
// nothing at all when it is fine.
func Judge(content []byte) []finding.Finding { return Parse(content).Judge() }

// Judge is [Judge] for a file that was parsed already.
func (f File) Judge() []finding.Finding {
	j := judge{file: f, text: f.content.Reveal(), moot: map[int]bool{}, missed: map[string]bool{}, known: map[string]string{}}
	j.explained = make([]bool, strings.Count(j.text, "\n")+2)
	j.systemd, j.systemdError = readAsSystemd(j.text)
	if !j.wholeFile() {
		j.everyLine()
		for index := range f.Assignments {
			j.assignment(index)
		}
		j.together()
		j.auth()
		j.readersDisagree()
	}
	return j.report()
}

// judge is one judgement under way.
type judge struct {
	file         File
	text         string
	systemd      map[string]string
	systemdError error
	findings     []finding.Finding
	// explained tells, by number, the lines about which something is said already.
	explained []bool
	// moot are the assignments, by index, whose value means nothing: it goes on
	// over several lines, or no program can start with it.
	moot map[int]bool
	// missed are the settings that do not arrive, and of which a finding says so.
	missed map[string]bool
	// known keeps the nearest known name for each name that was searched for.
	known map[string]string
	// counts are the findings by the rank of their severity, left those that
	// were not kept.
	counts [3]int
	left   int
}

// problem is a finding whose place is known by the caller.
type problem struct {
	code     string
	severity finding.Severity
	message  string
	fix      string
	at       int // bytes from the beginning of the value
}

// enough says that there are so many findings as grave as this that another one
// would not be shown. It counts the one that its caller then keeps to himself.
func (j *judge) enough(severity finding.Severity) bool {
	count := 0
	for grave := range rank(severity) + 1 {
		count += j.counts[grave]
	}
	if count < 2*maxFindings {
		return false
	}
	j.left++
	return true
}

// nearest is [nearest] within a budget for the whole file.
func (j *judge) nearest(name string) string {
	const budget = 50
	if known, ok := j.known[name]; ok {
		return known
	}
	if len(j.known) >= budget {
		return ""
	}
	known := nearest(name)
	j.known[name] = known
	return known
}

func (j *judge) add(line, column int, variable string, p problem) {
	j.explained[line] = true
	if j.enough(p.severity) {
		return
	}
	j.counts[rank(p.severity)]++
	j.findings = append(j.findings, finding.Finding{
		Code: p.code, Severity: p.severity, Message: p.message, Fix: p.fix,
		Line: line, Column: column, Variable: variable,
	})
}

// graver is the graver of two severities.
func graver(a, b finding.Severity) finding.Severity {
	if rank(b) < rank(a) {
		return b
	}
	return a
}

// rank orders severities, the gravest first, and "" last.
func rank(s finding.Severity) int {
	order := []finding.Severity{finding.Error, finding.Warning, finding.Info}
	if i := slices.Index(order, s); i >= 0 {
		return i
	}
	return len(order)
}

// worst is the gravest severity among problems, "" where there are none.
func worst(problems []problem) finding.Severity {
	var severity finding.Severity
	for _, p := range problems {
		severity = graver(severity, p.severity)
	}
	return severity
}

// report sorts by place and keeps the gravest when there are too many.
func (j *judge) report() []finding.Finding {
	inPlace := func(a, b finding.Finding) int {
		return cmp.Or(
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(rank(a.Severity), rank(b.Severity)),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Variable, b.Variable), cmp.Compare(a.Message, b.Message))
	}
	slices.SortFunc(j.findings, inPlace)
	j.findings = slices.Compact(j.findings)
	if left := len(j.findings) + j.left - (maxFindings - 1); left > 1 {
		slices.SortStableFunc(j.findings, func(a, b finding.Finding) int { return cmp.Compare(rank(a.Severity), rank(b.Severity)) })
		j.findings = append(j.findings[:min(len(j.findings), maxFindings-1)], finding.Finding{
			Code: codeTooMany, Severity: finding.Info,
			Message: fmt.Sprintf("%d more findings, none of them graver than those shown, are left out", left),
			Fix:     "cure what is shown and judge the file again",
		})
		slices.SortFunc(j.findings, inPlace)
	}
	return j.findings
}

// lost says what it means that a setting does not arrive, and how grave that is.
func (j *judge) lost(name string) (finding.Severity, string) {
	if other, ok := j.file.Lookup(name); ok {
		return finding.Warning, fmt.Sprintf("the value of line %d counts", other.Line)
	}
	j.missed[name] = true
	switch name {
	case "ECS_CLUSTER":
		return finding.Error, `the instance joins the cluster "default"`
	case "ECS_ENGINE_AUTH_TYPE", "ECS_ENGINE_AUTH_DATA":
		return finding.Error, string(LosesRegistries)
	}
	v := byName[name]
	if fallback := v.fallback(); fallback != "" {
		return finding.Warning, "the default, " + fallback + ", stays"
	}
	return finding.Warning, "the agent runs without it"
}

// fallback is what counts when the file does not set the variable.
func (v *Variable) fallback() string {
	if v.ECSInit != nil && *v.ECSInit != "" {
		return *v.ECSInit
	}
	return v.Default
}

// isSensitive says that a value may hold a secret, and is never shown.
func (v *Variable) isSensitive() bool {
	switch v.Name {
	case "ECS_ENGINE_AUTH_DATA", "ECS_ENGINE_AUTH_TYPE", "ECS_LOG_OPTS",
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN":
		return true
	}
	return v.Type == Proxy || v.Type == URL
}

// shown quotes a value for a message, without a comment after it, or gives "the
// value" when it may hold a secret, is long or cannot be printed.
func shown(v *Variable, value string) string {
	comment := ""
	if at := trailingComment(value); at >= 0 {
		value, comment = value[:at], " #…"
	}
	if v.isSensitive() || isForeign(v, value) || !isPublic(value) {
		return "the value"
	}
	return quoted(value + comment)
}

func quoted(text string) string {
	if strings.Contains(text, `"`) {
		return "'" + text + "'"
	}
	return `"` + text + `"`
}

// isPublic says that a text is short, printable and shows no sign of a
// credential, as a value does that swallowed the line with ECS_ENGINE_AUTH_DATA.
func isPublic(text string) bool {
	if len(text) > 100 {
		return false
	}
	for _, r := range text {
		// Not only control characters: some turn what follows around, and others
		// are not there to see.
		if r == '\uFFFD' || !unicode.IsPrint(r) {
			return false
		}
	}
	return !strings.Contains(text, "://") && !looksLikeCredential(text)
}

// write is the fix that shows the line to write, where it may be shown.
func write(v *Variable, value, otherwise string) string {
	if v.isSensitive() || isForeign(v, value) || !isPublic(value) {
		return otherwise
	}
	return "write " + v.Name + "=" + value
}
