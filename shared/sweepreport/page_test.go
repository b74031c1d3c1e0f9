package sweepreport_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"html"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/mute"
	"github.com/ecs-guardrails/ecs-guardrails/shared/owner"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
)

var update = flag.Bool("update", false, "write the golden files")

var begun = time.Date(2026, 3, 2, 4, 0, 0, 0, time.UTC)

// sample is a sweep with some of everything.
func sample() sweepreport.Summary {
	return sweepreport.Summary{
		Sweep: "20260302T040000Z-1c2d3e4f", Stack: "ecs-guardrails", Account: "123456789012", Region: "us-east-1", Mode: finding.DryRun,
		Started: begun, Ended: begun.Add(42 * time.Second), Complete: true,
		Kinds: []sweepreport.Kind{
			{Name: "account", Statuses: map[finding.Status]int{finding.Noncompliant: 1}, Codes: map[string]int{"trail-missing": 1}},
			{Name: "roles", Listed: 5_120, Statuses: map[finding.Status]int{finding.Compliant: 4_999, finding.Planned: 1}, Codes: map[string]int{"capability-missing": 1}},
			{Name: "config-objects", Listed: 12, Statuses: map[finding.Status]int{finding.Noncompliant: 1, finding.Compliant: 3}, Codes: map[string]int{"auth-data-shape": 1, "variable-unknown": 2}},
			{Name: "task-definitions", Listed: 80, Statuses: map[finding.Status]int{finding.Compliant: 78, finding.Skipped: 1, finding.Failed: 1}, Codes: map[string]int{"answer-missing": 1, "revision-not-latest": 1}},
			{Name: "secrets"},
		},
		Results: []sweepreport.Result{
			{Kind: "roles", Result: finding.Result{Subject: "role/ecsInstanceRole-web", Status: finding.Planned,
				Findings: []finding.Finding{{Code: "capability-missing", Severity: finding.Error, Message: "ecsInstanceRole-web lacks the capability agent", Fix: "attach AmazonEC2ContainerServiceforEC2Role"}},
				Actions:  []finding.Action{{Kind: "AttachRolePolicy", Target: "arn:aws:iam::123456789012:role/ecsInstanceRole-web", Summary: "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"}}}},
			{Kind: "config-objects", Result: finding.Result{Subject: "s3://acme-ecs-config/prod a+b/ecs.config?versionId=3HL4&kq", Status: finding.Noncompliant,
				Findings: []finding.Finding{
					{Code: "auth-data-shape", Severity: finding.Error, Message: "ECS_ENGINE_AUTH_TYPE is \"docker\", but ECS_ENGINE_AUTH_DATA has the dockercfg shape", Fix: "set ECS_ENGINE_AUTH_TYPE=dockercfg", Line: 3, Column: 22, Variable: "ECS_ENGINE_AUTH_DATA"},
					{Code: "variable-unknown", Severity: finding.Warning, Message: "no reader knows ECS_CLUSTR", Fix: "write ECS_CLUSTER"},
				},
				Actions: []finding.Action{{Kind: "PutObjectTagging", Target: "s3://acme-ecs-config/prod a+b/ecs.config", Applied: true}}}},
			{Kind: "task-definitions", Result: finding.Result{Subject: "web:17", Status: finding.Failed,
				Findings: []finding.Finding{{Code: "answer-missing", Severity: finding.Error, Message: "patch-task-definition was asked to look at it, and told nothing for 15m0s", Fix: "look into its log"}}}},
			{Kind: "account", Result: finding.Result{Subject: "account", Status: finding.Noncompliant,
				Findings: []finding.Finding{{Code: "trail-missing", Severity: finding.Error, Message: "no trail of CloudTrail logs iam:CreateRole in us-east-1", Fix: "create a multi-region trail"}}}},
		},
		LeftOut: 3,
	}.Completed()
}

func TestPage(t *testing.T) {
	empty := sweepreport.Summary{
		Sweep: "20260302T040000Z-1c2d3e4f", Region: "eu-west-1", Mode: finding.Enforce, Started: begun, Ended: begun.Add(time.Second),
		Kinds: []sweepreport.Kind{{Name: "roles"}}, Waiting: 5,
	}.Completed()
	for name, summary := range map[string]sweepreport.Summary{"sample": sample(), "empty": empty} {
		t.Run(name, func(t *testing.T) {
			golden := "testdata/" + name + ".golden.html"
			page := sweepreport.Page(summary)
			if *update {
				if err := os.WriteFile(golden, page, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(page, want) {
				t.Errorf("the page differs from %s (make update writes it)", golden)
			}
			outline(t, page)
			for _, result := range summary.Results {
				if !strings.Contains(string(page), `<span class="name">`+html.EscapeString(result.Subject)+"</span>") {
					t.Errorf("the page does not name %s", result.Subject)
				}
			}
		})
	}
}

// node is one element of a page, with what it holds.
type node struct {
	name       string
	attributes []string
	values     map[string]string
}

// outline reads a page strictly, and gives its elements in their order.
func outline(t interface{ Fatalf(string, ...any) }, page []byte) (nodes []node) {
	decoder := xml.NewDecoder(bytes.NewReader(page))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nodes
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
			return nil
		}
		if element, ok := token.(xml.StartElement); ok {
			of := node{name: element.Name.Local, values: map[string]string{}}
			for _, attribute := range element.Attr {
				of.attributes = append(of.attributes, attribute.Name.Local)
				of.values[attribute.Name.Local] = attribute.Value
			}
			nodes = append(nodes, of)
		}
	}
}

// with is one subject in which each text is the given one.
func with(text string) sweepreport.Summary {
	return sweepreport.Summary{
		Sweep: text, Stack: text, Account: text, Region: "us-east-1", Mode: finding.Mode(text), Started: begun, Ended: begun,
		Kinds: []sweepreport.Kind{{Name: text, Statuses: map[finding.Status]int{finding.Failed: 1}, Codes: map[string]int{text: 1}}},
		Results: []sweepreport.Result{
			{Kind: text, Result: finding.Result{Subject: text, Status: finding.Status(text),
				Findings: []finding.Finding{{Code: text, Severity: finding.Severity(text), Message: text, Fix: "!" + text, Line: 1}},
				Actions:  []finding.Action{{Kind: text, Target: text, Summary: "!" + text}}}},
			{Kind: "roles", Result: finding.Result{Subject: "role/" + text, Status: finding.Failed}},
			{Kind: "config-objects", Result: finding.Result{Subject: "s3://bucket/" + text, Status: finding.Failed}},
			{Kind: "task-definitions", Result: finding.Result{Subject: "web:1" + text, Status: finding.Failed}},
			{Kind: "secrets", Result: finding.Result{Subject: text, Status: finding.Failed}},
		},
	}.Completed()
}

// inPage are the links to subjects and filters.
var inPage = regexp.MustCompile(`^#(subject-\d+|status=[a-z]+)$`)

var addresses = regexp.MustCompile(`^https://us-east-1\.console\.aws\.amazon\.com/`)

// Names of roles and keys of objects are other people's: whatever they are, the
// page has the same elements with the same attributes, and leads nowhere else.
func TestHostileTexts(t *testing.T) {
	plain := outline(t, sweepreport.Page(with("text")))
	check := func(t interface {
		Fatalf(string, ...any)
		Errorf(string, ...any)
	}, text string) {
		page := sweepreport.Page(with(text))
		found := outline(t, page)
		if len(found) != len(plain) {
			t.Fatalf("%q: %d elements, want %d", text, len(found), len(plain))
		}
		for i, of := range found {
			if of.name != plain[i].name || !slices.Equal(of.attributes, plain[i].attributes) {
				t.Errorf("%q: <%s %q> instead of <%s %q>", text, of.name, of.attributes, plain[i].name, plain[i].attributes)
			}
			if link, ok := of.values["href"]; ok {
				if strings.HasPrefix(link, "#") {
					if !inPage.MatchString(link) {
						t.Errorf("%q: leads to %q in the page", text, link)
					}
					continue
				}
				if _, err := url.Parse(link); err != nil || !addresses.MatchString(link) || strings.ContainsAny(link, " <>\"'\\") {
					t.Errorf("%q: leads to %q (%v)", text, link, err)
				}
			}
		}
	}
	for _, text := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</style></script></title>`, `javascript:alert(1)`,
		`&lt;b&gt;`, `]]>`, `--><!--`, "\x00\x1b[2J\x7f\u0085", "\xff\xfe", "%s%d%!(EXTRA)", "a\u202eb", strings.Repeat("ж", 5000), `../../../evil`, `#/x?y=z&a=b`, "a\nb",
	} {
		check(t, text)
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, "x"+rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune(`<>"'&=/%;:#?-! `)), 0, 40, -1)).Draw(t, "text"))
	})
}

func TestConsoleLinks(t *testing.T) {
	for _, test := range []struct{ region, kind, subject, want string }{
		{"us-east-1", "roles", "role/web+a=b", "https://us-east-1.console.aws.amazon.com/iam/home?region=us-east-1#/roles/details/web+a=b"},
		{"cn-north-1", "task-definitions", "web", "https://cn-north-1.console.amazonaws.cn/ecs/v2/task-definitions/web?status=ACTIVE&region=cn-north-1"},
		{"us-gov-west-1", "task-definitions", "arn:aws-us-gov:ecs:us-gov-west-1:123456789012:task-definition/web:3", "https://us-gov-west-1.console.amazonaws-us-gov.com/ecs/v2/task-definitions/web/3/containers?region=us-gov-west-1"},
		{"eusc-de-east-1", "account", "account", "https://eusc-de-east-1.console.amazonaws-eusc.eu/cloudtrailv2/home?region=eusc-de-east-1#/trails"},
		{"eu-west-1", "secrets", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/registry-a1B2c3", "https://eu-west-1.console.aws.amazon.com/secretsmanager/secret?name=prod%2Fregistry&region=eu-west-1"},
		{"eu-west-1", "config-objects", "s3://acme/a b&c/ecs.config?versionId=x/y", "https://eu-west-1.console.aws.amazon.com/s3/object/acme?region=eu-west-1&prefix=a+b%26c%2Fecs.config&versionId=x%2Fy"},
		{"eu-west-1", "config-objects", "event", ""},
		{"eu-west-1", "roles", "event", ""},
		{"us-iso-east-1", "roles", "role/web", ""},
		{"evil.example/", "roles", "role/web", ""},
		{"", "roles", "role/web", ""},
	} {
		summary := sweepreport.Summary{Region: test.region, Results: []sweepreport.Result{{Kind: test.kind, Result: finding.Result{Subject: test.subject, Status: finding.Failed}}}}
		got := ""
		for _, of := range outline(t, sweepreport.Page(summary)) {
			if link, ok := of.values["href"]; ok && of.values["class"] == "console" {
				got = link
			}
		}
		if got != test.want {
			t.Errorf("%s %s in %s: got %q, want %q", test.kind, test.subject, test.region, got, test.want)
		}
	}
}

// The page's own policy admits its own script and style, and nothing else.
func TestPolicy(t *testing.T) {
	page := string(sweepreport.Page(sample()))
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	if policy == nil || !regexp.MustCompile(`^default-src &#39;none&#39;; style-src &#39;sha256-[\w+/=]{44}&#39;; script-src &#39;sha256-[\w+/=]{44}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;$`).MatchString(policy[1]) {
		t.Errorf("the policy is %q", policy)
	}
	for _, of := range outline(t, []byte(page)) {
		for _, attribute := range of.attributes {
			if attribute == "src" || attribute == "style" || strings.HasPrefix(attribute, "on") {
				t.Errorf("<%s> has %s, which the policy forbids", of.name, attribute)
			}
		}
	}
	if strings.Contains(page, "@import") || strings.Contains(page, "url(") {
		t.Error("the style asks for something from elsewhere")
	}
}

func TestWorstComesFirst(t *testing.T) {
	var got []string
	for _, result := range sample().Results {
		got = append(got, fmt.Sprint(result.Status, " ", result.Subject))
	}
	want := []string{
		"failed web:17", "noncompliant account", "noncompliant s3://acme-ecs-config/prod a+b/ecs.config?versionId=3HL4&kq", "planned role/ecsInstanceRole-web",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestHeadlines(t *testing.T) {
	for want, statuses := range map[string]map[finding.Status]int{
		"There was nothing to check":                                    nil,
		"The only subject is as it should be":                           {finding.Compliant: 1},
		"1 of 2 subjects wasn't as it should be, and is now":            {finding.Remediated: 1, finding.Compliant: 1},
		"3 of 3 subjects were not as they should be; 1 of them is now":  {finding.Remediated: 1, finding.Failed: 2},
		"All 7 subjects are as they should be":                          {finding.Compliant: 5, finding.Skipped: 2},
		"3 of 7 subjects are not as they should be":                     {finding.Compliant: 4, finding.Planned: 2, finding.Failed: 1},
		"3 of 7 subjects were not as they should be; 2 of them are now": {finding.Compliant: 4, finding.Remediated: 2, finding.Noncompliant: 1},
		"The only subject isn't as it should be; 9 are being checked":   {finding.Noncompliant: 1},
	} {
		summary := sweepreport.Summary{Kinds: []sweepreport.Kind{{Statuses: statuses}}}
		if strings.Contains(want, "9 ") {
			want = strings.Replace(want, "9 are", "9 more are", 1)
			summary.Waiting = 9
		}
		if got := summary.Completed().Headline; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Subjects with one cause and one owner are one group, the worst group first.
func TestWorklist(t *testing.T) {
	summary := sample()
	base := summary.Results[len(summary.Results)-1]
	for i := range 30 {
		result := base
		result.Subject, result.ID = fmt.Sprintf("role/many-%d", i), fmt.Sprintf("%016x.policy-retired", i)
		result.Findings = []finding.Finding{{Code: "policy-retired", Severity: finding.Warning, Message: "m", Fix: `Run: aws iam put --policy '{"a": "b. c"}'. Or have somebody do it.`}}
		summary.Results = append(summary.Results, result)
	}
	owned := summary.Results[len(summary.Results)-1]
	owned.Owner = owner.Owner{Tool: owner.Terraform}
	owned.Subject, owned.ID, owned.New = "role/owned", "00000000000000ff.policy-retired", true
	accepted := owned
	accepted.Subject, accepted.Accepted, accepted.New, accepted.Findings = "role/accepted", true, false, nil
	accepted.Muted = []mute.Muted{{Code: "policy-retired", Reason: "goes in <January>", Until: "2027-01-31"}}
	summary.Results = append(summary.Results, owned, accepted)
	summary.Resolved, summary.Since = []sweepreport.Known{{ID: "0123456789abcdef.trail-missing", Kind: "account", Subject: "role/gone"}}, begun
	summary.EndedMutes, summary.MuteProblem, summary.Page = []string{"subject role/x (old; until 2026-01-01)"}, "a problem", "s3://reports/reports/a.html"
	page := string(sweepreport.Page(summary.Completed()))
	outline(t, []byte(page))
	for _, want := range []string{
		`<details class="cause warning"><summary><span class="severity">warning</span> <code>policy-retired</code> <span class="howmany">30 subjects</span></summary>`,
		`<details class="cause warning" open="open"><summary><span class="severity">warning</span> <code>policy-retired</code> <span class="howmany">1 subject</span> <span class="owner">managed by Terraform</span>`,
		`<article id="00000000000000ff.policy-retired"`, `data-new="yes"`, `<main data-bucket="reports" data-region="us-east-1">`,
		`<pre tabindex="0">aws iam put --policy &#39;{&#34;a&#34;: &#34;b. c&#34;}&#39;</pre>`,
		`docs/findings/policy-retired.md`, `<summary>Muted: 1 subject</summary>`, `role/accepted: goes in &lt;January&gt; (until 2027-01-31)`, "a problem", "role/x (old;",
		`Resolved since the sweep of 2 March 2026, 04:00 UTC: 1`, `role/gone`, `href="#status=failed"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is not in the page", want)
		}
	}
	if strings.Contains(page, `<span class="name">role/accepted`) {
		t.Error("what is accepted is among what is to do")
	}
	if strings.Index(page, "<code>answer-missing") > strings.Index(page, "<code>policy-retired") {
		t.Error("a warning stands before an error")
	}
}

func TestFitting(t *testing.T) {
	summary := large(2000)
	for _, most := range []int{0, 10_000, 200 << 10, 1 << 30} {
		fitting, err := summary.Fitting(most)
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(fitting)
		if err != nil || most > 1000 && len(body) > most || len(fitting.Results)+fitting.LeftOut != 2000 || most == 1<<30 && fitting.LeftOut > 0 {
			t.Errorf("%d bytes of at most %d, with %d results and %d left out", len(body), most, len(fitting.Results), fitting.LeftOut)
		}
		for i, result := range fitting.Results {
			if result.Subject != summary.Results[i].Subject {
				t.Fatal("not the worst ones were kept")
			}
		}
	}
}

// large is a sweep that found so many subjects wrong.
func large(count int) sweepreport.Summary {
	summary := sample()
	template := summary.Results
	summary.Results, summary.LeftOut = nil, 0
	for i := range count {
		result := template[i%len(template)]
		result.Subject = fmt.Sprintf("%s-%05d", result.Subject, i)
		summary.Results = append(summary.Results, result)
	}
	return summary.Completed()
}

// A page of as many subjects as are kept stays of a size that a browser takes.
func TestLargePage(t *testing.T) {
	page := sweepreport.Page(large(10_000))
	if perSubject := len(page) / 10_000; perSubject > 1500 {
		t.Errorf("%d bytes a subject", perSubject)
	}
	outline(t, page)
}
