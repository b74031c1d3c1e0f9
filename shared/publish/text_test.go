package publish

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

func TestInWords(t *testing.T) {
	denied := finding.Finding{Code: "action-denied-by-boundary", Severity: finding.Error, Message: `the boundary "b" does not allow ecs:Poll`, Fix: "allow it there"}
	missing := finding.Finding{Code: "capability-missing", Severity: finding.Error, Message: "the role lacks agent", Fix: "attach a policy", Cured: true}
	cured := finding.Finding{Code: "capability-missing", Severity: finding.Info, Message: "cured: the role lacks agent", Fix: "attach a policy", Cured: true}
	attach := func(applied bool) []finding.Action {
		return []finding.Action{{Kind: "AttachRolePolicy", Target: "role/web", Summary: "attach Agent", Applied: applied}}
	}
	tests := map[string]struct {
		result finding.Result
		want   Text
	}{
		"fixed": {
			finding.Result{Subject: "role/web", Status: finding.Remediated, Findings: []finding.Finding{cured}, Actions: attach(true)},
			Text{
				"fixed: role/web: The role lacks agent",
				"role/web",
				"Found: (1) info capability-missing: cured: The role lacks agent.",
				"Changes: (1) AttachRolePolicy on role/web: attach Agent.",
			},
		},
		"dry run": {
			finding.Result{Subject: "role/web", Status: finding.Planned, Findings: []finding.Finding{missing}, Actions: attach(false)},
			Text{
				"would be fixed (dry run): role/web: The role lacks agent",
				"role/web",
				"Found: (1) error capability-missing: The role lacks agent. To do: Attach a policy.",
				"Changes: (1) AttachRolePolicy on role/web: attach Agent (not done).",
			},
		},
		"a person has to": {
			finding.Result{Subject: "role/web", Status: finding.Noncompliant, Findings: []finding.Finding{cured, denied}},
			Text{
				"needs you: role/web: The boundary 'b' does not allow ecs:Poll",
				"role/web",
				"Found: (1) error action-denied-by-boundary: The boundary 'b' does not allow ecs:Poll. To do: Allow it there. (2) info capability-missing: cured: The role lacks agent.",
				"Changes: none.",
			},
		},
		"a line of a file": {
			finding.Result{Subject: "s3://b/k", Status: finding.Noncompliant, Findings: []finding.Finding{
				{Code: "value-quoted", Severity: finding.Warning, Message: "quotes\nand \\n", Fix: "write none!", Line: 3},
			}},
			Text{"needs you: s3://b/k: quotes and /n", "s3://b/k", "Found: (1) warning value-quoted, line 3: quotes and /n. To do: Write none!", "Changes: none."},
		},
		"failed": {
			finding.Result{Subject: "role/web", Status: finding.Failed},
			Text{"failed, and will be tried again: role/web", "role/web", "Found: nothing.", "Changes: none."},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := InWords(test.result); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// TestInWordsFits holds any result to what EventBridge, SNS and chat take:
// bounded, on one line, and nothing that a JSON string would escape.
func TestInWordsFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		result := finding.Result{Subject: rapid.String().Draw(t, "subject"), Status: rapid.SampledFrom(finding.Statuses()).Draw(t, "status")}
		for range rapid.IntRange(0, 8).Draw(t, "findings") {
			result.Findings = append(result.Findings, finding.Finding{
				Code: "c", Severity: finding.Error, Message: strings.Repeat(rapid.String().Draw(t, "message"), 50), Fix: rapid.String().Draw(t, "fix"),
			})
			result.Actions = append(result.Actions, finding.Action{Kind: "k", Target: rapid.String().Draw(t, "target")})
		}
		told := InWords(result)
		for what, length := range map[string]int{told.Title: maxTitle, told.Subject: maxParagraph, told.Findings: maxParagraph, told.Actions: maxParagraph} {
			if utf8.RuneCountInString(what) > length {
				t.Errorf("%d characters", utf8.RuneCountInString(what))
			}
			if quoted, err := json.Marshal(what); err != nil || strings.ContainsAny(strings.NewReplacer(`\u003c`, "", `\u003e`, "", `\u0026`, "").Replace(strings.Trim(string(quoted), `"`)), `"\`) {
				t.Errorf("%s is escaped (%v)", quoted, err)
			}
		}
	})
}
