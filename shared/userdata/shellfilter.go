package userdata

import (
	"bytes"
	"encoding/base64"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// filters are the programs that make one text of another, or print a text that
// follows from their arguments. Each gives false for what it doesn't follow.
var filters = map[string]func(*shell, invocation) (Text, status, bool){
	"tr": filterTr, "cut": filterCut, "head": filterHead, "tail": filterHead, "sort": filterSort, "uniq": filterUniq,
	"grep": filterGrep, "egrep": filterGrep, "fgrep": filterGrep, "awk": filterAwk, "gawk": filterAwk, "envsubst": filterEnvsubst,
	"xargs": filterXargs, "base64": filterBase64, "basename": filterBasename, "dirname": filterBasename, "seq": filterSeq, "mktemp": filterMktemp, "expr": filterExpr,
	"rev": unfollowed, "column": unfollowed, "jq": unfollowed, "gunzip": filterGunzip, "zcat": filterGunzip, "gzcat": filterGunzip, "gzip": filterGunzip, "openssl": filterOpenSSL, "fold": unfollowed, "paste": unfollowed, "tac": unfollowed,
}

func unfollowed(*shell, invocation) (Text, status, bool) { return Text{}, likely, false }

func runFilter(sh *shell, c invocation) status {
	filter := filters[c.name]
	if filter == nil {
		filter = unfollowed
	}
	output, result, followed := filter(sh, c)
	switch {
	case followed:
		sh.print(c.io, output)
		return result
	case strings.HasSuffix(c.name, "grep"):
		if !slices.ContainsFunc(c.words[1:], func(word string) bool { return strings.HasPrefix(word, "-") && strings.Contains(word, "q") }) {
			sh.printUnknown(c)
		}
		return uncertain
	}
	sh.printUnknown(c)
	return likely
}

// input is what a filter reads: its files or its standard input; false where
// that isn't known.
func (sh *shell) input(c invocation, files []Text) (Text, bool) {
	var all builder
	for _, file := range files {
		content := sh.read(file)
		if file.String() == "-" {
			content = c.io.in
		}
		if content == nil {
			return Text{}, false
		}
		all.add(*content)
	}
	text := all.text()
	if len(files) == 0 {
		if c.io.in == nil {
			return Text{}, false
		}
		text = *c.io.in
	}
	return text, sh.charge(text)
}

// charge counts the lines that a filter goes through, which cost more than the
// bytes that are written, and says whether the budget lasts.
func (sh *shell) charge(text Text) bool {
	sh.machine.written -= 16 * text.length()
	return sh.machine.written >= 0
}

// knownLines are the lines of an input, false where one of them can be any
// number of lines.
func knownLines(t Text) ([]Text, bool) {
	lines := t.lines()
	return lines, !slices.ContainsFunc(lines, func(line Text) bool { return isWhollyUnknown(line.trimSpace()) })
}

func joinLines(lines []Text) Text {
	var out builder
	for _, line := range lines {
		out.add(line)
		if !strings.HasSuffix(line.String(), "\n") {
			out.add(madeText("\n", line.offset(line.length())))
		}
	}
	return out.text()
}

// characterClasses are those that tr and patterns name.
var characterClasses = map[string]string{
	"[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "[:lower:]": "abcdefghijklmnopqrstuvwxyz", "[:digit:]": "0123456789", "[:space:]": " \t\n\r\v\f", "[:blank:]": " \t",
}

// characterSet spells out a set of tr's.
func characterSet(set string) []byte {
	for class, characters := range characterClasses {
		set = strings.ReplaceAll(set, class, characters)
	}
	written, _ := escapes(madeText(set, 0), listed)
	set = written.String()
	var out []byte
	for i := 0; i < len(set); i++ {
		if i+2 < len(set) && set[i+1] == '-' && set[i] <= set[i+2] {
			for c := int(set[i]); c <= int(set[i+2]); c++ {
				out = append(out, byte(c))
			}
			i += 2
			continue
		}
		out = append(out, set[i])
	}
	return out
}

func filterTr(sh *shell, c invocation) (Text, status, bool) {
	flags, operands := parsedArguments(c.arguments[1:], "")
	input, ok := sh.input(c, nil)
	_, deletes := flags["d"]
	_, squeezes := flags["s"]
	_, complements := flags["c"]
	if !ok || input.unknown() != "" || len(operands) == 0 || complements || len(operands) == 1 && !deletes && !squeezes {
		return Text{}, likely, false
	}
	from, to := characterSet(operands[0].String()), []byte(nil)
	if len(operands) > 1 {
		to = characterSet(operands[1].String())
	}
	squeezed := from
	if len(to) > 0 {
		squeezed = to
	}
	var out []byte
	for _, character := range []byte(input.String()) {
		offset := bytes.IndexByte(from, character)
		if offset >= 0 && deletes {
			continue
		}
		if offset >= 0 && len(to) > 0 {
			character = to[min(offset, len(to)-1)]
		}
		if squeezes && len(out) > 0 && out[len(out)-1] == character && bytes.IndexByte(squeezed, character) >= 0 {
			continue
		}
		out = append(out, character)
	}
	return input.unpacked(out), likely, true
}

// fieldList is a list of cut's, such as 2, 1,3 or 2-.
func fieldList(list string, count int) []int {
	var numbers []int
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		if err != nil {
			first = 1
		}
		last, err := strconv.Atoi(to)
		switch {
		case !isRange:
			last = first
		case err != nil:
			last = count
		}
		for n := max(first, 1); n <= min(last, count); n++ {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

func filterCut(sh *shell, c invocation) (Text, status, bool) {
	flags, files := parsedArguments(c.arguments[1:], "dfcb")
	for long, short := range map[string]string{"delimiter": "d", "fields": "f", "characters": "c"} {
		if value, ok := flags[long]; ok {
			flags[short] = value
		}
	}
	input, ok := sh.input(c, files)
	lines, known := knownLines(input)
	if !ok || !known {
		return Text{}, likely, false
	}
	delimiter := "\t"
	if d, ok := flags["d"]; ok {
		delimiter = d.String()
	}
	characters, byCharacter := flags["c"]
	if b, ok := flags["b"]; ok {
		characters, byCharacter = b, true
	}
	var out []Text
	for _, line := range lines {
		line = withoutNewline(line)
		if byCharacter {
			var kept builder
			for _, n := range fieldList(characters.String(), line.length()) {
				kept.add(line.slice(n-1, n))
			}
			out = append(out, kept.text())
			continue
		}
		fields := splitText(line, delimiter)
		if len(fields) == 1 {
			out = append(out, line)
			continue
		}
		var kept builder
		for i, n := range fieldList(flags["f"].String(), len(fields)) {
			if i > 0 {
				kept.add(madeText(delimiter, line.offset(0)))
			}
			kept.add(fields[n-1])
		}
		out = append(out, kept.text())
	}
	return joinLines(out), likely, true
}

// splitText is strings.Split.
func splitText(t Text, separator string) []Text {
	s := t.String()
	if separator == "" {
		return []Text{t}
	}
	var out []Text
	start := 0
	for {
		i := strings.Index(s[start:], separator)
		if i < 0 {
			return append(out, t.slice(start, len(s)))
		}
		out = append(out, t.slice(start, start+i))
		start += i + len(separator)
	}
}

// filterHead follows head and tail.
func filterHead(sh *shell, c invocation) (Text, status, bool) {
	count := "10"
	var files []Text
	for i := 1; i < len(c.words); i++ {
		word := c.words[i]
		switch {
		case (word == "-n" || word == "--lines") && i+1 < len(c.words):
			i++
			count = c.words[i]
		case strings.HasPrefix(word, "-n"), strings.HasPrefix(word, "--lines="):
			count = strings.TrimPrefix(strings.TrimPrefix(word, "-n"), "--lines=")
		case strings.HasPrefix(word, "-") && len(word) > 1:
			count = word[1:]
		default:
			files = append(files, c.arguments[i])
		}
	}
	n, err := strconv.Atoi(count)
	input, ok := sh.input(c, files)
	lines, known := knownLines(input)
	if err != nil || !ok || !known {
		return Text{}, likely, false
	}
	size := len(lines)
	start, end := 0, min(max(n, 0), size)
	switch {
	case c.name == "tail" && strings.HasPrefix(count, "+"):
		start, end = min(max(n-1, 0), size), size
	case c.name == "tail":
		start, end = max(size-max(n, -n), 0), size
	case n < 0:
		end = max(size+n, 0)
	}
	var out builder
	for _, line := range lines[start:end] {
		out.add(line)
	}
	return out.text(), likely, true
}

func filterSort(sh *shell, c invocation) (Text, status, bool) {
	flags, files := parsedArguments(c.arguments[1:], "kto")
	input, ok := sh.input(c, files)
	lines, known := knownLines(input)
	_, unique := flags["u"]
	_, reverse := flags["r"]
	for flag := range flags {
		ok = ok && (flag == "u" || flag == "r")
	}
	if !ok || !known {
		return Text{}, likely, false
	}
	slices.SortStableFunc(lines, func(a, b Text) int {
		if reverse {
			a, b = b, a
		}
		return strings.Compare(a.String(), b.String())
	})
	if unique {
		lines = slices.CompactFunc(lines, func(a, b Text) bool { return a.String() == b.String() })
	}
	return joinLines(lines), likely, true
}

func filterUniq(sh *shell, c invocation) (Text, status, bool) {
	flags, files := parsedArguments(c.arguments[1:], "")
	input, ok := sh.input(c, files)
	lines, known := knownLines(input)
	if !ok || !known || len(flags) > 0 {
		return Text{}, likely, false
	}
	return joinLines(slices.CompactFunc(lines, func(a, b Text) bool { return a.String() == b.String() })), likely, true
}

func filterGrep(sh *shell, c invocation) (Text, status, bool) {
	flags, operands := parsedArguments(c.arguments[1:], "efmABC")
	pattern, given := flags["e"]
	if !given && len(operands) > 0 {
		pattern, operands = operands[0], operands[1:]
	}
	has := func(flag string) bool { _, ok := flags[flag]; return ok }
	expression := grepExpression(pattern, has("F") || c.name == "fgrep", has("E") || has("P") || c.name == "egrep", has)
	input, ok := sh.input(c, operands)
	lines, known := knownLines(input)
	if !ok || !known || expression == nil || has("r") || has("R") || has("l") || has("c") || has("f") {
		return Text{}, uncertain, false
	}
	var out builder
	found, unsure := false, false
	for _, line := range lines {
		text := withoutNewline(line)
		match := expression.FindStringIndex(text.String())
		if (match != nil) == has("v") {
			unsure = unsure || text.unknown() != ""
			continue
		}
		found = true
		unsure = unsure || line.condition() != 0
		switch {
		case has("q"):
		case has("o") && match != nil:
			out.add(text.slice(match[0], match[1]).plus(madeText("\n", text.offset(0))))
		default:
			out.add(joinLines([]Text{line}))
		}
	}
	if unsure {
		return out.text(), uncertain, found
	}
	return out.text(), outcome(found), true
}

// grepExpression compiles grep's pattern, nil where it isn't known.
func grepExpression(pattern Text, fixed, extended bool, has func(string) bool) *regexp.Regexp {
	text := pattern.String()
	if pattern.unknown() != "" {
		return nil
	}
	if fixed {
		text, extended = regexp.QuoteMeta(text), true
	}
	compiled := posixRegexp(text, extended)
	if compiled == nil {
		return nil
	}
	text = compiled.String()
	if has("w") {
		text = `\b(?:` + text + `)\b`
	}
	if has("x") {
		text = `^(?:` + text + `)$`
	}
	if has("i") {
		text = "(?i)" + text
	}
	compiled, err := regexp.Compile(text)
	if err != nil {
		return nil
	}
	return compiled
}

// printsField is the one program of awk's that is followed.
var printsField = lazyregexp.New(`^\s*(?:/([^/]*)/)?\s*\{\s*print\s+\$(NF|[0-9]{1,2})\s*;?\s*\}\s*$`)

func filterAwk(sh *shell, c invocation) (Text, status, bool) {
	flags, operands := parsedArguments(c.arguments[1:], "Fvf")
	if len(operands) == 0 {
		return Text{}, likely, false
	}
	match := printsField.FindStringSubmatch(operands[0].String())
	input, ok := sh.input(c, operands[1:])
	lines, known := knownLines(input)
	separator := flags["F"].String()
	if match == nil || !ok || !known || len(separator) > 1 && strings.ContainsAny(separator, `[](){}*+?|^$\`) || flags["v"].length() > 0 {
		return Text{}, likely, false
	}
	wanted := posixRegexp(match[1], true)
	if wanted == nil {
		return Text{}, likely, false
	}
	var out []Text
	for _, line := range lines {
		line = withoutNewline(line)
		if !wanted.MatchString(line.String()) {
			continue
		}
		out = append(out, awkField(line, separator, match[2]))
	}
	return joinLines(out), likely, true
}

// awkField is $N of a line.
func awkField(line Text, separator, which string) Text {
	fields := splitText(line, separator)
	if separator == "" || separator == " " {
		fields = splitFields([]segment{{text: line, split: true}}, blanks)
	}
	n, err := strconv.Atoi(which)
	switch {
	case err != nil:
		n = len(fields) // NF
	case n == 0:
		return line
	}
	if n < 1 || n > len(fields) {
		return Text{}
	}
	return fields[n-1]
}

var environmentReference = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))`)
})

func filterEnvsubst(sh *shell, c invocation) (Text, status, bool) {
	input, ok := sh.input(c, nil)
	if !ok {
		return Text{}, likely, false
	}
	only := ""
	if len(c.words) > 1 {
		only = c.words[1]
	}
	s := input.String()
	return replaced(input, environmentReference(), true, func(match []int) Text {
		name := ""
		for i := 2; i+1 < len(match); i += 2 {
			if match[i] >= 0 {
				name = s[match[i]:match[i+1]]
			}
		}
		value, set := sh.variables[name]
		if set && !sh.exported[name] && !slices.Contains(inherited, name) {
			value = Text{}
		}
		switch {
		case only != "" && !strings.Contains(only, "$"+name) && !strings.Contains(only, "${"+name+"}"):
			return input.slice(match[0], match[1])
		case !set || isWhollyUnknown(value):
			return unknownText("${"+name+"}", input.offset(match[0]))
		}
		return value
	}), likely, true
}

// filterXargs follows xargs alone, which puts all words on one line.
func filterXargs(sh *shell, c invocation) (Text, status, bool) {
	input, ok := sh.input(c, nil)
	if !ok || len(c.words) > 1 && !(len(c.words) == 2 && c.words[1] == "echo") || strings.ContainsAny(input.String(), `'"\`) {
		return Text{}, likely, false
	}
	words := splitFields([]segment{{text: input, split: true}}, blanks)
	return joined(words, " ", c.offset).plus(madeText("\n", c.offset)), likely, true
}

func filterBase64(sh *shell, c invocation) (Text, status, bool) {
	flags, files := parsedArguments(c.arguments[1:], "w")
	has := func(flag string) bool { _, ok := flags[flag]; return ok }
	input, ok := sh.input(c, files)
	if !ok || input.unknown() != "" {
		return Text{}, likely, false
	}
	if !has("d") && !has("D") && !has("decode") {
		return input.unpacked([]byte(base64.StdEncoding.EncodeToString([]byte(input.String())) + "\n")), likely, true
	}
	return decodedBase64(input)
}

func decodedBase64(input Text) (Text, status, bool) {
	decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(input.String()), ""))
	if err != nil || !isGzip(decoded) && bytes.ContainsRune(decoded, 0) {
		return Text{}, likely, false
	}
	return input.unpacked(decoded), likely, true
}

// filterOpenSSL follows openssl base64 -d and openssl enc -base64 -d.
func filterOpenSSL(sh *shell, c invocation) (Text, status, bool) {
	isBase64, decodes := len(c.words) > 1 && c.words[1] == "base64", false
	var files []Text
	for i := 2; i < len(c.words); i++ {
		switch c.words[i] {
		case "-base64", "-a":
			isBase64 = true
		case "-d":
			decodes = true
		case "-A": // all on one line
		case "-in":
			if i++; i < len(c.words) {
				files = append(files, c.arguments[i])
			}
		default:
			return Text{}, likely, false
		}
	}
	input, ok := sh.input(c, files)
	if !ok || input.unknown() != "" || !isBase64 || !decodes {
		return Text{}, likely, false
	}
	return decodedBase64(input)
}

// unzips says that a command of gzip's family unpacks, and whether it does so to
// its standard output where it has files.
func unzips(c invocation) (unpacks, prints bool, files []Text) {
	flags, files := parsedArguments(c.arguments[1:], "S")
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { _, ok := flags[name]; return ok })
	}
	cats := c.name == "zcat" || c.name == "gzcat"
	return c.name != "gzip" || has("d", "decompress", "uncompress"), cats || has("c", "stdout", "to-stdout"), files
}

// filterGunzip follows gunzip, zcat and gzip -d.
func filterGunzip(sh *shell, c invocation) (Text, status, bool) {
	unpacks, _, files := unzips(c)
	input, ok := sh.input(c, files)
	if !ok || !unpacks || input.unknown() != "" {
		return Text{}, likely, false
	}
	raw := []byte(input.String())
	if sh.machine.written < 0 {
		return Text{}, likely, false
	}
	if !isGzip(raw) {
		return Text{}, fails, true
	}
	output := input.unpacked(gunzip(raw, maxSize))
	return output, likely, sh.charge(output)
}

// runGunzip follows the same programs where they unpack files in place.
func runGunzip(sh *shell, c invocation) status {
	unpacks, prints, files := unzips(c)
	if prints || len(files) == 0 || files[0].String() == "-" {
		return runFilter(sh, c)
	}
	has := func(long, short string) bool {
		return slices.ContainsFunc(c.words[1:], func(word string) bool { return word == long || plainFlags(word, short) })
	}
	keeps, forces := has("--keep", "k"), has("--force", "f")
	result := likely
	switch {
	case has("--test", "t"), has("--list", "l"):
		return likely // they change nothing
	case !unpacks && keeps:
		return likely // what it writes has another name
	case !unpacks:
		for _, file := range files {
			sh.editedInPlace(cleanPath(sh.directory, file), c)
		}
		return likely
	}
	for _, file := range files {
		if sh.unzip(cleanPath(sh.directory, file), c, keeps, forces) == fails {
			result = fails
		}
	}
	return result
}

// unzip unpacks one file.
func (sh *shell) unzip(source string, c invocation, keeps, forces bool) status {
	content, known := sh.machine.files[source]
	if !known && !strings.HasSuffix(source, ".gz") {
		source += ".gz" // as gunzip looks for it
		content, known = sh.machine.files[source]
	}
	target := strings.TrimSuffix(source, ".gz")
	there := sh.overwrites(target)
	if !forces && there == succeeds {
		return fails // it asks, and user data has no terminal that could answer
	}
	raw := []byte(content.String())
	if !known || content.unknown() != "" || !isGzip(raw) || target == source || !forces && there != fails {
		sh.editedInPlace(target, c)
		return likely
	}
	output := content.unpacked(gunzip(raw, maxSize))
	if !sh.charge(content) || !sh.charge(output) {
		sh.editedInPlace(target, c)
		return likely
	}
	sh.write(target, output, false, c.offset)
	if !keeps {
		delete(sh.machine.files, source)
	}
	return likely
}

// overwrites says whether a file is there already, as far as the script tells: what
// was removed may be there as an empty text.
func (sh *shell) overwrites(target string) status {
	content, known := sh.machine.files[target]
	switch {
	case !known || content.length() == 0:
		return fails
	case content.condition() != 0:
		return uncertain
	}
	return succeeds
}

// plainFlags says that a word has a one-letter option.
func plainFlags(word, letter string) bool {
	return strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.Contains(word, letter)
}

// filterBasename follows basename and dirname.
func filterBasename(_ *shell, c invocation) (Text, status, bool) {
	if len(c.arguments) < 2 || c.arguments[1].unknown() != "" || strings.HasPrefix(c.words[1], "-") {
		return Text{}, likely, false
	}
	name := path.Dir(c.words[1])
	if c.name == "basename" {
		name = path.Base(c.words[1])
		if len(c.words) > 2 && name != c.words[2] {
			name = strings.TrimSuffix(name, c.words[2])
		}
	}
	return madeText(name+"\n", c.arguments[1].offset(0)), likely, true
}

func filterSeq(_ *shell, c invocation) (Text, status, bool) {
	var numbers []int
	separator := "\n"
	words := c.words[1:]
	if len(words) > 1 && words[0] == "-s" {
		separator, words = words[1], words[2:]
	} else if len(words) > 0 && strings.HasPrefix(words[0], "-s") {
		separator, words = words[0][2:], words[1:]
	}
	for _, word := range words {
		n, err := strconv.Atoi(word)
		if err != nil {
			return Text{}, likely, false
		}
		numbers = append(numbers, n)
	}
	first, step, last := 1, 1, 0
	switch len(numbers) {
	case 1:
		last = numbers[0]
	case 2:
		first, last = numbers[0], numbers[1]
	case 3:
		first, step, last = numbers[0], numbers[1], numbers[2]
	}
	if len(numbers) == 0 || len(numbers) > 3 || step == 0 {
		return Text{}, likely, false
	}
	var out []string
	for n := first; (step > 0 && n <= last || step < 0 && n >= last) && len(out) < maxElements; n += step {
		out = append(out, strconv.Itoa(n))
	}
	return madeText(strings.Join(out, separator)+"\n", c.offset), likely, true
}

// filterMktemp makes up the name of a file: it is one that the rest of the
// script can write and read.
func filterMktemp(sh *shell, c invocation) (Text, status, bool) {
	sh.machine.temporary++
	return madeText("/tmp/tmp."+strconv.Itoa(sh.machine.temporary)+"\n", c.offset), likely, true
}

// filterExpr follows expr with two numbers.
func filterExpr(_ *shell, c invocation) (Text, status, bool) {
	if len(c.words) != 4 {
		return Text{}, likely, false
	}
	a, err := strconv.Atoi(c.words[1])
	b, also := strconv.Atoi(c.words[3])
	if err != nil || also != nil {
		return Text{}, likely, false
	}
	for _, operator := range arithmeticOperators {
		if operator.String() == c.words[2] {
			value, ok := calculated(a, operator, b)
			return madeText(strconv.Itoa(value)+"\n", c.offset), likely, ok
		}
	}
	return Text{}, likely, false
}
