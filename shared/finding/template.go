package finding

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/escape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

// Template is what a finding says, as whole sentences. Values go where a place in
// braces is: "S3 can't list the bucket {bucket}." Each value is shown by its kind, so
// no text from outside gets into a message as it is. A package keeps its templates in
// messages.go, and findingtest.Templates renders each with every kind of value.
type Template struct {
	Code         string
	Severity     Severity
	Message, Fix string
}

// With makes the finding. It panics if the values are not those of the template's
// places: a fault of the program, which the test of the template's code finds.
func (t Template) With(values ...Value) Finding {
	known := make(map[string]string, len(values))
	for _, value := range values {
		known[value.place] = value.shown
	}
	used := map[string]bool{}
	fill := func(name string) string {
		shown, ok := known[name]
		if !ok {
			panic("finding " + t.Code + ": no value for {" + name + "}")
		}
		used[name] = true
		return shown
	}
	f := Finding{Code: t.Code, Severity: t.Severity, Message: filled(t.Message, fill), Fix: filled(t.Fix, fill)}
	if len(used) < len(known) {
		panic("finding " + t.Code + ": a value has no place")
	}
	return f
}

// Also adds what another template says to a finding's message, as sentences of their
// own.
func (f Finding) Also(more Template, values ...Value) Finding {
	f.Message += " " + more.With(values...).Message
	return f
}

// filled replaces each place of a text: a word of small letters in braces. JSON in a
// fix has none, because its keys are quoted.
func filled(text string, value func(name string) string) string {
	var whole strings.Builder
	for {
		before, after, found := strings.Cut(text, "{")
		whole.WriteString(before)
		if !found {
			return whole.String()
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "" || name == "" {
			whole.WriteString("{")
			text = after
			continue
		}
		whole.WriteString(value(name))
		text = rest
	}
}

// Value is a value as a message shows it.
type Value struct{ place, shown string }

// Name is what others chose: the name, ARN, tag or key of a thing.
func Name(place, name string) Value { return Value{place, Shown(name)} }

// Names lists the first five names, and counts the others.
func Names(place string, names []string) Value { return Value{place, listed(names)} }

// Count is a number of things, in the form that their number needs.
func Count(place string, count int, one, many string) Value {
	if count == 1 {
		return Value{place, "1 " + one}
	}
	return Value{place, strconv.Itoa(count) + " " + many}
}

// Moment is a time, in UTC and to the minute.
func Moment(place string, moment time.Time) Value {
	return Value{place, moment.UTC().Format("2006-01-02 15:04 MST")}
}

// Lasting is a length of time.
func Lasting(place string, length time.Duration) Value {
	text := length.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return Value{place, text}
}

// Answer is the error code that a service answered with.
func Answer(place, code string) Value {
	if !answerForm.MatchString(code) || secretshape.Find(code) != "" {
		code = "an error"
	}
	return Value{place, code}
}

var answerForm = lazyregexp.New(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// Quote is what a service wrote, in quotation marks.
func Quote(place, text string) Value {
	shown := Shown(text)
	if !strings.HasPrefix(shown, `"`) && !strings.HasPrefix(shown, "(") {
		shown = `"` + shown + `"`
	}
	return Value{place, shown}
}

// Clause is a reason in words, some of which may be from outside.
func Clause(place, text string) Value { return Value{place, Said(text)} }

// Said gives a reason in words, some of which may be from outside, as the end of a
// sentence shows it: on one line, without its full stop, and not at all if it holds
// a secret.
func Said(text string) string {
	if kind := secretshape.Find(text); kind != "" {
		return "not shown, because it holds " + kind
	}
	text = strings.TrimRight(strings.Join(strings.Fields(escape.Line(text)), " "), " .,:;")
	if text == "" {
		return "no reason is given"
	}
	if len(text) > maxClause {
		text = strings.ToValidUTF8(text[:maxClause], "") + "…"
	}
	return text
}

// maxClause bounds a reason, in bytes.
const maxClause = 500

// Argument is a name inside a command to paste; one that a shell would not take as a
// single word as it is becomes NAME, for the reader to fill in.
func Argument(place, name string) Value {
	name = strings.TrimSpace(escape.Line(name))
	if !bareArgument.MatchString(name) || len(name) > maxArgument || secretshape.Find(name) != "" {
		return Value{place, "NAME"}
	}
	return Value{place, name}
}

// Arguments are names inside a command to paste, with spaces between.
func Arguments(place string, names []string) Value {
	shown := make([]string, len(names))
	for i, name := range names {
		shown[i] = Argument(place, name).shown
	}
	return Value{place, strings.Join(shown, " ")}
}

// maxArgument bounds an argument, in bytes: more than an ARN has in practice.
const maxArgument = 512

// bareArgument needs no quotes in any shell.
var bareArgument = lazyregexp.New(`^[A-Za-z0-9_+=,.@:/-]+$`)

// Words is text of this program: a constant, a parameter, an operation.
func Words(place, text string) Value { return Value{place, text} }

// plainName needs no quotes in a sentence.
var plainName = lazyregexp.New(`^[\pL\pN_/*.]([\pL\pN_+=,@:/*.#~-]*[\pL\pN_/*=])?$`)

// Shown gives a name that others chose as a sentence shows it: on one line, at most 120
// bytes of it, in quotation marks where it could be taken for something else, and not
// at all if it looks like a secret.
func Shown(name string) string {
	if kind := secretshape.Find(name); kind != "" {
		return "(not shown: it looks like " + kind + ")"
	}
	name = Shortened(strings.Join(strings.Fields(escape.Line(name)), " "))
	switch {
	case name == "":
		return "(no name)"
	case plainName.MatchString(name):
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `'`) + `"`
}

// conditionKey is how policies name condition keys.
var conditionKey = lazyregexp.New(`^[A-Za-z0-9-]{1,40}:[A-Za-z0-9_./:-]{1,80}$`)

// ShownKeys lists the condition keys that a policy names, each once. Anyone who can
// write the policy can put anything there, also a secret.
func ShownKeys(keys []string) string {
	var shown []string
	for _, key := range keys {
		if !conditionKey.MatchString(key) || secretshape.IsMisplaced(key) {
			key = "a condition key of an unknown form (not shown)"
		}
		if !slices.Contains(shown, key) {
			shown = append(shown, key)
		}
	}
	return strings.Join(shown, ", ")
}

// mostListed is how many names a message lists.
const mostListed = 5

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	shown := make([]string, 0, mostListed)
	for _, name := range names[:min(len(names), mostListed)] {
		shown = append(shown, Shown(name))
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - mostListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
