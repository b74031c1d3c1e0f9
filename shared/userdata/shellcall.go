package userdata

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
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
	for _, assignment := range c.Assigns {
		// For this command alone.
		name := assignment.Name.Value
		before, set := sh.variables[name]
		wasExported := sh.exported[name]
		defer func() {
			if delete(sh.variables, name); set {
				sh.variables[name] = before
			}
			sh.exported[name] = wasExported
		}()
		sh.assign(assignment)
		sh.exported[name] = true
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

// invocation is one command with its arguments and streams.
type invocation struct {
	// name is the program's, without its directory.
	name      string
	words     []string
	arguments []Text
	io        streams
	offset    int
}

// commands are the builtins and programs that are followed.
var commands map[string]func(*shell, invocation) status

func init() {
	commands = map[string]func(*shell, invocation) status{
		"echo": runEcho, "printf": runPrintf, "cat": runCat, "tee": runTee, "dd": runDD,
		"cd": runCD, "pushd": runCD, "popd": runPopd, "test": runTest, "[": runTest,
		"read": runRead, "mapfile": runMapfile, "readarray": runMapfile, "getopts": runGetopts,
		"unset": runUnset, "export": runExport, "declare": runExport, "local": runExport, "readonly": runExport, "typeset": runExport,
		"trap": runTrap, "set": runSet, "shift": runShift, "break": runBreak, "continue": runBreak, "return": runReturn, "exit": runReturn,
		"eval": runEval, "source": runSource, ".": runSource, "su": runSu, "runuser": runSu,
		"cp": runCopy, "install": runCopy, "mv": runCopy, "rm": runRemove, "unlink": runRemove, "truncate": runRemove, "ln": runLink, "touch": runTouch,
		"aws": runAWS, "curl": runDownload, "wget": runDownload, "sed": runSed, "perl": runPerl,
	}
	for _, name := range []string{"bash", "sh", "dash", "zsh"} {
		commands[name] = runShell
	}
	for _, name := range []string{"awk", "gawk", "ex", "vi", "crudini", "augtool", "ansible", "puppet"} {
		commands[name] = runEditor
	}
	for _, name := range []string{"gunzip", "gzip"} {
		commands[name] = runGunzip
	}
	for name := range filters {
		if commands[name] == nil {
			commands[name] = runFilter
		}
	}
	for name, result := range map[string]status{
		"true": succeeds, ":": succeeds, "false": fails, "[[": uncertain,
		// They print nothing.
		"mkdir": likely, "chmod": likely, "chown": likely, "chgrp": likely, "sleep": likely, "wait": likely, "kill": likely,
		"shopt": likely, "umask": likely, "ulimit": likely, "alias": likely, "mount": likely, "umount": likely, "usermod": likely, "useradd": likely, "sync": likely,
		"systemctl": likely, "setenforce": likely, "modprobe": likely, "swapon": likely, "hostnamectl": likely, "logger": likely,
	} {
		commands[name] = func(*shell, invocation) status { return result }
	}
}

// execute evaluates one command. What it prints and isn't known is unknown text.
func (sh *shell) execute(arguments []Text, io streams, offset int) status {
	if sh.machine.steps--; sh.machine.steps < 0 {
		return likely
	}
	if dropsEnvironment(arguments) && !sh.bare {
		sh.bare = true
		defer func() { sh.bare = false }()
	}
	arguments = unwrapped(arguments)
	if len(arguments) == 0 {
		return likely
	}
	words := make([]string, len(arguments))
	for i, argument := range arguments {
		words[i] = argument.String()
	}
	c := invocation{path.Base(words[0]), words, arguments, io, offset}
	if f, ok := sh.functions[words[0]]; ok {
		return sh.callFunction(f, arguments, io)
	}
	sh.machine.observe(c)
	if run, ok := commands[c.name]; ok {
		return run(sh, c)
	}
	return sh.runOther(c)
}

// runOther evaluates a program that isn't known: a script that was written
// before, ECS Anywhere's, or one whose output can't be known.
func (sh *shell) runOther(c invocation) status {
	if sh.machine.anywhere(c.words, c.arguments) {
		return likely
	}
	if strings.Contains(c.words[0], "/") {
		if content := sh.read(c.arguments[0]); content != nil && content.unknown() == "" && isShellScript(content.String()) {
			return sh.runFile(*content, c.arguments[1:], c.io)
		}
	}
	sh.program(c)
	sh.print(c.io, unknownText(outputOf(c.words), c.offset).plus(madeText("\n", c.offset)))
	return likely
}

// isShellScript says that the kernel hands a script to a shell.
func isShellScript(script string) bool {
	first, _, _ := strings.Cut(script, "\n")
	match := interpreter.FindStringSubmatch(first)
	return match == nil || strings.HasSuffix(match[1], "sh") || path.Base(match[1]) == "env" && strings.HasSuffix(match[2], "sh")
}

// runFile evaluates a script in a shell of its own.
func (sh *shell) runFile(script Text, arguments []Text, io streams) status {
	child := sh.process()
	child.arguments, child.hasArguments = arguments, true
	result := child.run(script, io)
	child.end(io)
	return result
}

// otherWrites finds the file being written in a language that isn't followed.
var otherWrites = lazyregexp.New(`ecs\.config["'],[ \t]*(?:mode[ \t]*=[ \t]*)?["'][wa]|(?:write|Write|File\.open|fs\.)[^\n]*ecs\.config|>>?[ \t]*/etc/ecs/ecs\.config`)

// program notes a program in another language that writes the file.
func (sh *shell) program(c invocation) {
	switch strings.TrimRight(c.name, "0123456789.") {
	case "python", "ruby", "node", "perl", "php", "pwsh":
	default:
		return
	}
	texts := c.arguments[1:]
	if c.io.in != nil {
		texts = append(texts[:len(texts):len(texts)], *c.io.in)
	}
	for _, text := range texts {
		if otherWrites.MatchString(text.String()) {
			sh.machine.evidenceFor(WritesConfig, c.offset)
			sh.machine.edited(configPath, "$("+c.name+" …)", c.offset)
			return
		}
	}
}

func (sh *shell) print(io streams, text Text) {
	if io.out != nil {
		io.out.add(sh.machine.bounded(text))
	}
}

// printUnknown prints what isn't known of a command's input.
func (sh *shell) printUnknown(c invocation) {
	reason := outputOf(c.words)
	if c.io.in != nil {
		for _, p := range c.io.in.pieces {
			if p.unknown != "" {
				reason = p.unknown
				break
			}
		}
	}
	sh.print(c.io, unknownText(reason, c.offset).plus(madeText("\n", c.offset)))
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

// dropsEnvironment reports whether a command passes on no variables: sudo does so
// unless it is told otherwise (env_reset, sudoers(5)), env where it is told so.
func dropsEnvironment(arguments []Text) bool {
	if len(arguments) == 0 {
		return false
	}
	name := path.Base(arguments[0].String())
	for _, argument := range arguments[1:] {
		word := argument.String()
		if !strings.HasPrefix(word, "-") {
			break
		}
		switch {
		case name == "sudo" && (strings.HasPrefix(word, "--preserve-env") || plainFlags(word, "E")):
			return false
		case name == "env" && (word == "-" || word == "--ignore-environment" || plainFlags(word, "i")):
			return true
		}
	}
	return name == "sudo"
}

// unwrapped takes sudo, env, timeout and the like off a command.
func unwrapped(arguments []Text) []Text {
	for range 10 {
		if len(arguments) == 0 {
			return nil
		}
		name := path.Base(arguments[0].String())
		valued, isWrapper := wrappers[name]
		switch {
		case name == "timeout" && len(arguments) > 2:
			arguments = arguments[1:]
			for len(arguments) > 1 && strings.HasPrefix(arguments[0].String(), "-") {
				arguments = arguments[1:]
			}
			arguments = arguments[1:]
		case name == "cloud-init-per" && len(arguments) > 3:
			arguments = arguments[3:] // cloud-init-per FREQUENCY NAME COMMAND…
		case isWrapper:
			arguments = arguments[wrapperLength(arguments, valued):]
		default:
			return arguments
		}
	}
	return arguments
}

// wrapperLength is how many words belong to a command such as sudo, with its
// options and the variables that it sets.
func wrapperLength(arguments []Text, valued string) int {
	name := path.Base(arguments[0].String())
	i := 1
	for ; i < len(arguments); i++ {
		word := arguments[i].String()
		if word == "--" {
			return i + 1
		}
		if strings.HasPrefix(word, "-") && len(word) > 1 {
			if len(word) == 2 && strings.Contains(valued, word[1:]) {
				i++
			}
			continue
		}
		assigned, _, isAssignment := strings.Cut(word, "=")
		if !isAssignment || !plainName.MatchString(assigned) || name != "env" && name != "sudo" {
			break
		}
	}
	return min(i, len(arguments))
}

func (sh *shell) callFunction(f function, arguments []Text, io streams) status {
	if sh.depth > 8 {
		return likely
	}
	script, outer, had, locals := sh.script, sh.arguments, sh.hasArguments, sh.locals
	sh.script, sh.arguments, sh.hasArguments, sh.locals = f.script, arguments[1:], true, map[string]saved{}
	sh.depth++
	result := sh.statement(f.body, io)
	if sh.stop == returns {
		result, sh.stop = sh.returned, goesOn
	}
	sh.restoreLocals()
	sh.depth--
	sh.script, sh.arguments, sh.hasArguments, sh.locals = script, outer, had, locals
	return result
}

// nested evaluates a script in this shell or one below it.
func (sh *shell) nested(script Text, io streams, here bool) status {
	if here {
		sh.depth++
		defer func() { sh.depth-- }()
		return sh.run(script, io)
	}
	child := sh.process()
	result := child.run(script, io)
	child.end(io)
	return result
}

func runShell(sh *shell, c invocation) status {
	for i := 1; i < len(c.arguments); i++ {
		word := c.words[i]
		switch {
		case word == "-c" || strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.HasSuffix(word, "c"):
			if i+1 < len(c.arguments) {
				child := sh.child()
				if i+2 < len(c.arguments) {
					child.variables["0"] = c.arguments[i+2]
				}
				return child.runFile(c.arguments[i+1], c.arguments[min(i+3, len(c.arguments)):], c.io)
			}
			return likely
		case word == "-o" || word == "-O":
			i++
		case plainFlags(word, "s"):
			return sh.runInput(c, c.arguments[i+1:])
		case strings.HasPrefix(word, "-"):
		default:
			if sh.machine.anywhere(c.words[i:], c.arguments[i:]) {
				return likely
			}
			if content := sh.read(c.arguments[i]); content != nil && content.unknown() == "" {
				return sh.runFile(*content, c.arguments[i+1:], c.io)
			}
			return likely
		}
	}
	return sh.runInput(c, nil)
}

// runInput evaluates the script on a shell's standard input (bash -s -- ARGUMENT…).
func (sh *shell) runInput(c invocation, arguments []Text) status {
	if c.io.in == nil {
		return likely
	}
	if len(arguments) > 0 && arguments[0].String() == "--" {
		arguments = arguments[1:]
	}
	return sh.runFile(*c.io.in, arguments, streams{out: c.io.out})
}

// echo gives what bash's echo prints.
func echo(arguments []Text, offset int) Text {
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
	text := joined(arguments, " ", offset)
	ended := false
	if interpret {
		text, ended = escapes(text, echoed)
	}
	if newline && !ended {
		text = text.plus(madeText("\n", offset))
	}
	return text
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

// observe recognizes the commands that install or start the agent, and those
// that hold a password.
func (m *machine) observe(c invocation) {
	rest := c.words[1:]
	has := func(names ...string) bool {
		return slices.ContainsFunc(rest, func(word string) bool { return slices.Contains(names, word) })
	}
	switch c.name {
	case "start", "restart":
		if len(rest) == 1 && rest[0] == "ecs" {
			m.evidenceFor(StartsAgent, c.offset)
		}
	case "systemctl", "service", "initctl":
		if has("start", "restart", "enable", "reenable", "try-restart") && has("ecs", "ecs.service") {
			m.evidenceFor(StartsAgent, c.offset)
		}
	case "docker", "podman":
		if has("login") {
			m.observeLogin(c)
		}
	case "yum", "dnf", "apt", "apt-get", "rpm", "dpkg", "amazon-linux-extras", "zypper":
		installs := slices.ContainsFunc(rest, func(word string) bool { return isAgentPackage(c.name, path.Base(word)) })
		if installs && !has("remove", "erase", "purge", "disable") {
			m.evidenceFor(InstallsAgent, c.offset)
		}
	}
}

func isAgentPackage(program, name string) bool {
	return name == "ecs-init" || strings.HasPrefix(name, "amazon-ecs-init") || strings.HasPrefix(name, "ecs-init-") || program == "amazon-linux-extras" && name == "ecs"
}

// observeLogin notes the password of docker login.
func (m *machine) observeLogin(c invocation) {
	for i, word := range c.words {
		_, password, inline := strings.Cut(word, "=")
		switch {
		case (word == "-p" || word == "--password") && i+1 < len(c.words):
			password = c.words[i+1]
		case strings.HasPrefix(word, "--password=") && inline:
		default:
			continue
		}
		if password != "" && !strings.Contains(password, placeholder) && !filledIn.MatchString(password) {
			m.note(codeSecret, c.arguments[min(i+1, len(c.words)-1)].offset(0), "docker login")
		}
	}
}

// anywhere follows the commands that run their own agent with settings:
// the script of ECS Anywhere, and docker run.
func (m *machine) anywhere(words []string, arguments []Text) bool {
	position := arguments[0].offset(0)
	set := func(variable string, value Text) {
		m.files[configPath] = m.files[configPath].plus(madeText(variable+"=", value.offset(0))).plus(value).plus(madeText("\n", value.offset(value.length())))
	}
	switch name := path.Base(words[0]); {
	case strings.HasSuffix(name, "ecs-anywhere-install.sh"):
		m.evidenceFor(InstallsAgent, position)
		for i := 1; i+1 < len(words); i++ {
			switch words[i] {
			case "--cluster":
				set("ECS_CLUSTER", arguments[i+1])
			case "--region":
				set("AWS_DEFAULT_REGION", arguments[i+1])
				set("ECS_EXTERNAL", madeText("true", position))
			}
		}
		return true
	case (name == "docker" || name == "podman" || name == "nerdctl") && len(words) > 1 && (words[1] == "run" || words[1] == "create") &&
		slices.ContainsFunc(words, func(word string) bool { return strings.Contains(word, "amazon-ecs-agent") }):
		m.evidenceFor(StartsAgent, position)
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
