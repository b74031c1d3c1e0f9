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

// scanIfAsked scans with the shell's credentials and ends the process, if the
// first argument is "scan".
func scanIfAsked(args []string) {
	if len(args) == 0 || args[0] != "scan" {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := scan.Command(ctx, args[1:], os.Environ(), shell, os.Stdout, os.Stderr)
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
