// Package scan looks at everything that exists with the credentials of a shell,
// judges it in this process with the planners of the deployed functions, and
// changes nothing.
package scan

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
)

// Options are what a scan is about.
type Options struct {
	// Only are the kinds to look at; empty for all.
	Only []sweep.Kind
	// Families and Roles are patterns with * and ?; empty for all.
	Families, Roles []string
	// Buckets are searched for config files; empty for all of the account's in the
	// region, of which the first objects are listed.
	Buckets []string
	// SecretValues has the values of registry secrets read: whether they hold a user
	// name and a password, and whether the registry takes them.
	SecretValues bool
}

// The kinds that only a scan has.
const (
	// Tasks are those that stopped within the last hour, as long as ECS remembers them.
	Tasks sweep.Kind = "stopped-tasks"
)

// Kinds in the order of the report.
var Kinds = []sweep.Kind{sweep.Account, sweep.Roles, sweep.ConfigObjects, sweep.TaskDefinitions, sweep.Secrets, Tasks}

// wants reports whether a kind should be looked at.
func (o Options) wants(kind sweep.Kind) bool {
	return len(o.Only) == 0 || slices.Contains(o.Only, kind)
}

// matches reports whether a name fits one of the patterns, or there are none.
func matches(patterns []string, name string) bool {
	for _, pattern := range patterns {
		if matched, err := path.Match(pattern, name); err == nil && matched {
			return true
		}
	}
	return len(patterns) == 0
}

// chunk is how many subjects one request names; chunksSideBySide how many
// requests are worked on at once, each of which looks at four subjects.
const (
	chunk            = 20
	chunksSideBySide = 4
)

// judge looks at the subjects of one kind.
type judge struct {
	kind sweep.Kind
	// field of a request by hand that names subjects, as in events/; one says that it
	// takes a single name.
	field string
	one   bool
	pipeline.Runner
}

// part is what was found of one kind in one region.
type part struct {
	listed   int
	settled  int
	findings []finding.Finding
	results  []finding.Result
}

// progress is called with how far a scan is.
type progress func(kind sweep.Kind, done, total int)

// Region scans one region. An error means that it could not be scanned at all;
// what can't be read of it is a finding.
func Region(ctx context.Context, options Options, environ []string, configuration aws.Config, now func() time.Time, tell progress) (sweepreport.Summary, error) {
	account, err := newAccount(options, environ, configuration, now)
	if err != nil {
		return sweepreport.Summary{}, err
	}
	summary := sweepreport.Summary{Sweep: "scan", Region: configuration.Region, Mode: finding.DryRun, Started: now().UTC(), Complete: true}
	if summary.Account, err = account.id(ctx); err != nil {
		return sweepreport.Summary{}, err
	}
	var kinds []sweep.Kind
	for _, kind := range Kinds {
		if options.wants(kind) {
			kinds = append(kinds, kind)
		}
	}
	parts := make([]part, len(kinds))
	var group errgroup.Group
	for i, kind := range kinds {
		group.Go(func() error {
			parts[i] = account.look(ctx, kind, tell)
			return nil
		})
	}
	_ = group.Wait()
	for i, kind := range kinds {
		parts[i].into(&summary, kind)
	}
	summary.Ended = now().UTC()
	return summary.Completed(), nil
}

// into adds what was found of a kind.
func (p part) into(summary *sweepreport.Summary, kind sweep.Kind) {
	if len(p.findings) > 0 {
		result := finding.Result{Subject: string(kind), Status: finding.Compliant, Findings: p.findings, Actions: []finding.Action{}}
		if slices.ContainsFunc(p.findings, finding.Finding.Standing) {
			result.Status = finding.Noncompliant
		}
		p.results = append(p.results, result)
	}
	tally := sweepreport.Kind{Name: string(kind), Listed: p.listed, Statuses: map[finding.Status]int{}, Codes: map[string]int{}}
	if p.settled > 0 {
		tally.Statuses[finding.Compliant] = p.settled
	}
	for _, result := range p.results {
		tally.Statuses[result.Status]++
		for _, f := range result.Findings {
			if f.Severity != finding.Info {
				tally.Codes[f.Code]++
			}
		}
		if result.Status != finding.Compliant && (result.Status != finding.Skipped || slices.ContainsFunc(result.Findings, finding.Finding.Standing)) {
			summary.Results = append(summary.Results, sweepreport.Result{Kind: string(kind), Result: result})
		}
	}
	summary.Kinds = append(summary.Kinds, tally)
}

// look lists and judges one kind.
func (a *account) look(ctx context.Context, kind sweep.Kind, tell progress) part {
	listed := a.list(ctx, kind)
	found := part{listed: listed.listed, settled: listed.settled, findings: listed.findings}
	judge, judged := a.judges[kind]
	if !judged || len(listed.names) == 0 {
		return found
	}
	size := chunk
	if judge.one {
		size = 1
	}
	var group errgroup.Group
	group.SetLimit(chunksSideBySide)
	var mutex sync.Mutex
	done := 0
	tell(kind, 0, len(listed.names))
	for names := range slices.Chunk(listed.names, size) {
		group.Go(func() error {
			results := judge.results(ctx, names)
			mutex.Lock()
			defer mutex.Unlock()
			found.results = append(found.results, results...)
			done += len(names)
			tell(kind, done, len(listed.names))
			return nil
		})
	}
	_ = group.Wait()
	slices.SortFunc(found.results, func(a, b finding.Result) int { return cmp.Compare(a.Subject, b.Subject) })
	return found
}

// results asks the function for plans, in the form of a request by hand.
func (j judge) results(ctx context.Context, names []string) []finding.Result {
	request := map[string]any{"dry-run": true, j.field: names}
	if j.one {
		request[j.field] = names[0]
	}
	// Texts and lists of texts always marshal.
	payload, _ := json.Marshal(request)
	return j.Handle(ctx, payload).Report().Results
}

// Worst gives the gravest severity of what stands in the summaries; "" for none.
func Worst(summaries []sweepreport.Summary) finding.Severity {
	var worst finding.Severity
	for _, summary := range summaries {
		for _, result := range summary.Results {
			for _, f := range result.Findings {
				if f.Severity == finding.Error || worst == "" && f.Severity == finding.Warning {
					worst = f.Severity
				}
				if worst == finding.Error {
					return worst
				}
			}
		}
	}
	return worst
}

// Write shows summaries to a person: what there is, and the worst of it.
func Write(to io.Writer, summaries []sweepreport.Summary, most int) error {
	var text strings.Builder
	for _, summary := range summaries {
		fmt.Fprintf(&text, "\n%s, account %s: %s\n\n", summary.Region, summary.Account, summary.Headline)
		for _, kind := range summary.Kinds {
			fmt.Fprintf(&text, "  %-18s %6d listed", kind.Name, kind.Listed)
			for _, status := range slices.Sorted(maps.Keys(kind.Statuses)) {
				fmt.Fprintf(&text, "  %d %s", kind.Statuses[status], status)
			}
			text.WriteString("\n")
		}
		writeResults(&text, summary.Results, most)
	}
	_, err := io.WriteString(to, text.String())
	return err
}

// writeResults writes the worst finding of each result, most of them at the most.
func writeResults(text *strings.Builder, results []sweepreport.Result, most int) {
	shown := 0
	for _, result := range results {
		if len(result.Findings) == 0 || !result.Newsworthy() {
			continue
		}
		if shown++; shown > most {
			text.WriteString("\n  … and more: the report has all of them.\n")
			return
		}
		worst := result.Findings[0]
		if i := slices.IndexFunc(result.Findings, func(f finding.Finding) bool { return f.Severity == finding.Error }); i > 0 && worst.Severity != finding.Error {
			worst = result.Findings[i]
		}
		fmt.Fprintf(text, "\n  %s %s\n      %s [%s]\n", mark(worst.Severity), terminal(result.Subject), terminal(worst.Message), worst.Code)
		if worst.Fix != "" {
			fmt.Fprintf(text, "      fix: %s\n", terminal(worst.Fix))
		}
	}
}

func mark(severity finding.Severity) string { return string(severity) + ":" }

// terminal takes what a terminal would obey out of a text from outside.
func terminal(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '�'
		}
		return r
	}, text)
}
