package localfile_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/localfile"
)

const canary = "hunter-canary"

func TestRun(t *testing.T) {
	directory := t.TempDir()
	t.Chdir(directory)
	for name, content := range map[string]string{
		"ecs.config":   "ECS_CLUSTER=prod\n",
		"warns.config": "ECS_CLUSTER=prod\nECS_LOGLEVEL=verbose\n",
		"bad.config":   "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"docker.io\":{\"username\":\"ci\",\"password\":\"" + canary + "\"}}\n",
		"web.env":      "export PASSWORD=" + canary + "\n",
		"web.txt":      "PASSWORD=" + canary + "\n",
		"huge.config":  strings.Repeat("#\n", 1<<19+1),
	} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		args                  string
		stdin                 string
		code                  int
		stdout, stderr, never string
	}{
		"fine":                      {args: "--file ecs.config", code: 0, stdout: "1 file: 0 errors, 0 warnings, 0 info"},
		"a warning is no error":     {args: "--file warns.config", code: 0, stdout: "warns.config:2:14: warning: "},
		"an error":                  {args: "--file bad.config", code: 1, stdout: "  3 | ECS_ENGINE_AUTH_DATA={\"docker.io\":{\"username\":****,"},
		"one bad of several":        {args: "--file ecs.config bad.config", code: 1, stdout: "2 files: 1 error"},
		"flags between the names":   {args: "-file ecs.config --format json bad.config", code: 1, stdout: `"function": "validate-config"`},
		"SARIF":                     {args: "--format sarif --file bad.config", code: 1, stdout: `"ruleId": "auth-docker-hub-key"`},
		"SARIF describes the rule":  {args: "--format=sarif --file=bad.config", code: 1, stdout: "A key for Docker Hub is not"},
		"environment file":          {args: "--file web.env", code: 0, stdout: "environment-name-malformed"},
		"environment file by kind":  {args: "--kind environment --file web.txt", code: 1, stdout: "web.txt: error: the name does not end in .env"},
		"environment file as other": {args: "--kind config --file web.env", code: 0, stdout: "[name-malformed]"},
		"standard input":            {args: "--file -", stdin: "ecs_cluster=x\n", code: 1, stdout: "stdin:1:1: error: "},
		"environment on stdin":      {args: "--kind environment --file -", stdin: "A=\"b\"\n", code: 0, stdout: "environment-value-quoted"},
		"missing":                   {args: "--file nowhere.config ecs.config", code: 2, stdout: "1 file: ", stderr: "nowhere.config"},
		"missing beside an error":   {args: "--file nowhere.config bad.config", code: 2, stdout: "1 error"},
		"a directory":               {args: "--file .", code: 2, stderr: "judge ."},
		"too large":                 {args: "--file huge.config", code: 2, stderr: "larger than 1 MiB"},
		"no file":                   {args: "--format json", code: 2, stderr: "usage: "},
		"unknown format":            {args: "--file ecs.config --format yaml", code: 2, stderr: `format "yaml" is unknown`},
		"unknown kind":              {args: "--file ecs.config --kind yaml", code: 2, stderr: `kind "yaml" is unknown`},
		"unknown flag":              {args: "--file ecs.config --fromat json", code: 2, stderr: "fromat"},
		"help":                      {args: "--help", code: 2, stderr: "usage: ", never: "flag: help"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := localfile.Run(strings.Fields(test.args), strings.NewReader(test.stdin), &stdout, &stderr)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) {
				t.Errorf("stdout %s\nstderr %s", stdout.String(), stderr.String())
			}
			if test.never != "" && strings.Contains(stdout.String()+stderr.String(), test.never) {
				t.Errorf("it says %q", test.never)
			}
			if strings.Contains(stdout.String()+stderr.String(), canary) {
				t.Error("the secret is shown")
			}
		})
	}
}

// TestANameIsNoTerminalCode has a name that a repository's author chose.
func TestANameIsNoTerminalCode(t *testing.T) {
	t.Chdir(t.TempDir())
	const there, missing = "a\x1b[31m\nb.config", "c\x1b[31m\nd.config"
	if err := os.WriteFile(there, []byte("ecs_cluster=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := localfile.Run([]string{"--file", there, missing}, nil, &stdout, &stderr)
	if code != localfile.ExitCouldNot || !strings.Contains(stdout.String(), "a·[31m·b.config:1:1: ") || !strings.Contains(stderr.String(), "c·[31m·d.config") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
}

func TestJSONHoldsEveryFile(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := localfile.Run([]string{"--file", "-", "--format", "json"}, strings.NewReader("ECS_CLUSTER=\n"), &stdout, &stderr)
	var report finding.Report
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if code != localfile.ExitErrors || len(report.Results) != 1 || report.Results[0].Subject != "stdin" || report.Results[0].Check() != nil {
		t.Errorf("exit code %d, %+v", code, report)
	}
}

func TestWanted(t *testing.T) {
	for args, want := range map[string]bool{
		"--file x": true, "-file x": true, "--file=x": true, "--format json --file x": true,
		"": false, "event.json": false, "file": false, "--format json": false, "-": false,
	} {
		if got := localfile.Wanted(strings.Fields(args)); got != want {
			t.Errorf("%q: %v", args, got)
		}
	}
}
