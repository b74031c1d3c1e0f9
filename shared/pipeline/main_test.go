package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecs-guardrails/ecs-guardrails/shared/exitcode"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
)

func TestVersion(t *testing.T) {
	build := func(settings.Shared, aws.Config) Runner { t.Fatal("it was built"); return nil }
	var stdout, stderr bytes.Buffer
	if code := commandLine(t.Context(), "lamps", build, []string{"--version"}, nil, &stdout, &stderr); code != exitcode.OK || !strings.HasPrefix(stdout.String(), "lamps "+version.Number) {
		t.Errorf("exit code %d, %s%s", code, stdout.String(), stderr.String())
	}
}

func TestCommandLine(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("MODE", "")
	folder := t.TempDir()
	file := filepath.Join(folder, "event.json")
	if err := os.WriteFile(file, byHand("off"), 0o600); err != nil {
		t.Fatal(err)
	}
	huge := filepath.Join(folder, "huge.json")
	if err := os.WriteFile(huge, bytes.Repeat([]byte(" "), maxEvent+1), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args   []string
		stdin  string
		mode   string
		code   int
		status finding.Status
		stderr string
	}{
		"from a file, only planned": {[]string{file}, "", "", exitcode.Findings, finding.Planned, ""},
		"from a file, applied":      {[]string{file}, "", "enforce", exitcode.OK, finding.Remediated, ""},
		"from standard input":       {[]string{"-"}, `{"lamp":"on"}`, "", exitcode.OK, finding.Compliant, ""},
		"error stands":              {[]string{"-"}, `{"lamp":"broken"}`, "enforce", exitcode.Findings, finding.Noncompliant, ""},
		"skipped":                   {[]string{"-"}, `{"lamp":"candle"}`, "enforce", exitcode.OK, finding.Skipped, ""},
		"could not find out":        {[]string{"-"}, `{"lamp":"look=Throttling"}`, "", exitcode.CouldNotRun, finding.Failed, "Throttling"},
		"no JSON":                   {[]string{"-"}, "x", "", exitcode.Findings, finding.Noncompliant, ""},
		"no such file":              {[]string{filepath.Join(folder, "absent")}, "", "", exitcode.CouldNotRun, "", "open the event"},
		"larger than any event":     {[]string{huge}, "", "", exitcode.CouldNotRun, "", "16 MiB"},
		"unknown mode":              {[]string{file}, "", "on", exitcode.CouldNotRun, "", `"on"`},
		"no argument":               {nil, "", "", exitcode.CouldNotRun, "", "usage: lamps"},
		"help":                      {[]string{"--help"}, "", "", exitcode.OK, "", "usage: lamps"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("MODE", test.mode)
			build := func(of settings.Shared, _ aws.Config) Runner {
				function := new(lamps).function(of.Mode)
				function.MustSucceed = true
				return function
			}
			var stdout, stderr bytes.Buffer
			if code := commandLine(context.Background(), "lamps", build, test.args, strings.NewReader(test.stdin), &stdout, &stderr); code != test.code {
				t.Errorf("exit code %d, want %d; %s", code, test.code, stderr.String())
			}
			if !strings.Contains(stderr.String(), test.stderr) || (test.stderr == "") != (stderr.Len() == 0) {
				t.Errorf("standard error is %q, want %q", stderr.String(), test.stderr)
			}
			var report finding.Report
			if err := json.Unmarshal(stdout.Bytes(), &report); (err != nil) != (test.status == "") {
				t.Fatalf("standard output is %q", stdout.String())
			}
			if test.status != "" && report.Results[0].Status != test.status {
				t.Errorf("status %s, want %s", report.Results[0].Status, test.status)
			}
		})
	}
}
