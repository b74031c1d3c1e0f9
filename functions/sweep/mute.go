//go:build !lambda.norpc

package main

import (
	"context"
	"os"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/mutecommand"
)

// mute lists or changes what is muted, and gives the exit code.
func mute(ctx context.Context, args []string) int {
	return mutecommand.Command(ctx, args, mutecommand.Shell{
		Load: func(ctx context.Context, profile, region string) (mutecommand.Storage, error) {
			configuration, err := shell(ctx, profile, region)
			if err != nil {
				return nil, err
			}
			return s3client.New(configuration), nil
		},
		Bucket: os.Getenv("REPORT_BUCKET"), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: time.Now,
	})
}
