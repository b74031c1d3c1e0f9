package userdata

import (
	"maps"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// token is one word of a PowerShell script.
type token struct {
	kind   tokenKind
	text   Text
	offset int // offset in the script
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
	// functions are those of the script, by name.
	functions map[string]*powerShellFunction
	// depth bounds blocks in blocks.
	depth int
}

// powerShellFunction is a function with the names of its parameters.
type powerShellFunction struct {
	parameters []string
	body       []token
	offset     int
	called     bool
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
func (m *machine) set(variable string, value Text, kind EvidenceKind, position int) {
	if strings.HasPrefix(variable, "ECS_") || kind != SetsEnvironment {
		m.evidenceFor(kind, position)
	}
	line := madeText(variable+"=", value.offset(0)).plus(value).plus(madeText("\n", value.offset(value.length())))
	m.files[configPath] = m.bounded(m.files[configPath].plus(line.under(m.condition)))
}

func (m *machine) runPowerShell(script Text) {
	p := &powerShell{machine: m, script: script, raw: script.String(), variables: map[string]Text{}, tables: map[string][]token{}, functions: map[string]*powerShellFunction{}}
	p.statements(p.tokens())
	for _, name := range slices.Sorted(maps.Keys(p.functions)) {
		if f := p.functions[name]; !f.called {
			// Something that isn't followed may call it.
			p.under(uncertain, f.offset, f.body)
		}
	}
}

// symbol is the text of a token that is a symbol, "" for any other.
func (t token) symbol() string {
	if t.kind == symbolToken {
		return t.text.String()
	}
	return ""
}

// statements evaluates what stands between the ends of lines, semicolons and
// braces. What stands in the braces of an if is under its condition.
func (p *powerShell) statements(tokens []token) {
	start, depth := 0, 0
	skipped := status(uncertain) // what is known of the ifs of this chain so far
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch s := t.symbol(); {
		case s == "(" || s == "@{" || s == "@(":
			depth++
		case s == ")" || s == "}" && depth > 0:
			depth = max(depth-1, 0)
		case depth > 0:
		case t.kind == endToken || s == ";" || s == "}":
			p.statement(tokens[start:i])
			start = i + 1
		case s == "{":
			end := closingToken(tokens, i)
			skipped = p.block(trimmedTokens(tokens[start:i]), tokens[i+1:end], skipped)
			i, start = end, end+1
		}
	}
	p.statement(tokens[min(start, len(tokens)):])
}

// closingToken is the place of the brace that closes the one at open.
func closingToken(tokens []token, open int) int {
	depth := 0
	for i := open; i < len(tokens); i++ {
		switch tokens[i].symbol() {
		case "{", "@{":
			depth++
		case "}":
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(tokens)
}

func trimmedTokens(tokens []token) []token {
	for len(tokens) > 0 && tokens[0].kind == endToken {
		tokens = tokens[1:]
	}
	for len(tokens) > 0 && tokens[len(tokens)-1].kind == endToken {
		tokens = tokens[:len(tokens)-1]
	}
	return tokens
}

// block evaluates what stands in braces after the tokens of a head. It gives
// what is known of the chain of if, elseif and else: succeeds once a condition
// held, fails while none did.
func (p *powerShell) block(head, body []token, chain status) status {
	if p.machine.steps--; p.machine.steps < 0 || p.depth > 20 {
		return uncertain
	}
	p.depth++
	defer func() { p.depth-- }()
	word := ""
	if len(head) > 0 && head[0].kind == bareToken {
		word = strings.ToLower(head[0].text.String())
	}
	holds := status(uncertain)
	switch word {
	case "foreach":
		if p.each(head[1:], body) {
			return uncertain
		}
	case "if":
		holds, chain = p.condition(head[1:]), fails
	case "elseif":
		holds = both(chain.negated(), p.condition(head[1:]), false)
	case "else":
		holds = chain.negated()
	case "switch", "while", "for", "do", "catch", "trap":
	case "function":
		p.define(head, body)
		return uncertain
	case "", "try", "finally", "param", "begin", "process", "end":
		holds = succeeds
	default:
		// The script block of a command, such as Invoke-Command or ForEach-Object.
		p.statement(head)
	}
	offset := p.script.offset(0)
	if len(head) > 0 {
		offset = p.script.offset(head[0].offset)
	}
	p.under(holds, offset, body)
	return both(chain, holds, true)
}

// define keeps a function: function Name($A, $B) {…}, or with param($A, $B) in it.
func (p *powerShell) define(head, body []token) {
	if len(head) < 2 {
		return
	}
	f := &powerShellFunction{body: body, offset: p.script.offset(head[0].offset)}
	list := head[2:]
	if trimmed := trimmedTokens(body); len(trimmed) > 0 && strings.EqualFold(trimmed[0].text.String(), "param") {
		list = trimmed[1:]
		if end := closingBracket(list); end > 0 {
			list, f.body = list[:end], list[end:]
		}
	}
	depth := 0
	for _, t := range list {
		switch s := t.symbol(); {
		case s == "(":
			depth++
		case s == ")":
			depth--
		case depth == 1 && t.kind == bareToken && strings.HasPrefix(t.text.String(), "$"):
			f.parameters = append(f.parameters, strings.ToLower(strings.Trim(t.text.String(), "${}")))
		}
	}
	p.functions[strings.ToLower(head[1].text.String())] = f
}

// closingBracket is the place after the bracket that closes the first one, 0 for
// none.
func closingBracket(tokens []token) int {
	depth := 0
	for i, t := range tokens {
		switch t.symbol() {
		case "(":
			depth++
		case ")":
			if depth--; depth <= 0 {
				return i + 1
			}
		}
	}
	return 0
}

// call evaluates a function of the script with its arguments.
func (p *powerShell) call(f *powerShellFunction, tokens []token) {
	f.called = true
	if p.depth > 20 {
		return
	}
	p.depth++
	defer func() { p.depth-- }()
	before := p.variables
	p.variables = maps.Clone(before)
	position := 0
	for i := 0; i < len(tokens); i++ {
		name, isNamed := strings.CutPrefix(strings.ToLower(tokens[i].text.String()), "-")
		if isNamed = isNamed && tokens[i].kind == bareToken; isNamed && i+1 < len(tokens) {
			i++
		} else if position < len(f.parameters) {
			name = f.parameters[position]
			position++
		}
		argument := p.argument(tokens[i:])
		p.variables[name] = p.value(argument)
		i += len(argument) - 1
	}
	p.statements(f.body)
	p.variables = before
}

// under evaluates statements that run if a condition at an offset holds.
func (p *powerShell) under(holds status, offset int, body []token) {
	switch holds {
	case fails:
	case uncertain:
		outer := p.machine.condition
		if outer == 0 {
			p.machine.condition = offset + 1
		}
		before := maps.Clone(p.variables)
		p.statements(body)
		for name, value := range p.variables {
			if was, set := before[name]; !set || was.String() != value.String() {
				p.variables[name] = unknownText("$"+name, offset)
			}
		}
		p.machine.condition = outer
	default:
		p.statements(body)
	}
}

// condition evaluates ($true), ($a) and comparisons of two values.
func (p *powerShell) condition(tokens []token) status {
	if len(tokens) < 3 || tokens[0].symbol() != "(" || tokens[len(tokens)-1].symbol() != ")" {
		return uncertain
	}
	tokens = tokens[1 : len(tokens)-1]
	for i, t := range tokens {
		operator := strings.ToLower(t.text.String())
		if t.kind != bareToken || operator != "-eq" && operator != "-ne" {
			continue
		}
		left, right := p.value(tokens[:i]), p.value(tokens[i+1:])
		if left.unknown() != "" || right.unknown() != "" {
			return uncertain
		}
		return outcome(strings.EqualFold(left.String(), right.String()) == (operator == "-eq"))
	}
	if len(tokens) == 1 {
		return isTrue(p.value(tokens), func(s string) bool { return s != "" && s != "False" && s != "0" })
	}
	return uncertain
}

// each evaluates foreach over the keys of a hashtable, or over words; it is false
// where these aren't known.
func (p *powerShell) each(head, body []token) bool {
	head = trimmedTokens(head)
	if len(head) < 5 || !strings.EqualFold(head[2].text.String(), "in") {
		return false
	}
	name := strings.ToLower(strings.Trim(head[1].text.String(), "${}"))
	list := head[3 : len(head)-1]
	if table, suffix, ok := strings.Cut(strings.ToLower(list[0].text.String()), "."); ok && len(list) <= 3 {
		entries, known := p.tables[strings.Trim(table, "${}")]
		if !known || suffix != "keys" && suffix != "getenumerator" {
			return false
		}
		p.eachEntry(entries, func(key string, value []token) {
			p.variables[name] = madeText(key, p.script.offset(value[0].offset))
			p.variables[name+".key"], p.variables[name+".name"], p.variables[name+".value"] = p.variables[name], p.variables[name], p.value(value)
			p.statements(body)
		})
		return true
	}
	for _, t := range list {
		switch t.kind {
		case symbolToken, endToken:
		default:
			p.variables[name] = p.value([]token{t})
			p.statements(body)
		}
	}
	return true
}

// tokens splits the script. It has no notion of a syntax error.
func (p *powerShell) tokens() []token {
	var tokens []token
	for i := 0; i < len(p.raw); {
		next, found := p.token(i)
		if found != nil {
			tokens = append(tokens, *found)
		}
		i = next
	}
	return tokens
}

// token gives the token at a place, nil for white space and comments, and where
// the next one begins.
func (p *powerShell) token(i int) (next int, found *token) {
	s := p.raw
	rest := s[i:]
	switch c := s[i]; {
	case c == '\n':
		return i + 1, &token{endToken, Text{}, i}
	case c == ' ' || c == '\t' || c == '\r':
		return i + 1, nil
	case c == '`': // a line that goes on
		if strings.HasPrefix(rest, "`\r") {
			return i + 3, nil
		}
		return i + 2, nil
	case strings.HasPrefix(rest, "<#"):
		return after(s, i, "#>"), nil
	case c == '#':
		return max(after(s, i, "\n")-1, i+1), nil
	case strings.HasPrefix(rest, "@'") || strings.HasPrefix(rest, `@"`):
		return p.hereString(i)
	case c == '\'':
		end, text := p.singleQuoted(i)
		return end, &token{stringToken, text, i}
	case c == '"':
		end := p.doubleQuotedEnd(i)
		return end + 1, &token{expandToken, p.script.slice(i+1, end), i}
	case strings.HasPrefix(rest, "@{") || strings.HasPrefix(rest, "@("):
		return i + 2, &token{symbolToken, p.script.slice(i, i+2), i}
	case strings.IndexByte("=(){}[],;|", c) >= 0:
		return i + 1, &token{symbolToken, p.script.slice(i, i+1), i}
	}
	end := i
	for end < len(s) && strings.IndexByte(" \t\r\n'\"(){}[],;|=`", s[end]) < 0 {
		if strings.HasPrefix(s[end:], "${") {
			if closing := strings.IndexByte(s[end:], '}'); closing > 0 {
				end += closing
			}
		}
		end++
	}
	end = max(end, i+1)
	return end, &token{bareToken, p.script.slice(i, end), i}
}

// after is the place after a mark, or the end.
func after(s string, from int, mark string) int {
	if i := strings.Index(s[from:], mark); i >= 0 {
		return from + i + len(mark)
	}
	return len(s)
}

// hereString reads @'…'@ and @"…"@.
func (p *powerShell) hereString(i int) (next int, found *token) {
	rest := p.raw[i:]
	end, begin := strings.Index(rest, "\n"+rest[1:2]+"@"), strings.IndexByte(rest, '\n')
	if end < 0 || begin < 0 || begin > end {
		return i + 2, nil
	}
	kind := stringToken
	if rest[1] == '"' {
		kind = expandToken
	}
	return i + end + 3, &token{kind, p.script.slice(i+begin+1, max(i+begin+1, i+end)), i}
}

// doubleQuotedEnd is where the quote at a place is closed.
func (p *powerShell) doubleQuotedEnd(i int) int {
	s := p.raw
	end := i + 1
	for end < len(s) {
		switch {
		case s[end] == '`' || strings.HasPrefix(s[end:], `""`):
			end++
		case s[end] == '"':
			return end
		}
		end++
	}
	return min(end, len(s))
}

func (p *powerShell) singleQuoted(offset int) (end int, text Text) {
	var out builder
	kept := offset + 1
	i := offset + 1
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

func (p *powerShell) variable(name, shown string, offset int) Text {
	switch strings.ToLower(name) {
	case "true":
		return madeText("True", offset)
	case "false":
		return madeText("False", offset)
	case "null":
		return Text{}
	}
	value, set := p.variables[strings.ToLower(name)]
	if !set || isWhollyUnknown(value) {
		if !showable.MatchString(strings.Trim(shown, "${}")) {
			shown = "$…"
		}
		return unknownText(shown, offset)
	}
	return value
}

// value is what an argument or the right side of an assignment gives: one word,
// words in quotes joined by +, or a call whose outcome isn't known.
func (p *powerShell) value(tokens []token) Text {
	if len(tokens) == 0 {
		return Text{}
	}
	if element, ok := p.element(tokens); ok {
		return element
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
			return unknownText("$(…)", p.script.offset(tokens[0].offset))
		}
	}
	return out.text()
}

// element is $table[key], and the parts of an entry, as in $entry.Value.
func (p *powerShell) element(tokens []token) (Text, bool) {
	name := strings.ToLower(strings.TrimLeft(tokens[0].text.String(), "$"))
	if len(tokens) == 1 && tokens[0].kind == bareToken && strings.Contains(name, ".") {
		value, ok := p.variables[name]
		return value, ok
	}
	if len(tokens) != 4 || tokens[1].symbol() != "[" {
		return Text{}, false
	}
	key := p.value(tokens[2:3]).String()
	var found []token
	p.eachEntry(p.tables[name], func(k string, value []token) {
		if strings.EqualFold(k, key) {
			found = value
		}
	})
	if found == nil {
		return Text{}, false
	}
	return p.value(found), true
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
			p.processOnly(environment, tokens[0].offset)
		}
		if symbol(2, "@{") {
			p.tables[name] = tokens[3:]
			return
		}
		p.variables[name] = p.value(tokens[2:])
	case p.functions[first] != nil:
		p.call(p.functions[first], tokens[1:])
	case first == "initialize-ecsagent":
		p.initialize(tokens)
	case first == "setx" || first == "setx.exe":
		if len(tokens) > 3 && strings.EqualFold(tokens[len(tokens)-1].text.String(), "/m") {
			p.machine.set(p.value(tokens[1:2]).String(), p.value(tokens[2:3]), SetsEnvironment, p.script.offset(tokens[0].offset))
		}
	case first == "set-itemproperty" || first == "new-itemproperty":
		p.registryValue(tokens)
	default:
		p.environment(tokens)
	}
}

// environment finds [Environment]::SetEnvironmentVariable(name, value, "Machine").
func (p *powerShell) environment(tokens []token) {
	i := slices.IndexFunc(tokens, func(t token) bool {
		return t.kind == bareToken && strings.EqualFold(strings.TrimPrefix(t.text.String(), "::"), "SetEnvironmentVariable")
	})
	if i < 0 {
		return
	}
	arguments := callArguments(tokens[i+1:])
	if len(arguments) < 2 {
		return
	}
	name := p.value(arguments[0])
	if name.unknown() != "" {
		return
	}
	scope := "process"
	if len(arguments) > 2 {
		scope = ""
		for _, t := range arguments[2] {
			scope += strings.ToLower(t.text.String())
		}
	}
	switch {
	case strings.Contains(scope, "machine"):
		p.machine.set(name.String(), p.value(arguments[1]), SetsEnvironment, p.script.offset(tokens[i].offset))
	case strings.Contains(scope, "process"), strings.Contains(scope, "user"):
		p.processOnly(name.String(), tokens[i].offset)
	}
}

// processOnly notes that a variable of the agent is set where its service, which
// gets the machine's environment, doesn't see it. What the script itself reads
// afterwards is its own business.
func (p *powerShell) processOnly(name string, offset int) {
	name = strings.ToUpper(name)
	if strings.HasPrefix(name, "ECS_") && strings.Count(strings.ToUpper(p.raw), "ENV:"+name) <= 1 {
		p.machine.note(codeScope, p.script.offset(offset), name)
	}
}

// callArguments splits (a, b, c) at its commas.
func callArguments(tokens []token) [][]token {
	var arguments [][]token
	var argument []token
	depth := 0
	for _, t := range tokens {
		switch s := t.symbol(); {
		case s == "(":
			if depth++; depth == 1 {
				continue
			}
		case s == ")":
			if depth--; depth <= 0 {
				return append(arguments, argument)
			}
		case s == "," && depth == 1:
			arguments, argument = append(arguments, argument), nil
			continue
		case t.kind == endToken:
			continue
		}
		argument = append(argument, t)
	}
	return append(arguments, argument)
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
		p.machine.set(name.String(), named["-value"], SetsEnvironment, p.script.offset(tokens[0].offset))
	}
}

// initialize reads the parameters of Initialize-ECSAgent.
func (p *powerShell) initialize(tokens []token) {
	offset := p.script.offset(tokens[0].offset)
	p.machine.evidenceFor(RunsInitialize, offset)
	for i := 1; i < len(tokens); i++ {
		t := tokens[i]
		text := t.text.String()
		if t.kind == bareToken && strings.HasPrefix(text, "@") {
			p.splat(p.tables[strings.ToLower(text[1:])], offset)
			continue
		}
		if t.kind != bareToken || !strings.HasPrefix(text, "-") || len(text) < 2 {
			continue
		}
		name, inline, hasInline := strings.Cut(text[1:], ":")
		var value []token
		if hasInline && inline != "" {
			value = []token{{bareToken, t.text.slice(len(text)-len(inline), len(text)), t.offset}}
		} else if i+1 < len(tokens) && !(tokens[i+1].kind == bareToken && strings.HasPrefix(tokens[i+1].text.String(), "-")) && !p.isSwitch(name) || hasInline && i+1 < len(tokens) {
			value = p.argument(tokens[i+1:])
			i += len(value)
		}
		p.parameter(name, value, p.script.offset(t.offset))
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
			for end < len(tokens) && tokens[end].kind != endToken && tokens[end].kind != symbolToken && tokens[end-1].kind == bareToken && tokens[end].offset == tokens[end-1].offset+tokens[end-1].text.length() {
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

func (p *powerShell) splat(tokens []token, offset int) {
	p.eachEntry(tokens, func(key string, value []token) { p.parameter(key, value, offset) })
}

// eachEntry gives the entries of a hashtable.
func (p *powerShell) eachEntry(tokens []token, each func(key string, value []token)) {
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		if t.kind == symbolToken || t.kind == endToken || i+1 >= len(tokens) || tokens[i+1].text.String() != "=" {
			continue
		}
		end := i + 2
		for end < len(tokens) && tokens[end].kind != endToken && tokens[end].text.String() != ";" && tokens[end].text.String() != "}" {
			end++
		}
		if i+2 < end {
			each(t.text.String(), tokens[i+2:end])
		}
		i = end
	}
}

func (p *powerShell) parameter(name string, value []token, offset int) {
	for _, parameter := range initializeParameters {
		if len(name) == 0 || len(name) > len(parameter.name) || !strings.EqualFold(parameter.name[:len(name)], name) {
			continue
		}
		if parameter.variable == "" {
			return
		}
		text := madeText("true", offset)
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
		p.machine.set(parameter.variable, text, RunsInitialize, offset)
		return
	}
	p.machine.note(codeParameter, offset, "-"+name)
}
