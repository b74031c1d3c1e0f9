// Package catalogue holds the definition of every finding's code, whichever
// function makes it. It is generated from the packages' codes.go by
// `go -C tests test ./documents -update`, so that a function can explain the
// codes of another one without its code.
package catalogue

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/ecs-guardrails/ecs-guardrails/shared/exitcode"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

//go:embed catalogue.json
var document []byte

// Entry is what is known about a code.
type Entry struct {
	finding.Code
	// Functions make findings of the code; nil stands for any.
	Functions []string `json:"functions,omitempty"`
	// Example is a finding as one of the tests gets it.
	Example    string `json:"example,omitempty"`
	ExampleFix string `json:"exampleFix,omitempty"`
}

// Page is the code's page in the documents, as a path in the repository.
func (e Entry) Page() string { return "docs/findings/" + e.Code.Code + ".md" }

var entries = sync.OnceValue(func() map[string]Entry {
	var listed []Entry
	if err := json.Unmarshal(document, &listed); err != nil {
		panic("catalogue: " + err.Error()) // a test reads it
	}
	byCode := make(map[string]Entry, len(listed))
	for _, entry := range listed {
		byCode[entry.Code.Code] = entry
	}
	return byCode
})

// Of gives the entry of a code.
func Of(code string) (Entry, bool) {
	entry, ok := entries()[code]
	return entry, ok
}

// Codes lists every code in alphabetical order.
func Codes() []string {
	codes := make([]string, 0, len(entries()))
	for code := range entries() {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// ExplainCommand is the first argument that asks a local command for Explain.
const ExplainCommand = "explain"

// Explain writes what the codes mean, for `COMMAND explain CODE…`, and gives the
// exit code.
func Explain(codes []string, stdout, stderr io.Writer) int {
	if len(codes) == 0 || strings.HasPrefix(codes[0], "-") {
		fmt.Fprintln(stderr, "usage: explain CODE…\nExplains a finding's code: what it means, what it causes, and what to do.")
		return exitcode.CouldNotRun
	}
	exit := exitcode.OK
	for i, code := range codes {
		entry, ok := Of(code)
		if !ok {
			fmt.Fprintf(stderr, "explain: %q is not a code.%s docs/findings.md lists all codes.\n", code, suggestion(code))
			exit = exitcode.CouldNotRun
			continue
		}
		if i > 0 {
			fmt.Fprintln(stdout)
		}
		fmt.Fprint(stdout, entry.text())
	}
	return exit
}

// text is the entry for a terminal.
func (e Entry) text() string {
	var text strings.Builder
	who := "any function"
	if len(e.Functions) > 0 {
		who = strings.Join(e.Functions, ", ")
	}
	fmt.Fprintf(&text, "%s (%s; %s)\n\n", e.Code.Code, e.Severity, who)
	for _, part := range [][2]string{{"What it means", e.Cause}, {"What it causes", e.Consequence}, {"What to do", e.Cure}, {"How to undo it", e.Undo}, {"Example", e.Example}} {
		if part[1] != "" {
			fmt.Fprintf(&text, "  %s\n%s\n", part[0], indented(part[1], "    ", 76))
		}
	}
	fmt.Fprintf(&text, "  %s\n", e.Page())
	return text.String()
}

// indented breaks a text between words into lines of at most width characters;
// a word that is longer stays whole.
func indented(text, indent string, width int) string {
	var lines strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		length := len([]rune(word))
		switch {
		case column == 0:
			lines.WriteString(indent)
			column = len(indent)
		case column+1+length > width:
			lines.WriteString("\n" + indent)
			column = len(indent)
		default:
			lines.WriteString(" ")
			column++
		}
		lines.WriteString(word)
		column += length
	}
	return lines.String() + "\n"
}

// suggestion names the codes that share most words with what was written.
func suggestion(written string) string {
	words := strings.FieldsFunc(strings.ToLower(written), func(r rune) bool { return r == '-' || r == '_' || r == ' ' })
	var best []string
	most := 0
	for _, code := range Codes() {
		shared := 0
		for _, word := range strings.Split(code, "-") {
			if slices.Contains(words, word) {
				shared++
			}
		}
		switch {
		case shared == 0 || shared < most:
		case shared > most:
			most, best = shared, []string{code}
		default:
			best = append(best, code)
		}
	}
	if len(best) == 0 || len(best) > 8 {
		return ""
	}
	return " Did you mean " + strings.Join(best, ", ") + "?"
}
