package userdata

import (
	"bytes"
	"encoding/base64"
	"path"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"ecsguardrails/shared/lazyregexp"
)

// call evaluates a command with its arguments.
func (sh *shell) call(c *syntax.CallExpr, io streams) status {
	if len(c.Args) == 0 {
		for _, assignment := range c.Assigns {
			sh.assign(assignment)
		}
		return succeeds
	}
	var arguments []Text
	for _, word := range c.Args {
		arguments = append(arguments, sh.fields(word)...)
		sh.noteQuotes(word)
	}
	if len(c.Assigns) > 0 {
		// For this command alone.
		before := sh.variables
		sh.variables = sh.child().variables
		for _, assignment := range c.Assigns {
			sh.assign(assignment)
		}
		defer func() { sh.variables = before }()
	}
	return sh.execute(arguments, io, sh.offset(c.Pos()))
}

// noteQuotes remembers an assignment whose value is JSON and loses its quotes, as
// in echo ECS_RESERVED_PORTS=["a"].
func (sh *shell) noteQuotes(word *syntax.Word) {
	raw := sh.text(word)
	match := jsonAssignment.FindStringSubmatch(raw.String())
	if match == nil || len(sh.machine.unquoted) >= 100 {
		return
	}
	if slices.ContainsFunc(word.Parts, func(p syntax.WordPart) bool { _, quoted := p.(*syntax.DblQuoted); return quoted }) {
		sh.machine.unquoted = append(sh.machine.unquoted, unquotedWord{match[1], raw})
	}
}

var jsonAssignment = lazyregexp.New(`^([A-Za-z_][A-Za-z0-9_]*)=[{\[]`)

// execute evaluates one command. What it prints and isn't known is unknown text.
func (sh *shell) execute(arguments []Text, io streams, at int) status {
	if sh.machine.steps--; sh.machine.steps < 0 {
		return likely
	}
	arguments = unwrapped(arguments)
	if len(arguments) == 0 {
		return likely
	}
	words := make([]string, len(arguments))
	for i, argument := range arguments {
		words[i] = argument.String()
	}
	name := path.Base(words[0])
	if f, ok := sh.functions[words[0]]; ok {
		return sh.callFunction(f, arguments, io)
	}
	sh.machine.observe(name, words, arguments, at)
	switch name {
	case "echo":
		sh.print(io, echo(arguments, at))
		return succeeds
	case "printf":
		sh.print(io, printf(arguments, at))
		return succeeds
	case "cat":
		sh.cat(arguments, io, at)
	case "tee":
		sh.tee(arguments, io, at)
	case "true", ":":
		return succeeds
	case "false":
		return fails
	case "exit":
		sh.exited = true
	case "return":
		return likely
	case "cd", "pushd":
		if len(words) > 1 {
			sh.directory = cleanPath(sh.directory, arguments[1])
		}
	case "test", "[":
		return test(arguments)
	case "[[":
		return uncertain
	case "read", "mapfile", "readarray", "getopts":
		for _, word := range words[1:] {
			if plainName.MatchString(word) {
				sh.variables[word] = unknownText("${"+word+"}", at)
			}
		}
	case "unset":
		for _, word := range words[1:] {
			delete(sh.variables, word)
		}
	case "export", "declare", "local", "readonly", "typeset":
		for _, argument := range arguments[1:] {
			if variable, value, ok := strings.Cut(argument.String(), "="); ok && plainName.MatchString(variable) {
				sh.variables[variable] = argument.slice(argument.length()-len(value), argument.length())
			}
		}
	case "eval":
		return sh.run(joined(arguments[1:], " ", at), io)
	case "source", ".":
		if len(arguments) > 1 {
			if content := sh.read(arguments[1]); content != nil {
				return sh.nested(*content, io, true)
			}
		}
	case "bash", "sh", "dash", "zsh":
		return sh.shellCommand(arguments, io)
	case "su", "runuser":
		for i, word := range words[:len(words)-1] {
			if word == "-c" || word == "--command" {
				return sh.nested(arguments[i+1], io, false)
			}
		}
		if io.in != nil {
			return sh.nested(*io.in, io, false)
		}
	case "cp", "install", "mv":
		sh.copyFile(name, arguments, at)
	case "rm", "unlink", "truncate":
		for _, argument := range arguments[1:] {
			if target := cleanPath(sh.directory, argument); target != "" {
				if _, ok := sh.machine.files[target]; ok {
					sh.write(target, Text{}, false, at)
				}
			}
		}
	case "ln":
		if len(arguments) > 2 && isConfig(cleanPath(sh.directory, arguments[len(arguments)-1])) {
			sh.copyFile("cp", append(arguments[:1:1], arguments[len(arguments)-2:]...), at)
		}
	case "aws":
		sh.aws(arguments, words, io, at)
	case "curl", "wget":
		sh.download(arguments, words, io, at)
	case "sed", "perl", "awk", "gawk", "ex", "vi", "crudini", "augtool", "ansible", "puppet":
		if !sh.edit(name, arguments, words, at) {
			sh.filter(io, arguments, at)
		}
	case "base64":
		sh.base64(words, io, arguments, at)
	case "tr", "sort", "uniq", "head", "tail", "cut", "jq", "grep", "egrep", "envsubst", "xargs", "gunzip", "zcat", "rev", "column":
		sh.filter(io, arguments, at)
		if strings.HasSuffix(name, "grep") {
			return uncertain
		}
	default:
		if sh.machine.anywhere(words, arguments) {
			return likely
		}
		sh.program(name, arguments, io, at)
		sh.print(io, unknownText(outputOf(words), at).plus(madeText("\n", at)))
	}
	return likely
}

// otherWrites finds the file being written in a language that isn't followed.
var otherWrites = lazyregexp.New(`ecs\.config["'],[ \t]*(?:mode[ \t]*=[ \t]*)?["'][wa]|(?:write|Write|File\.open|fs\.)[^\n]*ecs\.config|>>?[ \t]*/etc/ecs/ecs\.config`)

// program notes a program in another language that writes the file.
func (sh *shell) program(name string, arguments []Text, io streams, at int) {
	switch strings.TrimRight(name, "0123456789.") {
	case "python", "ruby", "node", "perl", "php", "pwsh":
	default:
		return
	}
	texts := arguments[1:]
	if io.in != nil {
		texts = append(texts[:len(texts):len(texts)], *io.in)
	}
	for _, text := range texts {
		if otherWrites.MatchString(text.String()) {
			sh.machine.evidenceFor(WritesConfig, at)
			sh.machine.edited(configPath, "$("+name+" …)", at)
			return
		}
	}
}

func (sh *shell) print(io streams, text Text) {
	if io.out != nil {
		io.out.add(sh.machine.bounded(text))
	}
}

// filter prints what isn't known of its input.
func (sh *shell) filter(io streams, arguments []Text, at int) {
	words := make([]string, len(arguments))
	for i, argument := range arguments {
		words[i] = argument.String()
	}
	reason := outputOf(words)
	if io.in != nil && io.in.unknown() != "" {
		reason = io.in.pieces[0].unknown
		for _, p := range io.in.pieces {
			if p.unknown != "" {
				reason = p.unknown
				break
			}
		}
	}
	sh.print(io, unknownText(reason, at).plus(madeText("\n", at)))
}

var commandWord = lazyregexp.New(`^[a-z][a-z0-9-]{1,40}$`)

// outputOf names a command without the arguments that may hold a secret.
func outputOf(words []string) string {
	name := path.Base(words[0])
	if !commandWord.MatchString(name) {
		return "$(…)"
	}
	shown := []string{name}
	if name == "aws" {
		for _, word := range words[1:min(len(words), 3)] {
			if commandWord.MatchString(word) {
				shown = append(shown, word)
			}
		}
	}
	if len(words) > len(shown) {
		shown = append(shown, "…")
	}
	return "$(" + strings.Join(shown, " ") + ")"
}

// wrappers run the command that follows, after options of which some have a value.
var wrappers = map[string]string{
	"sudo": "ugpCRTrthD", "nohup": "", "time": "", "command": "", "builtin": "", "exec": "a", "env": "uC", "nice": "n", "ionice": "cn",
	"stdbuf": "", "setsid": "", "doas": "u", "cloud-init-per": "", "retry": "",
}

// unwrapped takes sudo, env, timeout and the like off a command.
func unwrapped(arguments []Text) []Text {
	for range 10 {
		if len(arguments) == 0 {
			return nil
		}
		name := path.Base(arguments[0].String())
		valued, ok := wrappers[name]
		if name == "timeout" && len(arguments) > 2 {
			arguments = arguments[1:]
			for len(arguments) > 1 && strings.HasPrefix(arguments[0].String(), "-") {
				arguments = arguments[1:]
			}
			arguments = arguments[1:]
			continue
		}
		if name == "cloud-init-per" && len(arguments) > 3 {
			arguments = arguments[3:] // cloud-init-per FREQUENCY NAME COMMAND…
			continue
		}
		if !ok {
			return arguments
		}
		i := 1
		for ; i < len(arguments); i++ {
			word := arguments[i].String()
			if word == "--" {
				i++
				break
			}
			if strings.HasPrefix(word, "-") && len(word) > 1 {
				if len(word) == 2 && strings.Contains(valued, word[1:]) {
					i++
				}
				continue
			}
			if assigned, _, isAssignment := strings.Cut(word, "="); isAssignment && plainName.MatchString(assigned) && (name == "env" || name == "sudo") {
				continue
			}
			break
		}
		if i > len(arguments) {
			return nil
		}
		arguments = arguments[i:]
	}
	return arguments
}

func (sh *shell) callFunction(f function, arguments []Text, io streams) status {
	if sh.depth > 8 {
		return likely
	}
	script, outer := sh.script, sh.arguments
	sh.script, sh.arguments = f.script, arguments[1:]
	sh.depth++
	result := sh.statement(f.body, io)
	sh.depth--
	sh.script, sh.arguments = script, outer
	return result
}

// nested evaluates a script in this shell or one below it.
func (sh *shell) nested(script Text, io streams, here bool) status {
	if here {
		sh.depth++
		defer func() { sh.depth-- }()
		return sh.run(script, io)
	}
	return sh.child().run(script, io)
}

func (sh *shell) shellCommand(arguments []Text, io streams) status {
	for i := 1; i < len(arguments); i++ {
		word := arguments[i].String()
		switch {
		case word == "-c" || strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.HasSuffix(word, "c"):
			if i+1 < len(arguments) {
				child := sh.child()
				child.arguments = arguments[min(i+3, len(arguments)):]
				return child.run(arguments[i+1], io)
			}
			return likely
		case word == "-o" || word == "-O":
			i++
		case strings.HasPrefix(word, "-"):
		default:
			words := make([]string, len(arguments)-i)
			for j := range words {
				words[j] = arguments[i+j].String()
			}
			if sh.machine.anywhere(words, arguments[i:]) {
				return likely
			}
			if content := sh.read(arguments[i]); content != nil && content.unknown() == "" {
				child := sh.child()
				child.arguments = arguments[i+1:]
				return child.run(*content, io)
			}
			return likely
		}
	}
	if io.in != nil {
		return sh.nested(*io.in, streams{out: io.out}, false)
	}
	return likely
}

// echo gives what bash's echo prints.
func echo(arguments []Text, at int) Text {
	newline, interpret := true, false
	arguments = arguments[1:]
options:
	for len(arguments) > 0 {
		word := arguments[0].String()
		if len(word) < 2 || word[0] != '-' || strings.Trim(word[1:], "neE") != "" {
			break options
		}
		for _, option := range word[1:] {
			switch option {
			case 'n':
				newline = false
			default:
				interpret = option == 'e'
			}
		}
		arguments = arguments[1:]
	}
	text := joined(arguments, " ", at)
	if interpret {
		text = escapes(text, false)
	}
	if newline {
		text = text.plus(madeText("\n", at))
	}
	return text
}

// printf gives what bash's printf prints, as far as its format is simple.
func printf(arguments []Text, at int) Text {
	arguments = arguments[1:]
	if len(arguments) > 0 && arguments[0].String() == "--" {
		arguments = arguments[1:]
	}
	if len(arguments) == 0 || arguments[0].String() == "-v" {
		return Text{}
	}
	format := escapes(arguments[0], true)
	arguments = arguments[1:]
	var out builder
	s := format.String()
	for round := 0; round < 100; round++ {
		used := 0
		next := func() Text {
			if used++; len(arguments) == 0 {
				return Text{}
			}
			argument := arguments[0]
			arguments = arguments[1:]
			return argument
		}
		kept := 0
		for i := 0; i < len(s)-1; i++ {
			if s[i] != '%' {
				continue
			}
			verb := i + 1
			for verb < len(s)-1 && strings.IndexByte("-+ #0123456789.", s[verb]) >= 0 {
				verb++
			}
			out.add(format.slice(kept, i))
			switch s[verb] {
			case '%':
				out.add(madeText("%", format.offset(i)))
			case 's', 'q', 'd', 'i', 'u', 'c':
				out.add(next())
			case 'b':
				out.add(escapes(next(), false))
			default:
				out.add(unknownText("$(printf …)", at))
				next()
			}
			kept, i = verb+1, verb
		}
		out.add(format.slice(min(kept, len(s)), len(s)))
		if len(arguments) == 0 || used == 0 {
			break
		}
	}
	return out.text()
}

func (sh *shell) cat(arguments []Text, io streams, at int) {
	files := 0
	for _, argument := range arguments[1:] {
		word := argument.String()
		if strings.HasPrefix(word, "-") && word != "-" {
			continue
		}
		files++
		switch content := sh.read(argument); {
		case word == "-":
			if io.in != nil {
				sh.print(io, *io.in)
			}
		case content != nil:
			sh.print(io, *content)
		default:
			sh.print(io, unknownText("$(cat …)", at).plus(madeText("\n", at)))
		}
	}
	if files == 0 && io.in != nil {
		sh.print(io, *io.in)
	}
}

func (sh *shell) tee(arguments []Text, io streams, at int) {
	content := unknownText("$(tee …)", at).plus(madeText("\n", at))
	if io.in != nil {
		content = *io.in
	}
	appends := false
	for _, argument := range arguments[1:] {
		word := argument.String()
		if strings.HasPrefix(word, "-") {
			appends = appends || word == "--append" || !strings.HasPrefix(word, "--") && strings.Contains(word, "a")
			continue
		}
		if name := cleanPath(sh.directory, argument); name != "" {
			sh.write(name, content, appends, at)
		}
	}
	sh.print(io, content)
}

// copyFile follows cp, mv and install.
func (sh *shell) copyFile(command string, arguments []Text, at int) {
	var operands []Text
	for i := 1; i < len(arguments); i++ {
		word := arguments[i].String()
		if strings.HasPrefix(word, "-") && len(word) > 1 {
			if command == "install" && slices.Contains([]string{"-m", "-o", "-g"}, word) {
				i++
			}
			continue
		}
		operands = append(operands, arguments[i])
	}
	if len(operands) < 2 {
		return
	}
	from, to := operands[0], cleanPath(sh.directory, operands[len(operands)-1])
	source := cleanPath(sh.directory, from)
	if to == "" {
		return
	}
	target := to
	if strings.HasSuffix(operands[len(operands)-1].String(), "/") || to == "/etc/ecs" {
		target = path.Join(to, path.Base(from.String()))
	}
	content, known := sh.machine.files[source]
	if !known {
		if !isConfig(target) {
			return
		}
		content = unknownText("a file on the instance", at).plus(madeText("\n", at))
	}
	if source != "/dev/null" {
		sh.write(target, content, false, at)
	}
	if command == "mv" && known {
		delete(sh.machine.files, source)
	}
}

// location is a place in S3 or on the web without a query, which may be signed,
// and without a password.
var location = lazyregexp.New(`^((?:s3|https?)://[A-Za-z0-9._${}/-]+)`)

func locationOf(argument Text) string {
	s := strings.ReplaceAll(argument.String(), placeholder, "${…}")
	for _, p := range argument.pieces {
		if p.unknown != "" {
			s = strings.Replace(s, "${…}", p.unknown, 1)
		}
	}
	if match := location.FindStringSubmatch(s); match != nil && !strings.Contains(s, "@") {
		return match[1]
	}
	scheme, _, _ := strings.Cut(s, "://")
	return scheme + "://…"
}

// aws follows aws s3 cp into a file.
func (sh *shell) aws(arguments []Text, words []string, io streams, at int) {
	i := slices.IndexFunc(words, func(word string) bool { return word == "s3" || word == "s3api" })
	if i < 0 || i+1 >= len(words) || !slices.Contains([]string{"cp", "sync", "mv", "get-object"}, words[i+1]) {
		sh.print(io, unknownText(outputOf(words), at).plus(madeText("\n", at)))
		return
	}
	var operands []Text
	bucket, key := "", ""
	for j := i + 2; j < len(words); j++ {
		word := words[j]
		if !strings.HasPrefix(word, "--") {
			operands = append(operands, arguments[j])
			continue
		}
		name, value, joined := strings.Cut(word, "=")
		if !joined && j+1 < len(words) && !slices.Contains([]string{"--quiet", "--recursive", "--only-show-errors", "--no-progress", "--dryrun", "--delete", "--exact-timestamps", "--no-sign-request", "--debug", "--no-verify-ssl"}, name) {
			j++
			value = words[j]
		}
		switch name {
		case "--bucket":
			bucket = value
		case "--key":
			key = value
		}
	}
	if words[i+1] == "get-object" {
		if len(operands) == 1 {
			sh.fetched(madeText("s3://"+bucket+"/"+key, at), operands[0], io, at)
		}
		return
	}
	if len(operands) == 2 && strings.HasPrefix(operands[0].String(), "s3://") {
		sh.fetched(operands[0], operands[1], io, at)
	}
}

// fetched puts what comes from elsewhere into a file, or prints it.
func (sh *shell) fetched(from, to Text, io streams, at int) {
	content := unknownText(locationOf(from), at).plus(madeText("\n", at))
	if to.String() == "-" {
		sh.print(io, content)
		return
	}
	name := cleanPath(sh.directory, to)
	if strings.HasSuffix(to.String(), "/") || name == "/etc/ecs" || name == sh.directory && name != "" {
		base := path.Base(from.String())
		if strings.HasSuffix(from.String(), "/") || !strings.Contains(base, ".") {
			base = "ecs.config" // a folder that is copied as a whole
		}
		name = path.Join(name, base)
	}
	if name != "" {
		sh.write(name, content, false, at)
	}
}

// download follows curl and wget.
func (sh *shell) download(arguments []Text, words []string, io streams, at int) {
	var from, to Text
	for i := 1; i < len(words); i++ {
		switch word := words[i]; {
		case (word == "-o" || word == "--output" || word == "-O" && path.Base(words[0]) == "wget" || word == "--output-document") && i+1 < len(words):
			i++
			to = arguments[i]
		case strings.HasPrefix(word, "--output="):
			to = arguments[i].slice(len("--output="), len(word))
		case strings.Contains(word, "://"):
			from = arguments[i]
		}
	}
	switch {
	case to.length() > 0 && to.String() != "-":
		if from.length() == 0 {
			from = madeText("https://…", at)
		}
		sh.fetched(from, to, io, at)
	case isConfig(cleanPath(sh.directory, Text{})):
	default:
		sh.print(io, unknownText(outputOf(words), at).plus(madeText("\n", at)))
	}
}

// edit follows commands that change a file in place.
func (sh *shell) edit(name string, arguments []Text, words []string, at int) bool {
	inPlace := name != "sed" && name != "perl" && name != "awk" && name != "gawk"
	for _, word := range words[1:] {
		if strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.Contains(word, "i") || strings.HasPrefix(word, "--in-place") || word == "inplace" {
			inPlace = true
		}
	}
	if !inPlace {
		return false
	}
	for _, argument := range arguments[1:] {
		if target := cleanPath(sh.directory, argument); target != "" {
			if _, known := sh.machine.files[target]; known || isConfig(target) {
				sh.machine.edited(target, "$("+name+" …)", at)
			}
		}
	}
	return true
}

func (sh *shell) base64(words []string, io streams, arguments []Text, at int) {
	decodes := slices.ContainsFunc(words[1:], func(word string) bool {
		return word == "-d" || word == "-D" || word == "--decode" || word == "-di"
	})
	input := io.in
	for i, word := range words[1:] {
		if !strings.HasPrefix(word, "-") && word != "0" {
			input = sh.read(arguments[i+1])
		}
	}
	if input == nil || input.unknown() != "" {
		sh.filter(io, arguments, at)
		return
	}
	if !decodes {
		sh.print(io, input.unpacked([]byte(base64.StdEncoding.EncodeToString([]byte(input.String()))+"\n")))
		return
	}
	if decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(input.String()), "")); err == nil {
		if isGzip(decoded) {
			decoded = gunzip(decoded, maxSize)
		}
		if !bytes.ContainsRune(decoded, 0) {
			sh.print(io, input.unpacked(decoded))
			return
		}
	}
	sh.filter(io, arguments, at)
}

// test evaluates [ … ] for texts that are known.
func test(arguments []Text) status {
	operands := arguments[1:]
	if arguments[0].String() == "[" && len(operands) > 0 && operands[len(operands)-1].String() == "]" {
		operands = operands[:len(operands)-1]
	}
	negated := len(operands) > 0 && operands[0].String() == "!"
	if negated {
		operands = operands[1:]
	}
	result := uncertain
	switch {
	case len(operands) == 1:
		result = isTrue(operands[0], func(s string) bool { return s != "" })
	case len(operands) == 2 && operands[0].String() == "-z":
		result = isTrue(operands[1], func(s string) bool { return s == "" })
	case len(operands) == 2 && operands[0].String() == "-n":
		result = isTrue(operands[1], func(s string) bool { return s != "" })
	case len(operands) == 3 && (operands[1].String() == "=" || operands[1].String() == "=="):
		result = isEqual(operands[0], operands[2], true)
	case len(operands) == 3 && operands[1].String() == "!=":
		result = isEqual(operands[0], operands[2], false)
	case len(operands) == 3 && strings.HasPrefix(operands[1].String(), "-"):
		left, err := strconv.Atoi(operands[0].String())
		right, err2 := strconv.Atoi(operands[2].String())
		if err == nil && err2 == nil {
			holds := map[string]bool{"-eq": left == right, "-ne": left != right, "-lt": left < right, "-le": left <= right, "-gt": left > right, "-ge": left >= right}
			if outcome, ok := holds[operands[1].String()]; ok {
				result = fails
				if outcome {
					result = succeeds
				}
			}
		}
	}
	if negated {
		switch result {
		case succeeds:
			return fails
		case fails:
			return succeeds
		}
	}
	return result
}

// observe recognizes the commands that install or start the agent.
func (m *machine) observe(name string, words []string, arguments []Text, at int) {
	rest := words[1:]
	has := func(names ...string) bool {
		return slices.ContainsFunc(rest, func(word string) bool { return slices.Contains(names, word) })
	}
	switch name {
	case "start", "restart":
		if len(rest) == 1 && rest[0] == "ecs" {
			m.evidenceFor(StartsAgent, at)
		}
	case "systemctl", "service", "initctl":
		if has("start", "restart", "enable", "reenable", "try-restart") && has("ecs", "ecs.service") {
			m.evidenceFor(StartsAgent, at)
		}
	case "docker", "podman":
		if !has("login") {
			return
		}
		for i, word := range words {
			_, password, inline := strings.Cut(word, "=")
			switch {
			case (word == "-p" || word == "--password") && i+1 < len(words):
				password = words[i+1]
			case strings.HasPrefix(word, "--password=") && inline:
			default:
				continue
			}
			if password != "" && !strings.Contains(password, placeholder) && !filledIn.MatchString(password) {
				m.note(codeSecret, arguments[min(i+1, len(words)-1)].offset(0), "docker login")
			}
		}
	case "yum", "dnf", "apt", "apt-get", "rpm", "dpkg", "amazon-linux-extras", "zypper":
		if slices.ContainsFunc(rest, func(word string) bool {
			base := path.Base(word)
			return base == "ecs-init" || strings.HasPrefix(base, "amazon-ecs-init") || strings.HasPrefix(base, "ecs-init-") || name == "amazon-linux-extras" && base == "ecs"
		}) && !has("remove", "erase", "purge", "disable") {
			m.evidenceFor(InstallsAgent, at)
		}
	}
}

// anywhere follows the commands that run their own agent with settings:
// the script of ECS Anywhere, and docker run.
func (m *machine) anywhere(words []string, arguments []Text) bool {
	at := arguments[0].offset(0)
	set := func(variable string, value Text) {
		m.files[configPath] = m.files[configPath].plus(madeText(variable+"=", value.offset(0))).plus(value).plus(madeText("\n", value.offset(value.length())))
	}
	switch name := path.Base(words[0]); {
	case strings.HasSuffix(name, "ecs-anywhere-install.sh"):
		m.evidenceFor(InstallsAgent, at)
		for i := 1; i+1 < len(words); i++ {
			switch words[i] {
			case "--cluster":
				set("ECS_CLUSTER", arguments[i+1])
			case "--region":
				set("AWS_DEFAULT_REGION", arguments[i+1])
				set("ECS_EXTERNAL", madeText("true", at))
			}
		}
		return true
	case (name == "docker" || name == "podman" || name == "nerdctl") && len(words) > 1 && (words[1] == "run" || words[1] == "create") &&
		slices.ContainsFunc(words, func(word string) bool { return strings.Contains(word, "amazon-ecs-agent") }):
		m.evidenceFor(StartsAgent, at)
		for i := 2; i < len(words); i++ {
			flag, value := words[i], Text{}
			if joinedFlag, joinedValue, ok := strings.Cut(flag, "="); ok && (joinedFlag == "--env" || joinedFlag == "-e") {
				value = arguments[i].slice(len(flag)-len(joinedValue), len(flag))
			} else if (flag == "-e" || flag == "--env") && i+1 < len(words) {
				i++
				value = arguments[i]
			} else {
				continue
			}
			if variable, text, ok := strings.Cut(value.String(), "="); ok {
				set(variable, value.slice(value.length()-len(text), value.length()))
			}
		}
		return true
	}
	return false
}
