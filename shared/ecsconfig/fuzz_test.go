package ecsconfig_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

func addFiles(f *testing.F) {
	for _, content := range files {
		if len(content) < 8<<10 {
			f.Add([]byte(content))
		}
	}
	for name := range readCases(f) {
		f.Add(readCase(f, name))
	}
}

// FuzzJudge looks for a crash, a finding outside the file, one without a cure,
// and a judgement that changes.
func FuzzJudge(f *testing.F) {
	addFiles(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		checkParse(t, content)
		findings := ecsconfig.Judge(content)
		lines := bytes.Split(content, []byte("\n"))
		for _, found := range findings {
			if found.Line < 0 || found.Line > len(lines) || (found.Line > 0 && (found.Column < 1 || found.Column > len(lines[found.Line-1])+1)) {
				t.Fatalf("%q: %+v is outside the file", content, found)
			}
		}
		if err := findingtest.Check(finding.Result{Subject: "x", Status: finding.Noncompliant, Findings: findings}); err != nil {
			t.Fatalf("%q: %v", content, err)
		}
		if again := ecsconfig.Judge(content); !slices.Equal(findings, again) {
			t.Fatalf("%q: %v, then %v", content, findings, again)
		}
		if masked := ecsconfig.Mask(content); len(masked) != len(content) {
			t.Fatalf("%q: the mask has %d bytes", content, len(masked))
		}
	})
}

// FuzzOtherReaders looks for a crash in the readings of systemd and docker run.
func FuzzOtherReaders(f *testing.F) {
	addFiles(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		file := ecsconfig.Parse(content)
		if environment, err := file.Systemd(); err != nil && environment != nil {
			t.Fatal("an environment and an error")
		}
		if environment, err := file.DockerRun(); err != nil && environment != nil {
			t.Fatal("an environment and an error")
		}
	})
}
