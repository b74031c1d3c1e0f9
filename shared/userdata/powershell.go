package userdata

import (
	"strings"

	"ecsguardrails/shared/lazyregexp"
)

// token is one word of a PowerShell script.
type token struct {
	kind tokenKind
	text Text
	at   int // offset in the script
}

type tokenKind int

const (
	bareToken   tokenKind = iota
	stringToken           // in single quotes
	expandToken           // in double quotes: variables are replaced when it is used
	symbolToken           // one of = ( ) { } [ ] , ; |
	endToken              // of a line
)

// powerShell reads scripts as far as their text alone says what they do.
type powerShell struct {
	machine   *machine
	script    Text
	raw       string
	variables map[string]Text
	// tables are the hashtables that are splatted, by name.
	tables map[string][]token
}

// initializeParameters are what Initialize-ECSAgent of the module ECSTools
// takes, with the variable that each sets. A switch is set to true.
var initializeParameters = []struct {
	name, variable string
	isSwitch       bool
}{
	{"Cluster", "ECS_CLUSTER", false},
	{"EnableTaskIAMRole", "ECS_ENABLE_TASK_IAM_ROLE", true},
	{"EnableTaskENI", "ECS_ENABLE_TASK_ENI", true},
	{"AwsvpcBlockIMDS", "ECS_AWSVPC_BLOCK_IMDS", true},
	{"AwsvpcAdditionalLocalRoutes", "ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES", false},
	{"LoggingDrivers", "ECS_AVAILABLE_LOGGING_DRIVERS", false},
	{"Version", "", false},
	{"RestartCount", "", false},
	{"BaselineTasks", "", true},
	{"NATPort", "", false},
}

var (
	powerShellTag = lazyregexp.New(`(?is)<powershell>(.*?)(?:</powershell>|$)`)
	batchTag      = lazyregexp.New(`(?is)<script>(.*?)(?:</script>|$)`)
	setx          = lazyregexp.New(`(?im)^[ \t]*setx(?:\.exe)?[ \t]+([A-Za-z_][A-Za-z0-9_]*)[ \t]+("(?:[^"\\\r\n]|\\.)*"|\S+)([^\r\n]*)`)
)

// readWindows reads the scripts between the tags of EC2Launch, or all of the
// text where there are none.
func (m *machine) readWindows(source Text) {
	source = withPlaceholders(source, m.template)
	s := source.String()
	found := false
	if match := batchTag.FindStringSubmatchIndex(s); match != nil {
		found = true
		m.readBatch(source.slice(match[2], match[3]))
	}
	if match := powerShellTag.FindStringSubmatchIndex(s); match != nil {
		found = true
		m.runPowerShell(source.slice(match[2], match[3]))
	}
	if !found {
		m.runPowerShell(source)
	}
}

func (m *machine) readBatch(script Text) {
	s := script.String()
	for start := 0; start < len(s); {
		match := setx.FindStringSubmatchIndex(s[start:])
		if match == nil {
			return
		}
		if strings.Contains(strings.ToLower(s[start+match[6]:start+match[7]]), "/m") {
			value := script.slice(start+match[4], start+match[5])
			if text := value.String(); strings.HasPrefix(text, `"`) {
				value = value.slice(1, len(text)-1)
			}
			m.set(s[start+match[2]:start+match[3]], value, SetsEnvironment, script.offset(start+match[2]))
		}
		start += match[1]
	}
}

// set adds a variable of the agent's environment.
func (m *machine) set(variable string, value Text, kind EvidenceKind, at int) {
	if strings.HasPrefix(variable, "ECS_") || kind != SetsEnvironment {
		m.evidenceFor(kind, at)
	}
	line := madeText(variable+"=", value.offset(0)).plus(value).plus(madeText("\n", value.offset(value.length())))
	m.files[configPath] = m.files[configPath].plus(line)
}

func (m *machine) runPowerShell(script Text) {
	p := &powerShell{machine: m, script: script, raw: script.String(), variables: map[string]Text{}, tables: map[string][]token{}}
	tokens := p.tokens()
	start := 0
	depth := 0
	for i, t := range tokens {
		s := ""
		if t.kind == symbolToken {
			s = t.text.String()
		}
		switch {
		case s == "(" || s == "@{" || s == "@(":
			depth++
		case s == ")" || s == "}" && depth > 0:
			depth = max(depth-1, 0)
		}
		if t.kind == endToken && depth == 0 || s == ";" && depth == 0 || s == "{" || s == "}" && depth == 0 {
			p.statement(tokens[start:i])
			start = i + 1
		}
	}
	p.statement(tokens[start:])
}

// tokens splits the script. It has no notion of a syntax error.
func (p *powerShell) tokens() []token {
	var tokens []token
	s := p.raw
	add := func(kind tokenKind, text Text, at int) { tokens = append(tokens, token{kind, text, at}) }
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '\n':
			add(endToken, Text{}, i)
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '`':
			i++
			if i < len(s) && s[i] == '\r' {
				i++
			}
			i++ // a line that goes on
		case strings.HasPrefix(s[i:], "<#"):
			end := strings.Index(s[i:], "#>")
			if end < 0 {
				return tokens
			}
			i += end + 2
		case c == '#':
			end := strings.IndexByte(s[i:], '\n')
			if end < 0 {
				return tokens
			}
			i += end
		case strings.HasPrefix(s[i:], "@'") || strings.HasPrefix(s[i:], `@"`):
			end := strings.Index(s[i:], "\n"+s[i+1:i+2]+"@")
			begin := strings.IndexByte(s[i:], '\n')
			if end < 0 || begin < 0 || begin > end {
				i += 2
				continue
			}
			kind := stringToken
			if s[i+1] == '"' {
				kind = expandToken
			}
			add(kind, p.script.slice(i+begin+1, max(i+begin+1, i+end)), i)
			i += end + 3
		case c == '\'':
			end, text := p.singleQuoted(i)
			add(stringToken, text, i)
			i = end
		case c == '"':
			end := i + 1
			for end < len(s) && s[end] != '"' || end+1 < len(s) && s[end] == '"' && s[end+1] == '"' {
				if end < len(s) && (s[end] == '`' || s[end] == '"') {
					end++
				}
				end++
			}
			end = min(end, len(s))
			add(expandToken, p.script.slice(i+1, end), i)
			i = end + 1
		case strings.HasPrefix(s[i:], "@{") || strings.HasPrefix(s[i:], "@("):
			add(symbolToken, p.script.slice(i, i+2), i)
			i += 2
		case strings.IndexByte("=(){}[],;|", c) >= 0:
			add(symbolToken, p.script.slice(i, i+1), i)
			i++
		default:
			end := i
			for end < len(s) && strings.IndexByte(" \t\r\n'\"(){}[],;|=`", s[end]) < 0 {
				if strings.HasPrefix(s[end:], "${") {
					if close := strings.IndexByte(s[end:], '}'); close > 0 {
						end += close
					}
				}
				end++
			}
			end = max(end, i+1)
			word := p.script.slice(i, end)
			add(bareToken, word, i)
			i = end
		}
	}
	return tokens
}

func (p *powerShell) singleQuoted(at int) (end int, text Text) {
	var out builder
	kept := at + 1
	i := at + 1
	for ; i < len(p.raw); i++ {
		if p.raw[i] != '\'' {
			continue
		}
		if i+1 < len(p.raw) && p.raw[i+1] == '\'' {
			out.add(p.script.slice(kept, i+1))
			i++
			kept = i + 1
			continue
		}
		break
	}
	out.add(p.script.slice(kept, i))
	return i + 1, out.text()
}

var powerShellVariable = lazyregexp.New(`^\$(?:\{([^}\r\n]+)\}|((?:[A-Za-z]+:)?[A-Za-z_][A-Za-z0-9_]*))`)

// expand replaces variables and escapes in text in double quotes, or outside quotes.
func (p *powerShell) expand(t Text) Text {
	s := t.String()
	if !strings.ContainsAny(s, "$`\"") {
		return t
	}
	var out builder
	kept := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '`' && i+1 < len(s):
			out.add(t.slice(kept, i))
			meaning := s[i+1 : i+2]
			switch meaning {
			case "n":
				meaning = "\n"
			case "t":
				meaning = "\t"
			case "r":
				meaning = "\r"
			}
			out.add(madeText(meaning, t.offset(i)))
			i++
			kept = i + 1
		case strings.HasPrefix(s[i:], `""`):
			out.add(t.slice(kept, i+1))
			i++
			kept = i + 1
		case strings.HasPrefix(s[i:], "$("):
			end := strings.IndexByte(s[i:], ')')
			if end < 0 {
				continue
			}
			out.add(t.slice(kept, i))
			out.add(unknownText("$(…)", t.offset(i)))
			i += end
			kept = i + 1
		case s[i] == '$':
			match := powerShellVariable.FindStringSubmatch(s[i:])
			if match == nil {
				continue
			}
			out.add(t.slice(kept, i))
			out.add(p.variable(match[1]+match[2], match[0], t.offset(i)))
			i += len(match[0]) - 1
			kept = i + 1
		}
	}
	out.add(t.slice(min(kept, len(s)), len(s)))
	return out.text()
}

func (p *powerShell) variable(name, shown string, at int) Text {
	switch strings.ToLower(name) {
	case "true":
		return madeText("True", at)
	case "false":
		return madeText("False", at)
	case "null":
		return Text{}
	}
	value, set := p.variables[strings.ToLower(name)]
	if !set || isWhollyUnknown(value) {
		if !showable.MatchString(strings.Trim(shown, "${}")) {
			shown = "$…"
		}
		return unknownText(shown, at)
	}
	return value
}

// value is what an argument or the right side of an assignment gives: one word,
// words in quotes joined by +, or a call whose outcome isn't known.
func (p *powerShell) value(tokens []token) Text {
	if len(tokens) == 0 {
		return Text{}
	}
	var out builder
	for _, t := range tokens {
		switch {
		case t.kind == symbolToken && (t.text.String() == "(" || t.text.String() == ")"):
			continue
		case t.kind == bareToken && t.text.String() == "+":
			continue
		case t.kind == expandToken, t.kind == bareToken && (strings.HasPrefix(t.text.String(), "$") || t.text.unknown() != ""):
			out.add(p.expand(t.text))
		case t.kind == stringToken:
			out.add(t.text)
		case len(tokens) == 1:
			out.add(p.expand(t.text))
		default:
			return unknownText("$(…)", p.script.offset(tokens[0].at))
		}
	}
	return out.text()
}

func (p *powerShell) statement(tokens []token) {
	for len(tokens) > 0 && tokens[0].kind == endToken {
		tokens = tokens[1:]
	}
	if p.machine.steps--; p.machine.steps < 0 || len(tokens) == 0 {
		return
	}
	word := func(i int) string {
		if i < len(tokens) && tokens[i].kind == bareToken {
			return tokens[i].text.String()
		}
		return ""
	}
	symbol := func(i int, s string) bool {
		return i < len(tokens) && tokens[i].kind == symbolToken && tokens[i].text.String() == s
	}
	first := strings.ToLower(word(0))
	switch {
	case strings.HasPrefix(first, "$") && symbol(1, "="):
		name := strings.Trim(first, "${}")
		if environment, ok := strings.CutPrefix(name, "env:"); ok {
			name = "env:" + environment
		}
		if symbol(2, "@{") {
			p.tables[name] = tokens[3:]
			return
		}
		p.variables[name] = p.value(tokens[2:])
	case first == "initialize-ecsagent":
		p.initialize(tokens)
	case first == "setx" || first == "setx.exe":
		if len(tokens) > 3 && strings.EqualFold(tokens[len(tokens)-1].text.String(), "/m") {
			p.machine.set(p.value(tokens[1:2]).String(), p.value(tokens[2:3]), SetsEnvironment, p.script.offset(tokens[0].at))
		}
	case first == "set-itemproperty" || first == "new-itemproperty":
		p.registryValue(tokens)
	default:
		p.environment(tokens)
	}
}

// environment finds [Environment]::SetEnvironmentVariable(name, value, "Machine").
func (p *powerShell) environment(tokens []token) {
	for i, t := range tokens {
		if t.kind != bareToken || !strings.EqualFold(strings.TrimPrefix(t.text.String(), "::"), "SetEnvironmentVariable") {
			continue
		}
		var arguments [][]token
		var argument []token
		depth := 0
	call:
		for _, t := range tokens[i+1:] {
			s := ""
			if t.kind == symbolToken {
				s = t.text.String()
			}
			switch {
			case s == "(":
				if depth++; depth == 1 {
					continue
				}
			case s == ")":
				if depth--; depth <= 0 {
					break call
				}
			case s == "," && depth == 1:
				arguments, argument = append(arguments, argument), nil
				continue
			case t.kind == endToken:
				continue
			}
			argument = append(argument, t)
		}
		arguments = append(arguments, argument)
		if len(arguments) < 3 {
			return // for this process alone
		}
		scope := ""
		for _, t := range arguments[2] {
			scope += t.text.String()
		}
		if !strings.Contains(strings.ToLower(scope), "machine") {
			return
		}
		name := p.value(arguments[0])
		if name.unknown() == "" {
			p.machine.set(name.String(), p.value(arguments[1]), SetsEnvironment, p.script.offset(t.at))
		}
		return
	}
}

// registryValue follows Set-ItemProperty on the machine's environment.
func (p *powerShell) registryValue(tokens []token) {
	named := map[string]Text{}
	isEnvironment := false
	for i := 1; i < len(tokens); i++ {
		text := tokens[i].text.String()
		isEnvironment = isEnvironment || strings.Contains(strings.ToLower(text), `session manager\environment`)
		if tokens[i].kind == bareToken && strings.HasPrefix(text, "-") && i+1 < len(tokens) {
			named[strings.ToLower(text)] = p.value(tokens[i+1 : i+2])
		}
	}
	if name, ok := named["-name"]; ok && isEnvironment && name.unknown() == "" {
		p.machine.set(name.String(), named["-value"], SetsEnvironment, p.script.offset(tokens[0].at))
	}
}

// initialize reads the parameters of Initialize-ECSAgent.
func (p *powerShell) initialize(tokens []token) {
	at := p.script.offset(tokens[0].at)
	p.machine.evidenceFor(RunsInitialize, at)
	for i := 1; i < len(tokens); i++ {
		t := tokens[i]
		text := t.text.String()
		if t.kind == bareToken && strings.HasPrefix(text, "@") {
			p.splat(p.tables[strings.ToLower(text[1:])], at)
			continue
		}
		if t.kind != bareToken || !strings.HasPrefix(text, "-") || len(text) < 2 {
			continue
		}
		name, inline, hasInline := strings.Cut(text[1:], ":")
		var value []token
		if hasInline && inline != "" {
			value = []token{{bareToken, t.text.slice(len(text)-len(inline), len(text)), t.at}}
		} else if i+1 < len(tokens) && !(tokens[i+1].kind == bareToken && strings.HasPrefix(tokens[i+1].text.String(), "-")) && !p.isSwitch(name) || hasInline && i+1 < len(tokens) {
			value = p.argument(tokens[i+1:])
			i += len(value)
		}
		p.parameter(name, value, p.script.offset(t.at))
	}
}

// argument is the first argument among tokens, which may be in brackets.
func (p *powerShell) argument(tokens []token) []token {
	depth := 0
	for i, t := range tokens {
		s := ""
		if t.kind == symbolToken {
			s = t.text.String()
		}
		switch s {
		case "(", "@(", "@{":
			depth++
		case ")", "}":
			depth--
		}
		if depth == 0 {
			// Words that touch each other are one argument.
			end := i + 1
			for end < len(tokens) && tokens[end].kind != endToken && tokens[end].kind != symbolToken && tokens[end-1].kind == bareToken && tokens[end].at == tokens[end-1].at+tokens[end-1].text.length() {
				end++
			}
			return tokens[:end]
		}
	}
	return tokens
}

func (p *powerShell) isSwitch(name string) bool {
	for _, parameter := range initializeParameters {
		if len(name) > 0 && len(name) <= len(parameter.name) && strings.EqualFold(parameter.name[:len(name)], name) {
			return parameter.isSwitch
		}
	}
	return false
}

func (p *powerShell) splat(tokens []token, at int) {
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		if t.kind == symbolToken || t.kind == endToken || i+1 >= len(tokens) || tokens[i+1].text.String() != "=" {
			continue
		}
		end := i + 2
		for end < len(tokens) && tokens[end].kind != endToken && tokens[end].text.String() != ";" && tokens[end].text.String() != "}" {
			end++
		}
		p.parameter(t.text.String(), tokens[i+2:end], at)
		i = end
	}
}

func (p *powerShell) parameter(name string, value []token, at int) {
	for _, parameter := range initializeParameters {
		if len(name) == 0 || len(name) > len(parameter.name) || !strings.EqualFold(parameter.name[:len(name)], name) {
			continue
		}
		if parameter.variable == "" {
			return
		}
		text := madeText("true", at)
		if len(value) > 0 {
			text = p.value(value)
		}
		if parameter.isSwitch {
			switch strings.ToLower(text.String()) {
			case "true":
				text = madeText("true", text.offset(0))
			case "false":
				return
			}
		}
		p.machine.set(parameter.variable, text, RunsInitialize, at)
		return
	}
	p.machine.note(codeParameter, at, "-"+name)
}
