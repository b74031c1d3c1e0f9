package userdata

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// posixRegexp compiles a regular expression of sed, grep and bash, nil for one
// that isn't followed.
func posixRegexp(expression string, extended bool) *regexp.Regexp {
	if len(expression) > 1000 || strings.Contains(expression, placeholder) {
		return nil
	}
	var out strings.Builder
	for i := 0; i < len(expression); i++ {
		c := expression[i]
		switch {
		case c == '[':
			size := bracketLength(expression[i:])
			if size == 0 {
				return nil
			}
			out.WriteString(strings.ReplaceAll(expression[i:i+size], `\`, `\\`))
			i += size - 1
		case c == '\\' && i+1 < len(expression):
			i++
			escaped, ok := escapedRegexp(expression[i], extended)
			if !ok {
				return nil
			}
			out.WriteString(escaped)
		case !extended && strings.IndexByte("(){}|+?", c) >= 0:
			out.WriteString(`\` + string(c))
		case !extended && c == '*' && (i == 0 || i == 1 && expression[0] == '^'):
			out.WriteString(`\*`)
		default:
			out.WriteByte(c)
		}
	}
	compiled, err := regexp.Compile(out.String())
	if err != nil {
		return nil
	}
	compiled.Longest()
	return compiled
}

// escapedRegexp is what a backslash before a character means.
func escapedRegexp(c byte, extended bool) (string, bool) {
	switch {
	case c >= '1' && c <= '9':
		return "", false // a reference to a group
	case c == '<' || c == '>':
		return `\b`, true
	case strings.IndexByte("wWsSbBnt", c) >= 0:
		return `\` + string(c), true
	case !extended && strings.IndexByte("(){}|+?", c) >= 0:
		return string(c), true
	}
	return regexp.QuoteMeta(string(c)), true
}

// bracketLength is the length of the bracket expression at the beginning of s, 0
// for one without an end.
func bracketLength(s string) int {
	i := 1
	if strings.HasPrefix(s[i:], "^") {
		i++
	}
	if strings.HasPrefix(s[i:], "]") {
		i++
	}
	for i < len(s) {
		switch {
		case s[i] == ']':
			return i + 1
		case strings.HasPrefix(s[i:], "[:"):
			end := strings.Index(s[i:], ":]")
			if end < 0 {
				return 0
			}
			i += end + 2
		default:
			i++
		}
	}
	return 0
}

// sedCommand is one command of a sed script.
type sedCommand struct {
	// line is the number of the line that it is for, -1 for the last, 0 for all;
	// match is what a line must match.
	line    int
	match   *regexp.Regexp
	negated bool
	// verb is one of s, d, p, a, i and c.
	verb        byte
	expression  *regexp.Regexp
	replacement []replacementPart
	global      bool
	prints      bool
	text        Text
}

// replacementPart is a text, or a group of the match.
type replacementPart struct {
	text  Text
	group int // -1 for the text
}

// sedParser reads a script's commands.
type sedParser struct {
	script   Text
	raw      string
	offset   int
	extended bool
}

// parseSed gives the commands of a script, and false for one that isn't followed.
func parseSed(script Text, extended bool) ([]sedCommand, bool) {
	p := &sedParser{script: script, raw: script.String(), extended: extended}
	var commands []sedCommand
	for len(commands) < 100 {
		for p.offset < len(p.raw) && strings.IndexByte(" \t\n;", p.raw[p.offset]) >= 0 {
			p.offset++
		}
		if p.offset >= len(p.raw) {
			return commands, true
		}
		command, ok := p.command()
		if !ok {
			return nil, false
		}
		commands = append(commands, command)
	}
	return nil, false
}

func (p *sedParser) command() (sedCommand, bool) {
	var c sedCommand
	if !p.address(&c) || p.offset >= len(p.raw) {
		return c, false
	}
	if p.raw[p.offset] == '!' {
		c.negated = true
		p.offset++
	}
	if p.offset >= len(p.raw) {
		return c, false
	}
	c.verb = p.raw[p.offset]
	p.offset++
	switch c.verb {
	case 'd', 'p':
		return c, true
	case 'a', 'i', 'c':
		p.appendedText(&c)
		return c, true
	case 's':
		return c, p.substitution(&c)
	}
	return c, false
}

func (p *sedParser) address(c *sedCommand) bool {
	switch first := p.raw[p.offset]; {
	case first >= '0' && first <= '9':
		end := p.offset
		for end < len(p.raw) && p.raw[end] >= '0' && p.raw[end] <= '9' {
			end++
		}
		c.line, _ = strconv.Atoi(p.raw[p.offset:end])
		p.offset = end
	case first == '$':
		c.line = -1
		p.offset++
	case first == '/' || first == '\\' && p.offset+1 < len(p.raw):
		if first == '\\' {
			p.offset++
		}
		expression, ok := p.delimited(p.raw[p.offset])
		if !ok {
			return false
		}
		if c.match = posixRegexp(expression.String(), p.extended); c.match == nil {
			return false
		}
	}
	for p.offset < len(p.raw) && p.raw[p.offset] == ' ' {
		p.offset++
	}
	return p.offset < len(p.raw) && p.raw[p.offset] != ','
}

// delimited reads up to the next delimiter, from the one at the place, and ends
// behind it. A delimiter that is escaped is itself.
func (p *sedParser) delimited(delimiter byte) (Text, bool) {
	var out builder
	p.offset++
	kept := p.offset
	for ; p.offset < len(p.raw); p.offset++ {
		switch {
		case p.raw[p.offset] == '\\' && p.offset+1 < len(p.raw):
			if p.raw[p.offset+1] == delimiter {
				out.add(p.script.slice(kept, p.offset))
				kept = p.offset + 1
			}
			p.offset++
		case p.raw[p.offset] == delimiter:
			out.add(p.script.slice(kept, p.offset))
			p.offset++
			return out.text(), true
		}
	}
	return Text{}, false
}

func (p *sedParser) substitution(c *sedCommand) bool {
	if p.offset >= len(p.raw) {
		return false
	}
	delimiter := p.raw[p.offset]
	expression, ok := p.delimited(delimiter)
	if !ok {
		return false
	}
	p.offset--
	replacement, ok := p.delimited(delimiter)
	if !ok {
		return false
	}
	c.replacement = replacementParts(replacement)
	text := expression.String()
	for ; p.offset < len(p.raw) && strings.IndexByte("; \t\n", p.raw[p.offset]) < 0; p.offset++ {
		switch p.raw[p.offset] {
		case 'g':
			c.global = true
		case 'p':
			c.prints = true
		case 'i', 'I':
			text = "(?i)" + text
		default:
			return false
		}
	}
	c.expression = posixRegexp(strings.TrimPrefix(text, "(?i)"), p.extended)
	if c.expression != nil && strings.HasPrefix(text, "(?i)") {
		c.expression = regexp.MustCompile("(?i)" + c.expression.String())
	}
	return c.expression != nil
}

// appendedText reads what a, i and c put in: the rest of the line.
func (p *sedParser) appendedText(c *sedCommand) {
	rest := p.raw[p.offset:]
	end := strings.IndexByte(strings.TrimPrefix(rest, "\\\n"), '\n')
	size := len(rest)
	if end >= 0 {
		size = end + len(rest) - len(strings.TrimPrefix(rest, "\\\n"))
	}
	start := size - len(strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(rest[:size], " \t"), `\`), " \t\n"))
	c.text = unescaped(p.script.slice(p.offset+start, p.offset+size), unquoted).plus(madeText("\n", p.script.offset(p.offset)))
	p.offset += size
}

// replacementParts splits the right side of s at & and \1.
func replacementParts(t Text) []replacementPart {
	s := t.String()
	var parts []replacementPart
	kept := 0
	for i := 0; i < len(s); i++ {
		part, size := replacementPart{}, 0
		switch {
		case s[i] == '&':
			part, size = replacementPart{group: 0}, 1
		case s[i] == '\\' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			part, size = replacementPart{group: int(s[i+1] - '0')}, 2
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == 'n':
			part, size = replacementPart{text: madeText("\n", t.offset(i)), group: -1}, 2
		case s[i] == '\\' && i+1 < len(s):
			part, size = replacementPart{text: t.slice(i+1, i+2), group: -1}, 2
		default:
			continue
		}
		parts = append(parts, replacementPart{t.slice(kept, i), -1}, part)
		kept = i + size
		i += size - 1
	}
	return append(parts, replacementPart{t.slice(kept, len(s)), -1})
}

func (c sedCommand) applies(line Text, number, count int) bool {
	holds := true
	switch {
	case c.match != nil:
		holds = c.match.MatchString(line.String())
	case c.line == -1:
		holds = number == count
	case c.line > 0:
		holds = number == c.line
	}
	return holds != c.negated
}

func (c sedCommand) substituted(line Text) (Text, bool) {
	if !c.expression.MatchString(line.String()) {
		return line, false
	}
	return replaced(line, c.expression, c.global, func(match []int) Text {
		var out builder
		for _, part := range c.replacement {
			if part.group < 0 {
				out.add(part.text)
			} else if i := 2 * part.group; i+1 < len(match) && match[i] >= 0 {
				out.add(line.slice(match[i], match[i+1]))
			}
		}
		return out.text()
	}), true
}

// sedOutput is what a script makes of a text.
func sedOutput(commands []sedCommand, input Text, quiet bool) Text {
	lines := input.lines()
	var out builder
	for i, line := range lines {
		newline := line.slice(withoutNewline(line).length(), line.length())
		line = withoutNewline(line)
		deleted := false
		var after []Text
		for _, c := range commands {
			if deleted || !c.applies(line, i+1, len(lines)) {
				continue
			}
			switch c.verb {
			case 's':
				changed, matched := c.substituted(line)
				if line = changed; matched && c.prints {
					out.add(line.plus(newline))
				}
			case 'd':
				deleted = true
			case 'p':
				out.add(line.plus(newline))
			case 'i':
				out.add(c.text)
			case 'a':
				after = append(after, c.text)
			case 'c':
				out.add(c.text)
				deleted = true
			}
		}
		if !deleted && !quiet {
			out.add(line.plus(newline))
		}
		for _, text := range after {
			out.add(text)
		}
	}
	return out.text()
}

// runSed follows sed, in place and as a filter.
func runSed(sh *shell, c invocation) status {
	flags, operands := parsedSed(c.arguments[1:])
	var commands []sedCommand
	followed := true
	for _, script := range flags.scripts {
		more, ok := parseSed(script, flags.extended)
		commands, followed = append(commands, more...), followed && ok
	}
	return sh.applySed(c, commands, followed, flags, operands)
}

func (sh *shell) applySed(c invocation, commands []sedCommand, followed bool, flags sedFlags, files []Text) status {
	if flags.inPlace {
		for _, file := range files {
			if target := cleanPath(sh.directory, file); target != "" {
				sh.sedInPlace(target, commands, followed, flags, c)
			}
		}
		return likely
	}
	input, ok := sh.input(c, files)
	if !ok || !followed {
		sh.printUnknown(c)
		return likely
	}
	sh.print(c.io, sedOutput(commands, input, flags.quiet))
	return likely
}

func (sh *shell) sedInPlace(target string, commands []sedCommand, followed bool, flags sedFlags, c invocation) {
	content, known := sh.machine.files[target]
	switch {
	case !known && followed && !slices.ContainsFunc(commands, func(c sedCommand) bool { return c.verb != 'd' }):
		// What only deletes adds no setting to a file that the image may have.
	case !known || !followed || !sh.charge(content):
		sh.editedInPlace(target, c)
	default:
		sh.machine.files[target] = sh.machine.bounded(sedOutput(commands, content, flags.quiet))
	}
}

type sedFlags struct {
	inPlace, quiet, extended bool
	scripts                  []Text
}

func parsedSed(arguments []Text) (sedFlags, []Text) {
	var flags sedFlags
	var operands []Text
	for i := 0; i < len(arguments); i++ {
		word := arguments[i].String()
		switch {
		case (word == "-e" || word == "--expression") && i+1 < len(arguments):
			i++
			flags.scripts = append(flags.scripts, arguments[i])
		case strings.HasPrefix(word, "--expression="):
			flags.scripts = append(flags.scripts, arguments[i].slice(len("--expression="), len(word)))
		case strings.HasPrefix(word, "--"):
			flags.inPlace = flags.inPlace || strings.HasPrefix(word, "--in-place")
			flags.quiet = flags.quiet || word == "--quiet" || word == "--silent"
			flags.extended = flags.extended || word == "--regexp-extended"
		case strings.HasPrefix(word, "-") && len(word) > 1:
			letters, _, inPlace := strings.Cut(word[1:], "i")
			flags.inPlace = flags.inPlace || inPlace
			flags.quiet = flags.quiet || strings.Contains(letters, "n")
			flags.extended = flags.extended || strings.ContainsAny(letters, "Er")
			if strings.HasSuffix(word, "e") && i+1 < len(arguments) {
				i++
				flags.scripts = append(flags.scripts, arguments[i])
			}
		default:
			operands = append(operands, arguments[i])
		}
	}
	if len(flags.scripts) == 0 && len(operands) > 0 {
		flags.scripts, operands = operands[:1], operands[1:]
	}
	return flags, operands
}

// runPerl follows perl -pe and perl -pi -e with the substitutions that sed has.
func runPerl(sh *shell, c invocation) status {
	flags, operands := parsedSed(c.arguments[1:])
	isLoop := slices.ContainsFunc(c.words[1:], func(word string) bool {
		return strings.HasPrefix(word, "-") && strings.Contains(word, "p") && !strings.HasPrefix(word, "--")
	})
	if !isLoop || len(flags.scripts) != 1 {
		if sh.editsInPlace(c) {
			return runEditor(sh, c)
		}
		return sh.runOther(c)
	}
	commands, followed := parseSed(flags.scripts[0], true)
	followed = followed && !strings.Contains(flags.scripts[0].String(), "$") // Perl's variables
	flags.quiet = false
	return sh.applySed(c, commands, followed, flags, operands)
}
