package rotation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

const (
	usernameKey = "username"
	passwordKey = "password"
	// pullThroughPasswordKey is the password's key in the secrets of ECR's
	// pull-through cache rules, whose names begin with pullThroughPrefix
	// ("Storing your upstream repository credentials", ECR user guide).
	pullThroughPasswordKey = "accessToken"
	pullThroughPrefix      = "ecr-pullthroughcache/"
)

// passwordKeyOf gives the key under which a secret of this name keeps its password.
func passwordKeyOf(secretName string) string {
	if strings.HasPrefix(secretName, pullThroughPrefix) {
		return pullThroughPasswordKey
	}
	return passwordKey
}

// Document is a secret's value: a JSON object with a username and a password as
// ECS reads it ("Private registry authentication", ECS developer guide), and
// whatever else its owner keeps there.
type Document struct {
	Credential registry.Credential
	// text is the value as it was read.
	text               secret.Text
	username, password span
	// others are the remaining fields, in compact JSON.
	others map[string]secret.Text
}

// span is where a value stands in the text.
type span struct{ start, end int }

// ParseDocument reads a secret's value. Its errors say what is wrong with the
// shape and show nothing of it.
func ParseDocument(text secret.Text, passwordKey string) (Document, error) {
	document := Document{text: text, others: map[string]secret.Text{}}
	raw := []byte(text.Reveal())
	shape := fmt.Errorf(`the value is not a JSON object {"%s": "…", "%s": "…"}`, usernameKey, passwordKey)
	if bytes.HasPrefix(raw, []byte("\ufeff")) {
		return Document{}, errors.New("the value begins with a byte order mark, which ECS does not read as JSON")
	}
	if !json.Valid(raw) {
		return Document{}, shape
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return Document{}, shape
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return Document{}, shape
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return Document{}, shape
		}
		end := int(decoder.InputOffset())
		extent := span{end - len(value), end}
		key, _ := name.(string)
		switch {
		// ECS's agent is written in Go, whose JSON reader takes keys in any case.
		case strings.EqualFold(key, usernameKey):
			err = document.take(key, usernameKey, value, extent, &document.username, func(text string) { document.Credential.Username = text })
		case strings.EqualFold(key, passwordKey):
			err = document.take(key, passwordKey, value, extent, &document.password, func(text string) { document.Credential.Password = secret.New(text) })
		default:
			var compact bytes.Buffer
			err = json.Compact(&compact, value)
			document.others[key] = secret.New(compact.String())
		}
		if err != nil {
			return Document{}, err
		}
	}
	switch {
	case document.username == span{} || document.password == span{}:
		return Document{}, shape
	case document.Credential.Username == "" || document.Credential.Password.IsZero():
		return Document{}, errors.New("the username or the password is empty")
	case strings.Contains(document.Credential.Username, ":"):
		return Document{}, errors.New("the username holds a colon, which basic authentication cannot carry")
	}
	return document, nil
}

// take reads one of the two fields.
func (d *Document) take(key, want string, value json.RawMessage, extent span, place *span, keep func(string)) error {
	var text *string
	switch {
	case key != want || *place != span{}:
		return fmt.Errorf("the key %q is there twice, or spelt with other capitals", want)
	case json.Unmarshal(value, &text) != nil || text == nil:
		return fmt.Errorf("the value under %q is not a text", want)
	}
	*place = extent
	keep(*text)
	return nil
}

// With gives the same text with another credential in its place; every other
// byte stays.
func (d Document) With(credential registry.Credential) (secret.Text, error) {
	username, err := quote(credential.Username)
	if err != nil {
		return secret.Text{}, err
	}
	password, err := quote(credential.Password.Reveal())
	if err != nil {
		return secret.Text{}, err
	}
	text := d.text.Reveal()
	first, second := d.username, d.password
	one, two := username, password
	if second.start < first.start {
		first, second, one, two = second, first, two, one
	}
	return secret.New(text[:first.start] + one + text[first.end:second.start] + two + text[second.end:]), nil
}

// quote writes a JSON string without the escapes that are for HTML only.
func quote(text string) (string, error) {
	var quoted strings.Builder
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		return "", errors.New("write the credential as JSON")
	}
	return strings.TrimSuffix(quoted.String(), "\n"), nil
}

// SameBeside reports whether two values differ in nothing but the credential.
func (d Document) SameBeside(other Document) bool {
	if len(d.others) != len(other.others) {
		return false
	}
	for key, value := range d.others {
		if there, ok := other.others[key]; !ok || !there.Equal(value) {
			return false
		}
	}
	return true
}
