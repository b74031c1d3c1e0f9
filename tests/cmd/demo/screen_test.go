package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

func TestFitsTheTerminal(t *testing.T) {
	for _, width := range []int{40, 80, 110} {
		var out bytes.Buffer
		display := &screen{out: &out, width: width}
		p := &play{screen: display}
		long := strings.Repeat("words that say a lot about it ", 20)
		display.title(3, long)
		p.before("%s", long)
		p.after("%s", long)
		p.show(operator.Result{Result: finding.Result{Status: finding.Noncompliant, Findings: []finding.Finding{{Code: "c", Severity: finding.Error, Message: long, Fix: long, Line: 3}},
			Actions: []finding.Action{{Kind: "AttachRolePolicy", Summary: long, Applied: true, Mandate: finding.Mandate{Kind: finding.ByParameter, Text: "InstanceRolePattern=ecsInstanceRole*"}}}}})
		if count := strings.Count(out.String(), "\n"); count > 13 {
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

// A log gets no line that is painted over; a terminal gets one that fits in a row.
func TestWaiting(t *testing.T) {
	var log bytes.Buffer
	quiet := &screen{out: &log, width: 80}
	quiet.waiting("something that takes its time")()
	if log.Len() > 0 {
		t.Errorf("a log has %q", log.String())
	}
	var painted bytes.Buffer
	terminal := &screen{out: &painted, terminal: true, width: 80}
	terminal.stillWaiting(strings.Repeat("a very long name ", 20), 3*time.Second)
	if row := strings.TrimPrefix(painted.String(), "\r\x1b[K"); utf8.RuneCountInString(row) >= 80 || strings.Contains(row, "\n") {
		t.Errorf("the line of a wait is %q", row)
	}
}
