package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

// invoke sends an event to a function of the local stack, or of a stack in the
// account that the shell's credentials lead to.
func invoke(ctx context.Context, checkout, function, event, stackName string) error {
	const usage = "say which: make invoke FUNCTION=validate-config EVENT=events/FILE.json [STACK=NAME]"
	if function == "" || event == "" {
		return errors.New(usage)
	}
	functions, err := os.ReadDir(filepath.Join(checkout, "functions"))
	if err != nil {
		return fmt.Errorf("listing the functions: %w", err)
	}
	var names []string
	for _, entry := range functions {
		names = append(names, entry.Name())
	}
	if !slices.Contains(names, function) {
		return fmt.Errorf("there is no function %q: there are %s", function, strings.Join(names, ", "))
	}
	content, err := os.ReadFile(event)
	if err != nil {
		return fmt.Errorf("reading the event: %w", err)
	}
	if !json.Valid(content) {
		return fmt.Errorf("reading the event: %s is not valid JSON", event)
	}
	environment := append(os.Environ(), "SAM_CLI_TELEMETRY=0")
	if stackName == "" {
		local, err := os.ReadFile(shellFile(checkout))
		if owner, ownerErr := stack.Owner(checkout, localName); err != nil || ownerErr != nil || owner == 0 {
			return errors.New("no local stack is running; start it with make local, or name one in your AWS account with STACK=NAME")
		}
		for line := range strings.Lines(string(local)) {
			variable := strings.TrimPrefix(strings.TrimSpace(line), "export ")
			name, value, _ := strings.Cut(variable, "=")
			value = strings.Trim(value, "'")
			environment = append(environment, name+"="+value)
			if name == "STACK" {
				stackName = value
			}
		}
	}
	programs, err := toolchain.Install(ctx, checkout, toolchain.SAM, os.Stderr)
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, filepath.Join(programs, "sam"), "remote", "invoke", stack.LogicalID(function),
		"--stack-name", stackName, "--event-file", event)
	command.Env = environment
	command.Stderr = os.Stderr
	answer, err := command.Output()
	if err != nil {
		return fmt.Errorf("invoking %s of stack %s: %w", function, stackName, err)
	}
	// The function's log, which sam wrote before, need not end its last line.
	fmt.Fprintln(os.Stderr)
	var readable bytes.Buffer
	if json.Indent(&readable, bytes.TrimSpace(answer), "", "  ") != nil {
		readable.Reset()
		readable.Write(answer)
	}
	_, err = fmt.Fprintln(os.Stdout, readable.String())
	return err
}
