package sweepreport

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/console"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

//go:embed page.css
var style string

//go:embed page.js
var script string

// markup is text that is HTML already.
type markup string

// writer writes HTML that is well-formed XML as well, which its test makes use
// of. It stands in the place of html/template, whose reflection makes the linker
// keep each method of each AWS client: the function's zip grew from 3.9 to
// 6.4 MB. So the formats are constants, in which each attribute is quoted, and
// whatever comes from outside goes through escaped, be it text or attribute.
type writer struct{ bytes.Buffer }

func (w *writer) put(format string, values ...any) {
	for i, value := range values {
		switch typed := value.(type) {
		case markup:
		case int:
		default:
			values[i] = markup(html.EscapeString(printable(fmt.Sprint(typed))))
		}
	}
	fmt.Fprintf(w, format, values...)
}

// printable replaces what no HTML document may contain, and characters that
// change the direction of what follows, by which a name could pass for another.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < ' ', r >= 0x7f && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfffe, r == 0xffff:
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}

// Page gives the report as one page of HTML that needs nothing from elsewhere,
// and that its own policy lets get nothing: neither script nor style but its own.
func Page(s Summary) []byte {
	var w writer
	w.put(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><meta http-equiv="Content-Security-Policy" content="%s"/>`,
		fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'", hash(style), hash(script)))
	w.put(`<meta name="viewport" content="width=device-width, initial-scale=1"/><meta name="referrer" content="no-referrer"/><meta name="color-scheme" content="light dark"/>
<title>ECS Guardrails: %s</title><style>%s</style></head>
<body><main data-bucket="%s" data-region="%s">
`, s.Headline, markup(style), bucketOf(s), s.Region)
	w.head(s)
	w.counts(s)
	w.worklist(s)
	w.aside(s)
	w.kinds(s)
	w.codes(s)
	w.put("</main><script>%s</script></body></html>\n", markup(script))
	return w.Bytes()
}

// hash is how a content security policy names a script or style that it admits.
func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (w *writer) head(s Summary) {
	w.put(`<header><p class="brand">ECS Guardrails – sweep</p><h1>%s</h1>
<dl class="facts">`, s.Headline)
	fact := func(name, value string) {
		if value != "" {
			w.put("<div><dt>%s</dt><dd>%s</dd></div>", name, value)
		}
	}
	fact("Account", s.Account)
	fact("Region", s.Region)
	fact("Stack", s.Stack)
	fact("Mode", string(s.Mode))
	fact("Begun", s.Started.UTC().Format("2 January 2006, 15:04 UTC"))
	fact("Took", s.Ended.Sub(s.Started).Round(time.Second).String())
	fact("Sweep", s.Sweep)
	fact("Version", s.Version)
	if !s.Since.IsZero() {
		fact("New since "+s.Since.UTC().Format("2 January, 15:04"), grouped(s.New))
		fact("Resolved since then", grouped(len(s.Resolved)))
	}
	if link := console.Object(s.Region, s.Document); link != "" {
		w.put(`<div><dt>For programs</dt><dd><a href="%s" target="_blank" rel="noopener noreferrer">this report as JSON</a></dd></div>`, link)
	}
	w.put("</dl>")
	if !s.Complete {
		w.put(`<p class="note">This sweep is not complete: %s still unknown.</p>`, waiting(s.Waiting))
	}
	if s.Mode == finding.DryRun {
		w.put(`<p class="note">Nothing was changed: the sweep asked for plans only.</p>`)
	}
	if s.Asks != "" {
		w.put(`<p class="note">%s</p>`, s.Asks)
	}
	w.put("</header>\n")
}

// meanings say what a status is, to people who see it for the first time.
var meanings = map[finding.Status]string{
	finding.Failed: "couldn't be checked", finding.Noncompliant: "wrong; needs a person", finding.Planned: "wrong; enforce mode would fix it",
	finding.Remediated: "was wrong, and is fixed", finding.Skipped: "not looked after", finding.Compliant: "as they should be",
}

func (w *writer) counts(s Summary) {
	w.put(`<section class="counts" aria-label="Counts by status">`)
	for _, status := range rank {
		w.put(`<a class="count %s" href="#status=%[1]s"><b>%s</b><span>%[1]s</span><small>%[3]s</small></a>`, status, grouped(s.Statuses[status]), meanings[status])
	}
	w.put("</section>\n")
}

// grouped writes a number as people read it.
func grouped(number int) string {
	text := strconv.Itoa(number)
	for offset := len(text) - 3; offset > 0; offset -= 3 {
		text = text[:offset] + "," + text[offset:]
	}
	return text
}

const (
	// unit is how long the bars are; they stretch to the width that there is.
	unit = 1000
	// least is the shortest part of a bar that can be seen.
	least = 15
)

func (w *writer) kinds(s Summary) {
	w.put(`<section><h2>By kind</h2><table class="chart"><thead><tr><th scope="col">Kind</th><th scope="col" class="bar">Share of each status</th><th scope="col" class="number">Subjects</th><th scope="col" class="number">Listed</th></tr></thead><tbody>
`)
	for _, kind := range s.Kinds {
		total := 0
		var words []string
		for _, status := range rank {
			if count := kind.Statuses[status]; count > 0 {
				total += count
				words = append(words, fmt.Sprintf("%s %s", grouped(count), status))
			}
		}
		w.put(`<tr><th scope="row">%s</th><td class="bar"><svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="%s">`, kind.Name, cmp.Or(strings.Join(words, ", "), "none"))
		offset := 0
		for _, status := range rank {
			if count := kind.Statuses[status]; count > 0 {
				// At least a line of what is wrong shows among thousands that are right.
				width := min(max(count*unit/total, least), unit-offset)
				w.put(`<rect class="%s" x="%d" width="%d" height="10"/>`, status, offset, width)
				offset += width
			}
		}
		listed := "–"
		if kind.Listed > 0 {
			listed = grouped(kind.Listed)
		}
		w.put(`</svg></td><td class="number">%s</td><td class="number">%s</td></tr>
`, grouped(total), listed)
	}
	w.put("</tbody></table></section>\n")
}

// maxCodes is how many codes the chart has.
const maxCodes = 12

func (w *writer) codes(s Summary) {
	codes := descending(s.Codes)
	if len(codes) == 0 {
		return
	}
	w.put(`<section><h2>Most frequent findings</h2><table class="chart"><thead><tr><th scope="col">Finding</th><th scope="col" class="bar">How often</th><th scope="col" class="number">Times</th></tr></thead><tbody>
`)
	for _, code := range codes[:min(maxCodes, len(codes))] {
		w.put(`<tr><th scope="row"><code>%s</code></th><td class="bar"><svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true"><rect class="code" width="%d" height="10"/></svg></td><td class="number">%s</td></tr>
`, code.name, max(code.count*unit/codes[0].count, least), grouped(code.count))
	}
	w.put("</tbody></table></section>\n")
}

// waiting counts the subjects without an answer, as the beginning of a clause.
func waiting(count int) string {
	if count == 1 {
		return "the result of 1 subject is"
	}
	return "the results of " + grouped(count) + " subjects are"
}

// bucketOf is the bucket that the report is in, and mute.json; "" for none.
func bucketOf(s Summary) string {
	bucket, _, found := strings.Cut(strings.TrimPrefix(s.Page, "s3://"), "/")
	if !found {
		return ""
	}
	return bucket
}

// filter is hidden until the script shows it: without one, everything is shown.
func (w *writer) filter(s Summary) {
	w.put(`<form id="filter" hidden="hidden" aria-label="Filter"><label>Search <input type="search" id="text" placeholder="name, code, words"/></label>`)
	choice := func(id, label string, values []string) {
		w.put(`<label for="%[2]s">%[1]s <select id="%[2]s"><option value="">all</option>`, label, id)
		for _, value := range values {
			w.put(`<option>%s</option>`, value)
		}
		w.put(`</select></label>`)
	}
	var statuses, kinds, owners, severities []string
	codes := map[string]int{}
	add := func(to *[]string, value string) {
		if value != "" && !slices.Contains(*to, value) {
			*to = append(*to, value)
		}
	}
	for _, result := range s.Results {
		if result.Accepted {
			continue
		}
		add(&statuses, string(result.Status))
		add(&kinds, result.Kind)
		add(&owners, ownerOf(result))
		worst, _ := result.Gravest()
		add(&severities, string(worst.Severity))
		for _, f := range result.Findings {
			codes[f.Code]++
		}
	}
	names := make([]string, 0, len(codes))
	for _, code := range descending(codes) {
		names = append(names, code.name)
	}
	choice("severity", "Severity", severities)
	choice("status", "Status", statuses)
	choice("kind", "Kind", kinds)
	choice("code", "Finding", names)
	choice("owner", "Owner", owners)
	w.put(`<label class="check"><input type="checkbox" id="new"/> New only</label>`)
	w.put(`<output id="shown">%s shown</output></form>
`, grouped(len(s.Results)))
}
