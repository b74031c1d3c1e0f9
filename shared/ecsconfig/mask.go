package ecsconfig

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registryauth"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/variablename"
)

// Mask gives the file with every byte that may belong to a secret as '*', for
// those who show a line of it. Its length, its lines and its columns stay.
//
// What is shown is what is known: the names of variables, the values of
// variables that hold no secret, and of ECS_ENGINE_AUTH_DATA the registries and
// the names of the fields, while it is valid JSON. Everything else is blotted
// out, also comments and lines that no reader understands, because a value
// that was broken over several lines goes on there.
func Mask(content []byte) []byte {
	j := newJudge(Parse(content))
	masked := []byte(j.text)
	for _, l := range j.file.lines {
		if l.assignment < 0 {
			j.maskLoose(masked, l)
			continue
		}
		j.maskAssignment(masked, j.file.Assignments[l.assignment])
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
func (j *judge) maskLoose(masked []byte, l line) {
	text := j.text[l.start:l.end]
	start := l.start
	if name, end, ok := looseSetting(text); ok && text[0] != '#' {
		if v := byName[text[name:end]]; v != nil {
			start += end
			blot(masked, start+j.shownLength(v, text[end:]), l.end)
			return
		}
	}
	blot(masked, start, l.end)
}

func (j *judge) maskAssignment(masked []byte, a Assignment) {
	v := a.variable
	if v == nil {
		v = maskedName(masked, a)
	}
	value := j.text[a.ValueStart:a.ValueEnd]
	switch {
	case v == nil && variablename.IsPublic(a.Name) && isPlain(value):
	case v == nil:
		blot(masked, a.ValueStart, a.ValueEnd)
	case v.Type == RegistryAuth:
		for _, span := range registryauth.Parse("", []byte(value), a.ValueStart).Secrets {
			blot(masked, span.Start, span.End)
		}
	default:
		blot(masked, a.ValueStart+j.shownLength(v, value), a.ValueEnd)
	}
}

// isPlain says that the value of an unknown variable is a boolean, a number or a
// duration, which no secret is.
func isPlain(value string) bool {
	if _, err := strconv.ParseBool(value); err == nil {
		return true
	}
	if _, err := time.ParseDuration(value); err == nil {
		return true
	}
	_, err := strconv.ParseInt(value, 10, 32)
	return err == nil && len(value) <= 5
}

// shownLength is how much of a value may be shown: none of it, or all but a
// comment after it, which may hold what any comment may.
func (j *judge) shownLength(v *Variable, value string) int {
	length := len(value)
	if offset := trailingComment(value); offset >= 0 && !isFlatObject(value) {
		length = offset
	}
	if !j.showsNoSecret(v, value[:length]) {
		return 0
	}
	return length
}

// maskedName masks a name that is not known, but for the known one inside it,
// as after "export ".
func maskedName(masked []byte, a Assignment) *Variable {
	name := strings.TrimRight(a.Name, " \t")
	begin := 0
	if offset := strings.LastIndexAny(name, " \t\"'"+byteOrderMark); offset >= 0 {
		_, size := utf8.DecodeRuneInString(name[offset:])
		begin = offset + size
	}
	// The case of a name gives nothing away where the letters are known.
	if v := byName[strings.ToUpper(name[begin:])]; v != nil && (begin == 0 || isHabit(name[:begin])) {
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

// showsNoSecret says that a value may be shown as it is: it is what the variable
// is for, or a text that no credential looks like.
func (j *judge) showsNoSecret(v *Variable, value string) bool {
	switch {
	case v.Type == Proxy, v.Type == URL:
		return plainAddress.MatchString(value) && secretshape.Find(value) == "" && !secretshape.IsGenerated(value)
	case v.Name == "ECS_ENGINE_AUTH_TYPE":
		word := strings.ToLower(strings.Trim(value, " \t'\";:"))
		return word == registryauth.Docker || word == registryauth.Dockercfg
	case v.Name == "ECS_CLUSTER" && isLikelyCluster(value):
		return true
	case v.Secret, isForeign(v, value), secretshape.IsGenerated(value):
		return false
	case v.Type == StringMap:
		return isFlatObject(value) && !hasSign(value)
	case v.Type.isFree() || v.Type.isJSON():
		return !looksLikeCredential(value)
	}
	return isHarmless(value) || len(j.check(v, value)) == 0
}

// likelyCluster is a cluster's name that begins with a word of letters. What
// follows may be the random suffix that CloudFormation, CDK and Terraform add.
var likelyCluster = lazyregexp.New(`^(?:arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:cluster/)?[A-Za-z]{1,20}(?:[-_][A-Za-z0-9]{1,24}){0,8}$`)

// isLikelyCluster says that a value is what ECS_CLUSTER is for, whatever words
// are in it, as in user-service.
func isLikelyCluster(value string) bool {
	word, _, isCompound := strings.Cut(value, "-")
	return likelyCluster.MatchString(value) && secretshape.Find(value) == "" && (isCompound || !secretshape.IsGenerated(word))
}

// isForeign recognizes a credential by what no value of the variable looks
// like.
func isForeign(v *Variable, value string) bool {
	if accessKey.MatchString(value) || secretshape.Find(value) != "" {
		return true
	}
	switch v.Type {
	case StringMap, RegistryAuth, Proxy, URL, ImageList:
		return false // each of them has colons, and its own rule
	case Text, Path, CommaList, StringList, RouteList:
		return hasPair(value)
	}
	return looksGenerated(value) || hasPair(value)
}

// harmless is what people write for a number, a duration, a word or a path:
// nothing in it changes between letters and digits as a credential does.
var harmless = lazyregexp.New(`^([+-]?[0-9]{1,12}(\.[0-9]{1,6})?( ?[A-Za-z%]{1,12})?|[a-z]{1,20}([ ._/-]{1,2}[a-z]{1,20}){0,6}|[A-Z][a-z]{1,12}|[A-Z]{1,12}|/[A-Za-z0-9._-]{1,20}(/[A-Za-z0-9._-]{1,30}){0,6}/?|[a-z]{2,9}(-[a-z]{2,9}){1,3}-?[0-9]{1,2}[a-z]?|[0-9]{1,5}([-,:] ?[0-9]{1,5}){1,9}|unix://[a-z0-9/._-]{1,60}|[a-z][a-z -]{0,30}[a-z] [0-9]{1,4})$`)

// isHarmless says that a text in the wrong form may be shown all the same.
func isHarmless(text string) bool {
	return harmless.MatchString(text) && !looksLikeCredential(text) && !accessKey.MatchString(text) && secretshape.Find(text) == "" && !looksGenerated(text)
}

func hasSecretShape(text string) bool { return secretShape(text) != "" }

// secretShape names the sort of credential that is in a value, "" for none.
func secretShape(value string) string {
	if value == "" || len(value) > maxVariable {
		return ""
	}
	return secretshape.Find(value)
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
