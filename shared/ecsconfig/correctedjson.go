package ecsconfig

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// pair is a name with its text in a JSON object of strings.
type pair struct{ name, text string }

// withCorrectedMap adds the object of strings that a value was meant as.
func withCorrectedMap(p problem, v *Variable, value string) problem {
	pairs, sure := meantPairs(value)
	if len(pairs) == 0 {
		return p
	}
	var object bytes.Buffer
	for i, one := range pairs {
		object.WriteString(map[bool]string{true: "{", false: ","}[i == 0] + quotedJSON(one.name) + ":" + quotedJSON(one.text))
	}
	object.WriteByte('}')
	if v.Reader == SystemdReader && strings.Contains(object.String(), `\`) {
		return p // systemd would take the backslashes away
	}
	check := checkStringMap
	if v.Check != nil {
		check = v.Check
	}
	if worst(check(nil, v, object.String())).Rank() <= finding.Warning.Rank() {
		return p // a correction that is flagged again is none
	}
	p.value, p.sure = object.String(), sure
	p.fix = `Write every name and every value in double quotes, as in ` + v.Name + `={"name":"text"}`
	return p
}

func quotedJSON(text string) string {
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		return `""` // of a string, never
	}
	return strings.TrimSuffix(quoted.String(), "\n")
}

// meantPairs are those of an object in which numbers and booleans have no quotes,
// of one with a comma too many, of a list of names and values as the AWS APIs take
// it, and of names and values without any quotes. sure says that the value can be
// read in one way only.
func meantPairs(value string) (pairs []pair, sure bool) {
	for _, text := range []string{value, withoutLastCommas(value)} {
		if pairs := jsonPairs(text); pairs != nil {
			return pairs, true
		}
	}
	return loosePairs(value)
}

// jsonPairs reads JSON whose only fault is the type of its values; nil for any
// other.
func jsonPairs(text string) []pair {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	first, err := decoder.Token()
	if err != nil {
		return nil
	}
	var pairs []pair
	for decoder.More() {
		read := onePair
		if first == json.Delim('[') {
			read = namedPair
		}
		next, ok := read(decoder)
		if !ok {
			return nil
		}
		pairs = append(pairs, next)
	}
	if _, err := decoder.Token(); err != nil {
		return nil
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil
	}
	return pairs
}

// onePair reads a name and its scalar value.
func onePair(decoder *json.Decoder) (pair, bool) {
	name, err := decoder.Token()
	text, isText := name.(string)
	if err != nil || !isText {
		return pair{}, false
	}
	value, err := decoder.Token()
	if err != nil {
		return pair{}, false
	}
	switch value := value.(type) {
	case string:
		return pair{text, value}, true
	case json.Number:
		return pair{text, value.String()}, true
	case bool:
		return pair{text, map[bool]string{true: "true", false: "false"}[value]}, true
	case nil:
		return pair{text, ""}, true
	}
	return pair{}, false
}

// namedPair reads {"Key":"…","Value":"…"}, or {"name":"…","value":"…"}.
func namedPair(decoder *json.Decoder) (pair, bool) {
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return pair{}, false
	}
	var found pair
	fields := 0
	for ; decoder.More(); fields++ {
		field, ok := onePair(decoder)
		if !ok {
			return pair{}, false
		}
		switch strings.ToLower(field.name) {
		case "key", "name":
			found.name = field.text
		case "value":
			found.text = field.text
		default:
			return pair{}, false
		}
	}
	closing, err := decoder.Token()
	return found, err == nil && closing == json.Delim('}') && fields == 2 && found.name != ""
}

// withoutLastCommas takes away the commas before a closing bracket.
func withoutLastCommas(text string) string {
	var kept strings.Builder
	inString, comma := false, ""
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case inString && c == '\\' && i+1 < len(text):
			kept.WriteByte(c)
			i++
			c = text[i]
		case c == '"':
			inString = !inString
		case !inString && (c == ',' && comma == "" || comma != "" && isBlank(c)):
			comma += string(c)
			continue
		}
		if c != '}' && c != ']' {
			kept.WriteString(comma)
		}
		comma = ""
		kept.WriteByte(c)
	}
	return kept.String() + comma
}

var looseWord = lazyregexp.New(`^[A-Za-z0-9_./@-]([A-Za-z0-9_./@ -]*[A-Za-z0-9_./@-])?$`)

// loosePairs reads {a:b,c:d}, of which a shell took the quotes away, and
// a=b,c=d.
func loosePairs(value string) (pairs []pair, sure bool) {
	text, isOpened := strings.CutPrefix(strings.TrimSpace(value), "{")
	text, isClosed := strings.CutSuffix(text, "}")
	sure = isOpened && isClosed
	for entry := range strings.SplitSeq(text, ",") {
		place := strings.IndexAny(entry, ":=")
		if place < 0 {
			return nil, false
		}
		sure = sure && entry[place] == ':'
		next := pair{bareWord(entry[:place]), bareWord(entry[place+1:])}
		if !looseWord.MatchString(next.name) || !looseWord.MatchString(next.text) {
			return nil, false
		}
		pairs = append(pairs, next)
	}
	return pairs, sure
}

// bareWord is a word without the blanks and quotes around it.
func bareWord(text string) string {
	text = strings.TrimSpace(text)
	if inner, ok := unquoted(text); ok {
		return inner
	}
	return text
}
