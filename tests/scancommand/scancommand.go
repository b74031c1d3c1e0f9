// Package scancommand builds and runs the scan as a person does in a shell.
package scancommand

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

// Build compiles the scan into a folder, as go run and make dist do: what Lambda
// gets has no commands. It returns the program's path.
func Build(ctx context.Context, checkout, folder string) (string, error) {
	program := filepath.Join(folder, "scan")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "./functions/sweep")
	command.Dir, command.Env = checkout, append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the scan: %w\n%s", err, output)
	}
	return program, nil
}

// Run scans a local stack's account at an endpoint, and gives what was found and
// how long it took.
func Run(ctx context.Context, program string, running *stack.Stack, endpoint string, arguments ...string) (sweepreport.Summary, time.Duration, error) {
	arguments = append([]string{"scan", "--format", "json", "--output", "", "--fail-on", "never"}, arguments...)
	command := exec.CommandContext(ctx, program, arguments...)
	command.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + filepath.Dir(program), "NO_PROXY=127.0.0.1", "AWS_EC2_METADATA_DISABLED=true"}
	for _, variable := range running.Variables() {
		command.Env = append(command.Env, variable.Name+"="+variable.Value)
	}
	// The last of two values counts.
	command.Env = append(command.Env, "AWS_ENDPOINT_URL="+endpoint)
	var problems strings.Builder
	command.Stderr = &problems
	started := time.Now()
	text, err := command.Output()
	took := time.Since(started)
	if err != nil {
		return sweepreport.Summary{}, took, fmt.Errorf("scan: %w\n%s", err, toolchain.LastLines(problems.String(), 15))
	}
	var summaries []sweepreport.Summary
	if err := json.Unmarshal(text, &summaries); err != nil || len(summaries) != 1 {
		return sweepreport.Summary{}, took, fmt.Errorf("read what the scan found: %v: %.300s", err, text)
	}
	if !summaries[0].Complete {
		return sweepreport.Summary{}, took, fmt.Errorf("the scan did not come to its end: %.300s", text)
	}
	return summaries[0], took, nil
}
