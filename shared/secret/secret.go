// Package secret holds the one type in which passwords, tokens and other
// credentials travel through the code, so that no log, error, tag, metric or
// event can show one by accident.
package secret

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// redacted stands in every output where a secret would have stood.
const redacted = "[redacted]"

// Text is a secret text. Every way of printing, logging or marshalling it
// gives "[redacted]"; Reveal alone gives the text, so a search for Reveal
// lists each place where a secret leaves the process.
//
// It holds a pointer because fmt cannot call methods on an unexported field of
// somebody's struct: it prints the field's own fields, and of a pointer below
// the top level only its address.
type Text struct{ text *string }

// New wraps a secret.
func New(text string) Text { return Text{text: &text} }

// In wraps a secret that a larger list of its kind holds, and which must not
// change: a file of many values takes one piece of memory for all of them.
func In(text *string) Text { return Text{text: text} }

// Reveal gives the secret itself. Its callers hand it to a registry, to
// Secrets Manager or to a file that is its home, and to nothing else.
func (t Text) Reveal() string {
	if t.text == nil {
		return ""
	}
	return *t.text
}

// IsZero reports whether there is no secret at all.
func (t Text) IsZero() bool { return t.Reveal() == "" }

// Equal compares two secrets in constant time for equal lengths.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

// String implements fmt.Stringer without the secret.
func (t Text) String() string { return redacted }

// GoString implements fmt.GoStringer without the secret.
func (t Text) GoString() string { return redacted }

// Format covers every verb, %x and %q among them.
func (t Text) Format(state fmt.State, _ rune) { _, _ = state.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer without the secret.
func (t Text) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the secret out of JSON and every other encoding.
func (t Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText reads a secret from JSON or from the environment.
func (t *Text) UnmarshalText(text []byte) error {
	*t = New(string(text))
	return nil
}
