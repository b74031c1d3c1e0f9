package awscli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

// TestItIsTheAWSCLI holds the command against the program itself: the same output
// and exit code, with the same input, variables and folder.
func TestItIsTheAWSCLI(t *testing.T) {
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	programs, err := toolchain.Install(t.Context(), checkout, toolchain.AWS, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	loaded := t.TempDir()
	stop, err := Load(t.Context(), programs, loaded)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	for name, line := range map[string]string{
		"its version":                  "aws --version",
		"an option that it lacks":      "aws iam get-role --rolle-name a",
		"a command that it lacks":      "aws iam get-roll",
		"a call":                       "aws iam get-role --role-name a",
		"what it reads":                "printf abc | aws s3 cp - s3://a/b",
		"a file of the folder":         "cd tests && aws iam create-policy --policy-name a --policy-document file://go.mod",
		"a file that the folder lacks": "aws iam create-policy --policy-name a --policy-document file://go.summ",
		"a variable":                   "AWS_DEFAULT_REGION= aws ecs list-clusters",
		"its errors apart":             "aws iam get-role --role-name a 2>&1 >/dev/null",
		"words as they are":            `aws iam get-role --role-name "a  b'c" --endpoint-url ''`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			var said []string
			for _, folder := range []string{programs, loaded} {
				command := exec.CommandContext(t.Context(), "bash", "-c", line)
				command.Dir = checkout
				command.Env = []string{"PATH=" + folder + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + home, "AWS_ENDPOINT_URL=http://127.0.0.1:9", "AWS_MAX_ATTEMPTS=1",
					"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_DEFAULT_REGION=us-east-1"}
				output, err := command.CombinedOutput()
				if command.ProcessState == nil {
					t.Fatal(err)
				}
				said = append(said, fmt.Sprintf("exit code %d: %s", command.ProcessState.ExitCode(), strings.TrimSpace(string(output))))
			}
			if said[0] != said[1] || strings.HasSuffix(said[0], ": ") {
				t.Errorf("the AWS CLI, %s\nloaded, %s", said[0], said[1])
			}
		})
	}
}

func TestWhatKeepsItFromLoadingIsTold(t *testing.T) {
	if _, err := Load(t.Context(), t.TempDir(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "loading the AWS CLI") {
		t.Errorf("without Python: %v", err)
	}
	programs := t.TempDir()
	if err := os.WriteFile(filepath.Join(programs, "python"), []byte("#!/bin/sh\necho no such module >&2\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(t.Context(), programs, t.TempDir()); err == nil || !strings.Contains(err.Error(), "no such module") {
		t.Errorf("without the AWS CLI: %v", err)
	}
}
