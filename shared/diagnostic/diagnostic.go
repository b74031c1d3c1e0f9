// Package diagnostic shows the findings about local files: as text for people,
// as the report's JSON for programs, and as SARIF 2.1.0 for code scanners.
package diagnostic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
)

// Source is a file that was judged.
type Source struct {
	// Name is shown, and is the artifact's URI in SARIF: a path.
	Name string
	// Content is what the findings' columns, in bytes, count in; it is never
	// shown. Masked is the same text with every secret blotted out byte by
	// byte, of which the lines are shown; nil shows none.
	Content, Masked []byte
	Findings        []finding.Finding
}

// JSON writes the report that the function would return for the files.
func JSON(w io.Writer, function string, sources []Source) error {
	report := finding.Report{Version: version.Number, Function: function, Mode: finding.DryRun, Results: []finding.Result{}}
	for _, source := range sources {
		result := finding.Result{
			Subject: source.Name, Status: finding.Decide(finding.DryRun, source.Findings, nil),
			Findings: append([]finding.Finding{}, source.Findings...), Actions: []finding.Action{},
		}
		result.ID = finding.Identify(function, result)
		report.Results = append(report.Results, result)
	}
	return encode(w, report)
}

func encode(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("write the findings: %w", err)
	}
	return nil
}

// Text writes each finding with its place, the line and a caret under the
// column, and a count at the end:
//
//	ecs.config:3:22: error: ECS_ENGINE_AUTH_DATA is not valid JSON … [auth-data-invalid]
//	  3 | ECS_ENGINE_AUTH_DATA=*****
//	    |                      ^
//	    fix: Write one JSON object on one line.
func Text(w io.Writer, sources []Source) error {
	var out bytes.Buffer
	counts := map[finding.Severity]int{}
	for _, source := range sources {
		lines := bytes.Split(source.Masked, []byte("\n"))
		name := Printable(source.Name)
		for _, f := range source.Findings {
			counts[f.Severity]++
			place := name
			if f.Line > 0 {
				place = fmt.Sprintf("%s:%d:%d", name, f.Line, f.Column)
			}
			fmt.Fprintf(&out, "%s: %s: %s [%s]\n", place, f.Severity, f.Message, f.Code)
			number := fmt.Sprint(f.Line)
			if source.Masked != nil && f.Line > 0 && f.Line <= len(lines) {
				shown, caret := excerpt(lines[f.Line-1], f.Column)
				fmt.Fprintf(&out, "  %s | %s\n  %s | %s^\n", number, shown, strings.Repeat(" ", len(number)), caret)
			}
			if f.Fix != "" {
				fmt.Fprintf(&out, "  %s   fix: %s\n", strings.Repeat(" ", len(number)), f.Fix)
			}
		}
	}
	fmt.Fprintln(&out, summary(len(sources), counts))
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write the findings: %w", err)
	}
	return nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// excerpt gives the part of a line around a column, and the white space that
// puts a caret under it. Tabs stay in both; characters that cannot be printed
// become a middle dot.
func excerpt(line []byte, column int) (shown, caret string) {
	const before, after = 60, 40 // characters
	offset := min(max(column-1, 0), len(line))
	left, right := printable(line[:offset]), printable(line[offset:])
	if len(left) > before {
		left = append([]rune{'…'}, left[len(left)-before+1:]...)
	}
	if len(right) > after {
		right = append(right[:after-1], '…')
	}
	spaces := make([]rune, len(left))
	for i, r := range left {
		spaces[i] = ' '
		if r == '\t' {
			spaces[i] = '\t'
		}
	}
	return strings.TrimRight(string(left)+string(right), " \t"), string(spaces)
}

// Printable gives a text on one line, for a terminal: a file's author chooses
// its name too. Characters that cannot be printed become a middle dot.
func Printable(text string) string { return string(printable([]byte(text))) }

func printable(text []byte) []rune {
	text = bytes.TrimSuffix(text, []byte("\r"))
	runes := make([]rune, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if r == utf8.RuneError || (r != '\t' && !unicode.IsPrint(r)) {
			r = '·'
		}
		runes = append(runes, r)
	}
	return runes
}
