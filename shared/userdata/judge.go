package userdata

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/variablename"
)

// maxRaw is the most user data that EC2 takes, in bytes before base64.
const maxRaw = 16384

// Judge says what is wrong with the configuration that results, with places in
// the source: nothing at all where it is fine. What isn't known is an info.
func (c Configuration) Judge() []finding.Finding {
	if c.Form == ConfigFile {
		return c.file.Judge()
	}
	findings := c.ownFindings()
	if c.IsECSSetup() {
		findings = append(findings, c.configFindings()...)
	}
	slices.SortStableFunc(findings, func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(a.Severity.Rank(), b.Severity.Rank()), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return findings
}

// ownFindings are about the user data rather than the agent's variables.
func (c Configuration) ownFindings() []finding.Finding {
	findings := c.secretFindings()
	for _, n := range c.notes {
		if f, told := c.noteFinding(n); told {
			findings = append(findings, f)
		}
	}
	if len(c.source) > maxRaw && c.isRaw && c.isWhole && !c.isTemplate && !isGzip(c.source) && c.Form != Archive {
		findings = append(findings, tooLarge.With())
	}
	if !c.IsECSSetup() {
		if len(findings) == 0 {
			findings = append(findings, withoutECS.With())
		}
		return findings
	}
	for _, origin := range c.Origins {
		if slices.ContainsFunc(findings, func(f finding.Finding) bool { return f.Code == codeEdited && f.Line == origin.Line }) {
			continue
		}
		f := partElsewhere.With(finding.Clause("expression", origin.From))
		if strings.Contains(origin.From, "://") {
			f = fetched.With(finding.Name("place", origin.From))
		}
		findings = append(findings, placed(f, origin.Line, 1))
	}
	if unknown := c.unknownSettings(); len(unknown) > 0 {
		findings = append(findings, unknownFinding(unknown))
	}
	return findings
}

func (c Configuration) secretFindings() []finding.Finding {
	var findings []finding.Finding
	for _, s := range c.Secrets() {
		f := placed(secretMessage(s.Variable), s.Line, s.Column)
		f.Variable = s.Variable
		findings = append(findings, f)
	}
	return findings
}

// placed gives a finding with its place in the source.
func placed(f finding.Finding, line, column int) finding.Finding {
	f.Line, f.Column = line, column
	return f
}

// noteFinding gives the finding of a note; told is false where it has no meaning
// for ECS, or something else says it.
func (c Configuration) noteFinding(n note) (f finding.Finding, told bool) {
	switch n.code {
	case codeSecret:
		return f, false
	case codeScope:
		if _, set := c.file.Lookup(n.detail); set || !c.IsECSSetup() {
			return f, false
		}
	case codeHeader, codeTwoHeaders, codeLeadingSpace:
		if !c.IsECSSetup() && (n.code != codeTwoHeaders || !strings.Contains(string(c.source), configPath)) {
			return f, false
		}
	}
	line, column := c.place(n.offset)
	return placed(c.noteMessage(n), line, column), true
}

// maxUnknown bounds the settings that one finding names.
const maxUnknown = 5

// unknownFinding names the settings that can't be known.
func unknownFinding(unknown []Setting) finding.Finding {
	first, others := unknown[0], unknown[1:]
	f := valueUnknown.With(variable(first.Variable), finding.Clause("expression", first.Unknown))
	for _, s := range others[:min(len(others), maxUnknown-1)] {
		f = f.Also(valueAlsoUnknown, variable(s.Variable), finding.Clause("expression", s.Unknown))
	}
	if more := len(unknown) - maxUnknown; more > 0 {
		f = f.Also(valuesAlsoUnknown, finding.Count("count", more, "other setting", "other settings"))
	}
	return placed(f, first.Line, first.Column)
}

func (c Configuration) hasNote(code string) bool {
	return slices.ContainsFunc(c.notes, func(n note) bool { return n.code == code })
}

func (c Configuration) unknownSettings() []Setting {
	var unknown []Setting
	for _, s := range c.Settings() {
		if s.Unknown != "" {
			unknown = append(unknown, s)
		}
	}
	return unknown
}

// variable fills the place of a variable's name, which is shown if it can be no
// secret.
func variable(name string) finding.Value {
	if variablename.IsPublic(name) {
		return finding.Name("name", name)
	}
	return finding.Words("name", "a variable")
}

func secretMessage(variable string) finding.Finding {
	switch variable {
	case "docker login":
		return loginWritten.With()
	case "ECS_ENGINE_AUTH_DATA":
		return registryPasswordWritten.With()
	}
	return secretWritten.With(finding.Name("name", variable))
}

func (c Configuration) noteMessage(n note) finding.Finding {
	switch {
	case n.code == codeOverwritten && n.detail != "":
		return partReplaced.With(finding.Words("list", n.detail))
	case n.code == codeOverwritten && slices.Contains(n.names, cluster):
		others := slices.DeleteFunc(slices.Clone(n.names), func(name string) bool { return name == cluster })
		return clusterOverwritten.With(lostSettings(append([]string{cluster}, others...)))
	case n.code == codeOverwritten:
		return overwritten.With(lostSettings(n.names))
	case n.code == codeEdited:
		return edited.With(finding.Clause("command", n.detail))
	case n.code == codeSetting:
		return settingUnknown.With(finding.Quote("setting", shownWord(n.detail)))
	case n.code == codeScope:
		return notMachine.With(variable(n.detail))
	case n.code == codeParameter:
		return parameterUnknown.With(finding.Argument("parameter", shownWord(n.detail)))
	case n.code == codeScript && c.isTemplate:
		return templateBroken.With()
	}
	return unvarying[n.code].With()
}

// cluster is the setting whose loss is an error.
const cluster = "ECS_CLUSTER"

// lostSettings fills the place of the settings that are no longer in the file.
func lostSettings(names []string) finding.Value {
	shown := make([]string, len(names))
	for i, name := range names {
		if shown[i] = name; !variablename.IsPublic(name) {
			shown[i] = "a variable"
		}
	}
	return finding.Names("names", shown)
}

// shownWord gives a word that an author wrote, if it can be no secret.
func shownWord(word string) string {
	if len(word) <= 40 && settingName.MatchString(word) {
		return word
	}
	return "…"
}

// settingName is a name as Bottlerocket's settings and PowerShell's parameters have.
var settingName = lazyregexp.New(`^-?[A-Za-z][A-Za-z0-9-]*$`)

// lacking are the codes of what a file lacks: where a part of it isn't known,
// that part may have it.
var lacking = []string{"cluster-not-set", "region-missing", "auth-type-missing", "auth-data-missing", "proxy-exceptions-missing"}

// linuxOnly are the codes of what only ecs-init, systemd and Docker on Linux
// make of a file; Windows and Bottlerocket hand each variable to the agent.
var linuxOnly = []string{"variable-windows-only", "readers-disagree", "line-refused-by-docker", "state-not-kept", "docker-host-ignored", "variable-internal", "setting-without-effect", "docker-log-option"}

// configFindings are what the agent's readers make of the resulting file.
func (c Configuration) configFindings() []finding.Finding {
	content := c.result
	starts := []int{0}
	for i := range len(content) {
		if content[i] == '\n' {
			starts = append(starts, i+1)
		}
	}
	unknown := map[string]bool{}
	for _, s := range c.unknownSettings() {
		unknown[s.Variable] = true
	}
	var findings []finding.Finding
	for _, f := range c.file.Judge() {
		if c.isElsewhere(f) || unknown[f.Variable] {
			continue
		}
		if f.Line > 0 && f.Line <= len(starts) {
			start, end := starts[f.Line-1], len(content)
			if f.Line < len(starts) {
				end = starts[f.Line]
			}
			if c.content.slice(start, end).unknown() != "" {
				continue
			}
			f.Line, f.Column = c.place(c.content.offset(min(start+max(f.Column-1, 0), end)))
		}
		if f.Line == 0 {
			f.Line, f.Column = c.Evidence[0].Line, 1
		}
		f = c.asWritten(f)
		if f.Code == "value-unexpanded" && c.isShell() && !c.isTemplate {
			f.Fix = "Let the shell fill it in: write the here-document's word without quotes (<<EOF), or double quotes instead of single ones."
		}
		if !slices.Contains(findings, f) {
			findings = append(findings, f)
		}
	}
	return findings
}

// isElsewhere says that a finding about ecs.config is none of this source, which
// isn't the whole file or isn't for Linux.
func (c Configuration) isElsewhere(f finding.Finding) bool {
	return f.Code == "final-newline-missing" ||
		slices.Contains(lacking, f.Code) && (len(c.Origins) > 0 || c.hasNote(codeTOML)) ||
		slices.Contains(linuxOnly, f.Code) && (c.Form == PowerShell || c.Form == Bottlerocket)
}

// isShell says that a shell writes the configuration.
func (c Configuration) isShell() bool {
	return c.Form == ShellScript || c.Form == CloudConfig || c.Form == Archive
}

// asWritten puts a finding about ecs.config into the words of the source.
func (c Configuration) asWritten(f finding.Finding) finding.Finding {
	if c.Form == Bottlerocket || c.Form == PowerShell {
		f.Message = strings.Replace(f.Message, "at start-up, and ecs-init restarts it endlessly.", "at start-up, each time it is started.", 1)
	}
	switch c.Form {
	case Bottlerocket:
		for setting, variable := range bottlerocketSettings {
			if variable == f.Variable {
				f.Fix = fmt.Sprintf("Correct settings.ecs.%s.", setting)
			}
		}
	case ShellScript, CloudConfig, Archive:
		if f.Severity != finding.Info && slices.ContainsFunc(c.unquoted, func(u unquotedWord) bool { return u.variable == f.Variable }) {
			severity := f.Severity
			name := f.Variable
			f = placed(quotesRemoved.With(variable(name)), f.Line, f.Column)
			f.Severity, f.Variable = severity, name
		}
	}
	return f
}

// Mask gives the source with every byte that may belong to a secret as '*', for
// those who show a line of it. Its length, its lines and its columns stay.
func (c Configuration) Mask() []byte {
	if c.Form == ConfigFile {
		return ecsconfig.Mask(c.source)
	}
	m := &mask{source: c.source, shown: []byte(string(c.source)), settled: make([]bool, len(c.source))}
	m.content(c.content)
	for _, span := range c.secretSpans {
		m.text(span)
	}
	for _, leaf := range c.leaves {
		for _, s := range secretPatterns {
			m.matches(leaf, s.pattern)
		}
	}
	m.rest()
	return m.shown
}

// mask is a source whose secrets are being blotted out.
type mask struct {
	source, shown []byte
	// settled are the bytes that are shown or blotted out for certain.
	settled []bool
}

func (m *mask) blot(offset, length int) {
	for i := max(offset, 0); i < min(offset+length, len(m.shown)); i++ {
		m.settled[i] = true
		if m.shown[i] != '\n' && m.shown[i] != ' ' && m.shown[i] != '\t' && m.shown[i] != '\r' {
			m.shown[i] = '*'
		}
	}
}

// content blots out what is a secret in the ecs.config that results.
func (m *mask) content(content Text) {
	text := content.String()
	hidden := ecsconfig.Mask([]byte(text))
	offset := 0
	for _, p := range content.pieces {
		made := false // the whole word that the piece was made of is blotted out
		for i := range len(p.s) {
			isHidden := hidden[offset+i] != text[offset+i]
			switch {
			case p.unknown != "":
			case p.exact && isHidden:
				m.blot(p.offset+i, 1)
			case p.exact && p.offset+i < len(m.settled):
				m.settled[p.offset+i] = true
			case isHidden && !made:
				m.blot(p.offset, wordLength(m.source, p.offset))
				made = true
			}
		}
		offset += len(p.s)
	}
}

// text blots out a text, or the words that it was made of.
func (m *mask) text(t Text) {
	for _, p := range t.pieces {
		length := len(p.s)
		if !p.exact {
			length = wordLength(m.source, p.offset)
		}
		m.blot(p.offset, length)
	}
}

// matches blots out the first group of each match.
func (m *mask) matches(leaf Text, pattern lazyregexp.Regexp) {
	for start, text := 0, leaf.String(); start < len(text); {
		match := pattern.FindStringSubmatchIndex(text[start:])
		if match == nil {
			return
		}
		m.text(leaf.slice(start+match[2], start+match[3]))
		start += max(match[1], 1)
	}
}

// wordLength is the length of the run without white space at an offset.
func wordLength(source []byte, offset int) int {
	n := 0
	for offset+n < len(source) && !strings.ContainsRune(" \t\r\n", rune(source[offset+n])) {
		n++
	}
	return n
}

// rest blots out, of what isn't part of ecs.config, every line from the first
// word on that may be a secret or announce one.
func (m *mask) rest() {
	for start := 0; start < len(m.shown); {
		end := start
		for end < len(m.shown) && m.shown[end] != '\n' {
			end++
		}
		blotting := false
		for i := start; i < end; i++ {
			if m.shown[i] == ' ' || m.shown[i] == '\t' || m.shown[i] == '\r' {
				continue
			}
			next, unsettled := m.word(i, end)
			if blotting = blotting || isSuspicious(unsettled); blotting {
				m.blotUnsettled(i, next)
			}
			i = next
		}
		start = end + 1
	}
}

// word gives where the word at a place ends, and what of it isn't settled.
func (m *mask) word(start, end int) (next int, unsettled string) {
	var rest strings.Builder
	for next = start; next < end && m.shown[next] != ' ' && m.shown[next] != '\t'; next++ {
		if !m.settled[next] {
			rest.WriteByte(m.shown[next])
		}
	}
	return next, rest.String()
}

func (m *mask) blotUnsettled(start, end int) {
	for i := start; i < end; i++ {
		if !m.settled[i] && m.shown[i] != '\r' {
			m.shown[i] = '*'
		}
	}
}

// isSuspicious says that a word may be a secret, or that one follows.
func isSuspicious(word string) bool {
	lower := strings.ToLower(word)
	for _, sign := range []string{"pass", "secret", "token", "credential", "apikey", "api_key", "api-key", "accesskey", "access_key", "private", "auth", "login", "bearer", "akia", "asia", "eyj", "user:"} {
		if strings.Contains(lower, sign) {
			return true
		}
	}
	if strings.Contains(word, "@") && strings.Contains(word, "://") {
		return true
	}
	if secretshape.Find(word) != "" || secretshape.IsGenerated(word) {
		return true
	}
	// Letters and digits that take turns, or many of them in one run, as in
	// keys and base64.
	turns, run := 0, 0
	for i := range len(word) {
		c := word[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9'
		if !letter && !digit && c != '+' && c != '=' {
			turns, run = 0, 0
			continue
		}
		run++
		if i > 0 && digit != (word[i-1] >= '0' && word[i-1] <= '9') {
			turns++
		}
		if run >= 32 || run >= 10 && turns >= 4 {
			return true
		}
	}
	return false
}
