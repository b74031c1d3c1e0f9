package ecsconfig

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

// maxFindings bounds a report: a file that is no ecs.config at all could have
// one finding a line. The gravest are kept.
const maxFindings = 100

// maxVariable is the size, with the '=', at which Linux refuses to start a
// program with the variable (MAX_ARG_STRLEN, which counts the closing NUL).
const maxVariable = 131072

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\ufeff"

// Judge says what the readers of /etc/ecs/ecs.config make of a file, which must
// be the whole configuration: nothing at all when it is fine. The worst finding
// comes first.
func (f File) Judge() []finding.Finding { return newJudge(f).findingsOf(finding.Warning) }

// JudgePart judges a file to which something else may add lines before the
// agent reads it, as user data does with what it copies from S3: what the file
// lacks is only an info.
func (f File) JudgePart() []finding.Finding { return newJudge(f).findingsOf(finding.Info) }

// Correction is a line whose right form is certain.
type Correction struct {
	// Line is 1-based; Text is what takes its place.
	Line int
	Text secret.Text
}

// Corrections gives the lines that can be corrected without a
// question, in the order of the file: one for a line, which cures its gravest
// finding. What remains shows when the corrected file is judged.
func (f File) Corrections() []Correction {
	j := newJudge(f)
	j.findingsOf(finding.Warning)
	slices.SortFunc(j.corrections, func(a, b Correction) int { return cmp.Compare(a.Line, b.Line) })
	return slices.CompactFunc(j.corrections, func(a, b Correction) bool { return a.Line == b.Line })
}

// newJudge prepares a judgement of a file.
func newJudge(f File) *judge {
	j := judge{file: f, kept: finding.NewBounded(maxFindings), text: f.content.Reveal(), moot: make([]bool, len(f.Assignments)), missed: map[string]bool{}, known: map[string]string{}, losses: map[string]loss{}}
	j.explained = make([]bool, strings.Count(j.text, "\n")+2)
	j.systemd, j.systemdError = readAsSystemd(j.text, func(name string) bool { return variableOf(name) != nil })
	j.hasNUL, j.isUTF8 = strings.IndexByte(j.text, 0) >= 0, utf8.ValidString(j.text)
	return &j
}

// findingsOf judges the file; absent is how grave it is that something is not
// set.
func (j *judge) findingsOf(absent finding.Severity) []finding.Finding {
	if !j.wholeFile() {
		j.everyLine()
		for _, index := range j.file.known {
			j.assignment(index)
		}
		j.together()
		j.auth()
		j.missing(absent)
		j.readersDisagree()
	}
	return j.kept.Report(codeTooMany)
}

// judge is one judgement under way.
type judge struct {
	file         File
	text         string
	hasNUL       bool
	isUTF8       bool
	systemd      map[string]string
	systemdError error
	kept         finding.Bounded
	corrections  []Correction
	// explained tells, by number, the lines about which something is said already.
	explained []bool
	// moot are the assignments, by index, whose value means nothing: it goes on
	// over several lines, or no program can start with it.
	moot []bool
	// missed are the settings that do not arrive, and of which a finding says so.
	missed map[string]bool
	// known keeps the nearest known name for each name that was searched for.
	known map[string]string
	// losses keeps what lost said of each setting.
	losses map[string]loss
	// unread is what systemdSettings says, nil before it was asked.
	unread *string
}

// full is enough for a finding of which only the severity is known so far. It
// spares a file of a mebibyte of faults the sentences that are not shown.
func (j *judge) full(line int, severity finding.Severity) bool {
	if !j.kept.Enough(severity) {
		return false
	}
	j.explained[line] = true
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
	if j.kept.Enough(p.severity) {
		return
	}
	fix := p.fix
	if p.value != "" {
		if v := byName[variable]; v != nil {
			fix = write(v, p.value, p.fix)
			if p.sure {
				j.correct(line, variable+"="+p.value)
			}
		}
	}
	j.kept.Add(finding.Finding{
		Code: p.code, Severity: p.severity, Message: p.message(), Fix: fix,
		Line: line, Column: column, Variable: variable,
	})
}

// correct records the right form of a line, which must be the only problem of
// that line that was corrected so far.
func (j *judge) correct(line int, text string) {
	j.corrections = append(j.corrections, Correction{Line: line, Text: secret.New(text)})
}

// graver is the graver of two severities.
func graver(a, b finding.Severity) finding.Severity {
	if b.Rank() < a.Rank() {
		return b
	}
	return a
}

// worst is the gravest severity among problems, "" where there are none.
func worst(problems []problem) finding.Severity {
	var severity finding.Severity
	for _, p := range problems {
		severity = graver(severity, p.severity)
	}
	return severity
}

// gravest is the first of the gravest problems.
func gravest(problems []problem) problem {
	severity := worst(problems)
	return problems[slices.IndexFunc(problems, func(p problem) bool { return p.severity == severity })]
}

// lost says what it means that a setting does not arrive, and how grave that is.
func (j *judge) lost(name string) (finding.Severity, string) {
	known, ok := j.losses[name]
	if !ok {
		known = j.withoutSetting(name)
		j.losses[name] = known
	}
	return known.severity, known.sentence
}

func (j *judge) withoutSetting(name string) loss {
	if other, ok := j.file.Lookup(name); ok {
		return loss{finding.Warning, fmt.Sprintf("The value of %s on line %d counts.", name, other.Line)}
	}
	j.missed[name] = true
	v := byName[name]
	missing := name + " is not set. "
	switch {
	case v.Without.sentence != "":
		return loss{v.Without.severity, missing + v.Without.sentence}
	case v.fallback() != "":
		return loss{finding.Warning, missing + v.who() + " uses the default, " + v.fallback() + "."}
	}
	return loss{finding.Warning, missing + v.who() + " runs without it."}
}

// is names the variable at the beginning of a sentence, with its value where
// that may be shown: a value in the wrong form may be a secret in the wrong
// place.
func (v *Variable) is(value string) string {
	if v.isSensitive() || !isHarmless(value) {
		return v.Name
	}
	return v.Name + " (" + quoted(value) + ")"
}

// reader names the reader in the middle of a sentence.
func (v *Variable) reader() string { return strings.Replace(v.who(), "The ", "the ", 1) }

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
	if strings.Contains(text, "://") || looksLikeCredential(text) || accessKey.MatchString(text) || hasSecretShape(text) || looksGenerated(text) {
		return false
	}
	// In a list or an object, the words say what the whole doesn't.
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune("[]{}\"', ", r) }) {
		if looksLikeCredential(word) || hasSecretShape(word) || secretshape.IsGenerated(word) {
			return false
		}
	}
	return true
}

// write is the fix that shows the line to write, where it may be shown.
func write(v *Variable, value, otherwise string) string {
	if v.isSensitive() || isForeign(v, value) || (!isPublic(value) && !isHarmless(value) && !isOwnExample(v, value)) {
		return otherwise
	}
	return "Write " + v.Name + "=" + value
}

// isOwnExample says that a corrected value is JSON of text to text or one of the
// variable's own words, which no sign of a credential can come from.
func isOwnExample(v *Variable, value string) bool {
	return v.Type == StringList && len(v.Values) > 0 && len(value) <= 200
}
