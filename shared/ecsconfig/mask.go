package ecsconfig

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"ecsguardrails/shared/lazyregexp"
	"ecsguardrails/shared/registryauth"
	"ecsguardrails/shared/variablename"
)

// Mask gives the file with every byte that may belong to a secret as '*', for
// those who show a line of it. Its length, its lines and its columns stay.
//
// What is shown is what is known: the names of variables, the values of
// variables that hold no secret, and of ECS_ENGINE_AUTH_DATA the registries and
// the names of the fields, while it is valid JSON. Everything else is blotted
// out, comments and lines that nobody understands among them, because a value
// that was broken over several lines goes on there.
func Mask(content []byte) []byte {
	file := Parse(content)
	masked := []byte(file.content.Reveal())
	for _, l := range file.lines {
		if l.assignment < 0 {
			file.maskLoose(masked, l)
			continue
		}
		file.maskAssignment(masked, file.Assignments[l.assignment])
	}
	return masked
}

// blot masks a range, but for white space.
func blot(masked []byte, start, end int) {
	for i := start; i < end; i++ {
		if masked[i] != ' ' && masked[i] != '\t' {
			masked[i] = '*'
		}
	}
}

// maskLoose masks a line without '='.
func (f File) maskLoose(masked []byte, l line) {
	text := f.content.Reveal()[l.start:l.end]
	start := l.start
	if match := looseSetting.FindStringSubmatchIndex(text[:min(len(text), 200)]); match != nil && text[0] != '#' {
		if v := byName[text[match[2]:match[3]]]; v != nil {
			start += match[3]
			blot(masked, start+shownLength(v, text[match[3]:]), l.end)
			return
		}
	}
	blot(masked, start, l.end)
}

func (f File) maskAssignment(masked []byte, a Assignment) {
	text := f.content.Reveal()
	v := byName[a.Name]
	if v == nil {
		v = maskedName(masked, a)
	}
	value := text[a.ValueStart:a.ValueEnd]
	switch {
	case v == nil:
		blot(masked, a.ValueStart, a.ValueEnd)
	case v.Type == RegistryAuth:
		for _, span := range registryauth.Parse("", []byte(value), a.ValueStart).Secrets {
			blot(masked, span.Start, span.End)
		}
	default:
		blot(masked, a.ValueStart+shownLength(v, value), a.ValueEnd)
	}
}

// shownLength is how much of a value may be shown: none of it, or all but a
// comment after it, which may hold what any comment may.
func shownLength(v *Variable, value string) int {
	length := len(value)
	if at := trailingComment(value); at >= 0 && !isFlatObject(value) {
		length = at
	}
	if !showsNoSecret(v, value[:length]) {
		return 0
	}
	return length
}

// maskedName masks a name that is not known, but for the known one inside it,
// as after "export ".
func maskedName(masked []byte, a Assignment) *Variable {
	name := strings.TrimRight(a.Name, " \t")
	begin := 0
	if at := strings.LastIndexAny(name, " \t\"'"+byteOrderMark); at >= 0 {
		_, size := utf8.DecodeRuneInString(name[at:])
		begin = at + size
	}
	if v := byName[name[begin:]]; v != nil && (begin == 0 || isHabit(name[:begin])) {
		return v
	}
	if !variablename.IsPublic(a.Name) {
		blot(masked, a.NameStart, a.ValueStart-1)
	}
	return nil
}

func isHabit(before string) bool {
	switch strings.TrimSpace(before) {
	case "export", "set", "echo", "declare -x", "ENV", "-", byteOrderMark, "#":
		return true
	}
	return false
}

// plainAddress is a host with an optional scheme and port, and no place for a
// password.
var plainAddress = lazyregexp.New(`^([A-Za-z0-9]+://)?[A-Za-z0-9.-]+(:[0-9]{1,5})?/?$`)

// showsNoSecret says that a value may be shown as it is.
func showsNoSecret(v *Variable, value string) bool {
	if v.Name == "ECS_ENGINE_AUTH_TYPE" {
		word := strings.ToLower(strings.Trim(value, " \t'\";:"))
		return word == registryauth.Docker || word == registryauth.Dockercfg
	}
	if v.Type == Proxy || v.Type == URL {
		return plainAddress.MatchString(value)
	}
	if v.isSensitive() || isForeign(v, value) {
		return false
	}
	if v.Type == StringMap {
		return isFlatObject(value) && !hasSign(value)
	}
	return !looksLikeCredential(value)
}

// isForeign recognizes a credential by what no value of the variable looks
// like.
func isForeign(v *Variable, value string) bool {
	if accessKey.MatchString(value) {
		return true
	}
	switch v.Type {
	case StringMap, RegistryAuth, Proxy, URL, ImageList:
		return false // each of them has colons, and a rule of its own
	case Boolean, ExactTrue, Duration, Integer, Mebibytes, Decimal, Choice, ChoiceAnyCase, Region, RateLimit, PortRange, PortList:
		if looksGenerated(value) {
			return true
		}
	}
	return hasPair(value)
}

// accessKey is the id of an AWS key, beside which its secret may stand.
var accessKey = lazyregexp.New(`A[KS]IA[A-Z0-9]{12}`)

// afterColon is what may follow a colon that parts no user name from a
// password: an address, a port, a path, or nothing.
var afterColon = lazyregexp.New(`^(//|[0-9]{1,5}([^0-9A-Za-z]|$)|[/\\]|$)`)

// hasPair says that a text may be user:password, as registries have it.
func hasPair(text string) bool {
	if strings.HasPrefix(strings.Trim(text, ` "'`), "arn:") {
		return false
	}
	for {
		_, rest, found := strings.Cut(text, ":")
		if !found {
			return false
		}
		if !afterColon.MatchString(rest) {
			return true
		}
		text = rest
	}
}

// looksGenerated says that letters and digits take turns in one word, as in
// tokens and base64, and in no number, duration or word that an author mistook.
func looksGenerated(text string) bool {
	const shortest, turns = 10, 3
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !isLetterOrDigit(r) }) {
		count := 0
		for i := 1; i < len(word); i++ {
			if isDigit(word[i]) != isDigit(word[i-1]) {
				count++
			}
		}
		if len(word) >= shortest && count >= turns {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// looksLikeCredential recognizes credentials that stand in the wrong variable,
// and lines that were run together.
func looksLikeCredential(text string) bool {
	return strings.ContainsAny(text, "=@") || hasSign(text) ||
		strings.Contains(text, `"`) && strings.ContainsAny(text, "{}:") && !isFlatObject(text)
}

func hasSign(text string) bool {
	lower := strings.ToLower(text)
	joined := strings.NewReplacer("_", "", "-", "").Replace(lower)
	return slices.ContainsFunc([]string{"auth", "user", "pass", "secret", "token", "credential", "login", "eyj"}, func(sign string) bool {
		return strings.Contains(lower, sign)
	}) || slices.ContainsFunc([]string{"apikey", "accesskey", "privatekey"}, func(sign string) bool {
		return strings.Contains(joined, sign)
	})
}

// isFlatObject says that a text is a JSON object of text to text, as tags are.
// Credentials are objects of objects, and a broken object could be anything.
func isFlatObject(text string) bool {
	var object map[string]string
	return json.Unmarshal([]byte(text), &object) == nil
}
