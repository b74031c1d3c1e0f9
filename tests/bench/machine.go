package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

// machine says where and with what the figures were taken.
func (r *runner) machine(ctx context.Context, checkout string) ([]string, error) {
	versions := map[string]string{}
	for name, environment := range map[string]toolchain.Environment{
		"awslambdaric": toolchain.Boto3, "boto3": toolchain.Boto3, "c7n": toolchain.Custodian, "ministack": toolchain.Emulator,
	} {
		programs, err := toolchain.Install(ctx, checkout, environment, os.Stderr)
		if err != nil {
			return nil, err
		}
		if versions[name], err = output(ctx, filepath.Join(programs, "python"), "-c", "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))", name); err != nil {
			return nil, err
		}
	}
	python, err := output(ctx, r.python, "-c", "import platform; print(platform.python_version())")
	if err != nil {
		return nil, err
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return nil, fmt.Errorf("read the kernel's version: %w", err)
	}
	return []string{
		time.Now().UTC().Format("2006-01-02 15:04") + " UTC",
		fmt.Sprintf("%d × %s, %s, Linux %s", runtime.NumCPU(), processor(), runtime.GOARCH, bytes.TrimSpace(kernel)),
		fmt.Sprintf("%s; Python %s, boto3 %s, awslambdaric %s; Cloud Custodian %s; MiniStack %s",
			strings.Replace(runtime.Version(), "go", "Go ", 1), python, versions["boto3"], versions["awslambdaric"], versions["c7n"], versions["ministack"]),
	}, nil
}

// processor is the name that Linux has for it, if it has one.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "processor"
}

func output(ctx context.Context, program string, arguments ...string) (string, error) {
	text, err := exec.CommandContext(ctx, program, arguments...).Output()
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", program, err)
	}
	return strings.TrimSpace(string(text)), nil
}
