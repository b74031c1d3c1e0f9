package sweepreport

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/catalogue"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/mute"
)

// cause is what several subjects have in common: the code of their gravest finding,
// and who owns them. One person can mend all of it in one go.
type cause struct {
	code     string
	owner    string
	severity finding.Severity
	results  []Result
}

// causes groups the results that stand, the worst first: by severity, then by how
// many subjects a cause has.
func causes(results []Result) []*cause {
	var groups []*cause
	index := map[[2]string]*cause{}
	for _, result := range results {
		if result.Accepted {
			continue
		}
		worst, _ := result.Gravest()
		key := [2]string{worst.Code, ownerOf(result)}
		group := index[key]
		if group == nil {
			group = &cause{code: worst.Code, owner: key[1], severity: worst.Severity}
			index[key] = group
			groups = append(groups, group)
		}
		if worst.Severity.Rank() < group.severity.Rank() {
			group.severity = worst.Severity
		}
		group.results = append(group.results, result)
	}
	slices.SortStableFunc(groups, func(a, b *cause) int {
		return cmp.Or(
			cmp.Compare(urgency(a.results), urgency(b.results)),
			cmp.Compare(a.severity.Rank(), b.severity.Rank()),
			cmp.Compare(len(b.results), len(a.results)),
			strings.Compare(a.code, b.code),
			strings.Compare(a.owner, b.owner),
		)
	})
	return groups
}

// urgency puts what is done already, and what isn't looked after, last.
func urgency(results []Result) int {
	if slices.ContainsFunc(results, Result.isOpen) {
		return 0
	}
	return 1
}

// ownerOf names the tool that manages a subject, "" where none was recognized.
func ownerOf(result Result) string {
	if !result.Owner.IsKnown() {
		return ""
	}
	return result.Owner.String()
}

var safeID = regexp.MustCompile(`^[0-9a-f]{16}(\.[a-z0-9-]{1,64})?$`)

// anchor is the id of a subject's element, to which a message or a colleague can
// link: the result's own, or its number where it has none.
func anchor(result Result, number int) string {
	if safeID.MatchString(result.ID) {
		return result.ID
	}
	return fmt.Sprintf("subject-%d", number)
}

// command gives what a fix has to be pasted: what follows "Run: " up to the end of
// the sentence, outside single quotes; "" where the fix is words.
func command(fix string) string {
	_, text, found := strings.Cut(fix, "Run: ")
	if !found {
		return ""
	}
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\'':
			quoted = !quoted
		case text[i] == '.' && !quoted && (i+1 == len(text) || text[i+1] == ' '):
			return text[:i]
		}
	}
	return strings.TrimSpace(text)
}

// worklist shows the causes with their subjects.
func (w *writer) worklist(s Summary) {
	w.put(`<section aria-labelledby="worklist"><h2 id="worklist">To do, by cause</h2>
`)
	groups := causes(s.Results)
	if len(groups) == 0 {
		w.put(`<p class="nothing">Nothing. There is nothing to do.</p></section>
`)
		return
	}
	w.filter(s)
	if s.LeftOut > 0 {
		w.put(`<p class="note">%s more are counted above and not shown here.</p>`, grouped(s.LeftOut))
	}
	w.put("<div id=\"subjects\">\n")
	number := 0
	for _, group := range groups {
		w.cause(s, group, &number)
	}
	w.put("</div></section>\n")
}

// manySubjects is from how many subjects on a cause is closed at first.
const manySubjects = 20

func (w *writer) cause(s Summary, group *cause, number *int) {
	w.put(`<details class="cause %s"%s><summary><span class="severity">%[1]s</span> <code>%[3]s</code> <span class="howmany">%[4]s</span>`,
		group.severity, markup(opened(len(group.results))), group.code, plural(len(group.results), "subject"))
	if group.owner != "" {
		w.put(` <span class="owner">managed by %s</span>`, group.owner)
	}
	w.put("</summary>\n")
	if entry, known := catalogue.Of(group.code); known {
		w.put(`<div class="about"><p>%s`, plainCode(entry.Cause))
		if entry.Consequence != "" {
			w.put(` <b>Consequence:</b> %s`, plainCode(entry.Consequence))
		}
		w.put(`</p><p><b>What to do:</b> %s</p><p class="more">More: <code>%s</code></p></div>
`, plainCode(entry.Cure), entry.Page())
	}
	for _, result := range group.results {
		*number++
		w.subject(s, result, anchor(result, *number))
	}
	w.put("</details>\n")
}

// opened is the attribute of a cause that shows its subjects at first.
func opened(subjects int) string {
	if subjects > manySubjects {
		return ""
	}
	return ` open="open"`
}

// plainCode takes the Markdown of a definition away, which the page doesn't show.
func plainCode(text string) string { return strings.ReplaceAll(text, "`", "") }

func plural(count int, noun string) string {
	if count == 1 {
		return "1 " + noun
	}
	return grouped(count) + " " + noun + "s"
}

func (w *writer) subject(s Summary, result Result, id string) {
	var codes []string
	worst := finding.Severity("")
	for _, f := range result.Findings {
		if !slices.Contains(codes, f.Code) {
			codes = append(codes, f.Code)
		}
		if worst == "" || f.Severity.Rank() < worst.Rank() {
			worst = f.Severity
		}
	}
	w.put(`<article id="%s" class="%s" data-status="%[2]s" data-kind="%s" data-codes="%s" data-severity="%s" data-owner="%s"`,
		id, result.Status, result.Kind, strings.Join(codes, " "), worst, ownerOf(result))
	if result.New {
		w.put(` data-new="yes"`)
	}
	w.put(`><h3><span class="status">%s</span> <span class="kind">%s</span> <span class="name">%s</span>`, result.Status, result.Kind, result.Subject)
	if result.New {
		w.put(` <span class="new">new</span>`)
	}
	if link := consoleLink(s, result); link != "" {
		w.put(` <a class="console" href="%s" target="_blank" rel="noopener noreferrer">AWS console</a>`, link)
	}
	w.put(` <a class="here" href="#%s">link</a></h3>`, id)
	w.findings(result)
	w.actions(result)
	w.put("</article>\n")
}

func (w *writer) findings(result Result) {
	if len(result.Findings) == 0 {
		return
	}
	w.put("<ul>")
	for _, f := range result.Findings {
		w.put(`<li class="%s" data-code="%s"><code>%[2]s</code> <span class="severity">%[1]s</span>`, f.Severity, f.Code)
		if f.Line > 0 {
			w.put(` <span class="place">line %d</span>`, f.Line)
		}
		w.put("<p>%s</p>", f.Message)
		if f.Fix != "" {
			w.put(`<p class="cure"><b>To do:</b> <span class="fix">%s</span></p>`, f.Fix)
		}
		if run := command(f.Fix); run != "" {
			w.put(`<pre tabindex="0">%s</pre>`, run)
		}
		w.put("</li>")
	}
	w.put("</ul>")
	for _, m := range result.Muted {
		w.put(`<p class="muted">Muted: <code>%s</code> until %s: %s</p>`, m.Code, m.Until, m.Reason)
	}
}

func (w *writer) actions(result Result) {
	if len(result.Actions) == 0 {
		return
	}
	w.put(`<ol class="actions">`)
	for _, action := range result.Actions {
		done := "Planned"
		if action.Applied {
			done = "Done"
		}
		w.put(`<li>%s: <code>%s</code> %s`, done, action.Kind, action.Target)
		if action.Summary != "" {
			w.put(` (%s)`, action.Summary)
		}
		w.put("</li>")
	}
	w.put("</ol>")
}

// aside shows what needs no work: resolved and accepted problems.
func (w *writer) aside(s Summary) {
	if len(s.Resolved) > 0 {
		w.put(`<details class="aside"><summary>Resolved since the sweep of %s: %s</summary><ul>`, s.Since.UTC().Format("2 January 2006, 15:04 UTC"), grouped(len(s.Resolved)))
		for _, known := range s.Resolved {
			_, code, _ := strings.Cut(known.ID, ".")
			w.put(`<li><code>%s</code> %s</li>`, code, known.Subject)
		}
		w.put("</ul></details>\n")
	}
	if s.Muted == 0 && len(s.EndedMutes) == 0 && s.MuteProblem == "" {
		return
	}
	w.put(`<details class="aside"><summary>Muted: %s</summary>`, plural(s.Muted, "subject"))
	if s.MuteProblem != "" {
		w.put(`<p class="note">%s</p>`, s.MuteProblem)
	}
	if len(s.EndedMutes) > 0 {
		w.put(`<p>Ended; renew them in <code>%s</code>, or delete them there:</p><ul>`, mute.Key)
		for _, ended := range s.EndedMutes {
			w.put("<li>%s</li>", ended)
		}
		w.put("</ul>")
	}
	w.put("<ul>")
	for _, result := range s.Results {
		if !result.Accepted {
			continue
		}
		for _, m := range result.Muted {
			w.put(`<li><code>%s</code> %s: %s (until %s)</li>`, m.Code, result.Subject, m.Reason, m.Until)
		}
	}
	w.put("</ul></details>\n")
}
