//go:build !lambda.norpc

package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient"
	"github.com/ecs-guardrails/ecs-guardrails/shared/scan"
)

// runIfAsked runs the command that the first argument names, with the shell's
// credentials, and ends the process with its exit code. It returns where the
// argument names none.
func runIfAsked(args []string) {
	if len(args) == 0 {
		return
	}
	command, known := map[string]func(context.Context, []string) int{
		"scan": func(ctx context.Context, args []string) int {
			return scan.Command(ctx, args, os.Environ(), shell, os.Stdout, os.Stderr)
		},
		"mute": mute,
	}[args[0]]
	if !known {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := command(ctx, args[1:])
	stop()
	os.Exit(code)
}

// shell reads the AWS configuration that the AWS command line would use.
func shell(ctx context.Context, profile, region string) (aws.Config, error) {
	for variable, value := range map[string]string{"AWS_PROFILE": profile, "AWS_REGION": region} {
		if value == "" {
			continue
		}
		if err := os.Setenv(variable, value); err != nil {
			return aws.Config{}, fmt.Errorf("set %s: %w", variable, err)
		}
	}
	return awsclient.Load(ctx, "scan")
}
