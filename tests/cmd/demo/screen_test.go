package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

// told shows the story that a real run has written down (demo -record), as it is
// shown to a terminal of that width.
func told(t *testing.T, width int) (lines []string, tape []telling) {
	t.Helper()
	recorded, err := os.ReadFile(filepath.Join("testdata", "story.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(recorded, &tape); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	display := &screen{out: &out, width: width}
	p := &play{screen: display}
	opening(display)
	for _, part := range tape {
		p.tell(part)
	}
	ending(display, len(scenes), 50*time.Second)
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"), tape
}

func TestStoryFitsAScreen(t *testing.T) {
	lines, tape := told(t, 80)
	if len(lines) > 60 {
		t.Errorf("the story takes %d lines at 80 columns", len(lines))
	}
	text := strings.Join(lines, "\n")
	for _, line := range lines {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("wider than 80 columns: %s", line)
		}
		// An ellipsis stands for whole words.
		if strings.Contains(strings.ReplaceAll(line, " …", ""), "…") {
			t.Errorf("cut in a word: %s", line)
		}
	}
	for number, scene := range scenes {
		if !strings.Contains(text, fmt.Sprintf("%d. %s", number+1, scene.title)) {
			t.Errorf("the scene %q is missing", scene.title)
		}
	}
	if !strings.Contains(lines[0], "does not start") || !strings.Contains(lines[len(lines)-1], "make deploy") {
		t.Errorf("begins with %q, ends with %q", lines[0], lines[len(lines)-1])
	}
	mandates := 0
	for _, part := range tape {
		for _, of := range changesOf(part.Results) {
			if of.mandate == "" {
				continue
			}
			mandates++
			name, _, _ := strings.Cut(of.mandate, ",")
			if shown := brief(name); !strings.Contains(text, "mandate  "+shown) {
				t.Errorf("the mandate %q is missing", shown)
			}
		}
	}
	if count := strings.Count(text, "mandate  "); count != mandates || mandates < 7 {
		t.Errorf("%d mandates are shown, %d recorded", count, mandates)
	}
}

func TestNarrowAndWide(t *testing.T) {
	for _, width := range []int{40, 80, 110} {
		var out bytes.Buffer
		display := &screen{out: &out, width: width}
		p := &play{screen: display}
		long := strings.Repeat("words that say a lot about it ", 20)
		p.tell(telling{Title: long})
		p.before("%s", long)
		p.after("%s", long)
		p.tell(telling{Results: []operator.Result{{Result: finding.Result{Status: finding.Noncompliant, Findings: []finding.Finding{{Code: "c", Severity: finding.Error, Message: long, Fix: long, Line: 3}},
			Actions: []finding.Action{{Kind: "AttachRolePolicy", Summary: long, Applied: true, Mandate: finding.Mandate{Kind: finding.ByParameter, Text: "InstanceRolePattern=ecsInstanceRole*"}}}}}}})
		if count := strings.Count(out.String(), "\n"); count > 9 {
			t.Errorf("%d lines at %d columns", count, width)
		}
		for line := range strings.Lines(out.String()) {
			if utf8.RuneCountInString(strings.TrimRight(line, "\n")) > width {
				t.Errorf("wider than %d columns: %s", width, line)
			}
		}
		if !strings.Contains(out.String(), "InstanceRolePattern=") {
			t.Errorf("no mandate in\n%s", out.String())
		}
	}
}

// A change without a mandate, and one that was not made, are shown as such.
func TestChangeNotMade(t *testing.T) {
	var out bytes.Buffer
	p := &play{screen: &screen{out: &out, width: 80}}
	p.tell(telling{Results: []operator.Result{{Result: finding.Result{Status: finding.Planned, Actions: []finding.Action{{Kind: "TagRole", Summary: "a tag"}}}}}})
	if out.String() != "   change   not done: TagRole a tag\n" {
		t.Errorf("told %q", out.String())
	}
}

func TestBrief(t *testing.T) {
	for text, want := range map[string]string{
		"arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role":             "AmazonEC2ContainerServiceforEC2Role",
		"the secret arn:aws:secretsmanager:us-east-1:123456789012:secret:demo/registry-AbCdEf": "the secret demo/registry-AbCdEf",
		"look at arn:aws:ecs:us-east-1:123456789012:task-definition/checkout:1, please":        "look at checkout:1, please",
		"from version 17169bdb-2ede-4bdf-8f9c-167962d83b34 to":                                 "from version 17169bdb to",
	} {
		if got := brief(text); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// A log gets no line that is painted over; a terminal gets one that fits in a row.
func TestWaiting(t *testing.T) {
	var log bytes.Buffer
	quiet := &screen{out: &log, width: 80}
	quiet.waiting("something that takes its time")()
	if log.Len() > 0 {
		t.Errorf("a log has %q", log.String())
	}
	var painted bytes.Buffer
	// The window became narrower than it was at the start.
	for _, width := range []int{80, 20} {
		painted.Reset()
		terminal := &screen{out: &painted, terminal: true, width: 80, measure: func() int { return width }}
		for _, what := range []string{strings.Repeat("a very long name ", 20), strings.Repeat("x", 300)} {
			terminal.stillWaiting(what, 3*time.Second)
			if row := painted.String()[strings.LastIndex(painted.String(), "\x1b[K")+len("\x1b[K"):]; utf8.RuneCountInString(row) >= width || strings.Contains(row, "\n") {
				t.Errorf("at %d columns the line of a wait is %q", width, row)
			}
		}
	}
}
