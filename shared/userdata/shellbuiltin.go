package userdata

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

func runEcho(sh *shell, c invocation) status {
	sh.print(c.io, echo(c.arguments, c.offset))
	return succeeds
}

func runPrintf(sh *shell, c invocation) status {
	if len(c.words) > 2 && c.words[1] == "-v" {
		sh.setVariable(c.words[2], printf(c.arguments[2:], c.offset))
		return succeeds
	}
	sh.print(c.io, printf(c.arguments, c.offset))
	return succeeds
}

// printf gives what bash's printf prints, as far as its format is simple.
func printf(arguments []Text, offset int) Text {
	arguments = arguments[1:]
	if len(arguments) > 0 && arguments[0].String() == "--" {
		arguments = arguments[1:]
	}
	if len(arguments) == 0 {
		return Text{}
	}
	format, _ := escapes(arguments[0], ansiQuoted)
	arguments = arguments[1:]
	var out builder
	for range 100 {
		used, ended := printfRound(format, arguments, &out, offset)
		arguments = arguments[min(used, len(arguments)):]
		if len(arguments) == 0 || used == 0 || ended {
			break
		}
	}
	return out.text()
}

// printfRound prints the format once and says how many arguments it took. ended says
// that one of them ends all output.
func printfRound(format Text, arguments []Text, out *builder, offset int) (used int, ended bool) {
	next := func() Text {
		used++
		if used > len(arguments) {
			return Text{}
		}
		return arguments[used-1]
	}
	s := format.String()
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
		case 's':
			out.add(padded(next(), s[i+1:verb], offset))
		case 'c':
			text := next()
			out.add(padded(text.slice(0, min(text.length(), 1)), s[i+1:verb], offset))
		case 'd', 'i', 'u':
			text := next()
			if text.length() == 0 {
				text = madeText("0", format.offset(i))
			}
			out.add(numbered(text, s[i+1:verb], offset))
		case 'q':
			text := next()
			if !needsNoQuotes.MatchString(text.String()) {
				text = unknownText("$(printf …)", offset)
			}
			out.add(text)
		case 'b':
			text, ended := escapes(next(), printed)
			if out.add(text); ended {
				return used, true
			}
		default:
			out.add(unknownText("$(printf …)", offset))
			next()
		}
		kept, i = verb+1, verb
	}
	out.add(format.slice(min(kept, len(s)), len(s)))
	return used, false
}

// needsNoQuotes is text that printf's %q leaves as it is.
var needsNoQuotes = lazyregexp.New(`^[A-Za-z0-9_=+.,:/@%-]+$`)

// integer is a number that printf prints as it is written.
var integer = lazyregexp.New(`^(?:0|-?[1-9][0-9]*)$`)

// numbered gives a number as %d with flags prints it; only zeros in front are
// followed, as in %03d.
func numbered(t Text, flags string, offset int) Text {
	width, err := strconv.Atoi(flags)
	switch {
	case t.unknown() == "" && !integer.MatchString(t.String()):
		return unknownText("$(printf …)", offset) // 0, or another number for one in octal digits
	case flags == "" || err == nil && t.unknown() == "" && t.length() >= width:
		return t
	case err != nil || t.unknown() != "" || width > 20 || !strings.HasPrefix(flags, "0") || strings.HasPrefix(t.String(), "-"):
		return unknownText("$(printf …)", offset)
	}
	return madeText(strings.Repeat("0", width-t.length()), t.offset(0)).plus(t)
}

// padded gives a text as %s with a width or a length prints it, as in %-8s and %.3s.
func padded(t Text, flags string, offset int) Text {
	if flags == "" {
		return t
	}
	width, length, limited := strings.Cut(strings.TrimPrefix(flags, "-"), ".")
	most, err := strconv.Atoi("0" + length)
	least, also := strconv.Atoi("0" + width)
	if err != nil || also != nil || t.unknown() != "" || least > 200 || strings.HasPrefix(width, "0") {
		return unknownText("$(printf …)", offset)
	}
	if limited && most < t.length() {
		t = t.slice(0, most)
	}
	spaces := madeText(strings.Repeat(" ", max(least-t.length(), 0)), offset)
	if strings.HasPrefix(flags, "-") {
		return t.plus(spaces)
	}
	return spaces.plus(t)
}

func runCat(sh *shell, c invocation) status {
	files := 0
	for _, argument := range c.arguments[1:] {
		word := argument.String()
		if strings.HasPrefix(word, "-") && word != "-" {
			if word != "-u" && word != "--" {
				// It numbers lines, or marks their ends.
				sh.print(c.io, unknownText("$(cat …)", c.offset).plus(madeText("\n", c.offset)))
				return likely
			}
			continue
		}
		files++
		switch content := sh.read(argument); {
		case word == "-" || word == "/dev/stdin":
			if c.io.in != nil {
				sh.print(c.io, *c.io.in)
			}
		case content != nil:
			sh.print(c.io, *content)
		default:
			sh.print(c.io, unknownText("$(cat …)", c.offset).plus(madeText("\n", c.offset)))
		}
	}
	if files == 0 && c.io.in != nil {
		sh.print(c.io, *c.io.in)
		*c.io.in = Text{}
	}
	return likely
}

func runTee(sh *shell, c invocation) status {
	content := unknownText("$(tee …)", c.offset).plus(madeText("\n", c.offset))
	if c.io.in != nil {
		content = *c.io.in
	}
	appends := false
	for _, argument := range c.arguments[1:] {
		word := argument.String()
		if strings.HasPrefix(word, "-") {
			appends = appends || word == "--append" || !strings.HasPrefix(word, "--") && strings.Contains(word, "a")
			continue
		}
		if name := cleanPath(sh.directory, argument); name != "" {
			sh.write(name, content, appends, c.offset)
		}
	}
	sh.print(c.io, content)
	return likely
}

func runDD(sh *shell, c invocation) status {
	content, appends := Text{}, false
	if c.io.in != nil {
		content = *c.io.in
	}
	var to Text
	for _, argument := range c.arguments[1:] {
		operand, value, _ := strings.Cut(argument.String(), "=")
		text := argument.slice(argument.length()-len(value), argument.length())
		switch operand {
		case "of":
			to = text
		case "if":
			content = unknownText("a file on the instance", c.offset).plus(madeText("\n", c.offset))
			if known := sh.read(text); known != nil {
				content = *known
			}
		case "oflag", "conv":
			appends = appends || strings.Contains(value, "append")
		}
	}
	if name := cleanPath(sh.directory, to); name != "" {
		sh.write(name, content, appends, c.offset)
	} else if to.length() == 0 {
		sh.print(c.io, content)
	}
	return likely
}

func runCD(sh *shell, c invocation) status {
	if len(c.words) < 2 {
		return likely
	}
	if c.name == "pushd" {
		sh.directories = append(slices.Clone(sh.directories), sh.directory)
	}
	if directory := cleanPath(sh.directory, c.arguments[1]); directory != "" {
		sh.directory = directory
	} else {
		sh.directory = "/" + placeholder
	}
	return likely
}

func runPopd(sh *shell, _ invocation) status {
	if n := len(sh.directories); n > 0 {
		sh.directory, sh.directories = sh.directories[n-1], sh.directories[:n-1]
	}
	return likely
}

func runTest(sh *shell, c invocation) status { return sh.test(c.arguments) }

// runRead follows read: it takes a line off the standard input.
func runRead(sh *shell, c invocation) status {
	flags, names := parsedArguments(c.arguments[1:], "adinNptu")
	until := byte('\n')
	if delimiter, ok := flags["d"]; ok {
		if until = 0; delimiter.length() > 0 {
			until = delimiter.String()[0]
		}
	}
	line, ended, known := nextLine(c.io.in, until)
	for _, limit := range []string{"n", "N", "u"} {
		if _, counts := flags[limit]; counts {
			known = false // it reads another part, or another file
		}
	}
	if _, raw := flags["r"]; !raw && strings.IndexByte(line.String(), '\\') >= 0 {
		known = false
	}
	if list, ok := flags["a"]; ok {
		if !known {
			sh.unset(list.String())
			return uncertain
		}
		sh.setArray(list.String(), indexedArray(sh.splitAtIFS(line, -1)))
		return outcome(!ended)
	}
	if len(names) == 0 {
		names = []Text{madeText("REPLY", c.offset)}
	}
	var values []Text
	if known {
		values = sh.splitAtIFS(line, len(names))
	}
	for i, name := range names {
		variable := name.String()
		switch {
		case !plainName.MatchString(variable):
		case !known:
			sh.setVariable(variable, unknownText("${"+variable+"}", c.offset))
		case i < len(values):
			sh.setVariable(variable, values[i])
		default:
			sh.setVariable(variable, Text{})
		}
	}
	if !known {
		return uncertain
	}
	return outcome(!ended)
}

// nextLine takes a line off an input, or what ends in another character. A line that
// isn't known at all may be any number of lines.
func nextLine(in *Text, until byte) (line Text, ended, known bool) {
	if in == nil {
		return Text{}, false, false
	}
	s := in.String()
	end := strings.IndexByte(s, until)
	next := end + 1
	if end < 0 {
		end, next, ended = len(s), len(s), true
	}
	line = in.slice(0, end)
	if isWhollyUnknown(line.trimSpace()) {
		return Text{}, false, false
	}
	*in = in.slice(next, len(s))
	return line, ended, true
}

// splitAtIFS splits a line as read does, into limit fields at most, of which the
// last takes the rest; -1 for all.
func (sh *shell) splitAtIFS(line Text, limit int) []Text {
	separators := sh.separators()
	space := ""
	for _, c := range separators {
		if strings.ContainsRune(blanks, c) {
			space += string(c)
		}
	}
	s := line.String()
	start, end := len(s)-len(strings.TrimLeft(s, space)), len(strings.TrimRight(s, space))
	var fields []Text
	for start < end && len(fields) != limit-1 {
		stop := strings.IndexAny(s[start:end], separators)
		if stop < 0 {
			break
		}
		fields = append(fields, line.slice(start, start+stop))
		start += stop
		skipped := len(s[start:end]) - len(strings.TrimLeft(s[start:end], space))
		if start += skipped; start < end && strings.IndexByte(separators, s[start]) >= 0 {
			start++
			start += len(s[start:end]) - len(strings.TrimLeft(s[start:end], space))
		}
	}
	if start < end {
		fields = append(fields, line.slice(start, end))
	}
	return fields
}

func runMapfile(sh *shell, c invocation) status {
	flags, names := parsedArguments(c.arguments[1:], "cCdnOsu")
	name := "MAPFILE"
	if len(names) > 0 {
		name = names[0].String()
	}
	part := slices.ContainsFunc([]string{"c", "C", "d", "n", "O", "s", "u"}, func(flag string) bool { _, has := flags[flag]; return has })
	if c.io.in == nil || c.io.in.unknown() != "" || part {
		sh.unset(name)
		return uncertain
	}
	lines := c.io.in.lines()
	if _, trims := flags["t"]; trims {
		for i, line := range lines {
			lines[i] = withoutNewline(line)
		}
	}
	sh.setArray(name, indexedArray(lines))
	return succeeds
}

func withoutNewline(t Text) Text {
	s := t.String()
	return t.slice(0, len(strings.TrimSuffix(s, "\n")))
}

func runGetopts(sh *shell, c invocation) status {
	for _, word := range c.words[1:] {
		if plainName.MatchString(word) {
			sh.setVariable(word, unknownText("${"+word+"}", c.offset))
		}
	}
	return uncertain
}

func runUnset(sh *shell, c invocation) status {
	for i, word := range c.words[1:] {
		name, key, isElement := strings.Cut(strings.TrimSuffix(word, "]"), "[")
		if !isElement || !strings.HasSuffix(word, "]") {
			sh.unset(word)
			continue
		}
		a, known := sh.arrays[name]
		if _, there := a.get(key); known && there {
			sh.setArray(name, a.without(key))
		} else if known && !a.associative && !decimal.MatchString(key) {
			sh.unset(name)
			sh.variables[name] = unknownText("${"+name+"}", c.arguments[i+1].offset(0))
		}
	}
	return likely
}

// decimal is an index that is no expression.
var decimal = lazyregexp.New(`^[0-9]+$`)

func runExport(sh *shell, c invocation) status {
	flags, operands := parsedArguments(c.arguments[1:], "")
	_, functions := flags["f"]
	sh.exportsFunctions = sh.exportsFunctions || functions
	for _, operand := range operands {
		variable, value, ok := strings.Cut(operand.String(), "=")
		if ok && plainName.MatchString(variable) {
			sh.setVariable(variable, operand.slice(operand.length()-len(value), operand.length()))
		}
		sh.exports(c.name, flags, variable)
	}
	return likely
}

// exports follows what export and its like say about who gets a variable.
func (sh *shell) exports(command string, flags map[string]Text, variable string) {
	_, withdrawn := flags["n"]
	_, asked := flags["x"]
	switch {
	case command == "export":
		sh.exported[variable] = !withdrawn
	case asked:
		sh.exported[variable] = true
	}
}

// runTrap follows trap … EXIT. What it does about signals and errors isn't.
func runTrap(sh *shell, c invocation) status {
	arguments := c.arguments[1:]
	if len(arguments) > 0 && arguments[0].String() == "--" {
		arguments = arguments[1:]
	}
	if len(arguments) < 2 {
		return likely
	}
	for _, condition := range arguments[1:] {
		if name := condition.String(); name != "EXIT" && name != "0" {
			continue
		}
		sh.atExit = nil
		if action := arguments[0]; action.String() != "-" && action.length() > 0 {
			sh.atExit = &action
		}
	}
	return likely
}

// runSet follows set with options, and set -- ARGUMENT….
func runSet(sh *shell, c invocation) status {
	for i := 1; i < len(c.words); i++ {
		word := c.words[i]
		switch {
		case word == "--":
			sh.arguments, sh.hasArguments = c.arguments[i+1:], true
			return likely
		case strings.HasPrefix(word, "-") || strings.HasPrefix(word, "+"):
			on, letters, long := word[0] == '-', word[1:], ""
			if strings.HasSuffix(word, "o") && i+1 < len(c.words) {
				i++
				long = c.words[i]
			}
			for option, is := range map[string]*bool{
				"a allexport": &sh.exportsAll, "C noclobber": &sh.keepsFiles, "e errexit": &sh.endsOnFailure, "- pipefail": &sh.pipesFail,
			} {
				if short, name, _ := strings.Cut(option, " "); strings.Contains(letters, short) || long == name {
					*is = on
				}
			}
		default:
			sh.arguments, sh.hasArguments = c.arguments[i:], true
			return likely
		}
	}
	return likely
}

func runShift(sh *shell, c invocation) status {
	n := 1
	if len(c.words) > 1 {
		n, _ = strconv.Atoi(c.words[1])
	}
	if n < 0 || n > len(sh.arguments) {
		return fails
	}
	sh.arguments = sh.arguments[n:]
	return succeeds
}

func runBreak(sh *shell, c invocation) status {
	sh.stop, sh.levels = breaks, 1
	if c.name == "continue" {
		sh.stop = continues
	}
	if len(c.words) > 1 {
		if n, err := strconv.Atoi(c.words[1]); err == nil {
			sh.levels = max(n, 1)
		}
	}
	return succeeds
}

func runReturn(sh *shell, c invocation) status {
	sh.stop, sh.returned = returns, likely
	if c.name == "exit" || sh.locals == nil {
		sh.stop = exits
	}
	if len(c.words) > 1 {
		sh.returned = uncertain
		if n, err := strconv.Atoi(c.words[1]); err == nil {
			sh.returned = outcome(n == 0)
		}
	}
	return sh.returned
}

func runEval(sh *shell, c invocation) status {
	return sh.run(joined(c.arguments[1:], " ", c.offset), c.io)
}

func runSource(sh *shell, c invocation) status {
	if len(c.arguments) < 2 {
		return likely
	}
	if sh.machine.anywhere(c.words[1:], c.arguments[1:]) {
		return likely
	}
	if content := sh.read(c.arguments[1]); content != nil {
		result := sh.nested(*content, c.io, true)
		if sh.stop == exits && sh.returned != likely {
			sh.stop = goesOn // return at the end of a file that is sourced
		}
		return result
	}
	return likely
}

func runSu(sh *shell, c invocation) status {
	for i, word := range c.words[:len(c.words)-1] {
		if word == "-c" || word == "--command" {
			return sh.nested(c.arguments[i+1], c.io, false)
		}
	}
	if c.io.in != nil {
		return sh.nested(*c.io.in, c.io, false)
	}
	return likely
}

// runCopy follows cp, mv and install.
func runCopy(sh *shell, c invocation) status {
	sh.copyFile(c.name, c.arguments, c.io.in, c.offset)
	return likely
}

func (sh *shell) copyFile(command string, arguments []Text, in *Text, offset int) {
	valued := ""
	if command == "install" {
		valued = "mog"
	}
	flags, operands := parsedArguments(arguments[1:], valued)
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
	_, keeps := flags["n"]
	if _, said := flags["no-clobber"]; (keeps || said) && command != "install" && sh.overwrites(target) == succeeds {
		return
	}
	content, known := sh.machine.files[source]
	if source == "/dev/stdin" && in != nil {
		content, known = *in, true
	}
	if !known {
		if !isConfig(target) {
			return
		}
		content = unknownText("a file on the instance", offset).plus(madeText("\n", offset))
	}
	if source == "/dev/null" {
		content = Text{}
	}
	sh.write(target, content, false, offset)
	if command == "mv" && known {
		delete(sh.machine.files, source)
	}
}

// runTouch follows touch: what was written before stays.
func runTouch(sh *shell, c invocation) status {
	_, operands := parsedArguments(c.arguments[1:], "drt")
	for _, operand := range operands {
		name := cleanPath(sh.directory, operand)
		if _, written := sh.machine.files[name]; name != "" && !written {
			sh.machine.files[name] = Text{}
		}
	}
	return likely
}

func runRemove(sh *shell, c invocation) status {
	for _, argument := range c.arguments[1:] {
		if target := cleanPath(sh.directory, argument); target != "" {
			if _, ok := sh.machine.files[target]; ok {
				sh.write(target, Text{}, false, c.offset)
			}
		}
	}
	return likely
}

func runLink(sh *shell, c invocation) status {
	if n := len(c.arguments); n > 2 && isConfig(cleanPath(sh.directory, c.arguments[n-1])) {
		sh.copyFile("cp", append(c.arguments[:1:1], c.arguments[n-2:]...), nil, c.offset)
	}
	return likely
}

// awsSwitches are the options of the AWS CLI that have no value.
var awsSwitches = []string{"--quiet", "--recursive", "--only-show-errors", "--no-progress", "--dryrun", "--delete", "--exact-timestamps", "--no-sign-request", "--debug", "--no-verify-ssl", "--no-paginate", "--no-cli-pager", "--follow-symlinks"}

// runAWS follows aws s3 cp into a file.
func runAWS(sh *shell, c invocation) status {
	i := slices.IndexFunc(c.words, func(word string) bool { return word == "s3" || word == "s3api" })
	if i < 0 || i+1 >= len(c.words) || !slices.Contains([]string{"cp", "sync", "mv", "get-object"}, c.words[i+1]) {
		sh.print(c.io, unknownText(outputOf(c.words), c.offset).plus(madeText("\n", c.offset)))
		return likely
	}
	var operands []Text
	options := map[string]Text{}
	for j := i + 2; j < len(c.words); j++ {
		word := c.words[j]
		if !strings.HasPrefix(word, "--") {
			operands = append(operands, c.arguments[j])
			continue
		}
		name, value, joined := strings.Cut(word, "=")
		switch {
		case joined:
			options[name] = c.arguments[j].slice(len(word)-len(value), len(word))
		case j+1 < len(c.words) && !slices.Contains(awsSwitches, name):
			j++
			options[name] = c.arguments[j]
		}
	}
	switch {
	case c.words[i+1] == "get-object":
		if len(operands) == 1 {
			from := madeText("s3://", c.offset).plus(options["--bucket"]).plus(madeText("/", c.offset)).plus(options["--key"])
			sh.fetched(from, operands[0], c)
		}
	case len(operands) == 2 && strings.HasPrefix(operands[0].String(), "s3://"):
		sh.fetched(operands[0], operands[1], c)
	}
	return likely
}

// fetched puts what comes from elsewhere into a file, or prints it.
func (sh *shell) fetched(from, to Text, c invocation) {
	content := unknownText(locationOf(from), c.offset).plus(madeText("\n", c.offset))
	if to.String() == "-" || to.String() == "/dev/stdout" {
		sh.print(c.io, content)
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
		sh.write(name, content, false, c.offset)
	}
}

// runDownload follows curl and wget.
func runDownload(sh *shell, c invocation) status {
	var from, to Text
	named := c.name == "wget"
	for i := 1; i < len(c.words); i++ {
		switch word := c.words[i]; {
		case word == "-O" && c.name == "curl" || word == "--remote-name":
			named = true
		case (slices.Contains([]string{"-o", "--output", "--output-document"}, word) || word == "-O" || word == "-qO") && i+1 < len(c.words):
			i++
			to = c.arguments[i]
		case strings.HasPrefix(word, "--output=") || strings.HasPrefix(word, "--output-document="):
			to = c.arguments[i].slice(strings.IndexByte(word, '=')+1, len(word))
		case word == "-O-" || word == "-qO-":
			to = madeText("-", c.offset)
		case strings.Contains(word, "://"):
			from = c.arguments[i]
		}
	}
	if to.length() == 0 && named && from.unknown() == "" && from.length() > 0 {
		to = madeText(path.Base(from.String()), c.offset)
	}
	if to.length() == 0 || to.String() == "-" {
		sh.print(c.io, unknownText(outputOf(c.words), c.offset).plus(madeText("\n", c.offset)))
		return likely
	}
	if from.length() == 0 {
		from = madeText("https://…", c.offset)
	}
	sh.fetched(from, to, c)
	return likely
}

// runEditor follows commands that change a file in place.
func runEditor(sh *shell, c invocation) status {
	if !sh.editsInPlace(c) {
		return runFilter(sh, c)
	}
	for _, argument := range c.arguments[1:] {
		if target := cleanPath(sh.directory, argument); target != "" {
			sh.editedInPlace(target, c)
		}
	}
	return likely
}

func (sh *shell) editsInPlace(c invocation) bool {
	if !slices.Contains([]string{"sed", "perl", "awk", "gawk"}, c.name) {
		return true
	}
	return slices.ContainsFunc(c.words[1:], func(word string) bool {
		return strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.Contains(word, "i") || strings.HasPrefix(word, "--in-place") || word == "inplace"
	})
}

// editedInPlace marks a file as changed in a way that isn't followed.
func (sh *shell) editedInPlace(target string, c invocation) {
	if _, known := sh.machine.files[target]; known || isConfig(target) {
		sh.machine.edited(target, "$("+c.name+" …)", c.offset)
	}
}

// parsedArguments takes the options off a command's arguments. The letters of
// valued are options that take a value.
func parsedArguments(arguments []Text, valued string) (flags map[string]Text, operands []Text) {
	flags = map[string]Text{}
	for i := 0; i < len(arguments); i++ {
		word := arguments[i].String()
		switch {
		case word == "--":
			return flags, append(operands, arguments[i+1:]...)
		case strings.HasPrefix(word, "--"):
			name, value, _ := strings.Cut(word[2:], "=")
			flags[name] = arguments[i].slice(len(word)-len(value), len(word))
		case strings.HasPrefix(word, "-") && len(word) > 1:
			for offset := 1; offset < len(word); offset++ {
				flag := word[offset : offset+1]
				if !strings.Contains(valued, flag) {
					flags[flag] = Text{}
					continue
				}
				flags[flag] = arguments[i].slice(offset+1, len(word))
				if offset+1 == len(word) && i+1 < len(arguments) {
					i++
					flags[flag] = arguments[i]
				}
				break
			}
		default:
			operands = append(operands, arguments[i])
		}
	}
	return flags, operands
}
